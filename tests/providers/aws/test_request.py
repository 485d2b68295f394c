"""A trainer as the request of CreateTrainingJob: every field, fit for the API's own model."""

from __future__ import annotations

from typing import Any

import pytest

from planform.core.executor import JobSpec
from planform.core.schemas import convert_body
from planform.core.tuning import definitions_of
from planform.core.values import Object
from planform.providers.aws.clients import Clients
from planform.providers.aws.jobs.batch import service_job
from planform.providers.aws.jobs.plan_check import misfits_of
from planform.providers.aws.jobs.request import Placed, attribute_path, training_job
from planform.providers.aws.jobs.status import of_service_job, of_training_job
from planform.providers.aws.jobs.tuning_request import NO_PLACE, Trained, attribute_of, tuning_job
from planform.resources.trainer import SCHEMA
from planform.resources.tuning_job import SCHEMA as TUNING
from planform.training.layout import START
from tests.fake_aws import FakeAws
from tests.fake_aws.models import model, problems

ROLE = "arn:aws:iam::123456789012:role/train"
EVERY_FIELD: Object = {
    "training_image": "img:1",
    "source_code": {"source_dir": "src", "entry_script": "train.py"},
    "compute": {
        "instance_type": "ml.g5.xlarge",
        "instance_count": 2,
        "volume_size_in_gb": 50,
        "volume_kms_key_id": "key-1",
        "keep_alive_period_in_seconds": 600,
        "enable_managed_spot_training": True,
    },
    "input_data": {
        "train": "data/train",
        "far": "s3://team/far/",
        "full": {
            "data_source": {
                "s3_data_source": {
                    "s3_uri": "s3://team/full",
                    "s3_data_type": "ManifestFile",
                    "s3_data_distribution_type": "ShardedByS3Key",
                }
            },
            "content_type": "text/csv",
            "compression_type": "Gzip",
            "record_wrapper_type": "RecordIO",
            "input_mode": "Pipe",
            "shuffle_config": {"seed": 7},
        },
        "disk": {
            "data_source": {
                "file_system_data_source": {
                    "file_system_id": "fs-0123456789a",
                    "file_system_type": "FSxLustre",
                    "file_system_access_mode": "ro",
                    "directory_path": "/fsx/data",
                }
            }
        },
    },
    "hyperparameters": {"epochs": 3, "lr": 5e-5, "name": "it's", "deep": {"a": [1, None, True]}},
    "environment": {"A": "1"},
    "stopping_condition": {
        "max_runtime_in_seconds": 600,
        "max_wait_time_in_seconds": 1200,
        "max_pending_time_in_seconds": 7200,
    },
    "output_data": {"s3_output_path": "s3://team/out", "kms_key_id": "key-2", "compression_type": "NONE"},
    "checkpoint": {"s3_uri": "s3://team/checkpoints"},
    "tensorboard": {"s3_output_path": "s3://team/boards"},
    "networking": {
        "subnets": ["subnet-1"],
        "security_group_ids": ["sg-1"],
        "enable_network_isolation": True,
        "enable_inter_container_traffic_encryption": True,
    },
    "training_input_mode": "FastFile",
    "metric_definitions": [{"name": "acc", "regex": "acc=([0-9.]+)"}],
    "role": ROLE,
    "tags": {"owner": "vision"},
    "retry_strategy": {"maximum_retry_attempts": 3},
    "remote_debug": {"enable_remote_debug": True},
    "infra_check": {"enable_infra_check": True},
}
PLACED = Placed(
    ROLE,
    "s3://bucket/planform",
    "trainer.t",
    "img:1",
    {"train": "s3://bucket/planform/data/d1/"},
    "s3://bucket/planform/code/c1/",
    "s3://bucket/planform/drivers/r1/",
    "0123456789abcdef",
)


def filled(body: Object) -> Object:
    misfits: list[Any] = []
    whole = convert_body(body, SCHEMA.attributes, (), misfits)
    assert not misfits
    return whole


def request(body: Object, **settings: Any) -> dict[str, Any]:
    made = training_job(filled(body), "team-default-t-abcdefgh", PLACED, settings, {"owner": "vision"})
    assert not list(problems(made, model("sagemaker").operation_model("CreateTrainingJob").input_shape))
    return made


def test_every_field_arrives() -> None:
    made = request(EVERY_FIELD)
    s3 = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
    assert made == {
        "TrainingJobName": "team-default-t-abcdefgh",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": "img:1",
            "TrainingInputMode": "FastFile",
            "MetricDefinitions": [{"Name": "acc", "Regex": "acc=([0-9.]+)"}],
            "ContainerEntrypoint": ["/bin/sh", "-c"],
            "ContainerArguments": [START],
        },
        "HyperParameters": {"epochs": "3", "lr": "5e-05", "name": "it's", "deep": '{"a": [1, null, true]}'},
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {**s3, "S3Uri": "s3://bucket/planform/data/d1/"}}},
            {"ChannelName": "far", "DataSource": {"S3DataSource": {**s3, "S3Uri": "s3://team/far/"}}},
            {
                "ChannelName": "full",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "ManifestFile",
                        "S3Uri": "s3://team/full",
                        "S3DataDistributionType": "ShardedByS3Key",
                    }
                },
                "ContentType": "text/csv",
                "CompressionType": "Gzip",
                "RecordWrapperType": "RecordIO",
                "InputMode": "Pipe",
                "ShuffleConfig": {"Seed": 7},
            },
            {
                "ChannelName": "disk",
                "DataSource": {
                    "FileSystemDataSource": {
                        "FileSystemId": "fs-0123456789a",
                        "FileSystemType": "FSxLustre",
                        "FileSystemAccessMode": "ro",
                        "DirectoryPath": "/fsx/data",
                    }
                },
            },
            {
                "ChannelName": "code",
                "DataSource": {"S3DataSource": {**s3, "S3Uri": "s3://bucket/planform/code/c1/"}},
                "InputMode": "File",
            },
            {
                "ChannelName": "sm_drivers",
                "DataSource": {"S3DataSource": {**s3, "S3Uri": "s3://bucket/planform/drivers/r1/"}},
                "InputMode": "File",
            },
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://team/out", "KmsKeyId": "key-2", "CompressionType": "NONE"},
        "ResourceConfig": {
            "InstanceType": "ml.g5.xlarge",
            "InstanceCount": 2,
            "VolumeSizeInGB": 50,
            "VolumeKmsKeyId": "key-1",
            "KeepAlivePeriodInSeconds": 600,
        },
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {
            "MaxRuntimeInSeconds": 600,
            "MaxWaitTimeInSeconds": 1200,
            "MaxPendingTimeInSeconds": 7200,
        },
        "Environment": {"A": "1"},
        "CheckpointConfig": {"S3Uri": "s3://team/checkpoints", "LocalPath": "/opt/ml/checkpoints"},
        "TensorBoardOutputConfig": {"S3OutputPath": "s3://team/boards", "LocalPath": "/opt/ml/output/tensorboard"},
        "Tags": [{"Key": "owner", "Value": "vision"}],
        "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
        "RetryStrategy": {"MaximumRetryAttempts": 3},
        "RemoteDebugConfig": {"EnableRemoteDebug": True},
        "InfraCheckConfig": {"EnableInfraCheck": True},
    }


# What no field makes is written as the API has it.
MORE: Object = {
    "AlgorithmSpecification": {
        "EnableSageMakerMetricsTimeSeries": True,
        "TrainingImageConfig": {
            "TrainingRepositoryAccessMode": "Vpc",
            "TrainingRepositoryAuthConfig": {
                "TrainingRepositoryCredentialsProviderArn": "arn:aws:lambda:us-west-2:123456789012:function:login"
            },
        },
    },
    "ResourceConfig": {"InstancePlacementConfig": {"EnableMultipleJobs": True}},
    "DebugHookConfig": {"S3OutputPath": "s3://team/debug"},
    "DebugRuleConfigurations": [{"RuleConfigurationName": "loss", "RuleEvaluatorImage": "rules"}],
    "ExperimentConfig": {"ExperimentName": "digits"},
    "ProfilerConfig": {"DisableProfiler": True},
    "ProfilerRuleConfigurations": [{"RuleConfigurationName": "use", "RuleEvaluatorImage": "rules"}],
    "SessionChainingConfig": {"EnableSessionTagChaining": True},
    "MlflowConfig": {"MlflowResourceArn": "arn:aws:sagemaker:us-west-2:123456789012:mlflow-tracking-server/team"},
    "ModelPackageConfig": {
        "ModelPackageGroupArn": "arn:aws:sagemaker:us-west-2:123456789012:model-package-group/digits"
    },
}


def test_every_member_of_the_api_can_be_said() -> None:
    """Of CreateTrainingJob and what it holds: by a field of the trainer, or by its `request`."""
    shape = model("sagemaker").operation_model("CreateTrainingJob").input_shape
    made = request({**EVERY_FIELD, "request": MORE})
    # There is one without instances, which a trainer has.
    assert shape.members.keys() - made.keys() == {"ServerlessJobConfig"}
    assert made.keys() >= request(EVERY_FIELD).keys() | MORE.keys()
    algorithm = shape.members["AlgorithmSpecification"].members.keys() - made["AlgorithmSpecification"].keys()
    assert algorithm == {"AlgorithmName"}  # instead of an image
    assert made["ResourceConfig"] == {**request(EVERY_FIELD)["ResourceConfig"], **MORE["ResourceConfig"]}


def test_more_members_are_checked_where_they_stand(aws: FakeAws) -> None:
    clients = Clients({"region": "us-west-2", "role": ROLE})

    def found(more: Object) -> set[tuple[str | int, ...]]:
        body = filled({"training_image": "img", "request": more})
        return {misfit.path for misfit in misfits_of(clients, "sagemaker", body)[0]}

    assert found(MORE) == set()
    no_function = {"TrainingRepositoryCredentialsProviderArn": "login"}  # a pattern with one of Java's classes
    image = {"TrainingRepositoryAccessMode": "Vpc", "TrainingRepositoryAuthConfig": no_function}
    ((*_, last),) = found({"AlgorithmSpecification": {"TrainingImageConfig": image}})
    assert last == "TrainingRepositoryCredentialsProviderArn"
    assert found({"AlgorithmSpecification": {"TrainingImage": "other"}}) == {
        ("request", "AlgorithmSpecification", "TrainingImage")
    }
    assert found({"ExperimentConfig": {"ExperimentName": "a b"}}) == {("request", "ExperimentConfig", "ExperimentName")}
    assert found({"Experiment": {}}) == {("request", "Experiment")}
    assert found({"ModelPackageConfig": {}}) == {("request", "ModelPackageConfig")}
    assert found({"DebugRuleConfigurations": [{"RuleConfigurationName": "x"}]}) == {
        ("request", "DebugRuleConfigurations", 0)
    }


def test_what_the_account_decides() -> None:
    """Places keyed by the definition, the settings of the provider where the trainer names none."""
    network = {"subnets": ["subnet-9"], "security_group_ids": ["sg-9"]}
    made = request(
        {"training_image": "img", "source_code": {"source_dir": "s", "entry_script": "t.py"}, "tensorboard": {}},
        networking=network,
        kms_key_id="key-9",
    )
    assert made["CheckpointConfig"]["S3Uri"] == "s3://bucket/planform/checkpoints/0123456789abcdef"
    assert made["OutputDataConfig"] == {"S3OutputPath": "s3://bucket/planform/output/trainer.t", "KmsKeyId": "key-9"}
    assert made["TensorBoardOutputConfig"]["S3OutputPath"] == "s3://bucket/planform/tensorboard/trainer.t"
    assert made["ResourceConfig"]["VolumeKmsKeyId"] == "key-9"
    assert made["VpcConfig"] == {"Subnets": ["subnet-9"], "SecurityGroupIds": ["sg-9"]}


@pytest.mark.parametrize(("kind", "key"), [("ml.m5.xlarge", "key-9"), ("ml.g5.xlarge", None), ("ml.g4dn.xlarge", None)])
def test_disks_of_an_instances_own_take_no_key(kind: str, key: str | None) -> None:
    made = request({"training_image": "img", "compute": {"instance_type": kind}}, kms_key_id="key-9")
    assert made["ResourceConfig"].get("VolumeKmsKeyId") == key


def test_instance_groups_get_the_code_too() -> None:
    """A channel without groups beside one with them would be refused."""
    groups = [{"instance_group_name": "g", "instance_type": "ml.m5.xlarge", "instance_count": 1}]
    source = {"s3_data_source": {"s3_uri": "s3://a/b", "instance_group_names": ["g"]}}
    made = request(
        {
            "training_image": "img",
            "source_code": {"source_dir": "s", "entry_script": "t.py"},
            "compute": {"instance_groups": groups},
            "input_data": {"train": {"data_source": source}},
        }
    )
    assert "InstanceType" not in made["ResourceConfig"]
    sources = [channel["DataSource"]["S3DataSource"] for channel in made["InputDataConfig"]]
    assert [source["InstanceGroupNames"] for source in sources] == [["g"]] * 3


def test_a_service_job() -> None:
    body = filled(
        {
            **EVERY_FIELD,
            "queue": "arn:aws:batch:us-west-2:123456789012:job-queue/q",
            "priority": 0,
            "quota_share": "arn:aws:batch:us-west-2:123456789012:job-queue/q/quota-share/vision",
            "timeout": {"attempt_duration_seconds": 3600},
            "preemption_configuration": {"preemption_retries_before_termination": 2},
        }
    )
    spec = JobSpec(
        "abcdefgh",
        1,
        "trainer.t",
        "team-t-abcdefgh",
        "0" * 36,
        "default",
        "img",
        None,
        {},
        {},
        (),
        queue=body["queue"],
        extra=body,
    )
    training = request(EVERY_FIELD)
    made = service_job(training, spec)
    assert not list(problems(made, model("batch").operation_model("SubmitServiceJob").input_shape))
    payload = made.pop("serviceRequestPayload")
    assert '"Tags"' not in payload
    assert '"RetryStrategy"' not in payload  # Batch retries, with a new name each time
    assert made == {
        "jobName": "team-t-abcdefgh",
        "jobQueue": body["queue"],
        "serviceJobType": "SAGEMAKER_TRAINING",
        "schedulingPriority": 0,  # zero is a priority
        "quotaShareName": "vision",
        "timeoutConfig": {"attemptDurationSeconds": 3600},
        "preemptionConfiguration": {"preemptionRetriesBeforeTermination": 2},
        "retryStrategy": {
            "attempts": 4,
            "evaluateOnExit": [
                {"action": "RETRY", "onStatusReason": "Received status from SageMaker:InternalServerError*"},
                {"action": "RETRY", "onStatusReason": "Received status from SageMaker: InternalServerError*"},
                {"action": "EXIT", "onStatusReason": "*"},
            ],
        },
        "tags": {"owner": "vision"},
        "clientToken": "abcdefgh-" + "0" * 36,
    }


@pytest.mark.parametrize(
    ("member", "path"),
    [
        (("ResourceConfig", "VolumeSizeInGB"), ("compute", "volume_size_in_gb")),
        (("HyperParameters", "Epochs"), ("hyperparameters", "Epochs")),
        (("VpcConfig", "Subnets", 0), ("networking", "subnets", 0)),
        (("OutputDataConfig", "KmsKeyId"), ("output_data", "kms_key_id")),
        (("AlgorithmSpecification", "MetricDefinitions", 1, "Regex"), ("metric_definitions", 1, "regex")),
        (("StoppingCondition", "MaxRuntimeInSeconds"), ("stopping_condition", "max_runtime_in_seconds")),
        (("InputDataConfig", "train", "ContentType"), ("input_data", "train", "content_type")),
        (("Tags", "owner", "Value"), ("tags", "owner")),
    ],
)
def test_a_member_leads_back_to_its_attribute(member: tuple[str | int, ...], path: tuple[str | int, ...]) -> None:
    assert attribute_path(member) == path


def test_plan_checks_a_known_trainer_and_passes_the_unknown(aws: FakeAws) -> None:
    from planform.core.values import Unknown

    clients = Clients({"region": "us-west-2", "role": ROLE})
    # Spot instances are not kept warm, and disks of the instance take no key.
    left_out = ("keep_alive_period_in_seconds", "volume_kms_key_id")
    compute = {name: value for name, value in EVERY_FIELD["compute"].items() if name not in left_out}
    fields = {**EVERY_FIELD, "compute": compute}
    assert misfits_of(clients, "sagemaker", filled(fields))[0] == []
    open_parts = {**fields, "output_data": Unknown("x"), "environment": {"A": Unknown("y")}, "role": Unknown("z")}
    assert misfits_of(clients, "sagemaker", filled(open_parts))[0] == []
    inside = {**fields, "metric_definitions": [{"name": Unknown("n"), "regex": "a=(.)"}]}
    assert misfits_of(clients, "sagemaker", filled(inside))[0] == []
    often = {**fields, "queue": "q", "retry_strategy": {"maximum_retry_attempts": 10}}
    (misfit,) = misfits_of(clients, "batch", filled(often))[0]
    assert misfit.path == ("retry_strategy", "maximum_retry_attempts")
    odd = {**fields, "compute": {"instance_type": "ml.m99.huge"}, "stopping_condition": {}}
    misfits, notes = misfits_of(clients, "sagemaker", filled(odd))
    assert misfits == []
    assert "this version of botocore does not know ml.m99.huge" in notes


@pytest.mark.parametrize(
    ("status", "secondary", "reason", "told"),
    [
        ("InProgress", "Starting", "", ("queued", "")),
        ("InProgress", "Training", "", ("running", "")),
        ("Completed", "Completed", "", ("succeeded", "")),
        ("Failed", "Failed", "AlgorithmError: x", ("failed", "user")),
        ("Failed", "Failed", "AlgorithmError: not enough capacity in my buffer", ("failed", "user")),
        ("Failed", "Failed", "ClientError: no such bucket", ("failed", "user")),
        ("Failed", "Failed", "InternalServerError: We encountered an internal error.", ("failed", "infrastructure")),
        (
            "Failed",
            "Failed",
            "CapacityError: Unable to provision requested ML compute capacity.",
            ("failed", "infrastructure"),
        ),
        ("Stopped", "MaxRuntimeExceeded", "", ("stopped", "")),
        ("Stopped", "MaxWaitTimeExceeded", "", ("failed", "infrastructure")),
    ],
)
def test_what_a_status_means(status: str, secondary: str, reason: str, told: tuple[str, str]) -> None:
    found = of_training_job({"TrainingJobStatus": status, "SecondaryStatus": secondary, "FailureReason": reason})
    assert (found.status, found.failure) == told


def test_whether_artifacts_are_there(aws: FakeAws) -> None:
    """A file, a folder (compression NONE), or nothing; a name that begins alike is another."""
    from planform.providers.aws.jobs.storage import Storage
    from tests.fake_aws import BUCKET

    for key in ("a/model.tar.gz", "b/model/part", "c/models"):
        aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")
    uris = {
        f"s3://{BUCKET}/{key}": there
        for key, there in (("a/model.tar.gz", True), ("b/model", True), ("c/model", False))
    }
    assert Storage(Clients({"region": "us-west-2"})).exist(uris) == uris


def test_what_a_service_job_means() -> None:
    assert of_service_job({"status": "RUNNABLE", "statusReason": "CAPACITY"}, None).reason == "RUNNABLE: CAPACITY"
    ended = of_service_job(
        {"status": "FAILED", "isTerminated": True, "statusReason": "by hand", "stoppedAt": 1000}, None
    )
    assert (ended.status, ended.reason, ended.ended_at) == ("stopped", "by hand", "1970-01-01T00:00:01.000Z")
    stopped = {"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}
    assert of_service_job({"status": "FAILED", "statusReason": "Stopped"}, stopped).status == "stopped"


def tuning(body: Object, **more: Any) -> Object:
    given: Object = {
        "trainer": body,
        "strategy": "Hyperband",
        "objective": {"metric_name": "acc"},
        "parameter_ranges": {
            "integer": {"depth": {"min_value": 1, "max_value": 9}},
            "continuous": {"rate": {"min_value": 1e-5, "max_value": 0.5, "scaling_type": "Logarithmic"}},
            "categorical": {"opt": ["adam", 2, True]},
        },
        "resource_limits": {
            "max_number_of_training_jobs": 20,
            "max_parallel_training_jobs": 4,
            "max_runtime_in_seconds": 7200,
        },
        "strategy_config": {"hyperband_strategy_config": {"min_resource": 1, "max_resource": 27}},
        "early_stopping_type": "Off",
        "tuning_job_completion_criteria": {
            "target_objective_metric_value": 0.99,
            "best_objective_not_improving": {"max_number_of_training_jobs_not_improving": 5},
            "convergence_detected": {},
        },
        "random_seed": 7,
        "warm_start": {"type": "TransferLearning", "parents": ["first", "arn:aws:x:y:1:kind/second"]},
        **more,
    }
    misfits: list[Any] = []
    whole = convert_body(given, TUNING.attributes, (), misfits)
    assert not misfits
    return whole


def tuning_request(body: Object, **more: Any) -> dict[str, Any]:
    whole = tuning(body, **more)
    made = tuning_job(
        whole,
        {item.name: Trained(item.trainer, PLACED) for item in definitions_of(whole)},
        "team-default-t-abcdefgh",
        {},
        {"owner": "vision"},
    )
    shape = model("sagemaker").operation_model("CreateHyperParameterTuningJob").input_shape
    assert not list(problems(made, shape))
    return made


def test_a_tuning_job_loses_no_field_of_its_trainer() -> None:
    """Each member of the training job is in the definition, as it is, but for what the API has no place for."""
    training, definition = request(EVERY_FIELD), tuning_request(EVERY_FIELD)["TrainingJobDefinition"]
    shape = model("sagemaker").shape_for("HyperParameterTrainingJobDefinition")
    lost = training.keys() - definition.keys()
    assert lost == {"TrainingJobName", "Tags", "HyperParameters", *NO_PLACE}
    assert not lost & shape.members.keys()
    algorithm = training["AlgorithmSpecification"]
    for name in definition.keys() - {"AlgorithmSpecification", "StaticHyperParameters"}:
        assert definition[name] == training[name]
    assert definition["AlgorithmSpecification"] == {
        name: value for name, value in algorithm.items() if not name.startswith("Container")
    }
    assert definition["StaticHyperParameters"] == {
        **training["HyperParameters"],
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "/opt/ml/input/data/sm_drivers",
    }


def test_what_is_searched_and_how() -> None:
    made = tuning_request(EVERY_FIELD)
    assert made["HyperParameterTuningJobConfig"] == {
        "Strategy": "Hyperband",
        "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 27}},
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "acc"},
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": 20,
            "MaxParallelTrainingJobs": 4,
            "MaxRuntimeInSeconds": 7200,
        },
        "ParameterRanges": {
            "IntegerParameterRanges": [{"Name": "depth", "MinValue": "1", "MaxValue": "9", "ScalingType": "Auto"}],
            "ContinuousParameterRanges": [
                {"Name": "rate", "MinValue": "1e-05", "MaxValue": "0.5", "ScalingType": "Logarithmic"}
            ],
            "CategoricalParameterRanges": [{"Name": "opt", "Values": ["adam", "2", "true"]}],
        },
        "TrainingJobEarlyStoppingType": "Off",
        "RandomSeed": 7,
        "TuningJobCompletionCriteria": {
            "TargetObjectiveMetricValue": 0.99,
            "BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 5},
            "ConvergenceDetected": {"CompleteOnConvergence": "Enabled"},
        },
    }
    parents = made["WarmStartConfig"]["ParentHyperParameterTuningJobs"]
    assert [item["HyperParameterTuningJobName"] for item in parents] == ["first", "second"]
    assert made["Tags"] == [{"Key": "owner", "Value": "vision"}]


def test_trials_share_no_checkpoints_and_an_image_may_run_by_itself() -> None:
    alone = {name: value for name, value in EVERY_FIELD.items() if name not in ("checkpoint", "source_code")}
    assert (
        "CheckpointConfig"
        not in tuning_request({**alone, "source_code": EVERY_FIELD["source_code"]})["TrainingJobDefinition"]
    )
    whole = tuning(alone)
    placed = PLACED._replace(code="", drivers="")
    definition = tuning_job(whole, {"": Trained(whole["trainer"], placed)}, "t", {}, {})["TrainingJobDefinition"]
    assert "sagemaker_program" not in definition["StaticHyperParameters"]


@pytest.mark.parametrize(
    ("member", "path"),
    [
        (("TrainingJobDefinition", "ResourceConfig", "VolumeSizeInGB"), ("trainer", "compute", "volume_size_in_gb")),
        (("TrainingJobDefinition", "StaticHyperParameters", "lr"), ("trainer", "hyperparameters", "lr")),
        (
            ("HyperParameterTuningJobConfig", "ParameterRanges", "IntegerParameterRanges", 0, "MinValue"),
            ("parameter_ranges", "integer", "depth"),
        ),
        (
            ("HyperParameterTuningJobConfig", "ResourceLimits", "MaxRuntimeInSeconds"),
            ("resource_limits", "max_runtime_in_seconds"),
        ),
        (("HyperParameterTuningJobConfig", "RandomSeed"), ("random_seed",)),
        (("WarmStartConfig", "WarmStartType"), ("warm_start",)),
        (("Tags", 0, "Key"), ("tags",)),
        (("HyperParameterTuningJobName",), ()),
    ],
)
def test_where_a_member_of_a_tuning_job_comes_from(member: tuple[str | int, ...], path: tuple[str, ...]) -> None:
    assert attribute_of(member, tuning_request(EVERY_FIELD), {"": EVERY_FIELD}) == path


def several(**more: Any) -> dict[str, Any]:
    """A tuning job of two definitions: that of every field, and a small one."""
    one = tuning(EVERY_FIELD)
    small = {
        "trainer": {**{"training_image": "img:2", "role": "role"}, "hyperparameters": {"epochs": 1}},
        "objective": {"metric_name": "validation:acc"},
        "parameter_ranges": {"categorical": {"opt": ["a"]}, "auto": {"rate": 0.5}},
    }
    own = {name: one[name] for name in ("trainer", "objective", "parameter_ranges")}
    alone = ("trainer", "objective", "parameter_ranges", "warm_start")
    given = {name: value for name, value in one.items() if name not in alone}
    given |= {"training_job_definitions": {"every-field": own, "small": small}, "autotune": {"mode": "Enabled"}, **more}
    misfits: list[Any] = []
    whole = convert_body(given, TUNING.attributes, (), misfits)
    assert not misfits
    return whole


def several_request(**more: Any) -> dict[str, Any]:
    whole = several(**more)
    trained = {item.name: Trained(item.trainer, PLACED) for item in definitions_of(whole)}
    made = tuning_job(whole, trained, "team", {}, {})
    assert not list(problems(made, model("sagemaker").operation_model("CreateHyperParameterTuningJob").input_shape))
    return made


def test_several_definitions_have_names_objectives_and_ranges_of_their_own() -> None:
    made, alone = several_request(), tuning_request(EVERY_FIELD)
    first, second = made["TrainingJobDefinitions"]
    config = alone["HyperParameterTuningJobConfig"]
    assert first == {
        "DefinitionName": "every-field",
        "TuningObjective": config["HyperParameterTuningJobObjective"],
        "HyperParameterRanges": config["ParameterRanges"],
        **alone["TrainingJobDefinition"],
    }
    assert second["TuningObjective"] == {"Type": "Maximize", "MetricName": "validation:acc"}
    assert second["HyperParameterRanges"] == {
        "CategoricalParameterRanges": [{"Name": "opt", "Values": ["a"]}],
        "AutoParameters": [{"Name": "rate", "ValueHint": "0.5"}],
    }
    assert made["Autotune"] == {"Mode": "Enabled"}
    assert "TrainingJobDefinition" not in made
    assert not {"HyperParameterTuningJobObjective", "ParameterRanges"} & made["HyperParameterTuningJobConfig"].keys()


@pytest.mark.parametrize(
    ("member", "path"),
    [
        (("DefinitionName",), ()),
        (("TuningObjective", "MetricName"), ("objective",)),
        (("HyperParameterRanges", "AutoParameters", 0, "ValueHint"), ("parameter_ranges", "auto", "rate")),
        (("HyperParameterRanges",), ("parameter_ranges",)),
        (("StaticHyperParameters", "epochs"), ("trainer", "hyperparameters", "epochs")),
        (("RoleArn",), ("trainer", "role")),
    ],
)
def test_where_a_member_of_one_of_several_comes_from(member: tuple[str | int, ...], path: tuple[str, ...]) -> None:
    found = attribute_of(("TrainingJobDefinitions", 1, *member), several_request(), {"small": {}})
    assert found == ("training_job_definitions", "small", *path)
