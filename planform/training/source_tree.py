"""The trees a run depends on: which files belong to one, and the digest of their content (S3.2).

A source tree is what git tracks or would track, without what is ignored or secret. A data tree is everything.
Names, content and the executable bit of source files count; times, owners and where the tree lies do not.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from planform.core.errors import did_you_mean
from planform.core.executor import Tree, TreeRead
from planform.core.schemas import Misfit
from planform.core.values import AttributePath

IGNORE_FILE = ".planformignore"
IGNORED = ("__pycache__", ".git", ".DS_Store", ".cache", ".ipynb_checkpoints", ".planform", IGNORE_FILE)
# A folder can be source tree and module at once: planform's own files would make every edit a new run.
IGNORED_PATTERNS = ("*.pyc", "*.pf.yaml", "*.pfvars.yaml", "*.pfplan")
SECRET = (
    ".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519",
    "credentials", "credentials.json", ".netrc", ".pypirc", ".git-credentials",
)  # fmt: skip
NOT_SECRET = (".env.example", ".env.sample", ".env.template")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a tree: its POSIX path inside it, where it is, and what `stat` says."""

    name: str
    path: str
    status: os.stat_result


@dataclass(frozen=True, slots=True)
class Walk:
    """The files below some paths. Links are followed to what they name; with `inside`, only to places under it."""

    inside: str = ""
    ignored: Callable[[str], bool] = lambda name: False
    refused: list[tuple[str, str]] = field(default_factory=list)  # (name, why)

    def files(self, path: str, name: str = "", above: tuple[str, ...] = ()) -> Iterator[File]:
        """The file at `path`, or every file below it; what cannot be taken is added to `refused`."""
        if name and self.ignored(name):
            return
        try:
            real = os.path.realpath(path, strict=True)
            status = os.stat(real)
            if self.inside and not _is_under(real, self.inside):
                self.refused.append((name, f"is a link to {real}, outside the tree"))
            elif stat.S_ISREG(status.st_mode):
                yield File(name or os.path.basename(path), path, status)
            elif not stat.S_ISDIR(status.st_mode):
                self.refused.append((name, "is not a regular file"))
            elif real in above:
                self.refused.append((name, "is a link to a folder that it is in"))
            else:
                for entry in sorted(os.listdir(path)):
                    yield from self.files(os.path.join(path, entry), posixpath.join(name, entry), (*above, real))
        except OSError as error:
            self.refused.append((name, f"cannot be read: {error.strerror}"))


def scan(read: TreeRead) -> Tree | list[Misfit]:
    """Read and hash one tree; what is missing, unreadable or must not be packaged comes back as misfits."""
    if not os.path.exists(read.path):
        return [_missing(read)]
    try:
        return _scan_data(read) if read.kind == "data" else _scan_source(read)
    except OSError as error:
        return [Misfit(read.attribute, f"{shown(error.filename or read.path)} cannot be read: {error.strerror}.")]


def _scan_data(read: TreeRead) -> Tree | list[Misfit]:
    walk = Walk()
    files = list(walk.files(read.path))
    misfits = [Misfit(read.attribute, f"{_place(read.path, name)} {why}.") for name, why in walk.refused]
    if not files and not misfits:
        misfits.append(Misfit(read.attribute, f"{shown(read.path)} is empty: there is no data in it."))
    return misfits or _hashed(files, read, modes=False)


def _scan_source(read: TreeRead) -> Tree | list[Misfit]:
    if not os.path.isdir(read.path):
        return [Misfit(read.attribute, f"{shown(read.path)} is a file.", suggestion="Name the folder that it is in.")]
    root = os.path.realpath(read.path)
    ignored = _ignore_rules(root, read.ignore)
    walk, extra = Walk(root, ignored), Walk(root)
    misfits: list[Misfit] = []
    found: dict[str, File] = {}
    for name in _listed_by_git(root) or sorted(os.listdir(root)):
        if os.path.lexists(os.path.join(root, name)):  # git also lists what was deleted since the last commit
            found.update((file.name, file) for file in walk.files(os.path.join(root, name), name))
    included: set[str] = set()
    for pattern in read.include:
        names = _matching(root, pattern)
        if not names:
            misfits.append(Misfit(read.attribute, f'include: nothing in {shown(read.path)} matches "{pattern}".'))
        for name in names:
            found.update((file.name, file) for file in extra.files(os.path.join(root, name), name))
            included.update(names)
    for name, why in (*walk.refused, *extra.refused):
        advice = f"Leave it out with a line in {IGNORE_FILE}."
        misfits.append(Misfit(read.attribute, f"{_place(read.path, name)} {why}.", suggestion=advice))
    for name in sorted(found):
        if looks_secret(name) and name not in included:
            misfits.append(
                Misfit(
                    read.attribute,
                    f"{_place(read.path, name)} looks like a secret; it would be packaged with the source code.",
                    suggestion=f"Leave it out with a line in {IGNORE_FILE}, or list it in source_code.include.",
                )
            )
    for required, attribute in read.requires:
        if required not in found:
            misfits.append(_not_inside(read, required, attribute, found, os.path.lexists(os.path.join(root, required))))
    return misfits or _hashed(found.values(), read, modes=True)


def looks_secret(name: str) -> bool:
    base = posixpath.basename(name)
    return base not in NOT_SECRET and any(fnmatchcase(base, pattern) for pattern in SECRET)


def shown(path: str) -> str:
    """A path for people: relative to where they are when it is below."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _place(path: str, name: str) -> str:
    return shown(os.path.join(path, name)) if name else shown(path)


def _is_under(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _ignore_rules(root: str, patterns: tuple[str, ...]) -> Callable[[str], bool]:
    lines = list(patterns)
    file = Path(root, IGNORE_FILE)
    if file.is_file():
        lines = [*file.read_text(errors="replace").splitlines(), *lines]
    names = frozenset(IGNORED)
    is_module = any(entry.endswith(".pf.yaml") for entry in os.listdir(root))

    def built_in(name: str) -> bool:
        parts = name.split("/")
        if is_module and parts[0] == "state":  # where a module keeps its state by default
            return True
        return not names.isdisjoint(parts) or any(fnmatchcase(parts[-1], pattern) for pattern in IGNORED_PATTERNS)

    if not lines:
        return built_in
    from pathspec import GitIgnoreSpec  # only trees with patterns pay for it

    spec = GitIgnoreSpec.from_lines(lines)
    return lambda name: built_in(name) or spec.match_file(name) or spec.match_file(f"{name}/")


def _listed_by_git(root: str) -> list[str]:
    """What git tracks or would track below `root`, sorted; nothing outside a repository or in an ignored folder."""
    if not any(os.path.lexists(os.path.join(place, ".git")) for place in (root, *map(str, Path(root).parents))):
        return []
    import subprocess

    # A hook may run planform: its GIT_DIR and GIT_INDEX_FILE are of another question.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", root, "ls-files"]
    try:
        listing = subprocess.run(
            [*command, "--cached", "--others", "--exclude-standard", "-z"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return sorted({os.fsdecode(name).rstrip("/") for name in listing.stdout.split(b"\0") if name})


def _matching(root: str, pattern: str) -> list[str]:
    """The files in `root` that an include pattern names."""
    if ".." in pattern.split("/"):
        return []
    try:
        return sorted(path.relative_to(root).as_posix() for path in Path(root).glob(pattern) if not path.is_dir())
    except (ValueError, NotImplementedError):
        return []


def _hashed(files: Iterable[File], read: TreeRead, *, modes: bool) -> Tree | list[Misfit]:
    digest = hashlib.sha256()
    misfits: list[Misfit] = []
    ordered = sorted(files, key=lambda file: file.name)
    for item in ordered:
        try:
            with open(item.path, "rb") as content:
                inner = hashlib.file_digest(content, "sha256").digest()
        except OSError as error:
            place = shown(item.path)
            misfits.append(Misfit(read.attribute, f"{place} cannot be read: {error.strerror}."))
            continue
        name = item.name.encode(errors="surrogateescape")
        executable = modes and item.status.st_mode & stat.S_IXUSR
        digest.update(b"%d:%s%s" % (len(name), name, b"x" if executable else b"-") + inner)
    if misfits:
        return misfits
    largest = sorted(((file.name, file.status.st_size) for file in ordered), key=lambda pair: (-pair[1], pair[0]))[:3]
    total = sum(file.status.st_size for file in ordered)
    return Tree(digest.hexdigest(), tuple(file.name for file in ordered), total, tuple(largest))


def _missing(read: TreeRead) -> Misfit:
    folder, name = os.path.split(read.path)
    if os.path.lexists(read.path):
        return Misfit(read.attribute, f"{shown(read.path)} is a link to {os.readlink(read.path)}, which is not there.")
    if not os.path.isdir(folder):
        return Misfit(read.attribute, f"There is no {shown(read.path)}, nor the folder {shown(folder)}.")
    kind = "folder" if read.kind == "source" else "file or folder"
    here = [entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")]
    if read.kind == "source":
        here = [entry for entry in here if os.path.isdir(os.path.join(folder, entry))]
    return Misfit(read.attribute, f"There is no {kind} {shown(read.path)}.", suggestion=did_you_mean(name, here))


def _not_inside(read: TreeRead, required: str, attribute: AttributePath, found: Iterable[str], exists: bool) -> Misfit:
    if exists:
        return Misfit(
            attribute,
            f"{_place(read.path, required)} is there, but it is ignored, so it would not be packaged.",
            suggestion=f"Look at .gitignore, {IGNORE_FILE} and ignore_patterns, or list it in source_code.include.",
        )
    alike = [name for name in found if posixpath.splitext(name)[1] == posixpath.splitext(required)[1]]
    return Misfit(
        attribute, f'There is no "{required}" in {shown(read.path)}.', suggestion=did_you_mean(required, alike)
    )
