"""Images made of what this machine has: no registry is needed to test containers.

The small one has Python, pip and a shell; the large one also torch and Open MPI.
"""

from __future__ import annotations

import hashlib
import io
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from filelock import FileLock

PROGRAMS = (
    *("sh", "bash", "cat", "sleep", "env", "id", "ls", "mkdir", "rm", "chmod", "touch", "kill", "hostname", "mount"),
    *("tr", "head", "grep"),
)
STDLIB = Path(sysconfig.get_path("stdlib"))
UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH
# Debian's Open MPI and what it loads while it runs.
MPI_PACKAGES = (
    *("openmpi-bin", "openmpi-common", "libopenmpi3", "libpmix2", "libhwloc15", "libhwloc-plugins", "libucx0"),
    *("libfabric1", "libibverbs1", "ibverbs-providers"),
)


def image(client: Any) -> str:
    """The name of the small image, built when it is not there."""
    return _built(client, "planform-test", "8", lambda archive, folder: _add(archive, _small(folder), PROGRAMS))


def large_image(client: Any, packages: Path) -> str:
    """The name of the image that has Open MPI, and the Python packages of a folder."""

    def fill(archive: tarfile.TarFile, folder: Path) -> None:
        # With what pip has compiled of it.
        found = (path for path in packages.rglob("*") if path.is_file())
        installed = {f"{STDLIB}/site-packages/{path.relative_to(packages)}": path for path in found}
        _add(archive, {**_small(folder), **_mpi(), **installed}, (*PROGRAMS, "mpirun", "orted"))

    return _built(client, "planform-test-large", f"{packages} {os.stat(packages).st_mtime_ns} 3", fill)


def _built(client: Any, repository: str, content: str, fill: Callable[[tarfile.TarFile, Path], None]) -> str:
    from docker.errors import ImageNotFound

    stamp = f"{_python()} {sys.version} {os.stat(_python()).st_mtime_ns} {content}"
    tag = hashlib.sha256(stamp.encode()).hexdigest()[:12]
    # Several processes of tests may want it first.
    with FileLock(Path(tempfile.gettempdir(), f"{repository}-{os.getuid()}.lock")):
        try:
            client.images.get(f"{repository}:{tag}")
        except ImageNotFound:
            with tempfile.TemporaryFile() as tree, tempfile.TemporaryDirectory() as folder:
                with tarfile.open(fileobj=tree, mode="w") as archive:
                    fill(archive, Path(folder))
                tree.seek(0)
                chunks = iter(lambda: tree.read(1 << 20), b"")
                client.api.import_image_from_stream(chunks, repository=repository, tag=tag)
    return f"{repository}:{tag}"


def _python() -> Path:
    return Path(sys.base_prefix, "bin", f"python{sysconfig.get_python_version()}").resolve()


def _add(archive: tarfile.TarFile, files: dict[str, Path], names: tuple[str, ...]) -> None:
    """Files by their place, programs by their names, and all libraries that they need."""
    programs = {name: Path(found).resolve() for name in names if (found := shutil.which(name))}
    compiled = [path for path in files.values() if ".so" in path.name and STDLIB.parent not in path.parents]
    wanted = [_python(), *programs.values(), *STDLIB.glob("lib-dynload/*.so"), *compiled]
    known = {path.resolve() for path in files.values()}
    libraries = {name: Path(name) for name in _libraries(wanted) if Path(name).resolve() not in known}
    files = {**libraries, **files}
    for folder in ("tmp", "proc", "dev", "sys", "opt/ml", "etc"):
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
        archive.addfile(entry)
    named = {f"{folder}/{name}": path for folder in ("bin", "usr/bin") for name, path in programs.items()}
    for name, path in {**{name.lstrip("/"): path for name, path in files.items()}, **named}.items():
        archive.add(path.resolve(), name)
    for link in ("usr/bin/python3", "usr/bin/python"):
        entry = tarfile.TarInfo(link)
        entry.type, entry.linkname = tarfile.SYMTYPE, os.fspath(_python())
        archive.addfile(entry)
    passwd = b"root:x:0:0:root:/root:/bin/sh\n"
    entry = tarfile.TarInfo("etc/passwd")
    entry.size = len(passwd)
    archive.addfile(entry, io.BytesIO(passwd))


def _small(folder: Path) -> dict[str, Path]:
    """What Python needs, with its modules compiled into a folder: a container keeps nothing that it compiles."""
    files = {os.fspath(_python()): _python()}
    for path in _inside(STDLIB):
        inside = path.relative_to(STDLIB).parts
        left_out = {"test", "tests", "idlelib", "tkinter", "lib2to3", "ensurepip", "turtledemo", "pydoc_data"} & set(
            inside
        )
        foreign = inside[0] == "site-packages" and len(inside) > 1 and not inside[1].startswith("pip")
        if not left_out and not foreign:
            files[os.fspath(path)] = path
            if path.suffix == ".py":
                compiled = folder / str(len(files))
                with suppress(py_compile.PyCompileError):  # some are there to be wrong
                    py_compile.compile(os.fspath(path), os.fspath(compiled), doraise=True, invalidation_mode=UNCHECKED)
                    files[cache_from_source(path)] = compiled
    return files


def _mpi() -> dict[str, Path]:
    listed = subprocess.run(["dpkg", "-L", *MPI_PACKAGES], capture_output=True, text=True, check=True).stdout
    words = re.compile(r"/usr/share/(doc|man|lintian)/")
    return {name: Path(name) for name in listed.split("\n") if os.path.isfile(name) and not words.match(name)}


def _inside(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _libraries(programs: list[Path]) -> set[str]:
    done = subprocess.run(["ldd", *map(os.fspath, programs)], capture_output=True, text=True, check=False)
    return (
        set(re.findall(r"(/\S+\.so\S*)", done.stdout))
        - set(map(os.fspath, programs))
        - {f"{item}:" for item in programs}
    )
