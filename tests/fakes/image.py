"""A small image made of this machine's own Python, shell and their libraries: no registry is needed to test containers."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import Any

PROGRAMS = (
    *("sh", "bash", "cat", "sleep", "env", "id", "ls", "mkdir", "rm", "chmod", "touch", "kill", "hostname", "mount"),
    *("tr", "head", "grep"),
)


def image(client: Any) -> str:
    """The name of the image, built when it is not there."""
    from docker.errors import ImageNotFound

    python = Path(sys.base_prefix, "bin", f"python{sysconfig.get_python_version()}").resolve()
    stamp = f"{python} {sys.version} {os.stat(python).st_mtime_ns} 5"
    name = f"planform-test:{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    try:
        client.images.get(name)
    except ImageNotFound:
        repository, _, tag = name.partition(":")
        client.api.import_image_from_data(_tree(python), repository=repository, tag=tag)
    return name


def _tree(python: Path) -> bytes:
    files: dict[str, Path] = {}
    stdlib = Path(sysconfig.get_path("stdlib"))
    for path in stdlib.rglob("*"):
        inside = path.relative_to(stdlib).parts
        left_out = {"test", "tests", "idlelib", "tkinter", "lib2to3", "__pycache__"} & set(inside)
        foreign = inside[0] == "site-packages" and len(inside) > 1 and not inside[1].startswith(("pip", "setuptools"))
        if path.is_file() and not left_out and not foreign:
            files[os.fspath(path)] = path
    files[os.fspath(python)] = python
    programs = {name: Path(found).resolve() for name in PROGRAMS if (found := shutil.which(name))}
    wanted = [python, *programs.values(), *stdlib.glob("lib-dynload/*.so")]
    for library in _libraries(wanted):
        files[library] = Path(library)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for folder in ("tmp", "proc", "dev", "sys", "opt/ml", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        for name, path in files.items():
            archive.add(path.resolve(), name.lstrip("/"))
        for name, path in programs.items():
            archive.add(path, f"bin/{name}")
            archive.add(path, f"usr/bin/{name}")
        for link in ("usr/bin/python3", "usr/bin/python"):
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, os.fspath(python)
            archive.addfile(entry)
        passwd = b"root:x:0:0:root:/root:/bin/sh\n"
        entry = tarfile.TarInfo("etc/passwd")
        entry.size = len(passwd)
        archive.addfile(entry, io.BytesIO(passwd))
    return content.getvalue()


def _libraries(programs: list[Path]) -> set[str]:
    done = subprocess.run(["ldd", *map(os.fspath, programs)], capture_output=True, text=True, check=False)
    return (
        set(re.findall(r"(/\S+\.so\S*)", done.stdout))
        - set(map(os.fspath, programs))
        - {f"{item}:" for item in programs}
    )
