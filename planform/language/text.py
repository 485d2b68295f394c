"""The lines of a source file, and diagnostics that show them."""

from __future__ import annotations

import re
from functools import lru_cache

from planform.core.configuration import SourceFile
from planform.core.errors import Diagnostic, Span

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # what YAML takes for the end of a line


@lru_cache(maxsize=8)
def lines_of(text: str) -> tuple[str, ...]:
    """The lines, without their ends."""
    return tuple(_BREAK.split(text))


@lru_cache(maxsize=8)
def starts_of(text: str) -> tuple[int, ...]:
    """Where each line begins."""
    return (0, *(found.end() for found in _BREAK.finditer(text)))


def source_line(source: SourceFile, line: int) -> str:
    """One line of a source file, counted from 1; empty past the end."""
    lines = lines_of(source.text)
    return lines[line - 1] if 0 < line <= len(lines) else ""


def diagnostic_at(
    source: SourceFile,
    span: Span,
    summary: str,
    detail: str = "",
    suggestion: str = "",
    *,
    values: tuple[str, ...] = (),
    address: str = "",
    related: tuple[tuple[Span, str], ...] = (),
    warning: bool = False,
) -> Diagnostic:
    """A diagnostic that shows the source line at its place."""
    return Diagnostic(
        summary,
        detail,
        span,
        source_line(source, span.line),
        suggestion,
        values,
        address,
        related,
        "warning" if warning else "error",
    )
