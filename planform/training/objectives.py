"""What a search is for: one objective, or one for each of its definitions."""

from __future__ import annotations

from collections.abc import Mapping

from planform.core.tuning import definitions_of
from planform.core.values import Object

Objective = Mapping[str, str]  # {metric_name, type}


def objectives_of(tuning: Object) -> dict[str, Objective]:
    """The objective of each definition by its name."""
    return {item.name: item.part("objective") for item in definitions_of(tuning)}


def joint(objectives: Mapping[str, Objective]) -> Objective:
    """What stands for all of them: they go the same way, and may have metrics of several names."""
    names = dict.fromkeys(item["metric_name"] for item in objectives.values())
    kinds = dict.fromkeys(item.get("type", "Maximize") for item in objectives.values())
    return {"metric_name": next(iter(names)) if len(names) == 1 else "objective", "type": next(iter(kinds))}
