"""Several root modules in a repository: which there are, which reads the state of which, which a change touches."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from planform.core.errors import Diagnosed, PlanformError
from planform.core.schemas import convert_body
from planform.language.files import LISTING, repository_of
from planform.project import Options, Project, open_recorded

# A `planform:` block makes a folder a root module.
_BLOCK = re.compile(r"""^(planform|"planform"|'planform')\s*:""", re.MULTILINE)
_MODULE = ".pf.yaml"


class Root(NamedTuple):
    """A root module. `needs` are the names of those whose states it reads."""

    name: str  # its folder, seen from where one works: `models/digits`, or `.`
    folder: Path
    project: Project | None  # None: its files are wrong
    problem: PlanformError | None = None
    needs: tuple[str, ...] = ()


def find_roots(base: Path, options: Options) -> list[Root]:
    """The root modules in a folder and below it, in the order in which they are to be applied.

    Raises:
        PlanformError: there is none, or they read each other's states in a circle.
    """
    base = base.resolve()
    roots = [_opened(base, folder, options) for folder in root_folders(base)]
    owners = {_place(root.project): root.name for root in roots if root.project is not None}
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


def _folders(base: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(base):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in ("node_modules", "state"))
        if any(_BLOCK.search(_text(Path(folder, name))) for name in names if name.endswith(_MODULE)):
            yield Path(folder)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ""


def _opened(base: Path, folder: Path, options: Options) -> Root:
    name = folder.relative_to(base).as_posix()
    try:
        project = open_recorded(Options(folder, options.workspace, options.var_files, options.variables))
    except PlanformError as error:
        return Root(name, folder, None, error)
    return Root(name, folder, project)


def _place(project: Project) -> str:
    """Where the state of a project is: the path of a file, or a URL."""
    kind, settings = project.configuration.backend
    return _location(kind, settings, project.options.folder, project.options.workspace)


def _reads(project: Project) -> Iterator[str]:
    """The places of the states that a project reads."""
    for address, instance in project.configuration.data.items():
        if address.type != "remote_state":
            continue
        with suppress(Diagnosed):
            found = project.evaluation.body(instance)
            config, folder = found.get("config"), project.configuration.modules[address.module].folder
            if isinstance(config, dict) and isinstance(found.get("backend"), str):
                yield _location(found["backend"], config, Path(folder), "default")


def _location(kind: str, settings: Mapping[str, object], folder: Path, workspace: str) -> str:
    if kind == "s3":
        return f"s3://{settings.get('bucket')}/{settings.get('key')}"
    path = Path(str(settings.get("path") or f"state/{workspace}.json"))
    return str((folder / path.expanduser()).resolve())


# What a change touches


def touched_since(roots: Sequence[Root], base: Path, ref: str) -> frozenset[str]:
    """The names of the roots that something changed for since the branch left `ref`: in their folders, in the folders
    of modules that they use, or in files that they read. What cannot be opened counts as touched.

    Raises:
        PlanformError: git does not know the ref.
    """
    changed = changed_files(base, ref)
    folders = [str(root.folder) for root in roots]

    def is_touched(root: Root) -> bool:
        inside = [folder for folder in folders if folder.startswith(f"{root.folder}{os.sep}")]
        if root.project is None or any(
            _is_in(path, [str(root.folder)]) and not _is_in(path, inside) for path in changed
        ):
            return True
        inputs = _inputs(root.project)
        return any(_is_in(path, inputs) for path in changed)

    return frozenset(root.name for root in roots if is_touched(root))


def changed_files(base: Path, ref: str) -> list[str]:
    """The absolute paths of what differs from where the branch left `ref`: committed, not committed, not tracked."""
    top = repository_of(str(base.resolve()))
    since = _git(top, "merge-base", "--end-of-options", ref, "HEAD").strip()
    names = _git(top, "diff", "--name-only", "--no-renames", "-z", since)
    names += _git(top, "ls-files", "--others", "--exclude-standard", "-z")
    # What planform itself keeps beside a project is no change of it, whether git ignores it or not.
    return [os.path.join(top, name) for name in names.split("\0") if name and ".planform" not in name.split("/")]


def _git(top: str, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", top, *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise PlanformError("--changed-since needs the command git, which is not there.") from None
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise PlanformError(
            f"git cannot say what changed: {said[-1] if said else 'it ended with ' + str(done.returncode)}.",
            suggestion="In a job, fetch the whole history (fetch-depth: 0) and name a branch as origin/main.",
        )
    return done.stdout


def _is_in(path: str, places: Sequence[str]) -> bool:
    return any(path == place or path.startswith(place.rstrip(os.sep) + os.sep) for place in places)


def _inputs(project: Project) -> list[str]:
    """Folders of modules, and the files and folders that expressions and runs read. They need not exist."""
    configuration, edges = project.configuration, project.edges
    found = [os.path.realpath(module.folder) for module in configuration.modules.values()]
    for address, instance in configuration.instances.items():
        with suppress(Diagnosed):
            body = project.evaluation.body(instance)  # which reads what its expressions name
            schema = edges.schemas[address.type]
            if schema.has_runs:
                desired, folder = (
                    convert_body(body, schema.attributes, (), []),
                    configuration.modules[address.module].folder,
                )
                reads = edges.rules[address.type].reads(desired, folder, {})
                found += [os.path.realpath(read.path) for read in reads]
                layers = [desired.get(name) for name, attribute in schema.attributes.items() if attribute.layers]
                names = [item for layer in layers for item in (layer if isinstance(layer, list) else [layer])]
                found += [os.path.realpath(os.path.join(folder, item)) for item in names if isinstance(item, str)]
    for name in project.files.digests:
        place = name.removeprefix(LISTING).rpartition(" in ")[2] if name.startswith(LISTING) else name
        found.append(os.path.normpath(os.path.join(project.files.folder, place)))
    own = str(project.options.folder.resolve())
    return [place for place in found if place != own]
