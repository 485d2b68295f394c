"""sagemaker-training, which runs inside AWS's own images, reads the same /opt/ml and agrees on arguments and environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from planform.core.executor import Channel, JobSpec, SourceCode
from planform.training.layout import lay_out

pytestmark = pytest.mark.external

ASK = """
import json, logging
logging.disable(logging.CRITICAL)
from sagemaker_training import environment, mapping
env = environment.Environment()
print(json.dumps({"argv": env.to_cmd_args(), "environment": env.to_env_vars(), "hyperparameters": dict(env.hyperparameters)}))
"""
TELL = "import json, os, sys\nprint(json.dumps({'argv': sys.argv[1:], 'environment': dict(os.environ)}))\n"
VALUES = {"epochs": 3, "lr": 5e-5, "flag": True, "text": 'it\'s "so"', "deep": {"a": [1, None]}, "id": "007"}
# What only one of the two has, or words differently by design: the names of the older toolkit, and JSON of whole files.
OWN = ("SM_HPS", "SM_TRAINING_ENV", "SM_CHANNELS", "SM_RESOURCE_CONFIG", "SM_INPUT_DATA_CONFIG", "SM_LOG_LEVEL")


def test_arguments_and_environment(tool: Callable[[str], Path], tmp_path: Path) -> None:
    python = tool("sagemaker-training") / "python"
    source = tmp_path / "src"
    source.mkdir()
    (source / "train.py").write_text(TELL)
    data = tmp_path / "data"
    data.mkdir()
    (data / "x.csv").write_text("1\n")
    base = tmp_path / "ml"
    code = SourceCode(str(source), ("train.py",), "train.py")
    spec = JobSpec("r", 1, "trainer.t", "job-1", "l", "default", "", code, VALUES, {}, (Channel("train", str(data)),))
    lay_out(base, spec, "algo-1", ["algo-1", "algo-2"], "eth0", "copy")
    outer = {"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(base), "TRAINING_JOB_NAME": "job-1"}
    run = [sys.executable, str(base / "input/data/sm_drivers/train.py")]
    ours = json.loads(subprocess.run(run, env=outer, capture_output=True, text=True, check=True).stdout)
    asked = subprocess.run([str(python), "-c", ASK], env=outer, capture_output=True, text=True, check=True).stdout
    theirs = json.loads(asked.splitlines()[-1])
    assert json.loads(ours["environment"]["SM_HPS"]) == theirs["hyperparameters"] == VALUES
    told = dict(zip(ours["argv"][::2], ours["argv"][1::2], strict=True))
    judged = dict(zip(theirs["argv"][::2], theirs["argv"][1::2], strict=True))
    assert told.keys() == judged.keys()
    plain = [
        name for name, value in VALUES.items() if isinstance(value, (int, float, str)) and not isinstance(value, bool)
    ]
    assert {name: told[f"--{name}"] for name in plain} == {name: judged[f"--{name}"] for name in plain}
    common = ours["environment"].keys() & theirs["environment"].keys() - set(OWN)
    assert {
        "SM_MODEL_DIR",
        "SM_CHANNEL_TRAIN",
        "SM_HOSTS",
        "SM_CURRENT_HOST",
        "SM_OUTPUT_DATA_DIR",
        "SM_HP_EPOCHS",
    } <= common
    differs = {
        name: (ours["environment"][name], theirs["environment"][name])
        for name in common
        if ours["environment"][name] != theirs["environment"][name]
        and not (name.startswith("SM_HP_") and isinstance(VALUES.get(name[6:].lower()), (bool, dict)))
        and json.dumps(
            json.loads(ours["environment"][name])
            if ours["environment"][name][:1] in "[{"
            else ours["environment"][name]
        )
        != json.dumps(
            json.loads(theirs["environment"][name])
            if theirs["environment"][name][:1] in "[{"
            else theirs["environment"][name]
        )
    }
    assert differs == {}


START = """
from sagemaker_training import entry_point, environment
env = environment.Environment()
print(env.module_dir, env.user_entry_point, flush=True)
entry_point.run(env.module_dir, env.user_entry_point, env.to_cmd_args(), env.to_env_vars())
"""


def test_a_tuning_job_starts_the_runtime_by_sagemaker_training(tool: Callable[[str], Path], tmp_path: Path) -> None:
    """A tuning job has no place for an entry point: what it says instead, the toolkit in AWS's images understands."""
    from planform.providers.aws.jobs.tuning_request import STARTER

    python = tool("sagemaker-training") / "python"
    source = tmp_path / "src"
    source.mkdir()
    (source / "train.py").write_text(TELL)
    base = tmp_path / "ml"
    code = SourceCode(str(source), ("train.py",), "train.py", args=("--last",))
    spec = JobSpec("r", 1, "tuning_job.t", "job-1", "l", "default", "", code, {"lr": 0.5}, {}, ())
    lay_out(base, spec, "localhost", ["localhost"], "eth0", "copy")  # the toolkit waits for hosts to have addresses
    folder = STARTER["sagemaker_submit_directory"].replace("/opt/ml", str(base))
    given = {"lr": "0.5", "sagemaker_program": STARTER["sagemaker_program"], "sagemaker_submit_directory": folder}
    told = {**given, "_tuning_objective_metric": "acc"}
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(told))
    outer = {"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(base), "TRAINING_JOB_NAME": "job-1"}
    done = subprocess.run([str(python), "-c", START], env=outer, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"argv"')))
    assert said["argv"] == ["--lr", "0.5", "--last"]  # nothing of the service's own
    assert json.loads(said["environment"]["SM_HPS"]) == {"lr": 0.5}
    assert said["environment"]["SM_SOURCE_DIR"] == str(base / "input" / "data" / "code")
