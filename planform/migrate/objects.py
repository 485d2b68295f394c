"""Objects of the SDK while a program is read: which calls make one, and what is known of their attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from planform.migrate.library import CLASSES, UNPLACED_METHODS, V2_ESTIMATORS, WARM_STARTED, WITH
from planform.migrate.values import MISSING, Made, Reference, Value

_SECRET = re.compile(r"(^|_)(password|passwd|secret|token|credentials?|api_?key|access_?key|private_?key)$", re.I)

_TOKENS = re.compile(r"(pad|eos|bos|mask|unk|sep|cls|end|start|stop|special)_?token$", re.I)  # of a tokenizer

# Attributes of a trainer, or of the answer to a create call, that a resource exports.
_EXPORTED: Mapping[str, str] = {
    "model_data": "model_artifacts",
    "latest_training_job": "job_name",
    "_latest_training_job": "job_name",
    "image_uri": "image",
}
_ANSWERS: Mapping[str, tuple[str, str]] = {
    "serviceEnvironmentArn": ("create_service_environment", "arn"),
    "serviceEnvironmentName": ("create_service_environment", "name"),
    "jobQueueArn": ("create_job_queue", "arn"),
    "jobQueueName": ("create_job_queue", "name"),
    "quotaShareArn": ("create_quota_share", "arn"),
    "quotaShareName": ("create_quota_share", "name"),
    "arn": ("create_scheduling_policy", "arn"),
    "name": ("create_scheduling_policy", "name"),
}


def is_sdk(path: str) -> bool:
    return path.partition(".")[0] in ("sagemaker", "sagemaker_core")


def made_kind(path: str) -> str:
    """What a call of this full name makes, of what is followed here; nothing for any other."""
    last = path.rpartition(".")[2]
    if is_sdk(path):
        if last == "retrieve":
            return "retrieve" if "image_uris" in path else ""
        if last == "get_batch_boto_client":
            return "client"
        return last if last in CLASSES else ""
    if path == "argparse.ArgumentParser":
        return "ArgumentParser"
    if path in ("boto3.client", "boto3.resource"):
        return "client"
    if path in ("boto3.Session", "boto3.session.Session"):
        return "boto3.Session"
    return "create_resources" if last == "create_resources" and "resource_management" in path else ""


def bound(names: Sequence[str], args: Sequence[Value], keywords: Mapping[str, Value]) -> dict[str, Value]:
    """Arguments by the names of their parameters."""
    named = dict(zip(names, args, strict=False))
    rest = {f"argument {number}": value for number, value in enumerate(args[len(names) :], len(names) + 1)}
    return {**named, **rest, **keywords}


def client_service(args: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
    return args[0] if args else keywords.get("service_name")


def called_method(made: Made) -> tuple[str, ...]:
    """Methods of an object that are worth a word although they have no place."""
    if made.kind in V2_ESTIMATORS or made.kind in ("ModelTrainer", "HyperparameterTuner"):
        return tuple(UNPLACED_METHODS)
    return ()


def with_method(made: Made, name: str, args: Sequence[Value], keywords: Mapping[str, Value]) -> bool:
    """Whether a method only adds to what its object was given."""
    if made.kind == "ModelTrainer" and name in WITH:
        field = name.removeprefix("with_")
        made.args[field] = args[0] if args else next(iter(keywords.values()), True)
        return True
    if made.kind in V2_ESTIMATORS and name == "set_hyperparameters":
        before = made.get("hyperparameters") or {}
        if isinstance(before, dict):
            made.args["hyperparameters"] = {**before, **keywords}
            return True
    if made.kind == "ArgumentParser" and name in ("add_argument_group", "add_mutually_exclusive_group"):
        return True
    if made.kind == "ArgumentParser" and name == "add_argument":
        _add_argument(made, args, keywords)
        return True
    return False


def camel(value: Value) -> Value:
    """A structure of sagemaker-core with the names of the API; keys of mappings are the program's own."""
    match value:
        case Made():
            return {camel_name(name): camel(item) for name, item in value.args.items()}
        case dict():
            return {name: camel(item) for name, item in value.items()}
        case list():
            return [camel(item) for item in value]
    return value


def camel_name(name: str) -> str:
    """`volume_size_in_gb` is VolumeSizeInGB, `s3_uri` S3Uri."""
    return "".join("GB" if word == "gb" else word.capitalize() for word in name.split("_"))


def warm_started(made: Made, name: str, args: Sequence[Value], keywords: Mapping[str, Value], like: Made) -> Made:
    """The tuner that a method of another makes, at the place of `like`: it begins with what that one found."""
    given = bound(("additional_parents", "estimator"), args, keywords)
    more = given.get("additional_parents") or []
    parents = [Reference(made, "job_name"), *(more if isinstance(more, list) else [more])]
    start = Made("WarmStartConfig", {"warm_start_type": WARM_STARTED[name], "parents": parents}, like.place)
    rest = {key: value for key, value in made.args.items() if key not in ("base_tuning_job_name", "tags")}
    if given.get("estimator") is not None:
        rest["estimator"] = given["estimator"]
    return Made("HyperparameterTuner", {**rest, "warm_start_config": start}, like.place, like.name, like.code)


def _add_argument(parser: Made, args: Sequence[Value], keywords: Mapping[str, Value]) -> None:
    flags = [flag for flag in args if isinstance(flag, str)]
    long = next((flag for flag in flags if flag.startswith("--")), flags[0] if flags else "")
    name = keywords.get("dest", long.lstrip("-").replace("-", "_"))
    default = keywords.get("default", MISSING)
    if default is MISSING and keywords.get("action") == "store_true":
        default = False
    if default is MISSING and keywords.get("action") == "store_false":
        default = True
    parser.args[str(name)] = default


def attribute_of(
    made: Made, name: str, args: Sequence[Value] = (), keywords: Mapping[str, Value] = MappingProxyType({})
) -> Value:
    """What is known of an attribute of an object, or of the result of a method, or MISSING."""
    match made.kind:
        case "ArgumentParser" if name in ("parse_args", "parse_known_args"):
            found = Made("Namespace", {"options": made.args}, made.place, made.name)
            return found if name == "parse_args" else [found, MISSING]
        case "Session" | "LocalSession" | "PipelineSession" if name == "upload_data":
            given = bound(("path", "bucket", "key_prefix"), args, keywords)
            return given.get("path", MISSING)  # planform uploads what is local
        case "Session" | "LocalSession" | "PipelineSession":
            return _of_session(made, name)
        case "boto3.Session" if name in ("region_name", "profile_name"):
            return made.get(name, MISSING)
        case "create_resources" if name in ("job_queue", "service_environment"):
            return Made("create_resources.part", {"name": made.get(f"{name}_name", MISSING)}, made.place)
        case "create_resources.part":
            return made.get("name") if name in ("arn", "name") else MISSING
    if name in _ANSWERS and _ANSWERS[name][0] == made.kind:
        return Reference(made, _ANSWERS[name][1])
    if made.kind.startswith("create_"):
        return MISSING
    if made.kind == "HyperparameterTuner":
        return made if name == "best_estimator" else Reference(made, _EXPORTED.get(name, name))
    if name in made.args:
        return made.args[name]
    if made.kind in V2_ESTIMATORS or made.kind == "ModelTrainer":
        return Reference(made, _EXPORTED[name]) if name in _EXPORTED else MISSING
    return MISSING


def _of_session(made: Made, name: str) -> Value:
    """Region and profile of a session are those of the boto3 session in it."""
    inner = made.get("boto_session")
    if name in ("boto_session", "boto_session_") and isinstance(inner, Made):
        return inner
    if name in ("boto_region_name", "region_name", "_region_name") and isinstance(inner, Made):
        return inner.get("region_name", MISSING)
    return MISSING


def object_name(text: str) -> str:
    """A name that planform takes, from any text."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", text)
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_").lower()
    name = re.sub(r"_+", "_", name)
    return f"n{name}" if name[:1].isdigit() else name


def is_secret(name: str) -> bool:
    """Whether a name is one that secrets have."""
    return bool(_SECRET.search(name)) and not _TOKENS.search(name)
