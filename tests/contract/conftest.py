"""Jobs as every executor runs them: the same files, and what the script saw of them."""

from __future__ import annotations

import json
import os
import tarfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fake_aws import ACCOUNT, REGION, FakeAws
from tests.fakes.sagemaker import carry_out
from tests.test_cases import run_planform

CLOUD = {
    "region": REGION,
    "role": f"arn:aws:iam::{ACCOUNT}:role/train",
    "poll_interval_in_seconds": 0.01,
}

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


# The cloud is the request that AWS gets, carried out as SageMaker does it: what a job there sees.
EXECUTORS = {
    "process": pytest.param("process"),
    "docker": pytest.param("docker", marks=pytest.mark.docker),
    "cloud": pytest.param("cloud", marks=pytest.mark.docker),
}


def on(*names: str) -> pytest.MarkDecorator:
    """Run a test by some executors only, where what it shows is the same code in all of them."""
    return pytest.mark.parametrize("executor", [EXECUTORS[name] for name in names], indirect=True)


@pytest.fixture(params=EXECUTORS.values())
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
    """Run one trainer: `job(files, **fields)`; fields are those of a trainer, files are of its source folder. It is to
    end with `code`; `words` are more of the command line. With `large` there are torch, mpi4py and Open MPI."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    monkeypatch.chdir(folder)
    aws: FakeAws | None = request.getfixturevalue("aws") if executor == "cloud" else None
    count = 0

    def run(
        files: dict[str, str], code: int = 0, words: Sequence[str] = (), large: bool = False, **fields: Any
    ) -> Told:
        nonlocal count
        count += 1
        for name, text in files.items():
            (folder / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "src" / name).write_text(text)
        source = {"source_dir": "src", "entry_script": "train.py", **fields.pop("source_code", {})}
        source = {name: value for name, value in source.items() if value is not None}
        body = {"training_image": "not-used", "source_code": source, **fields}
        local: dict[str, Any] = {"stop_grace_in_seconds": 10, "max_instances": 8, "process": {"venv": "auto"}}
        if large and executor == "process":
            local["process"] = {"python": str(request.getfixturevalue("large_python"))}
        if executor != "process":
            body["training_image"] = request.getfixturevalue("large_docker_image" if large else "docker_image")
        if executor == "docker":
            body["docker"] = {"pull": "never", **body.get("docker", {})}
        module = {
            "planform": {"name": "contract", "default_provider": "aws" if aws else "local"},
            "provider": {"aws": CLOUD} if aws else {"local": {"executor": executor, **local}},
            "resource": {"trainer": {"t": body}},
        }
        (folder / "main.pf.yaml").write_text(yaml.safe_dump(module, sort_keys=False, allow_unicode=True))
        ended, said = in_the_cloud(aws, folder, capsys, words) if aws else here(capsys, words)
        place = max(
            (folder / ".planform/runs").glob("trainer.t/*-*"),
            key=lambda path: int(path.name.split("-")[0]),
            default=folder,
        )
        assert ended == code, f"{said}\n{os.listdir(place)}"
        return Told(ended, said, place, hosts_of(place / "model" / "model.tar.gz"))

    yield run
    if count and not aws:
        run_planform(capsys, "destroy", "-y")


def here(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> tuple[int, str]:
    code, out, err = run_planform(capsys, "apply", "-y", *words)
    return code, out + err


def in_the_cloud(
    aws: FakeAws, folder: Path, capsys: pytest.CaptureFixture[str], words: Sequence[str]
) -> tuple[int, str]:
    """Apply, and carry out the job that AWS was asked for, if it was; in folders as those of local runs."""
    import docker

    aws.set(training_seconds=1e9)
    known = aws.objects("training_job")
    code, out, err = run_planform(capsys, "apply", "-y", "--detach", *words)
    jobs = {name: job for name, job in aws.objects("training_job").items() if name not in known}
    if code or not jobs:
        return code, out + err
    ((name, request),) = jobs.items()
    place = folder / ".planform" / "runs" / "trainer.t" / f"{len(known) + 1}-{name}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        ended = carry_out(docker.from_env(), aws.client("s3"), request, place)
    status = {"Completed": "succeeded", "Failed": "failed", "Stopped": "stopped"}[ended.status]
    record = {"status": status, "reason": ended.reason, "exit_codes": ended.exit_codes}
    (place / "run.json").write_text(json.dumps(record))
    aws.alter(
        "training_job",
        name,
        TrainingJobStatus=ended.status,
        SecondaryStatus=ended.reason if ended.status == "Stopped" else ended.status,
        FailureReason=ended.reason,
    )
    code, out, err = run_planform(capsys, "runs", "wait")
    return code, out + err


def hosts_of(archive: Path) -> dict[str, Any]:
    """What scripts told, by the name of their host."""
    hosts = {}
    if archive.exists():
        with tarfile.open(archive) as packed:
            for member in packed.getmembers():
                if member.name.startswith("told-"):
                    content = packed.extractfile(member)
                    assert content is not None
                    hosts[member.name[5:-5]] = json.load(content)
    return hosts
