"""A user at a keyboard: a folder, and planform run as a process in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart"


@dataclass
class User:
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "planform", *words]
        # Wide: where a sentence is wrapped must not depend on how long the path of a test's folder is.
        environment = {**os.environ, "COLUMNS": "1000", "NO_COLOR": "1", **self.environment}
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def run(self, *words: str, code: int = 0) -> str:
        """What the command printed; stderr too when it is to fail."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, f"{words}: exit {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in out + err
        return out + err if code == 1 else out

    def write(self, text: str, name: str = "main.pf.yaml") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, old: str, new: str, name: str = "main.pf.yaml") -> None:
        text = (self.folder / name).read_text()
        assert old in text
        self.write(text.replace(old, new), name)

    def run_folders(self) -> list[Path]:
        return sorted((self.folder / ".planform" / "runs").glob("*/*-*"))


def until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait for something that will come true; fail when it does not."""
    from threading import Event

    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, f"{what} did not happen in {seconds:.0f} s"
        Event().wait(0.02)


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    someone = User(tmp_path / "project")
    someone.folder.mkdir()
    yield someone
    # Nothing that a story started outlives it, also when it failed half-way.
    for process in someone.started:
        if process.poll() is None:
            process.kill()
        if process.stdout is not None and not process.stdout.closed:
            process.communicate()
    if any('"running"' in record.read_text() for record in someone.folder.glob(".planform/runs/*/*/run.json")):
        subprocess.run(
            [sys.executable, "-m", "planform", "destroy", "-y"], cwd=someone.folder, capture_output=True, check=False
        )


@pytest.fixture
def digits(user: User) -> User:
    shutil.copytree(EXAMPLE, user.folder, dirs_exist_ok=True)
    return user


# A trainer that goes on until a file appears, so that a story decides when it ends.
GATED = """
planform: {name: gated, default_provider: local}
variable:
  lr: {type: number, default: 1}
resource:
  trainer:
    t:
      training_image: img
      source_code: {command: "while [ ! -e $GATE ]; do sleep 0.02; done; echo acc=0.5; exit $(cat $GATE)"}
      environment: {GATE: "${path.cwd}/gate"}
      hyperparameters: {lr: "${var.lr}"}
      metric_definitions: [{name: acc, regex: "acc=([0-9.]+)"}]
output:
  acc: {value: "${trainer.t.metrics}"}
"""


@pytest.fixture
def gated(user: User) -> User:
    user.write(GATED)
    return user


def open_gate(user: User, code: int = 0) -> None:
    (user.folder / "gate").write_text(str(code))
