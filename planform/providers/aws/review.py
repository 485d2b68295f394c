"""What cannot work between planned objects on AWS, though each is right by itself (quotas and rules of AWS Batch)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from planform.core.addresses import Address
from planform.core.schemas import Misfit
from planform.core.values import Object
from planform.resources import short_name
from planform.resources.training.queues import kind_misfits, queues_of, unit_misfits, width_misfits

Found: TypeAlias = Iterator[tuple[Address, Misfit, Address]]

MOST = 50  # queues, and service environments, of an account in a region
MOST_SHARES = 20  # quota shares of a queue


def misfits(objects: Mapping[Address, Object]) -> list[tuple[Address, Misfit, Address]]:
    """(whose field, why, the other object of the matter)."""
    return [
        *kind_misfits(objects),
        *unit_misfits(objects),
        *width_misfits(objects),
        *_queues(objects),
        *_shares(objects),
        *_alone(objects),
        *_too_many(objects),
    ]


def _queues(objects: Mapping[Address, Object]) -> Found:
    for address, body in objects.items():
        if address.type != "job_queue":
            continue
        places, limits = body.get("service_environment_order"), body.get("job_state_time_limit_actions")
        if isinstance(places, list) and len(places) > 1:
            why = f"AWS Batch takes one service environment for each queue, not {len(places)}."
            yield address, Misfit(("service_environment_order",), why, suggestion="Keep one."), address
        for index, limit in enumerate(limits if isinstance(limits, list) else ()):
            if isinstance(limit, dict) and limit.get("action") == "CANCEL":
                path = ("job_state_time_limit_actions", index, "action")
                why = "AWS Batch does not CANCEL jobs of a training queue, it only takes TERMINATE."
                yield address, Misfit(path, why, suggestion="Leave action out."), address


def _shares(objects: Mapping[Address, Object]) -> Found:
    """Quota shares of queues that have none, or too many of them."""
    queues = queues_of(objects)
    count: Counter[str] = Counter()
    for address, body in objects.items():
        name = short_name(body.get("job_queue")) if address.type == "quota_share" else None
        queue = queues.get(name) if isinstance(name, str) else None
        if queue is None:
            continue
        count[queue.address.node] += 1
        if queue.kind not in ("", "quota"):
            why = f"{queue.address} is a {queue.kind} queue: it has no quota shares."
            advice = "Give the queue a scheduling policy with quota_share_policy."
            yield address, Misfit(("job_queue",), why, suggestion=advice), queue.address
        if count[queue.address.node] == MOST_SHARES + 1:
            why = f"{queue.address} has more quota shares than AWS Batch takes: {MOST_SHARES}."
            yield address, Misfit(("job_queue",), why), queue.address


def _alone(objects: Mapping[Address, Object]) -> Found:
    """A quota-managed queue shares its environment with no other."""
    queues = queues_of(objects).values()
    for queue in queues:
        for other in queues if queue.kind == "quota" else ():
            if other != queue and set(other.environments) & set(queue.environments):
                why = f"{queue.address} manages quotas, and {other.address} has the same service environment."
                advice = "Give each an environment of its own."
                yield queue.address, Misfit(("service_environment_order",), why, suggestion=advice), other.address


def _too_many(objects: Mapping[Address, Object]) -> Found:
    for kind in ("job_queue", "service_environment"):
        members = [address for address in objects if address.type == kind]
        if len(members) > MOST:
            why = (
                f"{len(members)} of {kind} are too many: AWS Batch has {MOST} in a region, and raises that for nobody."
            )
            yield members[MOST], Misfit((), why), members[MOST]
