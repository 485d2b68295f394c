"""What a user's words name: trainers and their runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from planform.core.addresses import names
from planform.core.errors import PlanformError, StateError, did_you_mean
from planform.core.state import Run, Snapshot

if TYPE_CHECKING:
    from planform.project import Project


def observed(project: Project) -> Snapshot:
    """State and ledger with active runs as they stand now. An end is written down (S3.9), unless someone else holds the
    state: this must work while an apply goes on."""
    from planform.core.state import RunRecorded, replay
    from planform.project import progress_entries

    snapshot = project.snapshot()
    entries = progress_entries(snapshot, project.edges)
    if any(isinstance(entry, RunRecorded) and not entry.run.active for entry in entries):
        with suppress(StateError):
            return project.record_progress()
    return replay(snapshot, entries)


def matching(pattern: str, known: Iterable[str], noun: str) -> list[str]:
    """The addresses that a pattern names: an instance, all instances of a resource, a module, or a glob.

    Raises:
        PlanformError: it names nothing; the nearest name is suggested.
    """
    addresses = list(known)
    found = [address for address in addresses if names(pattern, address)]
    if not found:
        near = {*addresses, *(address.partition("[")[0] for address in addresses)}
        suggestion = did_you_mean(pattern, near) if near else "Nothing is recorded yet: planform apply."
        raise PlanformError(f"{pattern} names no {noun}.", suggestion=suggestion)
    return found


def runs_of(snapshot: Snapshot, patterns: Sequence[str], number: int | None = None) -> list[Run]:
    """All runs of the trainers that the patterns name (of all, without patterns); with a number, only those.

    Raises:
        PlanformError: a pattern names no trainer with runs, or no run has that number.
    """
    ledger = snapshot.ledger.runs
    addresses = list(ledger)
    if patterns:
        addresses = list(
            dict.fromkeys(found for item in patterns for found in matching(item, ledger, "trainer with runs"))
        )
    runs = [run for address in sorted(addresses) for run in ledger[address]]
    if number is None:
        return runs
    chosen = [run for run in runs if run.number == number]
    if not chosen:
        have = ", ".join(sorted({str(run.number) for run in runs}, key=int)) or "none"
        raise PlanformError(
            f"There is no run {number} of {', '.join(patterns) or 'any trainer'}.", suggestion=f"There is: {have}."
        )
    return chosen


def one_run(snapshot: Snapshot, address: str, number: int | None) -> Run:
    """One run of one trainer: that number, else the newest.

    Raises:
        PlanformError: the address names several trainers, or none.
    """
    runs = runs_of(snapshot, [address], number)
    addresses = list(dict.fromkeys(run.address for run in runs))
    if len(addresses) > 1:
        raise PlanformError(
            f"{address} names {len(addresses)} trainers.", suggestion=f"Name one: {', '.join(addresses[:6])}"
        )
    return runs[-1]


def newest(runs: Iterable[Run]) -> list[Run]:
    """The newest run of each trainer."""
    return list({run.address: run for run in runs}.values())
