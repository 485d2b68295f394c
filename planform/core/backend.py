"""The edge where state lives. Only the holder of the lock writes; everyone may read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from planform.core.state import Entry, Ledger, Snapshot, State


class Holder(NamedTuple):
    """Who holds the lock of a state."""

    id: str
    who: str  # user@host
    pid: int
    operation: str  # "apply"
    since: str  # RFC 3339
    planform: str  # its version
    silent_for: float | None = None  # seconds since its last sign of life, where the lock carries one


class Session(Protocol):
    """What the lock holder can do. Entries are journal records; folding writes state and ledger anew."""

    def snapshot(self) -> Snapshot:
        """State and ledger as of now, with everything appended so far."""

    def append(self, entries: Sequence[Entry], durable: bool = True) -> None:
        """Write entries to the journal; `durable` returns only when they are on disk (S5.2).

        Raises:
            StateError: they could not be written; nothing more may be done to the world.
        """

    def fold(self) -> None:
        """Write state and ledger with the journal in them, keep a backup, and empty the journal."""

    def write(self, state: State, ledger: Ledger) -> None:
        """Put these in place of what is there: the lineage and salt of a first plan, or `state push`."""


class Backend(Protocol):
    """Where one workspace's state lives."""

    location: str  # for messages
    backup: str  # where the state before the last change is, for messages

    def read(self) -> Snapshot:
        """State and ledger with the journal replayed in memory. A place without state gives a fresh lineage and salt.

        Raises:
            StateDamaged: it is there but cannot be trusted.
        """

    def holder(self) -> Holder | None:
        """Who holds the state now; None when it is free."""

    def force_unlock(self, lock_id: str) -> Holder:
        """Take the lock away from its holder, who then can write nothing more.

        Raises:
            StateError: it has another id, or there is none, or this kind of lock ends by itself.
        """

    def workspaces(self, probe: str) -> Sequence[str]:
        """What stands, among the states that are there, in the place where `probe` stands in this one's name."""

    def remove(self, operation: str) -> None:
        """Take the state, its ledger and its journal away; the newest backup stays.

        Raises:
            StateLocked: someone else holds it.
        """

    def lock(self, operation: str, timeout: float = 0.0) -> AbstractContextManager[Session]:
        """Hold the state for writing. Folds what a dead holder left in the journal before it is used.

        Raises:
            StateLocked: someone else holds it, and still did after `timeout` seconds.
            StateDamaged: as `read`.
        """
