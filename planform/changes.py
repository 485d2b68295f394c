"""What changed in a repository, and which of its root modules that touches."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from planform.core.addresses import Address
from planform.core.configuration import Configuration, FileSetting
from planform.core.errors import Diagnosed, PlanformError
from planform.core.schemas import convert_body
from planform.core.values import Object
from planform.language.files import LISTING, repository_of
from planform.project import Project
from planform.roots import Root


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
    """The absolute paths of what differs from where the branch left `ref`: committed, not committed, not tracked. A
    symbolic link changes with what it leads to, and what it leads to with where that is."""
    top = top_of(base)
    names = git(top, "diff", "--name-only", "--no-renames", "-z", left_at(base, ref))
    names += git(top, "ls-files", "--others", "--exclude-standard", "-z")
    # What planform itself keeps beside a project is no change of it, whether git ignores it or not.
    changed = [os.path.join(top, name) for name in names.split("\0") if name and ".planform" not in name.split("/")]
    changed += [os.path.realpath(path) for path in changed if os.path.islink(path)]
    links = (link for link in _links(top) if any(_is_in(path, [os.path.realpath(link)]) for path in changed))
    return [*changed, *links]


def _links(top: str) -> Iterator[str]:
    """The symbolic links that git knows."""
    for item in git(top, "ls-files", "--stage", "-z").split("\0"):
        if item.startswith("120000 "):
            yield os.path.join(top, item.partition("\t")[2])


def top_of(folder: Path) -> str:
    """The top of the repository that a folder is in."""
    return repository_of(str(folder.resolve()))


def left_at(base: Path, ref: str) -> str:
    """The commit at which the branch left `ref`."""
    return git(top_of(base), "merge-base", "--end-of-options", ref, "HEAD").strip()


def git(top: str, *words: str) -> str:
    """What git prints.

    Raises:
        PlanformError: it fails, or is not there.
    """
    try:
        # Names and texts may be in any encoding, as on disk.
        done = subprocess.run(
            ["git", "-C", top, *words],
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise PlanformError("--changed-since needs the command git, which is not there.") from None
    if "not a git repository" in done.stderr:
        raise PlanformError(
            f"{top} is in no git repository, so --changed-since cannot tell what changed.",
            suggestion="Leave --changed-since out, to take every root module.",
        )
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
    own = str(project.options.folder.resolve())
    return [place for place in _read(project, own) if place != own]


def _read(project: Project, own: str) -> Iterator[str]:
    configuration = project.configuration
    yield from (os.path.realpath(module.folder) for module in configuration.modules.values())
    yield from (os.path.realpath(os.path.join(own, file)) for file in project.options.var_files)
    yield from (os.path.realpath(os.path.join(own, setting.path)) for setting in _settings(configuration))
    for address, instance in configuration.instances.items():
        with suppress(Diagnosed):
            yield from _read_by(project, address, project.evaluation.body(instance))
    # Evaluating has read what expressions name.
    for name in project.files.digests:
        place = name.removeprefix(LISTING).rpartition(" in ")[2] if name.startswith(LISTING) else name
        yield os.path.normpath(os.path.join(project.files.folder, place))


def _settings(configuration: Configuration) -> Iterator[FileSetting]:
    yield from configuration.policies
    if configuration.prices is not None:
        yield configuration.prices


def _read_by(project: Project, address: Address, body: Object) -> Iterator[str]:
    """What the runs of a trainer read."""
    schema = project.edges.schemas[address.type]
    if not schema.has_runs:
        return
    desired = convert_body(body, schema.attributes, (), [])
    folder = project.configuration.modules[address.module].folder
    yield from (os.path.realpath(read.path) for read in project.edges.rules[address.type].reads(desired, folder, {}))
    layers = [desired.get(name) for name, attribute in schema.attributes.items() if attribute.layers]
    names = [item for layer in layers for item in (layer if isinstance(layer, list) else [layer])]
    yield from (os.path.realpath(os.path.join(folder, item)) for item in names if isinstance(item, str))
