"""Values of a module as lines of YAML: blocks outside, one line where a value is short."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from planform.migrate.values import Value

WIDTH = 116
# Words that are a string without quotes, wherever they stand.
_WORD = r"[A-Za-z0-9_./@-]"
_PLAIN = re.compile(
    rf"(?!(?:true|false|null|yes|no|on|off|y|n)$)(?:\.\.?/)*(?![0-9.@-]){_WORD}+(?::{_WORD}+)*", re.IGNORECASE
)
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Raw:
    """A string that is a template of planform already: `${var.role}`."""

    text: str


@dataclass(frozen=True, slots=True)
class Noted:
    """A value with comment lines over it."""

    value: Value
    comments: tuple[str, ...]


def lines_of(mapping: dict[str, Value], depth: int, indent: int = 0) -> Iterator[str]:
    """A mapping in block form; values down to `depth` too, those below in one line where they fit."""
    pad = " " * indent
    for key, value in mapping.items():
        if isinstance(value, Noted):
            yield from (f"{pad}# {comment}" for comment in value.comments)
            value = value.value
        name = _key(key)
        flow = _flow(value)
        if isinstance(value, dict) and value and (depth > 0 or len(flow) + len(name) + indent > WIDTH):
            yield f"{pad}{name}:"
            yield from lines_of(value, depth - 1, indent + 2)
        elif isinstance(value, list) and value and len(flow) + len(name) + indent > WIDTH:
            yield f"{pad}{name}:"
            yield from _items(value, indent + 2)
        else:
            yield f"{pad}{name}: {flow}"


def _items(values: list[Value], indent: int) -> Iterator[str]:
    pad = " " * indent
    for value in values:
        flow = _flow(value)
        if isinstance(value, dict) and value and len(flow) + indent > WIDTH:
            inner = list(lines_of(value, 0, indent + 2))
            yield f"{pad}- {inner[0].lstrip()}"
            yield from inner[1:]
        else:
            yield f"{pad}- {flow}"


def _flow(value: Value) -> str:
    match value:
        case Noted():
            return _flow(value.value)
        case Raw(text):
            return _quoted(text)
        case dict():
            return "{" + ", ".join(f"{_key(key)}: {_flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
    return scalar(value)


def _key(key: Value) -> str:
    """Keys are no templates: they are taken as they are written."""
    return str(key) if _PLAIN.fullmatch(str(key)) else _quoted(str(key))


def scalar(value: Value) -> str:
    if isinstance(value, str):
        text = value.replace("${", "$${").replace("%{", "%%{")
        return text if _PLAIN.fullmatch(text) else _quoted(text)
    if isinstance(value, float) and value != value:
        return '"NaN"'
    return json.dumps(value)


def _quoted(text: str) -> str:
    plain = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)
