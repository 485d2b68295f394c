"""The executor `docker`: each node of a run is a container, as on SageMaker, by the Engine's own API.

A node's command is a small process (`container.py`) that makes its container, passes its output and signals on, and
takes it away; so the supervisor, the queue and the run folders are those of plain processes.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planform.core.errors import PlanformError, ProviderError
from planform.core.executor import JobSpec, Tell, silent
from planform.core.schemas import Misfit
from planform.core.values import Object, reveal
from planform.providers.local import runs as local_runs
from planform.providers.local.container import ROOT, SHARED_NETWORKS, cause, root_label, sweep
from planform.providers.local.executor import LayOut, LocalExecutor, data_elsewhere, inherited, node_environment, plain
from planform.resources import treatment
from planform.training.definition import mapping
from planform.training.images import known_uri
from planform.training.layout import ENTRYPOINT, START

TELL_SECONDS = 0.5  # how often it is told how far a pull is
ECR = re.compile(r"(\d+)\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?/")
Login = Callable[[str], tuple[str, str]]  # an image in ECR -> user and password


@dataclass(frozen=True, slots=True)
class DockerExecutor(LocalExecutor):
    """Runs of this machine in containers of its Docker Engine."""

    region: str = ""  # of images by framework and version
    settings: Object = field(default_factory=dict)  # provider.local.docker: defaults of the trainers' own
    login: Login | None = None

    @property
    def name(self) -> str:
        return "docker"

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        from planform.resources.trainer import SCHEMA
        from planform.training.images import misfits as image_misfits

        misfits, notes = treatment(SCHEMA, self.name, desired)
        elsewhere, unused = data_elsewhere(desired, self.name)
        image = plain(desired.get("training_image"))
        if isinstance(image, dict):
            kind = plain(plain(desired.get("compute") or {}).get("instance_type")) or "local_cpu"
            found = image_misfits(image, self.region, kind)
            misfits += [misfit._replace(path=("training_image", *misfit.path)) for misfit in found]
        compute, settings = plain(desired.get("compute") or {}), plain(desired.get("docker") or {})
        if isinstance(compute, dict) and isinstance(settings, dict):
            network = plain(settings.get("network") or self.settings.get("network"))
            nodes = plain(compute.get("instance_count"))
            if network in SHARED_NETWORKS and isinstance(nodes, int | float) and nodes > 1:
                why = f'On the network "{network}" the hosts of a job cannot find each other by name.'
                misfits.append(Misfit(("docker", "network"), why, suggestion="Leave it out: each run makes its own."))
        return misfits + elsewhere, notes + unused

    def ready(self, spec: JobSpec, tell: Tell = silent) -> tuple[LayOut, Sequence[str]]:
        environment, secrets = node_environment(spec, inherit=False)
        image = self._image(spec)
        settings = {**self.settings, **{k: v for k, v in (spec.extra.get("docker") or {}).items() if v is not None}}

        # An image or a data set may take an hour to come.
        client = connected()
        sweep(client, self.root)
        ready(client, image, str(settings.get("pull") or "missing"), self.login, tell)
        here = self.fetched(spec, tell)
        user = inside(client.info(), f"{os.getuid()}:{os.getgid()}")

        def lay_out(folder: Path, job: JobSpec) -> list[local_runs.NodeCommand]:
            return list(self._nodes(folder, here(job), image, environment, {**settings, "user": user}))

        return lay_out, secrets

    def resume(self) -> None:
        try:
            sweep(connected(), self.root)
        except PlanformError:
            return  # no engine, no leftovers that run
        LocalExecutor.resume(self)

    def image(self, desired: Object) -> str:
        return known_uri(reveal(desired.get("training_image")), self.region, mapping(desired, "compute"))

    def _image(self, spec: JobSpec) -> str:
        image = spec.extra.get("training_image")
        if not isinstance(image, dict):
            return spec.image
        from planform.training.images import image_uri

        return image_uri(image, self.region, spec.instance_type)

    def _nodes(
        self, folder: Path, spec: JobSpec, image: str, environment: Mapping[str, str], settings: Object
    ) -> Iterator[local_runs.NodeCommand]:
        from planform.training.layout import lay_out

        hosts = [f"algo-{index}" for index in range(1, spec.instance_count + 1)]
        # A copy of this folder has runs of the same ids.
        name = f"planform-{spec.run_id}-{root_label(self.root)[:6]}"
        for host in hosts:
            base = folder / "nodes" / host
            base.mkdir(parents=True)
            lay_out(base, spec, host, hosts, "eth0", "mount")
            (base / "checkpoints").mkdir()
            (base / "output" / "tensorboard").mkdir()
            container = {
                "image": image,
                "name": f"{name}-{host}",
                "network": settings.get("network") or name,
                "own_network": not settings.get("network"),
                "host": host,
                "hosts": len(hosts),
                "labels": {ROOT: root_label(self.root), "planform.run": spec.run_id, "planform.address": spec.address},
                "environment": {"HOME": "/tmp", **environment, **_told(spec)},
                "command": [*ENTRYPOINT, START] if spec.source_code is not None else [],
                "mounts": list(_mounts(base, spec, self.checkpoints(folder, spec.checkpoint_key))),
                "user": settings["user"],
                "shm_size": settings.get("shm_size") or "1g",
                "memory": settings.get("memory"),
                "cpus": settings.get("cpus"),
                "gpus": settings.get("gpus"),
                "base": os.fspath(base),
            }
            told = {**inherited(), "PLANFORM_CONTAINER": json.dumps(container)}
            yield local_runs.NodeCommand(host, (sys.executable, "-P", "-m", "planform.providers.local.container"), told)


def registry_digest(image: str) -> str:
    """The digest that the registry of an image, or Docker Hub, has for its tag now.

    Raises:
        ProviderError: there is no engine, or the registry does not tell.
    """
    from docker.errors import DockerException

    try:
        return str(connected().images.get_registry_data(image).id)
    except DockerException as error:
        raise ProviderError(f"{image} could not be looked up: {error}.") from None


def connected() -> Any:
    """A client of the Engine.

    Raises:
        ProviderError: there is none, or it does not answer.
    """
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except (DockerException, OSError) as error:
        where = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        raise ProviderError(
            f"Docker does not answer at {where}: {cause(error)}.",
            suggestion="Start it (systemctl start docker, or Docker Desktop), or use executor: process.",
        ) from None
    return client


def ready(client: Any, image: str, pull: str, login: Login | None, tell: Tell) -> None:
    """Have the image here, pulled as the policy says: always, missing or never.

    Raises:
        ProviderError: it is not to be had.
    """
    from docker.errors import APIError, DockerException, ImageNotFound

    if pull != "always":
        try:
            client.images.get(image)
            return
        except ImageNotFound:
            if pull == "never":
                raise ProviderError(
                    f"The image {image} is not on this machine, and docker.pull is never.",
                    suggestion=f"docker pull {image}",
                ) from None
    credentials = None
    if login is not None and ECR.match(image):
        user, password = login(image)
        credentials = {"username": user, "password": password}
    try:
        pulled(client, image, credentials, tell)
    except (APIError, DockerException) as error:
        raise ProviderError(
            f"The image {image} cannot be pulled: {cause(error)}.",
            suggestion="Check its name and your right to it; an image built here needs docker: {pull: never}.",
        ) from None


def pulled(client: Any, image: str, credentials: Mapping[str, str] | None, tell: Tell) -> None:
    """Pull an image, telling how far that is.

    Raises:
        DockerException: it cannot be had.
    """
    from docker.errors import DockerException
    from docker.utils import parse_repository_tag

    repository, tag = parse_repository_tag(image)
    layers: dict[str, tuple[int, int]] = {}  # bytes that are here, bytes in all
    tell(f"pulling {image}")
    told = time.monotonic()
    for event in client.api.pull(repository, tag or "latest", auth_config=credentials, stream=True, decode=True):
        if "error" in event:
            raise DockerException(event["error"])
        detail = event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and detail.get("total"):
            layers[event["id"]] = (detail["current"], detail["total"])
        elif event.get("status") == "Download complete" and event.get("id") in layers:
            layers[event["id"]] = (layers[event["id"]][1],) * 2
        if layers and time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            here, whole = (sum(column) / 1e6 for column in zip(*layers.values(), strict=True))
            tell(f"pulling {image}: {here:.0f} of {whole:.0f} MB")


def _told(spec: JobSpec) -> dict[str, str]:
    return {"TRAINING_JOB_NAME": spec.job_name, "PYTHONUNBUFFERED": "1"}


def inside(engine: Mapping[str, Any], user: str) -> str:
    """Who a user of this machine is in a container: an Engine that runs without root calls its user root."""
    rootless = any("name=rootless" in option for option in engine.get("SecurityOptions") or ())
    return "0:0" if rootless else user


def _mounts(base: Path, spec: JobSpec, checkpoints: Path) -> Iterator[dict[str, Any]]:
    """What is mounted where: the job's folder, in it code and data read-only, and where scripts keep what they made."""

    def mount(source: Path, target: str, read_only: bool = False) -> dict[str, Any]:
        return {"source": os.fspath(source), "target": target, "read_only": read_only}

    yield mount(base, "/opt/ml")
    yield mount(base / "input", "/opt/ml/input", read_only=True)
    for channel in spec.channels:
        source = Path(channel.source).resolve()
        name = "" if source.is_dir() else f"/{Path(channel.source).name}"
        yield mount(source, f"/opt/ml/input/data/{channel.name}{name}", read_only=True)
    place = (spec.extra.get("checkpoint") or {}).get("local_path") or "/opt/ml/checkpoints"
    yield mount(checkpoints.resolve(), place)
    boards = (spec.extra.get("tensorboard") or {}).get("local_path")
    if boards and boards != "/opt/ml/output/tensorboard":
        yield mount(base / "output" / "tensorboard", boards)
