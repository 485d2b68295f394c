"""From code of the SDK, and from live objects, to modules that plan and apply: the command line against a strict fake."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fake_aws import ACCOUNT, BUCKET, REGION, FakeAws

from .conftest import User

ROLE = f"arn:aws:iam::{ACCOUNT}:role/train"
IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-training:2.0.0-cpu-py310"
PROGRAM = f"""
import boto3
from sagemaker.train.aws_batch.training_queue import TrainingQueue
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.model_trainer import ModelTrainer

batch = boto3.client("batch", region_name="{REGION}")
environment = batch.create_service_environment(
    serviceEnvironmentName="pool",
    serviceEnvironmentType="SAGEMAKER_TRAINING",
    capacityLimits=[{{"maxCapacity": 2, "capacityUnit": "NUM_INSTANCES"}}],
)
batch.create_job_queue(
    jobQueueName="training",
    jobQueueType="SAGEMAKER_TRAINING",
    priority=7,
    serviceEnvironmentOrder=[{{"order": 1, "serviceEnvironment": environment["serviceEnvironmentArn"]}}],
)
trainer = ModelTrainer(
    training_image="{IMAGE}",
    role=get_execution_role(),
    source_code=SourceCode(source_dir="src", entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=1),
    hyperparameters={{"epochs": 3}},
    base_job_name="digits",
)
TrainingQueue("training").submit(trainer, [InputData(channel_name="train", data_source="data")], priority=3)
"""


PAGE = (Path(__file__).parents[2] / "docs" / "from-the-sdk.md").read_text()
PROGRAMS = [
    pytest.param(program, id=title)
    for title, program in re.findall(
        r"^## ([^\n]*)\n(?:(?!^## ).)*?```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE
    )
    if "JumpStart" not in program  # planned with a catalogue of models: tests of its own
]


@pytest.fixture
def team(user: User, aws: FakeAws) -> User:
    for name, text in (("src/train.py", "print('acc=0.5')\n"), ("data/digits.csv", "1,2\n")):
        user.write(text, name)
    return user


def test_a_program_becomes_what_it_would_have_made(team: User, aws: FakeAws) -> None:
    team.write(PROGRAM, "launch.py")
    told = team.run("migrate", "launch.py")
    assert "3 converted, 1 variable, 0 unsupported." in told
    team.edit("  aws: {region: us-west-2}", "  aws: {region: us-west-2, poll_interval_in_seconds: 0.01}")
    role = ("--var", f"role={ROLE}")
    planned = team.run("plan", *role)
    assert "2 to create" in planned
    assert "1 new run" in planned
    team.run("apply", "--auto-approve", *role)
    queue = aws.objects("job_queue")["training"]
    assert queue["priority"] == 7
    assert queue["serviceEnvironmentOrder"][0]["serviceEnvironment"].endswith("service-environment/pool")
    (job,) = aws.objects("service_job").values()
    request = json.loads(job["serviceRequestPayload"])
    assert job["schedulingPriority"] == 3
    assert request["HyperParameters"] == {"epochs": "3"}
    assert request["AlgorithmSpecification"]["TrainingImage"] == IMAGE
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == ["train", "code", "sm_drivers"]
    assert "No changes." in team.run("plan", *role)


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_of_the_page_plan(team: User, aws: FakeAws, program: str) -> None:
    for name in ("drivers/gossip.py", "src/requirements.txt", "data/train/digits.csv"):
        team.write("# nothing\n", name)
    for name in ("hyperparameters.json", "hyperparameters.yaml"):
        team.write('{"epochs": 3}', name)
    aws.client("s3").create_bucket(Bucket="datasets", CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.client("s3").put_object(Bucket="datasets", Key="digits/train.csv", Body=b"1,2\n")
    team.write(program, "launch.py")
    team.run("migrate", "launch.py")
    required = re.findall(r"^  (\w+): \{type: string\}$", (team.folder / "main.pf.yaml").read_text(), re.MULTILINE)
    values = {"role": ROLE, "default_bucket": BUCKET}
    assert "new run" in team.run("plan", *(word for name in required for word in ("--var", f"{name}={values[name]}")))


def test_a_queue_and_its_environment_are_imported_as_they_are(team: User, aws: FakeAws) -> None:
    batch = aws.client("batch")
    environment = batch.create_service_environment(
        serviceEnvironmentName="pool",
        serviceEnvironmentType="SAGEMAKER_TRAINING",
        capacityLimits=[{"maxCapacity": 5, "capacityUnit": "NUM_INSTANCES"}],
        tags={"owner": "vision"},
    )
    batch.create_job_queue(
        jobQueueName="training",
        jobQueueType="SAGEMAKER_TRAINING",
        priority=7,
        serviceEnvironmentOrder=[{"order": 1, "serviceEnvironment": environment["serviceEnvironmentArn"]}],
        jobStateTimeLimitActions=[
            {
                "reason": "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
                "state": "RUNNABLE",
                "maxTimeSeconds": 3600,
                "action": "TERMINATE",
            }
        ],
    )
    aws.advance(60)
    told = team.run("migrate", "--queue", "training", "--service-environment", "pool")
    assert "2 converted, 0 variables, 0 unsupported." in told
    text = (team.folder / "main.pf.yaml").read_text()
    assert 'service_environment_order: ["${service_environment.pool.arn}"]' in text
    assert "{to: job_queue.training, id: training}" in text
    planned = team.run("plan")
    assert "2 to import, 0 to create, 0 to change, 0 to destroy" in planned
    team.run("apply", "--auto-approve")
    assert "No changes." in team.run("plan")
    assert aws.objects("job_queue")["training"]["priority"] == 7


def launched(aws: FakeAws, **members: Any) -> None:
    """A training job somebody else started."""
    request = {
        "TrainingJobName": "old-job",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 50},
        "StoppingCondition": {"MaxRuntimeInSeconds": 7200},
        **members,
    }
    aws.client("sagemaker").create_training_job(**request)


def test_a_job_of_the_sdk_v2(team: User, aws: FakeAws) -> None:
    launched(
        aws,
        HyperParameters={
            "epochs": "3",
            "optimizer": '"adam"',
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": f'"s3://{BUCKET}/old-job/source/sourcedir.tar.gz"',
            "sagemaker_container_log_level": "10",
            "sagemaker_job_name": '"old-job"',
            "sagemaker_region": f'"{REGION}"',
            "sagemaker_mpi_enabled": "true",
            "sagemaker_mpi_num_of_processes_per_host": "4",
            "sagemaker_mpi_custom_mpi_options": '"-x NCCL_DEBUG=INFO"',
        },
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{BUCKET}/data",
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
        ],
        Environment={"STAGE": "dev", "DB_PASSWORD": "hunter2-hunter2"},
        EnableManagedSpotTraining=False,
        Tags=[{"Key": "team", "Value": "vision"}],
    )
    told = team.run("migrate", "--job", "old-job")
    assert "1 converted, 2 variables, 0 unsupported." in told
    text = (team.folder / "main.pf.yaml").read_text()
    assert "hunter2" not in text + told
    for line in (
        'source_code: {source_dir: "${var.source_dir}", entry_script: train.py}',
        'distributed: {mpi: {process_count_per_node: 4, mpi_additional_options: ["-x", "NCCL_DEBUG=INFO"]}}',
        f"input_data: {{train: s3://{BUCKET}/data}}",
        "hyperparameters: {epochs: 3, optimizer: adam}",
        'environment: {STAGE: dev, SM_LOG_LEVEL: "10"}',
        'secrets: {DB_PASSWORD: {ssm: "${var.db_password_parameter}"}}',
        "compute: {instance_type: ml.m5.xlarge, instance_count: 2, volume_size_in_gb: 50}",
        "tags: {team: vision}",
        "sourcedir.tar.gz: unpack it into a folder",
    ):
        assert line in text, text
    aws.client("s3").put_object(Bucket=BUCKET, Key="data/digits.csv", Body=b"1,2\n")
    aws.client("ssm").put_parameter(Name="/db", Value="hunter2-hunter2", Type="SecureString")
    planned = team.run("plan", "--var", "source_dir=src", "--var", "db_password_parameter=/db")
    assert "1 new run" in planned


def test_a_job_that_planform_started_comes_back_as_it_was(team: User, aws: FakeAws) -> None:
    team.write(f"""
planform: {{name: team, default_provider: aws}}
provider:
  aws: {{region: {REGION}, role: "{ROLE}", poll_interval_in_seconds: 0.01}}
resource:
  trainer:
    first:
      training_image: {IMAGE}
      source_code: {{source_dir: src, entry_script: train.py, args: ["--fast", "a b"]}}
      distributed: {{torchrun: {{process_count_per_node: 2}}}}
      input_data: {{train: {{data_source: "s3://{BUCKET}/data", content_type: text/csv}}}}
      hyperparameters: {{epochs: 3, layers: [4, 2], name: "007"}}
      compute: {{instance_count: 2, enable_managed_spot_training: true}}
      stopping_condition: {{max_runtime_in_seconds: 600, max_wait_time_in_seconds: 900}}
      metric_definitions: [{{name: acc, regex: "acc=([0-9.]+)"}}]
      networking: {{subnets: [subnet-1], security_group_ids: [sg-1]}}
      tags: {{owner: vision}}
""")
    aws.client("s3").put_object(Bucket=BUCKET, Key="data/digits.csv", Body=b"1,2\n")
    team.run("apply", "--auto-approve")
    (name,) = aws.objects("training_job")
    team.run("migrate", "--job", name, "--out", "again")
    quick = "  aws: {region: us-west-2, poll_interval_in_seconds: 0.01}"
    team.edit("  aws: {region: us-west-2}", quick, "again/main.pf.yaml")
    team.run("--chdir", "again", "apply", "--auto-approve")
    one, two = aws.objects("training_job").values()
    for job in (one, two):
        for member in list(job):
            if (
                member.startswith("_")
                or member in ("TrainingJobName", "TrainingJobArn", "ModelArtifacts")
                or "Time" in member
            ):
                del job[member]
        for channel in job["InputDataConfig"]:
            if channel["ChannelName"] == "sm_drivers":
                del channel["DataSource"]
    for changing in ("OutputDataConfig", "CheckpointConfig", "FinalMetricDataList"):
        one.pop(changing, None), two.pop(changing, None)
    assert one == two


def channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


DEFINITION: dict[str, Any] = {
    "StaticHyperParameters": {
        "epochs": "3",
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": f'"s3://{BUCKET}/src.tar.gz"',
    },
    "AlgorithmSpecification": {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "FastFile",
        "MetricDefinitions": [{"Name": "acc", "Regex": "acc=([0-9.]+)"}],
    },
    "RoleArn": ROLE,
    "InputDataConfig": [channel("train", f"s3://{BUCKET}/data")],
    "VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
    "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out", "KmsKeyId": "key"},
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 50},
    "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900},
    "EnableNetworkIsolation": True,
    "EnableInterContainerTrafficEncryption": True,
    "EnableManagedSpotTraining": True,
    "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints"},
    "RetryStrategy": {"MaximumRetryAttempts": 2},
    "Environment": {"STAGE": "dev"},
}
CONFIG: dict[str, Any] = {
    "Strategy": "Hyperband",
    "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}},
    "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "acc"},
    "ResourceLimits": {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2, "MaxRuntimeInSeconds": 3600},
    "ParameterRanges": {
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "1", "MaxValue": "9", "ScalingType": "Linear"}],
        "ContinuousParameterRanges": [
            {"Name": "lr", "MinValue": "1e-3", "MaxValue": "0.5", "ScalingType": "Logarithmic"},
            {"Name": "decay", "MinValue": "0", "MaxValue": "1", "ScalingType": "Auto"},
        ],
        "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ['"adam"', "sgd", "007"]}],
    },
    "TrainingJobEarlyStoppingType": "Off",
    "TuningJobCompletionCriteria": {
        "TargetObjectiveMetricValue": 0.25,
        "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5},
        "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
    },
    "RandomSeed": 7,
}


def asked(job: dict[str, Any]) -> dict[str, Any]:
    """What a tuning job of the fake was made by."""
    return {
        name: job[name] for name in (*TUNING_MEMBERS, "TrainingJobDefinition", "TrainingJobDefinitions") if name in job
    }


TUNING_MEMBERS = ("HyperParameterTuningJobConfig", "WarmStartConfig", "Autotune")


def test_a_live_tuning_job_loses_nothing(team: User, aws: FakeAws) -> None:
    aws.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="old-search",
        HyperParameterTuningJobConfig=CONFIG,
        TrainingJobDefinition=DEFINITION,
        WarmStartConfig={
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "older"}],
            "WarmStartType": "TransferLearning",
        },
        Tags=[{"Key": "team", "Value": "vision"}],
    )
    told = team.run("migrate", "--job", "old-search")
    assert "2 converted, 1 variable, 0 unsupported." in told
    assert "tuning job -> tuning_job.old_search" in told
    team.edit("  aws: {region: us-west-2}", "  aws: {region: us-west-2, poll_interval_in_seconds: 0.01}")
    aws.client("s3").put_object(Bucket=BUCKET, Key="data/digits.csv", Body=b"1,2\n")
    given = ("--var", "source_dir=src")
    assert "new run 1  8 trials of depth, lr, decay, optimizer (Hyperband)" in team.run("plan", *given)
    team.run("apply", "--auto-approve", "--detach", *given)
    before, after = map(asked, aws.objects("tuning_job").values())
    static = after["TrainingJobDefinition"]["StaticHyperParameters"]
    assert {name for name in static if not name.startswith("sagemaker_")} == {"epochs"}
    channels = after["TrainingJobDefinition"]["InputDataConfig"]
    assert [item["ChannelName"] for item in channels] == ["train", "code", "sm_drivers"]
    assert channels[:1] == DEFINITION["InputDataConfig"]
    for job in (before, after):
        for name in ("StaticHyperParameters", "InputDataConfig"):
            job["TrainingJobDefinition"] = {**job["TrainingJobDefinition"], name: None}
    ranges = before["HyperParameterTuningJobConfig"]["ParameterRanges"]
    ranges["ContinuousParameterRanges"][0]["MinValue"] = "0.001"  # the same number
    ranges["CategoricalParameterRanges"][0]["Values"][0] = "adam"  # a script gets the same
    before["TrainingJobDefinition"]["CheckpointConfig"]["LocalPath"] = "/opt/ml/checkpoints"  # as SageMaker has it
    before["TrainingJobDefinition"]["OutputDataConfig"]["CompressionType"] = "GZIP"
    after["TrainingJobDefinition"]["OutputDataConfig"].setdefault("CompressionType", "GZIP")
    assert before == after
    (job,) = [job for name, job in aws.objects("tuning_job").items() if name != "old-search"]
    assert job["_tags"]["team"] == "vision"


def test_a_tuning_job_that_planform_started_comes_back_as_it_was(team: User, aws: FakeAws) -> None:
    team.write(f"""
planform: {{name: team, default_provider: aws}}
provider:
  aws: {{region: {REGION}, role: "{ROLE}", poll_interval_in_seconds: 0.01}}
resource:
  trainer:
    base:
      run: manual
      training_image: {IMAGE}
      source_code: {{source_dir: src, entry_script: train.py}}
      input_data: {{train: "s3://{BUCKET}/data"}}
      hyperparameters: {{layers: [4, 2]}}
      metric_definitions: [{{name: acc, regex: "acc=([0-9.]+)"}}]
  tuning_job:
    search:
      trainer: "${{trainer.base}}"
      strategy: Grid
      objective: {{metric_name: acc}}
      parameter_ranges: {{categorical: {{rate: [0.1, 0.2], name: [a, "1"], deep: [true]}}}}
      resource_limits: {{max_parallel_training_jobs: 2}}
""")
    aws.set(log=["acc={rate}"])
    aws.client("s3").put_object(Bucket=BUCKET, Key="data/digits.csv", Body=b"1,2\n")
    team.run("apply", "--auto-approve")
    (name,) = aws.objects("tuning_job")
    arn = aws.objects("tuning_job")[name]["HyperParameterTuningJobArn"]
    team.run("migrate", "--job", arn, "--out", "again")
    quick = "  aws: {region: us-west-2, poll_interval_in_seconds: 0.01}"
    team.edit("  aws: {region: us-west-2}", quick, "again/main.pf.yaml")
    team.run("--chdir", "again", "apply", "--auto-approve")
    before, after = map(asked, aws.objects("tuning_job").values())
    for job in (before, after):
        job["TrainingJobDefinition"].pop("OutputDataConfig")
        for item in job["TrainingJobDefinition"]["InputDataConfig"]:
            if item["ChannelName"] == "sm_drivers":
                del item["DataSource"]
    assert before == after


def test_a_live_tuning_job_of_several_definitions(team: User, aws: FakeAws) -> None:
    config = {
        name: value
        for name, value in CONFIG.items()
        if name not in ("HyperParameterTuningJobObjective", "ParameterRanges")
    }
    ranges = {"AutoParameters": [{"Name": "lr", "ValueHint": "0.1"}, {"Name": "opt", "ValueHint": "adam"}]}
    image_only = {name: value for name, value in DEFINITION.items() if name != "StaticHyperParameters"}
    first = {
        "DefinitionName": "Net-1",
        "TuningObjective": {"Type": "Minimize", "MetricName": "acc"},
        "HyperParameterRanges": CONFIG["ParameterRanges"],
        **image_only,
    }
    second = {**first, "DefinitionName": "Net-2", "HyperParameterRanges": ranges}
    second |= {"StaticHyperParameters": {"epochs": "9"}, "EnableManagedSpotTraining": False}
    second |= {"StoppingCondition": {"MaxRuntimeInSeconds": 60}}
    aws.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="old-search",
        HyperParameterTuningJobConfig={**config, "Strategy": "Bayesian", "StrategyConfig": {}},
        TrainingJobDefinitions=[first, second],
        Autotune={"Mode": "Enabled"},
    )
    told = team.run("migrate", "--job", "old-search")
    assert "3 converted, 0 variables, 0 unsupported." in told
    assert "trainer.net_1" in told
    aws.client("s3").put_object(Bucket=BUCKET, Key="data/digits.csv", Body=b"1,2\n")
    assert "trials of Net-1 (depth, lr, decay, optimizer), Net-2 (lr, opt) (Bayesian, autotune)" in team.run("plan")
    team.run("apply", "--auto-approve", "--detach")
    _, after = map(asked, aws.objects("tuning_job").values())
    assert after["Autotune"] == {"Mode": "Enabled"}
    one, two = after["TrainingJobDefinitions"]
    assert (one["DefinitionName"], two["DefinitionName"]) == ("Net-1", "Net-2")
    assert two["HyperParameterRanges"] == ranges
    assert two["StaticHyperParameters"] == {"epochs": "9"}
    assert one["TuningObjective"] == first["TuningObjective"]
    assert one["Environment"] == {"STAGE": "dev"}


def test_a_trial_is_a_trainer_with_what_it_was_given(team: User, aws: FakeAws) -> None:
    launched(aws, HyperParameters={"lr": "0.5", "_tuning_objective_metric": "acc"})
    team.run("migrate", "--job", "old-job")
    assert "hyperparameters: {lr: 0.5}" in (team.folder / "main.pf.yaml").read_text()


def test_what_has_no_place_is_named(team: User, aws: FakeAws) -> None:
    choices = [
        {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        {"InstanceType": "ml.c5.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 40},
    ]
    definition = {name: value for name, value in DEFINITION.items() if name != "ResourceConfig"}
    resources = {"InstanceConfigs": choices, "AllocationStrategy": "Prioritized", "VolumeKmsKeyId": "key"}
    aws.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="old-search",
        HyperParameterTuningJobConfig={**CONFIG, "TrainingJobEarlyStoppingType": "Off"},
        TrainingJobDefinition={**definition, "HyperParameterTuningResourceConfig": resources},
    )
    launched(
        aws,
        ResourceConfig={
            "InstancePreferences": [{"InstanceType": "ml.m5.xlarge", "InstanceCount": 1}],
            "VolumeSizeInGB": 50,
        },
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "EnableSageMakerMetricsTimeSeries": True,
        },
    )
    told = team.run("migrate", "--job", "old-search", "--job", "old-job")
    assert "HyperParameterTuningResourceConfig.InstanceConfigs: 'ml.c5.xlarge'" in told
    assert "ResourceConfig.InstancePreferences=[...]" in told
    assert "2 unsupported." in told
    text = (team.folder / "main.pf.yaml").read_text()
    assert "request: {AlgorithmSpecification: {EnableSageMakerMetricsTimeSeries: true}}" in text
    for line in ("instance_type: ml.m5.xlarge", "instance_count: 1", "volume_size_in_gb: 30", "volume_kms_key_id: key"):
        assert line in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--job", "gone"), 'There is no training job and no tuning job "gone" in us-west-2.'),
        (("--job", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/gone"), 'no tuning job "gone"'),
        (("--queue", "trainin"), 'Did you mean "training"?'),
        (("--service-environment", "pool"), 'There is no service_environment "pool" in us-west-2.'),
    ],
)
def test_what_is_not_there(team: User, aws: FakeAws, words: tuple[str, str], says: str) -> None:
    batch = aws.client("batch")
    batch.create_service_environment(
        serviceEnvironmentName="other", serviceEnvironmentType="SAGEMAKER_TRAINING", capacityLimits=[{"maxCapacity": 1}]
    )
    aws.advance(60)
    batch.create_job_queue(
        jobQueueName="training",
        jobQueueType="SAGEMAKER_TRAINING",
        priority=1,
        serviceEnvironmentOrder=[{"order": 1, "serviceEnvironment": "other"}],
    )
    assert says in team.run("migrate", *words, code=1)
    assert not (team.folder / "main.pf.yaml").exists()


def test_local_mode_runs_with_the_files_that_the_sdk_would_take(user: User) -> None:
    user.write("import os, shared.lib\nprint(sorted(os.listdir()), f'acc={shared.lib.ACC}')\n", "train.py")
    user.write("ACC = 0.5\n", "shared/lib.py")
    user.write("not code\n", "notes.md")
    user.write("1,2\n", "data/digits.csv")
    user.write(
        "from sagemaker.sklearn import SKLearn\n"
        "forest = SKLearn('train.py', framework_version='1.4-2', dependencies=['shared'], instance_type='local',\n"
        "                 metric_definitions=[{'Name': 'acc', 'Regex': 'acc=([0-9.]+)'}])\n"
        "forest.fit({'train': 'file://data'})\n",
        "launch.py",
    )
    user.run("migrate", "launch.py")
    user.edit("executor: docker", "executor: process")
    assert "acc 0.5" in user.run("apply", "--auto-approve")
    assert "['shared', 'train.py'] acc=0.5" in user.run("logs", "trainer.forest")
