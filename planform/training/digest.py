"""The run digest: what must be equal for two runs to be runs of one definition (S3.2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from planform.core.executor import Tree, TreeRead
from planform.core.hyperparameters import decode
from planform.core.secrets import Seal, sealed
from planform.core.values import AttributePath, Object, Sensitive, Set, Value, encode, is_wholly_known, reveal
from planform.training.definition import Input, data_read, driver_read, inputs, is_local, plain, source_read

LONGEST = 60  # of a component that stands in clear; what is longer, or secret, stands as a digest

# Component -> where its value is in a trainer.
_FIELDS: Mapping[str, AttributePath] = {
    "image": ("training_image",),
    "algorithm_name": ("algorithm_name",),
    "jumpstart": ("jumpstart",),
    "entry_script": ("source_code", "entry_script"),
    "command": ("source_code", "command"),
    "args": ("source_code", "args"),
    "requirements": ("source_code", "requirements"),
    "training_input_mode": ("training_input_mode",),
    "request": ("request",),
}
_COMPUTE: Mapping[str, AttributePath] = {
    "compute.instance_groups": ("compute", "instance_groups"),
    "compute.instance_type": ("compute", "instance_type"),
    "compute.instance_count": ("compute", "instance_count"),
}
# Fields with a component for each of their keys.
_MAPPINGS = ("hyperparameters", "environment", "secrets")
# Fields of which every part counts.
_WHOLE = frozenset({str(path[0]) for path in _FIELDS.values()}.union(_MAPPINGS, ("distributed", "input_data")))


def components(
    desired: Object, trees: Mapping[str, Tree], folder: str, produced: Mapping[str, str], seal: Seal
) -> dict[str, str] | None:
    """Each digest input by name, or None when one is unknown. A tree that could not be read counts by its place."""
    if not all(is_wholly_known(desired.get(name)) for name in _WHOLE):
        return None
    if not all(is_wholly_known(_at(desired, path)) for path in _COMPUTE.values()):
        return None
    found = {name: text_of(value, seal, path) for name, path, value in _values(desired)}
    for name, read in (("source", source_read(desired, folder)), ("distributed.driver", driver_read(desired, folder))):
        if read is not None:
            found[name] = _tree(trees, read)
    for item in inputs(desired):
        found[f"input_data.{item.name}"] = _input(item, trees, folder, produced, seal)
    return found


def digest(components: Mapping[str, str]) -> str:
    """The run digest, hexadecimal."""
    return hashlib.sha256(json.dumps(sorted(components.items())).encode()).hexdigest()


def _values(desired: Object) -> Iterator[tuple[str, AttributePath, Value]]:
    """Every value of the definition that is neither tree nor channel: component, place, value."""
    groups = _at(desired, _COMPUTE["compute.instance_groups"])
    for name, path in (*_FIELDS.items(), *_COMPUTE.items()):
        value = _at(desired, path)
        # A type and a count beside groups are defaults without a meaning.
        if value is not None and not (groups and path in (("compute", "instance_type"), ("compute", "instance_count"))):
            yield name, path, value
    for field in _MAPPINGS:
        whole = desired.get(field)
        if isinstance(plain(whole), dict):
            for key, value in plain(whole).items():
                # A mapping that is secret as a whole has secret values.
                inner = Sensitive(value) if isinstance(whole, Sensitive) else value
                yield f"{field}.{key}", (field, key), decode(inner) if field == "hyperparameters" else inner
    distributed = desired.get("distributed")
    if distributed is not None:
        yield "distributed", ("distributed",), without_driver_dir(distributed)
    source = _at(desired, ("source_code", "source_dir"))
    if source is not None and not is_local(plain(source)):
        yield "source", ("source_code", "source_dir"), source


def _at(desired: Object, path: AttributePath) -> Value:
    value: Value = desired
    for part in path:
        value = plain(value)
        if not isinstance(value, dict):
            return value  # unknown or unset
        value = value.get(part)
    return value


def without_driver_dir(distributed: Value) -> Value:
    """`distributed` as it counts and travels: the driver's folder is its content, not its place."""
    custom = plain(plain(distributed).get("custom")) if isinstance(plain(distributed), dict) else None
    if not isinstance(custom, dict):
        return distributed
    return {**plain(distributed), "custom": {key: item for key, item in custom.items() if key != "driver_dir"}}


def _tree(trees: Mapping[str, Tree], read: TreeRead) -> str:
    tree = trees.get(read.key)
    return f"sha256:{tree.digest[:32]}" if tree is not None else f"unread:{read.path}"


def _input(item: Input, trees: Mapping[str, Tree], folder: str, produced: Mapping[str, str], seal: Seal) -> str:
    """What a channel feeds: another run, the content of local files, or a URI whose content is not tracked."""
    read = data_read(item, folder, produced)
    if isinstance(item.source, str) and item.source in produced:
        text = f"run:{produced[item.source]}"
    elif read is not None and read.kind == "data":
        text = _tree(trees, read)
    else:
        text = item.source if isinstance(item.source, str) else text_of(item.source, seal, item.attribute)
        text = f"{text} {_tree(trees, read)}" if read is not None else text
    return f"{text} {text_of(item.settings, seal, ('input_data', item.name))}" if item.settings else text


def text_of(value: Value, seal: Seal, path: AttributePath) -> str:
    """A value as a component: in clear while it is short and no secret."""
    text = json.dumps(encode(sealed(_canonical(value), seal, path)), sort_keys=True, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"sha256:{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:32]}"


def _canonical(value: Value) -> Value:
    """Equal values in one form: 1.0 is 1, as it is to a plan."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case Sensitive():
            return Sensitive(_canonical(reveal(value)))
        case dict():
            return {key: _canonical(item) for key, item in value.items()}
        case Set():
            return Set(map(_canonical, value))
        case list():
            return [_canonical(item) for item in value]
        case _:
            return value
