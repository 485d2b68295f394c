"""Metrics: numbers found in what a job prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeAlias

from planform.core.executor import MetricDefinition
from planform.core.state import Run

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


def objective_history(run: Run, name: str, kind: str) -> dict[str, list[tuple[float, float]]]:
    """How the search went: the objective of each trial at its end, in seconds since the start, and the best so far."""
    found = [
        (moment, trial.objective)
        for trial in run.trials
        if trial.objective is not None and (moment := _seconds(run.started_at, trial.ended_at)) is not None
    ]
    better = max if kind == "Maximize" else min
    points = sorted(found)
    best = [(moment, better(value for _, value in points[: index + 1])) for index, (moment, _) in enumerate(points)]
    return {name: points, f"best {name}": best} if points else {}


def _seconds(start: str, end: str) -> float | None:
    if not start or not end:
        return None
    return round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 3)
