"""Objects of AWS Batch that a program makes with boto3, and jobs that it submits to a TrainingQueue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from planform.migrate.drafts import Conversion, Draft, Taken, key_values, named
from planform.migrate.requests import snaked
from planform.migrate.values import Made, Place, Unknown, Value

_OTHER = "planform declares queues and environments of SageMaker training only"


class Call(NamedTuple):
    """A create call: the type it makes, its arguments with their fields, and what is so by default."""

    type: str
    fields: Mapping[str, str]
    usual: Mapping[str, Value] = {}
    unplaced: Mapping[str, str] = {}


CALLS: Mapping[str, Call] = {
    "create_service_environment": Call(
        "service_environment",
        {"serviceEnvironmentName": "name", "capacityLimits": "capacity_limits", "state": "state"},
        {"state": "ENABLED", "serviceEnvironmentType": "SAGEMAKER_TRAINING"},
        {"serviceEnvironmentType": _OTHER},
    ),
    "create_job_queue": Call(
        "job_queue",
        {
            "jobQueueName": "name",
            "priority": "priority",
            "state": "state",
            "serviceEnvironmentOrder": "service_environment_order",
            "schedulingPolicyArn": "scheduling_policy_arn",
            "jobStateTimeLimitActions": "job_state_time_limit_actions",
        },
        {"state": "ENABLED", "jobQueueType": "SAGEMAKER_TRAINING"},
        {"jobQueueType": _OTHER, "computeEnvironmentOrder": _OTHER},
    ),
    "create_scheduling_policy": Call(
        "scheduling_policy",
        {"name": "name", "fairsharePolicy": "fair_share_policy", "quotaSharePolicy": "quota_share_policy"},
    ),
    "create_quota_share": Call(
        "quota_share",
        {
            "quotaShareName": "name",
            "jobQueue": "job_queue",
            "capacityLimits": "capacity_limits",
            "resourceSharingConfiguration": "resource_sharing_configuration",
            "preemptionConfiguration": "preemption_configuration",
            "state": "state",
        },
        {"state": "ENABLED"},
    ),
}


def batch_object(into: Conversion, made: Made, draft: Draft) -> None:
    """Fill the draft of a queue, an environment, a policy or a share from the arguments of its create call."""
    call = CALLS[made.kind]
    taken = Taken(into, draft, made.kind, made.args, made.place)
    for argument, usual in call.usual.items():
        if taken.args.get(argument) == usual:
            taken.drop(argument)
    for argument, field in call.fields.items():
        value = snaked(taken.get(argument))
        if field == "service_environment_order":
            value = in_order(value)
        draft.put((field,), named(value, field))
    draft.put(("tags",), named(key_values(taken.get("tags")), "tags"))
    taken.refuse(call.unplaced)
    taken.rest()


def in_order(value: Value) -> Value:
    """[{order, service_environment}] as the plain list that it is, when the order is known."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return value
    if not all(isinstance(item.get("order"), (int, float)) for item in value):
        return value
    return [item.get("service_environment") for item in sorted(value, key=lambda item: item["order"])]


def pair(into: Conversion, made: Made) -> tuple[Draft, Draft]:
    """The environment and the queue that `create_resources` of the SDK's Batch notebooks makes."""
    place, args = made.place, dict(made.args)
    args.pop("resource_manager", None)
    environment = Draft("service_environment", "", place, "create_resources", made=made)
    queue = Draft("job_queue", "", place, "create_resources")
    known = Taken(into, environment, "create_resources", args, place)
    limit = {"max_capacity": named(known.get("max_capacity", 1), "max_capacity")}
    environment.put(("name",), named(known.get("service_environment_name"), "service_environment_name"))
    environment.put(("capacity_limits",), [limit])
    queue.put(("name",), named(known.get("job_queue_name"), "job_queue_name"))
    queue.put(("service_environment_order",), [environment.body.get("name")])
    queue.settings = 1
    known.rest()
    return environment, queue


def queued(into: Conversion, draft: Draft, queue: Value, args: Mapping[str, Value], place: Place) -> None:
    """What `submit` says of a job beside its trainer and its inputs."""
    taken = Taken(into, draft, "submit", args, place)
    taken.drop("training_job", "inputs", "job_names")
    name = queue.get("queue_name") if isinstance(queue, Made) else Unknown("queue", "", place)
    draft.put(("queue",), named(name, "queue"))
    for argument, field in (("priority", "priority"), ("share_identifier", "share_identifier")):
        draft.put((field,), named(taken.get(argument), field))
    draft.put(("quota_share",), named(taken.get("quota_share_name"), "quota_share"))
    draft.put(("timeout",), named(snaked(taken.get("timeout")), "timeout"))
    draft.put(("preemption_configuration",), named(snaked(taken.get("preemption_config")), "preemption_configuration"))
    tags = taken.get("tags")
    if isinstance(tags, dict):
        own = draft.body.get("tags", {})
        draft.put(("tags",), {**tags, **own} if isinstance(own, dict) else own)
    taken.refuse(
        {
            "job_name": "jobs are named after their trainer",
            "retry_config": "planform proposes a run again after failures of infrastructure (max_attempts)",
        }
    )
    taken.rest()
