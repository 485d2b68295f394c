"""Of the files of a root module, what says where its state lives.

Its resources, and the modules, files and data that they need, may be gone: they are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SETTINGS = ("name", "backend", "encryption", "<<")
_LOCAL = re.compile(r"\blocal\.([\w-]+)")

_Pair = tuple[yaml.Node, yaml.Node]


def state_settings(texts: Iterable[str]) -> str:
    """One document with the name, the backend and the encryption, the variables, and the locals that these use. A text
    that is no YAML counts for nothing."""
    blocks = [pair for text in texts for pair in _blocks(text)]
    settings = [item for item in _inside(blocks, "planform") if item[0].value in _SETTINGS]
    variables = [(key, _without(body, "validation")) for key, body in _inside(blocks, "variable")]
    values = {key.value: (key, body) for key, body in _inside(blocks, "locals")}
    used = _used(_text(settings), {name: _text([pair]) for name, pair in values.items()})
    chosen = {"planform": settings, "variable": variables, "locals": [values[name] for name in used]}
    return _text([(_scalar(name), _mapping(pairs)) for name, pairs in chosen.items() if pairs])


def _used(text: str, values: dict[str, str]) -> list[str]:
    """The names of the locals that a text uses, also by way of others."""
    found: dict[str, None] = {}
    waiting = [text]
    while waiting:
        for name in _LOCAL.findall(waiting.pop()):
            if name in values and name not in found:
                found[name] = None
                waiting.append(values[name])
    return list(found)


def _blocks(text: str) -> list[_Pair]:
    try:
        return _pairs(yaml.compose(text, Loader=_LOADER))
    except (yaml.YAMLError, UnicodeError):
        return []


def _inside(blocks: Iterable[_Pair], name: str) -> Iterator[_Pair]:
    for key, body in blocks:
        if key.value == name:
            yield from _pairs(body)


def _pairs(node: yaml.Node | None) -> list[_Pair]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _without(node: yaml.Node, name: str) -> yaml.Node:
    if not isinstance(node, yaml.MappingNode):
        return node
    return _mapping([pair for pair in node.value if pair[0].value != name])


def _mapping(pairs: list[_Pair]) -> yaml.MappingNode:
    return yaml.MappingNode("tag:yaml.org,2002:map", pairs)


def _scalar(text: str) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", text)


def _text(pairs: list[_Pair]) -> str:
    return str(yaml.serialize(_mapping(pairs), allow_unicode=True))
