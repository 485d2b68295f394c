"""Metrics: numbers found in what a job prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from planform.core.executor import MetricDefinition

Patterns: TypeAlias = tuple[tuple[str, re.Pattern[str]], ...]


def patterns(definitions: Iterable[MetricDefinition]) -> Patterns:
    """The definitions ready for use; compile once, then look at every line."""
    return tuple((definition.name, re.compile(definition.regex)) for definition in definitions)


def metrics_in(line: str, wanted: Patterns) -> Iterator[tuple[str, float]]:
    """(name, value) for each match in a line of output. What a group holds that is no number is passed over."""
    for name, pattern in wanted:
        for match in pattern.finditer(line):
            try:
                yield name, float(match[1])
            except (TypeError, ValueError):
                continue
