"""`quota_share`: a part of a quota-managed queue's capacity that belongs to one team."""

from __future__ import annotations

from planform.core.schemas import NUMBER, STRING, Attribute, Enum, Misfit, Nested, Schema, attributes, list_of, map_of
from planform.core.values import Object
from planform.resources import NAME, fractions, short_name


def check(body: Object) -> list[Misfit]:
    """Limits that count something, and a borrow limit where there is borrowing (CreateQuotaShare)."""
    misfits = []
    limits = body.get("capacity_limits")
    if isinstance(limits, list) and not 1 <= len(limits) <= 5:
        misfits.append(Misfit(("capacity_limits",), f"1 to 5 limits are allowed, not {len(limits)}."))
    misfits += fractions({name: value for name, value in body.items() if name != "tags"})
    sharing = body.get("resource_sharing_configuration")
    if not isinstance(sharing, dict) or sharing.get("borrow_limit") is None:
        return misfits
    if sharing.get("strategy") in ("RESERVE", "LEND"):
        misfits.append(
            Misfit(
                ("resource_sharing_configuration", "borrow_limit"),
                f"A share that is to {sharing['strategy']} borrows nothing.",
                suggestion="Remove it, or set strategy: LEND_AND_BORROW.",
            )
        )
    return misfits


def normalise(body: Object) -> Object:
    """The queue by its name; a limit on borrowing that is none, as AWS fills it in, is left out."""
    result = {**body, "job_queue": short_name(body.get("job_queue"))}
    sharing = body.get("resource_sharing_configuration")
    if isinstance(sharing, dict) and sharing.get("borrow_limit") == -1:
        result["resource_sharing_configuration"] = {key: item for key, item in sharing.items() if key != "borrow_limit"}
    return result


_SHARING: Object = {"strategy": "RESERVE"}
_PREEMPTION: Object = {"in_share_preemption": "DISABLED"}

SCHEMA = Schema(
    type="quota_share",
    doc="A part of the capacity behind a quota-managed queue, with what it lends and borrows.",
    named=True,
    public=("name", "job_queue", "capacity_limits", "tags"),
    check=check,
    normalise=normalise,
    example="""\
resource:
  scheduling_policy:
    quotas: {quota_share_policy: {}}
  service_environment:
    gpu: {capacity_limits: [{max_capacity: 8, capacity_unit: ml.g5.xlarge}]}
  job_queue:
    shared:
      scheduling_policy_arn: "${scheduling_policy.quotas.arn}"
      service_environment_order: ["${service_environment.gpu.arn}"]
  quota_share:
    vision:
      job_queue: "${job_queue.shared.arn}"
      capacity_limits: [{max_capacity: 4, capacity_unit: ml.g5.xlarge}]
      resource_sharing_configuration: {strategy: LEND_AND_BORROW, borrow_limit: 50}
""",
    attributes=attributes(
        name=NAME,
        job_queue=Attribute(
            STRING,
            "ARN or name of the queue.",
            required=True,
            change="replace",
            reference_to="job_queue",
            blocks_delete=True,
        ),
        capacity_limits=Attribute(
            list_of(
                Nested(
                    attributes(
                        max_capacity=Attribute(NUMBER, "How many run at once.", required=True, minimum=1),
                        capacity_unit=Attribute(STRING, "The instance type that is counted.", required=True),
                    )
                )
            ),
            "The quota, one limit for each instance type.",
            required=True,
        ),
        resource_sharing_configuration=Attribute(
            Nested(
                attributes(
                    strategy=Attribute(
                        Enum(("RESERVE", "LEND", "LEND_AND_BORROW")),
                        "Whether idle capacity is lent to other shares, and theirs borrowed.",
                        required=True,
                    ),
                    borrow_limit=Attribute(
                        NUMBER,
                        "How much may be borrowed, in percent of the quota; -1: without limit.",
                        minimum=-1,
                    ),
                )
            ),
            "What it lends and borrows.",
            default=_SHARING,
        ),
        preemption_configuration=Attribute(
            Nested(
                attributes(
                    in_share_preemption=Attribute(
                        Enum(("ENABLED", "DISABLED")), "Whether urgent jobs of the share end others.", required=True
                    )
                )
            ),
            "Whether jobs of the share may end each other.",
            default=_PREEMPTION,
        ),
        state=Attribute(Enum(("ENABLED", "DISABLED")), "Whether the share accepts jobs.", default="ENABLED"),
        tags=Attribute(map_of(STRING), "Tags of the share."),
        arn=Attribute(STRING, "The ARN.", computed=True, unknown_when=("replace",)),
        status=Attribute(STRING, "VALID once it can be used.", computed=True, unknown_when=("replace",)),
    ),
)
