"""A planned tuning job as the request of CreateHyperParameterTuningJob (SageMaker API, 2017-07-24). Pure.

Its training job is that of the trainer, member for member: only what HyperParameterTrainingJobDefinition has no place
for is left out. It has none for an entry point, so the image starts the runtime by sagemaker-training, which is what
AWS's framework images begin with: its hyperparameters name the program and the folder that holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from planform.core.hyperparameters import wire_text
from planform.core.tuning import DEFINITIONS, definitions_of
from planform.core.values import AttributePath, Object, Value
from planform.providers.aws.jobs.request import Placed, attribute_path, place_of, training_job
from planform.training.definition import mapping

# What a training job has and the definition of a tuning job has not, or has elsewhere.
ELSEWHERE = ("TrainingJobName", "HyperParameters", "Tags")
NO_PLACE = ("TensorBoardOutputConfig", "RemoteDebugConfig", "InfraCheckConfig")
_ENTRY = ("ContainerEntrypoint", "ContainerArguments")
STARTER = {"sagemaker_program": "train.py", "sagemaker_submit_directory": "/opt/ml/input/data/sm_drivers"}

_CONFIG: Mapping[str, AttributePath] = {
    "Strategy": ("strategy",),
    "StrategyConfig": ("strategy_config",),
    "HyperParameterTuningJobObjective": ("objective",),
    "ResourceLimits": ("resource_limits",),
    "TrainingJobEarlyStoppingType": ("early_stopping_type",),
    "RandomSeed": ("random_seed",),
    "TuningJobCompletionCriteria": ("tuning_job_completion_criteria",),
}
_KINDS = {
    "IntegerParameterRanges": "integer",
    "ContinuousParameterRanges": "continuous",
    "CategoricalParameterRanges": "categorical",
    "AutoParameters": "auto",
}


class Trained(NamedTuple):
    """One definition of training jobs: its trainer without marks of secrecy, and what its jobs find where."""

    body: Object
    placed: Placed


def tuning_job(
    tuning: Object, trained: Mapping[str, Trained], job_name: str, settings: Object, tags: Mapping[str, str]
) -> Object:
    """The request. `tuning` is the tuning job; `trained` has the trainer of each of its definitions by name."""
    definitions = {
        name: _definition(training_job(job.body, job_name, job.placed, settings, {}), job)
        for name, job in trained.items()
    }
    request: dict[str, Any] = {
        "HyperParameterTuningJobName": job_name,
        "HyperParameterTuningJobConfig": _config(tuning),
        "Tags": [{"Key": name, "Value": value} for name, value in sorted(tags.items())],
    }
    if "" in definitions:
        request["TrainingJobDefinition"] = definitions[""]
        request["HyperParameterTuningJobConfig"] |= _searched(tuning)
    else:
        request["TrainingJobDefinitions"] = [
            {"DefinitionName": item.name, **_own(_searched(item.body)), **definitions[item.name]}
            for item in definitions_of(tuning)
        ]
    if tuning.get("autotune") is not None:
        request["Autotune"] = {"Mode": tuning["autotune"].get("mode", "Enabled")}
    start = mapping(tuning, "warm_start")
    if start:
        request["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [
                {"HyperParameterTuningJobName": str(parent).rpartition("/")[2]} for parent in start["parents"]
            ],
            "WarmStartType": start["type"],
        }
    return request


def definitions_in(form: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The definitions in a request or a description, whether it has one or several."""
    one = form.get("TrainingJobDefinition")
    return [one] if one else list(form.get("TrainingJobDefinitions") or ())


def output_path(form: Mapping[str, Any]) -> str:
    """Where all output goes; empty when the definitions differ in it."""
    found = {(item.get("OutputDataConfig") or {}).get("S3OutputPath", "") for item in definitions_in(form)}
    return found.pop() if len(found) == 1 else ""


def attribute_of(member: AttributePath, request: Object, trainers: Mapping[str, Object]) -> AttributePath:
    """The attribute that a member of the request comes from; `trainers` by the names of their definitions."""
    match member:
        case ("TrainingJobDefinition", *rest):
            return _in_definition(tuple(rest), request["TrainingJobDefinition"], trainers[""])
        case ("TrainingJobDefinitions", int(index), *rest):
            definition = request["TrainingJobDefinitions"][index]
            name = definition["DefinitionName"]
            return (DEFINITIONS, name, *_in_definition(tuple(rest), definition, trainers[name]))
        case ("TrainingJobDefinitions", *_):
            return (DEFINITIONS,)
        case ("HyperParameterTuningJobConfig", "ParameterRanges", *rest):
            return _in_ranges(tuple(rest), request["HyperParameterTuningJobConfig"]["ParameterRanges"])
        case ("HyperParameterTuningJobConfig", name, *rest) if str(name) in _CONFIG:
            snakes = attribute_path(("StoppingCondition", *rest))[1:]
            return (*_CONFIG[str(name)], *snakes)
        case ("WarmStartConfig", *_):
            return ("warm_start",)
        case ("Tags", *_):
            return ("tags",)
    return ()


def _in_definition(member: AttributePath, definition: Object, trainer: Object) -> AttributePath:
    match member:
        case ("DefinitionName", *_):
            return ()
        case ("TuningObjective", *_):
            return ("objective",)
        case ("HyperParameterRanges", *rest):
            return _in_ranges(tuple(rest), definition["HyperParameterRanges"])
        case ("StaticHyperParameters", *rest):
            return ("trainer", *attribute_path(("HyperParameters", *rest)))
    return ("trainer", *place_of(member, trainer))


def _in_ranges(member: AttributePath, ranges: Object) -> AttributePath:
    match member:
        case (str(kind), int(index), *_) if kind in _KINDS:
            return ("parameter_ranges", _KINDS[kind], ranges[kind][index]["Name"])
    return ("parameter_ranges",)


def _searched(definition: Object) -> dict[str, Any]:
    """What is searched for, and in which ranges, as a tuning job says it of its one definition."""
    objective, ranges = mapping(definition, "objective"), _ranges(mapping(definition, "parameter_ranges"))
    wanted = {"Type": objective.get("type", "Maximize"), "MetricName": objective.get("metric_name")}
    # With autotune SageMaker looks for ranges itself.
    return {"HyperParameterTuningJobObjective": wanted, **({"ParameterRanges": ranges} if ranges else {})}


def _own(searched: Mapping[str, Any]) -> dict[str, Any]:
    """The same as one definition of several says it of itself."""
    names = {"HyperParameterTuningJobObjective": "TuningObjective", "ParameterRanges": "HyperParameterRanges"}
    return {names[member]: value for member, value in searched.items()}


def _config(tuning: Object) -> dict[str, Any]:
    limits = mapping(tuning, "resource_limits")
    band = mapping(mapping(tuning, "strategy_config"), "hyperband_strategy_config")
    form: dict[str, Any] = {
        "Strategy": tuning.get("strategy"),
        "ResourceLimits": _numbers(
            limits,
            max_number_of_training_jobs="MaxNumberOfTrainingJobs",
            max_parallel_training_jobs="MaxParallelTrainingJobs",
            max_runtime_in_seconds="MaxRuntimeInSeconds",
        ),
    }
    stopping = tuning.get("early_stopping_type", "Off")
    if stopping != "Off" or tuning.get("autotune") is None:  # with autotune SageMaker chooses, unless it is asked for
        form["TrainingJobEarlyStoppingType"] = stopping
    if band:
        numbers = _numbers(band, min_resource="MinResource", max_resource="MaxResource")
        form["StrategyConfig"] = {"HyperbandStrategyConfig": numbers}
    if tuning.get("random_seed") is not None:
        form["RandomSeed"] = int(tuning["random_seed"])
    criteria = _criteria(mapping(tuning, "tuning_job_completion_criteria"))
    return {**form, "TuningJobCompletionCriteria": criteria} if criteria else form


def _criteria(given: Object) -> dict[str, Any]:
    form: dict[str, Any] = {}
    if given.get("target_objective_metric_value") is not None:
        form["TargetObjectiveMetricValue"] = given["target_objective_metric_value"]
    if given.get("best_objective_not_improving") is not None:
        form["BestObjectiveNotImproving"] = _numbers(
            given["best_objective_not_improving"],
            max_number_of_training_jobs_not_improving="MaxNumberOfTrainingJobsNotImproving",
        )
    if given.get("convergence_detected") is not None:
        form["ConvergenceDetected"] = {
            "CompleteOnConvergence": given["convergence_detected"].get("complete_on_convergence", "Enabled")
        }
    return form


def _ranges(ranges: Object) -> dict[str, Any]:
    """Values travel as text, as hyperparameters do."""
    form: dict[str, Any] = {}
    for member, kind in _KINDS.items():
        found = [{"Name": name, **_range(kind, item)} for name, item in mapping(ranges, kind).items()]
        if found:
            form[member] = found
    return form


def _range(kind: str, item: Value) -> dict[str, Any]:
    if kind == "auto":
        return {"ValueHint": wire_text(item)}
    if kind == "categorical":
        return {"Values": [wire_text(value) for value in item]}
    return {
        "MinValue": _text(item["min_value"], kind),
        "MaxValue": _text(item["max_value"], kind),
        "ScalingType": item.get("scaling_type", "Auto"),
    }


def _text(number: float, kind: str) -> str:
    return str(int(number)) if kind == "integer" else wire_text(number)


def _definition(training: Object, job: Trained) -> dict[str, Any]:
    left_out = {*ELSEWHERE, *NO_PLACE}
    if not mapping(job.body, "checkpoint"):
        left_out.add("CheckpointConfig")  # a place that all trials shared would mix them up
    form = {name: value for name, value in training.items() if name not in left_out}
    algorithm = training["AlgorithmSpecification"]
    form["AlgorithmSpecification"] = {name: value for name, value in algorithm.items() if name not in _ENTRY}
    given = {**training.get("HyperParameters", {}), **(STARTER if job.placed.drivers else {})}
    if given:
        form["StaticHyperParameters"] = given
    return form


def _numbers(body: Object, **members: str) -> dict[str, Any]:
    return {member: int(body[name]) for name, member in members.items() if body.get(name) is not None}
