"""`service_environment`: how much may run at once; a job queue places its jobs there."""

from __future__ import annotations

from planform.core.schemas import NUMBER, STRING, Attribute, Enum, Misfit, Nested, Schema, attributes, list_of, map_of
from planform.core.values import Object
from planform.resources import NAME, fractions


def check(body: Object) -> list[Misfit]:
    limits = body.get("capacity_limits")
    if not isinstance(limits, list):
        return []
    if not limits:
        return [Misfit(("capacity_limits",), "At least one capacity limit is required.")]
    return [*fractions(limits, ("capacity_limits",))]


SCHEMA = Schema(
    type="service_environment",
    doc="A limit on how much trains at once: an AWS Batch service environment, or a number on this machine.",
    named=True,
    public=("name", "capacity_limits", "state", "tags"),
    check=check,
    example="""\
resource:
  service_environment:
    cpu:
      capacity_limits: [{max_capacity: 2, capacity_unit: NUM_INSTANCES}]
      tags: {team: vision}
""",
    attributes=attributes(
        name=NAME,
        capacity_limits=Attribute(
            list_of(
                Nested(
                    attributes(
                        max_capacity=Attribute(NUMBER, "How many run at once.", required=True, minimum=1),
                        capacity_unit=Attribute(
                            STRING,
                            "What is counted: instances, or in a quota-managed queue one instance type. "
                            "This machine counts all alike.",
                            default="NUM_INSTANCES",
                        ),
                    )
                )
            ),
            "The limits, one for each unit.",
            required=True,
        ),
        state=Attribute(Enum(("ENABLED", "DISABLED")), "Whether queues may place jobs here.", default="ENABLED"),
        tags=Attribute(map_of(STRING), "Tags of the environment."),
        arn=Attribute(STRING, "The ARN.", computed=True, unknown_when=("replace",)),
        status=Attribute(STRING, "VALID once it can be used.", computed=True, unknown_when=("replace",)),
    ),
)
