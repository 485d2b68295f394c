"""Data that is looked up on AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from planform.core.executor import Document, DocumentRead
from planform.core.resource import DataSource, Handler, Query
from planform.core.schemas import Misfit
from planform.core.values import Object
from planform.providers.aws.clients import AwsError, Clients

LARGEST_BODY = 64 * 1024  # bytes of an object that a plan takes in

Reader = Callable[[Clients, Object], Object | Misfit]


@dataclass(frozen=True, slots=True)
class Each:
    """Data that takes one call each."""

    clients: Clients
    reader: Reader

    def read(self, queries: Sequence[Query]) -> Sequence[Object | Misfit]:
        return [self.reader(self.clients, query.arguments) for query in queries]


@dataclass(frozen=True, slots=True)
class Named:
    """Objects of a type that has a handler, by name: all in one call."""

    type_name: str
    handler: Handler
    region: Callable[[], str]

    def read(self, queries: Sequence[Query]) -> Sequence[Object | Misfit]:
        names = [str(query.arguments["name"]) for query in queries]
        found = self.handler.find(names)
        return [found[name] if name in found else self._missing(name) for name in names]

    def _missing(self, name: str) -> Misfit:
        return Misfit(
            ("name",),
            f'There is no {self.type_name} "{name}" in {self.region()}.',
            suggestion="Check the name, the region and the account; or declare it here as a resource.",
        )


@dataclass(frozen=True, slots=True)
class Models:
    """Models of a hub, all side by side."""

    documents: Callable[[Sequence[DocumentRead]], Mapping[DocumentRead, Document | Misfit]]

    def read(self, queries: Sequence[Query]) -> Sequence[Object | Misfit]:
        reads = [
            DocumentRead(item["model_id"], item.get("model_version") or "", item.get("hub_name") or "")
            for item in (query.arguments for query in queries)
        ]
        found = self.documents(list(dict.fromkeys(reads)))
        return [_model(found[read]) for read in reads]


def _model(document: Document | Misfit) -> Object | Misfit:
    if isinstance(document, Misfit):
        return document._replace(path=document.path[1:])
    content = document.content
    return {
        "version": document.version,
        "arn": document.arn,
        "training_supported": bool(content.get("TrainingSupported")),
        "gated": bool(content.get("GatedBucket")),
        "license": content.get("License"),
        "task": content.get("Task"),
        "framework": content.get("Framework"),
        "training_image": content.get("TrainingEcrUri"),
        "default_training_instance_type": content.get("DefaultTrainingInstanceType"),
        "supported_training_instance_types": list(content.get("SupportedTrainingInstanceTypes") or ()),
        "volume_size_in_gb": content.get("TrainingVolumeSize"),
        "max_runtime_in_seconds": content.get("MaxRuntimeInSeconds"),
        "default_training_dataset_uri": content.get("DefaultTrainingDatasetUri"),
        "hyperparameters": {
            item["Name"]: item.get("Default")
            for item in content.get("Hyperparameters") or ()
            if not item["Name"].startswith("sagemaker_")
        },
    }


def data_source(type_name: str, clients: Clients, handler: Handler | None) -> DataSource | None:
    """Who reads data of a type, or None when it is not to be had on AWS."""
    if handler is not None:
        return Named(type_name, handler, clients.region)
    return Each(clients, READERS[type_name]) if type_name in READERS else None


def _identity(clients: Clients, arguments: Object) -> Object:
    answer = clients.call("sts", "get_caller_identity")
    return {
        "account_id": answer["Account"],
        "arn": answer["Arn"],
        "user_id": answer["UserId"],
        "region": clients.region(),
    }


def _object(clients: Clients, arguments: Object) -> Object | Misfit:
    version = {"VersionId": arguments["version_id"]} if arguments.get("version_id") else {}
    place = {"Bucket": arguments["bucket"], "Key": arguments["key"], **version}
    try:
        answer = clients.call("s3", "head_object", **place)
        text = None
        if answer["ContentLength"] <= LARGEST_BODY:
            text = _text(clients.call("s3", "get_object", **place)["Body"].read())
    except AwsError as error:
        if error.code in ("404", "NoSuchKey", "NoSuchBucket", "NoSuchVersion"):
            uri = f"s3://{arguments['bucket']}/{arguments['key']}"
            return Misfit(("key",), f"There is no {uri}.", suggestion="Check bucket, key and region.")
        raise
    return {
        "uri": f"s3://{arguments['bucket']}/{arguments['key']}",
        "etag": str(answer["ETag"]).strip('"'),
        "content_length": answer["ContentLength"],
        "content_type": answer.get("ContentType"),
        "last_modified": utc(answer["LastModified"]),
        "metadata": dict(answer.get("Metadata") or {}),
        "body": text,
    }


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _job(clients: Clients, arguments: Object) -> Object | Misfit:
    try:
        answer = clients.call("sagemaker", "describe_training_job", TrainingJobName=arguments["name"])
    except AwsError as error:
        if "not found" in error.message.lower():
            where = f"{clients.region()}"
            return Misfit(("name",), f'There is no training job "{arguments["name"]}" in {where}.')
        raise
    return job_facts(answer)


def job_facts(answer: Mapping[str, Any]) -> Object:
    """What a data source tells of a described training job."""
    return {
        "arn": answer["TrainingJobArn"],
        "status": answer["TrainingJobStatus"],
        "model_artifacts": (answer.get("ModelArtifacts") or {}).get("S3ModelArtifacts"),
        "image": (answer.get("AlgorithmSpecification") or {}).get("TrainingImage"),
        "instance_type": (answer.get("ResourceConfig") or {}).get("InstanceType"),
        "hyperparameters": dict(answer.get("HyperParameters") or {}),
        "metrics": {item["MetricName"]: item["Value"] for item in answer.get("FinalMetricDataList") or ()},
        "role": answer.get("RoleArn"),
        "started_at": utc(answer.get("TrainingStartTime")),
        "ended_at": utc(answer.get("TrainingEndTime")),
        "billable_seconds": answer.get("BillableTimeInSeconds"),
    }


def utc(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _image(clients: Clients, arguments: Object) -> Object | Misfit:
    from planform.training.images import image_uri, misfits

    kind = str(arguments.get("instance_type") or "ml.m5.xlarge")
    image = {name: value for name, value in arguments.items() if name != "instance_type" and value is not None}
    problems = misfits(image, clients.region(), kind)
    return problems[0] if problems else {"uri": image_uri(image, clients.region(), kind)}


READERS: Mapping[str, Reader] = {
    "aws_caller_identity": _identity,
    "s3_object": _object,
    "training_job": _job,
    "image_uri": _image,
}
