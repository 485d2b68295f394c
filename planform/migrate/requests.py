"""A training job as the API of SageMaker describes it, of CreateTrainingJob or DescribeTrainingJob, as a trainer."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from planform.core.hyperparameters import decode
from planform.migrate.drafts import Conversion, Draft, Path, brief, key_values, named
from planform.migrate.metrics import metrics
from planform.migrate.values import Made, Value
from planform.migrate.version2 import image_of

FIELDS: Mapping[tuple[str, ...], Path] = {
    ("RoleArn",): ("role",),
    ("AlgorithmSpecification", "TrainingImage"): ("training_image",),
    ("AlgorithmSpecification", "AlgorithmName"): ("algorithm_name",),
    ("ResourceConfig", "InstanceType"): ("compute", "instance_type"),
    ("ResourceConfig", "InstanceCount"): ("compute", "instance_count"),
    ("ResourceConfig", "VolumeSizeInGB"): ("compute", "volume_size_in_gb"),
    ("ResourceConfig", "VolumeKmsKeyId"): ("compute", "volume_kms_key_id"),
    ("ResourceConfig", "KeepAlivePeriodInSeconds"): ("compute", "keep_alive_period_in_seconds"),
    ("ResourceConfig", "TrainingPlanArn"): ("compute", "training_plan_arn"),
    ("StoppingCondition", "MaxRuntimeInSeconds"): ("stopping_condition", "max_runtime_in_seconds"),
    ("StoppingCondition", "MaxWaitTimeInSeconds"): ("stopping_condition", "max_wait_time_in_seconds"),
    ("StoppingCondition", "MaxPendingTimeInSeconds"): ("stopping_condition", "max_pending_time_in_seconds"),
    ("OutputDataConfig", "S3OutputPath"): ("output_data", "s3_output_path"),
    ("OutputDataConfig", "KmsKeyId"): ("output_data", "kms_key_id"),
    ("CheckpointConfig", "S3Uri"): ("checkpoint", "s3_uri"),
    ("CheckpointConfig", "LocalPath"): ("checkpoint", "local_path"),
    ("TensorBoardOutputConfig", "S3OutputPath"): ("tensorboard", "s3_output_path"),
    ("TensorBoardOutputConfig", "LocalPath"): ("tensorboard", "local_path"),
    ("VpcConfig", "Subnets"): ("networking", "subnets"),
    ("VpcConfig", "SecurityGroupIds"): ("networking", "security_group_ids"),
    ("Environment",): ("environment",),
    ("RetryStrategy", "MaximumRetryAttempts"): ("retry_strategy", "maximum_retry_attempts"),
}

# Members that say what is so anyway when they have this value.
FLAGS: Mapping[tuple[str, ...], tuple[Path, Value]] = {
    ("AlgorithmSpecification", "TrainingInputMode"): (("training_input_mode",), "File"),
    ("OutputDataConfig", "CompressionType"): (("output_data", "compression_type"), "GZIP"),
    ("EnableNetworkIsolation",): (("networking", "enable_network_isolation"), False),
    ("EnableInterContainerTrafficEncryption",): (
        ("networking", "enable_inter_container_traffic_encryption"),
        False,
    ),
    ("EnableManagedSpotTraining",): (("compute", "enable_managed_spot_training"), False),
    ("RemoteDebugConfig", "EnableRemoteDebug"): (("remote_debug", "enable_remote_debug"), False),
    ("InfraCheckConfig", "EnableInfraCheck"): (("infra_check", "enable_infra_check"), False),
}

# Members that no trainer can have, and why.
UNPLACED: Mapping[tuple[str, ...], str] = {
    ("ServerlessJobConfig",): "serverless jobs have no place in a trainer",
    ("ResourceConfig", "InstancePreferences"): "a choice of instances has no place; name one instance_type",
}

OF_CORE = ("Session", "Region")  # what sagemaker-core takes beside the request

# Members that functions of their own take.
_TAKEN = (
    *((name,) for name in ("TrainingJobName", "InputDataConfig", "HyperParameters", "Tags", *OF_CORE)),
    *(("AlgorithmSpecification", name) for name in ("MetricDefinitions", "ContainerEntrypoint", "ContainerArguments")),
    ("ResourceConfig", "InstanceGroups"),
)


def snake(name: str) -> str:
    """`S3DataType` is s3_data_type, `InstanceGroupName` instance_group_name."""
    text = name.replace("GB", "Gb").replace("S3", "S3_")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower().replace("__", "_")


def snaked(value: Value) -> Value:
    """A structure of the API with the names of planform."""
    if isinstance(value, dict):
        return {snake(str(key)): snaked(item) for key, item in value.items()}
    return [snaked(item) for item in value] if isinstance(value, list) else value


def member(request: Mapping[str, Value], path: tuple[str, ...]) -> Value:
    """A member of a request; of one that is known only when the program runs, nothing."""
    value: Value = request
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def trainer(into: Conversion, request: Mapping[str, Value], draft: Draft) -> None:
    """Fill the draft of a trainer from a request."""
    for path, field in FIELDS.items():
        value = member(request, path)
        _put(draft, field, named(image_of(value) if field == ("training_image",) else value, snake(path[-1])))
    for path, (field, usual) in FLAGS.items():
        value = member(request, path)
        _put(draft, field, None if value == usual else value)
    found = metrics(into, draft.place, member(request, ("AlgorithmSpecification", "MetricDefinitions")))
    _put(draft, ("metric_definitions",), found)
    _put(draft, ("compute", "instance_groups"), snaked(member(request, ("ResourceConfig", "InstanceGroups"))))
    _put(draft, ("input_data",), channels(request.get("InputDataConfig")))
    _put(draft, ("tags",), named(key_values(request.get("Tags")), "tags"))
    values = request.get("HyperParameters")
    if isinstance(values, dict):
        values = {name: named(decode(value), str(name)) for name, value in values.items()}
    _put(draft, ("hyperparameters",), values)
    _command(into, request, draft)
    for path, value in leftover(request, (*FIELDS, *FLAGS, *_TAKEN)):
        if path in UNPLACED:
            into.unsupported(draft.place, f"{'.'.join(path)}={brief(value)}", UNPLACED[path])
        else:
            _put(draft, ("request", *path), named(value, snake(path[-1])))


def api_form(value: Value) -> Value:
    """An object of the SDK V3 as the API of SageMaker has it."""
    members = value.args if isinstance(value, Made) else value
    if isinstance(members, dict):
        return {"".join(map(str.capitalize, str(name).split("_"))): api_form(item) for name, item in members.items()}
    return [api_form(item) for item in value] if isinstance(value, list) else value


def leftover(
    request: Mapping[str, Value], placed: Sequence[tuple[str, ...]]
) -> Iterator[tuple[tuple[str, ...], Value]]:
    """What of a request has none of these places, and says something."""
    for name, value in request.items():
        inside = isinstance(value, dict) and any(path[0] == name and len(path) > 1 for path in placed)
        members = {(name, inner): item for inner, item in value.items()} if inside else {(name,): value}
        for path, item in members.items():
            if path not in placed and item not in (None, False, {}, []):
                yield path, item


def _put(draft: Draft, path: Path, value: Value) -> None:
    if value not in (None, {}, []):
        draft.settings += 1
        draft.put(path, value)


def _command(into: Conversion, request: Mapping[str, Value], draft: Draft) -> None:
    """What the container is to run instead of what its image says."""
    entry = member(request, ("AlgorithmSpecification", "ContainerEntrypoint"))
    arguments = member(request, ("AlgorithmSpecification", "ContainerArguments"))
    words = [*(entry or []), *(arguments or [])] if isinstance(entry, list) else []
    if words and all(isinstance(word, str) for word in words):
        shell = len(words) == 3 and words[0].endswith("sh") and words[1] == "-c"
        _put(draft, ("source_code", "command"), words[2] if shell else shlex.join(words))
    elif entry is not None or arguments is not None:
        into.unsupported(
            draft.place, "ContainerArguments", "arguments of the image's own entry point have no place in a trainer"
        )


def channels(config: Value) -> Value:
    """InputDataConfig as channels by name."""
    if not isinstance(config, list):
        return config
    return {
        form["ChannelName"]: channel(form)
        for form in config
        if isinstance(form, dict) and isinstance(form.get("ChannelName"), str)
    }


def channel(form: Mapping[str, Value]) -> Value:
    """One channel of a request in its shortest form."""
    source = snaked(form.get("DataSource"))
    settings = {
        snake(name): snaked(value)
        for name, value in form.items()
        if name not in ("ChannelName", "DataSource") and value not in (None, "None", {})
    }
    if isinstance(source, dict) and isinstance(source.get("s3_data_source"), dict):
        usual = {"s3_data_type": "S3Prefix", "s3_data_distribution_type": "FullyReplicated"}
        s3 = {name: value for name, value in source["s3_data_source"].items() if usual.get(name) != value}
        uri = named(s3.get("s3_uri"), f"{form['ChannelName']}_data")
        source = uri if list(s3) == ["s3_uri"] else {"s3_data_source": {**s3, "s3_uri": uri}}
    if not settings and not isinstance(source, dict):
        return source
    return {"data_source": source, **settings}
