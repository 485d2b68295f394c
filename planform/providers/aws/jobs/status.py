"""What SageMaker and AWS Batch say of a job, as the status of a run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from planform.core.hyperparameters import decode
from planform.core.state import RunState, RunStatus, Trial
from planform.providers.aws.data import utc
from planform.providers.aws.jobs.tuning_request import definitions_in, output_path

# Failures that the same job may well not meet again (S3.4).
INFRASTRUCTURE = re.compile(
    r"^(InternalServerError|CapacityError|InsufficientCapacity|ThrottlingException|ServiceUnavailable)"
    r"|internal error|capacity|spot interruption|Host EC2|instance.*(terminated|retired)",
    re.I,
)
# What the code of a job, or its request, is at fault for, whatever words it uses.
_USER = re.compile(r"^(Received status from SageMaker:\s*)?(AlgorithmError|ClientError|ValidationException)")
_OWN_METRIC = "ObjectiveMetric"
_NUMBERED = re.compile(r"-(\d{3,})-[0-9a-f]{8}$")
_ENDED = ("succeeded", "failed", "stopped")
QUEUED = ("Starting", "Pending", "LaunchingMLInstances", "PreparingTrainingStack")


def of_training_job(answer: Mapping[str, Any]) -> RunStatus:
    """The answer of DescribeTrainingJob. Stopped is not success, and no failure of the code either (S3.4)."""
    told, secondary = answer["TrainingJobStatus"], answer.get("SecondaryStatus", "")
    reason = str(answer.get("FailureReason") or "")
    state: RunState = {"Completed": "succeeded", "Failed": "failed", "Stopped": "stopped"}.get(told, "running")  # type: ignore[assignment]
    failure: Literal["", "user", "infrastructure"] = ""
    if state == "running":
        waits = secondary in QUEUED and not answer.get("TrainingStartTime")
        state, reason = ("queued" if waits else "running"), _doing(answer, secondary)
    elif state == "failed":
        failure = _failure(reason)
    elif state == "stopped":
        if secondary == "MaxWaitTimeExceeded":
            state, failure, reason = "failed", "infrastructure", "no spot capacity within max_wait_time_in_seconds"
        else:
            reason = "max_runtime_in_seconds was reached" if secondary == "MaxRuntimeExceeded" else reason or "stopped"
    return RunStatus(
        state,
        reason=reason,
        failure=failure,
        started_at=utc(answer.get("TrainingStartTime")) or "",
        ended_at=(utc(answer.get("TrainingEndTime")) or "") if state in ("succeeded", "failed", "stopped") else "",
        metrics={item["MetricName"]: float(item["Value"]) for item in answer.get("FinalMetricDataList") or ()},
        model_artifacts=(answer.get("ModelArtifacts") or {}).get("S3ModelArtifacts", "")
        if state == "succeeded"
        else "",
        output_path=(answer.get("OutputDataConfig") or {}).get("S3OutputPath", ""),
        billable_seconds=int(answer.get("BillableTimeInSeconds") or 0),
    )


def of_tuning_job(answer: Mapping[str, Any], trials: Sequence[Trial], best: Mapping[str, Any] | None) -> RunStatus:
    """The answer of DescribeHyperParameterTuningJob, with its trials; `best`: the description of its best training job,
    once it has ended."""
    told, counters = answer["HyperParameterTuningJobStatus"], answer["TrainingJobStatusCounters"]
    reason = str(answer.get("FailureReason") or "")
    state: RunState = {"Completed": "succeeded", "Failed": "failed", "Stopped": "stopped"}.get(told, "running")  # type: ignore[assignment]
    definitions = {item.get("DefinitionName", ""): item for item in definitions_in(answer)}
    name = (answer.get("BestTrainingJob") or {}).get("TrainingJobName", "")
    found = next((trial for trial in trials if trial.job_name == name), None)
    if found is not None and best is not None:
        job = of_training_job(best)
        # The tuner notes the objective once more, under a name of its own.
        metrics = {item: value for item, value in job.metrics.items() if item != _OWN_METRIC or item in found.metrics}
        found = found._replace(metrics=metrics or found.metrics, model_artifacts=job.model_artifacts)
        trials = [found if trial.number == found.number else trial for trial in trials]
    if state == "running":
        begun = any(trial.started_at or trial.status != "queued" for trial in trials)
        ended = sum(int(counters.get(kind, 0)) for kind in ("Completed", "NonRetryableError", "Stopped"))
        state, reason = ("running" if begun else "queued"), f"{ended} training jobs have ended"
    elif state == "stopped":
        reason = reason or "stopped"
    return RunStatus(
        state,
        reason=reason if state != "succeeded" else "",
        failure=_failure(reason) if state == "failed" else "",
        started_at=utc(answer.get("CreationTime")) or "",
        ended_at=(utc(answer.get("HyperParameterTuningEndTime")) or "") if state in _ENDED else "",
        metrics=found.metrics if found is not None else {},
        model_artifacts=found.model_artifacts if found is not None else "",
        output_path=output_path(answer),
        billable_seconds=int(sum(_billed(trial, definitions) for trial in trials)),
        trials=tuple(trials),
        best=found.number if found is not None else 0,
    )


def trial_of(item: Mapping[str, Any], place: int, metrics: Mapping[str, str]) -> Trial:
    """One summary of ListTrainingJobsForHyperParameterTuningJob: of all metrics it has the objective alone. Its number
    is in its name; where it is not, its place among the others serves."""
    told, numbered = item["TrainingJobStatus"], _NUMBERED.search(item["TrainingJobName"])
    number = int(numbered[1]) if numbered is not None else place
    state: RunState = {"Completed": "succeeded", "Failed": "failed", "Stopped": "stopped"}.get(told, "running")  # type: ignore[assignment]
    objective = item.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    value = float(objective["Value"]) if math.isfinite(float(objective.get("Value", math.nan))) else None
    several = "" not in metrics
    definition = str(item.get("TrainingJobDefinitionName") or "") if several else ""
    metric = metrics.get(definition) or objective.get("MetricName", "")
    return Trial(
        number=number,
        job_name=item["TrainingJobName"],
        status="queued" if state == "running" and not item.get("TrainingStartTime") else state,
        hyperparameters={name: decode(text) for name, text in item["TunedHyperParameters"].items()},
        metrics={metric: value} if value is not None else {},
        objective=value,
        reason=str(item.get("FailureReason") or ""),
        started_at=utc(item.get("TrainingStartTime")) or "",
        ended_at=utc(item.get("TrainingEndTime")) or "",
        definition=definition,
    )


def _billed(trial: Trial, definitions: Mapping[str, Mapping[str, Any]]) -> float:
    """Seconds of all instances of a training job, by when it began and ended."""
    if not (trial.started_at and trial.ended_at):
        return 0.0
    one = next(iter(definitions.values()), {})
    resources = definitions.get(trial.definition, one).get("ResourceConfig") or {}
    groups = resources.get("InstanceGroups") or [resources]
    count = sum(int(group.get("InstanceCount", 1)) for group in groups)
    span = datetime.fromisoformat(trial.ended_at) - datetime.fromisoformat(trial.started_at)
    return count * span.total_seconds()


def of_service_job(answer: Mapping[str, Any], job: Mapping[str, Any] | None) -> RunStatus:
    """The answer of DescribeServiceJob, with that of DescribeTrainingJob for its latest attempt, if there was one."""
    told, reason = str(answer["status"]), str(answer.get("statusReason") or "")
    if told in ("SUBMITTED", "PENDING", "RUNNABLE", "SCHEDULED"):
        return RunStatus("queued", reason=f"{told}{f': {reason}' if reason else ''}")
    if told in ("STARTING", "RUNNING"):
        return RunStatus("running", reason=told, started_at=_moment(answer.get("startedAt")))
    if told == "SUCCEEDED":
        return of_training_job(job)._replace(status="succeeded") if job is not None else RunStatus("succeeded")
    ended = _moment(answer.get("stoppedAt"))
    known = of_training_job(job) if job is not None else RunStatus("failed", ended_at=ended)
    if job is None and INFRASTRUCTURE.search(reason) and not reason.startswith("stopped"):
        # A time limit of the queue on what has no capacity: nobody stopped it, and nothing of it ever ran.
        return known._replace(failure="infrastructure", reason=reason)
    if answer.get("isTerminated") or known.status == "stopped":
        return known._replace(
            status="stopped", failure="", reason=reason or known.reason, ended_at=known.ended_at or ended
        )
    why = known.reason or reason
    return known._replace(status="failed", failure=_failure(why), reason=why, ended_at=known.ended_at or ended)


def _failure(reason: str) -> Literal["user", "infrastructure"]:
    return "infrastructure" if INFRASTRUCTURE.search(reason) and not _USER.match(reason) else "user"


def job_name_of(answer: Mapping[str, Any]) -> str:
    """The name that AWS Batch gave the training job of the latest attempt; empty before the first."""
    resource = (answer.get("latestAttempt") or {}).get("serviceResourceId") or {}
    return str(resource.get("value", "")).rpartition("/")[2]


def _doing(answer: Mapping[str, Any], secondary: str) -> str:
    steps = answer.get("SecondaryStatusTransitions") or ()
    message = str(steps[-1].get("StatusMessage") or "") if steps else ""
    return f"{secondary}: {message}" if message and message != secondary else secondary


def _moment(milliseconds: int | None) -> str:
    return (utc(datetime.fromtimestamp(milliseconds / 1000, UTC)) or "") if milliseconds else ""
