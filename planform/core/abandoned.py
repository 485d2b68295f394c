"""Root modules whose folders went, while their states may still hold what they made."""

from __future__ import annotations

from typing import NamedTuple


class LeftState(NamedTuple):
    """The state of one workspace of a root module that is gone."""

    workspace: str
    location: str
    addresses: tuple[str, ...] = ()  # what is recorded in it
    active: int = 0  # runs that go on
    exists: bool = True
    problem: str = ""  # why it cannot be read


class Abandoned(NamedTuple):
    """A root module that was there at a commit and is no more."""

    name: str  # its folder, seen from where one works
    commit: str  # where its files still are
    states: tuple[LeftState, ...] = ()
    problem: str = ""  # why it is not known where its states are
    successor: str = ""  # a new root module of the same name, which may have taken its place

    @property
    def is_harmless(self) -> bool:
        """It is known that nothing is left behind."""
        return not self.problem and not any(state.addresses or state.problem for state in self.states)
