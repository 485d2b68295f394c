"""Input data of the SDK, V2 and V3, as the channels of a trainer."""

from __future__ import annotations

from collections.abc import Mapping

from planform.migrate.drafts import Conversion, brief, named
from planform.migrate.values import Choice, Expression, Made, Place, Reference, Text, Unknown, Value

MODEL_TYPE = "application/x-sagemaker-model"
FOR_EVERYBODY = "FullyReplicated"


def input_data(into: Conversion, given: Value, place: Place) -> Value:
    """The channels of `fit(inputs)` or `train(input_data_config=[...])`; None when there are none.

    One value alone is the channel `training`, as V2 has it.
    """
    if given is None or isinstance(given, Unknown):
        return named(given, "input_data")
    if isinstance(given, dict):
        return {str(name): channel(into, item, str(name), place) for name, item in given.items()} or None
    if isinstance(given, list):
        channels: dict[str, Value] = {}
        for item in given:
            name = item.get("channel_name") if isinstance(item, Made) else None
            if not isinstance(name, str):
                into.unsupported(place, f"channel {brief(item)}", "its name is known only when it runs")
                continue
            channels[name] = channel(into, item, name, place)
        return channels or None
    return {"training": channel(into, given, "training", place)}


def merged(first: Value, second: Value) -> Value:
    """Channels of a trainer and those of one call, which win by name."""
    if isinstance(first, list) and isinstance(second, list):
        names = [item.get("channel_name") for item in second if isinstance(item, Made)]
        kept = [item for item in first if not isinstance(item, Made) or item.get("channel_name") not in names]
        return [*kept, *second]
    return first if second is None else second


def channel(into: Conversion, item: Value, name: str, place: Place) -> Value:
    """One channel in its shortest form."""
    if isinstance(item, Made):
        match item.kind:
            case "TrainingInput" | "s3_input":
                return _training_input(into, item, name)
            case "FileSystemInput":
                return _file_system(item.args, item)
            case "InputData" | "Channel":
                return _input_data(into, item, name)
            case "S3DataSource" | "FileSystemDataSource" | "DataSource":
                return _short({"data_source": _source(into, item, name)})
        into.unsupported(
            item.place, f"channel {name}: {item.kind}(...)", "only S3, EFS, FSx and local data can be a channel"
        )
        return Unknown(f"{name}_data", item.code, item.place)
    if isinstance(item, (str, Text, Unknown, Expression, Reference, Choice)):
        return named(into.local(item), f"{name}_data")
    if isinstance(item, dict) and "data_source" in item:
        return item
    return Unknown(f"{name}_data", brief(item), place)


def _short(form: Mapping[str, Value]) -> Value:
    """A channel that says nothing but its place is that place."""
    kept = {name: value for name, value in form.items() if value is not None}
    return kept["data_source"] if list(kept) == ["data_source"] and not isinstance(kept["data_source"], dict) else kept


def _training_input(into: Conversion, item: Made, name: str) -> Value:
    """TrainingInput of V2."""
    uri = named(into.local(item.get("s3_data")), f"{name}_data")
    groups = item.get("instance_groups")
    source = {
        "s3_data_type": _unless(item.get("s3_data_type"), "S3Prefix"),
        "s3_data_distribution_type": _unless(item.get("distribution"), FOR_EVERYBODY),
        "attribute_names": item.get("attribute_names"),
        "instance_group_names": groups,
        "model_access_config": _config(item.get("model_access_config")),
        "hub_access_config": _config(item.get("hub_access_config")),
    }
    if item.get("target_attribute_name") is not None:
        into.unsupported(
            item.place, "TrainingInput(target_attribute_name=...)", "it is of AutoML jobs, not of training"
        )
    return _short({"data_source": _s3(uri, source), **_delivery(item)})


def _delivery(item: Made) -> dict[str, Value]:
    """What V2 and V3 say beside the place; V2 has shorter names."""
    shuffle = item.get("shuffle_config")
    return {
        "content_type": item.get("content_type"),
        "compression_type": _unless(item.get("compression", item.get("compression_type")), "None"),
        "record_wrapper_type": _unless(item.get("record_wrapping", item.get("record_wrapper_type")), "None"),
        "input_mode": item.get("input_mode"),
        "shuffle_config": {"seed": shuffle.get("seed")} if isinstance(shuffle, Made) else shuffle,
    }


def _s3(uri: Value, settings: Mapping[str, Value]) -> Value:
    """A URI, or the object when there is more to say than that."""
    more = {key: value for key, value in settings.items() if value is not None}
    return {"s3_data_source": {"s3_uri": uri, **more}} if more else uri


def _unless(value: Value, usual: str) -> Value:
    """The value; None where it says what is so anyway."""
    return None if value == usual else value


def _config(value: Value) -> Value:
    return dict(value.args) if isinstance(value, Made) else value


def _file_system(args: Mapping[str, Value], item: Made) -> Value:
    """FileSystemInput of V2 and FileSystemDataSource of V3 differ in nothing but defaults."""
    form = {
        "file_system_id": named(args.get("file_system_id"), "file_system_id"),
        "file_system_type": args.get("file_system_type"),
        "file_system_access_mode": args.get("file_system_access_mode", "ro"),
        "directory_path": named(args.get("directory_path"), "directory_path"),
    }
    known = {key: value for key, value in form.items() if value is not None}
    return _short({"data_source": {"file_system_data_source": known}, "content_type": args.get("content_type")})


def _input_data(into: Conversion, item: Made, name: str) -> Value:
    """InputData or Channel of V3."""
    return _short({"data_source": _source(into, item.get("data_source"), name), **_delivery(item)})


def _source(into: Conversion, source: Value, name: str) -> Value:
    if not isinstance(source, Made):
        return named(into.local(source), f"{name}_data")
    if source.kind == "DataSource":
        inner = source.get("s3_data_source") or source.get("file_system_data_source")
        return _source(into, inner, name)
    if source.kind == "S3DataSource":
        settings = {
            key: _config(value)
            for key, value in source.args.items()
            if key != "s3_uri" and value not in ("S3Prefix", FOR_EVERYBODY)
        }
        return _s3(named(source.get("s3_uri"), f"{name}_data"), settings)
    if source.kind == "FileSystemDataSource":
        form = _file_system(source.args, source)
        return form["data_source"] if isinstance(form, dict) else form
    into.unsupported(
        source.place, f"channel {name}: {source.kind}(...)", "only S3, EFS, FSx and local data can be a channel"
    )
    return Unknown(f"{name}_data", source.code, source.place)
