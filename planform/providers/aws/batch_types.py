"""The types of AWS Batch: their calls, and their two forms (docs of the AWS Batch API, 2016-08-10)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from planform.core.schemas import Schema
from planform.core.values import Object, Value
from planform.providers.aws.clients import AwsError, Clients
from planform.resources import job_queue, quota_share, scheduling_policy, service_environment

Raw: TypeAlias = Mapping[str, Any]  # as Batch describes an object


# Batch has one class of error for all that is wrong with a request; only its text tells what.
GONE = re.compile(r"does not exist|not found|not exist", re.I)


class Kind(NamedTuple):
    """A type of Batch: its calls and its two forms."""

    schema: Schema
    resource: str  # as in its ARN
    described: Callable[[Clients, Sequence[str]], Iterator[Raw]]  # by ARN or name; what is not there is left out
    label: str  # the member that holds the name
    arn: str  # the member that holds the ARN
    identity: str  # the argument that update and delete know an object by
    operation: str  # boto3's name of it, after create_, update_, delete_
    to_request: Callable[[Object], dict[str, Any]]  # what can be updated
    fixed: Callable[[Object], dict[str, Any]]  # what only create takes
    to_object: Callable[[Raw], Object]
    settles: bool = True  # has a status, and a state that must be DISABLED before it can be deleted
    predictable: bool = True  # the ARN follows from the name


def _limits(body: Object) -> list[dict[str, Any]]:
    return [
        {"maxCapacity": int(limit["max_capacity"]), "capacityUnit": limit.get("capacity_unit", "NUM_INSTANCES")}
        for limit in body["capacity_limits"]
    ]


def _limits_read(raw: Raw) -> Value:
    return [
        {"max_capacity": limit.get("maxCapacity"), "capacity_unit": limit.get("capacityUnit")}
        for limit in raw.get("capacityLimits", ())
    ]


def _environment_request(body: Object) -> dict[str, Any]:
    return {"capacityLimits": _limits(body), "state": body["state"]}


def _environment_object(raw: Raw) -> Object:
    return {
        "name": raw["serviceEnvironmentName"],
        "arn": raw["serviceEnvironmentArn"],
        "state": raw.get("state", "ENABLED"),
        "status": raw.get("status", "VALID"),
        "capacity_limits": _limits_read(raw),
    }


def _queue_request(body: Object) -> dict[str, Any]:
    names = job_queue.service_environments(body["service_environment_order"])
    given = [item.get("service_environment") if isinstance(item, dict) else item for item in _ordered(body)]
    request: dict[str, Any] = {
        "priority": int(body["priority"]),
        "state": body["state"],
        "serviceEnvironmentOrder": [
            {"order": number, "serviceEnvironment": item} for number, item in enumerate(given or names, 1)
        ],
        # An update without them would leave those that there are.
        "jobStateTimeLimitActions": [
            {
                "reason": item["reason"],
                "state": item["state"],
                "maxTimeSeconds": int(item["max_time_seconds"]),
                "action": item["action"],
            }
            for item in body.get("job_state_time_limit_actions") or ()
        ],
    }
    if body.get("scheduling_policy_arn"):
        request["schedulingPolicyArn"] = body["scheduling_policy_arn"]
    return request


def _ordered(body: Object) -> list[Any]:
    places = list(body["service_environment_order"])
    return sorted(places, key=lambda item: item["order"]) if all(isinstance(item, dict) for item in places) else places


def _queue_object(raw: Raw) -> Object:
    found: Object = {
        "name": raw["jobQueueName"],
        "arn": raw["jobQueueArn"],
        "priority": raw["priority"],
        "state": raw["state"],
        "status": raw.get("status", "VALID"),
        "status_reason": raw.get("statusReason", ""),
        "service_environment_order": [
            item["serviceEnvironment"]
            for item in sorted(raw.get("serviceEnvironmentOrder", ()), key=lambda item: item["order"])
        ],
    }
    if raw.get("schedulingPolicyArn"):
        found["scheduling_policy_arn"] = raw["schedulingPolicyArn"]
    found["job_state_time_limit_actions"] = [
        {
            "reason": item["reason"],
            "state": item["state"],
            "max_time_seconds": item["maxTimeSeconds"],
            "action": item["action"],
        }
        for item in raw.get("jobStateTimeLimitActions") or ()
    ] or None
    return found


def _policy_request(body: Object) -> dict[str, Any]:
    if body.get("quota_share_policy") is not None:
        strategy = body["quota_share_policy"]["idle_resource_assignment_strategy"]
        return {"quotaSharePolicy": {"idleResourceAssignmentStrategy": strategy}}
    policy = body["fair_share_policy"]
    fair: dict[str, Any] = {
        "shareDecaySeconds": int(policy["share_decay_seconds"]),
        "computeReservation": int(policy["compute_reservation"]),
    }
    if policy.get("share_distribution") is not None:
        fair["shareDistribution"] = [
            {"shareIdentifier": share["share_identifier"], "weightFactor": float(share["weight_factor"])}
            for share in policy["share_distribution"]
        ]
    return {"fairsharePolicy": fair}


def _policy_object(raw: Raw) -> Object:
    found: Object = {"name": raw["name"], "arn": raw["arn"]}
    if raw.get("quotaSharePolicy") is not None:
        strategy = raw["quotaSharePolicy"].get("idleResourceAssignmentStrategy", "FIFO")
        found["quota_share_policy"] = {"idle_resource_assignment_strategy": strategy}
    elif raw.get("fairsharePolicy") is not None:
        fair = raw["fairsharePolicy"]
        policy: Object = {
            "share_decay_seconds": fair.get("shareDecaySeconds", 0),
            "compute_reservation": fair.get("computeReservation", 0),
        }
        if fair.get("shareDistribution"):
            policy["share_distribution"] = [
                {"share_identifier": share["shareIdentifier"], "weight_factor": share.get("weightFactor", 1)}
                for share in fair["shareDistribution"]
            ]
        found["fair_share_policy"] = policy
    return found


def _share_request(body: Object) -> dict[str, Any]:
    sharing, preemption = body["resource_sharing_configuration"], body["preemption_configuration"]
    limit = {"borrowLimit": int(sharing["borrow_limit"])} if sharing.get("borrow_limit") is not None else {}
    return {
        "capacityLimits": _limits(body),
        "resourceSharingConfiguration": {"strategy": sharing["strategy"], **limit},
        "preemptionConfiguration": {"inSharePreemption": preemption["in_share_preemption"]},
        "state": body["state"],
    }


def _share_object(raw: Raw) -> Object:
    sharing = raw.get("resourceSharingConfiguration", {})
    limit = {"borrow_limit": sharing["borrowLimit"]} if sharing.get("borrowLimit") is not None else {}
    return {
        "name": raw["quotaShareName"],
        "arn": raw["quotaShareArn"],
        "job_queue": raw["jobQueueArn"],
        "state": raw.get("state", "ENABLED"),
        "status": raw.get("status", "VALID"),
        "capacity_limits": _limits_read(raw),
        "resource_sharing_configuration": {"strategy": sharing.get("strategy"), **limit},
        "preemption_configuration": {
            "in_share_preemption": raw.get("preemptionConfiguration", {}).get("inSharePreemption", "DISABLED")
        },
    }


def _environments(clients: Clients, ids: Sequence[str]) -> Iterator[Raw]:
    return clients.pages(
        "batch", "describe_service_environments", "serviceEnvironments", serviceEnvironments=list(ids), maxResults=100
    )


def _queues(clients: Clients, ids: Sequence[str]) -> Iterator[Raw]:
    return clients.pages("batch", "describe_job_queues", "jobQueues", jobQueues=list(ids), maxResults=100)


def _policies(clients: Clients, ids: Sequence[str]) -> Iterator[Raw]:
    answer = clients.call("batch", "describe_scheduling_policies", arns=list(ids))
    return iter(answer["schedulingPolicies"])


def _shares(clients: Clients, ids: Sequence[str]) -> Iterator[Raw]:
    """One call each, side by side: only DescribeQuotaShare tells the tags."""
    from concurrent.futures import ThreadPoolExecutor

    def look(arn: str) -> Raw | None:
        try:
            found: Raw = clients.call("batch", "describe_quota_share", quotaShareArn=arn)
        except AwsError as error:
            if GONE.search(error.message):
                return None
            raise
        return found

    with ThreadPoolExecutor(max_workers=8) as pool:
        return iter([raw for raw in pool.map(look, ids) if raw is not None])


KINDS: Mapping[str, Kind] = {
    "service_environment": Kind(
        service_environment.SCHEMA,
        "service-environment",
        _environments,
        "serviceEnvironmentName",
        "serviceEnvironmentArn",
        "serviceEnvironment",
        "service_environment",
        _environment_request,
        lambda body: {"serviceEnvironmentName": body["name"], "serviceEnvironmentType": "SAGEMAKER_TRAINING"},
        _environment_object,
    ),
    "scheduling_policy": Kind(
        scheduling_policy.SCHEMA,
        "scheduling-policy",
        _policies,
        "name",
        "arn",
        "arn",
        "scheduling_policy",
        _policy_request,
        lambda body: {"name": body["name"]},
        _policy_object,
        settles=False,
    ),
    "job_queue": Kind(
        job_queue.SCHEMA,
        "job-queue",
        _queues,
        "jobQueueName",
        "jobQueueArn",
        "jobQueue",
        "job_queue",
        _queue_request,
        lambda body: {"jobQueueName": body["name"], "jobQueueType": "SAGEMAKER_TRAINING"},
        _queue_object,
    ),
    "quota_share": Kind(
        quota_share.SCHEMA,
        "quota-share",
        _shares,
        "quotaShareName",
        "quotaShareArn",
        "quotaShareArn",
        "quota_share",
        _share_request,
        lambda body: {"quotaShareName": body["name"], "jobQueue": body["job_queue"]},
        _share_object,
        predictable=False,
    ),
}
