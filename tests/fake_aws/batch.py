"""AWS Batch: service environments, scheduling policies, job queues, quota shares, service jobs."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import Any

from tests.fake_aws import sagemaker
from tests.fake_aws.models import model, problems
from tests.fake_aws.world import Refused, World

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
KINDS = {
    "ServiceEnvironment": (
        "service_environment",
        "service-environment",
        "serviceEnvironmentName",
        "serviceEnvironmentArn",
    ),
    "JobQueue": ("job_queue", "job-queue", "jobQueueName", "jobQueueArn"),
    "SchedulingPolicy": ("scheduling_policy", "scheduling-policy", "name", "arn"),
    "QuotaShare": ("quota_share", "quota-share", "quotaShareName", "quotaShareArn"),
}
STEPS = ("SUBMITTED", "RUNNABLE", "SCHEDULED", "STARTING", "RUNNING")


def no(message: str) -> Refused:
    return Refused("ClientException", message)


def answer(world: World, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    settle(world)
    for suffix, (kind, *_) in KINDS.items():
        if operation in (f"Create{suffix}", f"Update{suffix}", f"Delete{suffix}"):
            verb = operation.removesuffix(suffix)
            return {"Create": create, "Update": update, "Delete": delete}[verb](world, suffix, kind, given)
    return globals()[f"_{operation}"](world, given)


def settle(world: World) -> None:
    """Let what is under way arrive, and jobs go on."""
    for kind in ("service_environment", "job_queue", "quota_share"):
        for name, item in list(world.of(kind).items()):
            if item["_until"] <= world.now:
                if item["status"] in ("CREATING", "UPDATING"):
                    item["status"] = item.pop("_becomes", "VALID")
                elif item["status"] == "DELETING":
                    del world.of(kind)[name]
    sagemaker.settle(world)
    for job in sorted(
        world.of("service_job").values(), key=lambda job: (-job.get("schedulingPriority", 0), job["createdAt"])
    ):
        go_on(world, job)


def go_on(world: World, job: dict[str, Any]) -> None:
    if job["status"] in ("SUCCEEDED", "FAILED"):
        return
    if job["status"] == "SUBMITTED":
        job["status"] = "RUNNABLE"
    if job["status"] == "RUNNABLE" and fits(world, job):
        attempt = hashlib.md5(f"{job['jobId']}{len(job['attempts'])}".encode()).hexdigest()
        payload = json.loads(job["serviceRequestPayload"])
        name = f"AWSBatch{payload.get('TrainingJobName', job['jobName'])[:23]}{attempt}"
        wrong = list(
            problems(
                {**payload, "TrainingJobName": name},
                model("sagemaker").operation_model("CreateTrainingJob").input_shape,
            )
        )
        if wrong:
            job.update(
                status="FAILED",
                statusReason=f"Received status from SageMaker: ValidationException: {wrong[0]}",
                stoppedAt=int(world.now * 1000),
            )
            return
        sagemaker.make(world, {**payload, "TrainingJobName": name}, job["jobName"])
        resource = {
            "serviceResourceId": {"name": "TrainingJobArn", "value": world.arn("sagemaker", f"training-job/{name}")}
        }
        job["attempts"].append(resource)
        job.update(latestAttempt=resource, status="SCHEDULED", scheduledAt=int(world.now * 1000))
        return
    if not job.get("latestAttempt"):
        return
    training = world.of("training_job")[job["latestAttempt"]["serviceResourceId"]["value"].rpartition("/")[2]]
    told = training["TrainingJobStatus"]
    if told == "InProgress":
        job["status"] = {"Starting": "SCHEDULED", "Downloading": "STARTING"}.get(training["SecondaryStatus"], "RUNNING")
        if job["status"] == "RUNNING":
            job.setdefault("startedAt", int(world.now * 1000))
    elif told == "Completed":
        job.update(status="SUCCEEDED", stoppedAt=int(world.now * 1000))
    elif told in ("Failed", "Stopped"):
        reason = f"Received status from SageMaker:{training.get('FailureReason', told)}"
        again = len(job["attempts"]) < job["retryStrategy"]["attempts"] and retried(job, reason)
        job.update(statusReason=reason)
        job.update({"status": "RUNNABLE"} if again else {"status": "FAILED", "stoppedAt": int(world.now * 1000)})


def retried(job: dict[str, Any], reason: str) -> bool:
    for rule in job["retryStrategy"].get("evaluateOnExit", ()):
        if re.fullmatch(re.escape(rule["onStatusReason"]).replace(r"\*", ".*"), reason):
            return bool(rule["action"] == "RETRY")
    return True


def width(job: dict[str, Any]) -> int:
    return int(json.loads(job["serviceRequestPayload"])["ResourceConfig"].get("InstanceCount", 1))


def place_of(world: World, job: dict[str, Any]) -> str:
    """The name of the service environment that a job's queue has."""
    queue = world.of("job_queue").get(job["jobQueue"].rpartition("/")[2])
    if queue is None or queue["state"] != "ENABLED":
        return ""
    return str(queue["serviceEnvironmentOrder"][0]["serviceEnvironment"].rpartition("/")[2])


def fits(world: World, job: dict[str, Any]) -> bool:
    place = place_of(world, job)
    busy = sum(
        width(other)
        for other in world.of("service_job").values()
        if other["status"] in ("SCHEDULED", "STARTING", "RUNNING") and place_of(world, other) == place
    )
    room = world.of("service_environment")[place]["capacityLimits"][0]["maxCapacity"] if place else 0
    return bool(busy + width(job) <= room)


def found(world: World, kind: str, text: str) -> dict[str, Any]:
    item = world.of(kind).get(text.rpartition("/")[2])
    if item is None or item["status"] == "DELETED":
        raise no(f"{text} does not exist")
    return item


def create(world: World, suffix: str, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    _, resource, label, arn_key = KINDS[suffix]
    name = given[label]
    if not NAME.fullmatch(name):
        raise no(f"Error executing request, Exception : {label} is not valid")
    if name in world.of(kind):
        raise no("Object already exists")
    tags = given.pop("tags", {})
    arn = world.arn("batch", f"{resource}/{name}")
    if kind == "quota_share":
        queue = found(world, "job_queue", given.pop("jobQueue"))
        policy = queue.get("schedulingPolicyArn")
        if (
            queue["status"] != "VALID"
            or policy is None
            or "quotaSharePolicy" not in found(world, "scheduling_policy", policy)
        ):
            raise no("The job queue is not valid for quota shares")
        arn = f"{queue['jobQueueArn']}/quota-share/{name}"
        given["jobQueueArn"] = queue["jobQueueArn"]
        given["resourceSharingConfiguration"].setdefault("borrowLimit", -1)
    item = {"state": "ENABLED", **given, label: name, arn_key: arn, "tags": tags, "status": "CREATING"}
    item |= {"_until": world.now + world.delay, "_hidden": world.lag}
    check(world, kind, item, None)
    if kind == "job_queue":
        item |= {"computeEnvironmentOrder": [], "statusReason": "JobQueue Healthy"}
    if kind == "scheduling_policy":
        item["status"] = "VALID"
    world.of(kind)[name] = item
    return {label: name, arn_key: arn}


def check(world: World, kind: str, item: dict[str, Any], before: dict[str, Any] | None) -> None:
    """The rules between objects."""
    if kind == "job_queue":
        if not 0 <= item["priority"] <= 1000:
            raise no("priority is not between 0 and 1000")
        if item.get("jobQueueType") != "SAGEMAKER_TRAINING" or len(item.get("serviceEnvironmentOrder", ())) != 1:
            raise no("a training queue has one service environment")
        place = item["serviceEnvironmentOrder"][0]
        environment = found(world, "service_environment", place["serviceEnvironment"])
        if environment["status"] != "VALID":
            raise no(f"{place['serviceEnvironment']} is not VALID")
        place["serviceEnvironment"] = environment["serviceEnvironmentArn"]
        policy = item.get("schedulingPolicyArn")
        if policy:
            item["schedulingPolicyArn"] = found(world, "scheduling_policy", policy)["arn"]
        if before is not None and bool(before.get("schedulingPolicyArn")) != bool(policy):
            raise no("a scheduling policy can neither be added nor removed")
    if kind == "scheduling_policy" and bool(item.get("fairsharePolicy")) == bool(item.get("quotaSharePolicy")):
        raise no("exactly one policy is required")


def update(world: World, suffix: str, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    _, _, label, arn_key = KINDS[suffix]
    identity = {
        "JobQueue": "jobQueue",
        "ServiceEnvironment": "serviceEnvironment",
        "SchedulingPolicy": "arn",
        "QuotaShare": "quotaShareArn",
    }[suffix]
    item = found(world, kind, given.pop(identity))
    if item["status"] not in ("VALID", "INVALID"):
        raise no("Cannot update, resource is being modified.")
    if kind == "job_queue" and not item.get("schedulingPolicyArn") and given.get("schedulingPolicyArn"):
        raise no("a FIFO queue takes no scheduling policy")
    if kind == "scheduling_policy" and set(given) - set(item):
        raise no("the type of a scheduling policy cannot change")
    after = {**item, **given}
    check(world, kind, after, item)
    item.update(after)
    if kind != "scheduling_policy":
        item.update(status="UPDATING", _until=world.now + world.delay)
    return {label: item[label], arn_key: item[arn_key]} if kind != "scheduling_policy" else {}


def delete(world: World, suffix: str, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    item = found(world, kind, next(iter(given.values())))
    if kind != "scheduling_policy":
        if item["status"] not in ("VALID", "INVALID"):
            raise no("Cannot delete, resource is being modified.")
        if item["state"] != "DISABLED":
            raise no("Cannot delete, resource must be DISABLED first")
    queues = world.of("job_queue").values()
    if kind == "service_environment" and any(
        item["serviceEnvironmentArn"] == place["serviceEnvironment"]
        for queue in queues
        for place in queue["serviceEnvironmentOrder"]
    ):
        raise no("Cannot delete, found existing JobQueue relationship")
    if kind == "scheduling_policy":
        if any(queue.get("schedulingPolicyArn") == item["arn"] for queue in queues):
            raise no("Cannot delete, the scheduling policy is in use")
        del world.of(kind)[item["name"]]
        return {}
    if kind == "job_queue":
        for job in world.of("service_job").values():
            if job["jobQueue"] == item["jobQueueArn"] and job["status"] not in ("SUCCEEDED", "FAILED"):
                end(world, job, "the queue was deleted")
    item.update(status="DELETING", _until=world.now + world.delay)
    return {}


def described(item: dict[str, Any]) -> dict[str, Any] | None:
    if item.get("_hidden", 0) > 0:
        item["_hidden"] -= 1
        return None
    return {key: value for key, value in item.items() if not key.startswith("_")}


def listed(world: World, kind: str, ids: list[str]) -> list[dict[str, Any]]:
    names = [text.rpartition("/")[2] for text in ids]
    items = [item for name, item in world.of(kind).items() if not ids or name in names]
    return [shown for item in items if (shown := described(item)) is not None]


def _DescribeServiceEnvironments(world: World, given: dict[str, Any]) -> dict[str, Any]:
    items = listed(world, "service_environment", given.get("serviceEnvironments", []))
    return world.paged(items, given.get("nextToken"), "serviceEnvironments", given.get("maxResults"))


def _DescribeJobQueues(world: World, given: dict[str, Any]) -> dict[str, Any]:
    items = listed(world, "job_queue", given.get("jobQueues", []))
    return world.paged(items, given.get("nextToken"), "jobQueues", given.get("maxResults"))


def _DescribeSchedulingPolicies(world: World, given: dict[str, Any]) -> dict[str, Any]:
    assert all(text.startswith("arn:") for text in given["arns"])
    items = listed(world, "scheduling_policy", given["arns"])
    return {
        "schedulingPolicies": [{key: item[key] for key in item if key not in ("status", "state")} for item in items]
    }


def _DescribeQuotaShare(world: World, given: dict[str, Any]) -> dict[str, Any]:
    shown = described(found(world, "quota_share", given["quotaShareArn"]))
    if shown is None:
        raise no(f"{given['quotaShareArn']} does not exist")
    return shown


def _ListQuotaShares(world: World, given: dict[str, Any]) -> dict[str, Any]:
    queue = found(world, "job_queue", given["jobQueue"])["jobQueueArn"]
    items = [item for item in listed(world, "quota_share", []) if item["jobQueueArn"] == queue]
    plain = [{key: value for key, value in item.items() if key != "tags"} for item in items]
    return world.paged(plain, given.get("nextToken"), "quotaShares", given.get("maxResults"))


def tagged(world: World, arn: str) -> dict[str, Any]:
    for _, (kind, _, _, arn_key) in KINDS.items():
        for item in world.of(kind).values():
            if item[arn_key] == arn:
                return item
    for job in world.of("service_job").values():
        if job["jobArn"] == arn:
            return job
    raise no(f"{arn} does not exist")


def _TagResource(world: World, given: dict[str, Any]) -> dict[str, Any]:
    tagged(world, given["resourceArn"])["tags"].update(given["tags"])
    return {}


def _UntagResource(world: World, given: dict[str, Any]) -> dict[str, Any]:
    for key in given["tagKeys"]:
        tagged(world, given["resourceArn"])["tags"].pop(key, None)
    return {}


def _SubmitServiceJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    moment = time.monotonic()
    while world.submits and moment - world.submits[0] > 1:
        world.submits.popleft()
    if world.rate and len(world.submits) >= world.rate:
        raise Refused("TooManyRequestsException", "Too Many Requests", 429)
    world.submits.append(moment)
    token = given.pop("clientToken")
    if token in world.tokens:
        job = world.of("service_job")[world.tokens[token]]
        return {"jobArn": job["jobArn"], "jobName": job["jobName"], "jobId": job["jobId"]}
    queue = found(world, "job_queue", given["jobQueue"])
    if queue["state"] != "ENABLED" or queue["status"] not in ("VALID", "UPDATING"):
        raise no(f"{given['jobQueue']} accepts no jobs")
    policy = queue.get("schedulingPolicyArn")
    shares = found(world, "scheduling_policy", policy) if policy else {}
    if ("fairsharePolicy" in shares) != ("shareIdentifier" in given) or ("quotaSharePolicy" in shares) != (
        "quotaShareName" in given
    ):
        raise no("shareIdentifier and quotaShareName do not fit the queue")
    if len(given["serviceRequestPayload"]) > 10 * 1024:
        raise no("serviceRequestPayload is too large")
    number = f"{len(world.of('service_job')):08x}-0000-4000-8000-000000000000"
    arn = world.arn("batch", f"service-job/{number}")
    given.setdefault("retryStrategy", {"attempts": 1})
    world.of("service_job")[number] = {
        **given,
        "jobQueue": queue["jobQueueArn"],
        "jobId": number,
        "jobArn": arn,
        "status": "SUBMITTED",
        "attempts": [],
        "createdAt": int(world.now * 1000),
    }
    world.tokens[token] = number
    return {"jobArn": arn, "jobName": given["jobName"], "jobId": number}


def job_of(world: World, text: str) -> dict[str, Any]:
    job = world.of("service_job").get(text.rpartition("/")[2])
    if job is None:
        raise no(f"Job {text} does not exist")
    return job


def _DescribeServiceJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = job_of(world, given["jobId"])
    if world.lags("service_job", given["jobId"]):
        raise Refused("ClientException", f"Service job {given['jobId']} does not exist")
    return {key: value for key, value in job.items() if not key.startswith("_")}


def _ListServiceJobs(world: World, given: dict[str, Any]) -> dict[str, Any]:
    jobs = list(world.of("service_job").values())
    if given.get("jobQueue"):
        jobs = [job for job in jobs if given["jobQueue"].rpartition("/")[2] == job["jobQueue"].rpartition("/")[2]]
    for rule in given.get("filters", ()):
        assert rule["name"] == "JOB_NAME"
        jobs = [job for job in jobs if job["jobName"].lower() == rule["values"][0].lower()]
    if not given.get("filters"):
        jobs = [job for job in jobs if job["status"] == given.get("jobStatus", "RUNNING")]
    keys = ("jobArn", "jobId", "jobName", "status", "statusReason", "serviceJobType", "createdAt", "latestAttempt")
    return world.paged(
        [{key: job[key] for key in keys if key in job} for job in jobs], given.get("nextToken"), "jobSummaryList"
    )


def end(world: World, job: dict[str, Any], reason: str) -> None:
    if job.get("latestAttempt"):
        name = job["latestAttempt"]["serviceResourceId"]["value"].rpartition("/")[2]
        sagemaker.halt(world, world.of("training_job")[name])
    job.update(status="FAILED", isTerminated=True, statusReason=reason, stoppedAt=int(world.now * 1000))


def _TerminateServiceJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = job_of(world, given["jobId"])
    if job["status"] not in ("SUCCEEDED", "FAILED"):
        end(world, job, given["reason"])
    return {}


def _UpdateServiceJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = job_of(world, given["jobId"])
    job["schedulingPriority"] = given["schedulingPriority"]
    return {"jobArn": job["jobArn"], "jobName": job["jobName"], "jobId": job["jobId"]}


def _GetJobQueueSnapshot(world: World, given: dict[str, Any]) -> dict[str, Any]:
    queue = found(world, "job_queue", given["jobQueue"])["jobQueueArn"]
    jobs = [job for job in world.of("service_job").values() if job["jobQueue"] == queue and job["status"] == "RUNNABLE"]
    shares: dict[str, list[dict[str, str]]] = {}
    for job in jobs:
        if job.get("quotaShareName"):
            shares.setdefault(job["quotaShareName"], []).append({"jobArn": job["jobArn"]})
    if shares:
        return {"frontOfQuotaShares": {"quotaShares": shares}}
    return {"frontOfQueue": {"jobs": [{"jobArn": job["jobArn"]} for job in jobs[:100]]}}
