"""From a planned trainer to a job, and from a job to the folder it finds."""

import json
import stat

import pytest

from planform.core.errors import ProviderError
from planform.core.executor import Channel, MetricDefinition, RunName
from planform.core.values import Sensitive
from planform.training.job_spec import caller_secrets
from planform.training.layout import lay_out, runtime_folder
from planform.training.rules import TrainingRules


@pytest.fixture
def job(define, module):
    """A body -> the spec of its first run."""

    def job(body, lineage="l", address="trainer.a"):
        desired, trees, _ = define(body)
        return TrainingRules().job_spec(
            desired,
            trees,
            str(module),
            RunName("abcd2345", 1, address, "a-abcd2345", lineage, "default"),
        )

    return job


def test_a_job_is_complete_and_in_clear(job, body, module):
    spec = job(
        {
            **body,
            "training_image": {"framework": "sklearn", "version": "1.4-2"},
            "hyperparameters": {"epochs": 3, "token": Sensitive("hunter2")},
            "environment": {"A": Sensitive("b")},
            "input_data": {"train": {"data_source": "data/train", "content_type": "text/csv"}, "more": "s3://b/more"},
            "training_input_mode": "FastFile",
            "metric_definitions": [{"name": "loss", "regex": "loss=(.)"}],
            "queue": "main",
            "priority": 5,
        }
    )
    assert spec.image == "sklearn:1.4-2"
    assert spec.hyperparameters == {"epochs": 3, "token": "hunter2"}
    assert spec.sensitive_hyperparameters == {"token"}
    assert spec.environment == {"A": "b"}
    assert spec.source_code.source_dir == str(module / "src")
    assert spec.source_code.files == ("requirements.txt", "train.py")
    assert spec.channels == (
        Channel("train", str(module / "data" / "train"), "text/csv", "FastFile"),
        Channel("more", "s3://b/more", "", "FastFile"),
    )
    assert spec.metric_definitions == (MetricDefinition("loss", "loss=(.)"),)
    assert (spec.instance_type, spec.instance_count) == ("ml.m5.xlarge", 1)
    assert (spec.max_runtime_in_seconds, spec.queue, spec.priority) == (3600, "main", 5)


def test_checkpoints_are_kept_by_definition(job, body):
    key = job(body).checkpoint_key
    assert job(body).checkpoint_key == key
    assert job({**body, "tags": {"a": "b"}}).checkpoint_key == key
    assert job({**body, "hyperparameters": {"epochs": 4}}).checkpoint_key != key
    assert job(body, address="trainer.b").checkpoint_key != key


def test_secrets_of_the_caller():
    secrets = {"TOKEN": {"env": "HF_TOKEN"}, "ELSEWHERE": {"ssm": "x"}}
    assert caller_secrets(secrets, {"HF_TOKEN": "hunter2"}) == {"TOKEN": "hunter2"}
    with pytest.raises(ProviderError, match="HF_TOKEN is not set in the environment"):
        caller_secrets(secrets, {})


@pytest.fixture
def base(tmp_path):
    return tmp_path / "ml"


def test_the_folder_a_job_finds(job, body, base, module):
    (module / "src" / "train.py").chmod(0o755)
    spec = job({**body, "hyperparameters": {"epochs": 3, "name": "x", "on": True, "layers": [1, 2]}})
    lay_out(base, spec, "algo-2", ["algo-1", "algo-2"], "eth0", "link")
    config = base / "input" / "config"
    assert json.loads((config / "hyperparameters.json").read_text()) == {
        "epochs": "3",
        "name": "x",
        "on": "true",
        "layers": "[1, 2]",
    }
    assert json.loads((config / "resourceconfig.json").read_text()) == {
        "current_host": "algo-2",
        "hosts": ["algo-1", "algo-2"],
        "network_interface_name": "eth0",
        "current_instance_type": "ml.m5.xlarge",
    }
    channels = json.loads((config / "inputdataconfig.json").read_text())
    assert channels == {name: {"TrainingInputMode": "File"} for name in ("train", "code", "sm_drivers")}
    assert stat.S_IMODE((config / "hyperparameters.json").stat().st_mode) == 0o600
    data = base / "input" / "data"
    assert (data / "train").readlink() == module / "data" / "train"
    assert (data / "code" / "train.py").stat().st_mode & stat.S_IXUSR
    drivers = {path.name for path in (data / "sm_drivers").iterdir()}
    assert drivers == {path.name for path in runtime_folder().glob("*.py")} | {"sourcecode.json", "distributed.json"}
    assert str(module) not in (data / "sm_drivers" / "sourcecode.json").read_text()
    assert (base / "model").is_dir()
    assert (base / "output" / "data").is_dir()


@pytest.mark.parametrize("way", ["link", "copy", "mount"])
@pytest.mark.parametrize(("source", "inside"), [("data/train", "a.csv"), ("data/train/a.csv", "a.csv")])
def test_data_lies_in_its_channel(way, source, inside, job, body, base):
    lay_out(base, job({**body, "input_data": {"train": source}}), "algo-1", ["algo-1"], "lo", way)
    channel = base / "input" / "data" / "train"
    if way == "mount":  # places for what is mounted there
        assert [path.name for path in channel.iterdir()] == ([inside] if source.endswith(".csv") else [])
        return
    assert [path.name for path in channel.iterdir()] == [inside]
    assert (channel / inside).read_text() == "1,2\n"
    assert (channel.is_symlink() or (channel / inside).is_symlink()) is (way == "link")


def test_an_interrupted_launch_is_laid_out_again_and_data_survives(job, body, base, module):
    for _ in range(2):
        lay_out(base, job(body), "algo-1", ["algo-1"], "lo", "link")
    assert (module / "data" / "train" / "a.csv").exists()


def test_data_elsewhere_is_refused(job, body, base):
    with pytest.raises(ProviderError, match=r"input_data\.train: s3://b/x is not on this machine"):
        lay_out(base, job({**body, "input_data": {"train": "s3://b/x"}}), "algo-1", ["algo-1"], "lo", "link")


def test_a_file_that_is_gone_is_named(job, body, base, module):
    spec = job(body)
    (module / "src" / "train.py").unlink()
    with pytest.raises(ProviderError, match=r"src/train\.py: No such file or directory"):
        lay_out(base, spec, "algo-1", ["algo-1"], "lo", "link")
