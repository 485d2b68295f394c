"""A root module folder with runs in it: real supervisors, nodes that are one line of Python."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from planform.core.executor import JobSpec, SourceCode
from planform.core.state import Run, RunStatus
from planform.providers.local import runs
from planform.providers.local.files import read_json, run_folder
from planform.providers.local.scheduler import standing

HOST = "here"
PATIENCE_SECONDS = 30.0


def until(condition: Callable[[], object], what: str = "condition") -> None:
    """Wait for something another process does."""
    end, tick = time.monotonic() + PATIENCE_SECONDS, threading.Event()
    while not condition():
        assert time.monotonic() < end, f"still waiting for {what}"
        tick.wait(0.01)


def gone(pid: int) -> bool:
    """Whether a process is no more; one that waits for its parent to notice is no more either."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def job(run_id: str, **changes: object) -> JobSpec:
    values: dict[str, object] = {
        "run_id": run_id,
        "number": 1,
        "address": f"trainer.{run_id}",
        "job_name": f"test-{run_id}",
        "lineage": "lineage",
        "workspace": "default",
        "image": "",
        "source_code": SourceCode(),
        "hyperparameters": {},
        "environment": {},
        "channels": (),
    }
    return JobSpec(**{**values, **changes})  # type: ignore[arg-type]


@dataclass
class Machine:
    root: Path
    launched: list[Run] = field(default_factory=list)
    host = HOST
    until = staticmethod(until)
    gone = staticmethod(gone)

    def launch(
        self, code: str, run_id: str = "a", *, grace: float = 10, redact: tuple[str, ...] = (), **changes: object
    ) -> Run:
        """Launch a run whose every node is `code`; `spec` fields by name."""
        spec = job(run_id, **changes)

        def prepare(folder: Path) -> list[runs.NodeCommand]:
            nodes = []
            for index in range(1, spec.instance_count + 1):
                base = folder / "nodes" / f"algo-{index}"
                for place in ("input/config", "model", "output/data"):
                    (base / place).mkdir(parents=True)
                environment = {"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(base), "NODE": str(index)}
                nodes.append(runs.NodeCommand(f"algo-{index}", (sys.executable, "-u", "-c", code), environment))
            return nodes

        told = runs.launch(
            self.root, HOST, "process", spec, prepare, redact=redact, max_instances=4, stop_grace_in_seconds=grace
        )
        run = Run(
            spec.run_id, spec.address, spec.number, "", {}, spec.job_name, told.job_arn, "local", "process",
            {"host": HOST}, status=told.status.status, folder=told.folder,
        )  # fmt: skip
        self.launched.append(run)
        return run

    def status(self, run: Run) -> RunStatus:
        return runs.observe(self.root, HOST, [run])[run.id]

    def ended(self, *some: Run) -> list[RunStatus]:
        """How the runs have ended, once they have."""
        end = time.monotonic() + PATIENCE_SECONDS
        runs.watch(self.root, HOST, some, lambda run, status: None, lambda: time.monotonic() > end)
        statuses = [self.status(run) for run in some]
        assert all(status.status in ("succeeded", "failed", "stopped") for status in statuses), statuses
        return statuses

    def log(self, run: Run, node: str = "algo-1") -> str:
        path = self.folder(run) / "logs" / f"{node}.log"
        return path.read_text() if path.exists() else ""

    def folder(self, run: Run) -> Path:
        return run_folder(self.root, run.address, run.number, run.id)

    def pid(self, run: Run) -> int:
        until(lambda: "pid" in (read_json(self.folder(run) / "run.json") or {}), "the supervisor's pid")
        return int((read_json(self.folder(run) / "run.json") or {})["pid"])

    def gate(self, name: str) -> Path:
        """A pipe that `open(...).read()` in a run waits on until the test opens it for writing."""
        path = self.root / name
        os.mkfifo(path)
        return path


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    here = Machine(tmp_path)
    yield here
    for run in here.launched:
        runs.stop(tmp_path, HOST, run)
    # Guards write into the folder until they have looked at the queue a last time.
    until(lambda: not any((now := standing(tmp_path)).running or now.ending), "the runs of this test")
