"""HyperparameterTuner, V2 and V3, as a `tuning_job` with the field names of CreateHyperParameterTuningJob.

The mapping is a table of paths; what of it the type declares is decided by its schema.
"""

from __future__ import annotations

from collections.abc import Mapping

from planform.migrate.drafts import Conversion, Draft, Path, Taken, key_values, named
from planform.migrate.values import Dotted, Made, Reference, Value

TYPE = "tuning_job"

FIELDS: Mapping[str, Path] = {
    "strategy": ("strategy",),
    "objective_metric_name": ("objective", "metric_name"),
    "objective_type": ("objective", "type"),
    "max_jobs": ("resource_limits", "max_number_of_training_jobs"),
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

UNPLACED: Mapping[str, str] = {
    "autotune": "ranges that SageMaker chooses itself have no place; write them down",
    "hyperparameters_to_keep_static": "it is of autotune, which has no place",
    "completion_criteria_config": "completion criteria have no place in a tuning_job",
    "strategy_config": "settings of the Hyperband strategy have no place in a tuning_job",
    "metric_definitions": "they are the trainer's: its metric_definitions",
}
NO_NEED = ("estimator", "model_trainer", "base_tuning_job_name", "estimator_name", "model_trainer_name")


def is_known() -> bool:
    """Whether this planform has the type."""
    from planform.resources import schemas

    return TYPE in schemas()


def tuner(into: Conversion, made: Made, draft: Draft, base: Made) -> None:
    """Fill the draft of a tuning job; `base` is the estimator or trainer that becomes a trainer of its own."""
    taken = Taken(into, draft, "HyperparameterTuner", made.args, made.place)
    taken.drop(*NO_NEED)
    draft.put(("trainer",), Reference(base, ""))
    ranges = taken.get("hyperparameter_ranges")
    if isinstance(ranges, dict):
        for name, value in ranges.items():
            _range(into, draft, str(name), value)
    else:
        draft.put(("ranges",), named(ranges, "ranges"))
    taken.move(FIELDS)
    draft.put(("tags",), named(key_values(taken.get("tags")), "tags"))
    warm = taken.get("warm_start_config")
    if isinstance(warm, Made):
        draft.put(("warm_start", "warm_start_type"), _last(warm.get("warm_start_type")))
        draft.put(("warm_start", "parents"), warm.get("parents"))
    taken.refuse(UNPLACED)
    taken.rest()


def metric_definitions(made: Made) -> Value:
    """V2 gives a tuner the metrics of its trials; they belong to the trainer."""
    return made.args.pop("metric_definitions", None)


def _range(into: Conversion, draft: Draft, name: str, value: Value) -> None:
    if not isinstance(value, Made) or value.kind not in KINDS:
        into.unsupported(draft.place, f"range of {name}", "its kind is known only when it runs")
        return
    kind = KINDS[value.kind]
    if kind == "categorical":
        values = value.get("values")
        draft.put(("ranges", kind, name), values if isinstance(values, list) else [values])
        return
    form = {"min": named(value.get("min_value"), f"{name}_min"), "max": named(value.get("max_value"), f"{name}_max")}
    scaling = value.get("scaling_type")
    if scaling not in (None, "Auto"):
        form["scaling_type"] = scaling
    draft.put(("ranges", kind, name), form)


def _last(value: Value) -> Value:
    """`WarmStartTypes.TRANSFER_LEARNING` by its wire name."""
    value = value.last if isinstance(value, Dotted) else value
    names = {"IDENTICAL_DATA_AND_ALGORITHM": "IdenticalDataAndAlgorithm", "TRANSFER_LEARNING": "TransferLearning"}
    return names.get(value, value) if isinstance(value, str) else value
