"""What the files of a folder declare, as far as a look at them tells: for completion while one types, in a few
milliseconds. Nothing is checked or evaluated, and what cannot be read is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar is a string
_DEEPEST, _MOST_INSTANCES = 6, 100


class Outline(NamedTuple):
    variables: tuple[str, ...]
    outputs: tuple[str, ...]
    addresses: tuple[str, ...]  # of resources, and of instances whose keys stand in the files
    state: str  # the path of the state file, as written; empty when it is elsewhere


def outline(folder: Path) -> Outline:
    """The outline of the module in a folder, with the modules that it takes from folders."""
    blocks = _blocks(folder)
    backend = _mapping(_mapping(blocks.get("planform")).get("backend"))
    local = _mapping(backend.get("local")).get("path", "") if "local" in backend else ""
    state = "" if "s3" in backend else str(local) or "state/${planform.workspace}.json"
    addresses = tuple(dict.fromkeys(_addresses(folder, "", 0)))
    return Outline(tuple(_mapping(blocks.get("variable"))), tuple(_mapping(blocks.get("output"))), addresses, state)


def _blocks(folder: Path) -> dict[str, Any]:
    """The blocks of all files together."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.pf.yaml")):
        try:
            document = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_LOADER)
        except (OSError, ValueError, yaml.YAMLError):
            continue
        for name, block in _mapping(document).items():
            if isinstance(block, dict):
                mine = found.setdefault(name, {})
                for key, item in block.items():
                    both = isinstance(item, dict) and isinstance(mine.get(key), dict)
                    mine[key] = {**mine[key], **item} if both else item
    return found


def _addresses(folder: Path, prefix: str, depth: int) -> Iterator[str]:
    blocks = _blocks(folder)
    for kind, resources in _mapping(blocks.get("resource")).items():
        for name, body in _mapping(resources).items():
            yield from (f"{prefix}{kind}.{name}{key}" for key in ("", *_keys(_mapping(body))))
    for name, call in _mapping(blocks.get("module")).items():
        source = str(_mapping(call).get("source", ""))
        if source.startswith((".", "/")) and depth < _DEEPEST:
            for key in tuple(_keys(_mapping(call))) or ("",):
                yield f"{prefix}module.{name}{key}"
                yield from _addresses(folder / source, f"{prefix}module.{name}{key}.", depth + 1)


def _keys(body: Mapping[str, Any]) -> Iterator[str]:
    """`["fast"]`, `[0]`: those that are written out."""
    each, count = body.get("for_each"), body.get("count", "")
    if isinstance(each, dict):
        yield from (f'["{key}"]' for key in list(each)[:_MOST_INSTANCES])
    elif isinstance(count, str) and count.isdigit():
        yield from (f"[{index}]" for index in range(min(int(count), _MOST_INSTANCES)))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
