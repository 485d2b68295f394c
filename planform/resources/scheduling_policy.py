"""`scheduling_policy`: how the jobs of a queue share its capacity, by fair shares or by quotas."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planform.core.schemas import NUMBER, STRING, Attribute, Enum, Misfit, Nested, Schema, attributes, list_of, map_of
from planform.core.values import Object, Value
from planform.resources import NAME, fractions

KINDS = ("fair_share_policy", "quota_share_policy")
MOST_SHARES = 500
IDENTIFIER = r"[A-Za-z0-9]{1,255}\*?"


def check(body: Object) -> list[Misfit]:
    """Exactly one kind; share identifiers that no job could tell apart (CreateSchedulingPolicy)."""
    given = [kind for kind in KINDS if body.get(kind) is not None]
    misfits = []
    if not given:
        misfits.append(
            Misfit(
                (),
                "A scheduling policy is one of fair_share_policy and quota_share_policy.",
                suggestion="A queue that is first in, first out needs no policy at all.",
            )
        )
    misfits += [
        Misfit((kind,), f"{kind} cannot stand beside {given[0]}.", suggestion="Keep one of them.") for kind in given[1:]
    ]
    policy = body.get("fair_share_policy")
    shares = policy.get("share_distribution") if isinstance(policy, dict) else None
    misfits += fractions(policy, ("fair_share_policy",))
    if isinstance(shares, list):
        misfits += _overlaps(shares)
    if isinstance(shares, list) and len(shares) > MOST_SHARES:
        why = f"{len(shares)} shares are too many: at most {MOST_SHARES}."
        misfits.append(Misfit(("fair_share_policy", "share_distribution"), why))
    return misfits


def _overlaps(shares: list[Value]) -> Iterator[Misfit]:
    """`a*` stands for every identifier that begins with a, so none of those can be listed beside it."""
    seen: list[str] = []
    for index, share in enumerate(shares):
        name = share.get("share_identifier") if isinstance(share, dict) else None
        if not isinstance(name, str):
            continue
        for other in seen:
            short, long = sorted((name, other), key=lambda text: len(text.rstrip("*")))
            if name == other or (short.endswith("*") and long.startswith(short[:-1])):
                path = ("fair_share_policy", "share_distribution", index, "share_identifier")
                yield Misfit(path, f'"{name}" overlaps with "{other}".', suggestion="Keep one of them.")
                break
        seen.append(name)


def weight_of(shares: list[Value], identifier: str) -> float:
    """The weight of a share: of its own entry, else of the prefix it falls under, else 1."""
    for share in shares:
        name = share["share_identifier"]
        if name == identifier or (name.endswith("*") and identifier.startswith(name[:-1])):
            return float(share.get("weight_factor", 1))
    return 1.0


def normalise(body: Object) -> Object:
    """The shares in the order of their names; weights to the seven digits that a 32-bit float keeps."""
    policy = body.get("fair_share_policy")
    shares = policy.get("share_distribution") if isinstance(policy, dict) else None
    if (
        not isinstance(policy, dict)
        or not isinstance(shares, list)
        or not all(isinstance(share, dict) for share in shares)
    ):
        return body
    rounded = [
        {**share, "weight_factor": float(f"{weight:.6g}")}
        if isinstance(weight := share.get("weight_factor"), (int, float))
        else share
        for share in shares
    ]
    rounded.sort(key=lambda share: re.sub(r"\*$", "", str(share.get("share_identifier"))))
    return {**body, "fair_share_policy": {**policy, "share_distribution": rounded}}


def replaces(before: Object, after: Object) -> tuple[str, ...]:
    """The kind of a policy is fixed when it is made (UpdateSchedulingPolicy)."""
    return tuple(kind for kind in KINDS if (before.get(kind) is None) != (after.get(kind) is None))


SCHEMA = Schema(
    type="scheduling_policy",
    doc="How the jobs of a queue share its capacity: by weights (fair share), or by quotas that `quota_share`s set.",
    named=True,
    public=("name", "fair_share_policy", "quota_share_policy", "tags"),
    check=check,
    normalise=normalise,
    replaces=replaces,
    example="""\
resource:
  scheduling_policy:
    fair:
      fair_share_policy:
        share_decay_seconds: 3600
        share_distribution:
          - {share_identifier: research, weight_factor: 1}
          - {share_identifier: batch, weight_factor: 4}
  service_environment:
    gpu: {capacity_limits: [{max_capacity: 4}]}
  job_queue:
    shared:
      scheduling_policy_arn: "${scheduling_policy.fair.arn}"
      service_environment_order: ["${service_environment.gpu.arn}"]
""",
    attributes=attributes(
        name=NAME,
        fair_share_policy=Attribute(
            Nested(
                attributes(
                    share_decay_seconds=Attribute(
                        NUMBER, "For how long what a share has used counts.", default=0, minimum=0, maximum=604800
                    ),
                    compute_reservation=Attribute(
                        NUMBER,
                        "Percent kept free for shares that are not active yet.",
                        default=0,
                        minimum=0,
                        maximum=99,
                    ),
                    share_distribution=Attribute(
                        list_of(
                            Nested(
                                attributes(
                                    share_identifier=Attribute(
                                        STRING,
                                        "Name of the share; with * at the end, of all that begin so.",
                                        required=True,
                                        pattern=IDENTIFIER,
                                        pattern_hint="letters and digits, with * at the end at most",
                                    ),
                                    weight_factor=Attribute(
                                        NUMBER, "Lower gets more.", default=1, minimum=0.0001, maximum=999.9999
                                    ),
                                )
                            )
                        ),
                        "The shares and their weights; one that is not listed weighs 1.",
                    ),
                )
            ),
            "Jobs name a share_identifier; shares that have used less go first.",
        ),
        quota_share_policy=Attribute(
            Nested(
                attributes(
                    idle_resource_assignment_strategy=Attribute(
                        Enum(("FIFO",)), "Who gets what nobody's quota uses.", default="FIFO"
                    )
                )
            ),
            "Jobs name a quota_share; each has capacity of its own.",
        ),
        tags=Attribute(map_of(STRING), "Tags of the policy."),
        arn=Attribute(STRING, "The ARN.", computed=True, unknown_when=("replace",)),
    ),
)
