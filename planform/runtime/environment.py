"""The SM_* variables: what a training script is told of its job."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
from typing import Any, Mapping

CGROUP = "/sys/fs/cgroup"
CPU_LIMITS = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))  # of version 2, of version 1


def read_json(path: str, default: Any) -> Any:
    """The content of a JSON file; `default` when the file is not there."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return default


def environment(
    base: str,
    resources: Mapping[str, Any],
    channels: Mapping[str, Any],
    hyperparameters: Mapping[str, Any],
    source: Mapping[str, Any],
    outer: Mapping[str, str],
) -> dict[str, str]:
    """Every variable for one host. `hyperparameters` are decoded; `outer` is the environment this process was given."""
    hosts = sorted(resources.get("hosts") or ["algo-1"], key=_by_number)
    host = resources.get("current_host", hosts[0])
    folders = {
        "input_dir": os.path.join(base, "input"),
        "input_data_dir": os.path.join(base, "input", "data"),
        "input_config_dir": os.path.join(base, "input", "config"),
        "model_dir": os.path.join(base, "model"),
        "output_dir": os.path.join(base, "output"),
        "output_data_dir": os.path.join(base, "output", "data"),
    }
    level = outer.get("SM_LOG_LEVEL") or "20"
    channel_dirs = {name: os.path.join(folders["input_data_dir"], name) for name in channels}
    facts = {
        **folders,
        "channel_input_dirs": channel_dirs,
        "current_host": host,
        "current_instance_type": resources.get("current_instance_type", ""),
        "hosts": hosts,
        "hyperparameters": hyperparameters,
        "input_data_config": channels,
        "job_name": outer.get("TRAINING_JOB_NAME", ""),
        "log_level": int(level) if level.isdigit() else level,
        "master_addr": outer.get("PLANFORM_MASTER_ADDR") or hosts[0],
        "master_port": int(outer.get("PLANFORM_MASTER_PORT") or 7777),
        "network_interface_name": resources.get("network_interface_name", ""),
        "num_cpus": cpus(),
        "num_gpus": gpus(),
        "num_neurons": neurons(),
        "resource_config": resources,
    }
    told = (
        *folders,
        "current_host",
        "current_instance_type",
        "hosts",
        "input_data_config",
        "log_level",
        "master_addr",
        "master_port",
        "network_interface_name",
        "num_cpus",
        "num_gpus",
        "num_neurons",
        "resource_config",
    )
    variables = {f"SM_{name.upper()}": facts[name] for name in told}
    variables.update(
        SM_OUTPUT_FAILURE=os.path.join(folders["output_dir"], "failure"),
        SM_HOST_COUNT=len(hosts),
        SM_CURRENT_HOST_RANK=hosts.index(host) if host in hosts else 0,
        SM_CHANNELS=list(channels),
        SM_HPS=hyperparameters,
        SM_TRAINING_ENV=facts,
        PYTHONUNBUFFERED="1",
    )
    if "code" in channels:
        variables["SM_SOURCE_DIR"] = channel_dirs["code"]
    if source.get("entry_script"):
        variables["SM_ENTRY_SCRIPT"] = source["entry_script"]
    for name, folder in channel_dirs.items():
        variables["SM_CHANNEL_" + _identifier(name)] = folder
    for name, value in hyperparameters.items():
        variables["SM_HP_" + _identifier(name)] = value
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}


def cpus() -> int:
    """Processors this process may use: fewer than the machine has, where a container or a mask limits it."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for names in CPU_LIMITS:
        words: list[str] = []
        try:
            for name in names:
                with open(os.path.join(CGROUP, name), encoding="ascii") as file:
                    words += file.read().split()
            quota, period = map(int, words)
        except (OSError, ValueError):  # there is no such file, or it says "max"
            continue
        if quota > 0:
            return max(1, min(count, math.ceil(quota / period)))
    return count


def gpus() -> int:
    return len(_answer("nvidia-smi", "--list-gpus").splitlines())


def neurons() -> int:
    try:
        return sum(int(device["nc_count"]) for device in json.loads(_answer("neuron-ls", "-j") or "[]"))
    except (ValueError, KeyError, TypeError):
        return 0


def _answer(program: str, *arguments: str) -> str:
    """What a program prints; nothing when it is not there or fails."""
    path = shutil.which(program)
    if path is None:
        return ""
    try:
        command = [path, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")


def _by_number(host: str) -> tuple[str, int, str]:
    """algo-2 before algo-10."""
    match = re.match(r"(.*?)(\d*)$", host)
    assert match is not None
    return match.group(1), int(match.group(2) or 0), host


def _identifier(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())
