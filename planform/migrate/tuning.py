"""HyperparameterTuner, V2 and V3, as a `tuning_job`, in the names of CreateHyperParameterTuningJob."""

from __future__ import annotations

from collections.abc import Mapping

from planform.migrate.drafts import Conversion, Draft, Path, Taken, key_values, named
from planform.migrate.values import Dotted, Made, Reference, Value

TYPE = "tuning_job"

FIELDS: Mapping[str, Path] = {
    "objective_metric_name": ("objective", "metric_name"),
    "objective_type": ("objective", "type"),
    "max_parallel_jobs": ("resource_limits", "max_parallel_training_jobs"),
    "max_runtime_in_seconds": ("resource_limits", "max_runtime_in_seconds"),
    "early_stopping_type": ("early_stopping_type",),
    "random_seed": ("random_seed",),
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

UNPLACED: Mapping[str, str] = {
    "autotune": "ranges that SageMaker chooses itself have no place; write them down",
    "hyperparameters_to_keep_static": "it is of autotune, which has no place",
    "completion_criteria_config": "completion criteria have no place in a tuning_job",
    "metric_definitions": "they are the trainer's: its metric_definitions",
}
NO_NEED = ("estimator", "model_trainer", "base_tuning_job_name", "estimator_name", "model_trainer_name")


def tuner(into: Conversion, made: Made, draft: Draft, base: Made) -> None:
    """Fill the draft of a tuning job; `base` is the estimator or trainer that becomes a trainer of its own."""
    taken = Taken(into, draft, "HyperparameterTuner", made.args, made.place)
    taken.drop(*NO_NEED)
    draft.put(("trainer",), Reference(base, ""))
    strategy = taken.get("strategy", "Bayesian")
    draft.put(("strategy",), named(strategy, "strategy"))
    most = taken.get("max_jobs", None if strategy == "Grid" else 1)  # 1 is the default of the SDK
    draft.put(("resource_limits",), {})
    draft.put(("resource_limits", "max_number_of_training_jobs"), named(most, "max_jobs"))
    ranges = taken.get("hyperparameter_ranges")
    if isinstance(ranges, dict):
        for name, value in ranges.items():
            _range(into, draft, str(name), value)
    else:
        draft.put(("parameter_ranges",), named(ranges, "parameter_ranges"))
    taken.move(FIELDS)
    draft.put(("strategy_config",), _strategy(taken.get("strategy_config")))
    draft.put(("tags",), named(key_values(taken.get("tags")), "tags"))
    warm = taken.get("warm_start_config")
    if isinstance(warm, Made):
        kind = warm.get("warm_start_type")
        kind = kind.last if isinstance(kind, Dotted) else kind
        draft.put(("warm_start", "type"), WARM_STARTS.get(kind, kind) if isinstance(kind, str) else kind)
        draft.put(("warm_start", "parents"), named(warm.get("parents"), "parents"))
    taken.refuse(UNPLACED)
    taken.rest()


def as_base(draft: Draft, job: Made) -> None:
    """What is different about a trainer that a tuner varies: no run of its own, and no value of what is tuned."""
    draft.put(("run",), "manual")
    ranges, values = job.get("hyperparameter_ranges"), draft.body.get("hyperparameters")
    if isinstance(ranges, dict) and isinstance(values, dict):
        kept = {name: value for name, value in values.items() if name not in ranges}
        draft.body["hyperparameters"] = kept
        if not kept:
            del draft.body["hyperparameters"]


def _range(into: Conversion, draft: Draft, name: str, value: Value) -> None:
    if not isinstance(value, Made) or value.kind not in KINDS:
        into.unsupported(draft.place, f"range of {name}", "its kind is known only when it runs")
        return
    kind = KINDS[value.kind]
    if kind == "categorical":
        values = value.get("values")
        draft.put(("parameter_ranges", kind, name), values if isinstance(values, list) else [values])
        return
    draft.put(("parameter_ranges", kind, name, "min_value"), named(value.get("min_value"), f"{name}_min"))
    draft.put(("parameter_ranges", kind, name, "max_value"), named(value.get("max_value"), f"{name}_max"))
    scaling = value.get("scaling_type")
    draft.put(("parameter_ranges", kind, name, "scaling_type"), None if scaling == "Auto" else scaling)


def _strategy(value: Value) -> Value:
    """StrategyConfig(HyperbandStrategyConfig(max_resource, min_resource))."""
    band = value.get("hyperband_strategy_config") if isinstance(value, Made) else None
    return {"hyperband_strategy_config": dict(band.args)} if isinstance(band, Made) else named(value, "strategy_config")
