"""Several root modules in a repository: which there are, and which reads the state of which."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from planform.core.errors import Diagnosed, PlanformError
from planform.project import Options, Project, open_recorded

# A `planform:` block makes a folder a root module.
_BLOCK = re.compile(r"""^(planform|"planform"|'planform')\s*:""", re.MULTILINE)
SUFFIX = ".pf.yaml"


class Root(NamedTuple):
    """A root module. `needs` are the names of those whose states it reads."""

    name: str  # its folder, seen from where one works: `models/digits`, or `.`
    folder: Path
    project: Project | None  # None: its files are wrong
    problem: PlanformError | None = None
    needs: tuple[str, ...] = ()


def find_roots(base: Path, options: Options, *, required: bool = True) -> list[Root]:
    """The root modules in a folder and below it, in the order in which they are to be applied.

    Raises:
        PlanformError: there is none though one is `required`, or they read each other's states in a circle.
    """
    base = base.resolve()
    roots = [_opened(base, folder, options) for folder in (root_folders if required else _folders)(base)]
    owners = {place_of(root.project): root.name for root in roots if root.project is not None}
    read = {root.name: set(_reads(root.project)) if root.project is not None else set() for root in roots}
    # Where the state of a root module is whose files are wrong is not known: what reads nobody else's may need it.
    wrong = {root.name for root in roots if root.project is None}
    needs = {
        name: sorted(
            ({owners[place] for place in places & owners.keys()} | (wrong if places - owners.keys() else set()))
            - {name}
        )
        for name, places in read.items()
    }
    by_name = {root.name: root._replace(needs=tuple(needs[root.name])) for root in roots}
    return [by_name[name] for level in levels(needs) for name in level]


def root_folders(base: Path) -> list[Path]:
    """The folders of the root modules in a folder and below it.

    Raises:
        PlanformError: there is none.
    """
    found = list(_folders(base.resolve()))
    if not found:
        raise PlanformError(
            f"There is no root module in {base} or below it.",
            "A folder is a root module when one of its files has a planform: block.",
        )
    return found


def levels(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The names in levels: each needs only what is in levels before its own. Needs outside of the names do not count.

    Raises:
        PlanformError: for a circle.
    """
    from graphlib import CycleError, TopologicalSorter

    sorter = TopologicalSorter({name: [item for item in found if item in needs] for name, found in needs.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " reads ".join(reversed(error.args[1]))
        raise PlanformError(
            f"Root modules read each other's states in a circle: {circle}.",
            suggestion="Move what both need into a third one.",
        ) from None
    found: list[list[str]] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        found.append(ready)
        sorter.done(*ready)
    return found


def is_searched(folder: str) -> bool:
    """Whether root modules are looked for in a folder of this name."""
    return not folder.startswith(".") and folder not in ("node_modules", "state")


def is_root(texts: Iterable[str]) -> bool:
    """Whether these are the files of a root module."""
    return any(_BLOCK.search(text) for text in texts)


def _folders(base: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(base):
        inner[:] = sorted(filter(is_searched, inner))
        # What cannot be read may be one: opening it says what is wrong.
        texts = [_text(Path(folder, name)) for name in names if name.endswith(SUFFIX)]
        if None in texts or is_root(text for text in texts if text):
            yield Path(folder)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def _opened(base: Path, folder: Path, options: Options) -> Root:
    name = folder.relative_to(base).as_posix()
    try:
        project = open_recorded(Options(folder, options.workspace, options.var_files, options.variables))
    except PlanformError as error:
        return Root(name, folder, None, error)
    return Root(name, folder, project)


def place_of(project: Project) -> str:
    """Where the state of a project is: the path of a file, or a URL."""
    kind, settings = project.configuration.backend
    return location(kind, settings, project.options.folder, project.options.workspace)


def _reads(project: Project) -> Iterator[str]:
    """The places of the states that a project reads."""
    for address, instance in project.configuration.data.items():
        if address.type != "remote_state":
            continue
        with suppress(Diagnosed):
            found = project.evaluation.body(instance)
            config, folder = found.get("config"), project.configuration.modules[address.module].folder
            if isinstance(config, dict) and isinstance(found.get("backend"), str):
                yield location(found["backend"], config, Path(folder), "default")


def location(kind: str, settings: Mapping[str, object], folder: Path, workspace: str) -> str:
    """Where a backend keeps a state, in a form that can be compared."""
    if kind == "s3":
        return f"s3://{settings.get('bucket')}/{settings.get('key')}"
    path = Path(str(settings.get("path") or f"state/{workspace}.json"))
    return str((folder / path.expanduser()).resolve())
