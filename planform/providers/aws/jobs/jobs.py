"""What the two ways to run a training job have in common: making, finding, watching and changing one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from planform.core.errors import ProviderError
from planform.core.executor import JobSpec, Tell
from planform.core.hyperparameters import wire_text
from planform.core.state import Run, RunStatus, progress
from planform.core.values import Object, reveal
from planform.providers.aws.clients import AwsError, Clients
from planform.providers.aws.data import utc
from planform.providers.aws.jobs.plan_check import PAYLOAD_LIMIT, payload_size
from planform.providers.aws.jobs.request import Placed, training_job
from planform.providers.aws.jobs.storage import Storage
from planform.providers.aws.tags import job_tags, tags_of
from planform.training.definition import is_local

AT_ONCE = 8  # describe calls side by side


def request_of(clients: Clients, spec: JobSpec, tell: Tell) -> dict[str, Any]:
    """CreateTrainingJob's request for a job, after all that it reads is where the job finds it."""
    body, placed = dict(spec.extra), placed_for(clients, spec, tell)
    tags = {**tags_of(clients.settings, body), **job_tags(spec)}
    request = training_job(body, spec.job_name, placed, clients.settings, tags)
    if spec.queue and placed.drivers and payload_size(request) > PAYLOAD_LIMIT:
        # What AWS Batch passes on is small: the hyperparameters travel as a file beside the runtime (S3.2 holds).
        wire = {name: wire_text(value) for name, value in spec.hyperparameters.items()}
        moved = Storage(clients).drivers(spec, {"hyperparameters.json": json.dumps(wire).encode()})
        placed = placed._replace(drivers=moved, hyperparameters_in_drivers=True)
        request = training_job(body, spec.job_name, placed, clients.settings, tags)
    return request


def placed_for(clients: Clients, spec: JobSpec, tell: Tell) -> Placed:
    """Put all that a job reads where the job finds it."""
    storage, body = Storage(clients, tell), dict(spec.extra)
    channels = {channel.name: storage.data(channel.source) for channel in spec.channels if is_local(channel.source)}
    return Placed(
        role_arn=role_arn(clients, str(body.get("role") or clients.settings.get("role") or "")),
        base=storage.base(),
        address="".join(letter if letter.isalnum() or letter in "._-" else "-" for letter in spec.address).strip("-"),
        image=image_of(clients, body),
        channels=channels,
        code=storage.code(spec),
        drivers=storage.drivers(spec, {}),
        checkpoint_key=spec.checkpoint_key,
    )


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


def found_job(answer: Mapping[str, Any], status: RunStatus, executor: str) -> Run:
    """A training job that somebody launched, as a run without a definition."""
    given = answer.get("HyperParameters") or {}
    run = Run(
        id="",
        address="",
        number=0,
        digest="",
        components={},
        job_name=answer["TrainingJobName"],
        job_arn=answer["TrainingJobArn"],
        provider="",
        executor=executor,
        launched_at=utc(answer.get("CreationTime")) or "",
        hyperparameters={name: text for name, text in given.items() if not name.startswith("sagemaker_")},
        image=(answer.get("AlgorithmSpecification") or {}).get("TrainingImage", ""),
        output_path=status.output_path,
    )
    return progress(run, status)


def settled(clients: Clients, look: Callable[[], Mapping[str, Any] | None]) -> Mapping[str, Any] | None:
    """What is described of a job that was launched: a moment after its launch AWS may not see it yet."""
    for attempt in range(4):
        time.sleep(min(float(clients.settings.get("poll_interval_in_seconds", 5)), 0.5 * 2**attempt))
        found = look()
        if found is not None:
            return found
    return None


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


def adjust_job(clients: Clients, job_name: str, desired: Object) -> None:
    """The live fields of a training job under way: UpdateTrainingJob and its tags (S3.1)."""
    body, job = reveal(desired), described(clients, job_name)
    if job is None or job["TrainingJobStatus"] != "InProgress":
        return
    arn = job["TrainingJobArn"]
    change: dict[str, Any] = {}
    keep = (body.get("compute") or {}).get("keep_alive_period_in_seconds")
    if keep is not None and (job.get("ResourceConfig") or {}).get("KeepAlivePeriodInSeconds") != int(keep):
        change["ResourceConfig"] = {"KeepAlivePeriodInSeconds": int(keep)}
    debug = body.get("remote_debug")
    if debug is not None:
        wanted = debug.get("enable_remote_debug", True)
        if (job.get("RemoteDebugConfig") or {}).get("EnableRemoteDebug", False) != wanted:
            change["RemoteDebugConfig"] = {"EnableRemoteDebug": wanted}
    if change:
        clients.call("sagemaker", "update_training_job", TrainingJobName=job_name, **change)
    retag(clients, arn, desired)


def retag(clients: Clients, arn: str, desired: Object) -> None:
    """Give an object of SageMaker the tags it is to have; planform's own stay."""
    tags = tags_of(clients.settings, reveal(desired))
    present = {item["Key"]: item["Value"] for item in clients.pages("sagemaker", "list_tags", "Tags", ResourceArn=arn)}
    gone = [key for key in present if key not in tags and not key.startswith(("planform:", "aws:"))]
    if gone:
        clients.call("sagemaker", "delete_tags", ResourceArn=arn, TagKeys=gone)
    new = [{"Key": key, "Value": value} for key, value in tags.items() if present.get(key) != value]
    if new:
        clients.call("sagemaker", "add_tags", ResourceArn=arn, Tags=new)
