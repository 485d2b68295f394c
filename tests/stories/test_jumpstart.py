"""Models of JumpStart: what the document says, under what the user says; pinned, listed, searched."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.fake_aws import ACCOUNT, REGION, FakeAws

from .conftest import User

BERT, LLAMA = "huggingface-tc-bert-base-cased", "meta-textgeneration-llama-tiny"
MODULE = f"""
planform: {{name: tune, default_provider: aws}}
provider:
  aws:
    region: {REGION}
    role: arn:aws:iam::{ACCOUNT}:role/train
    poll_interval_in_seconds: 0.01
resource:
  trainer:
    t:
      jumpstart: {{model_id: {BERT}}}
      hyperparameters: {{epochs: 2}}
"""


@pytest.fixture
def tune(user: User, aws: FakeAws) -> User:
    user.write(MODULE)
    return user


def only_job(aws: FakeAws) -> dict:
    return next(iter(aws.objects("training_job").values()))


def test_a_model_is_fine_tuned_with_what_its_document_says(tune: User, aws: FakeAws) -> None:
    said = tune.run("plan", "--full", "--out", "p.pfplan")
    for line in (
        'instance_type: "ml.g5.2xlarge" (JumpStart 2.0.3)',
        "volume_size_in_gb: 60 (JumpStart 2.0.3)",
        "max_runtime_in_seconds: 360000 (JumpStart 2.0.3)",
        'adam-learning-rate: "0.00002" (JumpStart 2.0.3)',
        'model_version: "2.0.3" (JumpStart 2.0.3)',
        'entry_script: "transfer_learning.py" (JumpStart 2.0.3)',
        "enable_network_isolation: true (JumpStart 2.0.3)",
    ):
        assert line in said, line
    assert "epochs: 2\n" in said
    assert aws.changes() == []
    tune.run("apply", "p.pfplan")
    job = only_job(aws)
    assert job["AlgorithmSpecification"]["TrainingImage"].endswith("gpu-py310-cu118-ubuntu20.04")  # an alias, resolved
    assert [item["Name"] for item in job["AlgorithmSpecification"]["MetricDefinitions"]] == ["val_accuracy"]
    assert job["HyperParameters"] == {
        "epochs": "2",
        "adam-learning-rate": "0.00002",
        "batch-size": "64",
        "reinitialize-top-layer": "Auto",
        "train-only-top-layer": "False",
    }
    assert job["Environment"]["SM_LOG_LEVEL"] == "20"
    channels = {item["ChannelName"]: item for item in job["InputDataConfig"]}
    assert channels["training"]["DataSource"]["S3DataSource"]["S3Uri"].endswith("/training-datasets/SST/")
    assert channels["model"]["ContentType"] == "application/x-sagemaker-model"
    assert channels["code"]["DataSource"]["S3DataSource"]["S3Uri"].endswith("sourcedir.tar.gz")
    assert job["EnableNetworkIsolation"] is job["EnableInterContainerTrafficEncryption"] is True
    tags = job["_tags"]
    assert tags["sagemaker-sdk:jumpstart-model-id"] == BERT
    assert tune.run("plan").startswith("No changes")


def test_what_the_user_says_wins(tune: User, aws: FakeAws) -> None:
    tune.edit(
        "hyperparameters: {epochs: 2}",
        """compute: {instance_type: ml.m5.xlarge, volume_size_in_gb: 10}
      stopping_condition: {max_runtime_in_seconds: 60}
      environment: {OMP_NUM_THREADS: "7", SM_LOG_LEVEL: "10"}
      metric_definitions: [{name: mine, regex: "x=(.*)"}]
      input_data: {train: "s3://mine/data/"}
      hyperparameters: {epochs: 2, batch-size: 8}
      tags: {owner: me}""",
    )
    tune.run("apply", "-y")
    job = only_job(aws)
    assert job["AlgorithmSpecification"]["TrainingImage"].endswith("cpu-py310-ubuntu20.04")
    assert job["ResourceConfig"] == {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10}
    assert job["Environment"] == {"OMP_NUM_THREADS": "7", "SM_LOG_LEVEL": "10"}
    assert job["HyperParameters"]["batch-size"] == "8"
    assert sorted(item["ChannelName"] for item in job["InputDataConfig"]) == ["code", "model", "sm_drivers", "train"]


def test_what_is_an_expression_is_said_only_where_it_has_a_value(tune: User, aws: FakeAws) -> None:
    """A body with expressions in it is no other than one without: its defaults are not what the user says."""
    tune.edit(
        "hyperparameters: {epochs: 2}",
        """compute: {instance_type: "${null}"}
      stopping_condition: {max_runtime_in_seconds: "${null}"}
      hyperparameters: {epochs: "${1 + 1}"}""",
    )
    said = tune.run("plan", "--full")
    assert 'instance_type: "ml.g5.2xlarge" (JumpStart 2.0.3)' in said
    assert "max_runtime_in_seconds: 360000 (JumpStart 2.0.3)" in said


def test_gated_models_and_configurations(tune: User, aws: FakeAws) -> None:
    tune.edit(f"{{model_id: {BERT}}}", f"{{model_id: {LLAMA}}}")
    tune.edit("      hyperparameters: {epochs: 2}\n", "")
    refused = tune.run("plan", code=1)
    assert "is given only to who accepts its licence" in refused
    assert "llamaEula.txt" in refused
    assert "accept_eula: true" in refused
    tune.edit(f"{{model_id: {LLAMA}}}", f"{{model_id: {LLAMA}, accept_eula: true, training_config_name: big}}")
    assert 'The model has no configuration "big".' in tune.run("plan", code=1)
    tune.edit("training_config_name: big", "training_config_name: small")
    tune.run("apply", "-y")
    job = only_job(aws)
    assert job["StoppingCondition"]["MaxRuntimeInSeconds"] == 7200
    assert job["ResourceConfig"]["VolumeSizeInGB"] == 128
    assert job["OutputDataConfig"]["CompressionType"] == "NONE"
    assert job["Environment"]["SELF_DESTRUCT"] == "0"
    model = next(item for item in job["InputDataConfig"] if item["ChannelName"] == "model")["DataSource"][
        "S3DataSource"
    ]
    assert model["S3Uri"].startswith("s3://jumpstart-private-cache-prod-us-west-2/meta-training/g5/")
    assert model["ModelAccessConfig"] == {"AcceptEula": True}


WRONG = {
    "no such model": ({"model_id": "huggingface-tc-bert-base-case"}, {}, f'Did you mean "{BERT}"?'),
    "no such version": ({"model_id": BERT, "model_version": "9.9.9"}, {}, 'has no version "9.9.9"'),
    "not to be trained": ({"model_id": "model-txt2img-stable-wave"}, {}, "cannot be fine-tuned"),
    "instance": ({"model_id": BERT}, {"compute": {"instance_type": "ml.g5.2xlarg"}}, 'Did you mean "ml.g5.2xlarge"?'),
    "type": ({"model_id": BERT}, {"hyperparameters": {"epochs": 1.5}}, "1.5 is not a whole number"),
    "range": ({"model_id": BERT}, {"hyperparameters": {"batch-size": 4096}}, "too large: at most 1024"),
    "option": ({"model_id": BERT}, {"hyperparameters": {"reinitialize-top-layer": "Maybe"}}, "is not one of Auto"),
    "bool": ({"model_id": BERT}, {"hyperparameters": {"train-only-top-layer": "x"}}, "neither true nor false"),
    "two": ({"model_id": BERT}, {"input_data": {"train": "s3://a/b", "training": "s3://a/c"}}, "not in both"),
    "network": ({"model_id": BERT}, {"networking": {"enable_network_isolation": False}}, "without a network"),
    "algorithm": ({"model_id": BERT}, {"algorithm_name": "x"}, "cannot stand beside"),
    "model": (
        {"model_id": LLAMA, "accept_eula": True},
        {"input_data": {"model": "s3://a/b"}},
        "does not go on from another's artifacts",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_the_model_cannot_do_is_refused_by_plan(tune: User, aws: FakeAws, case: str) -> None:
    model, fields, says = WRONG[case]
    tune.edit(f"jumpstart: {{model_id: {BERT}}}\n      hyperparameters: {{epochs: 2}}", "${BODY}")
    body = {"jumpstart": model, **fields}
    tune.edit("${BODY}", "\n      ".join(f"{name}: {json.dumps(value)}" for name, value in body.items()))
    said = tune.run("plan", code=1)
    assert says in said
    assert "main.pf.yaml:1" in said


def test_a_misspelled_hyperparameter_is_warned_of_where_it_stands(tune: User, aws: FakeAws) -> None:
    tune.edit("{epochs: 2}", "{epoch: 2}")
    said = tune.run("plan")
    assert 'Warning: the model knows no hyperparameter "epoch".' in said
    assert re.search(r"main.pf.yaml:\d+:\d+, in trainer.t", said)
    assert 'Did you mean "epochs"?' in said


SEARCH = """
  tuning_job:
    search:
      trainer: "${trainer.t}"
      strategy: Random
      objective: {metric_name: val_accuracy}
      parameter_ranges:
        integer: {epochs: {min_value: 1, max_value: 4}}
        continuous: {adam-learning-rate: {min_value: 0.00001, max_value: 0.1}}
      resource_limits: {max_number_of_training_jobs: 2}
"""


def test_a_search_leaves_the_defaults_of_what_it_searches_out(tune: User, aws: FakeAws) -> None:
    tune.edit("      hyperparameters: {epochs: 2}\n", "      run: manual\n" + SEARCH)
    assert "2 trials of epochs, adam-learning-rate (Random)" in tune.run("plan")
    tune.run("apply", "-y", "--detach")
    (job,) = aws.objects("tuning_job").values()
    static = job["TrainingJobDefinition"]["StaticHyperParameters"]
    assert "epochs" not in static
    assert "batch-size" in static
    tune.edit("integer: {epochs: {min_value: 1, max_value: 4}}", "integer: {epoch: {min_value: 1, max_value: 4}}")
    said = tune.run("plan")
    assert 'Warning: the model knows no hyperparameter "epoch".' in said
    tune.edit("integer: {epoch: {min_value: 1", "integer: {epochs: {min_value: 0")
    assert "0 is too small: at least 1." in tune.run("plan", code=1)
    tune.edit("min_value: 0,", "min_value: 1,")
    tune.edit("      run: manual\n", "      run: manual\n      hyperparameters: {epochs: 7}\n")
    assert "epochs has a value, and a range in which it is searched." in tune.run("plan", code=1)


def test_a_private_hub_refers_to_a_public_model(tune: User, aws: FakeAws) -> None:
    tune.edit(f"{{model_id: {BERT}}}", f"{{model_id: {BERT}, hub_name: team-hub}}")
    tune.run("apply", "-y")
    source = only_job(aws)["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert source["HubAccessConfig"]["HubContentArn"].endswith(f"/ModelReference/{BERT}/2.0.3")


def test_a_pinned_model_is_the_same_tomorrow_and_needs_no_network(tune: User, aws: FakeAws) -> None:
    assert "planform jumpstart pin" in tune.run("plan")  # the newest is not pinned: the plan says so
    assert "2.0.3" in tune.run("jumpstart", "pin")
    lock = (tune.folder / ".planform.lock.yaml").read_text()
    assert f"{REGION}/SageMakerPublicHub/{BERT}" in lock
    aws.calls()
    assert "planform jumpstart pin" not in tune.run("plan")
    assert aws.calls()["SageMaker.DescribeHubContent"] == 0
    # Tomorrow there is a newer one; the pinned version is asked for by its number where the cache is not there.
    shutil.rmtree(tune.folder / ".planform" / "jumpstart")
    tune.run("plan")
    item = dict(aws.objects("hub_content")[BERT])
    item["document"]["TrainingVolumeSize"] = 61
    aws.alter("hub_content", BERT, **item)
    shutil.rmtree(tune.folder / ".planform" / "jumpstart")
    refused = tune.run("plan", code=1)
    assert "is not what was pinned" in refused
    aws.alter("hub_content", BERT, version="2.1.0")
    assert 'has no version "2.0.3"' in tune.run("plan", code=1)
    assert "2.0.3 -> 2.1.0" in tune.run("jumpstart", "pin", "--upgrade")
    assert "61 (JumpStart 2.1.0)" in tune.run("plan", "--full")


def test_the_catalogue(tune: User, aws: FakeAws) -> None:
    listed = tune.run("jumpstart", "list")
    assert [line.split()[0] for line in listed.splitlines()[1:4]] == [BERT, LLAMA, "model-txt2img-stable-wave"]
    assert "as of 20" in listed
    aws.calls()
    filtered = tune.run("jumpstart", "list", "--filter", "task == tc")
    assert BERT in filtered
    assert LLAMA not in filtered
    assert aws.calls()["SageMaker.ListHubContents"] == 0  # out of the cache
    assert BERT in tune.run("jumpstart", "search", "bert")
    assert LLAMA in tune.run("jumpstart", "search", "*llama* AND NOT txt2img")
    assert "No model matches" in tune.run("jumpstart", "search", "unheard-of")
    assert "task" in tune.run("jumpstart", "list", "--filter", "tusk == tc", code=1)
    tune.run("jumpstart", "sync")
    assert aws.calls()["SageMaker.ListHubContents"] == 1
    shown = tune.run("jumpstart", "show", BERT)
    assert "adam-learning-rate" in shown
    assert "ml.g5.2xlarge" in shown
    assert json.loads(tune.run("jumpstart", "show", BERT, "--json"))["version"] == "2.0.3"


def test_data_of_a_model(tune: User, aws: FakeAws) -> None:
    tune.write(
        f"""
planform: {{name: look, default_provider: aws}}
provider: {{aws: {{region: {REGION}}}}}
data:
  jumpstart_model:
    bert: {{model_id: {BERT}}}
output:
  kind: {{value: "${{data.jumpstart_model.bert.default_training_instance_type}}"}}
  epochs: {{value: "${{data.jumpstart_model.bert.hyperparameters.epochs}}"}}
"""
    )
    tune.run("apply", "-y")
    assert json.loads(tune.run("output", "--json"))["kind"]["value"] == "ml.g5.2xlarge"
    assert json.loads(tune.run("output", "--json"))["epochs"]["value"] == "5"
