"""Whether trainers fit the queues they name, as far as the plan knows both (S4.6, S4.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from planform.core.addresses import Address
from planform.core.schemas import Misfit
from planform.core.values import AttributePath, Object, Value, is_wholly_known
from planform.resources import short_name
from planform.resources.job_queue import service_environments


class Queue(NamedTuple):
    """A planned queue with what stands behind it; `kind` is FIFO, fair-share or quota, or "" while that is unknown."""

    address: Address
    kind: str
    environments: tuple[Address, ...]


def queues_of(objects: Mapping[Address, Object]) -> dict[str, Queue]:
    """The planned queues by name."""
    policies = _named(objects, "scheduling_policy")
    environments = _named(objects, "service_environment")
    found = {}
    for address, body in objects.items():
        if address.type != "job_queue" or not isinstance(body.get("name"), str):
            continue
        order = body.get("service_environment_order")
        names = service_environments(order) if isinstance(order, list) and is_wholly_known(order) else []
        places = tuple(environments[name] for name in names if name in environments)
        found[body["name"]] = Queue(address, _kind(body, policies, objects), places)
    return found


def trainers_of(objects: Mapping[Address, Object]) -> Iterator[tuple[Address, Object, AttributePath]]:
    """Everything whose jobs wait in queues: its address, the definition of its jobs, and where in its body that is."""
    for address, body in objects.items():
        if address.type == "trainer":
            yield address, body, ()
        elif address.type == "tuning_job" and isinstance(body.get("trainer"), dict):
            yield address, body["trainer"], ("trainer",)


def kind_misfits(objects: Mapping[Address, Object]) -> Iterator[tuple[Address, Misfit, Address]]:
    """Trainers that name no share where the queue has shares, or one where it has none (SubmitServiceJob)."""
    queues = queues_of(objects)
    for address, body, inside in trainers_of(objects):
        name = short_name(body.get("queue"))
        queue = queues.get(name) if isinstance(name, str) else None
        if queue is None or not queue.kind:
            continue
        wanted = {"fair-share": "share_identifier", "quota": "quota_share"}.get(queue.kind)
        for field in ("share_identifier", "quota_share"):
            if field == wanted and body.get(field) is None:
                why = f"{queue.address} is a {queue.kind} queue: its jobs name a {field}."
                yield address, Misfit((*inside, "queue"), why, suggestion=f"Add {field}: ..."), queue.address
            elif field != wanted and body.get(field) is not None:
                why = f"{queue.address} is a {queue.kind} queue: its jobs have no {field}."
                advice = "Remove it, or name another queue."
                yield address, Misfit((*inside, field), why, suggestion=advice), queue.address


def unit_misfits(objects: Mapping[Address, Object]) -> Iterator[tuple[Address, Misfit, Address]]:
    """Environments that count what their queue cannot: quotas count instance types, other queues instances."""
    for queue in queues_of(objects).values():
        for environment in queue.environments if queue.kind else ():
            limits = objects[environment].get("capacity_limits")
            for index, limit in enumerate(limits if isinstance(limits, list) else ()):
                unit = limit.get("capacity_unit") if isinstance(limit, dict) else None
                if isinstance(unit, str) and (unit == "NUM_INSTANCES") == (queue.kind == "quota"):
                    right = "an instance type, such as ml.g5.xlarge" if queue.kind == "quota" else "NUM_INSTANCES"
                    why = f"{queue.address} is a {queue.kind} queue: its environment counts {right}, not {unit}."
                    yield environment, Misfit(("capacity_limits", index, "capacity_unit"), why), queue.address


def width_misfits(objects: Mapping[Address, Object]) -> Iterator[tuple[Address, Misfit, Address]]:
    """Trainers with more instances than any environment behind their queue has: they would wait for ever (S4.7)."""
    queues = queues_of(objects)
    for address, body, inside in trainers_of(objects):
        name = short_name(body.get("queue"))
        queue = queues.get(name) if isinstance(name, str) else None
        compute = body.get("compute")
        count = compute.get("instance_count") if isinstance(compute, dict) else None
        if queue is None or not queue.environments or not isinstance(count, int):
            continue
        kind = compute.get("instance_type") if isinstance(compute, dict) else None
        room = [_room(objects[environment], kind) for environment in queue.environments]
        if all(most is not None and most < count for most in room):
            environment = queue.environments[0]
            most = max(most for most in room if most is not None)
            why = f"{count} instances never fit: {environment} holds {most} at once."
            advice = "Lower instance_count or raise the capacity."
            yield address, Misfit((*inside, "compute", "instance_count"), why, suggestion=advice), environment


def _room(environment: Object, kind: Value) -> int | None:
    """How many instances of a kind may run at once; None while that is unknown."""
    limits = environment.get("capacity_limits")
    if not isinstance(limits, list) or not is_wholly_known(limits):
        return None
    counted = {limit.get("capacity_unit"): limit.get("max_capacity") for limit in limits if isinstance(limit, dict)}
    most = counted.get("NUM_INSTANCES", counted.get(kind))
    return int(most) if isinstance(most, (int, float)) else None


def _kind(queue: Object, policies: Mapping[str, Address], objects: Mapping[Address, Object]) -> str:
    policy = queue.get("scheduling_policy_arn")
    if policy is None:
        return "FIFO"
    name = short_name(policy)
    if not isinstance(name, str) or name not in policies:
        return ""
    return "quota" if objects[policies[name]].get("quota_share_policy") is not None else "fair-share"


def _named(objects: Mapping[Address, Object], kind: str) -> dict[str, Address]:
    return {
        body["name"]: address
        for address, body in objects.items()
        if address.type == kind and isinstance(body.get("name"), str)
    }
