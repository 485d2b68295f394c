"""Live objects as AWS describes them, with what else is needed to write them down as resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from planform.core.errors import ProviderError, did_you_mean
from planform.core.values import Object
from planform.providers.aws.clients import AwsError, Clients


class DescribedJob(NamedTuple):
    """A training job: DescribeTrainingJob, its tags, and the JSON files that its `sm_drivers` channel holds."""

    description: Mapping[str, Any]
    tags: Mapping[str, str]
    drivers: Mapping[str, Any]


def described_job(clients: Clients, name: str) -> DescribedJob:
    """Raises ProviderError when there is no such job, or it may not be read."""
    try:
        found = clients.call("sagemaker", "describe_training_job", TrainingJobName=name)
    except AwsError as error:
        if "not found" in error.message.lower():
            raise ProviderError(
                f'There is no training job "{name}" in {clients.region()}.',
                suggestion="Check the name, the region (--region) and the account (--profile).",
            ) from None
        raise
    arn = found["TrainingJobArn"]
    tags = {item["Key"]: item["Value"] for item in clients.pages("sagemaker", "list_tags", "Tags", ResourceArn=arn)}
    return DescribedJob(found, tags, _drivers(clients, found))


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
