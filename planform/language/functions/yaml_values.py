"""The values in a YAML document by Terraform's rules: plain scalars follow YAML 1.1, but 010 is ten."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import yaml

from planform.core.values import Value
from planform.language.errors import Unsuitable
from planform.language.operators import tidy

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(
        (form for word in ("y", "yes", "on", "true") for form in (word, word.capitalize(), word.upper())), True
    ),
    **dict.fromkeys(
        (form for word in ("n", "no", "off", "false") for form in (word, word.capitalize(), word.upper())), False
    ),
}
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_WHOLE = re.compile(r"([-+]?)0([xob])([0-9a-fA-F]+)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ENDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)")


def decode_yaml(text: str) -> Value:
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f" on line {place.line + 1}, column {place.column + 1}" if place else ""
        raise Unsuitable(f"invalid YAML{where}: {getattr(error, 'problem', None) or error}.", argument=0) from None
    if node is None:
        raise Unsuitable("the document is empty.", argument=0)
    return _value(node, {}, ())


def _value(node: Any, done: dict[int, Value], inside: tuple[int, ...]) -> Value:
    if id(node) in inside:
        raise Unsuitable("an alias stands inside the value it names.", argument=0)
    if id(node) not in done:
        inside = (*inside, id(node))
        if isinstance(node, yaml.MappingNode):
            done[id(node)] = _mapping(node, done, inside)
        elif isinstance(node, yaml.SequenceNode):
            done[id(node)] = [_value(item, done, inside) for item in node.value]
        else:
            done[id(node)] = _scalar(node)
    return done[id(node)]


def _mapping(node: Any, done: dict[int, Value], inside: tuple[int, ...]) -> dict[str, Value]:
    merged: dict[str, Value] = {}
    own: dict[str, Value] = {}
    for key, item in node.value:
        value = _value(item, done, inside)
        if key.value == "<<" and not key.style:
            for source in reversed(value if isinstance(value, list) else [value]):
                merged.update(source if isinstance(source, dict) else {})
        elif isinstance(key, yaml.ScalarNode):
            own[key.value] = value
        else:
            raise Unsuitable(f"a key on line {key.start_mark.line + 1} is not a string.", argument=0)
    return {**merged, **own}


def _scalar(node: Any) -> Value:
    text: str = node.value
    if node.style or node.tag in ("tag:yaml.org,2002:binary", "!"):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        return tidy(Decimal(text))
    whole = _WHOLE.fullmatch(text)
    if whole:
        try:
            return int(whole[1] + whole[3], {"x": 16, "o": 8, "b": 2}[whole[2]])
        except ValueError:
            return text
    if _DATE.fullmatch(text):
        return f"{text}T00:00:00Z"
    if _ENDLESS.fullmatch(text):
        raise Unsuitable(f"{text} on line {node.start_mark.line + 1} is not a number that can be held.", argument=0)
    return text
