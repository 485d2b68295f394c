"""The folder a job finds at /opt/ml: its input as SageMaker lays it out, and the places for what it makes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from planform.core.errors import ProviderError
from planform.core.executor import Channel, JobSpec, SourceCode
from planform.core.hyperparameters import wire_text
from planform.core.values import Value
from planform.training.definition import is_local

# How the program of a job is started where it has a container of its own: by whichever Python the image has.
ENTRYPOINT = ("/bin/sh", "-c")
START = (
    "python=$(command -v python3 || command -v python) || "
    "{ echo 'The image has no python3 to run source_code with.' >/opt/ml/output/failure; exit 127; }; "
    'exec "$python" -u /opt/ml/input/data/sm_drivers/train.py'
)

Data: TypeAlias = Literal["link", "copy", "mount"]


def lay_out(base: Path, spec: JobSpec, host: str, hosts: Sequence[str], interface: str, data: Data) -> None:
    """Make `base` ready for one host of a job. The data of channels is linked, copied, or only given empty folders that
    it is to be mounted at.

    What an interrupted launch left under `input` is replaced.

    Raises:
        ProviderError: data is not on this machine, or a file cannot be read or written.
    """
    for channel in spec.channels:
        if not is_local(channel.source):
            raise ProviderError(
                f"input_data.{channel.name}: {channel.source} is not on this machine.",
                suggestion="Download it and name the local path, or run the trainer on AWS.",
            )
    if spec.source_code is not None and not is_local(spec.source_code.source_dir):
        raise ProviderError(f"source_code: {spec.source_code.source_dir} is not on this machine.")
    try:
        shutil.rmtree(base / "input", ignore_errors=True)
        for folder in ("input/config", "input/data/sm_drivers", "model", "output/data"):
            (base / folder).mkdir(parents=True, exist_ok=True)
        for name, content in _config(spec, host, hosts, interface):
            _write_private(base / "input" / "config" / f"{name}.json", content)
        for channel in spec.channels:
            _place_data(base / "input" / "data" / channel.name, Path(channel.source), data)
        if spec.source_code is not None:
            _copy_code(base / "input" / "data" / "code", spec.source_code)
        _place_runtime(base / "input" / "data" / "sm_drivers", spec)
    except OSError as error:
        raise ProviderError(
            f"{error.filename or base}: {error.strerror}.", f"{spec.address} could not be launched."
        ) from error


def runtime_folder() -> Path:
    """Where the files lie that run beside user code; `train.py` among them starts a job."""
    return Path(__file__).parent.parent / "runtime"


def _config(spec: JobSpec, host: str, hosts: Sequence[str], interface: str) -> Iterator[tuple[str, Value]]:
    yield "hyperparameters", {name: wire_text(value) for name, value in spec.hyperparameters.items()}
    yield (
        "resourceconfig",
        {
            "current_host": host,
            "hosts": list(hosts),
            "network_interface_name": interface,
            "current_instance_type": spec.instance_type,
        },
    )
    code = [Channel("code", "")] if spec.source_code is not None and spec.source_code.source_dir else []
    channels = (*spec.channels, *code, Channel("sm_drivers", ""))
    yield "inputdataconfig", {channel.name: _channel_config(channel) for channel in channels}


def _channel_config(channel: Channel) -> dict[str, str]:
    config = {"TrainingInputMode": channel.input_mode}
    return {**config, "ContentType": channel.content_type} if channel.content_type else config


def _place_data(target: Path, source: Path, data: Data) -> None:
    if data == "mount":
        target.mkdir()
        if not source.is_dir():
            (target / source.name).touch()
        return
    if source.is_dir():
        if data == "link":
            target.symlink_to(source, target_is_directory=True)
        else:
            shutil.copytree(source, target)
        return
    target.mkdir()
    if data == "link":
        (target / source.name).symlink_to(source.resolve(strict=True))
    else:
        shutil.copy(source, target)


def _copy_code(target: Path, code: SourceCode) -> None:
    for name in code.files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(code.source_dir, name), target / name)  # content and mode


def drivers(spec: JobSpec) -> dict[str, bytes]:
    """The channel `sm_drivers`: what runs beside user code, what it is told of the job, and a driver of one's own.

    Raises:
        OSError: a file of that driver cannot be read.
    """
    files = {path.name: path.read_bytes() for path in sorted(runtime_folder().glob("*.py"))}
    code = spec.source_code
    source: dict[str, Value] = {}
    if code is not None:
        source = {
            "entry_script": code.entry_script,
            "command": code.command,
            "args": list(code.args),
            "requirements": code.requirements,
            "archive": code.archive,
            # S3 keeps no modes: the runtime gives them back.
            "executable": [name for name in code.files if os.access(os.path.join(code.source_dir, name), os.X_OK)],
        }
    files["sourcecode.json"] = json.dumps(source).encode()
    files["distributed.json"] = json.dumps(spec.distributed or {}).encode()
    references = {name: item for name, item in (spec.extra.get("secrets") or {}).items() if "env" not in item}
    if references:
        files["secrets.json"] = json.dumps(references).encode()
    for name in spec.driver_files:
        files[f"distributed_drivers/{name}"] = Path(spec.driver_dir, name).read_bytes()
    return files


def _place_runtime(target: Path, spec: JobSpec) -> None:
    for name, content in drivers(spec).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        _write_bytes(target / name, content)


def _write_private(path: Path, content: Value) -> None:
    _write_bytes(path, json.dumps(content).encode())


def _write_bytes(path: Path, content: bytes) -> None:
    """Hyperparameters, arguments and settings may be secret."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
