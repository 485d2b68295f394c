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
    name = f"{job['HyperParameterTuningJobName']}-{index + 1:03}-0a1b2c3d"
    which, tuned = job["_values"][index]
    definition = definitions_of(job)[which]
    objective = objectives_of(job)[which]["MetricName"]
    given = {**definition.get("StaticHyperParameters", {}), **tuned, "_tuning_objective_metric": objective}
    request = {**definition, "TrainingJobName": name, "HyperParameters": given}
    made = sagemaker.make(world, request, name)
    made.update(_tuning=job["HyperParameterTuningJobName"], _tuned=tuned, _which=which)
    return made


def definitions_of(job: dict[str, Any]) -> list[dict[str, Any]]:
    return job.get("TrainingJobDefinitions") or [job["TrainingJobDefinition"]]


def objectives_of(job: dict[str, Any]) -> list[dict[str, Any]]:
    common = job["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
    return [common or item["TuningObjective"] for item in definitions_of(job)]


def ranges_of(job: dict[str, Any]) -> list[dict[str, Any]]:
    common = job["HyperParameterTuningJobConfig"].get("ParameterRanges")
    return [common or item.get("HyperParameterRanges", {}) for item in definitions_of(job)]


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
    objectives = objectives_of(job)
    sign = 1 if objectives[0]["Type"] == "Maximize" else -1
    values = [(value_of(trial, objectives[trial["_which"]]["MetricName"]), trial) for trial in made]
    good = [(sign * value, trial) for value, trial in values if value is not None]
    return max(good, key=lambda item: item[0], default=(0, None))[1]


def value_of(trial: dict[str, Any], metric: str) -> float | None:
    return next((item["Value"] for item in trial.get("FinalMetricDataList", ()) if item["MetricName"] == metric), None)


def summary(job: dict[str, Any], trial: dict[str, Any]) -> dict[str, Any]:
    objective = objectives_of(job)[trial["_which"]]
    value = value_of(trial, objective["MetricName"])
    kept = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
    form = {key: trial[key] for key in (*kept, "TrainingJobStatus", "FailureReason") if key in trial}
    final = {"FinalHyperParameterTuningJobObjectiveMetric": {**objective, "Value": value}} if value is not None else {}
    name = definitions_of(job)[trial["_which"]].get("DefinitionName")
    named = {"TrainingJobDefinitionName": name} if name else {}
    return {**form, **final, **named, "TunedHyperParameters": trial["_tuned"]}


def values_of(job: dict[str, Any]) -> list[tuple[int, dict[str, str]]]:
    """The definition of each trial, in turn, and what it is given."""
    config = job["HyperParameterTuningJobConfig"]
    most = config["ResourceLimits"].get("MaxNumberOfTrainingJobs", 6)  # with autotune SageMaker says
    each = [values_in(config, ranges, most) for ranges in ranges_of(job)]
    turns = itertools.zip_longest(*each)
    found = [(which, tuned) for turn in turns for which, tuned in enumerate(turn) if tuned is not None]
    return found if config["Strategy"] == "Grid" else found[:most]


def values_in(config: dict[str, Any], ranges: dict[str, Any], most: int) -> list[dict[str, str]]:
    """Every combination for a grid, else steps from the least value to the greatest."""
    listed = {item["Name"]: item["Values"] for item in ranges.get("CategoricalParameterRanges", ())}
    if config["Strategy"] == "Grid":
        return [dict(zip(listed, values, strict=True)) for values in itertools.product(*listed.values())]
    hints = {item["Name"]: item["ValueHint"] for item in ranges.get("AutoParameters", ())}
    found: list[dict[str, str]] = []
    for index in range(most):
        share = index / max(most - 1, 1)
        tuned = {**hints, **{name: values[index % len(values)] for name, values in listed.items()}}
        for kind in ("IntegerParameterRanges", "ContinuousParameterRanges"):
            for item in ranges.get(kind, ()):
                low, high = float(item["MinValue"]), float(item["MaxValue"])
                value = low + share * (high - low)
                tuned[item["Name"]] = str(round(value)) if kind.startswith("I") else str(value)
        found.append(tuned)
    return found


def check(given: dict[str, Any]) -> None:
    """What the service refuses beyond its model."""
    config, auto = given["HyperParameterTuningJobConfig"], "Autotune" in given
    several = given.get("TrainingJobDefinitions", [])
    names = [item.get("DefinitionName") for item in several]
    own = ("HyperParameterTuningJobObjective", "ParameterRanges")
    refuse(
        {
            "TrainingJobDefinition and TrainingJobDefinitions exclude each other": ("TrainingJobDefinition" in given)
            == ("TrainingJobDefinitions" in given),
            "each definition needs a name of its own": bool(several) and (None in names or len({*names}) < len(names)),
            "several definitions have objectives and ranges of their own": bool(several)
            and any(member in config for member in own),
            "warm start and early stopping are of one definition only": bool(several)
            and ("WarmStartConfig" in given or config.get("TrainingJobEarlyStoppingType") == "Auto"),
            "MaxNumberOfTrainingJobs is required": config["Strategy"] != "Grid"
            and "MaxNumberOfTrainingJobs" not in config["ResourceLimits"]
            and not auto,
        }
    )
    for definition, objective, ranges in zip(
        definitions_of(given), objectives_of(given), ranges_of(given), strict=True
    ):
        names = [item["Name"] for items in ranges.values() for item in items]
        metrics = [item["Name"] for item in definition["AlgorithmSpecification"].get("MetricDefinitions", ())]
        refuse(
            {
                "no ranges": (not names and not auto) or len(names) > 30 or len(set(names)) < len(names),
                "auto parameters need autotune": "AutoParameters" in ranges and not auto,
                "a hyperparameter is static and has a range": bool(
                    set(names) & set(definition.get("StaticHyperParameters", {}))
                ),
                "the objective is not among the metric definitions": bool(metrics)
                and objective["MetricName"] not in metrics,
                "grid search takes categorical ranges only": config["Strategy"] == "Grid"
                and set(ranges) != {"CategoricalParameterRanges"},
            }
        )


def refuse(wrong: dict[str, bool]) -> None:
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
        "_values": values_of(given),
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
    metrics = [item["MetricName"] for item in objectives_of(job)]
    measured = sum(value_of(trial, metrics[trial["_which"]]) is not None for trial in made)
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
