"""A tuning job as the API of SageMaker is asked for it, or describes it, as a `tuning_job` and its trainers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from planform.core.hyperparameters import decode
from planform.core.tuning import DEFINITIONS
from planform.migrate.drafts import Conversion, Draft, Path, brief, key_values, named
from planform.migrate.objects import object_name
from planform.migrate.requests import OF_CORE, leftover, member, snaked
from planform.migrate.values import Made, Reference, Value

TYPE = "tuning_job"

_CONFIG = "HyperParameterTuningJobConfig"
FIELDS: Mapping[tuple[str, ...], Path] = {
    ("Strategy",): ("strategy",),
    ("HyperParameterTuningJobObjective",): ("objective",),
    ("ResourceLimits",): ("resource_limits",),
    ("StrategyConfig",): ("strategy_config",),
    ("TrainingJobEarlyStoppingType",): ("early_stopping_type",),
    ("TuningJobCompletionCriteria",): ("tuning_job_completion_criteria",),
    ("RandomSeed",): ("random_seed",),
}
_RANGES = "ParameterRanges"
KINDS: Mapping[str, str] = {
    "IntegerParameterRanges": "integer",
    "ContinuousParameterRanges": "continuous",
    "CategoricalParameterRanges": "categorical",
    "AutoParameters": "auto",
}
# Members of a definition that a training job has not, or has elsewhere.
_OF_DEFINITION = ("DefinitionName", "TuningObjective", "HyperParameterRanges", "StaticHyperParameters")
_FLEXIBLE = "HyperParameterTuningResourceConfig"
_REQUEST = (
    *("HyperParameterTuningJobName", _CONFIG, "TrainingJobDefinition", "WarmStartConfig", "Tags"),
    *("TrainingJobDefinitions", "Autotune", *OF_CORE),
)


class Base(NamedTuple):
    """The trainer of a definition, yet empty, and the request of its training jobs."""

    definition: str  # its name; empty where it has none
    draft: Draft
    request: dict[str, Any]


def tuning_job(into: Conversion, request: Mapping[str, Value], draft: Draft) -> list[Base]:
    """Fill the draft of a tuning job; the trainers that it takes."""
    config = request.get(_CONFIG)
    if not isinstance(config, dict):
        into.unsupported(draft.place, _CONFIG, "what is searched is known only when it runs")
        return []
    for path, field in FIELDS.items():
        _put(draft, field, named(snaked(member(config, path)), field[-1]))
    if draft.body.get("early_stopping_type") == "Off":
        del draft.body["early_stopping_type"]
    _put(draft, ("autotune", "mode"), member(request, ("Autotune", "Mode")))
    _warm_start(draft, request.get("WarmStartConfig"))
    _put(draft, ("tags",), named(key_values(request.get("Tags")), "tags"))
    for path, value in leftover(config, (*FIELDS, (_RANGES,))):
        into.unsupported(draft.place, f"{_CONFIG}.{'.'.join(path)}={brief(value)}", "a tuning_job has no field for it")
    for path, value in leftover(request, [(name,) for name in _REQUEST]):
        into.unsupported(draft.place, f"{'.'.join(path)}={brief(value)}", "a tuning_job has no field for it")
    one, several = request.get("TrainingJobDefinition"), request.get("TrainingJobDefinitions")
    if isinstance(one, dict):
        return [_one(into, one, config, draft)]
    if isinstance(several, list) and all(isinstance(item, dict) for item in several):
        return [_of_several(into, item, draft, number) for number, item in enumerate(several, 1)]
    into.unsupported(draft.place, "TrainingJobDefinition", "what is trained is known only when it runs")
    return []


def _one(into: Conversion, definition: Mapping[str, Value], config: Mapping[str, Value], draft: Draft) -> Base:
    """The only definition: what it searches may stand in it as well as beside it."""
    ranges = definition.get("HyperParameterRanges") or config.get(_RANGES)
    _put(draft, ("parameter_ranges",), _ranges(ranges))
    if "objective" not in draft.body:
        _put(draft, ("objective",), snaked(definition.get("TuningObjective")))
    return _base(into, definition, draft, ())


def _of_several(into: Conversion, definition: Mapping[str, Value], draft: Draft, number: int) -> Base:
    """One definition of several, by its name."""
    name = definition.get("DefinitionName")
    place = (DEFINITIONS, name if isinstance(name, str) else f"definition-{number}")
    base = _base(into, definition, draft, place)
    _put(draft, (*place, "objective"), snaked(definition.get("TuningObjective")))
    _put(draft, (*place, "parameter_ranges"), _ranges(definition.get("HyperParameterRanges")))
    base.draft.name = object_name(place[1])
    return base


def _base(into: Conversion, definition: Mapping[str, Value], draft: Draft, place: Path) -> Base:
    """The trainer of a definition, which the tuning job names there."""
    made = Made("definition", {}, draft.place)
    draft.put((*place, "trainer"), Reference(made, ""))
    base = replace(draft, type="trainer", name="", source="training job definition", body={}, made=made, settings=0)
    base.put(("run",), "manual")
    request = {name: value for name, value in definition.items() if name not in (*_OF_DEFINITION, _FLEXIBLE)}
    request["HyperParameters"] = definition.get("StaticHyperParameters") or {}
    flexible = definition.get(_FLEXIBLE)
    if isinstance(flexible, dict):
        request["ResourceConfig"] = _instances(into, flexible, draft)
    return Base(str(definition.get("DefinitionName") or ""), base, request)


def _instances(into: Conversion, flexible: Mapping[str, Value], draft: Draft) -> dict[str, Value]:
    """Instances to choose from: a trainer has those that are asked for first."""
    choices = flexible.get("InstanceConfigs")
    rest = {name: value for name, value in flexible.items() if name not in ("InstanceConfigs", "AllocationStrategy")}
    if not isinstance(choices, list) or not choices:
        return rest
    for item in choices[1:]:
        kind = item.get("InstanceType") if isinstance(item, dict) else item
        why = "a choice of instances has no place; the first of them is compute"
        into.unsupported(draft.place, f"{_FLEXIBLE}.InstanceConfigs: {brief(kind)}", why)
    return {**rest, **choices[0]}


def _ranges(ranges: Value) -> Value:
    """ParameterRanges by kind and name; numbers travel as text."""
    if not isinstance(ranges, dict):
        return named(ranges, "parameter_ranges")
    found: dict[str, Value] = {}
    for name, kind in KINDS.items():
        items = ranges.get(name) or []
        if not isinstance(items, list):
            found[kind] = named(items, f"{kind}_ranges")
        elif items:
            found[kind] = {item["Name"]: _range(kind, item) for item in items if isinstance(item, dict)}
    return found


def _range(kind: str, item: Mapping[str, Value]) -> Value:
    name = item["Name"]
    if kind == "auto":
        return named(decode(item.get("ValueHint")), str(name))
    if kind == "categorical":
        values = item.get("Values")
        return [decode(value) for value in values] if isinstance(values, list) else named(values, f"{name}_values")
    form = {
        "min_value": named(decode(item.get("MinValue")), f"{name}_min"),
        "max_value": named(decode(item.get("MaxValue")), f"{name}_max"),
    }
    scaling = item.get("ScalingType")
    return form if scaling in (None, "Auto") else {**form, "scaling_type": scaling}


def _warm_start(draft: Draft, start: Value) -> None:
    if not isinstance(start, dict):
        return
    parents = start.get("ParentHyperParameterTuningJobs")
    names = [item.get("HyperParameterTuningJobName") for item in parents] if isinstance(parents, list) else parents
    _put(draft, ("warm_start",), {"type": start.get("WarmStartType"), "parents": names})


def _put(draft: Draft, path: Path, value: Value) -> None:
    if value not in (None, {}, []):
        draft.settings += 1
        draft.put(path, value)
