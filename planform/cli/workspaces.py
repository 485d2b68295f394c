"""Which workspaces a project has, and which one is selected when the command line does not say (S4.4).

`.planform/workspaces` lists the names made with `workspace new`; the first line is the selected one. A workspace also
exists when it has a state or a file `workspaces/<name>.pfvars.yaml`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options

DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def check_name(name: str) -> str:
    """Raises:
    PlanformError: it cannot be part of a file name.
    """
    if not _NAME.fullmatch(name):
        raise PlanformError(
            f'"{name}" cannot name a workspace.',
            suggestion="Use up to 64 letters, digits, - and _; a letter or digit first.",
        )
    return name


def selected(folder: Path) -> str:
    """The remembered workspace."""
    names = _remembered(folder)
    return check_name(names[0]) if names else DEFAULT


def known(options: Options) -> list[str]:
    """All workspaces, sorted; `default` is always one."""
    from planform.project import open_recorded

    names = {DEFAULT, options.workspace, *_remembered(options.folder)}
    names |= {path.name.removesuffix(".pfvars.yaml") for path in (options.folder / "workspaces").glob("*.pfvars.yaml")}
    # Where a state would lie under a name that no one uses tells where the others lie.
    probe = "a-name-that-no-one-uses"
    backend = open_recorded(replace(options, workspace=probe)).backend
    names |= {name for name in backend.workspaces(probe) if _NAME.fullmatch(name)}
    return sorted(names)


def remember(folder: Path, name: str, *, new: bool = False, gone: bool = False) -> None:
    """Select a workspace, or forget one."""
    names = [item for item in _remembered(folder) if item != name]
    if not names and (gone or new):
        names = [DEFAULT]
    names = names if gone else [name, *names]
    path = _file(folder)
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text("\n".join(names) + "\n")
    partial.replace(path)


def _remembered(folder: Path) -> list[str]:
    try:
        return _file(folder).read_text().split()
    except FileNotFoundError:
        return []


def _file(folder: Path) -> Path:
    return folder / ".planform" / "workspaces"
