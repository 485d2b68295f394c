"""Python packages that are too large to be installed for each test: one tree for all, kept outside of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "planform-tests"
DISTRIBUTED = ("torch==2.13.0", "mpi4py==4.1.2")
# Two thirds of torch are for those who build or test it.
NOT_NEEDED = ("torch/test", "torch/include", "torch/bin/protoc*", "torch/bin/test_*", "bin", "sympy/*/tests")


class NotToBeHad(Exception):
    """The packages cannot be installed here."""


def distributed_packages() -> Path:
    """A folder with torch and mpi4py for this Python.

    Raises:
        NotToBeHad: pip cannot install them.
    """
    folder = CACHE / f"distributed-{sys.implementation.cache_tag}-2"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(unfinished)]
            done = subprocess.run([*pip, *DISTRIBUTED], capture_output=True, text=True, check=False)
            if done.returncode:
                raise NotToBeHad(done.stderr.strip().rpartition("\n")[2])
            for pattern in NOT_NEEDED:
                for path in unfinished.glob(pattern):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            unfinished.rename(folder)
    return folder


def python_with(packages: Path, folder: Path) -> Path:
    """A Python that has the packages of a folder, and no others."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "more.pth").write_text(f"{packages}\n")
    return folder / "bin" / "python"
