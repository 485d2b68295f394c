"""What every backend does with snapshots, wherever it keeps them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from planform import __version__
from planform.backends.holder import user_at_host
from planform.core.state import (
    Entry,
    Forgotten,
    Intent,
    Ledger,
    OutputsRecorded,
    Recorded,
    RunDropped,
    RunRecorded,
    Snapshot,
    State,
    replay,
)


def fresh() -> Snapshot:
    """What a place without state holds: a new lineage and a new salt, not yet written."""
    import uuid

    return Snapshot(State(str(uuid.uuid4()), 0, os.urandom(32).hex()), Ledger(), exists=False)


def onwards(base: Snapshot, current: Snapshot, entries: Sequence[Entry]) -> Snapshot:
    """The snapshot after the entries; however often it is taken, the serial is at most one beyond that of `base`."""
    if not entries:
        return current
    later = replay(current, entries)
    serial = min(later.state.serial, base.state.serial + 1)
    return later._replace(state=later.state._replace(serial=serial))


def signed(state: State) -> State:
    """The state with who writes it, and when."""
    written_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return state._replace(written_by=f"planform {__version__}, {user_at_host()}", written_at=written_at)


def fits(name: str, before: str, end: str) -> bool:
    """Whether a name is `before`, something, and `end`."""
    return name.startswith(before) and name.endswith(end) and len(name) > len(before) + len(end)


def results_of(entries: Sequence[Entry]) -> list[str]:
    """What would be forgotten with these entries: the addresses of results, not of intents."""
    return [_address(entry) for entry in entries if not isinstance(entry, Intent)]


def results_text(addresses: Sequence[str]) -> str:
    """The subject of a sentence about them."""
    return f"The results of {', '.join(addresses[:5])}{' and others' * (len(addresses) > 5)}"


def _address(entry: Entry) -> str:
    match entry:
        case Recorded(record):
            return str(record.address)
        case RunRecorded(run) | RunDropped(run):
            return run.address
        case Intent() | Forgotten():
            return str(entry.address)
        case OutputsRecorded():
            return "outputs"
