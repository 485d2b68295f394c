"""Whether what is planned can ever run (S4.7): a trainer wider than its environment would wait for ever."""

from __future__ import annotations

from collections.abc import Mapping

from planform.core.addresses import Address
from planform.core.schemas import Misfit
from planform.core.values import Object, Value, is_wholly_known
from planform.providers.local.files import local_name
from planform.providers.local.scheduler import capacity, never_fits
from planform.resources.training.queues import trainers_of


def too_wide(objects: Mapping[Address, Object]) -> list[tuple[Address, Misfit, Address]]:
    """The trainers that no environment holds: (trainer, why, environment). What is unknown yet is let pass. Pure."""
    environments = {
        item.get("name"): address for address, item in objects.items() if address.type == "service_environment"
    }
    queues = {item.get("name"): item for address, item in objects.items() if address.type == "job_queue"}
    found = []
    for address, trainer, inside in trainers_of(objects):
        if not isinstance(trainer.get("queue"), str):
            continue
        name = local_name(trainer["queue"])
        environment = environments.get(_environment_of(queues.get(name, {})))
        count = _inside(trainer.get("compute"), "instance_count")
        if (
            environment is None
            or not isinstance(count, int)
            or not is_wholly_known(objects[environment]["capacity_limits"])
        ):
            continue
        why = never_fits(count, capacity(objects[environment]), name, str(environment))
        if why:
            found.append((address, Misfit((*inside, "compute", "instance_count"), why), environment))
    return found


def _inside(value: Value, name: str) -> Value:
    return value.get(name) if isinstance(value, dict) else None


def _environment_of(queue: Object) -> Value:
    order = queue.get("service_environment_order")
    first = order[0] if isinstance(order, list) and order else None
    first = first.get("service_environment") if isinstance(first, dict) else first
    return local_name(first) if isinstance(first, str) else None
