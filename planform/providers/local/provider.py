"""The provider `local`: its settings, what it makes, and who runs its trainers."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.executor import Document, DocumentRead, Executor, Tell, Tree, TreeRead, silent
from planform.core.plan import Change
from planform.core.resource import DataSource, Handler, Provider, SelfContained
from planform.core.schemas import NUMBER, STRING, Attribute, Enum, Misfit, Nested, attributes
from planform.core.state import TUNING
from planform.core.tuning import definitions_of, is_tuning
from planform.core.values import Object
from planform.resources.training.blocks import GPUS, SIZE

if TYPE_CHECKING:
    from planform.providers.local.executor import LocalExecutor

Fetch = Callable[[str, Path, Tell], Path]
Login = Callable[[str], tuple[str, str]]
Lister = Callable[[TreeRead], Tree | list[Misfit]]
Models = Callable[[Sequence[DocumentRead]], Mapping[DocumentRead, Document | Misfit]]

SETTINGS: Mapping[str, Attribute] = attributes(
    executor=Attribute(
        Enum(("process", "docker")), "Who runs trainers that do not say it themselves.", default="process"
    ),
    max_instances=Attribute(
        NUMBER, "How many instances run at once outside of any service environment; by default one per CPU.", minimum=1
    ),
    stop_grace_in_seconds=Attribute(
        NUMBER, "How long a run that is stopped may take to end by itself.", default=10, minimum=0
    ),
    process=Attribute(
        Nested(
            attributes(
                python=Attribute(STRING, "Python that runs user code; by default the one running planform."),
                venv=Attribute(Enum(("auto",)), "auto: requirements go into a virtual environment made for them."),
            )
        ),
        "The executor `process`.",
    ),
    docker=Attribute(
        Nested(
            attributes(
                region=Attribute(STRING, "Region of images by framework and version; by default of the AWS settings."),
                shm_size=Attribute(STRING, "Size of /dev/shm, such as 2g.", default="1g", **SIZE),
                memory=Attribute(STRING, "Most memory of a node, such as 8g.", **SIZE),
                cpus=Attribute(NUMBER, "Most processors of a node.", minimum=0.01),
                gpus=Attribute(STRING, "all, or how many for each node.", **GPUS),
                network=Attribute(STRING, "A network that is there; by default each run has its own."),
                pull=Attribute(Enum(("always", "missing", "never")), "When images are pulled.", default="missing"),
            )
        ),
        "The executor `docker`; trainers may say otherwise in their own `docker`.",
    ),
)


@dataclass(frozen=True, slots=True)
class LocalProvider(SelfContained):
    """This machine, as seen from one root module."""

    root: Path
    workspace: str
    settings: Object
    fetch: Fetch | None = None
    login: Login | None = None
    models: Models | None = None
    lister: Lister | None = None
    name: str = "local"

    def coordinates(self) -> Mapping[str, str]:
        return {"host": host_id()}

    def handler(self, type_name: str, tell: Tell = silent) -> Handler | None:
        from planform.providers.local.job_queue import JobQueues
        from planform.providers.local.scheduling import policies, shares
        from planform.providers.local.service_environment import ServiceEnvironments

        match type_name:
            case "service_environment":
                return ServiceEnvironments(self.root)
            case "job_queue":
                return JobQueues(self.root)
            case "scheduling_policy":
                return policies(self.root)
            case "quota_share":
                return shares(self.root)
            case _:
                return None

    def data_source(self, type_name: str) -> DataSource | None:
        from planform.providers.local.definitions import Lookup

        handler = self.handler(type_name)
        return Lookup(type_name, handler) if handler is not None else None

    def documents(self, reads: Sequence[DocumentRead]) -> Mapping[DocumentRead, Document | Misfit]:
        return self.models(reads) if self.models is not None else {}

    def review(self, changes: Mapping[Address, Change]) -> list[tuple[Address, Misfit, Address]]:
        from planform.providers.local.capacity import too_wide
        from planform.resources.training.queues import kind_misfits

        objects = {address: change.after for address, change in changes.items() if change.after is not None}
        return [*too_wide(objects), *kind_misfits(objects)]

    def listing(self, read: TreeRead) -> Tree | list[Misfit]:
        return self.lister(read) if self.lister is not None else []

    def executor(self, desired: Object) -> Executor:
        named = str(desired.get("executor") or "")
        if named.endswith(TUNING) or is_tuning(desired):
            from planform.providers.local.tuning import TuningExecutor

            first = next((item.trainer for item in definitions_of(desired)), {})
            inner = self._executor({"executor": named.removesuffix(TUNING)} if named else first)
            return TuningExecutor(inner, self._usual())
        return self._executor(desired)

    def _usual(self) -> str:
        return str(self.settings.get("executor") or "process")

    def _executor(self, desired: Object) -> LocalExecutor:
        chosen = desired.get("executor") or self._usual()
        common = (
            self.root,
            host_id(),
            int(self.settings.get("max_instances") or os.cpu_count() or 1),
            float(self.settings.get("stop_grace_in_seconds", 10)),
            self.fetch,
        )
        if chosen == "process":
            from planform.providers.local.process import ProcessExecutor

            process = self.settings.get("process") or {}
            return ProcessExecutor(*common, process.get("python") or "", process.get("venv") == "auto")
        if chosen == "docker":
            from planform.providers.local.docker import DockerExecutor

            docker = self.settings.get("docker") or {}
            region = docker.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            return DockerExecutor(*common, region or "us-east-1", docker, self.login)
        raise ProviderError(
            f'executor "{chosen}" is not one of this machine\'s',
            suggestion="Use executor: process or docker, or another provider.",
        )


def local_provider(
    settings: Object,
    root: Path,
    workspace: str,
    fetch: Fetch | None = None,
    login: Login | None = None,
    models: Models | None = None,
    lister: Lister | None = None,
) -> Provider:
    """The provider of one root module, with the settings of its `provider: local`. `fetch` brings data of S3 here,
    `login` gives the password of a registry in ECR, `models` the documents of models of a hub, `lister` what lies at
    a URI of S3."""
    return LocalProvider(root.absolute(), workspace, settings, fetch, login, models, lister)


def host_id() -> str:
    """What stays the same for this machine over reboots and renames; its name where it has no id of its own."""
    for place in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            machine = Path(place).read_text().strip()
        except OSError:
            continue
        if machine:
            # machine-id(5) asks not to show the id itself.
            return hashlib.sha256(f"planform {machine}".encode()).hexdigest()[:12]
    return platform.node()
