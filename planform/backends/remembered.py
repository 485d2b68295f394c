"""Which backend this folder last worked with, by workspace: `.planform/backends.json`.

So a backend that was edited in the files is noticed before a plan proposes to make everything a second time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from planform.core.backend import Backend, Holder, Session
from planform.core.errors import StateError
from planform.core.state import Snapshot
from planform.core.values import Object

Settings = tuple[str, Object]  # kind, settings: ("local", {"path": ...})


def remembered(folder: Path) -> dict[str, Settings]:
    """Workspace -> backend. What cannot be read is forgotten: it is a help, not a record."""
    try:
        form: Mapping[str, Any] = json.loads(_file(folder).read_text())
        return {name: (str(item["kind"]), dict(item["settings"])) for name, item in form.items()}
    except (OSError, AttributeError, KeyError, TypeError, ValueError):
        return {}


def remember(folder: Path, workspace: str, backend: Settings | None) -> None:
    """Write down the backend of a workspace (None: forget it), if that is news."""
    known = remembered(folder)
    now = {name: item for name, item in known.items() if name != workspace}
    if backend is not None:
        now[workspace] = (backend[0], dict(backend[1]))
    if now == known:
        return
    form = {name: {"kind": kind, "settings": settings} for name, (kind, settings) in sorted(now.items())}
    path = _file(folder)
    try:
        path.parent.mkdir(exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(json.dumps(form, indent=1) + "\n")
        partial.replace(path)
    except OSError:
        return  # a folder that cannot be written loses a help


class Displaced:
    """In place of a backend that was edited in: it refuses until the user says what becomes of the old state."""

    def __init__(self, backend: Backend, before: Backend) -> None:
        self.location, self.backup = backend.location, backend.backup
        self._before = before.location

    def read(self) -> Snapshot:
        self._refuse()

    def holder(self) -> Holder | None:
        self._refuse()

    def force_unlock(self, lock_id: str) -> Holder:
        self._refuse()

    def workspaces(self, probe: str) -> list[str]:
        return []

    def remove(self, operation: str) -> None:
        self._refuse()

    @contextmanager
    def lock(self, operation: str, timeout: float = 0.0) -> Iterator[Session]:
        self._refuse()
        yield

    def _refuse(self) -> NoReturn:
        raise StateError(
            f"The backend changed: this folder worked with {self._before}, and the files now say {self.location}.",
            "Without its state, a plan would make everything a second time.",
            "Take the state along: planform init --migrate-state\n"
            "Or begin with what is at the new place: planform init --reconfigure",
        )


def _file(folder: Path) -> Path:
    return folder / ".planform" / "backends.json"
