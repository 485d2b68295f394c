"""Tools that others made, installed once into a cache outside of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "planform-tests"


def _installed(folder: Path, *commands: list[str]) -> Path:
    """The folder with what the commands put there; skips where they cannot."""
    done = folder / "installed"
    if done.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for command in commands:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or str(error)
            pytest.skip(f"{command[0]} cannot install it here: {said.strip().splitlines()[-1]}")
    done.touch()
    return folder


@pytest.fixture(scope="session")
def npm() -> Callable[[str], Path]:
    def install(package: str) -> Path:
        folder = CACHE / package.replace("@", "-")
        return _installed(folder, ["npm", "install", "--silent", "--prefix", str(folder), package])

    return install


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """The folder of the programs of a Python package, in an environment of its own."""

    def install(package: str) -> Path:
        folder = CACHE / package.replace("==", "-")
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", package]
        return _installed(folder, [sys.executable, "-m", "venv", str(folder)], pip) / "bin"

    return install
