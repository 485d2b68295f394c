"""SageMaker's tuning jobs: their training jobs are started by the clock, so many at once, each with values of its own."""

from __future__ import annotations

import itertools
from typing import Any

from tests.fake_aws import sagemaker
from tests.fake_aws.world import Refused, World

FINAL = ("Completed", "Failed", "Stopped")


def settle(world: World) -> None:
    for job in world.of("tuning_job").values():
        if job["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
            continue
        made = trials_of(world, job)
        active = [trial for trial in made if trial["TrainingJobStatus"] not in FINAL]
        limits = job["HyperParameterTuningJobConfig"]["ResourceLimits"]
        if job["HyperParameterTuningJobStatus"] == "InProgress":
            room = min(limits["MaxParallelTrainingJobs"] - len(active), len(job["_values"]) - len(made))
            for _ in range(room):
                made.append(start(world, job, len(made)))
                active.append(made[-1])
        if not active:
            end(world, job, made)


def start(world: World, job: dict[str, Any], index: int) -> dict[str, Any]:
    definition, name = job["TrainingJobDefinition"], f"{job['HyperParameterTuningJobName']}-{index + 1:03}-0a1b2c3d"
    tuned = job["_values"][index]
    objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    given = {**definition.get("StaticHyperParameters", {}), **tuned, "_tuning_objective_metric": objective}
    request = {**definition, "TrainingJobName": name, "HyperParameters": given}
    made = sagemaker.make(world, request, name)
    made.update(_tuning=job["HyperParameterTuningJobName"], _tuned=tuned)
    return made


def end(world: World, job: dict[str, Any], made: list[dict[str, Any]]) -> None:
    best = best_of(job, made)
    stopped = job["HyperParameterTuningJobStatus"] == "Stopping"
    status = "Stopped" if stopped else "Completed" if best is not None else "Failed"
    job.update(HyperParameterTuningJobStatus=status, HyperParameterTuningEndTime=world.now)
    if status == "Failed":
        job["FailureReason"] = "No training job succeeded."


def trials_of(world: World, job: dict[str, Any]) -> list[dict[str, Any]]:
    name = job["HyperParameterTuningJobName"]
    return [item for item in world.of("training_job").values() if item.get("_tuning") == name]


def best_of(job: dict[str, Any], made: list[dict[str, Any]]) -> dict[str, Any] | None:
    objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    sign = 1 if objective["Type"] == "Maximize" else -1
    good = [trial for trial in made if value_of(trial, objective["MetricName"]) is not None]
    return max(good, key=lambda trial: sign * value_of(trial, objective["MetricName"]), default=None)  # type: ignore[operator]


def value_of(trial: dict[str, Any], metric: str) -> float | None:
    return next((item["Value"] for item in trial.get("FinalMetricDataList", ()) if item["MetricName"] == metric), None)


def summary(job: dict[str, Any], trial: dict[str, Any]) -> dict[str, Any]:
    objective = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    value = value_of(trial, objective["MetricName"])
    kept = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
    form = {key: trial[key] for key in (*kept, "TrainingJobStatus", "FailureReason") if key in trial}
    final = {"FinalHyperParameterTuningJobObjectiveMetric": {**objective, "Value": value}} if value is not None else {}
    return {**form, **final, "TunedHyperParameters": trial["_tuned"]}


def values_of(config: dict[str, Any]) -> list[dict[str, str]]:
    """What the trials are given: every combination for a grid, else steps from the least value to the greatest."""
    ranges, limits = config.get("ParameterRanges", {}), config["ResourceLimits"]
    listed = {item["Name"]: item["Values"] for item in ranges.get("CategoricalParameterRanges", ())}
    if config["Strategy"] == "Grid":
        return [dict(zip(listed, values, strict=True)) for values in itertools.product(*listed.values())]
    most = limits["MaxNumberOfTrainingJobs"]
    found: list[dict[str, str]] = []
    for index in range(most):
        share = index / max(most - 1, 1)
        tuned = {name: values[index % len(values)] for name, values in listed.items()}
        for kind in ("IntegerParameterRanges", "ContinuousParameterRanges"):
            for item in ranges.get(kind, ()):
                low, high = float(item["MinValue"]), float(item["MaxValue"])
                value = low + share * (high - low)
                tuned[item["Name"]] = str(round(value)) if kind.startswith("I") else str(value)
        found.append(tuned)
    return found


def check(given: dict[str, Any]) -> None:
    """What the service refuses beyond its model."""
    config, definition = given["HyperParameterTuningJobConfig"], given.get("TrainingJobDefinition", {})
    ranges = config.get("ParameterRanges", {})
    names = [item["Name"] for items in ranges.values() for item in items]
    metrics = [item["Name"] for item in definition["AlgorithmSpecification"].get("MetricDefinitions", ())]
    static = definition.get("StaticHyperParameters", {})
    wrong = {
        "no ranges": not names or len(names) > 30 or len(set(names)) < len(names),
        "a hyperparameter is static and has a range": bool(set(names) & set(static)),
        "the objective is not among the metric definitions": metrics
        and config["HyperParameterTuningJobObjective"]["MetricName"] not in metrics,
        "grid search takes categorical ranges only": config["Strategy"] == "Grid"
        and set(ranges) != {"CategoricalParameterRanges"},
        "MaxNumberOfTrainingJobs is required": config["Strategy"] != "Grid"
        and "MaxNumberOfTrainingJobs" not in config["ResourceLimits"],
    }
    for reason, so in wrong.items():
        if so:
            raise Refused("ValidationException", reason)


def job_of(world: World, name: str) -> dict[str, Any]:
    if name not in world.of("tuning_job"):
        raise Refused(
            "ResourceNotFound", f"Amazon SageMaker can't find a tuning job with name: {name}; it does not exist"
        )
    return world.of("tuning_job")[name]


def CreateHyperParameterTuningJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    name = given["HyperParameterTuningJobName"]
    if name in world.of("tuning_job"):
        raise Refused("ResourceInUse", "A tuning job with this name exists")
    check(given)
    job = {
        **given,
        "HyperParameterTuningJobArn": world.arn("sagemaker", f"hyper-parameter-tuning-job/{name}"),
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": world.now,
        "_values": values_of(given["HyperParameterTuningJobConfig"]),
        "_tags": {item["Key"]: item["Value"] for item in given.get("Tags", ())},
    }
    job.pop("Tags", None)
    world.of("tuning_job")[name] = job
    return {"HyperParameterTuningJobArn": job["HyperParameterTuningJobArn"]}


def DescribeHyperParameterTuningJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = job_of(world, given["HyperParameterTuningJobName"])
    made = trials_of(world, job)
    best = best_of(job, made)
    count = lambda *states: sum(trial["TrainingJobStatus"] in states for trial in made)  # noqa: E731
    metric = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    measured = sum(value_of(trial, metric) is not None for trial in made)
    return {
        **{key: value for key, value in job.items() if not key.startswith("_")},
        "TrainingJobStatusCounters": {
            "Completed": count("Completed"),
            "InProgress": count("InProgress"),
            "RetryableError": 0,
            "NonRetryableError": count("Failed"),
            "Stopped": count("Stopped"),
        },
        "ObjectiveStatusCounters": {"Succeeded": measured, "Pending": count("InProgress"), "Failed": 0},
        **({"BestTrainingJob": summary(job, best)} if best is not None else {}),
    }


def ListTrainingJobsForHyperParameterTuningJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = job_of(world, given["HyperParameterTuningJobName"])
    listed = [summary(job, trial) for trial in trials_of(world, job)]
    listed.sort(key=lambda item: item["CreationTime"], reverse=given.get("SortOrder", "Descending") == "Descending")
    page = world.paged(listed, given.get("NextToken"), "TrainingJobSummaries", given.get("MaxResults", 10))
    return {("NextToken" if key == "nextToken" else key): value for key, value in page.items()}


def StopHyperParameterTuningJob(world: World, given: dict[str, Any]) -> dict[str, Any]:
    job = job_of(world, given["HyperParameterTuningJobName"])
    if job["HyperParameterTuningJobStatus"] in FINAL:
        raise Refused("ValidationException", "The tuning job has ended.")
    job["HyperParameterTuningJobStatus"] = "Stopping"
    for trial in trials_of(world, job):
        sagemaker.halt(world, trial)
    return {}
