"""Who runs trainers on AWS: `sagemaker` launches a training job, `batch` puts one into a queue of AWS Batch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from planform.core.errors import ProviderError
from planform.core.executor import Executor, JobSpec, Launched
from planform.core.hyperparameters import wire_text
from planform.core.schemas import Misfit
from planform.core.state import ACTIVE, Run, RunStatus
from planform.core.values import Object, Unknown
from planform.providers.aws.clients import AwsError, Clients
from planform.providers.aws.jobs.logs import lines_of, metric_points
from planform.providers.aws.jobs.plan_check import PAYLOAD_LIMIT, misfits_of, payload_size
from planform.providers.aws.jobs.request import Placed, training_job
from planform.providers.aws.jobs.status import job_name_of, of_service_job, of_training_job
from planform.providers.aws.jobs.storage import Storage
from planform.providers.aws.tags import LINEAGE, RUN, job_tags, tags_of
from planform.training.definition import is_local

AT_ONCE = 8  # describe calls side by side
SERVICE_JOB = "SAGEMAKER_TRAINING"


def executor_for(clients: Clients, desired: Object) -> Executor:
    """The executor of a trainer: what it says, else the queue decides.

    Raises:
        ProviderError: it names an executor of another provider.
    """
    chosen = desired.get("executor") or ("batch" if desired.get("queue") else "sagemaker")
    if chosen == "batch":
        return BatchExecutor(clients)
    if chosen == "sagemaker":
        return SageMakerExecutor(clients)
    raise ProviderError(
        f'executor "{chosen}" is not one of AWS.', suggestion="Use sagemaker or batch, or provider: local."
    )


@dataclass(frozen=True, slots=True)
class SageMakerExecutor:
    """Training jobs, launched at once."""

    clients: Clients
    name: str = "sagemaker"

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        return misfits_of(self.clients, self.name, desired)

    def predict(self, job_name: str, run_id: str, address: str) -> Object:
        return {"job_arn": self.clients.where().arn("sagemaker", f"training-job/{job_name}")}

    def launch(self, spec: JobSpec) -> Launched:
        request = request_of(self.clients, spec)
        try:
            answer = self.clients.call("sagemaker", "create_training_job", **request)
        except ProviderError as error:
            return self._adopted(spec, error)
        output = request["OutputDataConfig"]["S3OutputPath"]
        return Launched(answer["TrainingJobArn"], RunStatus("queued", output_path=output), output_path=output)

    def _adopted(self, spec: JobSpec, error: ProviderError) -> Launched:
        """The job that an earlier try made, whose answer was lost (S4.2).

        Raises:
            ProviderError: there is none, or it is somebody else's.
        """
        answer = described(self.clients, spec.job_name)
        if answer is None:
            raise error
        tags = self.clients.pages("sagemaker", "list_tags", "Tags", ResourceArn=answer["TrainingJobArn"])
        told = {item["Key"]: item["Value"] for item in tags}
        if (told.get(RUN), told.get(LINEAGE)) != (spec.run_id, spec.lineage):
            raise ProviderError(
                f"A training job {spec.job_name} exists, and is not of this state.",
                suggestion="Names of jobs are for ever: change planform.name, or the definition.",
            ) from None
        status = of_training_job(answer)
        return Launched(answer["TrainingJobArn"], status, output_path=status.output_path)

    def observe(self, runs: Sequence[Run]) -> Mapping[str, RunStatus]:
        return observed(self.clients, runs, self._look)

    def _look(self, run: Run) -> RunStatus:
        answer = described(self.clients, run.job_name)
        if answer is not None:
            return of_training_job(answer)
        if run.status == "launching":
            return RunStatus("queued", missing=True)
        return RunStatus("stopped", reason="SageMaker no longer knows the job")

    def watch(self, runs: Sequence[Run], changed: Callable[[Run, RunStatus], None], stop: Callable[[], bool]) -> None:
        watched(self.clients, runs, self.observe, changed, stop)

    def stop(self, run: Run) -> None:
        try:
            self.clients.call("sagemaker", "stop_training_job", TrainingJobName=run.job_name)
        except AwsError as error:
            if error.code != "ValidationException":  # it has ended
                raise

    def logs(self, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        return lines_of(self.clients, lambda: run.job_name, node, follow, lambda: self._ended(run))

    def metric_history(self, run: Run) -> Mapping[str, Sequence[tuple[float, float]]]:
        return metric_points(self.clients, described(self.clients, run.job_name))

    def resume(self) -> None:
        """Nothing waits for this machine."""

    def _ended(self, run: Run) -> bool:
        return self._look(run).status in ("succeeded", "failed", "stopped")


@dataclass(frozen=True, slots=True)
class BatchExecutor:
    """Training jobs that wait in a queue of AWS Batch until there is capacity."""

    clients: Clients
    name: str = "batch"

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        return misfits_of(self.clients, self.name, desired)

    def predict(self, job_name: str, run_id: str, address: str) -> Object:
        return {"job_arn": Unknown(f"{address}.job_arn")}  # Batch numbers its jobs

    def launch(self, spec: JobSpec) -> Launched:
        training = request_of(self.clients, spec)
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

    def observe(self, runs: Sequence[Run]) -> Mapping[str, RunStatus]:
        seen = observed(self.clients, runs, self._look)
        return self._with_positions(runs, seen)

    def _look(self, run: Run) -> RunStatus:
        arn = run.job_arn or (self._found(run.queue, run.job_name) or {}).get("jobArn", "")
        answer = self._described(arn) if arn else None
        if answer is None:
            if run.status == "launching":
                return RunStatus("queued", missing=True)
            return RunStatus("stopped", reason="AWS Batch no longer knows the job")
        name = job_name_of(answer)
        return of_service_job(answer, described(self.clients, name) if name else None)

    def _with_positions(self, runs: Sequence[Run], seen: dict[str, RunStatus]) -> dict[str, RunStatus]:
        """Where jobs stand in their queues, by one call for each queue."""
        waiting = [run for run in runs if run.id in seen and seen[run.id].reason.startswith("RUNNABLE")]
        for queue in sorted({run.queue for run in waiting if run.queue}):
            try:
                snapshot = self.clients.call("batch", "get_job_queue_snapshot", jobQueue=queue)
            except AwsError:
                continue  # a position is worth no error
            front = [item["jobArn"] for item in (snapshot.get("frontOfQueue") or {}).get("jobs", ())]
            for run in waiting:
                if run.queue == queue and run.job_arn in front:
                    place = front.index(run.job_arn) + 1
                    reason = f"number {place} in {queue.rpartition('/')[2]}"
                    seen[run.id] = seen[run.id]._replace(reason=f"{reason}; {seen[run.id].reason}")
        return seen

    def watch(self, runs: Sequence[Run], changed: Callable[[Run, RunStatus], None], stop: Callable[[], bool]) -> None:
        watched(self.clients, runs, self.observe, changed, stop)

    def stop(self, run: Run) -> None:
        arn = run.job_arn or (self._found(run.queue, run.job_name) or {}).get("jobArn")
        if arn:
            self.clients.call("batch", "terminate_service_job", jobId=arn, reason="stopped by planform")

    def logs(self, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        return lines_of(self.clients, lambda: self._job_name(run), node, follow, lambda: self._ended(run))

    def metric_history(self, run: Run) -> Mapping[str, Sequence[tuple[float, float]]]:
        name = self._job_name(run)
        return metric_points(self.clients, described(self.clients, name) if name else None)

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


def request_of(clients: Clients, spec: JobSpec) -> dict[str, Any]:
    """CreateTrainingJob's request for a job, after all that it reads is where the job finds it."""
    storage, body = Storage(clients), dict(spec.extra)
    channels = {channel.name: storage.data(channel.source) for channel in spec.channels if is_local(channel.source)}
    tags = {**tags_of(clients.settings, body), **job_tags(spec)}
    placed = Placed(
        role_arn=role_arn(clients, str(body.get("role") or clients.settings.get("role") or "")),
        base=storage.base(),
        address="".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in spec.address).strip("-"),
        image=image_of(clients, body),
        channels=channels,
        code=storage.code(spec),
        drivers=storage.drivers(spec, {}),
        checkpoint_key=spec.checkpoint_key,
    )
    request = training_job(body, spec.job_name, placed, clients.settings, tags)
    if spec.queue and placed.drivers and payload_size(request) > PAYLOAD_LIMIT:
        # What AWS Batch passes on is small: the hyperparameters travel as a file beside the runtime (S3.2 holds).
        wire = {name: wire_text(value) for name, value in spec.hyperparameters.items()}
        moved = storage.drivers(spec, {"hyperparameters.json": json.dumps(wire).encode()})
        placed = placed._replace(drivers=moved, hyperparameters_in_drivers=True)
        request = training_job(body, spec.job_name, placed, clients.settings, tags)
    return request


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


def image_of(clients: Clients, body: Object) -> str:
    """The URI of the image a trainer runs in; empty for an algorithm resource.

    Raises:
        PlanformError: the table of images does not know it.
    """
    image = body.get("training_image")
    if not isinstance(image, dict):
        return str(image or "")
    from planform.training.images import image_uri

    compute = body.get("compute") or {}
    groups = compute.get("instance_groups") or [compute]
    return image_uri(image, clients.region(), str(groups[0].get("instance_type", "")))


def role_arn(clients: Clients, role: str) -> str:
    """The ARN of a role by its name; who may not look it up gets the ARN of a role without a path."""
    if role.startswith("arn:"):
        return role
    try:
        return str(clients.call("iam", "get_role", RoleName=role)["Role"]["Arn"])
    except AwsError as error:
        if not error.code.startswith("AccessDenied"):
            raise ProviderError(
                f'There is no IAM role "{role}" in account {clients.where().account}.',
                suggestion="Set role to the name or the ARN of an execution role of SageMaker.",
            ) from None
    where = clients.where()
    return f"arn:{where.partition}:iam::{where.account}:role/{role}"


def described(clients: Clients, job_name: str) -> Mapping[str, Any] | None:
    """The answer of DescribeTrainingJob; None when there is no such job, which is a ValidationException there."""
    try:
        answer: Mapping[str, Any] = clients.call("sagemaker", "describe_training_job", TrainingJobName=job_name)
    except AwsError as error:
        if error.code in ("ValidationException", "ResourceNotFound") and "not found" in error.message.lower():
            return None
        raise
    return answer


def observed(clients: Clients, runs: Sequence[Run], look: Callable[[Run], RunStatus]) -> dict[str, RunStatus]:
    """How runs stand: active ones are asked side by side, ended ones only whether their artifacts are still there."""
    active, ended = [run for run in runs if run.active], [run for run in runs if not run.active]
    seen: dict[str, RunStatus] = {}
    if active:
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            seen.update(zip((run.id for run in active), pool.map(look, active), strict=True))
    there = Storage(clients).exist(run.model_artifacts for run in ended if run.model_artifacts) if ended else {}
    for run in ended:
        known = RunStatus(run.status, reason=run.reason, failure=run.failure, model_artifacts=run.model_artifacts)
        seen[run.id] = known._replace(artifacts_exist=there.get(run.model_artifacts, not run.model_artifacts))
    return seen


def watched(
    clients: Clients,
    runs: Sequence[Run],
    observe: Callable[[Sequence[Run]], Mapping[str, RunStatus]],
    changed: Callable[[Run, RunStatus], None],
    stop: Callable[[], bool],
) -> None:
    """Ask after runs, at the provider's interval, until all have ended or `stop()` is true."""
    pause = float(clients.settings.get("poll_interval_in_seconds", 5))
    known: dict[str, RunStatus] = {}
    open_runs = list(runs)
    while open_runs and not stop():
        for run_id, status in observe(open_runs).items():
            run = next(item for item in open_runs if item.id == run_id)
            if known.get(run_id) != status and not status.missing:
                known[run_id] = status
                changed(run, status)
        open_runs = [
            run
            for run in open_runs
            if run.id not in known or known[run.id].status in ("launching", "queued", "running")
        ]
        until = time.monotonic() + pause
        while open_runs and not stop() and time.monotonic() < until:
            time.sleep(min(0.1, pause))
