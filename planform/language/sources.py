"""Where the source of a module call points: a local folder, a module that ships with planform, or a git repository.

A repository is cloned once into `.planform/modules`, and the commit is pinned in `.planform.lock.yaml`, which belongs
into version control. With both there, nothing is asked over the network.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from planform.core.errors import PlanformError, did_you_mean
from planform.core.schemas import describe
from planform.language.lock import LOCK_FILE, read_lock, write_lock

LIBRARY = "planform:"
CHECKOUTS = ".planform/modules"
COMMIT = ".planform-commit"  # in each checkout


class Repository(NamedTuple):
    """A git repository at a branch, tag or commit; "" is its default branch."""

    url: str
    ref: str

    def __str__(self) -> str:
        return f"{self.url}?ref={self.ref}" if self.ref else self.url

    @property
    def folder(self) -> str:
        """The name of its checkout."""
        name = re.sub(r"[^A-Za-z0-9_-]", "", self.url.rstrip("/").rpartition("/")[2].removesuffix(".git"))
        return f"{name[:30]}-{hashlib.sha256(str(self).encode()).hexdigest()[:8]}"


def parse_git(source: str) -> tuple[Repository, str] | None:
    """The repository and the folder inside it that a source names: `git::URL//FOLDER?ref=REF`, or an https URL of a
    `.git`; None when it names no repository."""
    address, _, query = source.partition("?")
    forced = address.startswith("git::")
    scheme, mark, rest = address.removeprefix("git::").partition("://")
    if not mark:
        scheme, rest = "", address.removeprefix("git::")
    url, _, inside = rest.partition("//")
    if not forced and not (mark and scheme in ("https", "http", "ssh", "file") and url.endswith(".git")):
        return None
    ref = next((item.removeprefix("ref=") for item in query.split("&") if item.startswith("ref=")), "")
    return Repository(f"{scheme}{mark}{url}", ref), inside


@dataclass(slots=True)
class ModuleSources:
    """The folders of module sources, as one root module sees them. `upgrade`: take the newest commit of each ref.
    Without `fetch` nothing is looked at: the text of the modules is known already, from a saved plan."""

    root: str
    upgrade: bool = False
    fetch: bool = True
    fetched: dict[str, str] = field(default_factory=dict)  # repository -> commit, of those that were cloned now
    _ready: dict[Repository, str] = field(default_factory=dict)

    def folder(self, source: str, caller: str) -> str:
        """The absolute folder of a source that stands in a module in the folder `caller`.

        Raises:
            PlanformError: there is no such source, or it cannot be fetched.
        """
        if source.startswith(("./", "../")) or source in (".", ".."):
            return os.path.normpath(os.path.join(caller, source))
        if source.startswith(LIBRARY):
            return _library_folder(source.removeprefix(LIBRARY))
        found = parse_git(source)
        if found is None:
            raise PlanformError(
                "Invalid module source",
                f"{describe(source)} is neither a local path, nor a module of planform, nor a git repository.",
                "A source begins with ./ or ../, or is planform:NAME or git::https://HOST/REPOSITORY.git//FOLDER?ref=TAG.",
            )
        repository, inside = found
        if not self.fetch:
            return os.path.normpath(os.path.join(self.root, CHECKOUTS, repository.folder, inside))
        if repository not in self._ready:
            self._ready[repository] = self._checkout(repository)
        folder = os.path.normpath(os.path.join(self._ready[repository], inside))
        if not f"{folder}{os.sep}".startswith(f"{self._ready[repository]}{os.sep}"):
            raise PlanformError("Invalid module source", f"{describe(inside)} is outside the repository.")
        return folder

    def shown(self, folder: str) -> str:
        """What files in a folder are called: their path from the root module, or `planform:NAME`, the same anywhere."""
        library = _library()
        if library is not None and f"{folder}{os.sep}".startswith(f"{library}{os.sep}"):
            return LIBRARY + Path(os.path.relpath(folder, library)).as_posix()
        return Path(os.path.relpath(folder, self.root)).as_posix()

    def _checkout(self, repository: Repository) -> str:
        """The folder of a repository at its pinned commit; fetched when it is not there."""
        target = os.path.join(self.root, CHECKOUTS, repository.folder)
        pins = read_pins(self.root)
        pin = "" if self.upgrade else pins.get(str(repository), "")
        present = _text(os.path.join(target, COMMIT))
        if present and not self.upgrade and pin in ("", present):
            commit = present
        else:
            commit = self.fetched[str(repository)] = _fetch(repository, pin, target)
        if pins.get(str(repository)) != commit:
            write_lock(self.root, "modules", {**pins, str(repository): commit})
        return target


def library_names() -> list[str]:
    """The modules that ship with planform."""
    library = _library()
    return sorted(entry.name for entry in os.scandir(library) if entry.is_dir()) if library else []


def _library() -> str | None:
    """The folder of the modules that ship with planform: in an installed package, or beside an editable one."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    candidates = (os.path.join(package, "_modules"), os.path.join(os.path.dirname(package), "modules"))
    return next((folder for folder in candidates if os.path.isdir(folder)), None)


def _library_folder(name: str) -> str:
    library = _library()
    if library is None or name not in library_names():
        raise PlanformError(
            "Module not found", f'No module "{name}" ships with planform.', did_you_mean(name, library_names())
        )
    return os.path.join(library, name)


def read_pins(root: str) -> dict[str, str]:
    """Repository -> commit, from the lock file.

    Raises:
        PlanformError: it cannot be read.
    """
    pins = read_lock(root).get("modules", {})
    if not all(isinstance(pin, str) for pin in pins.values()):
        raise PlanformError(
            f"{LOCK_FILE} cannot be read",
            "It maps `modules` to the commit of each.",
            "Take it from version control again, or delete it and run planform init.",
        )
    return {name: str(pin) for name, pin in pins.items()}


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _fetch(repository: Repository, pin: str, target: str) -> str:
    """Clone a repository to `target`, at the pinned commit or at its ref; the commit it is at."""
    import shutil
    import tempfile

    os.makedirs(os.path.dirname(target), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target), prefix=".fetching-") as partial:
        _git("clone", "--quiet", "--no-checkout", "--", repository.url, partial, about=repository)
        commit = next((found for name in _revisions(repository.ref, pin) if (found := _resolve(partial, name))), "")
        if not commit:
            wanted = f"commit {pin}" if pin else f'"{repository.ref}"'
            raise PlanformError(
                "Module cannot be fetched",
                f"{repository.url} has no {wanted}.",
                "planform init -upgrade takes the newest commit." if pin else "ref names a branch, a tag or a commit.",
            )
        _git("-C", partial, "checkout", "--quiet", "--detach", commit, about=repository)
        shutil.rmtree(os.path.join(partial, ".git"))
        Path(partial, COMMIT).write_text(commit)
        if os.path.isdir(target):
            # Out of the way first: a folder takes the place of another only when that is empty.
            os.replace(target, os.path.join(partial, ".before"))
        shutil.rmtree(os.path.join(partial, ".before"), ignore_errors=True)
        # Another process may have put the same commit there meanwhile; either copy will do.
        with suppress(OSError):
            os.replace(partial, target)
        os.makedirs(partial, exist_ok=True)
    return commit


def _revisions(ref: str, pin: str) -> Iterator[str]:
    if pin:
        yield pin
    elif not ref:
        yield "HEAD"
    elif not ref.startswith("-"):
        yield from (f"refs/remotes/origin/{ref}", f"refs/tags/{ref}", ref)


def _resolve(folder: str, revision: str) -> str:
    import subprocess

    words = ["git", "-C", folder, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{revision}^{{commit}}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _git(*words: str, about: Repository) -> None:
    import subprocess

    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError:
        raise PlanformError(
            "Module cannot be fetched", f"{about} needs the command git, which is not there.", "Install git."
        ) from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"git ended with {done.returncode}"])[-1]
        raise PlanformError(
            "Module cannot be fetched",
            f"{about}: {reason}",
            "Try the same by hand: git clone " + about.url,
        )
