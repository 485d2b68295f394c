"""The executor `process`: the contract of SageMaker's training jobs, kept by plain processes."""

import json
import os
import sys
import tarfile
import threading
import time
from contextlib import suppress

import pytest

from planform.core.errors import ProviderError
from planform.core.executor import Channel, JobSpec, MetricDefinition, SourceCode
from planform.core.schemas import Misfit, convert_body
from planform.core.state import Run
from planform.core.values import UNKNOWN, Sensitive
from planform.providers.local.provider import SETTINGS, host_id, local_provider

TRAIN = """
import argparse, json, os
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--token")
args = parser.parse_args()
data = open(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv")).read()
print("rate=%s rows=%s" % (args.rate, data.strip()))
print("job", os.environ["TRAINING_JOB_NAME"], os.environ["GREETING"], [n for n in os.environ if "PLANFORM" in n])
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w") as file:
    json.dump({"rate": args.rate}, file)
with open(os.path.join(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints", "saved"), "a") as file:
    file.write("x")
"""


def executor(root, **settings):
    return local_provider(settings, root, "default").executor({})


def write(root, script):
    (root / "src").mkdir(exist_ok=True)
    (root / "src" / "train.py").write_text(script)
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "rows.csv").write_text("1,2\n")


def spec(root, **changes):
    values = {
        "run_id": "abcd1234",
        "number": 3,
        "address": 'trainer.digits["fast"]',
        "job_name": "digits-abcd1234",
        "lineage": "lineage",
        "workspace": "default",
        "image": "sklearn:1.4-2",
        "source_code": SourceCode(str(root / "src"), ("train.py",), "train.py"),
        "hyperparameters": {"rate": 0.5, "token": "s3cr3t-value"},
        "environment": {"GREETING": "hello"},
        "channels": (Channel("train", str(root / "data")),),
        "metric_definitions": (MetricDefinition("rate", "rate=([0-9.]+)"),),
        "checkpoint_key": "key",
        "sensitive_hyperparameters": frozenset({"token"}),
    }
    return JobSpec(**{**values, **changes})


def ledger(job, told):
    return Run(
        job.run_id, job.address, job.number, "", {}, job.job_name, told.job_arn, "local", "process",
        {"host": host_id()}, status=told.status.status, folder=told.folder,
    )  # fmt: skip


def finish(runner, job):
    """Launch a job and wait for its end."""
    run = ledger(job, runner.launch(job))
    end = time.monotonic() + 30
    runner.watch([run], lambda run, status: None, lambda: time.monotonic() > end)
    return run, runner.observe([run])[run.id]


def test_a_script_gets_the_training_contract(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANFORM_VAR_token", "s3cr3t-value")
    write(tmp_path, TRAIN)
    runner, job = executor(tmp_path), spec(tmp_path)
    run, status = finish(runner, job)
    assert (status.status, status.reason, status.metrics) == ("succeeded", "", {"rate": 0.5})
    assert run.folder == ".planform/runs/trainer.digits@fast/3-abcd1234"
    assert [line for _, line in runner.logs(run, None, False)] == ["rate=0.5 rows=1,2", "job digits-abcd1234 hello []"]
    with tarfile.open(tmp_path / status.model_artifacts) as model:
        assert json.load(model.extractfile("model.json")) == {"rate": 0.5}
    predicted = runner.predict(job.job_name, job.run_id, job.address)
    assert predicted == {"job_arn": run.job_arn, "output_path": status.output_path}
    # Links are gone, what they led to is not.
    assert (tmp_path / "data" / "rows.csv").read_text() == "1,2\n"
    assert (tmp_path / run.folder / "checkpoints" / "saved").read_text() == "x"
    for path in tmp_path.rglob("*"):
        with suppress(FileNotFoundError, IsADirectoryError):  # the run is just being taken out of the queue
            assert b"s3cr3t" not in path.read_bytes(), path


def test_checkpoints_are_shared_by_the_runs_of_one_definition(tmp_path):
    write(tmp_path, TRAIN)
    runner = executor(tmp_path)
    finish(runner, spec(tmp_path))
    run, _ = finish(runner, spec(tmp_path, run_id="efgh5678", number=4))
    assert (tmp_path / run.folder / "checkpoints" / "saved").read_text() == "xx"


def test_a_failure_tells_the_traceback_without_secrets(tmp_path):
    write(tmp_path, "def load():\n    raise ValueError('no s3cr3t-value data')\nload()\n")
    _, status = finish(executor(tmp_path), spec(tmp_path))
    assert (status.status, status.failure) == ("failed", "user")
    assert status.reason.splitlines()[0] == "train.py exited with code 1: ValueError: no (sensitive value) data"
    assert "line 2, in load" in status.reason


def test_a_script_can_save_what_it_has_when_it_is_stopped(tmp_path):
    write(
        tmp_path,
        "import os, signal\n"
        "def save(*_):\n"
        "    open(os.path.join(os.environ['SM_MODEL_DIR'], 'part'), 'a').write('saved')\n"
        "    raise SystemExit(0)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "print('ready')\n"
        "while True: signal.pause()\n",
    )
    runner, job = executor(tmp_path), spec(tmp_path)
    run = ledger(job, runner.launch(job))
    for _, line in runner.logs(run, "algo-1", True):
        if line == "ready":
            runner.stop(run)
    status = runner.observe([run])[run.id]
    assert (status.status, status.reason) == ("stopped", "stop requested")
    with tarfile.open(tmp_path / status.model_artifacts) as model:
        assert model.extractfile("part").read() == b"saved"


def test_a_queued_run_runs_the_code_it_was_launched_with(tmp_path):
    os.mkfifo(tmp_path / "gate")
    write(tmp_path, f"open({str(tmp_path / 'gate')!r}).read()")
    runner = executor(tmp_path, max_instances=1)
    first = spec(tmp_path, run_id="first", checkpoint_key="", channels=())
    runs = [ledger(first, runner.launch(first))]
    write(tmp_path, "print('as launched')")
    second = spec(tmp_path, run_id="second", checkpoint_key="", channels=())
    runs.append(ledger(second, runner.launch(second)))
    write(tmp_path, "print('edited later')")
    assert runs[1].status == "queued"
    (tmp_path / "gate").write_text("go")
    runner.watch(runs, lambda run, status: None, lambda: False)
    assert list(runner.logs(runs[1], None, False)) == [("algo-1", "as launched")]


def test_where_nodes_meet_is_chosen_when_a_run_starts(tmp_path):
    """While a run waits in the queue, others take what was free when it was submitted."""
    gate = tmp_path / "gate"
    names = ("PLANFORM_JOIN_PORT", "SM_MASTER_PORT", "SM_MASTER_ADDR")
    told = f"import os; print(*(os.environ[name] for name in {names}), flush=True); "
    write(
        tmp_path,
        told
        + f"os.environ['TRAINING_JOB_NAME'] == 'first' and os.system('while [ ! -e {gate} ]; do sleep 0.02; done')",
    )
    runner = executor(tmp_path, max_instances=2)
    same = {"checkpoint_key": "", "channels": (), "instance_count": 2}
    jobs = [spec(tmp_path, run_id=name, job_name=name, **same) for name in ("first", "second")]
    runs = [ledger(job, runner.launch(job)) for job in jobs]
    assert "_PORT" not in (tmp_path / runs[1].folder / "job.json").read_text()
    gate.touch()
    runner.watch(runs, lambda run, status: None, lambda: False)
    places = [[line.split() for _, line in runner.logs(run, None, False)] for run in runs]
    for one, other in places:
        assert one == other  # both nodes of a run are told the same
        assert one[2] == "127.0.0.1"
    ports = {port for place in places for port in place[0][:2]}
    assert len(ports) == 4


def test_requirements_of_one_kind_share_an_environment_of_one_python(tmp_path):
    from planform.providers.local.process import virtual_environment

    python, version, told = tmp_path / "python", tmp_path / "version", []
    # It says its version, and makes an environment at once.
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec cat {version}\nmkdir -p "$4"\n')
    python.chmod(0o755)
    version.write_text("3.12\n")

    def environment(requirements):
        return virtual_environment(tmp_path / "venvs", str(python), requirements, told.append)

    first = environment(b"a\n")
    assert environment(b"a\n") == first
    assert told == ["making a virtual environment"]
    assert environment(b"b\n") != first
    version.write_text("3.13\n")  # another one at the same path, as after an upgrade
    assert environment(b"a\n") != first


def test_the_named_python_runs_the_code(tmp_path):
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "mypython"
    python.write_text(f'#!/bin/sh\nVIA=mypython exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    write(tmp_path, "import os; print(os.environ['VIA'])")
    runner = executor(tmp_path, process={"python": "bin/mypython"})
    run, _ = finish(runner, spec(tmp_path))
    assert list(runner.logs(run, None, False)) == [("algo-1", "mypython")]


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        pytest.param({}, {"process": {"python": "no/such/python"}}, '"no/such/python" is not a program', id="python"),
        pytest.param({"extra": {"secrets": {"A": {"env": "NOT_THERE"}}}}, {}, "NOT_THERE", id="secret"),
        pytest.param({"channels": (Channel("train", "s3://b/k"),)}, {}, "is not on this machine", id="remote data"),
        pytest.param({"channels": (Channel("train", "/no/such/data"),)}, {}, "No such file", id="no data"),
    ],
)
def test_a_launch_that_cannot_be_is_refused_and_leaves_nothing(tmp_path, changes, settings, message):
    write(tmp_path, "pass")
    with pytest.raises(ProviderError, match=message):
        executor(tmp_path, **settings).launch(spec(tmp_path, **changes))
    assert list((tmp_path / ".planform").rglob("run.json")) == []


def test_secrets_of_the_caller_reach_the_script(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "token-of-mine")
    write(tmp_path, "import os; raise SystemExit(os.environ['HF_TOKEN'])")
    job = spec(tmp_path, extra={"secrets": {"HF_TOKEN": {"env": "MY_TOKEN"}}})
    _, status = finish(executor(tmp_path), job)
    assert "(sensitive value)" in status.reason
    assert "token-of-mine" not in status.reason


GOOD = {
    "training_image": "image",
    "source_code": {"source_dir": "src", "entry_script": "train.py"},
    "input_data": {"train": "data/train"},
}


def on_s3(**more):
    return {"input_data": {"train": {"data_source": {"s3_data_source": {"s3_uri": "s3://b/k", **more}}}}}


@pytest.mark.parametrize(
    ("change", "settings", "refused"),
    [
        pytest.param({}, {}, [], id="fine"),
        pytest.param({"source_code": None}, {}, [()], id="no code"),
        pytest.param({"source_code": UNKNOWN, "input_data": {"train": UNKNOWN}}, {}, [], id="unknown"),
        pytest.param({"input_data": {"train": "s3://b/k"}}, {}, [], id="on S3"),
        pytest.param({"input_data": {"train": "hdfs://b/k"}}, {}, [("input_data", "train")], id="elsewhere"),
        pytest.param(
            {"input_data": {"train": Sensitive("https://b/k")}}, {}, [("input_data", "train")], id="a secret URI"
        ),
        pytest.param(
            {"source_code": {"source_dir": "https://b/k", "entry_script": "t.py"}},
            {},
            [("source_code", "source_dir")],
            id="code elsewhere",
        ),
        pytest.param(on_s3(s3_data_type="S3Prefix"), {}, [], id="on S3 in full form"),
        pytest.param(
            on_s3(s3_data_type="ManifestFile"),
            {},
            [("input_data", "train", "data_source", "s3_data_source", "s3_data_type")],
            id="a manifest on S3",
        ),
        pytest.param(
            {"source_code": {"source_dir": "src", "entry_script": "t.py", "requirements": "r.txt"}},
            {},
            [("source_code", "requirements")],
            id="requirements for planform's own Python",
        ),
        pytest.param(
            {"source_code": {"source_dir": "src", "entry_script": "t.py", "requirements": "r.txt"}},
            {"process": {"python": "venv/bin/python"}},
            [],
            id="requirements for another Python",
        ),
        pytest.param(
            {"compute": {"training_plan_arn": "arn:plan"}}, {}, [("compute", "training_plan_arn")], id="by the schema"
        ),
        pytest.param(
            {"source_code": {"source_dir": "src", "entry_script": "t.py", "requirements": "r.txt"}},
            {"process": {"venv": "auto"}},
            [],
            id="requirements for an environment of their own",
        ),
    ],
)
def test_what_processes_refuse(tmp_path, change, settings, refused):
    misfits, _ = executor(tmp_path, **settings).check({**GOOD, **change})
    assert [misfit.path for misfit in misfits] == refused


def test_what_processes_ignore_is_noted(tmp_path):
    _, notes = executor(tmp_path).check(GOOD)
    assert notes == ["image not used (process)"]


def test_the_provider_makes_queues_and_environments_and_says_which_host(tmp_path):
    provider = local_provider({}, tmp_path, "default")
    assert provider.name == "local"
    assert provider.coordinates() == {"host": host_id()}
    assert host_id()
    assert provider.handler("job_queue").side_effects
    assert provider.handler("service_environment").side_effects
    assert provider.handler("scheduling_policy").side_effects
    assert provider.handler("tuning") is None
    with pytest.raises(ProviderError, match='"sagemaker"'):
        provider.executor({"executor": "sagemaker"})


def test_settings_are_a_table(tmp_path):
    misfits: list[Misfit] = []
    settings = convert_body({"max_instances": "3", "process": {"python": "p"}}, SETTINGS, (), misfits)
    assert misfits == []
    assert settings == {
        "executor": "process",
        "max_instances": 3,
        "stop_grace_in_seconds": 10,
        "process": {"python": "p"},
    }
    convert_body({"max_instances": 0, "executor": "batch", "sudo": True}, SETTINGS, (), misfits)
    assert [misfit.path for misfit in misfits] == [("max_instances",), ("executor",), ("sudo",)]


def test_watching_ends_when_it_is_told_to(tmp_path):
    write(tmp_path, "import signal; signal.pause()")
    runner, job = executor(tmp_path), spec(tmp_path, channels=())
    run = ledger(job, runner.launch(job))
    enough = threading.Event()
    runner.watch([run], lambda run, status: enough.set(), enough.is_set)
    assert runner.observe([run])[run.id].status == "running"
    runner.stop(run)
    runner.watch([run], lambda run, status: None, lambda: False)
    assert runner.observe([run])[run.id].status == "stopped"
