"""A planned trainer as the request of CreateTrainingJob (SageMaker API, 2017-07-24). Pure.

`PATHS` says which attribute of a trainer a member of the request comes from, so that what the API would refuse can be
shown where it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from planform.core.hyperparameters import wire_text
from planform.core.values import AttributePath, Object
from planform.training.definition import inputs, mapping
from planform.training.layout import ENTRYPOINT, START

OWN_DISKS = re.compile(r"ml\.(g4dn|g5|g6e?|p4de?|p5e?n?|p6\S*|trn\d\S*|[cmr]\d+[a-z]*d[a-z]*)\.")

CODE_CHANNEL, DRIVERS_CHANNEL = "code", "sm_drivers"


class Placed(NamedTuple):
    """What a job finds where: the answers to what a definition leaves to the account."""

    role_arn: str
    base: str  # s3://bucket/prefix, where everything goes that names no place of its own
    address: str  # as a part of keys
    image: str
    channels: Mapping[str, str]  # channel -> URI, of those whose data was on this machine
    code: str = ""  # URI of the source code; empty: none
    drivers: str = ""  # URI of the runtime; empty: the image runs what it was built to run
    checkpoint_key: str = ""
    hyperparameters_in_drivers: bool = False


# Member of the request -> attribute. The longest beginning decides; the rest of a path is put into snake case.
PATHS: Mapping[tuple[str, ...], AttributePath] = {
    ("TrainingJobName",): (),
    ("RoleArn",): ("role",),
    ("AlgorithmSpecification", "TrainingImage"): ("training_image",),
    ("AlgorithmSpecification", "AlgorithmName"): ("algorithm_name",),
    ("AlgorithmSpecification", "TrainingInputMode"): ("training_input_mode",),
    ("AlgorithmSpecification", "MetricDefinitions"): ("metric_definitions",),
    ("HyperParameters",): ("hyperparameters",),
    ("InputDataConfig",): ("input_data",),
    ("Environment",): ("environment",),
    ("ResourceConfig",): ("compute",),
    ("EnableManagedSpotTraining",): ("compute", "enable_managed_spot_training"),
    ("StoppingCondition",): ("stopping_condition",),
    ("OutputDataConfig", "S3OutputPath"): ("output_data", "s3_output_path"),
    ("OutputDataConfig",): ("output_data",),
    ("CheckpointConfig",): ("checkpoint",),
    ("TensorBoardOutputConfig", "S3OutputPath"): ("tensorboard", "s3_output_path"),
    ("TensorBoardOutputConfig",): ("tensorboard",),
    ("VpcConfig",): ("networking",),
    ("EnableNetworkIsolation",): ("networking", "enable_network_isolation"),
    ("EnableInterContainerTrafficEncryption",): ("networking", "enable_inter_container_traffic_encryption"),
    ("RetryStrategy",): ("retry_strategy",),
    ("RemoteDebugConfig",): ("remote_debug",),
    ("InfraCheckConfig",): ("infra_check",),
    ("Tags",): ("tags",),
}


def training_job(body: Object, job_name: str, placed: Placed, settings: Object, tags: Mapping[str, str]) -> Object:
    """The request. `body` is the trainer without marks of secrecy; `settings` are the provider's."""
    key = settings.get("kms_key_id")
    request: dict[str, Any] = {
        "TrainingJobName": job_name,
        "RoleArn": placed.role_arn,
        "AlgorithmSpecification": _algorithm(body, placed),
        "HyperParameters": {}
        if placed.hyperparameters_in_drivers
        else {name: wire_text(value) for name, value in mapping(body, "hyperparameters").items()},
        "InputDataConfig": _channels(body, placed),
        "OutputDataConfig": _output(mapping(body, "output_data"), placed, key),
        "ResourceConfig": _resources(mapping(body, "compute"), key),
        "StoppingCondition": _numbers(
            mapping(body, "stopping_condition"),
            max_runtime_in_seconds="MaxRuntimeInSeconds",
            max_wait_time_in_seconds="MaxWaitTimeInSeconds",
            max_pending_time_in_seconds="MaxPendingTimeInSeconds",
        ),
        "Environment": dict(mapping(body, "environment")),
        "EnableManagedSpotTraining": mapping(body, "compute").get("enable_managed_spot_training"),
        "CheckpointConfig": _checkpoint(body, placed),
        "TensorBoardOutputConfig": _tensorboard(body, placed),
        "Tags": [{"Key": name, "Value": value} for name, value in sorted(tags.items())],
        **_networking(body, settings),
    }
    if body.get("retry_strategy") is not None:
        attempts = int(body["retry_strategy"]["maximum_retry_attempts"])
        request["RetryStrategy"] = {"MaximumRetryAttempts": attempts}
    if body.get("remote_debug") is not None:
        request["RemoteDebugConfig"] = {"EnableRemoteDebug": body["remote_debug"].get("enable_remote_debug", True)}
    if body.get("infra_check") is not None:
        request["InfraCheckConfig"] = {"EnableInfraCheck": body["infra_check"].get("enable_infra_check", True)}
    made = {name: value for name, value in request.items() if value not in (None, {}, [])}
    return _over(made, mapping(body, "request"))


def _over(made: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The request with more members; one that is there stays (`taken` says so)."""
    inner = {name: _over(made[name], value) for name, value in more.items() if _both_objects(made.get(name), value)}
    return {**more, **made, **inner}


def _both_objects(left: Any, right: Any) -> bool:
    return isinstance(left, dict) and isinstance(right, dict)


def taken(made: Mapping[str, Any], more: Mapping[str, Any], path: AttributePath = ()) -> Iterator[AttributePath]:
    """The members that fields of the trainer make as well."""
    for name, value in more.items():
        if _both_objects(made.get(name), value):
            yield from taken(made[name], value, (*path, name))
        elif name in made:
            yield (*path, name)


def place_of(member: AttributePath, body: Object) -> AttributePath:
    """Where the trainer says what a member of the request is: in a field of its own, or in its `request`."""
    more: Any = mapping(body, "request")
    depth = 0
    while depth < len(member) and isinstance(more, (dict, list)):
        if isinstance(more, dict) and member[depth] not in more:
            break
        more, depth = more[member[depth]], depth + 1  # type: ignore[index]
    found = attribute_path(member)
    return ("request", *member[:depth]) if depth == len(member) or (depth and not found) else found


def attribute_path(member: AttributePath) -> AttributePath:
    """The attribute that a member of the request comes from."""
    names = tuple(part for part in member if isinstance(part, str))
    for length in range(len(names), 0, -1):
        if names[:length] in PATHS:
            rest = member[[index for index, part in enumerate(member) if part in names][length - 1] + 1 :]
            found = PATHS[names[:length]]
            if found in (("hyperparameters",), ("environment",), ("tags",)):
                return (*found, *rest[:1]) if rest and isinstance(rest[0], str) else found
            if found == ("input_data",):
                found, rest = (*found, *rest[:1]), rest[1:]
            return (*found, *(snake(part) if isinstance(part, str) else part for part in rest))
    return ()


def snake(name: str) -> str:
    """`VolumeSizeInGB` is volume_size_in_gb, `S3Uri` s3_uri, `KmsKeyId` kms_key_id."""
    text = name.replace("GB", "Gb").replace("S3", "s3_")
    letters = [f"_{letter.lower()}" if letter.isupper() else letter for letter in text]
    return "".join(letters).replace("__", "_").strip("_")


def _algorithm(body: Object, placed: Placed) -> dict[str, Any]:
    form: dict[str, Any] = {"TrainingInputMode": body.get("training_input_mode") or "File"}
    if body.get("algorithm_name"):
        form["AlgorithmName"] = body["algorithm_name"]
    else:
        form["TrainingImage"] = placed.image
    if body.get("metric_definitions"):
        form["MetricDefinitions"] = [
            {"Name": item["name"], "Regex": item["regex"]} for item in body["metric_definitions"]
        ]
    if placed.drivers:
        form["ContainerEntrypoint"] = [*ENTRYPOINT]
        form["ContainerArguments"] = [START]
    return form


def _channels(body: Object, placed: Placed) -> list[dict[str, Any]]:
    channels: list[dict[str, Any]] = []
    # Where one channel is for some groups of instances, SageMaker wants every channel to say for which it is.
    chosen = any(_group_names(item.source) for item in inputs(body))
    groups = [group["instance_group_name"] for group in mapping(body, "compute").get("instance_groups") or ()]
    everywhere = {"instance_group_names": groups} if chosen else {}
    for item in inputs(body):
        source = item.source
        form: dict[str, Any] = {"ChannelName": item.name}
        if isinstance(source, dict) and source.get("s3_data_source"):
            given = source["s3_data_source"]
            form["DataSource"] = {"S3DataSource": _s3({**given, **(everywhere if not _group_names(source) else {})})}
        elif isinstance(source, dict):
            given = source["file_system_data_source"]
            form["DataSource"] = {
                "FileSystemDataSource": {
                    "FileSystemId": given["file_system_id"],
                    "FileSystemType": given["file_system_type"],
                    "FileSystemAccessMode": given["file_system_access_mode"],
                    "DirectoryPath": given["directory_path"],
                }
            }
        else:
            form["DataSource"] = {"S3DataSource": _s3({"s3_uri": placed.channels.get(item.name, source), **everywhere})}
        for name, member in (
            ("content_type", "ContentType"),
            ("compression_type", "CompressionType"),
            ("record_wrapper_type", "RecordWrapperType"),
            ("input_mode", "InputMode"),
        ):
            if item.settings.get(name) is not None:
                form[member] = item.settings[name]
        if item.settings.get("shuffle_config") is not None:
            form["ShuffleConfig"] = {"Seed": int(item.settings["shuffle_config"]["seed"])}
        channels.append(form)
    for name, uri in ((CODE_CHANNEL, placed.code), (DRIVERS_CHANNEL, placed.drivers)):
        if uri:
            source = {"s3_uri": uri, **everywhere}
            # What runs is needed whole, also where data comes through a pipe.
            channels.append({"ChannelName": name, "DataSource": {"S3DataSource": _s3(source)}, "InputMode": "File"})
    return channels


def _group_names(source: Any) -> Any:
    return (source.get("s3_data_source") or {}).get("instance_group_names") if isinstance(source, dict) else None


def _s3(source: Mapping[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {
        "S3DataType": source.get("s3_data_type") or "S3Prefix",
        "S3Uri": source["s3_uri"],
        "S3DataDistributionType": source.get("s3_data_distribution_type") or "FullyReplicated",
    }
    if source.get("attribute_names"):
        form["AttributeNames"] = list(source["attribute_names"])
    if source.get("instance_group_names"):
        form["InstanceGroupNames"] = list(source["instance_group_names"])
    if source.get("model_access_config") is not None:
        form["ModelAccessConfig"] = {"AcceptEula": source["model_access_config"]["accept_eula"]}
    if source.get("hub_access_config") is not None:
        form["HubAccessConfig"] = {"HubContentArn": source["hub_access_config"]["hub_content_arn"]}
    return form


def _output(output: Object, placed: Placed, key: str | None) -> dict[str, Any]:
    form: dict[str, Any] = {"S3OutputPath": output.get("s3_output_path") or f"{placed.base}/output/{placed.address}"}
    if output.get("kms_key_id") or key:
        form["KmsKeyId"] = output.get("kms_key_id") or key
    if output.get("compression_type"):
        form["CompressionType"] = output["compression_type"]
    return form


def _resources(compute: Object, key: str | None) -> dict[str, Any]:
    form = _numbers(
        compute,
        volume_size_in_gb="VolumeSizeInGB",
        keep_alive_period_in_seconds="KeepAlivePeriodInSeconds",
    )
    if compute.get("instance_groups"):
        form["InstanceGroups"] = [
            {
                "InstanceGroupName": group["instance_group_name"],
                "InstanceType": group["instance_type"],
                "InstanceCount": int(group["instance_count"]),
            }
            for group in compute["instance_groups"]
        ]
    else:
        form |= {"InstanceType": compute.get("instance_type"), "InstanceCount": int(compute.get("instance_count", 1))}
    for name, member in (("volume_kms_key_id", "VolumeKmsKeyId"), ("training_plan_arn", "TrainingPlanArn")):
        if compute.get(name):
            form[member] = compute[name]
    kinds = [form.get("InstanceType"), *(group["InstanceType"] for group in form.get("InstanceGroups", ()))]
    # Instances with disks of their own take no key: SageMaker refuses it there.
    if key and "VolumeKmsKeyId" not in form and not any(map(OWN_DISKS.match, filter(None, kinds))):
        form["VolumeKmsKeyId"] = key
    return form


def _numbers(body: Object, **members: str) -> dict[str, Any]:
    return {member: int(body[name]) for name, member in members.items() if body.get(name) is not None}


def _checkpoint(body: Object, placed: Placed) -> dict[str, Any]:
    """A place that only retries of the same definition share (S3.13), for code that can write there."""
    given = mapping(body, "checkpoint")
    if not given and not placed.drivers:
        return {}
    uri = given.get("s3_uri") or f"{placed.base}/checkpoints/{placed.checkpoint_key}"
    return {"S3Uri": uri, "LocalPath": given.get("local_path") or "/opt/ml/checkpoints"}


def _tensorboard(body: Object, placed: Placed) -> dict[str, Any]:
    if body.get("tensorboard") is None:
        return {}
    given = mapping(body, "tensorboard")
    return {
        "S3OutputPath": given.get("s3_output_path") or f"{placed.base}/tensorboard/{placed.address}",
        "LocalPath": given.get("local_path") or "/opt/ml/output/tensorboard",
    }


def _networking(body: Object, settings: Object) -> dict[str, Any]:
    given = {**(settings.get("networking") or {}), **mapping(body, "networking")}
    form: dict[str, Any] = {}
    if given.get("subnets"):
        form["VpcConfig"] = {
            "Subnets": list(given["subnets"]),
            "SecurityGroupIds": list(given.get("security_group_ids") or ()),
        }
    for name, member in (
        ("enable_network_isolation", "EnableNetworkIsolation"),
        ("enable_inter_container_traffic_encryption", "EnableInterContainerTrafficEncryption"),
    ):
        if given.get(name) is not None:
            form[member] = given[name]
    return form
