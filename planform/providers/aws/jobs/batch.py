"""The executor `batch`: training jobs that wait in a queue of AWS Batch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planform.core.errors import ProviderError
from planform.core.executor import JobSpec, Launched, Tell, silent
from planform.core.schemas import Misfit
from planform.core.state import Run, RunStatus
from planform.core.values import Object, Unknown, reveal
from planform.providers.aws.clients import AwsError, Clients
from planform.providers.aws.jobs.jobs import adjust_job, described, found_job, observed, request_of, settled, watched
from planform.providers.aws.jobs.logs import downloaded, lines_of, metric_points
from planform.providers.aws.jobs.plan_check import known_image, misfits_of
from planform.providers.aws.jobs.status import job_name_of, of_service_job
from planform.providers.aws.tags import tags_of

SERVICE_JOB = "SAGEMAKER_TRAINING"
WAITING = ("SUBMITTED", "PENDING", "RUNNABLE", "SCHEDULED")


@dataclass(frozen=True, slots=True)
class BatchExecutor:
    """Training jobs that wait in a queue of AWS Batch until there is capacity."""

    clients: Clients
    name: str = "batch"

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        return misfits_of(self.clients, self.name, desired)

    def image(self, desired: Object) -> str:
        return known_image(self.clients, desired)

    def predict(self, job_name: str, run_id: str, address: str) -> Object:
        return {"job_arn": Unknown(f"{address}.job_arn")}  # Batch numbers its jobs

    def launch(self, spec: JobSpec, tell: Tell = silent) -> Launched:
        training = request_of(self.clients, spec, tell)
        request = service_job(training, spec)
        try:
            answer = self.clients.call("batch", "submit_service_job", **request)
        except ProviderError:
            found = self._found(spec.queue, spec.job_name)
            if found is None:
                raise
            answer = found
        output = training["OutputDataConfig"]["S3OutputPath"]
        return Launched(answer["jobArn"], RunStatus("queued", output_path=output), output_path=output)

    def find(self, job: str) -> Run | None:
        answer = self._described(job)
        training = described(self.clients, job_name_of(answer)) if answer is not None and job_name_of(answer) else None
        if answer is None or training is None:
            return None
        run = found_job(training, of_service_job(answer, training), self.name)
        return run._replace(job_name=answer["jobName"], job_arn=answer["jobArn"], queue=answer["jobQueue"])

    def observe(self, runs: Sequence[Run]) -> Mapping[str, RunStatus]:
        seen = observed(self.clients, runs, self._look)
        return self._with_positions(runs, seen)

    def _look(self, run: Run) -> RunStatus:
        arn = run.job_arn or (self._found(run.queue, run.job_name) or {}).get("jobArn", "")
        answer = self._described(arn) if arn else None
        if answer is None:
            if run.status == "launching":
                return RunStatus("queued", missing=True)
            answer = settled(self.clients, lambda: self._described(arn)) if arn else None
            if answer is None:
                return RunStatus("stopped", reason="AWS Batch no longer knows the job")
        # What an attempt came to is SageMaker's to say; until then Batch knows enough, for one call less.
        name = job_name_of(answer) if answer["status"] in ("SUCCEEDED", "FAILED") else ""
        if not name:
            return of_service_job(answer, None)
        training = described(self.clients, name) or settled(self.clients, lambda: described(self.clients, name))
        return of_service_job(answer, training)

    def _with_positions(self, runs: Sequence[Run], seen: dict[str, RunStatus]) -> dict[str, RunStatus]:
        """Where jobs stand in their queues, by one call for each queue."""
        waiting = [run for run in runs if run.id in seen and seen[run.id].reason.startswith("RUNNABLE")]
        for queue in sorted({run.queue for run in waiting if run.queue}):
            try:
                snapshot = self.clients.call("batch", "get_job_queue_snapshot", jobQueue=queue)
            except AwsError:
                continue  # a position is worth no error
            places = _places(snapshot, queue.rpartition("/")[2])
            for run in waiting:
                if run.queue == queue and run.job_arn in places:
                    reason = f"{places[run.job_arn]}; {seen[run.id].reason}"
                    seen[run.id] = seen[run.id]._replace(reason=reason)
        return seen

    def watch(self, runs: Sequence[Run], changed: Callable[[Run, RunStatus], None], stop: Callable[[], bool]) -> None:
        watched(self.clients, runs, self.observe, changed, stop)

    def adjust(self, run: Run, desired: Object) -> None:
        answer = self._described(run.job_arn) if run.job_arn else None
        if answer is None:
            return
        priority = desired.get("priority")
        if priority is not None and answer.get("schedulingPriority") != int(priority) and answer["status"] in WAITING:
            self.clients.call("batch", "update_service_job", jobId=run.job_arn, schedulingPriority=int(priority))
        wanted, present = tags_of(self.clients.settings, reveal(desired)), answer.get("tags") or {}
        gone = [key for key in present if key not in wanted and not key.startswith(("planform:", "aws:"))]
        if gone:
            self.clients.call("batch", "untag_resource", resourceArn=run.job_arn, tagKeys=gone)
        new = {key: value for key, value in wanted.items() if present.get(key) != value}
        if new:
            self.clients.call("batch", "tag_resource", resourceArn=run.job_arn, tags=new)
        if name := job_name_of(answer):
            adjust_job(self.clients, name, desired)

    def stop(self, run: Run) -> None:
        arn = run.job_arn or (self._found(run.queue, run.job_name) or {}).get("jobArn")
        if arn:
            self.clients.call("batch", "terminate_service_job", jobId=arn, reason="stopped by planform")

    def logs(self, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        return lines_of(self.clients, lambda: self._job_name(run), node, follow, lambda: self._ended(run))

    def metric_history(self, run: Run) -> Mapping[str, Sequence[tuple[float, float]]]:
        name = self._job_name(run)
        return metric_points(self.clients, described(self.clients, name) if name else None)

    def download(self, run: Run, folder: Path) -> tuple[str, ...]:
        return downloaded(self.clients, self._job_name(run), folder)

    def resume(self) -> None:
        """Nothing waits for this machine."""

    def _ended(self, run: Run) -> bool:
        return self._look(run).status in ("succeeded", "failed", "stopped")

    def _job_name(self, run: Run) -> str:
        answer = self._described(run.job_arn) if run.job_arn else None
        return job_name_of(answer) if answer is not None else ""

    def _described(self, arn: str) -> Mapping[str, Any] | None:
        try:
            answer: Mapping[str, Any] = self.clients.call("batch", "describe_service_job", jobId=arn)
        except AwsError as error:
            if error.code == "ClientException" and "exist" in error.message:
                return None
            raise
        return answer

    def _found(self, queue: str, job_name: str) -> Mapping[str, Any] | None:
        """The job of this name; names hold the id of the run, so there is one."""
        if not queue:
            return None
        filters = [{"name": "JOB_NAME", "values": [job_name]}]
        listed = self.clients.pages("batch", "list_service_jobs", "jobSummaryList", jobQueue=queue, filters=filters)
        return next((item for item in listed if item["jobName"] == job_name), None)


def _places(snapshot: Mapping[str, Any], queue: str) -> dict[str, str]:
    """Job -> where it stands: in its queue, or in its share of a quota-managed one (GetJobQueueSnapshot)."""
    fronts = {queue: (snapshot.get("frontOfQueue") or {}).get("jobs") or ()}
    shares = (snapshot.get("frontOfQuotaShares") or {}).get("quotaShares") or {}
    fronts |= {f"{name} of {queue}": jobs for name, jobs in shares.items()}
    return {
        job["jobArn"]: f"number {number} in {where}"
        for where, jobs in fronts.items()
        for number, job in enumerate(jobs, 1)
    }


def service_job(training: Mapping[str, Any], spec: JobSpec) -> dict[str, Any]:
    """SubmitServiceJob's request for a training job. Pure."""
    payload = {name: value for name, value in training.items() if name not in ("Tags", "RetryStrategy")}
    body = spec.extra
    attempts = int((body.get("retry_strategy") or {}).get("maximum_retry_attempts", 0)) + 1
    internal = "Received status from SageMaker:"
    request: dict[str, Any] = {
        "jobName": spec.job_name,
        "jobQueue": spec.queue,
        "serviceJobType": SERVICE_JOB,
        "serviceRequestPayload": json.dumps(payload, separators=(",", ":")),
        "retryStrategy": {
            "attempts": min(attempts, 10),
            # The service writes it with and without a space.
            "evaluateOnExit": [
                {"action": "RETRY", "onStatusReason": f"{internal}InternalServerError*"},
                {"action": "RETRY", "onStatusReason": f"{internal} InternalServerError*"},
                {"action": "EXIT", "onStatusReason": "*"},
            ],
        },
        "tags": {item["Key"]: item["Value"] for item in training.get("Tags", ())},
        "clientToken": f"{spec.run_id}-{spec.lineage}"[:64],
    }
    if body.get("priority") is not None:
        request["schedulingPriority"] = int(body["priority"])
    if body.get("share_identifier"):
        request["shareIdentifier"] = body["share_identifier"]
    if body.get("quota_share"):
        request["quotaShareName"] = str(body["quota_share"]).rpartition("/")[2]
    if body.get("timeout") is not None and body["timeout"].get("attempt_duration_seconds") is not None:
        request["timeoutConfig"] = {"attemptDurationSeconds": int(body["timeout"]["attempt_duration_seconds"])}
    if body.get("preemption_configuration") is not None:
        retries = body["preemption_configuration"].get("preemption_retries_before_termination")
        if retries is not None:
            request["preemptionConfiguration"] = {"preemptionRetriesBeforeTermination": int(retries)}
    return request
