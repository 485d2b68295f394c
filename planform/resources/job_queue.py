"""`job_queue`: where training jobs wait for capacity in service environments."""

from __future__ import annotations

from planform.core.schemas import (
    NUMBER,
    STRING,
    Attribute,
    Enum,
    Misfit,
    Nested,
    OneOf,
    Schema,
    attributes,
    list_of,
    map_of,
)
from planform.core.values import Object, Value
from planform.resources import NAME, fractions, short_name


def check(body: Object) -> list[Misfit]:
    places = body.get("service_environment_order")
    misfits = []
    if isinstance(places, list):
        if not places:
            misfits.append(Misfit(("service_environment_order",), "At least one service environment is required."))
        names = [name for name in service_environments(places) if isinstance(name, str)]
        misfits += [
            Misfit(("service_environment_order",), f'Service environment "{name}" is listed more than once.')
            for name in dict.fromkeys(name for name in names if names.count(name) > 1)
        ]
        if any(isinstance(place, dict) for place in places) and not all(isinstance(place, dict) for place in places):
            misfits.append(
                Misfit(
                    ("service_environment_order",),
                    "Names and {order, service_environment} cannot be mixed.",
                    suggestion="A plain list is in order already: list the names alone.",
                )
            )
    return [*misfits, *fractions({name: value for name, value in body.items() if name != "tags"})]


def service_environments(places: list[Value]) -> list[Value]:
    """The names in `service_environment_order`, first choice first."""
    orders = [place.get("order") if isinstance(place, dict) else None for place in places]
    if all(isinstance(order, (int, float)) for order in orders):
        places = sorted(places, key=lambda place: place["order"])
    return [short_name(place.get("service_environment") if isinstance(place, dict) else place) for place in places]


def normalise(body: Object) -> Object:
    result = dict(body)
    if isinstance(body.get("service_environment_order"), list):
        result["service_environment_order"] = service_environments(body["service_environment_order"])
    if result.get("job_state_time_limit_actions") == []:
        del result["job_state_time_limit_actions"]
    if "scheduling_policy_arn" in result:
        result["scheduling_policy_arn"] = short_name(result["scheduling_policy_arn"])
    return result


def replaces(before: Object, after: Object) -> tuple[str, ...]:
    """AWS Batch can exchange the policy of a queue, but neither add one nor take it away (UpdateJobQueue)."""
    had, has = before.get("scheduling_policy_arn"), after.get("scheduling_policy_arn")
    return ("scheduling_policy_arn",) if (had is None) != (has is None) else ()


_PLACE = Nested(
    attributes(
        order=Attribute(NUMBER, "Lower is tried first.", required=True, minimum=0),
        service_environment=Attribute(
            STRING, "ARN or name.", required=True, reference_to="service_environment", blocks_delete=True
        ),
    )
)

_TIME_LIMIT = Nested(
    attributes(
        reason=Attribute(STRING, "Why it waits, as AWS Batch says it.", required=True),
        state=Attribute(Enum(("RUNNABLE",)), "The state it waits in.", default="RUNNABLE"),
        max_time_seconds=Attribute(NUMBER, "How long it may.", required=True, minimum=600, maximum=86400),
        action=Attribute(Enum(("TERMINATE", "CANCEL")), "What is done with it then.", default="TERMINATE"),
    )
)

SCHEMA = Schema(
    type="job_queue",
    doc="Where jobs wait for capacity: an AWS Batch job queue for training, or a durable queue on this machine.",
    named=True,
    public=("name", "priority", "state", "service_environment_order", "scheduling_policy_arn", "tags"),
    check=check,
    normalise=normalise,
    replaces=replaces,
    example="""\
resource:
  service_environment:
    cpu: {capacity_limits: [{max_capacity: 2}]}
  job_queue:
    main:
      priority: 5
      service_environment_order: ["${service_environment.cpu.arn}"]
""",
    attributes=attributes(
        name=NAME,
        priority=Attribute(
            NUMBER, "Queues that share an environment: higher goes first.", default=1, minimum=0, maximum=1000
        ),
        state=Attribute(Enum(("ENABLED", "DISABLED")), "Whether the queue accepts jobs.", default="ENABLED"),
        service_environment_order=Attribute(
            list_of(OneOf((STRING, _PLACE), "the ARN or name of a service environment")),
            "Where jobs may run, first choice first: ARNs or names, or {order, service_environment}.",
            required=True,
            reference_to="service_environment",
            blocks_delete=True,
        ),
        scheduling_policy_arn=Attribute(
            STRING,
            "ARN or name of a scheduling policy: jobs then name a share. Without one: first in, first out.",
            reference_to="scheduling_policy",
            blocks_delete=True,
        ),
        job_state_time_limit_actions=Attribute(
            list_of(_TIME_LIMIT), "What is done with jobs that wait too long at the head of the queue."
        ),
        tags=Attribute(map_of(STRING), "Tags of the queue."),
        arn=Attribute(STRING, "The ARN.", computed=True, unknown_when=("replace",)),
        status=Attribute(STRING, "VALID once it can be used.", computed=True, unknown_when=("replace",)),
        status_reason=Attribute(STRING, "Why the status is what it is.", computed=True, unknown_when=("replace",)),
    ),
)
