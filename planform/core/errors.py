"""Diagnostics and the exception tree. Errors carry data; the command line makes the picture of them.

PlanformError                 everything a user can see
+-- Diagnosed                 one or more diagnostics, all problems found at once
+-- StateError                the state cannot be used
|   +-- StateDamaged          0 bytes, truncated, altered, newer format
|   +-- StateLocked           another run holds the state
+-- PlanStale                 a saved plan no longer fits
+-- ProviderError             a provider refused or failed
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a source file. Lines and columns count from 1; `end_column` is exclusive, on the same line."""

    file: str
    line: int
    column: int = 1
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: what (summary), where (span), why (detail), with what values, and what next (suggestion)."""

    summary: str
    detail: str = ""
    span: Span | None = None
    source: str = ""  # the text of the line at `span`
    suggestion: str = ""
    values: tuple[str, ...] = ()  # `var.env is "qa"`
    address: str = ""
    related: tuple[tuple[Span, str], ...] = ()  # other places and what stands there
    severity: Literal["error", "warning"] = "error"


class PlanformError(Exception):
    """Anything a user can see as an error: a sentence, and what to do next."""

    def __init__(self, summary: str, detail: str = "", suggestion: str = "") -> None:
        super().__init__(summary)
        self.summary, self.detail, self.suggestion = summary, detail, suggestion

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return (Diagnostic(self.summary, self.detail, suggestion=self.suggestion),)


class Diagnosed(PlanformError):
    """All the problems found at one stage, in the order of their places."""

    def __init__(self, problems: Iterable[Diagnostic]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("; ".join(problem.summary for problem in self.problems))

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.problems


class StateError(PlanformError):
    """The state cannot be used as it is."""


class StateDamaged(StateError):
    """The state document is empty, truncated, altered or of a newer format (S5.5)."""


class StateLocked(StateError):
    """Another planform run holds the state."""


class PlanStale(PlanformError):
    """A saved plan does not fit what is there now (S2.7)."""


class ProviderError(PlanformError):
    """A provider refused or failed to do what a step asked."""


@dataclass(slots=True)
class Problems:
    """A collector: stages add diagnostics and raise them all at once."""

    items: list[Diagnostic] = field(default_factory=list)

    def add(self, diagnostic: Diagnostic) -> None:
        self.items.append(diagnostic)

    def raise_if_any(self) -> None:
        """Raises Diagnosed when an error (not only warnings) was added."""
        if any(item.severity == "error" for item in self.items):
            ordered = sorted(self.items, key=lambda item: (item.span is None, item.span or Span("", 0)))
            raise Diagnosed(_said_once(ordered))


def _said_once(items: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What is wrong with a block is wrong with each of its instances: said once, of the first."""
    groups: dict[Diagnostic, list[Diagnostic]] = {}
    for item in items:
        groups.setdefault(replace(item, address=""), []).append(item)
    return [_for_all(same) if len(same) > 1 and same[0].address else same[0] for same in groups.values()]


def _for_all(same: Sequence[Diagnostic]) -> Diagnostic:
    others = [item.address for item in same[1:]]
    named = f"{', '.join(others[:3])}{f' and {len(others) - 3} more' if len(others) > 3 else ''}"
    detail = f"{same[0].detail} " if same[0].detail else ""
    return replace(same[0], detail=f"{detail}The same holds for {named}.")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name a user most likely meant, or None."""
    candidates = list(known)
    lowered = {candidate.lower(): candidate for candidate in candidates}
    if name.lower() in lowered:
        return lowered[name.lower()]
    found = get_close_matches(name, candidates, n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Sequence[str] | Iterable[str]) -> str:
    """A suggestion: the nearest name, else the list of what there is."""
    names = sorted(known)
    close = nearest(name, names)
    if close is not None:
        return f'Did you mean "{close}"?'
    if not names:
        return "There are none here."
    shown = ", ".join(names[:12])
    return f"There is: {shown}, ..." if len(names) > 12 else f"There is: {shown}."
