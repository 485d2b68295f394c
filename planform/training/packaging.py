"""Archives that depend on their content alone: the same files make the same bytes, whenever and by whomever packed."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
from collections.abc import Iterable
from pathlib import Path

from planform.core.errors import ProviderError
from planform.training.source_tree import Walk


def pack(target: Path, root: Path, files: Iterable[str] | None = None) -> None:
    """Write `files` of `root` (all when None) as a .tar.gz; `target` is there whole or not at all.

    Raises:
        ProviderError: a file cannot be read, or the archive not written.
    """
    if files is None:
        walk = Walk()
        files = [file.name for file in walk.files(str(root))]
        if walk.refused:
            name, why = walk.refused[0]
            raise ProviderError(f"{root / name} {why}.")
    partial = target.with_name(f"{target.name}.partial")
    try:
        with (
            partial.open("wb") as raw,
            gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed,
            # Plain USTAR wherever it can say it; only sizes and names beyond its limits get PAX headers.
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name in sorted(files):
                _add(archive, root / name, name)
        os.replace(partial, target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ProviderError(f"{target} could not be packed: {error.filename or root}: {error.strerror}.") from error


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    with path.open("rb") as content:
        status = os.fstat(content.fileno())
        entry = tarfile.TarInfo(name)
        entry.size = status.st_size
        entry.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        archive.addfile(entry, content)
