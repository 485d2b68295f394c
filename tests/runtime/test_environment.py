"""The variables that a training script finds."""

import json
import os

import pytest

from planform.runtime.environment import cpus, environment, gpus

RESOURCES = {
    "current_host": "algo-2",
    "hosts": ["algo-10", "algo-1", "algo-2"],
    "network_interface_name": "eth0",
    "current_instance_type": "ml.m5.xlarge",
}
CHANNELS = {"train-data.v1": {"TrainingInputMode": "File"}, "code": {}, "sm_drivers": {}}


def told(**given):
    defaults = {"resources": RESOURCES, "channels": CHANNELS, "hyperparameters": {}, "source": {}, "outer": {}}
    return environment("/opt/ml", **{**defaults, **given})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SM_MODEL_DIR", "/opt/ml/model"),
        ("SM_INPUT_DIR", "/opt/ml/input"),
        ("SM_INPUT_DATA_DIR", "/opt/ml/input/data"),
        ("SM_INPUT_CONFIG_DIR", "/opt/ml/input/config"),
        ("SM_OUTPUT_DIR", "/opt/ml/output"),
        ("SM_OUTPUT_DATA_DIR", "/opt/ml/output/data"),
        ("SM_OUTPUT_FAILURE", "/opt/ml/output/failure"),
        ("SM_LOG_LEVEL", "20"),
        ("SM_MASTER_ADDR", "algo-1"),
        ("SM_MASTER_PORT", "7777"),
        ("SM_SOURCE_DIR", "/opt/ml/input/data/code"),
        ("SM_CHANNEL_TRAIN_DATA_V1", "/opt/ml/input/data/train-data.v1"),
        ("SM_CHANNEL_CODE", "/opt/ml/input/data/code"),
        ("SM_CHANNELS", '["train-data.v1", "code", "sm_drivers"]'),
        ("SM_CURRENT_HOST", "algo-2"),
        ("SM_CURRENT_HOST_RANK", "1"),
        ("SM_CURRENT_INSTANCE_TYPE", "ml.m5.xlarge"),
        ("SM_HOSTS", '["algo-1", "algo-2", "algo-10"]'),
        ("SM_HOST_COUNT", "3"),
        ("SM_NETWORK_INTERFACE_NAME", "eth0"),
        ("SM_NUM_NEURONS", "0"),
        ("SM_INPUT_DATA_CONFIG", json.dumps(CHANNELS)),
        ("SM_RESOURCE_CONFIG", json.dumps(RESOURCES)),
        ("PYTHONUNBUFFERED", "1"),
    ],
)
def test_variable(name, value, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert told()[name] == value


@pytest.mark.parametrize(
    ("hyperparameters", "variables"),
    [
        ({"epochs": 3}, {"SM_HP_EPOCHS": "3", "SM_HPS": '{"epochs": 3}'}),
        ({"learning-rate.x": 0.1}, {"SM_HP_LEARNING_RATE_X": "0.1"}),
        ({"name": "it's"}, {"SM_HP_NAME": "it's", "SM_HPS": '{"name": "it\'s"}'}),
        ({"on": True, "layers": [1, 2]}, {"SM_HP_ON": "true", "SM_HP_LAYERS": "[1, 2]"}),
        ({"text": "007", "none": None}, {"SM_HP_TEXT": "007", "SM_HP_NONE": "null"}),
    ],
)
def test_hyperparameters(hyperparameters, variables):
    assert variables.items() <= told(hyperparameters=hyperparameters).items()


def test_the_whole_story_in_one():
    story = json.loads(told(hyperparameters={"epochs": 3}, outer={"TRAINING_JOB_NAME": "job"})["SM_TRAINING_ENV"])
    assert story["job_name"] == "job"
    assert story["hosts"] == ["algo-1", "algo-2", "algo-10"]
    assert story["hyperparameters"] == {"epochs": 3}
    assert story["channel_input_dirs"]["train-data.v1"] == "/opt/ml/input/data/train-data.v1"


@pytest.mark.parametrize(
    ("given", "name"),
    [({"channels": {}}, "SM_SOURCE_DIR"), ({"source": {"command": "make", "entry_script": ""}}, "SM_ENTRY_SCRIPT")],
)
def test_nothing_is_told_of_what_is_not_there(given, name):
    assert name not in told(**given)


def test_processors_and_gpus(monkeypatch, tmp_path):
    assert 1 <= cpus() <= os.cpu_count()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus() == 0
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: A'\necho 'GPU 1: B'\n")
    program.chmod(0o755)
    assert gpus() == 2


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({}, 3),
    ],
)
def test_a_limit_of_processors_is_that_of_the_control_group(files, count, monkeypatch, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr("planform.runtime.environment.CGROUP", str(tmp_path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2}, raising=False)
    assert cpus() == count


@pytest.mark.parametrize(
    ("level", "told_level", "fact"), [("", "20", 20), ("10", "10", 10), ("DEBUG", "DEBUG", "DEBUG")]
)
def test_the_level_of_logging_is_the_users(level, told_level, fact):
    variables = told(outer={"SM_LOG_LEVEL": level})
    assert (variables["SM_LOG_LEVEL"], json.loads(variables["SM_TRAINING_ENV"])["log_level"]) == (told_level, fact)
