"""What a configuration does on AWS, read off its bodies. What is unknown yet counts as anything of its kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from planform.core.tuning import definitions_of
from planform.core.values import Object, Value, reveal
from planform.providers.aws.permissions import DEFAULT_BUCKETS, Needs
from planform.training.definition import inputs, listed, mapping


def needs_of(bodies: Iterable[tuple[str, Object]], settings: Iterable[Object], state_bucket: str) -> Needs:
    """The needs of (type, body) under the settings of the providers that make them."""
    items = [(kind, reveal(body)) for kind, body in bodies]
    launched = [body for kind, body in items if kind == "trainer"]
    tuned = [item.trainer for kind, body in items if kind == "tuning_job" for item in definitions_of(body)]
    trainers = [*launched, *tuned]
    configured = [reveal(item) for item in settings]
    roles = {_text(body.get("role")) for body in trainers} | {_text(item.get("role")) for item in configured}
    named = {_text(item.get("default_bucket")) for item in configured}
    outputs = {_bucket(mapping(body, "output_data").get("s3_output_path")) for body in trainers}
    buckets = {name or DEFAULT_BUCKETS for name in named} | outputs | {_bucket(uri) for uri in _elsewhere(trainers)}
    keys = {_text(item.get("kms_key_id")) for item in configured}
    keys |= {_text(mapping(body, "output_data").get("kms_key_id")) for body in trainers}
    secrets = [item for body in trainers for item in mapping(body, "secrets").values() if isinstance(item, dict)]
    hub = any(kind == "data.jumpstart_model" for kind, _ in items) or any(body.get("jumpstart") for body in trainers)
    vpc = any(item.get("networking") for item in (*trainers, *configured))
    return Needs(
        types=frozenset({kind for kind, _ in items} | ({"vpc"} if vpc else set()) | ({"hub"} if hub else set())),
        queued=any(body.get("queue") is not None for body in launched),
        direct=any(body.get("queue") is None for body in launched),
        tuned=bool(tuned),
        buckets=frozenset(filter(None, buckets)) if trainers else frozenset(),
        sources=frozenset(_sources(trainers)),
        roles=frozenset(filter(None, roles)),
        state_bucket=state_bucket,
        listed=frozenset(_bucket(uri) for body in trainers for item in inputs(body) if (uri := listed(item))),
        objects=frozenset(_looked_up(items)),
        makes_bucket=bool(trainers) and "" in named,
        keys=frozenset(filter(None, keys)),
        secrets=frozenset(_text(item.get("secretsmanager")) for item in secrets if item.get("secretsmanager")),
        parameters=frozenset(_text(item.get("ssm")) for item in secrets if item.get("ssm")),
    )


def _looked_up(items: Iterable[tuple[str, Object]]) -> Iterator[str]:
    """bucket/key of the data sources `s3_object`."""
    for kind, body in items:
        if kind == "data.s3_object":
            yield f"{_text(body.get('bucket')) or '*'}/{_text(body.get('key')) or '*'}"


def _sources(trainers: Iterable[Object]) -> Iterator[str]:
    if any(body.get("jumpstart") for body in trainers):
        # Scripts, data and weights of public models, and of those with a licence.
        yield from ("s3://jumpstart-cache-prod-*", "s3://jumpstart-private-cache-prod-*")
    for body in trainers:
        for item in inputs(body):
            source = item.source
            if isinstance(source, dict):
                source = mapping(source, "s3_data_source").get("s3_uri")
            if isinstance(source, str) and source.startswith("s3://"):
                yield source


def _elsewhere(trainers: Iterable[Object]) -> Iterator[Value]:
    for body in trainers:
        yield mapping(body, "checkpoint").get("s3_uri")
        yield mapping(body, "tensorboard").get("s3_output_path")


def _bucket(uri: Value) -> str:
    return uri.removeprefix("s3://").partition("/")[0] if isinstance(uri, str) else ""


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
