"""The parts of a trainer's definition that several modules need: channels in one form, and the trees it reads."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from planform.core.executor import TreeRead
from planform.core.values import AttributePath, Object, Sensitive, Value

AUTO = ("requirements", "auto")  # requirements.txt, where the source code has one


@dataclass(frozen=True, slots=True)
class Input:
    """One channel of `input_data`, whichever way it was written."""

    name: str
    source: Value  # a path or URI, the object of an S3 or file-system source, or unknown
    settings: Object = field(default_factory=dict)  # content_type, input_mode, ...
    attribute: AttributePath = ()


def plain(value: Value) -> Value:
    """The value without its Sensitive mark; what is inside keeps its own."""
    return value.value if isinstance(value, Sensitive) else value


def mapping(body: Object, name: str) -> Object:
    """A field that holds an object, or an empty one while it is unset or unknown."""
    value = plain(body.get(name))
    return value if isinstance(value, dict) else {}


def inputs(desired: Object) -> Iterator[Input]:
    """The channels, in the order of the configuration."""
    for name, channel in mapping(desired, "input_data").items():
        form = plain(channel)
        if isinstance(form, dict):
            settings = {key: value for key, value in form.items() if key != "data_source" and value is not None}
            yield Input(name, plain(form.get("data_source")), settings, ("input_data", name, "data_source"))
        else:
            yield Input(name, form, {}, ("input_data", name))


def is_local(source: Value) -> bool:
    """Whether a source is a path on this machine, not a URI or an object."""
    return isinstance(source, str) and "://" not in source


def is_archive(source: Value) -> bool:
    """Whether source code is one packed file; what is in it is not looked at before the job runs."""
    return isinstance(source, str) and source.endswith(".tar.gz")


def absolute(folder: str, path: str) -> str:
    return os.path.abspath(os.path.join(folder, path))


def source_read(desired: Object, folder: str) -> TreeRead | None:
    """The source tree, when the definition names one on this machine."""
    code = mapping(desired, "source_code")
    source = plain(code.get("source_dir"))
    if not is_local(source):
        return None
    if is_archive(source):
        path = absolute(folder, source)
        return TreeRead(f"source:{path}", "data", path, ("source_code", "source_dir"))
    requires = tuple(
        (os.path.normpath(name), ("source_code", attribute))
        for attribute in ("entry_script", "requirements")
        if isinstance(name := plain(code.get(attribute)), str) and (attribute, name) != AUTO
    )
    return _read("source", absolute(folder, source), ("source_code", "source_dir"), requires, code)


def driver_read(desired: Object, folder: str) -> TreeRead | None:
    """The folder of a custom driver, when there is one."""
    custom = mapping(mapping(desired, "distributed"), "custom")
    source, script = plain(custom.get("driver_dir")), plain(custom.get("driver_script"))
    if not is_local(source):
        return None
    requires = (
        ((os.path.normpath(script), ("distributed", "custom", "driver_script")),) if isinstance(script, str) else ()
    )
    return _read("source", absolute(folder, source), ("distributed", "custom", "driver_dir"), requires, {})


def data_read(item: Input, folder: str, produced: Mapping[str, str]) -> TreeRead | None:
    """The data of a channel, when it is on this machine, or listed, and not the artifact of another run."""
    if isinstance(item.source, str) and item.source in produced:
        return None
    if uri := listed(item):
        return TreeRead(f"listing:{uri}", "listing", uri, item.attribute)
    if not is_local(item.source):
        return None
    path = absolute(folder, str(item.source))
    return TreeRead(f"data:{path}", "data", path, item.attribute)


def listed(item: Input) -> str:
    """The URI of a channel whose keys, sizes and ETags count; empty for others."""
    source = item.source
    if isinstance(source, dict):
        source = plain(mapping(source, "s3_data_source").get("s3_uri"))
    counts = plain(item.settings.get("track")) == "listing" and isinstance(source, str) and source.startswith("s3://")
    return str(source) if counts else ""


def _read(
    kind: str, path: str, attribute: AttributePath, requires: tuple[tuple[str, AttributePath], ...], code: Object
) -> TreeRead:
    ignore, include = _texts(code.get("ignore_patterns")), _texts(code.get("include"))
    # One folder read in two ways is two trees.
    wanted = tuple(name for name, _ in requires)
    ways = [f"{sign}{','.join(names)}" for sign, names in (("?", wanted), ("-", ignore), ("+", include)) if names]
    return TreeRead(" ".join((f"{kind}:{path}", *ways)), "source", path, attribute, requires, ignore, include)


def _texts(value: Value) -> tuple[str, ...]:
    items = plain(value)
    return tuple(item for item in map(plain, items) if isinstance(item, str)) if isinstance(items, list) else ()
