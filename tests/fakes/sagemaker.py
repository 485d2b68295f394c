"""SageMaker's side of a training job: its request carried out on this machine, an instance being a container.

Written after the service's documentation, not after planform: what is in `/opt/ml/input/config`, where channels are,
what is kept at the end, and what ends a job.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
import time
from pathlib import Path
from typing import Any, NamedTuple

GRACE = 10.0  # seconds between SIGTERM and SIGKILL; 120 with SageMaker


class Ended(NamedTuple):
    """How a job went. Its folder has `logs/algo-N.log`, and what it left in `model/model.tar.gz` and `output`."""

    status: str  # Completed, Failed or Stopped
    reason: str
    exit_codes: dict[str, int]


def carry_out(client: Any, s3: Any, request: dict[str, Any], folder: Path) -> Ended:
    """Run a training job and keep what it leaves. `client` is of Docker, `s3` of boto3."""
    hosts = [host for group in groups_of(request) for host in group["hosts"]]
    network = client.networks.create(f"sagemaker-{request['TrainingJobName']}")
    instances = {}
    try:
        for host in hosts:
            base = folder / "nodes" / host
            lay_out(s3, request, host, hosts, base)
            instances[host] = _created(client, request, host, base, network.name)
        for instance in instances.values():
            instance.start()
        first, stopped = _watched(instances, request["StoppingCondition"]["MaxRuntimeInSeconds"])
        codes = {host: instance.wait()["StatusCode"] for host, instance in instances.items()}
        _keep(instances, folder, failed=first)
    finally:
        for instance in instances.values():
            instance.remove(force=True)
        network.remove()
    if first:
        failure = folder / "failure"
        said = failure.read_text() if failure.exists() else ""
        return Ended("Failed", f"AlgorithmError: {said}, exit code: {codes[first]}"[:1024], codes)
    return Ended(*(("Stopped", "MaxRuntimeExceeded") if stopped else ("Completed", "")), codes)


def groups_of(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups of instances with their hosts, numbered one after the other."""
    whole = request["ResourceConfig"]
    groups = whole.get("InstanceGroups") or [{"InstanceGroupName": "homogeneousCluster", **whole}]
    told, first = [], 1
    for group in groups:
        hosts = [f"algo-{number}" for number in range(first, first + group["InstanceCount"])]
        first += len(hosts)
        name, kind = group["InstanceGroupName"], group["InstanceType"]
        told.append({"instance_group_name": name, "instance_type": kind, "hosts": hosts})
    return told


def lay_out(s3: Any, request: dict[str, Any], host: str, hosts: list[str], base: Path) -> None:
    """What an instance finds in /opt/ml."""
    for place in ("input/config", "model", "output/data", "output/tensorboard"):
        (base / place).mkdir(parents=True)
    channels = {}
    for channel in request["InputDataConfig"]:
        source = channel["DataSource"]["S3DataSource"]
        assert source["S3DataType"] == "S3Prefix"
        _fetch(s3, source["S3Uri"], base / "input" / "data" / channel["ChannelName"])
        channels[channel["ChannelName"]] = {
            "TrainingInputMode": channel.get("InputMode", request["AlgorithmSpecification"]["TrainingInputMode"]),
            "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        }
    groups = groups_of(request)
    (mine,) = [group for group in groups if host in group["hosts"]]
    resources = {
        "current_host": host,
        "current_instance_type": mine["instance_type"],
        "current_group_name": mine["instance_group_name"],
        "hosts": hosts,
        "instance_groups": groups,
        "network_interface_name": "eth0",
    }
    for name, content in (
        ("hyperparameters", request.get("HyperParameters", {})),
        ("resourceconfig", resources),
        ("inputdataconfig", channels),
    ):
        (base / "input" / "config" / f"{name}.json").write_text(json.dumps(content))


def _fetch(s3: Any, uri: str, folder: Path) -> None:
    """What a prefix of S3 holds; a key that is the prefix itself by its last name."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
        name = item["Key"].removeprefix(prefix).lstrip("/") or prefix.rpartition("/")[2]
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())


def _created(client: Any, request: dict[str, Any], host: str, base: Path, network: str) -> Any:
    algorithm = request["AlgorithmSpecification"]
    mounts = {os.fspath(base): {"bind": "/opt/ml", "mode": "rw"}}
    if "CheckpointConfig" in request:
        kept = base.parents[2] / "checkpoints" / re.sub(r"\W", "_", request["CheckpointConfig"]["S3Uri"])
        kept.mkdir(parents=True, exist_ok=True)
        mounts[os.fspath(kept)] = {"bind": request["CheckpointConfig"]["LocalPath"], "mode": "rw"}
    return client.containers.create(
        algorithm["TrainingImage"],
        algorithm["ContainerArguments"],
        entrypoint=algorithm["ContainerEntrypoint"],
        environment={**request.get("Environment", {}), "TRAINING_JOB_NAME": request["TrainingJobName"]},
        hostname=host,
        volumes=mounts,
        user=f"{os.getuid()}:{os.getgid()}",
        network=network,
        networking_config={network: client.api.create_endpoint_config(aliases=[host])},
    )


def _watched(instances: dict[str, Any], seconds: float) -> tuple[str, bool]:
    """Wait for all instances: which failed first, and whether time ran out. Either ends the others."""
    end = time.monotonic() + seconds
    while True:
        for host, instance in instances.items():
            instance.reload()
            if instance.status == "exited" and instance.attrs["State"]["ExitCode"]:
                _stop(instances)
                return host, False
        if all(instance.status == "exited" for instance in instances.values()):
            return "", False
        if time.monotonic() > end:
            _stop(instances)
            return "", True
        time.sleep(0.1)


def _stop(instances: dict[str, Any]) -> None:
    for instance in instances.values():
        instance.reload()
        if instance.status != "exited":
            instance.kill("SIGTERM")
    end = time.monotonic() + GRACE
    for instance in instances.values():
        while instance.status != "exited":
            instance.reload()
            if time.monotonic() > end and instance.status != "exited":
                instance.kill("SIGKILL")
            time.sleep(0.05)


def _keep(instances: dict[str, Any], folder: Path, failed: str) -> None:
    for place in ("logs", "output", "model"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for host, instance in instances.items():
        (folder / "logs" / f"{host}.log").write_bytes(instance.logs())
        base = folder / "nodes" / host
        shutil.copytree(base / "output" / "data", folder / "output", dirs_exist_ok=True)
        if host == failed and (base / "output" / "failure").exists():
            shutil.copy(base / "output" / "failure", folder / "failure")
    if not failed:
        with tarfile.open(folder / "model" / "model.tar.gz", "w:gz") as archive:
            for host in instances:
                for path in sorted((folder / "nodes" / host / "model").iterdir()):
                    archive.add(path, path.name)
