"""Jobs as every executor runs them: the same files, and what the script saw of them."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.test_cases import run_planform

TELL = """
import json, os, sys
told = {"argv": sys.argv[1:], "cwd": os.getcwd(), "environment": dict(os.environ)}
place = os.path.join(os.environ["SM_MODEL_DIR"], "told-%s.json" % os.environ["SM_CURRENT_HOST"])
with open(place, "w") as file:
    json.dump(told, file)
"""


@dataclass
class Told:
    """How a job went."""

    code: int
    said: str
    folder: Path
    hosts: dict[str, Any] = field(default_factory=dict)  # host -> {argv, cwd, environment}

    @property
    def argv(self) -> list[str]:
        return list(self.hosts["algo-1"]["argv"])

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.hosts["algo-1"]["environment"])

    @property
    def failure(self) -> str:
        return (self.folder / "failure").read_text()

    @property
    def record(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "run.json").read_text()))

    def log(self, host: str = "algo-1") -> str:
        return (self.folder / "logs" / f"{host}.log").read_text()


Job = Callable[..., Told]


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def executor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def job(
    executor: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Job]:
    """Run one trainer: `job(files, **fields)`; fields are those of a trainer, files are of its source folder."""
    image = request.getfixturevalue("docker_image") if executor == "docker" else "not-used"
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    monkeypatch.chdir(folder)
    count = 0

    def run(files: dict[str, str], code: int = 0, **fields: Any) -> Told:
        nonlocal count
        count += 1
        for name, text in files.items():
            (folder / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "src" / name).write_text(text)
        source = {"source_dir": "src", "entry_script": "train.py", **fields.pop("source_code", {})}
        source = {name: value for name, value in source.items() if value is not None}
        body = {"training_image": image, "source_code": source, **fields}
        if executor == "docker":
            body["docker"] = {"pull": "never", **body.get("docker", {})}
        local = {"executor": executor, "stop_grace_in_seconds": 2, "max_instances": 8, "process": {"venv": "auto"}}
        module = {
            "planform": {"name": "contract", "default_provider": "local"},
            "provider": {"local": local},
            "resource": {"trainer": {"t": body}},
        }
        (folder / "main.pf.yaml").write_text(yaml.safe_dump(module, sort_keys=False, allow_unicode=True))
        ended, out, err = run_planform(capsys, "apply", "-y")
        place = max(
            (folder / ".planform/runs").glob("trainer.t/*-*"),
            key=lambda path: int(path.name.split("-")[0]),
            default=folder,
        )
        assert ended == code, f"{out}\n{err}\n{os.listdir(place)}"
        told = Told(ended, out + err, place)
        archive = place / "model" / "model.tar.gz"
        if archive.exists():
            with tarfile.open(archive) as packed:
                for member in packed.getmembers():
                    if member.name.startswith("told-"):
                        content = packed.extractfile(member)
                        assert content is not None
                        told.hosts[member.name[5:-5]] = json.load(content)
        return told

    yield run
    if count:
        run_planform(capsys, "destroy", "-y")
