"""Root modules that a change deletes, and what their states still hold: nobody manages that any more."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from planform.backends import backend_for
from planform.changes import git, left_at, top_of
from planform.core.abandoned import Abandoned, LeftState
from planform.core.errors import PlanformError
from planform.core.values import Object
from planform.language.settings import state_settings
from planform.project import Options, Project, open_recorded
from planform.roots import SUFFIX, Root, is_root, is_searched, location, place_of

_VALUES = ".pfvars.yaml"
_NOBODY = "a-name-that-no-one-uses"  # where a state of this name would lie tells where the others lie

Texts = dict[str, str]  # path in its folder -> text


class _Was(NamedTuple):
    """A root module as it was at a commit. Its states are where they always were, seen from its own folder."""

    folder: Path
    texts: Texts
    options: Options


def abandoned_since(roots: Sequence[Root], base: Path, ref: str, options: Options) -> list[Abandoned]:
    """The root modules that were there when the branch left `ref` and are no more, but for those whose state is now
    that of another root module.

    Raises:
        PlanformError: git does not know the ref.
    """
    base, commit = base.resolve(), left_at(base, ref)
    present, taken = {root.folder for root in roots}, {place_of(root.project) for root in roots if root.project}
    top = top_of(base)
    listed = git(top, "ls-tree", "-r", "--name-only", "-z", commit, "--", str(base)).split("\0")
    before = {Path(top, path).parent for path in listed if path.endswith(SUFFIX)}
    new = {root.project.configuration.name: root.name for root in roots if root.project and root.folder not in before}
    searched = [folder for folder in before - present if all(map(is_searched, folder.relative_to(base).parts))]
    gone = {folder: _texts_at(top, commit, folder, listed) for folder in searched}
    found = []
    for folder, texts in sorted(gone.items()):
        if not is_root(text for path, text in texts.items() if path.endswith(SUFFIX)):
            continue
        name = folder.relative_to(base).as_posix()
        try:
            was = _Was(folder, texts, options)
            project = _opened(was, options.workspace)
            if location(*_backend(was, project), folder, options.workspace) not in taken:
                successor = new.get(project.configuration.name, "")
                found.append(Abandoned(name, commit, tuple(_states(was)), successor=successor))
        except PlanformError as error:
            found.append(Abandoned(name, commit, problem=_said(error)))
    return found


def _texts_at(top: str, commit: str, folder: Path, listed: Sequence[str]) -> Texts:
    """What a module of a commit says of itself and of its variables."""
    prefix = f"{folder.relative_to(top).as_posix()}/".removeprefix("./")
    names = [path.removeprefix(prefix) for path in listed if path.startswith(prefix)]
    own = [name for name in names if name.endswith(_VALUES) or (name.endswith(SUFFIX) and "/" not in name)]
    return {name: git(top, "show", f"{commit}:{prefix}{name}").removeprefix("\ufeff") for name in own}


def _states(was: _Was) -> Iterator[LeftState]:
    """The states of all workspaces that are there, and of the one that is asked about."""
    for workspace in sorted({was.options.workspace, *_workspaces(was)}):
        project = _opened(was, workspace)
        backend = backend_for(*_backend(was, project), was.folder, workspace, project.codec)
        try:
            snapshot = backend.read()
        except PlanformError as error:
            yield LeftState(workspace, backend.location, problem=_said(error))
            continue
        active = sum(run.active for runs in snapshot.ledger.runs.values() for run in runs)
        addresses = tuple(map(str, snapshot.state.records))
        yield LeftState(workspace, backend.location, addresses, active, snapshot.exists)


def _workspaces(was: _Was) -> Sequence[str]:
    try:
        return backend_for(*_backend(was, _opened(was, _NOBODY)), was.folder, _NOBODY).workspaces(_NOBODY)
    except PlanformError:
        return []  # who may read the state need not be allowed to list the others


def _backend(was: _Was, project: Project) -> tuple[str, Object]:
    """Where the state lives, seen from the folder that was; a path through a folder that is no more leads nowhere, so
    it is written out."""
    kind, settings = project.configuration.backend
    there, here = str(project.options.folder), str(was.folder)
    moved = {key: item.replace(there, here) if isinstance(item, str) else item for key, item in settings.items()}
    if kind == "local":
        moved["path"] = location(kind, moved, was.folder, project.options.workspace)
    return kind, moved


def _opened(was: _Was, workspace: str) -> Project:
    """The project with what says where its state lives, and nothing else.

    Raises:
        PlanformError: it is not told by what is there.
    """
    document = state_settings(text for path, text in was.texts.items() if path.endswith(SUFFIX))
    with tempfile.TemporaryDirectory(prefix="planform-") as place:
        folder = Path(place).resolve() / was.folder.name
        folder.mkdir()
        for path, text in was.texts.items():
            if path.endswith(_VALUES):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8", errors="surrogateescape")
        options = Options(folder, workspace, was.options.var_files, was.options.variables)
        return open_recorded(options, {f"main{SUFFIX}": document})


def _said(error: PlanformError) -> str:
    """The first of its problems in one sentence."""
    return " ".join(filter(None, (error.diagnostics()[0].summary, error.diagnostics()[0].detail)))
