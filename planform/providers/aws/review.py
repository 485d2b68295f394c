"""What cannot work between planned objects on AWS, though each is right by itself (quotas and rules of AWS Batch)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from planform.core.addresses import Address
from planform.core.plan import Action, Change
from planform.core.schemas import Misfit
from planform.core.values import Object, Value
from planform.resources import short_name
from planform.resources.job_queue import service_environments
from planform.resources.training.queues import kind_misfits, queues_of, unit_misfits, width_misfits

Found: TypeAlias = Iterator[tuple[Address, Misfit, Address]]

MOST = 50  # queues, and service environments, of an account in a region
MOST_SHARES = 20  # quota shares of a queue


def misfits(changes: Mapping[Address, Change]) -> list[tuple[Address, Misfit, Address]]:
    """(whose field, why, the other object of the matter)."""
    objects = {address: change.after for address, change in changes.items() if change.after is not None}
    return [
        *kind_misfits(objects),
        *unit_misfits(objects),
        *width_misfits(objects),
        *_queues(objects),
        *_shares(objects),
        *_alone(objects),
        *_too_many(objects),
        *_exchanged(objects, changes),
        *_in_use(changes),
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


def _exchanged(objects: Mapping[Address, Object], changes: Mapping[Address, Change]) -> Found:
    """Queues whose policy becomes one of another kind, which UpdateJobQueue refuses."""
    updated = {
        address: change.before
        for address, change in changes.items()
        if change.action is Action.UPDATE and change.before is not None
    }
    kinds = {queue.address: queue.kind for queue in queues_of(objects).values()}
    before = {queue.address: queue.kind for queue in queues_of({**objects, **updated}).values()}
    for address in updated:
        old, new = before.get(address, ""), kinds.get(address, "")
        if old != new and "" not in (old, new) and "FIFO" not in (old, new):
            why = f"The policy of a {old} queue can be exchanged for one of its kind only, not for a {new} policy."
            advice = f"To make the queue anew, which ends its jobs: planform plan --replace '{address}'"
            yield address, Misfit(("scheduling_policy_arn",), why, suggestion=advice), address


def _in_use(changes: Mapping[Address, Change]) -> Found:
    """What is to be deleted and made again under its name while something that stays uses it."""
    stay = [change for change in changes.values() if change.action in (Action.NO_OP, Action.UPDATE, Action.READ)]
    for address, change in changes.items():
        if change.action is not Action.DELETE_THEN_CREATE or change.before is None:
            continue
        for user in stay:
            used = [*_used(user.address.type, user.before or {})], [*_used(user.address.type, user.after or {})]
            if all((address.type, change.before.get("name")) in names for names in used):
                why = f"{address} cannot be replaced under its name: {user.address} uses it, so AWS Batch keeps it."
                advice = f"Give it another name, or replace both: planform plan --replace '{user.address}'"
                yield address, Misfit((), why, suggestion=advice), user.address
                break


def _used(kind: str, body: Object) -> Iterator[tuple[str, Value]]:
    """(type, name) of what an object of AWS Batch keeps from being deleted."""
    if kind == "job_queue":
        places = body.get("service_environment_order")
        for name in service_environments(places) if isinstance(places, list) else ():
            yield "service_environment", name
        yield "scheduling_policy", short_name(body.get("scheduling_policy_arn"))
    if kind == "quota_share":
        yield "job_queue", short_name(body.get("job_queue"))


def _shares(objects: Mapping[Address, Object]) -> Found:
    """Quota shares that count instances, of queues that have none, or too many of them."""
    queues = queues_of(objects)
    count: Counter[str] = Counter()
    for address, body in objects.items():
        if address.type != "quota_share":
            continue
        limits = body.get("capacity_limits")
        for index, limit in enumerate(limits if isinstance(limits, list) else ()):
            if isinstance(limit, dict) and limit.get("capacity_unit") == "NUM_INSTANCES":
                why = "A quota counts an instance type, such as ml.g5.xlarge, not NUM_INSTANCES."
                yield address, Misfit(("capacity_limits", index, "capacity_unit"), why), address
        name = short_name(body.get("job_queue"))
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
