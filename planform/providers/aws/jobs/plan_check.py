"""What AWS, or the container, would refuse of a trainer minutes later: refused when it is planned, where it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from planform.core.schemas import Misfit
from planform.core.values import AttributePath, Object, Set, Unknown, Value, reveal
from planform.providers.aws.clients import Clients
from planform.providers.aws.jobs.bucket import uses
from planform.providers.aws.jobs.request import Placed, attribute_path, place_of, taken, training_job
from planform.providers.aws.jobs.service_rules import network, rules
from planform.providers.aws.jobs.storage import Storage
from planform.providers.aws.jobs.validation import input_shape, refused, unknown_instance_types
from planform.providers.aws.tags import OWN_TAGS, tag_misfits, tags_of
from planform.resources import treatment
from planform.training.definition import inputs, is_local, mapping
from planform.training.images import known_uri

PAYLOAD_LIMIT = 10 * 1024  # bytes of serviceRequestPayload (service quotas of AWS Batch)
REQUEST_LIMIT = 30 * 1024  # bytes of SubmitServiceJob
REST = 2048  # of it, at most: names, the queue, how it is retried, and planform's own tags
# As long as the longest that may stand there: the size of a request counts.
_NAME, _DIGEST = "n" * 63, "0" * 40


def misfits_of(clients: Clients, executor: str, desired: Object) -> tuple[list[Misfit], list[str]]:
    """What an executor of AWS refuses of a trainer, and notes on what it ignores."""
    from planform.resources.trainer import SCHEMA

    found, notes = treatment(SCHEMA, executor, desired)
    found += tag_misfits(clients.settings, desired, OWN_TAGS + 1)
    found += rules(clients, desired)
    if any(misfit.path[:1] == ("training_image",) for misfit in found):
        return found, notes
    notes += bucket_note(clients, desired)
    body, open_parts = known_part(reveal(desired))
    try:
        request = _request(clients, body)
    except KeyError:
        if not open_parts:
            raise
        return found, notes  # a block has an unknown part: apply knows it, and the API is asked then
    more = mapping(body, "request")
    for path in taken(_request(clients, {name: item for name, item in body.items() if name != "request"}), more):
        why = f"{'.'.join(map(str, path))} is made of other fields of the trainer."
        found.append(Misfit(("request", *path), why, suggestion="Set it there."))
    seen = {misfit.path for misfit in found}
    for member, problem, advice in refused(request, input_shape("sagemaker", "CreateTrainingJob")):
        member = _named(member, request)
        path = place_of(member, body)
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
        found += [*_too_large(request, body), *_too_tagged(request)]
        if payload_size(request) > PAYLOAD_LIMIT and request.get("HyperParameters") and body.get("source_code"):
            size = f"{payload_size(request):,} bytes of {PAYLOAD_LIMIT:,}"
            notes.append(f"hyperparameters travel as a file: with them the job would be {size}")
    code, isolated = mapping(body, "source_code"), network(clients.settings, body).get("enable_network_isolation")
    if code.get("requirements") and isolated:
        notes.append("requirements are installed without a network: only what lies in source_dir can be")
    return found, notes


def _named(member: AttributePath, request: Object) -> AttributePath:
    """A member inside a list whose elements have names, by the name: a channel's, a tag's."""
    for name, key in (("InputDataConfig", "ChannelName"), ("Tags", "Key")):
        if len(member) > 1 and member[0] == name and isinstance(member[1], int):
            return (name, str(request[name][member[1]][key]), *member[2:])
    return member


def bucket_note(clients: Clients, desired: Object) -> list[str]:
    """Where things go when nobody has said it."""
    bucket = Storage(clients).bucket()
    if clients.settings.get("default_bucket") or not uses(bucket, desired):
        return []
    return [f"code, data and artifacts go to s3://{bucket}"]


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


def _too_tagged(request: Mapping[str, Any]) -> Iterator[Misfit]:
    """A whole request that is too large for its tags: the payload is text in it, with its quotes escaped."""
    payload = {
        name: value for name, value in request.items() if name not in ("Tags", "RetryStrategy", "HyperParameters")
    }
    text = json.dumps(payload, separators=(",", ":"))
    tags = {item["Key"]: item["Value"] for item in request.get("Tags", ())}
    size = len(json.dumps([text, tags]).encode()) + REST
    if len(text) <= PAYLOAD_LIMIT and size > REQUEST_LIMIT:
        why = f"With its tags the job is {size:,} bytes, and AWS Batch takes {REQUEST_LIMIT:,}."
        yield Misfit(("tags",), why, suggestion="Shorten them, or leave the queue out.")


def _request(clients: Clients, body: Object) -> Object:
    """The request as far as it is known, with stand-ins for what only launching can tell."""
    placed, tags = stand_in(clients, body), tags_of(clients.settings, body)
    return training_job(body, _NAME, placed, clients.settings, tags)


def stand_in(clients: Clients, body: Object) -> Placed:
    """Where a job finds things, before anything is there."""
    role = str(body.get("role") or clients.settings.get("role") or "")
    where, base = clients.where(), Storage(clients).base()
    channels = {item.name: f"{base}/data/{_DIGEST}/" for item in inputs(body) if is_local(item.source)}
    return Placed(
        role_arn=role
        if role.startswith("arn:")
        else f"arn:{where.partition}:iam::{where.account}:role/{role or 'role'}",
        base=base,
        address=_NAME,
        image=known_image(clients, body) or "unknown",  # what is wrong with it has been said
        channels=channels,
        code=f"{base}/code/{_DIGEST}/" if mapping(body, "source_code").get("source_dir") else "",
        drivers=f"{base}/drivers/{_DIGEST}/" if body.get("source_code") else "",
        checkpoint_key="0" * 16,
    )


def known_image(clients: Clients, desired: Object) -> str:
    """The URI of the image of a trainer, as far as it is known."""
    return known_uri(reveal(desired.get("training_image")), clients.region(), mapping(desired, "compute"))


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
