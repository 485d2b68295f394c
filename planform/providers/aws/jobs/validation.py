"""What the API would refuse of a request, found by walking the model that botocore ships.

botocore's own check leaves out patterns, enums and upper limits, and AWS Batch passes a training job on unread: what is
wrong with it would come to light minutes after the job was accepted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from planform.core.errors import did_you_mean
from planform.core.schemas import describe
from planform.core.values import AttributePath, Value

# Enums of the model that grow with every region and generation: an unknown member is a note, not an error.
OPEN_ENUMS = ("TrainingInstanceType",)


@cache
def input_shape(service: str, operation: str) -> Any:
    """The shape of an operation's request, from botocore's model of the service."""
    from botocore.session import get_session

    return get_session().get_service_model(service).operation_model(operation).input_shape


def refused(value: Value, shape: Any, path: AttributePath = ()) -> Iterator[tuple[AttributePath, str, str]]:
    """(member, what is wrong with it, suggestion) for everything in a request that does not fit its shape."""
    match shape.type_name:
        case "structure":
            yield from _structure(value, shape, path)
        case "list":
            yield from _length(len(value), shape, path, "elements")
            for index, item in enumerate(value):
                yield from refused(item, shape.member, (*path, index))
        case "map":
            yield from _length(len(value), shape, path, "entries")
            for key, item in value.items():
                for _, problem, advice in refused(key, shape.key, path):
                    yield (*path, key), f"the name {problem}", advice
                yield from refused(item, shape.value, (*path, key))
        case "string":
            yield from _string(value, shape, path)
        case "integer" | "long" | "float" | "double":
            yield from _number(value, shape, path)
        case "boolean":
            if not isinstance(value, bool):
                yield path, f"{describe(value)} is not true or false.", ""


def unknown_instance_types(request: Any) -> list[str]:
    """Instance types that this version of botocore does not know; AWS may."""
    shape = input_shape("sagemaker", "CreateTrainingJob").members["ResourceConfig"]
    known = shape.members["InstanceType"].enum
    resources = request.get("ResourceConfig") or {}
    groups = resources.get("InstanceGroups") or ()
    asked = [resources.get("InstanceType"), *(item.get("InstanceType") for item in groups)]
    return sorted({text for text in asked if isinstance(text, str) and text not in known})


def _structure(value: Value, shape: Any, path: AttributePath) -> Iterator[tuple[AttributePath, str, str]]:
    if not isinstance(value, dict):
        yield path, f"{describe(value)} is not an object.", ""
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield (*path, name), "it is required.", ""
    for name, item in value.items():
        if name not in shape.members:
            yield (*path, name), "the API knows no such member.", did_you_mean(name, shape.members)
        elif item is not None:
            yield from refused(item, shape.members[name], (*path, name))


def _string(value: Value, shape: Any, path: AttributePath) -> Iterator[tuple[AttributePath, str, str]]:
    if not isinstance(value, str):
        yield path, f"{describe(value)} is not text.", ""
        return
    yield from _length(len(value), shape, path, "characters")
    enum, pattern = shape.enum, shape.metadata.get("pattern")
    if enum and value not in enum and shape.name not in OPEN_ENUMS:
        yield path, f"{describe(value)} is not one of {', '.join(enum)}.", did_you_mean(value, enum)
    if pattern and not _compiled(pattern).fullmatch(value):
        yield path, f"{describe(value)} does not match {pattern}.", ""


def _number(value: Value, shape: Any, path: AttributePath) -> Iterator[tuple[AttributePath, str, str]]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield path, f"{describe(value)} is not a number.", ""
        return
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield path, f"{value} is too small: at least {least}.", ""
    if most is not None and value > most:
        yield path, f"{value} is too large: at most {most}.", ""


def _length(length: int, shape: Any, path: AttributePath, what: str) -> Iterator[tuple[AttributePath, str, str]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and length < least:
        yield path, f"{length} {what} are too few: at least {least}.", ""
    if most is not None and length > most:
        yield path, f"{length} {what} are too many: at most {most}.", ""


# Classes of Java's patterns as Python can have them. Letters cannot be said by exclusion inside a class: word
# characters are a superset that serves.
_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{M}": "\u0300-\u036f",
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
    r"\p{P}": r"!-/:-@\[-`{-~",
    r"\p{S}": r"$+<=>^`|~",
    r"\p{Alnum}": "A-Za-z0-9",
}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the model, which is Java's; one that Python cannot have refuses nothing."""
    for name, members in _CLASSES.items():
        pattern = pattern.replace(name, members)
    try:
        return re.compile(pattern)
    except re.error:
        return re.compile(".*", re.DOTALL)
