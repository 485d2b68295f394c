"""HyperparameterTuner, V2 and V3, as a `tuning_job`, in the names of CreateHyperParameterTuningJob."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from planform.core.tuning import DEFINITIONS
from planform.migrate.drafts import Conversion, Draft, Path, Taken, brief, key_values, named
from planform.migrate.values import Dotted, Made, Reference, Value

TYPE = "tuning_job"

FIELDS: Mapping[str, Path] = {
    "max_parallel_jobs": ("resource_limits", "max_parallel_training_jobs"),
    "max_runtime_in_seconds": ("resource_limits", "max_runtime_in_seconds"),
    "early_stopping_type": ("early_stopping_type",),
    "random_seed": ("random_seed",),
}

CRITERIA: Mapping[str, Path] = {
    "target_objective_metric_value": ("target_objective_metric_value",),
    "max_number_of_training_jobs_not_improving": (
        "best_objective_not_improving",
        "max_number_of_training_jobs_not_improving",
    ),
    "complete_on_convergence": ("convergence_detected", "complete_on_convergence"),
}

KINDS: Mapping[str, str] = {
    "IntegerParameter": "integer",
    "ContinuousParameter": "continuous",
    "CategoricalParameter": "categorical",
}

WARM_STARTS: Mapping[str, str] = {
    "IDENTICAL_DATA_AND_ALGORITHM": "IdenticalDataAndAlgorithm",
    "TRANSFER_LEARNING": "TransferLearning",
}

# What the tuning job has no need of, and what `parts_of` takes.
NO_NEED = ("base_tuning_job_name", "estimator_name", "model_trainer_name")
_PARTS = ("objective_metric_name", "hyperparameter_ranges", "metric_definitions", "hyperparameters_to_keep_static")
_JOBS = ("estimator", "model_trainer")


class Part(NamedTuple):
    """An estimator or trainer of a tuner, and how it is searched."""

    name: str  # empty: the only one
    job: Value
    metric: Value
    ranges: Value
    metrics: Value
    kept: Value  # names that autotune leaves alone
    way: Value  # Maximize or Minimize

    @property
    def place(self) -> Path:
        return (DEFINITIONS, self.name) if self.name else ()


def parts_of(tuner: Made) -> list[Part]:
    """What a tuner searches: one, or several by name; none when that is known only when the program runs."""
    one, way = tuner.get("estimator", tuner.get("model_trainer")), tuner.get("objective_type")
    if one is not None:
        metric, ranges, metrics, kept = (tuner.get(name) for name in _PARTS)
        return [Part("", one, metric, ranges, metrics, kept, way)]
    several = tuner.get("estimator_dict", tuner.get("model_trainer_dict"))
    found = []
    for name, job in several.items() if isinstance(several, dict) else ():
        fields = [tuner.get(f"{field}_dict") for field in _PARTS]
        metric, ranges, metrics, kept = (field.get(name) if isinstance(field, dict) else field for field in fields)
        found.append(Part(name, job, metric, ranges, metrics, kept, way))
    return found


def base_of(part: Part) -> Made:
    """The trainer of a part, apart from what the program does with it otherwise."""
    args = dict(part.job.args)
    if part.metrics is not None:  # the tuner's count
        args["metric_definitions"] = part.metrics
    return Made(part.job.kind, args, part.job.place, part.job.name, part.job.code)


def inputs_of(part: Part, inputs: Value) -> Value:
    """What a part is trained on: of several each has its own."""
    return inputs.get(part.name) if part.name and isinstance(inputs, dict) else inputs


def tuner(into: Conversion, made: Made, draft: Draft) -> None:
    """Fill the draft of a tuning job with what all its parts have in common."""
    taken = Taken(into, draft, "HyperparameterTuner", made.args, made.place)
    for name in (*_JOBS, *_PARTS):
        taken.args.pop(name, None)
        taken.args.pop(f"{name}_dict", None)
    taken.drop(*NO_NEED, "objective_type")
    strategy, autotune = taken.get("strategy", "Bayesian"), taken.get("autotune")
    draft.put(("strategy",), named(strategy, "strategy"))
    if autotune is True:
        draft.put(("autotune", "mode"), "Enabled")
    elif autotune not in (None, False):
        why = "whether SageMaker finds the ranges is known only when it runs; say so in autotune"
        into.unsupported(made.place, f"HyperparameterTuner(autotune={brief(autotune)})", why)
    usual = None if strategy == "Grid" or "autotune" in draft.body else 1  # 1 is the default of the SDK
    most = taken.get("max_jobs", usual)
    draft.put(("resource_limits",), {})
    draft.put(("resource_limits", "max_number_of_training_jobs"), named(most, "max_jobs"))
    taken.move(FIELDS)
    draft.put(("strategy_config",), _strategy(taken.get("strategy_config")))
    _criteria(draft, taken.get("completion_criteria_config"))
    draft.put(("tags",), named(key_values(taken.get("tags")), "tags"))
    warm = taken.get("warm_start_config")
    if isinstance(warm, Made):
        kind = warm.get("warm_start_type")
        kind = kind.last if isinstance(kind, Dotted) else kind
        draft.put(("warm_start", "type"), WARM_STARTS.get(kind, kind) if isinstance(kind, str) else kind)
        draft.put(("warm_start", "parents"), named(warm.get("parents"), "parents"))
    taken.rest()


def searched(into: Conversion, job: Draft, part: Part, base: Made, trainer: Draft) -> None:
    """Put what is searched in a part into the tuning job; its trainer has no run of its own, and no value of that."""
    place = part.place
    job.put((*place, "trainer"), Reference(base, ""))
    trainer.put(("run",), "manual")
    job.put((*place, "objective", "metric_name"), named(part.metric, "objective_metric_name"))
    job.put((*place, "objective", "type"), named(part.way, "objective_type"))
    job.settings += (part.metric is not None) + (part.ranges is not None)
    ranges = part.ranges
    if isinstance(ranges, dict):
        for name, value in ranges.items():
            _range(into, job, (*place, "parameter_ranges"), str(name), value)
    else:
        job.put((*place, "parameter_ranges"), named(ranges, "parameter_ranges"))
    values = trainer.body.get("hyperparameters")
    if isinstance(ranges, dict) and isinstance(values, dict):
        values = {name: value for name, value in values.items() if name not in ranges}
        _without(trainer, values)
    if "autotune" in job.body:
        _hints(into, job, part, trainer, values)


def _hints(into: Conversion, job: Draft, part: Part, trainer: Draft, values: Value) -> None:
    """With autotune the values that are given are examples, but for those that are to be kept."""
    kept = part.kept if part.kept is not None else []
    if not isinstance(kept, list) or not isinstance(values, dict | None):
        why = "which of the hyperparameters SageMaker varies is known only when it runs; name them under auto"
        into.unsupported(job.place, "HyperparameterTuner(autotune=True)", why)
        return
    for name in [name for name in values or () if name not in kept]:
        job.put((*part.place, "parameter_ranges", "auto", name), (values or {})[name])
    _without(trainer, {name: value for name, value in (values or {}).items() if name in kept})


def _without(trainer: Draft, values: dict[str, Value]) -> None:
    trainer.body["hyperparameters"] = values
    if not values:
        del trainer.body["hyperparameters"]


def _criteria(draft: Draft, value: Value) -> None:
    field = ("tuning_job_completion_criteria",)
    if not isinstance(value, Made):
        draft.put(field, named(value, "completion_criteria"))
        return
    for name, path in CRITERIA.items():
        item = value.get(name)
        if isinstance(item, bool):
            item = "Enabled" if item else "Disabled"
        draft.put((*field, *path), named(item, name))


def _range(into: Conversion, draft: Draft, place: Path, name: str, value: Value) -> None:
    if not isinstance(value, Made) or value.kind not in KINDS:
        into.unsupported(draft.place, f"range of {name}", "its kind is known only when it runs")
        return
    kind = KINDS[value.kind]
    if kind == "categorical":
        values = value.get("values")
        draft.put((*place, kind, name), values if isinstance(values, list) else [values])
        return
    draft.put((*place, kind, name, "min_value"), named(value.get("min_value"), f"{name}_min"))
    draft.put((*place, kind, name, "max_value"), named(value.get("max_value"), f"{name}_max"))
    scaling = value.get("scaling_type")
    draft.put((*place, kind, name, "scaling_type"), None if scaling == "Auto" else scaling)


def _strategy(value: Value) -> Value:
    """StrategyConfig(HyperbandStrategyConfig(max_resource, min_resource))."""
    band = value.get("hyperband_strategy_config") if isinstance(value, Made) else None
    return {"hyperband_strategy_config": dict(band.args)} if isinstance(band, Made) else named(value, "strategy_config")
