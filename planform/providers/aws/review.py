"""What cannot work between planned objects on AWS, though each is right by itself."""

from __future__ import annotations

from collections.abc import Mapping

from planform.core.addresses import Address
from planform.core.schemas import Misfit
from planform.core.values import Object
from planform.resources.training.queues import kind_misfits, unit_misfits, width_misfits


def misfits(objects: Mapping[Address, Object]) -> list[tuple[Address, Misfit, Address]]:
    """(whose field, why, the other object of the matter)."""
    return [*kind_misfits(objects), *unit_misfits(objects), *width_misfits(objects), *_several(objects)]


def _several(objects: Mapping[Address, Object]) -> list[tuple[Address, Misfit, Address]]:
    """AWS Batch takes one service environment for each queue (quotas of AWS Batch)."""
    found = []
    for address, body in objects.items():
        places = body.get("service_environment_order") if address.type == "job_queue" else None
        if isinstance(places, list) and len(places) > 1:
            why = f"AWS Batch takes one service environment for each queue, not {len(places)}."
            found.append((address, Misfit(("service_environment_order",), why, suggestion="Keep one."), address))
    return found
