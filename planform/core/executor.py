"""The edge where runs happen: an executor takes a job spec and tells how the run goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from planform.core.schemas import Misfit
from planform.core.secrets import Seal
from planform.core.state import Run, RunStatus
from planform.core.values import AttributePath, Object, Value


class Tell(Protocol):
    """Takes a sentence on what a call does now or, where it is `lasting`, on what it has done; from any thread."""

    def __call__(self, text: str, lasting: bool = False) -> None: ...


def silent(text: str, lasting: bool = False) -> None:
    """Tells nobody."""


class Channel(NamedTuple):
    """One input channel: where its data is (absolute local path or URI) and what the container is told of it."""

    name: str
    source: str
    content_type: str = ""
    input_mode: str = "File"


class MetricDefinition(NamedTuple):
    name: str
    regex: str  # the first group is the value


class SourceCode(NamedTuple):
    """What runs: files from a folder (absolute), started by a script or a command."""

    source_dir: str = ""
    files: tuple[str, ...] = ()  # the manifest: POSIX paths relative to source_dir, sorted
    entry_script: str = ""
    command: str = ""
    args: tuple[str, ...] = ()
    requirements: str = ""  # "auto": requirements.txt, where there is one
    archive: str = ""  # the one file that the source code is in, packed (.tar.gz)


class RunName(NamedTuple):
    """Which run a job is of."""

    run_id: str
    number: int
    address: str
    job_name: str
    lineage: str
    workspace: str


class JobSpec(NamedTuple):
    """One training job, complete: every executor makes the same run of it. Only here are secrets in clear."""

    run_id: str
    number: int
    address: str
    job_name: str
    lineage: str
    workspace: str
    image: str
    source_code: SourceCode | None
    hyperparameters: Mapping[str, Value]  # decoded values; the wire form is the contract's
    environment: Mapping[str, str]
    channels: tuple[Channel, ...]
    metric_definitions: tuple[MetricDefinition, ...] = ()
    instance_type: str = ""
    instance_count: int = 1
    max_runtime_in_seconds: int = 86400
    distributed: Object | None = None  # as the runtime reads it: without driver_dir
    driver_dir: str = ""  # of a custom driver, absolute
    driver_files: tuple[str, ...] = ()  # its manifest
    queue: str = ""  # ARN or name; empty: the provider's implicit queue
    priority: int = 0
    checkpoint_key: str = ""  # names the checkpoint folder; runs with the same key share it (S3.13)
    sensitive_hyperparameters: frozenset[str] = frozenset()
    extra: Mapping[str, Value] = MappingProxyType({})  # the whole planned trainer
    tuning: Object | None = None  # of a tuning job: what it has beside its trainers
    trained: Mapping[str, JobSpec] = MappingProxyType({})  # of a tuning job: the job of each of its definitions


class Launched(NamedTuple):
    """What is known once a job has been accepted."""

    job_arn: str
    status: RunStatus
    folder: str = ""
    output_path: str = ""


class TreeRead(NamedTuple):
    """A file or folder whose content a run depends on. Equal reads are done once; `key` names the read in a plan."""

    key: str  # "source:/abs/src", "data:/abs/data/train" or "listing:s3://bucket/train/"
    kind: Literal["source", "data", "listing"]
    path: str  # absolute, or a URI of which a provider tells what is there
    attribute: AttributePath  # where the configuration names it
    # Files that must be inside (entry_script, requirements), each with where the configuration names it.
    requires: tuple[tuple[str, AttributePath], ...] = ()
    ignore: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


class Tree(NamedTuple):
    """What was found there: content digest, sorted manifest of relative POSIX paths, sizes."""

    digest: str
    files: tuple[str, ...]
    bytes: int
    largest: tuple[tuple[str, int], ...] = ()


class DocumentRead(NamedTuple):
    """A model of a hub that a definition names, whose document says what it leaves open."""

    model_id: str
    version: str = ""  # empty: the pinned one, else the newest
    hub_name: str = ""  # empty: the public hub of SageMaker


class Document(NamedTuple):
    """What a hub has on a model (SageMaker DescribeHubContent)."""

    model_id: str
    version: str
    arn: str
    content: Mapping[str, Value]  # HubContentDocument
    reference: bool = False  # a private hub refers to a model of the public one
    pinned: bool = False  # the lock file names the version


class Jobs(NamedTuple):
    """The jobs of one trainer that a run is made of, and in which ranges their hyperparameters are searched."""

    place: AttributePath  # where the trainer stands in the definition; the ranges are beside it
    trainer: Object
    ranges: Object = MappingProxyType({})  # type: ignore[assignment]  # kind -> hyperparameter -> range
    open: bool = False  # the ranges are not all that is searched, or this is a trainer that others complete


class Completed(NamedTuple):
    """A trainer with what it leaves open filled in, and whose those values are; what is wrong with it, and what may be.
    What is said of its ranges stands apart: they are beside it."""

    object: Object
    origins: Mapping[AttributePath, str] = MappingProxyType({})
    misfits: tuple[Misfit, ...] = ()
    warnings: tuple[Misfit, ...] = ()
    notes: tuple[str, ...] = ()
    range_misfits: tuple[Misfit, ...] = ()
    range_warnings: tuple[Misfit, ...] = ()


class RunRules(Protocol):
    """What a definition is, as data (S3.2): of a trainer, or of a tuning job. Implemented by `planform.training`."""

    def reads(self, desired: Object, folder: str, produced: Mapping[str, str]) -> tuple[TreeRead, ...]:
        """The trees a definition needs hashed; paths are relative to the module's `folder`. `produced` maps the
        artifacts of other runs to their run digest: those are not read. Pure."""

    def scan(self, read: TreeRead) -> Tree | list[Misfit]:
        """Read and hash one tree of this machine; what is missing, unreadable or must not be packaged comes back as
        misfits."""

    def trainers(self, desired: Object) -> tuple[Jobs, ...]:
        """The trainers that a run is made of jobs of: of a trainer itself. Pure."""

    def times(self, desired: Object) -> tuple[float | None, ...]:
        """For each of these trainers: how many times the time of one of its jobs a run takes at most when all its jobs
        are such; None where nothing bounds it. Pure."""

    def document(self, trainer: Object) -> DocumentRead | None:
        """The document that completing a trainer needs. Pure."""

    def complete(self, jobs: Jobs, written: Object, document: Document | None) -> Completed:
        """A trainer with what its model says under what the user says, judged by what is known of its algorithm;
        `written` is it without defaults. Pure."""

    def components(
        self, desired: Object, trees: Mapping[str, Tree], folder: str, produced: Mapping[str, str], seal: Seal
    ) -> dict[str, str] | None:
        """Each digest input by name ("image", "source", "hyperparameters.epochs", "input_data.train"), or None when an
        input is unknown. Pure."""

    def digest(self, components: Mapping[str, str]) -> str:
        """The run digest, hexadecimal."""

    def run_id(self, lineage: str, address: str, digest: str, sequence: int) -> str:
        """Hash of where, what and which time (S3.11): 8 characters of [a-z0-9]."""

    def job_name(self, base: str, run_id: str) -> str:
        """At most 63 characters (32 for a tuning job) of [a-zA-Z0-9-]; base and id within the first 23."""

    def hyperparameters(self, desired: Object) -> Object:
        """Those that every job of a run is given, with their marks of secrecy. Pure."""

    def job_spec(
        self,
        planned: Object,
        trees: Mapping[str, Tree],
        folder: str,
        run: RunName,
    ) -> JobSpec:
        """The job of a completely known definition; Sensitive marks are taken off here."""


class Executor(Protocol):
    """How a provider runs jobs. `process`, `docker`, `sagemaker` and `batch` are executors."""

    @property
    def name(self) -> str: ...

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        """What this executor refuses of a trainer, and notes on what it ignores. Pure."""

    def image(self, trainer: Object) -> str:
        """The URI of the image that a trainer runs in; empty where it uses none, or which is not known. Pure."""

    def predict(self, job_name: str, run_id: str, address: str) -> Object:
        """Attributes of a run that follow from its name alone: job_arn, output_path and the like. Pure."""

    def launch(self, spec: JobSpec, tell: Tell = silent) -> Launched:
        """Start or queue the run and return at once. The same run_id again returns the run that is there (adoption).
        `tell` hears what takes long: an image that is pulled, data that is fetched."""

    def find(self, job: str) -> Run | None:
        """The run of a job that somebody else launched, by its name or ARN: what is known of it without a definition;
        None when there is no such job."""

    def observe(self, runs: Sequence[Run]) -> Mapping[str, RunStatus]:
        """Run id -> how it stands now; one call for many runs. Never changes anything."""

    def watch(self, runs: Sequence[Run], changed: Callable[[Run, RunStatus], None], stop: Callable[[], bool]) -> None:
        """Return when every run has ended or `stop()` is true; call `changed` at each change of status."""

    def adjust(self, run: Run, desired: Object) -> None:
        """Give an active run the live fields that its trainer has now: tags, priority in the queue, keep-alive. What is
        so already is left alone; a run that has ended meanwhile is no error."""

    def stop(self, run: Run) -> None:
        """Ask a queued or running run to stop; returns at once. An ended run is left alone."""

    def logs(self, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        """(node, line) of user output, oldest first; with `follow` until the run has ended."""

    def metric_history(self, run: Run) -> Mapping[str, Sequence[tuple[float, float]]]:
        """Metric name -> (seconds since start, value), oldest first."""

    def download(self, run: Run, folder: Path) -> tuple[str, ...]:
        """Bring what a run left (model, output, logs of each node) into a folder, in the layout that runs have on this
        machine (S7.2); the names of the files that are there now."""

    def resume(self) -> None:
        """Start queued runs that nothing else will start, and tidy up after runs whose supervisor died."""
