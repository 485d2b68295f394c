"""Live objects, as AWS describes them, as drafts of resources. Pure: who asks AWS hands the descriptions in."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from planform.core.hyperparameters import decode
from planform.core.values import Object
from planform.migrate import requests, tuning_requests
from planform.migrate.drafts import Conversion, Draft
from planform.migrate.objects import object_name
from planform.migrate.secrets import hide_secrets
from planform.migrate.values import Place, Unknown, Value
from planform.resources import schemas, short_name

RUNTIME_CHANNELS = ("code", "sm_drivers")  # what the SDK V3 and planform put beside the data
OWN = "sagemaker_"  # hyperparameters that the SDK V2 sends to the toolkit in its containers
OBJECTIVE = "_tuning_objective_metric"  # a hyperparameter that tuning gives to its jobs


def batch_object(into: Conversion, type_name: str, name: str, found: Object) -> None:
    """A queue or an environment that exists, with the entry that imports it."""
    schema = schemas()[type_name]
    draft = Draft(type_name, object_name(name), Place(f"{type_name} {name}", 0), "AWS Batch", import_id=name)
    for key, value in found.items():
        attribute = schema.attributes[key]
        if attribute.computed or value in (None, {}, []) or value == attribute.default:
            continue
        if key == "service_environment_order":
            value = [short_name(item) for item in value]
        if key == "tags":
            value = _own_tags(value)
        draft.settings += 1
        draft.put((key,), value or None)
    into.drafts.append(draft)


def job(
    into: Conversion, name: str, found: Mapping[str, Any], tags: Mapping[str, str], drivers: Mapping[str, Any]
) -> None:
    """A trainer with the definition of a training job. `drivers`: sourcecode.json and distributed.json of the channel
    `sm_drivers`, where the job has one."""
    draft = Draft("trainer", object_name(name), Place(f"training job {name}", 0), "training job")
    request = {**found, "Tags": [{"Key": key, "Value": value} for key, value in _own_tags(tags).items()]}
    _trainer(into, draft, request, drivers)
    _from_batch(into, draft, name)
    into.drafts.append(draft)


def tuning_job(
    into: Conversion,
    name: str,
    found: Mapping[str, Any],
    tags: Mapping[str, str],
    drivers: Mapping[str, Mapping[str, Any]],
) -> None:
    """A tuning job, and a trainer for each definition of its training jobs. `drivers`: of each, by its name."""
    draft = Draft(tuning_requests.TYPE, object_name(name), Place(f"tuning job {name}", 0), "tuning job")
    request = {**found, "Tags": [{"Key": key, "Value": value} for key, value in _own_tags(tags).items()]}
    for base in tuning_requests.tuning_job(into, request, draft):
        _trainer(into, base.draft, base.request, drivers.get(base.definition, {}))
        base.draft.name = base.draft.name or draft.name
        into.drafts.append(base.draft)
    into.drafts.append(draft)


def _trainer(into: Conversion, draft: Draft, request: Mapping[str, Any], drivers: Mapping[str, Any]) -> None:
    """Fill the draft of a trainer from the request that its job was made by, and from what lies beside its code."""
    request = dict(request)
    values = dict(request.pop("HyperParameters", None) or {})
    mine = {key.removeprefix(OWN): decode(value) for key, value in values.items() if key.startswith(OWN)}
    request["HyperParameters"] = {
        key: value for key, value in values.items() if not key.startswith(OWN) and key != OBJECTIVE
    }
    managed = "sm_drivers" in {item["ChannelName"] for item in request.get("InputDataConfig") or ()}
    channels = request.get("InputDataConfig") or []
    if managed:
        request["InputDataConfig"] = [item for item in channels if item["ChannelName"] not in RUNTIME_CHANNELS]
        algorithm = dict(request["AlgorithmSpecification"])
        for member in ("ContainerEntrypoint", "ContainerArguments"):
            algorithm.pop(member, None)
        request["AlgorithmSpecification"] = algorithm
    requests.trainer(into, request, draft)
    if managed:
        _managed_code(into, draft, channels, drivers)
    elif mine.get("program"):
        _toolkit_code(into, draft, mine)
    _distributed(into, draft, mine)
    hide_secrets(draft)


def _own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags without those that AWS and planform write themselves."""
    return {key: value for key, value in tags.items() if not key.startswith(("aws:", "planform:", "AWSBatch"))}


def _managed_code(into: Conversion, draft: Draft, channels: list[Any], drivers: Mapping[str, Any]) -> None:
    """The code of a job of the SDK V3, or of planform."""
    source = drivers.get("sourcecode") or {}
    code = next((item for item in channels if item["ChannelName"] == "code"), None)
    if code is not None:
        uri = code["DataSource"]["S3DataSource"]["S3Uri"]
        draft.put(("source_code", "source_dir"), uri)
        into.note(
            draft.place, "source_code.source_dir", f"the code that ran is at {uri}; a folder of yours can be reviewed"
        )
    for name in ("command", "entry_script", "requirements", "args"):
        if source.get(name) and not (name == "entry_script" and source.get("command")):
            draft.put(("source_code", name), source[name])
            draft.settings += 1
    if not source.get("command") and not source.get("entry_script"):
        draft.put(
            ("source_code", "entry_script"),
            Unknown("entry_script", "the script that the job ran; its sourcecode.json cannot be read", draft.place),
        )
    _driver(into, draft, drivers.get("distributed") or {})


def _driver(into: Conversion, draft: Draft, settings: Mapping[str, Any]) -> None:
    """distributed.json: of planform it names the driver, of the SDK it holds the fields of one."""
    known = {key: value for key, value in settings.items() if value is not None}
    if not known:
        return
    if set(known) <= {"torchrun", "mpi", "custom"}:
        draft.put(("distributed",), known)
    elif "mpi_additional_options" in settings:
        draft.put(("distributed", "mpi"), known)
    elif set(settings) <= {"process_count_per_node", "smp"}:
        draft.put(("distributed", "torchrun"), {key: value for key, value in known.items() if key != "smp"})
    else:
        into.unsupported(
            draft.place, "distributed.json", "the driver of its own that the job had is not in its description"
        )


def _toolkit_code(into: Conversion, draft: Draft, mine: Mapping[str, Value]) -> None:
    """The code of a job of the SDK V2, by the hyperparameters it was sent with."""
    archive = str(mine.get("submit_directory") or "")
    draft.put(("source_code", "entry_script"), str(mine["program"]))
    code = f"{archive}: unpack it into a folder" if archive else "the folder of the code"
    draft.put(("source_code", "source_dir"), Unknown("source_dir", code, draft.place))
    draft.settings += 1


def _distributed(into: Conversion, draft: Draft, mine: Mapping[str, Value]) -> None:
    """What the SDK V2 asks of the toolkit."""
    if mine.get("torch_distributed_enabled") or mine.get("pytorch_ddp_enabled"):
        draft.put(("distributed", "torchrun"), {})
    if mine.get("mpi_enabled"):
        draft.put(("distributed", "mpi"), {})
        draft.put(("distributed", "mpi", "process_count_per_node"), mine.get("mpi_num_of_processes_per_host"))
        options = mine.get("mpi_custom_mpi_options")
        if isinstance(options, str) and options:
            draft.put(("distributed", "mpi", "mpi_additional_options"), shlex.split(options))
    level = mine.get("container_log_level")
    if level not in (None, 20, "20"):
        draft.put(("environment", "SM_LOG_LEVEL"), str(level))
    for name, why in (
        ("distributed_dataparallel_enabled", "the smdistributed libraries have no place in a trainer; use torchrun"),
        ("parameter_server_enabled", "parameter servers have no place in a trainer"),
        ("multi_worker_mirrored_strategy_enabled", "it has no place in a trainer; use distributed.custom"),
        ("distribution_instance_groups", "distribution over instance groups has no place in a trainer"),
    ):
        if mine.get(name):
            into.unsupported(draft.place, f"{OWN}{name}", why)


def _from_batch(into: Conversion, draft: Draft, name: str) -> None:
    if name.startswith("AWSBatch"):
        into.note(draft.place, "queue", "AWS Batch started this job: name its job queue in the trainer")
