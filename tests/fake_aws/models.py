"""Requests against the models that botocore ships: what does not fit is refused as AWS would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote

from botocore.session import get_session


@cache
def model(service: str) -> Any:
    return get_session().get_service_model(service)


def parsed(service: str, method: str, path: str, target: str, body: dict[str, Any], query: dict[str, list[str]]) -> Any:
    """(operation, parameters) of a request: by its target for json 1.1, by its path for rest-json."""
    if target:
        return target.partition(".")[2], body
    for name in model(service).operation_names:
        http = model(service).operation_model(name).http
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(http["requestUri"].partition("?")[0]))
        found = re.fullmatch(pattern, path)
        if found and http["method"] == method:
            parameters = {key: unquote(value) for key, value in found.groupdict().items()}
            return name, {**body, **parameters, **({"tagKeys": query["tagKeys"]} if "tagKeys" in query else {})}
    raise LookupError(f"{method} {path}")


def problems(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    """Everything in which a value does not fit its shape."""
    kinds = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool}
    wanted = kinds.get(shape.type_name, (int, float))
    if not isinstance(value, wanted) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{path}: {value!r} is no {shape.type_name}"
        return
    size = value if isinstance(value, (int, float)) else len(value)
    if not isinstance(value, bool) and shape.type_name != "structure":
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if (least is not None and size < least) or (most is not None and size > most):
            yield f"{path}: {size} is not between {least} and {most}"
    match shape.type_name:
        case "structure":
            yield from (f"{path}: {name} is missing" for name in shape.required_members if name not in value)
            for name, item in value.items():
                if name not in shape.members:
                    yield f"{path}: unknown member {name}"
                else:
                    yield from problems(item, shape.members[name], f"{path}.{name}")
        case "map":
            for key, item in value.items():
                yield from problems(key, shape.key, f"{path}.{key}")
                yield from problems(item, shape.value, f"{path}.{key}")
        case "list":
            for index, item in enumerate(value):
                yield from problems(item, shape.member, f"{path}[{index}]")
        case "string":
            pattern = shape.metadata.get("pattern")
            if shape.enum and value not in shape.enum:
                yield f"{path}: {value!r} is not one of {shape.enum}"
            if pattern and r"\p" not in pattern and not re.fullmatch(pattern, value):
                yield f"{path}: {value!r} does not match {pattern}"
