"""A tuning job on SageMaker, by the command line: planned as the API would judge it, made once, watched, compared, stopped."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.fake_aws import FakeAws

from .conftest import User
from .test_aws import FAULTS, HEAD

SEARCH = """
variable:
  jobs: {type: number, default: 5}
  owner: {type: string, default: vision}
resource:
  trainer:
    base:
      run: manual
      training_image: {framework: sklearn, version: "1.4-2"}
      source_code: {source_dir: src, entry_script: train.py}
      input_data: {train: data}
      hyperparameters: {epochs: 3}
      stopping_condition: {max_runtime_in_seconds: 600}
      metric_definitions: [{name: acc, regex: "acc=([0-9.]+)"}, {name: loss, regex: "loss=([0-9.]+)"}]
  tuning_job:
    search:
      trainer: "${trainer.base}"
      strategy: Bayesian
      objective: {metric_name: acc}
      parameter_ranges:
        continuous: {lr: {min_value: 0.1, max_value: 0.9, scaling_type: Logarithmic}}
        integer: {depth: {min_value: 1, max_value: 9}}
      resource_limits: {max_number_of_training_jobs: "${var.jobs}", max_parallel_training_jobs: 2}
      tags: {owner: "${var.owner}"}
output:
  best: {value: "${tuning_job.search.best_hyperparameters}"}
  metric: {value: "${tuning_job.search.best_metric}"}
  job: {value: "${try(tuning_job.search.best_run.job_name, null)}"}
  model: {value: "${tuning_job.search.model_artifacts}"}
  measured: {value: "${tuning_job.search.metrics}"}
  trials: {value: "${tuning_job.search.runs[*].hyperparameters.lr}"}
"""


@pytest.fixture
def lab(user: User, aws: FakeAws) -> User:
    for name in ("src", "data"):
        (user.folder / name).mkdir()
    (user.folder / "src" / "train.py").write_text("print('acc=0.5')\n")
    (user.folder / "data" / "digits.csv").write_text("1,2\n")
    user.write(HEAD + SEARCH)
    aws.set(log=["acc=0.01 loss=2", "acc={lr} loss=1"])
    return user


def outputs(user: User) -> dict[str, Any]:
    return {name: item["value"] for name, item in json.loads(user.run("output", "--json")).items()}


def test_a_tuning_job_from_first_to_last(lab: User, aws: FakeAws) -> None:
    plan = lab.run("plan")
    assert "new run 1  5 trials of lr, depth (Bayesian)" in plan
    assert "at most 0.83 instance-hours" in plan
    assert aws.changes() == []
    applied = lab.run("apply", "-y")
    assert len(re.findall(r"trial \d of \d succeeded", applied)) == 5
    (job,) = aws.objects("tuning_job").values()
    assert len(job["HyperParameterTuningJobName"]) <= 32
    assert job["_tags"]["owner"] == "vision"
    assert job["_tags"]["planform:run"]
    assert len(aws.objects("training_job")) == 5
    found = outputs(lab)
    assert found["metric"] == 0.9
    assert found["best"] == {"lr": 0.9, "depth": 9}
    assert found["measured"] == {"acc": 0.9, "loss": 1}  # of the best job all metrics, not the objective alone
    assert found["job"] in found["model"]
    assert len(found["trials"]) == 5
    assert "acc=0.9 loss=1" in lab.run("logs", "tuning_job.search", "--node", "trial-5")

    aws.calls()
    assert lab.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert not any("HyperParameter" in name for name in aws.calls())  # an ended job is not asked again
    lab.run("apply", "-y", "--var", "jobs=3")
    assert len(aws.objects("tuning_job")) == 2
    assert "reuse run 1" in lab.run("plan")
    lab.run("apply", "-y")
    assert len(aws.objects("tuning_job")) == 2
    lab.run("destroy", "-y")


@pytest.mark.parametrize("do", FAULTS)
def test_faults_make_one_job(lab: User, aws: FakeAws, do: str) -> None:
    aws.faults(
        {"op": "CreateHyperParameterTuningJob", "do": do, "times": 2},
        {"op": "(Describe|List).*HyperParameterTuningJob", "do": do, "times": 2, "skip": 2},
    )
    lab.run("apply", "-y")
    assert lab.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert len(aws.objects("tuning_job")) == 1


def test_under_way_it_is_retagged_and_stopped(lab: User, aws: FakeAws) -> None:
    aws.set(tick=0.1)
    lab.run("apply", "-y", "--detach")
    plan = lab.run("plan", "--var", "owner=speech")
    assert re.search(r'tags.owner +"vision" -> "speech"', plan)
    lab.run("apply", "-y", "--var", "owner=speech")
    (job,) = aws.objects("tuning_job").values()
    assert job["_tags"]["owner"] == "speech"
    lab.run("stop", "tuning_job.search")
    lab.run("runs", "wait", "--timeout", "30", code=1)
    assert "held: run 1 was stopped" in lab.run("plan", "--var", "owner=speech")
    assert len(aws.objects("training_job")) == 2


def test_trials_that_fail_do_not_lose_the_job(lab: User, aws: FakeAws) -> None:
    aws.outcomes({"job": "-005-", "reason": "AlgorithmError: ValueError: diverged"})
    applied = lab.run("apply", "-y")
    assert "AlgorithmError: ValueError: diverged" in applied
    assert outputs(lab)["best"]["lr"] == pytest.approx(0.7)
    aws.outcomes({"job": ".*", "reason": "AlgorithmError: no", "times": 99})
    lab.run("apply", "-y", "--var", "jobs=4", code=1)
    assert "held: run 2 failed (No training job succeeded.)" in lab.run("plan", "--var", "jobs=4")


def test_what_sagemaker_would_refuse_is_refused_by_plan(lab: User, aws: FakeAws) -> None:
    many = ", ".join(f"A{index}: x" for index in range(49))
    lab.edit("input_data: {train: data}", "input_data: {train: data}\n      environment: {" + many + "}")
    lab.edit(
        "input_data:",
        "queue: team\n      remote_debug: {enable_remote_debug: true}\n      tensorboard: {}\n      input_data:",
    )
    lab.edit("max_parallel_training_jobs: 2", "max_parallel_training_jobs: 2, max_runtime_in_seconds: 600")
    said = lab.run("plan", code=1)
    assert "queue cannot be used here: SageMaker starts the training jobs of a tuning job by itself" in said
    lab.edit("queue: team\n      ", "")
    said = lab.run("plan", code=1)
    assert re.search(
        r"SageMaker would refuse TrainingJobDefinition.Environment: 49 entries are too many: at most 48.*\n +main.pf.yaml:\d+:\d+, in tuning_job.search",
        said,
    )
    lab.edit("A0: x, ", "")
    planned = lab.run("plan")
    for name in ("tensorboard", "remote_debug"):
        assert f"{name} not used: a tuning job has no place for it (sagemaker)" in planned
    assert aws.changes() == []


def test_warm_start_from_another_tuning_job(lab: User, aws: FakeAws) -> None:
    lab.edit(
        "output:",
        """    again:
      trainer: "${trainer.base}"
      strategy: Random
      random_seed: 3
      early_stopping_type: Auto
      objective: {metric_name: loss, type: Minimize}
      parameter_ranges: {categorical: {opt: [adam, sgd, 3]}}
      resource_limits: {max_number_of_training_jobs: 2, max_runtime_in_seconds: 7200}
      warm_start: {type: TransferLearning, parents: ["${tuning_job.search.job_name}"]}
output:""",
    )
    lab.run("apply", "-y")
    first, second = aws.objects("tuning_job").values()
    assert second["WarmStartConfig"] == {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": first["HyperParameterTuningJobName"]}],
        "WarmStartType": "TransferLearning",
    }
    config = second["HyperParameterTuningJobConfig"]
    assert config["TrainingJobEarlyStoppingType"] == "Auto"
    assert config["RandomSeed"] == 3
    assert config["ParameterRanges"] == {
        "CategoricalParameterRanges": [{"Name": "opt", "Values": ["adam", "sgd", "3"]}]
    }
    assert lab.run("plan", "--detailed-exitcode").startswith("No changes.")


def test_permissions_know_what_a_search_changes_of_a_trainer(lab: User, aws: FakeAws) -> None:
    lab.edit(
        'trainer: "${trainer.base}"',
        """trainer: "${merge(trainer.base, {output_data = {s3_output_path = 's3://other/x'}})}\"""",
    )
    assert "arn:aws:s3:::other" in lab.run("permissions", "apply")


def test_permissions_know_tuning_jobs(lab: User) -> None:
    document = json.loads(lab.run("permissions", "apply"))
    (jobs,) = [item for item in document["Statement"] if item["Sid"] == "TuningJobs"]
    assert "sagemaker:CreateHyperParameterTuningJob" in jobs["Action"]
    assert "arn:aws:sagemaker:*:*:hyper-parameter-tuning-job/*" in jobs["Resource"]
    assert any("iam:PassRole" in item["Action"] for item in document["Statement"])
    actions = [action for item in json.loads(lab.run("permissions", "plan"))["Statement"] for action in item["Action"]]
    assert "sagemaker:DescribeHyperParameterTuningJob" in actions
    assert not any("Create" in action for action in actions)


SEVERAL = (
    SEARCH[: SEARCH.index("  tuning_job:")]
    + """
    deep:
      run: manual
      training_image: {framework: pytorch, version: "2.0.0", py_version: py310}
      source_code: {source_dir: src, entry_script: train.py}
      input_data: {train: data}
      compute: {instance_type: ml.g5.xlarge, instance_count: 2}
      stopping_condition: {max_runtime_in_seconds: 1200}
      metric_definitions: [{name: score, regex: "acc=([0-9.]+)"}]
  tuning_job:
    search:
      strategy: Bayesian
      training_job_definitions:
        flat:
          trainer: "${trainer.base}"
          objective: {metric_name: acc}
          parameter_ranges: {continuous: {lr: {min_value: 0.1, max_value: 0.9}}}
        deep:
          trainer: "${trainer.deep}"
          objective: {metric_name: score}
          parameter_ranges:
            continuous: {lr: {min_value: 0.2, max_value: 0.95}}
            integer: {layers: {min_value: 1, max_value: 9}}
      resource_limits: {max_number_of_training_jobs: "${var.jobs}", max_parallel_training_jobs: 2}
output:
  best: {value: "${tuning_job.search.best_run}"}
  metric: {value: "${tuning_job.search.best_metric}"}
  which: {value: "${tuning_job.search.runs[*].definition}"}
"""
)


def test_several_definitions_are_one_search(lab: User, aws: FakeAws) -> None:
    lab.write(HEAD + SEVERAL)
    plan = lab.run("plan")
    assert "new run 1  5 trials of flat (lr), deep (lr, layers) (Bayesian)" in plan
    assert "at most 3.33 instance-hours" in plan  # five of the dearer ones: 2 instances for 20 minutes
    applied = lab.run("apply", "-y")
    assert re.search(r"trial 5 of 5 succeeded in .*, acc 0.5, loss 1 \(flat: lr=0.5\)", applied)
    (job,) = aws.objects("tuning_job").values()
    flat, deep = job["TrainingJobDefinitions"]
    assert (flat["DefinitionName"], deep["DefinitionName"]) == ("flat", "deep")
    assert "sagemaker-scikit-learn" in flat["AlgorithmSpecification"]["TrainingImage"]
    assert deep["AlgorithmSpecification"]["TrainingImage"].endswith("pytorch-training:2.0.0-gpu-py310")
    assert "HyperParameterTuningJobObjective" not in job["HyperParameterTuningJobConfig"]
    found = outputs(lab)
    assert (found["metric"], found["best"]["definition"], found["best"]["metrics"]["acc"]) == (0.5, "flat", 0.5)
    assert found["which"] == ["flat", "deep", "flat", "deep", "flat"]
    assert lab.run("plan", "--detailed-exitcode").startswith("No changes.")
    table = lab.run("runs", "compare", "tuning_job.search", "--sort", "lr:desc")
    assert re.search(r"\*1/5 flat +succeeded +3 +0.5", table), table
    assert "best acc" not in lab.run("metrics", "tuning_job.search")  # they have no name in common
    assert "best objective" in lab.run("metrics", "tuning_job.search")
    assert "training_job_definitions.deep.compute.instance_count" in lab.run("why", "tuning_job.search")
    lab.edit("layers: {min_value: 1, max_value: 9}", "layers: {min_value: 1, max_value: 5}")
    changed = lab.run("plan")
    assert "new run 2" in changed
    assert re.search(r"training_job_definitions.deep.parameter_ranges.integer.layers.max_value +9 -> 5", changed)


def test_sagemaker_finds_the_ranges(lab: User, aws: FakeAws) -> None:
    lab.edit(
        """      parameter_ranges:
        continuous: {lr: {min_value: 0.1, max_value: 0.9, scaling_type: Logarithmic}}
        integer: {depth: {min_value: 1, max_value: 9}}
      resource_limits: {max_number_of_training_jobs: "${var.jobs}", max_parallel_training_jobs: 2}
""",
        """      parameter_ranges: {auto: {lr: 0.25}}
      autotune: {mode: Enabled}
      resource_limits: {max_parallel_training_jobs: 2}
""",
    )
    plan = lab.run("plan")
    assert "new run 1  trials of lr (Bayesian, autotune)" in plan
    assert "without a bound: nothing says how many training jobs there are" in lab.run("plan", "--full")
    lab.run("apply", "-y")
    (job,) = aws.objects("tuning_job").values()
    assert job["Autotune"] == {"Mode": "Enabled"}
    assert job["HyperParameterTuningJobConfig"]["ParameterRanges"] == {
        "AutoParameters": [{"Name": "lr", "ValueHint": "0.25"}]
    }
    assert (
        "TrainingJobEarlyStoppingType" not in job["HyperParameterTuningJobConfig"]
    )  # that is SageMaker's to choose too
    assert outputs(lab)["best"] == {"lr": 0.25}
    lab.edit("      parameter_ranges: {auto: {lr: 0.25}}\n", "")
    assert "new run 2" in lab.run("plan")
    lab.edit("      autotune: {mode: Enabled}\n", "      parameter_ranges: {auto: {lr: 0.25}}\n")
    assert "A range that SageMaker finds needs autotune." in lab.run("plan", code=1)


def test_what_definitions_have_together_is_limited(lab: User, aws: FakeAws) -> None:
    lab.write(HEAD + SEVERAL)
    many = ", ".join(f"A{index}: x" for index in range(25))
    lab.edit("      input_data:", "      environment: {" + many + "}\n      input_data:")
    said = lab.run("plan", code=1)
    assert "50 environment variables in all definitions together are too many: at most 48." in said
    assert re.search(r"main.pf.yaml:\d+:\d+, in tuning_job.search", said)
