"""SageMaker: training jobs that go through their states by the clock, print, measure and leave a model in S3."""

from __future__ import annotations

import re
import time
from typing import Any

from tests.fake_aws import hub
from tests.fake_aws.world import ACCOUNT, REGION, Refused, World

FINAL = ("Completed", "Failed", "Stopped")


def answer(world: World, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    from tests.fake_aws import tuning

    settle(world)
    tuning.settle(world)
    own = globals().get(f"_{operation}")
    return (own or getattr(tuning, operation))(world, given)


def make(world: World, request: dict[str, Any], known_as: str) -> dict[str, Any]:
    name = request["TrainingJobName"]
    rule = next(
        (rule for rule in world.outcomes if rule.get("times", 1) > 0 and re.search(rule["job"], known_as)), None
    )
    if rule is not None:
        rule["times"] = rule.get("times", 1) - 1
    job = {
        **request,
        "TrainingJobArn": world.arn("sagemaker", f"training-job/{name}"),
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "CreationTime": world.now,
        "_reason": rule["reason"] if rule is not None else "",
        "_tags": {item["Key"]: item["Value"] for item in request.get("Tags", ())},
    }
    job.pop("Tags", None)
    world.of("training_job")[name] = job
    return job


def settle(world: World) -> None:
    for job in world.of("training_job").values():
        if job["TrainingJobStatus"] != "InProgress":
            if world.late and not job.get("_late") and world.now > job["TrainingEndTime"]:
                job["_late"] = True
                say(job, world.late, len(world.log))
            continue
        age = world.now - job["CreationTime"]
        total = world.training_seconds
        if age < total * 0.1:
            continue
        job.setdefault("TrainingStartTime", world.now)
        if not job.get("_printed") and age >= total * 0.3:
            printed(world, job)
        if age < total:
            job["SecondaryStatus"] = "Downloading" if age < total * 0.3 else "Training"
            continue
        job.update(TrainingEndTime=world.now, BillableTimeInSeconds=int(total), TrainingTimeInSeconds=int(total))
        limit = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400)
        if job["_reason"]:
            job.update(TrainingJobStatus="Failed", SecondaryStatus="Failed", FailureReason=job["_reason"])
        elif total > limit:
            job.update(TrainingJobStatus="Stopped", SecondaryStatus="MaxRuntimeExceeded")
        else:
            job.update(TrainingJobStatus="Completed", SecondaryStatus="Completed")
            finish(world, job)


def printed(world: World, job: dict[str, Any]) -> None:
    """The log of the first node, in the Logs of moto."""
    from moto.backends import get_backend

    job["_printed"] = True
    logs, group = get_backend("logs")[ACCOUNT][REGION], "/aws/sagemaker/TrainingJobs"
    if group not in logs.groups:
        logs.create_log_group(group, {})
    logs.create_log_stream(group, stream_of(job))
    say(job, lines_of(world, job))


def stream_of(job: dict[str, Any]) -> str:
    return f"{job['TrainingJobName']}/algo-1-1700000000"


def say(job: dict[str, Any], lines: list[str], after: int = 0) -> None:
    from moto.backends import get_backend

    moment = int(time.time() * 1000)  # CloudWatch takes nothing from the future
    events = [{"timestamp": moment + (number + after) * 1000, "message": line} for number, line in enumerate(lines)]
    get_backend("logs")[ACCOUNT][REGION].put_log_events("/aws/sagemaker/TrainingJobs", stream_of(job), events)


def lines_of(world: World, job: dict[str, Any]) -> list[str]:
    """What a job prints; `{lr}` is its hyperparameter."""
    given = job.get("HyperParameters", {})
    return [re.sub(r"\{(\w+)\}", lambda found: given.get(found[1], found[0]), line) for line in world.log]


def finish(world: World, job: dict[str, Any]) -> None:
    """Metrics out of the log, and a model in S3."""
    from moto.backends import get_backend

    metrics = []
    for definition in job["AlgorithmSpecification"].get("MetricDefinitions", ()):
        values = [found[1] for line in lines_of(world, job) for found in re.finditer(definition["Regex"], line)]
        if values:
            metrics.append({"MetricName": definition["Name"], "Value": float(values[-1]), "Timestamp": world.now})
    uri = f"{job['OutputDataConfig']['S3OutputPath']}/{job['TrainingJobName']}/output/model.tar.gz"
    names = [""]
    if job["OutputDataConfig"].get("CompressionType") == "NONE":
        uri, names = uri.replace("model.tar.gz", "model"), ["/weights.bin", "/deep/config.json"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    for name in names:
        get_backend("s3")[ACCOUNT]["aws"].put_object(bucket, key + name, b"model")
    job.update(FinalMetricDataList=metrics, ModelArtifacts={"S3ModelArtifacts": uri})


def halt(world: World, job: dict[str, Any]) -> None:
    if job["TrainingJobStatus"] not in FINAL:
        job.update(TrainingJobStatus="Stopped", SecondaryStatus="Stopped", TrainingEndTime=world.now)


def job_of(world: World, name: str) -> dict[str, Any]:
    if name not in world.of("training_job"):
        raise Refused("ValidationException", "Requested resource not found.")
    return world.of("training_job")[name]


def _CreateTrainingJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    if given["TrainingJobName"] in world.of("training_job"):
        raise Refused("ResourceInUse", "Job name must be unique within an AWS account and region")
    groups = [
        group
        for channel in given.get("InputDataConfig", ())
        for group in channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames", ())
    ]
    if len(given.get("InputDataConfig", ())) > 20 or (groups and not given["ResourceConfig"].get("InstanceGroups")):
        raise Refused("ValidationException", "InputDataConfig does not fit")
    if "MaxWaitTimeInSeconds" in given.get("StoppingCondition", {}) and not given.get("EnableManagedSpotTraining"):
        raise Refused("ValidationException", "MaxWaitTimeInSeconds is for spot training")
    return {"TrainingJobArn": make(world, given, given["TrainingJobName"])["TrainingJobArn"]}


def _DescribeTrainingJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = job_of(world, given["TrainingJobName"])
    if world.lags("training_job", given["TrainingJobName"]):
        raise Refused("ValidationException", "Requested resource not found.")
    return {key: value for key, value in job.items() if not key.startswith("_")}


def _StopTrainingJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = job_of(world, given["TrainingJobName"])
    if job["TrainingJobStatus"] in FINAL:
        raise Refused(
            "ValidationException", "The request was rejected because the training job is in status Completed."
        )
    halt(world, job)
    return {}


def tagged(world: World, arn: str) -> dict[str, Any]:
    from tests.fake_aws import tuning

    kind, _, name = arn.rpartition(":")[2].partition("/")
    return tuning.job_of(world, name) if kind == "hyper-parameter-tuning-job" else job_of(world, name)


def _ListTags(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = tagged(world, given["ResourceArn"])
    tags = [{"Key": key, "Value": value} for key, value in job["_tags"].items()]
    told = world.paged(tags, given.get("NextToken"), "Tags", given.get("MaxResults"))
    return {"NextToken" if key == "nextToken" else key: value for key, value in told.items()}


def _AddTags(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = tagged(world, given["ResourceArn"])
    job["_tags"].update({item["Key"]: item["Value"] for item in given["Tags"]})
    return {"Tags": given["Tags"]}


def _DeleteTags(world: World, given: dict[str, Any]) -> dict[str, Any]:
    for key in given["TagKeys"]:
        tagged(world, given["ResourceArn"])["_tags"].pop(key, None)
    return {}


def _UpdateTrainingJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = job_of(world, given["TrainingJobName"])
    job["ResourceConfig"].update(given.get("ResourceConfig", {}))
    return {"TrainingJobArn": job["TrainingJobArn"]}


def _DescribeHubContent(world: World, given: dict[str, Any]) -> dict[str, Any]:
    return hub.describe(world, given)


def _ListHubContents(world: World, given: dict[str, Any]) -> dict[str, Any]:
    return hub.listed(world, given)
