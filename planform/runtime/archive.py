"""Source code that comes as one archive, as models of JumpStart have it."""

from __future__ import annotations

import os
import tarfile
import tempfile


def unpacked(folder: str, name: str) -> str:
    """The folder with the files of the archive `name`: the one it lies in, or a new one where that is read-only.

    Raises:
        ValueError: the archive has a member that would land outside of the folder, or is not an archive.
        OSError: it cannot be read.
    """
    target = folder if os.access(folder, os.W_OK) else tempfile.mkdtemp(prefix="planform-code-")
    try:
        with tarfile.open(os.path.join(folder, name)) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(target, filter="data")
            else:  # Python before 3.12 that was not patched
                for member in archive.getmembers():
                    _check(member, target)
                archive.extractall(target)
    except tarfile.TarError as error:
        raise ValueError(f"{name} cannot be unpacked: {error}") from None
    return target


def _check(member: tarfile.TarInfo, target: str) -> None:
    root = os.path.realpath(target) + os.sep
    names = [member.name]
    if member.issym():
        names.append(os.path.join(os.path.dirname(member.name), member.linkname))
    elif member.islnk():
        names.append(member.linkname)
    if member.isdev() or any(not os.path.realpath(os.path.join(target, name)).startswith(root) for name in names):
        raise ValueError(f"{member.name} would be unpacked outside of the folder of the code")
