"""What AWS, or the container, would refuse of a trainer minutes later: refused when it is planned, where it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from planform.core.schemas import Misfit
from planform.core.values import AttributePath, Object, Sensitive, Set, Unknown, Value, has_sensitive, reveal
from planform.providers.aws.clients import Clients
from planform.providers.aws.jobs.request import Placed, attribute_path, training_job
from planform.providers.aws.jobs.storage import Storage
from planform.providers.aws.jobs.validation import input_shape, refused, unknown_instance_types
from planform.providers.aws.tags import missing_tags, tags_of
from planform.resources import treatment
from planform.training.definition import inputs, is_local, mapping

PAYLOAD_LIMIT = 10 * 1024  # bytes of serviceRequestPayload (service quotas of AWS Batch)
_STAND_IN = "arn:aws:iam::123456789012:role/planform"


def misfits_of(clients: Clients, executor: str, desired: Object) -> tuple[list[Misfit], list[str]]:
    """What an executor of AWS refuses of a trainer, and notes on what it ignores."""
    from planform.resources.trainer import SCHEMA

    found, notes = treatment(SCHEMA, executor, desired)
    found += missing_tags(clients.settings, desired)
    found += rule_misfits(clients, desired)
    if any(misfit.path[:1] == ("training_image",) for misfit in found):
        return found, notes
    notes += bucket_note(clients)
    body, open_parts = known_part(reveal(desired))
    try:
        request = _request(clients, body)
    except KeyError:
        if not open_parts:
            raise
        return found, notes  # a block has an unknown part: apply knows it, and the API is asked then
    seen = {misfit.path for misfit in found}
    for member, problem, advice in refused(request, input_shape("sagemaker", "CreateTrainingJob")):
        path = attribute_path(member)
        if path in seen or (open_parts and problem == "it is required."):
            continue
        seen.add(path)
        what = ".".join(map(str, member))
        found.append(Misfit(path, f"SageMaker would refuse {what}: {problem}", suggestion=advice))
    notes += [f"this version of botocore does not know {text}" for text in unknown_instance_types(request)]
    attempts = mapping(desired, "retry_strategy").get("maximum_retry_attempts")
    if executor == "batch" and isinstance(attempts, (int, float)) and attempts > 9:
        why = "AWS Batch tries a job ten times at the most: maximum_retry_attempts is at most 9 in a queue."
        found.append(Misfit(("retry_strategy", "maximum_retry_attempts"), why))
    if executor == "batch" and not open_parts:
        found += _too_large(request, body)
    return found, notes


def bucket_note(clients: Clients) -> list[str]:
    """Where things go when nobody has said it."""
    if clients.settings.get("default_bucket"):
        return []
    return [f"code, data and artifacts go to s3://{Storage(clients).bucket()}, which apply makes if it is not there"]


def payload_size(request: Mapping[str, Any]) -> int:
    """Bytes of a training job's request as AWS Batch passes it on."""
    payload = {name: value for name, value in request.items() if name not in ("Tags", "RetryStrategy")}
    return len(json.dumps(payload, separators=(",", ":")).encode())


def _too_large(request: Mapping[str, Any], body: Object) -> Iterator[Misfit]:
    """A payload that does not fit even without its hyperparameters, which can travel as a file."""
    movable = bool(body.get("source_code"))
    rest = {name: value for name, value in request.items() if not (movable and name == "HyperParameters")}
    if payload_size(rest) <= PAYLOAD_LIMIT:
        return
    sizes = sorted(((len(json.dumps(value).encode()), name) for name, value in rest.items()), reverse=True)
    largest = ", ".join(f"{name} {size:,}" for size, name in sizes[:4])
    yield Misfit(
        attribute_path((sizes[0][1],)),
        f"The job is {payload_size(rest):,} bytes, and AWS Batch takes {PAYLOAD_LIMIT:,}.",
        f"Bytes of each part: {largest}.",
        "Move what is large into a file of an input channel, or leave the queue out.",
    )


def _request(clients: Clients, body: Object) -> Object:
    """The request as far as it is known, with stand-ins for what only launching can tell."""
    placed, tags = stand_in(clients, body), tags_of(clients.settings, body)
    return training_job(body, "stand-in", placed, clients.settings, tags)


def stand_in(clients: Clients, body: Object) -> Placed:
    """Where a job finds things, before anything is there."""
    role = str(body.get("role") or clients.settings.get("role") or _STAND_IN)
    channels = {item.name: "s3://stand-in/data/" for item in inputs(body) if is_local(item.source)}
    return Placed(
        role_arn=role if role.startswith("arn:") else _STAND_IN,
        base="s3://stand-in/planform",
        address="stand-in",
        image=image if isinstance(image := body.get("training_image"), str) else "stand-in",
        channels=channels,
        code="s3://stand-in/code/" if mapping(body, "source_code").get("source_dir") else "",
        drivers="s3://stand-in/drivers/" if body.get("source_code") else "",
        checkpoint_key="0" * 16,
    )


def rule_misfits(clients: Clients, desired: Object) -> Iterator[Misfit]:
    """The rules that no shape of the API holds."""
    if desired.get("role") is None and not clients.settings.get("role"):
        yield Misfit(
            (),
            "A job on AWS needs a role: what it may read and write.",
            suggestion="Set role here, or provider.aws.role for all trainers.",
        )
    compute, stopping = mapping(desired, "compute"), mapping(desired, "stopping_condition")
    groups = compute.get("instance_groups")
    first = groups[0] if isinstance(groups, list) and groups and isinstance(groups[0], dict) else compute
    kind = reveal(first.get("instance_type"))
    if isinstance(kind, str) and kind.startswith("local"):
        why = f'"{kind}" is this machine, not an instance of AWS.'
        yield Misfit(("compute", "instance_type"), why, suggestion="Name an instance type, such as ml.m5.xlarge.")
    spot = compute.get("enable_managed_spot_training")
    if spot is True and stopping.get("max_wait_time_in_seconds") is None:
        yield Misfit(
            ("compute", "enable_managed_spot_training"),
            "Spot training needs stopping_condition.max_wait_time_in_seconds: how long waiting and running may take.",
        )
    for name, reference in mapping(desired, "secrets").items():
        if isinstance(reference, dict) and reference.get("env") is not None:
            yield Misfit(
                ("secrets", name, "env"),
                "A job on AWS cannot see the environment of who applies.",
                suggestion="Keep it in Secrets Manager or Parameter Store: {secretsmanager: ARN} or {ssm: NAME}.",
            )
    yield from _in_clear(desired)
    yield from _remote(desired)
    image = desired.get("training_image")
    if isinstance(image, dict):
        from planform.training.images import misfits

        for misfit in misfits(image, clients.region(), kind if isinstance(kind, str) else "ml.m5.xlarge"):
            yield misfit._replace(path=("training_image", *misfit.path))


def _in_clear(desired: Object) -> Iterator[Misfit]:
    """Secrets that whoever may describe the job could read (S6.3)."""
    if desired.get("allow_plaintext") is True:
        return
    for field in ("environment", "hyperparameters"):
        whole = desired.get(field)
        items = whole.items() if isinstance(whole, dict) else [("", whole)] if isinstance(whole, Sensitive) else ()
        for name, value in items:
            if has_sensitive(value):
                path: AttributePath = (field, name) if name else (field,)
                yield Misfit(
                    path,
                    "A sensitive value would stand in clear in the description of the job.",
                    suggestion="Pass it by reference in secrets, or set allow_plaintext: true.",
                )


def _remote(desired: Object) -> Iterator[Misfit]:
    for item in inputs(desired):
        source = item.source
        if isinstance(source, str) and "://" in source and not source.startswith("s3://"):
            why = f'Channel "{item.name}": SageMaker reads s3:// URIs, not {source}.'
            yield Misfit(item.attribute, why)


def known_part(body: Value) -> tuple[Any, bool]:
    """A value without its unknown parts, and whether it had any."""
    match body:
        case dict():
            parts = {name: known_part(item) for name, item in body.items() if not isinstance(item, Unknown)}
            return {name: item for name, (item, _) in parts.items()}, len(parts) < len(body) or any(
                dropped for _, dropped in parts.values()
            )
        case list() | Set():
            items = [known_part(item) for item in body if not isinstance(item, Unknown)]
            return [item for item, _ in items], len(items) < len(body) or any(dropped for _, dropped in items)
        case _:
            return body, False
