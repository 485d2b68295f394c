"""Files that expressions read: each once, from inside the repository, with a digest kept for the plan (S1.6, S1.7)."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from planform.core.errors import PlanformError

LISTING = "fileset:"


class DiskFiles:
    """A snapshot of the files on disk that grows as they are read: what was read once never changes again.

    `digests` maps the path, relative to the root module's folder, to the sha256 of what was read; to "" for a file that
    was looked for and did not exist. A listing stands under `fileset:PATTERN in FOLDER`.
    """

    def __init__(self, folder: str, module_folders: Iterable[str] = ()) -> None:
        self.folder = os.path.realpath(folder)
        self.repository = repository_of(self.folder)
        self._allowed = tuple(dict.fromkeys((self.repository, *map(os.path.realpath, module_folders))))
        self._contents: dict[str, bytes] = {}
        self.digests: dict[str, str] = {}

    def read(self, path: str, base: str) -> bytes:
        """Raises OSError, or PlanformError for a path outside the repository."""
        full = self._inside(path, base)
        if full not in self._contents:
            with open(full, "rb") as file:
                self._contents[full] = file.read()
            self.digests[self._shown(full)] = hashlib.sha256(self._contents[full]).hexdigest()
        return self._contents[full]

    def exists(self, path: str, base: str) -> bool:
        full = self._inside(path, base)
        if full in self._contents:
            return True
        if os.path.isdir(full):
            raise PlanformError(f'"{path}" is a folder.', "Only files can be asked for.")
        if not os.path.isfile(full):
            self.digests[self._shown(full)] = ""
            return False
        self.read(path, base)
        return True

    def glob(self, pattern: str, path: str, base: str) -> list[str]:
        """The files under `path` that match, as sorted POSIX paths relative to `path`."""
        top = self._inside(path, base)
        wanted = glob_pattern(pattern)
        found = sorted(name for name in _files_under(top) if wanted.fullmatch(name))
        listing = "\n".join(found).encode()
        self.digests[f"{LISTING}{pattern} in {self._shown(top)}"] = hashlib.sha256(listing).hexdigest()
        return found

    def changed(self, digests: Mapping[str, str]) -> list[str]:
        """Which of the files and listings with these digests are not so now."""
        for name in digests:
            pattern, between, top = name.removeprefix(LISTING).rpartition(" in ")
            with suppress(OSError, PlanformError):
                if name.startswith(LISTING) and between:
                    self.glob(pattern, top, self.folder)
                else:
                    self.exists(name, self.folder)
        return [name for name, digest in digests.items() if self.digests.get(name) != digest]

    def _inside(self, path: str, base: str) -> str:
        full = os.path.realpath(os.path.join(base, path))
        if not any(full == folder or full.startswith(folder.rstrip(os.sep) + os.sep) for folder in self._allowed):
            raise PlanformError(
                f'"{path}" is outside the repository.',
                f"Files are read only from {self.repository}.",
                "Copy the file into the repository, or pass what it holds as a variable.",
            )
        return full

    def _shown(self, full: str) -> str:
        return os.path.relpath(full, self.folder).replace(os.sep, "/")


def repository_of(folder: str) -> str:
    """The nearest folder at or above `folder` that holds `.git`; without one, the folder itself."""
    current = folder
    while not os.path.exists(os.path.join(current, ".git")):
        parent = os.path.dirname(current)
        if parent == current:
            return folder
        current = parent
    return current


def _files_under(top: str) -> Iterator[str]:
    for folder, _, names in os.walk(top):
        prefix = os.path.relpath(folder, top).replace(os.sep, "/")
        for name in names:
            yield name if prefix == "." else f"{prefix}/{name}"


_PIECE = re.compile(r"\*\*/|\*\*|\*|\?|\{[^{}]*\}|\[[^\]]+\]|.", re.DOTALL)


def glob_pattern(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern with `*`, `**`, `?`, `[abc]` and `{a,b}`."""
    try:
        return re.compile("".join(map(_piece, _PIECE.findall(pattern))), re.DOTALL)
    except re.error as error:
        raise PlanformError(f'"{pattern}" is not a pattern: {error}.') from None


def _piece(piece: str) -> str:
    match piece:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if len(piece) > 1 and piece[0] == "{":
        return "(?:" + "|".join(re.escape(part) for part in piece[1:-1].split(",")) + ")"
    if len(piece) > 1 and piece[0] == "[":
        inner = piece[1:-1].replace("\\", "\\\\")
        return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
    return re.escape(piece)
