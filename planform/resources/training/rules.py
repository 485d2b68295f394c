"""What one field of a job cannot say of itself, and the one form in which two definitions are compared (S2.3)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from planform.core.hyperparameters import decode, wire_text
from planform.core.schemas import (
    Misfit,
)
from planform.core.values import AttributePath, Object, Sensitive, Value, is_wholly_known, reveal
from planform.resources import fractions, short_name

RESERVED_CHANNELS = ("code", "sm_drivers")  # the source tree and the runtime travel in these


def check(body: Object) -> list[Misfit]:
    """What one field cannot say of itself: fields against each other, names of map keys, numbers that count things."""
    rules = (
        _whole_numbers,
        _algorithm,
        _source_code,
        _distributed,
        _channels,
        _hyperparameters,
        _environment,
        _secrets,
        _metrics,
        _stopping,
        _compute,
        _networking,
        tag_misfits,
        _queue,
    )
    return [misfit for rule in rules for misfit in rule(body)]


def normalise(body: Object) -> Object:
    """Names for ARNs, decoded hyperparameters, the short form of channels, no type and count beside instance groups."""
    result = dict(body)
    if "queue" in result:
        result["queue"] = short_name(result["queue"])
    if isinstance(result.get("hyperparameters"), dict):
        result["hyperparameters"] = {name: decode(value) for name, value in result["hyperparameters"].items()}
    if isinstance(result.get("input_data"), dict):
        result["input_data"] = {name: _short_channel(channel) for name, channel in result["input_data"].items()}
    compute = result.get("compute")
    if isinstance(compute, dict) and compute.get("instance_groups"):
        alone = ("instance_type", "instance_count")
        result["compute"] = {name: value for name, value in compute.items() if name not in alone}
    return result


def _short_channel(channel: Value) -> Value:
    return channel["data_source"] if isinstance(channel, dict) and list(channel) == ["data_source"] else channel


def plain(value: Value) -> Value:
    return value.value if isinstance(value, Sensitive) else value


def mapping(body: Object, name: str) -> Object:
    """A field that holds an object, or an empty one while it is unset or unknown."""
    value = plain(body.get(name))
    return value if isinstance(value, dict) else {}


def number_in(body: Object, name: str) -> float | None:
    value = plain(body.get(name))
    return value if isinstance(value, (int, float)) else None


def _whole_numbers(body: Object) -> Iterator[Misfit]:
    counting = ("compute", "stopping_condition", "retry_strategy", "timeout", "preemption_configuration")
    for name in (*counting, "priority", "max_attempts"):
        yield from fractions(body.get(name), (name,))


def _algorithm(body: Object) -> Iterator[Misfit]:
    kinds = ("training_image", "algorithm_name", "jumpstart")
    given = [kind for kind in kinds if body.get(kind) is not None]
    if not given:
        yield Misfit((), "One of training_image, algorithm_name or jumpstart is required: what the job runs in.")
    if given == ["training_image", "jumpstart"]:
        return  # the user's image instead of the model's
    for kind in given[1:]:
        yield Misfit((kind,), f"{kind} cannot stand beside {given[0]}.", suggestion="Keep one of them.")


def _source_code(body: Object) -> Iterator[Misfit]:
    if "source_code" not in body or not isinstance(plain(body["source_code"]), dict):
        return
    code = mapping(body, "source_code")
    script, command = plain(code.get("entry_script")), code.get("command")
    if script is None and command is None:
        yield Misfit(("source_code",), "source_code needs an entry_script or a command.")
    if script is not None and command is not None:
        yield Misfit(
            ("source_code", "command"),
            "command cannot stand beside entry_script.",
            suggestion="Start the script in the command, or remove the command.",
        )
    if isinstance(script, str) and not script.endswith((".py", ".sh")):
        yield Misfit(
            ("source_code", "entry_script"),
            f'"{script}" is not a .py or .sh file.',
            suggestion=f'For anything else use a command: command: "./{script}".',
        )
    for name in ("entry_script", "requirements"):
        path = plain(code.get(name))
        if path is None:
            continue
        if code.get("source_dir") is None:
            yield Misfit(("source_code", name), f"{name} needs a source_dir: it is a path inside it.")
        elif isinstance(path, str) and (path.startswith("/") or ".." in path.split("/")):
            yield Misfit(("source_code", name), f'"{path}" is not a path inside source_dir.')


def _distributed(body: Object) -> Iterator[Misfit]:
    if body.get("distributed") is None:
        return
    drivers = [name for name, value in mapping(body, "distributed").items() if value is not None]
    if isinstance(plain(body["distributed"]), dict) and len(drivers) != 1:
        yield Misfit(("distributed",), "distributed is exactly one of torchrun, mpi and custom.")
    code = mapping(body, "source_code")
    if code.get("command") is not None:
        yield Misfit(
            ("distributed",),
            "distributed cannot be used with a command: it would not start the command on every process.",
            suggestion="Use entry_script instead, or call torchrun or mpirun in the command.",
        )
    elif code.get("entry_script") is None and is_wholly_known(body.get("source_code")):
        yield Misfit(("distributed",), "distributed needs source_code with an entry_script.")


def _channels(body: Object) -> Iterator[Misfit]:
    channels = mapping(body, "input_data")
    if len(channels) > 18:
        yield Misfit(("input_data",), f"{len(channels)} channels are too many: at most 18.")
    for name, channel in channels.items():
        path: AttributePath = ("input_data", name)
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
            yield Misfit(path, f'"{name}" cannot name a channel: letters, digits, ".", "-" and "_", at most 64.')
        elif name in RESERVED_CHANNELS:
            yield Misfit(
                path, f'"{name}" is taken: {" and ".join(RESERVED_CHANNELS)} hold the source code and its driver.'
            )
        if channel is None or channel == "":
            yield Misfit(path, "A channel needs a path, an s3:// URI or {data_source: ...}.")
        source = plain(channel.get("data_source")) if isinstance(channel, dict) else None
        if isinstance(channel, dict) and plain(channel.get("track")) == "listing" and _is_mounted(source):
            yield Misfit((*path, "track"), "What is in a file system is not listed.", suggestion="Remove it.")
        if isinstance(source, dict) and len(source) != 1:
            yield Misfit(
                (*path, "data_source"),
                "data_source is a path, a URI, {s3_data_source: ...} or {file_system_data_source: ...}.",
            )
    variables: dict[str, str] = {}
    for name in channels:
        variable = re.sub(r"[^A-Z0-9]", "_", name.upper())
        if variable in variables:
            yield Misfit(
                ("input_data", name),
                f'"{name}" and "{variables[variable]}" would both be SM_CHANNEL_{variable}.',
                suggestion="Rename one of them.",
            )
        variables.setdefault(variable, name)


def _is_mounted(source: Value) -> bool:
    return isinstance(source, dict) and source.get("file_system_data_source") is not None


def _hyperparameters(body: Object) -> Iterator[Misfit]:
    values = mapping(body, "hyperparameters")
    if len(values) > 100:
        yield Misfit(("hyperparameters",), f"{len(values)} hyperparameters are too many: at most 100.")
    for name, value in values.items():
        path = ("hyperparameters", name)
        if not name or len(name) > 256:
            yield Misfit(path, "The name of a hyperparameter has 1 to 256 characters.")
        if not is_wholly_known(value):
            continue
        bare = reveal(value)
        if isinstance(bare, float) and not math.isfinite(bare):
            yield Misfit(
                path, f"{bare} is not a number that JSON can carry.", suggestion="Quote it to pass it as text."
            )
        elif len(wire_text(bare)) > 2500:
            yield Misfit(path, f"{len(wire_text(bare))} characters are too many for one hyperparameter: at most 2500.")


def _environment(body: Object) -> Iterator[Misfit]:
    variables = mapping(body, "environment")
    if len(variables) > 100:
        yield Misfit(("environment",), f"{len(variables)} environment variables are too many: at most 100.")
    for name, value in variables.items():
        yield from _variable_name(("environment", name), name)
        bare = plain(value)
        if isinstance(bare, str) and len(bare) > 512:
            yield Misfit(("environment", name), f"{len(bare)} characters are too many for one variable: at most 512.")


def _variable_name(path: AttributePath, name: str) -> Iterator[Misfit]:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,511}", name):
        yield Misfit(
            path, f'"{name}" cannot name an environment variable: letters, digits and _, not beginning with a digit.'
        )


def _secrets(body: Object) -> Iterator[Misfit]:
    if mapping(body, "secrets") and body.get("source_code") is None and body.get("jumpstart") is None:
        yield Misfit(
            ("secrets",),
            "secrets need source_code: what fetches them runs beside it.",
            suggestion="Add source_code, or let the image fetch them by itself.",
        )
    for name, secret in mapping(body, "secrets").items():
        yield from _variable_name(("secrets", name), name)
        if isinstance(secret, dict) and len(secret) != 1:
            yield Misfit(
                ("secrets", name), "A secret is exactly one of {secretsmanager: ARN}, {ssm: NAME} and {env: NAME}."
            )
        if name in mapping(body, "environment"):
            yield Misfit(("secrets", name), f"{name} is in environment as well.", suggestion="Keep one of them.")


def _metrics(body: Object) -> Iterator[Misfit]:
    definitions = plain(body.get("metric_definitions"))
    if not isinstance(definitions, list):
        return
    if len(definitions) > 40:
        yield Misfit(("metric_definitions",), f"{len(definitions)} metric definitions are too many: at most 40.")
    seen: set[str] = set()
    for index, definition in enumerate(definitions):
        if not isinstance(definition, dict):
            continue
        path: AttributePath = ("metric_definitions", index)
        name, regex = plain(definition.get("name")), plain(definition.get("regex"))
        if isinstance(name, str):
            if name in seen:
                yield Misfit((*path, "name"), f'Metric "{name}" is defined twice.')
            if not name or len(name) > 255:
                yield Misfit((*path, "name"), "The name of a metric has 1 to 255 characters.")
            seen.add(name)
        if isinstance(regex, str):
            yield from _regex((*path, "regex"), regex)


def _regex(path: AttributePath, regex: str) -> Iterator[Misfit]:
    if not regex or len(regex) > 500:
        yield Misfit(path, "A metric's regex has 1 to 500 characters.")
    try:
        groups = re.compile(regex).groups
    except re.error as error:
        yield Misfit(path, f"This is not a regular expression: {error}.")
        return
    if groups != 1:
        yield Misfit(
            path,
            f"A metric's regex needs one group, around the number; this one has {groups}.",
            suggestion="For example: acc=([0-9.]+). A group that only groups is written (?:...).",
        )


def _stopping(body: Object) -> Iterator[Misfit]:
    condition = mapping(body, "stopping_condition")
    wait, runtime = number_in(condition, "max_wait_time_in_seconds"), number_in(condition, "max_runtime_in_seconds")
    path = ("stopping_condition", "max_wait_time_in_seconds")
    if wait is None:
        return
    spot = plain(mapping(body, "compute").get("enable_managed_spot_training"))
    if spot is None or spot is False:
        yield Misfit(
            path,
            "max_wait_time_in_seconds is for spot training only.",
            suggestion="Set compute.enable_managed_spot_training: true, or remove it.",
        )
    if runtime is not None and wait < runtime:
        yield Misfit(path, f"{wait} is less than max_runtime_in_seconds, {runtime}: the wait includes the run.")


def _compute(body: Object) -> Iterator[Misfit]:
    groups = plain(mapping(body, "compute").get("instance_groups"))
    if not isinstance(groups, list):
        return
    if not 1 <= len(groups) <= 5:
        yield Misfit(("compute", "instance_groups"), "There are 1 to 5 instance groups.")
    names = [plain(group.get("instance_group_name")) for group in groups if isinstance(group, dict)]
    for index, name in enumerate(names):
        if isinstance(name, str) and name in names[:index]:
            path = ("compute", "instance_groups", index, "instance_group_name")
            yield Misfit(path, f'Instance group "{name}" is there twice.')


def _networking(body: Object) -> Iterator[Misfit]:
    networking = mapping(body, "networking")
    for name, other, most in (("subnets", "security_group_ids", 16), ("security_group_ids", "subnets", 5)):
        if name not in networking:
            continue
        if other not in networking:
            yield Misfit(("networking",), f"{name} needs {other} beside it.")
        values = plain(networking[name])
        if isinstance(values, list) and not 1 <= len(values) <= most:
            yield Misfit(("networking", name), f"1 to {most} are allowed, not {len(values)}.")


def tag_misfits(body: Object) -> Iterator[Misfit]:
    tags = mapping(body, "tags")
    if len(tags) > 50:
        yield Misfit(("tags",), f"{len(tags)} tags are too many: at most 50.")
    for name, value in tags.items():
        if not 1 <= len(name) <= 128:
            yield Misfit(("tags", name), "The key of a tag has 1 to 128 characters.")
        if isinstance(plain(value), str) and len(plain(value)) > 256:
            yield Misfit(("tags", name), "The value of a tag has at most 256 characters.")


def _queue(body: Object) -> Iterator[Misfit]:
    if body.get("queue") is None:
        for name in ("priority", "share_identifier", "quota_share", "timeout", "preemption_configuration"):
            if body.get(name) is not None:
                yield Misfit((name,), f"{name} has a meaning only in a queue.", suggestion="Set queue, or remove it.")
    elif body.get("share_identifier") is not None and body.get("quota_share") is not None:
        yield Misfit(
            ("quota_share",), "quota_share cannot stand beside share_identifier.", suggestion="Keep one of them."
        )
