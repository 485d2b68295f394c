"""Live objects as AWS describes them, with what else is needed to write them down as resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from planform.core.errors import ProviderError, did_you_mean
from planform.core.values import Object
from planform.providers.aws.clients import AwsError, Clients
from planform.providers.aws.jobs.jobs import described
from planform.providers.aws.jobs.tuning import described_tuning_job


class DescribedJob(NamedTuple):
    """A training job: the request that it was made by as far as it is described, its tags, and the JSON files that its
    `sm_drivers` channel holds. Of a tuning job, those of each definition by its name."""

    description: Mapping[str, Any]
    tags: Mapping[str, str]
    drivers: Mapping[str, Any]
    tuning: bool = False


def described_job(clients: Clients, name: str) -> DescribedJob:
    """A job by its name or ARN: a training job, or where there is none the tuning job of that name.

    Raises:
        ProviderError: there is no such job, or it may not be read.
    """
    kind, _, short = name.rpartition(":")[2].rpartition("/")
    found = described(clients, short) if kind in ("", "training-job") else None
    if found is not None:
        request = _request(found, "CreateTrainingJob")
        return DescribedJob(request, _tags(clients, found["TrainingJobArn"]), _drivers(clients, request))
    search = described_tuning_job(clients, short) if kind in ("", "hyper-parameter-tuning-job") else None
    if search is None:
        raise ProviderError(
            f'There is no training job and no tuning job "{short}" in {clients.region()}.',
            suggestion="Check the name, the region (--region) and the account (--profile).",
        )
    request = _request(search, "CreateHyperParameterTuningJob")
    drivers = {
        item.get("DefinitionName", ""): _drivers(clients, item)
        for item in (request.get("TrainingJobDefinition"), *(request.get("TrainingJobDefinitions") or ()))
        if item
    }
    return DescribedJob(request, _tags(clients, search["HyperParameterTuningJobArn"]), drivers, tuning=True)


def _request(found: Mapping[str, Any], operation: str) -> Mapping[str, Any]:
    """What of a description can be asked for."""
    from planform.providers.aws.jobs.validation import input_shape

    members = input_shape("sagemaker", operation).members
    return {name: value for name, value in found.items() if name in members}


def _tags(clients: Clients, arn: str) -> Mapping[str, str]:
    return {item["Key"]: item["Value"] for item in clients.pages("sagemaker", "list_tags", "Tags", ResourceArn=arn)}


def _drivers(clients: Clients, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stands beside the code of jobs that planform or the SDK V3 started; files that are gone are left out."""
    channels = {item["ChannelName"]: item for item in found.get("InputDataConfig") or ()}
    source = (channels.get("sm_drivers") or {}).get("DataSource", {}).get("S3DataSource", {}).get("S3Uri")
    files: dict[str, Any] = {}
    if not source:
        return files
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    for name in ("sourcecode", "distributed"):
        try:
            key = f"{prefix.rstrip('/')}/{name}.json"
            files[name] = json.loads(clients.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read())
        except (AwsError, ValueError):
            continue
    return files


def described_objects(clients: Clients, type_name: str, names: Sequence[str]) -> Mapping[str, Object]:
    """Objects of AWS Batch by their names or ARNs.

    Raises:
        ProviderError: one of them is not there.
    """
    from planform.providers.aws.batch import BatchObjects
    from planform.providers.aws.batch_types import KINDS

    found = BatchObjects(KINDS[type_name], clients).find(names)
    for name in names:
        if name not in found:
            raise ProviderError(
                f'There is no {type_name} "{name}" in {clients.region()}.',
                suggestion=did_you_mean(name, _names(clients, type_name)),
            )
    return found


def _names(clients: Clients, type_name: str) -> list[str]:
    """The names of all objects of a type, where they may be listed."""
    listed = {
        "job_queue": ("describe_job_queues", "jobQueues", "jobQueueName"),
        "service_environment": (
            "describe_service_environments", "serviceEnvironments", "serviceEnvironmentName",
        ),
    }  # fmt: skip
    operation, key, label = listed[type_name]
    try:
        return [item[label] for item in clients.pages("batch", operation, key)]
    except ProviderError:
        return []
