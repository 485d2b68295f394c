"""What SageMaker and AWS Batch say of a job, as the status of a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from planform.core.state import RunState, RunStatus
from planform.providers.aws.data import utc

# Failures that the same job may well not meet again (S3.4).
INFRASTRUCTURE = re.compile(
    r"^(InternalServerError|CapacityError|InsufficientCapacity|ThrottlingException|ServiceUnavailable)"
    r"|internal error|capacity|spot interruption|Host EC2|instance.*(terminated|retired)",
    re.I,
)
# What the code of a job, or its request, is at fault for, whatever words it uses.
_USER = re.compile(r"^(Received status from SageMaker:\s*)?(AlgorithmError|ClientError|ValidationException)")
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
