"""The framing of a local journal: lines of `crc32 json`, each checksum continuing that of the line before.

So a line that was cut off by a crash, and one that was altered, removed or moved later, are told apart. The first line
is the header: which journal this is, and which state it continues.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from planform.backends.encryption import entry_of
from planform.core.errors import StateDamaged
from planform.core.state import Entry


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal as it was read. `lineage` is empty when not even the header was written."""

    id: str = ""
    lineage: str = ""
    entries: tuple[Entry, ...] = ()


class JournalFile:
    """A new journal, open for appending. Raises OSError as the file system does."""

    def __init__(self, path: Path, lineage: str, serial: int) -> None:
        self.id, self.path = os.urandom(6).hex(), path
        self.records, self.whole = 0, True
        self._header = header(self.id, lineage, serial)
        self._chain = self._size = 0
        self._entered = False
        # Whatever the file holds has been folded: a session opens its journal only after that.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def append(self, lines: Sequence[str], durable: bool) -> None:
        """Write the lines in one go; `durable`: they, and all before them, are on disk when this returns."""
        # An interrupt while this is false leaves unsaid what the file holds: the session then folds and begins anew.
        self.whole = False
        if lines:
            data, chain = framed(lines if self._size else (self._header, *lines), self._chain)
            try:
                write_all(self._file, data)
            except OSError:
                os.ftruncate(self._file, self._size)
                raise
            self._chain = chain
            self._size += len(data)
            self.records += len(lines)
        if durable and self._size:
            sync(self._file)
            if not self._entered:
                sync_folder(self.path.parent)
                self._entered = True
        self.whole = True

    def content(self) -> tuple[bytes, int]:
        """All that was written so far, at least the header, and the checksum that the next line continues."""
        return (os.pread(self._file, self._size, 0), self._chain) if self._size else framed((self._header,))

    def close(self) -> None:
        os.close(self._file)


def header(journal: str, lineage: str, serial: int) -> str:
    """The first line of a journal."""
    return json.dumps({"format": 1, "journal": journal, "lineage": lineage, "serial": serial})


def framed(lines: Iterable[str], chain: int = 0) -> tuple[bytes, int]:
    """The bytes of the lines, and the checksum that the next line continues."""
    frames = []
    for line in lines:
        data = line.encode()
        chain = zlib.crc32(data, chain)
        frames.append(b"%08x %b\n" % (chain, data))
    return b"".join(frames), chain


def parse_lines(data: bytes, where: str) -> list[str]:
    """The lines that `framed` wrote, up to a tail that a crash cut off.

    Raises:
        StateDamaged: a line before the end is not what was written.
    """
    lines: list[str] = []
    chain, position = 0, 0
    while (end := data.find(b"\n", position)) >= 0:
        line = data[position:end]
        content = line[9:]
        chain = zlib.crc32(content, chain)
        if line[:9] != b"%08x " % chain:
            # A block that the disk never got reads as zeros: the writing of this tail was cut off, not altered.
            if b"\0" in line:
                break
            raise StateDamaged(
                f"The journal {where} is damaged in line {len(lines) + 1}.",
                "It holds what was done since the state was last written.",
                f"To go on without it, and import what it would have recorded: {_away(where)}",
            )
        lines.append(content.decode())
        position = end + 1
    return lines


def parse_journal(data: bytes, where: str) -> Journal:
    """The journal in `data`, up to a tail that a crash cut off.

    Raises:
        StateDamaged: a line before its end is not what was written.
    """
    lines = parse_lines(data, where)
    if not lines:
        return Journal()
    try:
        head = json.loads(lines[0])
        if head["format"] != 1:
            raise ValueError(f"it has format {head['format']}")
        return Journal(head["journal"], head["lineage"], tuple(map(entry_of, lines[1:])))
    except (KeyError, TypeError, ValueError) as error:
        raise StateDamaged(f"The journal {where} cannot be read by this version of planform: {error}.") from error


def _away(where: str) -> str:
    return f"{'aws s3 mv' if where.startswith('s3://') else 'mv'} {where} {where}.damaged"


def write_all(file: int, data: bytes) -> None:
    """Write every byte; the kernel may take fewer at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def sync(file: int) -> None:
    """Return when what was written to the file is on the disk."""
    if sys.platform == "darwin":  # where fsync leaves it in the cache of the disk
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(file)


def sync_folder(folder: Path) -> None:
    """Make names that were created or replaced in the folder survive a power failure."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
