"""One container of a run, as a process: it is there as long as the container is.

Started by a supervisor as `python -m planform.providers.local.container`, with the container in PLANFORM_CONTAINER. Its
output is the container's, its exit code too; SIGTERM is passed on. However it ends, also by `kill -9`, a second process
takes the container and its network away; what is left after a power failure is found by its labels (`sweep`).
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = "planform.root"
NETWORK_SECONDS = 60.0


def root_label(root: Path) -> str:
    """Which project a container belongs to."""
    return hashlib.sha256(os.fspath(root).encode()).hexdigest()[:16]


def sweep(client: Any, root: Path) -> None:
    """Take away containers and networks of this project whose runs nobody looks after."""
    from docker.errors import APIError

    from planform.providers.local.files import HOME, held

    label = f"{ROOT}={root_label(root)}"
    alive = {place.parent.name.rpartition("-")[2] for place in (root / HOME / "runs").glob("*/*/lock") if held(place)}
    for container in client.containers.list(all=True, filters={"label": label}, ignore_removed=True):
        if container.labels.get("planform.run") not in alive:
            with suppress(APIError):
                container.remove(force=True, v=True)
    for network in client.networks.list(filters={"label": label}):
        if (network.attrs.get("Labels") or {}).get("planform.run") not in alive:
            with suppress(APIError):
                network.remove()


def main() -> int:
    job = json.loads(os.environ.pop("PLANFORM_CONTAINER"))
    base = Path(job["base"])
    _reaper(job)
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=28 * 24 * 3600)  # a job may be silent for days
        network = _network(client, job)
        container = _create(client, job, network)
        asked: list[int] = []

        def forward(number: int, _: object) -> None:
            asked.append(number)
            with suppress(DockerException):
                container.kill(signal="SIGTERM")

        signal.signal(signal.SIGTERM, forward)
        signal.signal(signal.SIGINT, forward)
        container.start()
        if asked:  # before there was anything to ask
            with suppress(DockerException):
                container.kill(signal="SIGTERM")
        for chunk in container.logs(stream=True, follow=True):
            _write(chunk)
        ended = container.wait()
        container.reload()
        if container.attrs["State"].get("OOMKilled"):
            _fail(base, f"The container of {job['host']} was killed: it used more memory than it may (docker.memory).")
        _tidy(client, job)
        return int(ended["StatusCode"])
    except (DockerException, OSError) as error:
        told = str(getattr(error, "explanation", None) or error)
        _fail(base, f"The container of {job['host']} could not be run: {told}")
        (base / "not-started").touch()
        print(f"planform: {told}", file=sys.stderr, flush=True)
        return 125


def _create(client: Any, job: Mapping[str, Any], network: str) -> Any:
    from docker.types import DeviceRequest

    extra: dict[str, Any] = {}
    if job.get("gpus"):
        count = -1 if job["gpus"] == "all" else int(job["gpus"])
        extra["device_requests"] = [DeviceRequest(count=count, capabilities=[["gpu"]])]
    if job.get("cpus"):
        extra["nano_cpus"] = int(float(job["cpus"]) * 1e9)
    if job.get("memory"):
        extra["mem_limit"] = job["memory"]
    if job["command"]:
        extra["entrypoint"], command = job["command"], []
    else:
        command = ["train"]  # as SageMaker starts an image that runs what it was built to run
    endpoint = client.api.create_endpoint_config(aliases=[job["host"]])
    return client.containers.create(
        job["image"],
        command,
        name=job["name"],
        hostname=job["host"],
        labels=job["labels"],
        environment=job["environment"],
        volumes=job["binds"],
        user=job["user"],
        shm_size=job["shm_size"],
        network=network,
        networking_config={network: endpoint},
        init=True,
        **extra,
    )


def _network(client: Any, job: Mapping[str, Any]) -> str:
    """The network of the run: the first host makes it, the others wait for it."""
    name = str(job["network"])
    if not job["own_network"]:
        return name
    if job["host"] == "algo-1":
        client.networks.create(name, driver="bridge", labels=job["labels"], check_duplicate=True)
        return name
    end = time.monotonic() + NETWORK_SECONDS
    while not client.networks.list(names=[name]):
        if time.monotonic() > end:
            raise OSError(f"the network {name} was not made within {NETWORK_SECONDS:.0f} seconds")
        time.sleep(0.05)
    return name


def _reaper(job: Mapping[str, Any]) -> None:
    """A process of its own session that lives as long as this one, and then tidies up."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(reading)
        os.set_inheritable(writing, False)
        return
    try:
        os.close(writing)
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # nobody may wait for the end of our output
            os.dup2(nothing, stream)
        os.read(reading, 1)
        import docker

        _tidy(docker.from_env(timeout=60), job)
    finally:
        os._exit(0)


def _tidy(client: Any, job: Mapping[str, Any]) -> None:
    """Take the container away, and the network when no other is in it."""
    from docker.errors import DockerException

    with suppress(DockerException):
        client.containers.get(job["name"]).remove(force=True, v=True)
    if job["own_network"]:
        for network in client.networks.list(names=[job["network"]]):
            with suppress(DockerException):  # others are still in it; the last takes it away
                network.remove()


def _write(chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(1, chunk) :]


def _fail(base: Path, text: str) -> None:
    place = base / "output" / "failure"
    with suppress(OSError):
        if not place.exists() or not place.stat().st_size:
            place.write_text(text + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
