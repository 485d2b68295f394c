"""From a planned trainer to the job that an executor runs."""

from __future__ import annotations

import hashlib
import os.path
from collections.abc import Mapping

from planform.core.errors import ProviderError
from planform.core.executor import Channel, JobSpec, MetricDefinition, RunName, SourceCode, Tree
from planform.core.secrets import sealer
from planform.core.values import Object, Value, has_sensitive, reveal
from planform.training.definition import (
    Input,
    absolute,
    driver_read,
    inputs,
    is_archive,
    is_local,
    mapping,
    source_read,
)
from planform.training.digest import components, digest, without_driver_dir


def job_spec(
    planned: Object,
    trees: Mapping[str, Tree],
    folder: str,
    run: RunName,
) -> JobSpec:
    """The job of a completely known definition; Sensitive marks are taken off here."""
    known = reveal(planned)
    compute, driver = mapping(known, "compute"), driver_read(known, folder)
    return JobSpec(
        **run._asdict(),
        image=_image(known.get("training_image")),
        source_code=_source_code(known, trees, folder),
        hyperparameters=mapping(known, "hyperparameters"),
        environment=mapping(known, "environment"),
        channels=tuple(_channel(item, known, folder) for item in inputs(known)),
        metric_definitions=tuple(
            MetricDefinition(item["name"], item["regex"]) for item in known.get("metric_definitions") or ()
        ),
        instance_type=compute.get("instance_type", ""),
        instance_count=int(compute.get("instance_count", 1)),
        max_runtime_in_seconds=int(mapping(known, "stopping_condition").get("max_runtime_in_seconds", 3600)),
        distributed=without_driver_dir(known["distributed"]) if known.get("distributed") else None,
        driver_dir=driver.path if driver is not None else "",
        driver_files=trees[driver.key].files if driver is not None else (),
        queue=known.get("queue") or "",
        priority=int(known.get("priority") or 0),
        checkpoint_key=_checkpoint_key(planned, trees, folder, run),
        sensitive_hyperparameters=_sensitive_names(planned),
        extra=known,
    )


def caller_secrets(secrets: Mapping[str, Mapping[str, str]], caller: Mapping[str, str]) -> dict[str, str]:
    """The values of `secrets: {NAME: {env: CALLER_NAME}}` for a job on this machine, out of the caller's environment.

    Raises:
        ProviderError: variables are not set; all of them are named.
    """
    named = {name: secret["env"] for name, secret in secrets.items() if "env" in secret}
    missing = sorted({variable for variable in named.values() if variable not in caller})
    if missing:
        raise ProviderError(
            f"secrets: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set in the environment.",
            suggestion=f"Export {missing[0]} and apply again.",
        )
    return {name: caller[variable] for name, variable in named.items()}


def _image(image: Value) -> str:
    if not isinstance(image, dict):
        return image or ""
    return ":".join(filter(None, [str(image["framework"]), str(image.get("version") or "")]))


def _source_code(known: Object, trees: Mapping[str, Tree], folder: str) -> SourceCode | None:
    code = mapping(known, "source_code")
    if not code:
        return None
    source, read = code.get("source_dir") or "", source_read(known, folder)
    place = absolute(folder, source) if read is not None else source
    packed = is_archive(source)
    return SourceCode(
        source_dir=os.path.dirname(place) if packed and read is not None else place,
        files=trees[read.key].files if read is not None else (),
        entry_script=code.get("entry_script") or "",
        command=code.get("command") or "",
        args=tuple(code.get("args") or ()),
        requirements=code.get("requirements") or "",
        archive=place.rpartition("/")[2] if packed else "",
    )


def _channel(item: Input, known: Object, folder: str) -> Channel:
    source = item.source
    if is_local(source):
        place = absolute(folder, source)
    elif isinstance(source, str):
        place = source
    elif "s3_data_source" in source:
        place = source["s3_data_source"]["s3_uri"]
    else:
        system = source["file_system_data_source"]
        place = f"{system['file_system_type'].lower()}://{system['file_system_id']}{system['directory_path']}"
    mode = item.settings.get("input_mode") or known.get("training_input_mode") or "File"
    return Channel(item.name, place, item.settings.get("content_type", ""), mode)


def _sensitive_names(planned: Object) -> frozenset[str]:
    whole = planned.get("hyperparameters")
    names = mapping(planned, "hyperparameters")
    return frozenset(name for name, value in names.items() if not isinstance(whole, dict) or has_sensitive(value))


def _checkpoint_key(planned: Object, trees: Mapping[str, Tree], folder: str, run: RunName) -> str:
    """Retries of one definition resume from what the first had saved; a changed definition starts clean (S3.13)."""
    seal = sealer(hashlib.sha256(run.lineage.encode()).hexdigest())
    definition = digest(components(planned, trees, folder, {}, seal) or {})
    return hashlib.sha256(f"{run.address}\n{definition}".encode()).hexdigest()[:16]
