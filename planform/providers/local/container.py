"""One container of a run, as a process: it is there as long as the container is.

Started by a supervisor as `python -m planform.providers.local.container`, with the container in PLANFORM_CONTAINER. Its
output is the container's, its exit code too; SIGTERM is passed on. However it ends, also by `kill -9`, a second process
takes the container and its network away; what is left after a power failure is found by its labels (`sweep`). The two
hold the lock of the node, by which the run knows when the container is gone.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import select
import signal
import sys
import tarfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from planform.providers.local.files import HOME, held, hold, node_lock, wait_until_free

ROOT = "planform.root"
SHARED_NETWORKS = ("bridge", "host", "none")  # the Engine's own: without names for hosts
NETWORK_SECONDS = 60.0


def cause(error: BaseException) -> str:
    """The last sentence of an error of Docker's, without the layers around it."""
    told = str(getattr(error, "explanation", None) or error)
    if "could not select device driver" in told:
        return "the Engine has no GPUs to give; install the NVIDIA Container Toolkit, or leave out docker.gpus"
    found = re.findall(r"(?:\(\d+, ')?([^'()]*?(?:No such file or directory|refused|denied)[^'()]*)", told)
    return (found[-1] if found else told).strip().rstrip(".")


def root_label(root: Path) -> str:
    """Which project a container belongs to."""
    return hashlib.sha256(os.fspath(root).encode()).hexdigest()[:16]


def sweep(client: Any, root: Path) -> None:
    """Take away containers and networks of this project whose runs nobody looks after."""
    from docker.errors import APIError

    label = f"{ROOT}={root_label(root)}"
    containers = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    networks = client.networks.list(filters={"label": label})
    # Looked at last: what belongs to a run that has begun meanwhile is not on the lists.
    alive = {place.parent.name.rpartition("-")[2] for place in (root / HOME / "runs").glob("*/*/lock") if held(place)}
    for container in containers:
        if container.labels.get("planform.run") not in alive:
            with suppress(APIError):
                container.remove(force=True, v=True)
    for network in networks:
        if (network.attrs.get("Labels") or {}).get("planform.run") not in alive:
            with suppress(APIError):
                network.remove()


def main() -> int:
    job = json.loads(os.environ.pop("PLANFORM_CONTAINER"))
    base = Path(job["base"])
    tidied = _reaper(job)
    threading.Thread(target=_end_with_the_supervisor, daemon=True).start()
    import docker
    from docker.errors import DockerException

    trouble = f"The container of {job['host']} could not be run"
    try:
        client = docker.from_env(timeout=28 * 24 * 3600)  # a job may be silent for days
        network = _network(client, job)
        container = _create(client, job, network)
        _name_user(container, job["user"])
        asked: list[int] = []

        def forward(number: int, _: object) -> None:
            asked.append(number)
            with suppress(DockerException):
                container.kill(signal="SIGTERM")

        signal.signal(signal.SIGTERM, forward)
        signal.signal(signal.SIGINT, forward)
        container.start()
        trouble = f"Docker answers no more about the container of {job['host']}"
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
        os.write(tidied, b"x")
        return int(ended["StatusCode"])
    except (DockerException, OSError) as error:
        told = cause(error)
        _fail(base, f"{trouble}: {told}.")
        (base / "not-started").touch()
        print(f"planform: {told}", file=sys.stderr, flush=True)
        return 125


def _create(client: Any, job: Mapping[str, Any], network: str) -> Any:
    from docker.types import DeviceRequest, Mount

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
    if network in SHARED_NETWORKS:
        extra["network_mode"] = network
    else:
        endpoint = client.api.create_endpoint_config(aliases=[job["host"]])
        extra |= {"network": network, "networking_config": {network: endpoint}}
    return client.containers.create(
        job["image"],
        command,
        name=job["name"],
        hostname=job["host"],
        labels=job["labels"],
        environment=job["environment"],
        mounts=[Mount(type="bind", **mount) for mount in job["mounts"]],
        user=job["user"],
        shm_size=job["shm_size"],
        init=True,
        **extra,
    )


def _name_user(container: Any, user: str) -> None:
    """Give the user a name inside: many a program ends when who runs it has none (MPI, ssh, getpass.getuser)."""
    from docker.errors import NotFound

    uid, _, gid = user.partition(":")
    if uid == "0":
        return  # root has one in any image
    try:
        chunks, _ = container.get_archive("/etc/passwd")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            (member,) = archive.getmembers()
            known = (archive.extractfile(member) or io.BytesIO()).read()
    except NotFound:
        known = b""
    if any(line.split(b":")[2:3] == [uid.encode()] for line in known.splitlines()):
        return
    text = known.rstrip() + f"\nplanform:x:{uid}:{gid}::/tmp:/bin/sh\n".encode()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        entry = tarfile.TarInfo("passwd")
        entry.size, entry.mode = len(text), 0o644
        archive.addfile(entry, io.BytesIO(text))
    container.put_archive("/etc", content.getvalue())


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


def _end_with_the_supervisor() -> None:
    """End when nobody reads our output any more: the supervisor is gone, and so is the run."""
    reader = select.poll()
    reader.register(1, 0)  # errors are told unasked
    reader.poll()
    os._exit(1)


def _reaper(job: Mapping[str, Any]) -> int:
    """A process of its own session that lives as long as this one, and then tidies up. A byte on the descriptor that is
    returned tells it that this is done."""
    reading, writing = os.pipe()
    lock = hold(node_lock(Path(job["base"])))
    if os.fork():
        os.close(reading)
        return writing
    try:
        os.close(writing)
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # nobody may wait for the end of our output
            os.dup2(nothing, stream)
        import docker

        if not os.read(reading, 1):
            _tidy(docker.from_env(timeout=60), job)
        os.close(lock)
        if job["host"] == "algo-1" and job["hosts"] > 1:  # it made the network; hosts that never came leave it behind
            wait_until_free(Path(job["base"]).parent.parent / "lock")
            _remove_network(docker.from_env(timeout=60), job)
    finally:
        os._exit(0)


def _tidy(client: Any, job: Mapping[str, Any]) -> None:
    """Take the container away, and after the last one of the run its network."""
    from docker.errors import DockerException

    with suppress(DockerException):
        client.containers.get(job["name"]).remove(force=True, v=True)
    base = Path(job["base"])
    with suppress(OSError):  # the run has been cleared away already
        base.with_suffix(".over").touch()
    # Not earlier: a host may be so quick that it is over before another has come to the network.
    if len(list(base.parent.glob("*.over"))) in (0, job["hosts"]):
        _remove_network(client, job)


def _remove_network(client: Any, job: Mapping[str, Any]) -> None:
    from docker.errors import DockerException

    if job["own_network"]:
        with suppress(DockerException):
            for network in client.networks.list(names=[job["network"]]):
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
