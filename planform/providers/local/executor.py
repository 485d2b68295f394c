"""What the executors of this machine have in common: runs are followed and stopped alike, whatever their nodes are."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from planform.core.errors import ProviderError
from planform.core.executor import JobSpec, Launched, Tell, silent
from planform.core.hyperparameters import wire_text
from planform.core.schemas import Misfit
from planform.core.state import Run, RunStatus
from planform.core.values import AttributePath, Object, Sensitive, Unknown, Value
from planform.providers.local import runs as local_runs
from planform.providers.local.files import HOME
from planform.training.definition import inputs, mapping

Fetch: TypeAlias = Callable[[str, Path, Tell], Path]  # an s3:// URI and a cache -> where its files are now
LayOut: TypeAlias = Callable[[Path, JobSpec], Sequence[local_runs.NodeCommand]]


@dataclass(frozen=True, slots=True)
class LocalExecutor(ABC):
    """Runs of this machine; a subclass says what their nodes are."""

    root: Path
    host: str
    max_instances: int
    stop_grace_in_seconds: float = 10
    fetch: Fetch | None = None

    @property
    @abstractmethod
    def name(self) -> str: ...

    @abstractmethod
    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]: ...

    @abstractmethod
    def ready(self, spec: JobSpec, tell: Tell = silent) -> tuple[LayOut, Sequence[str]]:
        """Have here what the nodes of a job need, before there is a lock to be held. What fills the folder of a run of
        this job (or of one that differs in name and hyperparameters) and says what its nodes are; and the secrets that
        must not be quoted in records."""

    def launch(self, spec: JobSpec, tell: Tell = silent) -> Launched:
        lay_out, secrets = self.ready(spec, tell)
        return local_runs.launch(
            self.root,
            self.host,
            self.name,
            spec,
            lambda folder: lay_out(folder, spec),
            redact=secrets,
            max_instances=self.max_instances,
            stop_grace_in_seconds=self.stop_grace_in_seconds,
        )

    def fetched(self, spec: JobSpec, tell: Tell) -> Callable[[JobSpec], JobSpec]:
        """Have code and data of a job that are in S3 on this machine, once for all runs. What puts their places into
        the job, or into one that differs in name and hyperparameters.

        Raises:
            ProviderError: they cannot be had.
        """
        from filelock import FileLock

        code, cache = spec.source_code, self.root / HOME / "cache"

        def place(uri: str) -> str:
            if not uri.startswith("s3://"):
                return uri
            if self.fetch is None:
                raise ProviderError(f"{uri} is not on this machine.")
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(cache / f"{hashlib.sha256(uri.encode()).hexdigest()[:32]}.lock"):
                return os.fspath(self.fetch(uri, cache, tell))

        if code is not None and code.source_dir.startswith("s3://"):
            folder = Path(place(code.source_dir))
            files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
            code = code._replace(source_dir=os.fspath(folder), files=tuple(files))
        channels = tuple(channel._replace(source=place(channel.source)) for channel in spec.channels)
        return lambda job: job._replace(channels=channels, source_code=code)

    def image(self, desired: Object) -> str:
        return ""

    def predict(self, job_name: str, run_id: str, address: str) -> Object:
        return {"job_arn": local_runs.job_arn(job_name), "output_path": local_runs.output_path(address)}

    def find(self, job: str) -> Run | None:
        """A run of this machine is always somebody's: of the state that launched it."""
        return None

    def observe(self, runs: Sequence[Run]) -> Mapping[str, RunStatus]:
        return local_runs.observe(self.root, self.host, runs)

    def watch(self, runs: Sequence[Run], changed: Callable[[Run, RunStatus], None], stop: Callable[[], bool]) -> None:
        local_runs.watch(self.root, self.host, runs, changed, stop)

    def adjust(self, run: Run, desired: Object) -> None:
        local_runs.adjust(self.root, run, int(desired.get("priority") or 0))

    def stop(self, run: Run) -> None:
        local_runs.stop(self.root, self.host, run)

    def logs(self, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        return local_runs.logs(self.root, self.host, run, node, follow)

    def metric_history(self, run: Run) -> Mapping[str, Sequence[tuple[float, float]]]:
        return local_runs.metric_history(self.root, run)

    def download(self, run: Run, folder: Path) -> tuple[str, ...]:
        return local_runs.copied(local_runs.folder_of(self.root, run), folder)

    def resume(self) -> None:
        from planform.providers.local.scheduler import schedule

        schedule(self.root)

    def checkpoints(self, folder: Path, key: str) -> Path:
        """The checkpoints of one definition, also to be found from the run's folder."""
        shared = self.root / HOME / "checkpoints" / key
        shared.mkdir(parents=True, exist_ok=True)
        link = folder / "checkpoints"
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(shared, folder))
        return shared


def data_elsewhere(desired: Object, executor: str) -> tuple[list[Misfit], list[str]]:
    """What of a trainer's code and data cannot come to this machine, and notes on how what comes differs."""
    misfits: list[Misfit] = []
    notes: dict[str, None] = {}
    places: dict[AttributePath, Value] = {
        ("source_code", "source_dir"): plain(mapping(desired, "source_code").get("source_dir"))
    }
    for channel in inputs(desired):
        if not isinstance(channel.source, dict):
            places[channel.attribute] = channel.source
            continue
        path = (*channel.attribute, "s3_data_source")
        source = mapping(channel.source, "s3_data_source")
        places[*path, "s3_uri"] = plain(source.get("s3_uri"))
        kind = plain(source.get("s3_data_type"))
        if kind not in (None, "", "S3Prefix"):
            why = f"{kind} cannot be used here: manifests are read by SageMaker only."
            misfits.append(Misfit((*path, "s3_data_type"), why, suggestion="Name a prefix, or run on AWS."))
        if plain(source.get("s3_data_distribution_type")) == "ShardedByS3Key":
            notes[f"ShardedByS3Key not used: every node gets all data ({executor})"] = None
    for path, place in places.items():
        if isinstance(place, str) and "://" in place and not place.startswith("s3://"):
            why = "Only local paths and s3:// URIs are read on this machine."
            misfits.append(Misfit(path, why, suggestion="Copy the data to one of them."))
    return misfits, list(notes)


def inherited() -> dict[str, str]:
    """The environment of who launches, without planform's own variables: they hold secrets of their own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PLANFORM_")}


def node_environment(spec: JobSpec, inherit: bool = True) -> tuple[dict[str, str], list[str]]:
    """The environment of the nodes, and the secrets that must not be quoted in records.

    Processes inherit that of who launches, also when another command starts the run later: a queued run must not see
    another shell's CUDA_VISIBLE_DEVICES. Containers do not.
    """
    from planform.training.job_spec import caller_secrets

    named = caller_secrets(spec.extra.get("secrets") or {}, os.environ)
    hidden = (
        wire_text(value) for name, value in spec.hyperparameters.items() if name in spec.sensitive_hyperparameters
    )
    return {**(inherited() if inherit else {}), **spec.environment, **named}, [*hidden, *named.values()]


def plain(value: Value) -> Value:
    value = value.value if isinstance(value, Sensitive) else value
    return "" if isinstance(value, Unknown) else value
