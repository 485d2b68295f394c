"""A plan: every change, the steps that make it true and their order. Apply decides nothing (design, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from planform.core.addresses import Address
from planform.core.configuration import SourceFile
from planform.core.errors import Diagnostic, Span
from planform.core.guards import Finding, Limit
from planform.core.state import Run
from planform.core.values import AttributePath, Object, Value


class Action(Enum):
    """What happens to one object. The values are Terraform's JSON action lists joined by a comma."""

    NO_OP = "no-op"
    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    DELETE_THEN_CREATE = "delete,create"
    CREATE_THEN_DELETE = "create,delete"
    FORGET = "forget"


Decision: TypeAlias = Literal["new_run", "reuse", "in_progress", "held", "nothing"]


class RunPlan(NamedTuple):
    """What happens to a trainer's runs (S3.3)."""

    decision: Decision
    number: int = 0  # of the new, reused, active or held run
    run_id: str = ""  # of a new run, when its digest is known
    job_name: str = ""
    digest: str = ""  # empty: known after apply
    components: Mapping[str, str] = MappingProxyType({})
    moved: tuple[str, ...] = ()  # components that differ from the previous run
    reason: str = ""  # why held, why new: a short phrase
    metrics: Mapping[str, float] = MappingProxyType({})  # of the run the decision is about, or the previous one
    previous: int = 0  # number of the run before a new one
    cancels: int = 0  # number of an active run that this plan stops or cancels
    leaves: int = 0  # number of an active run that goes on with the old definition
    instance_hours: float = 0.0  # of a new run, at most: instances times max_runtime_in_seconds
    usd: float | None = None  # what they cost at the plan's prices; None: that is not known
    unpriced: tuple[str, ...] = ()  # why not: "no price for ml.p5.48xlarge in eu-west-3"
    unsized: str = ""  # why even the hours are not known
    at_on_demand: bool = False  # spot instances, counted at what they cost on demand
    hours_before: float | None = None  # the same of the definition before, where there was one
    usd_before: float | None = None
    files: int = 0  # source tree: files, bytes
    bytes: int = 0
    largest: tuple[tuple[str, int], ...] = ()


class Leaf(NamedTuple):
    """One differing leaf of an object, for display."""

    path: AttributePath
    before: Value  # ABSENT is None
    after: Value
    span: Span | None = None
    note: str = ""  # "forces replacement", "new run", "takes effect at the next run", "changed outside"


class Change(NamedTuple):
    """What will happen to one resource instance: two whole objects and the action between them."""

    address: Address
    action: Action
    before: Object | None
    after: Object | None
    provider: str = ""
    span: Span | None = None  # of the block in the configuration
    leaves: tuple[Leaf, ...] = ()
    reason: str = ""  # Terraform's action_reason, e.g. "delete_because_no_resource_config"
    run: RunPlan | None = None
    notes: tuple[str, ...] = ()  # "image not used (process)"
    moved_from: Address | None = None
    # Whose a value of `after` is where the block does not say it: "default", the file of a layer, a JumpStart model.
    origins: Mapping[AttributePath, str] = MappingProxyType({})
    importing: str = ""  # the id of an object that exists and is recorded by this plan
    adopts: Run | None = None  # the job of that id, which becomes a run
    purpose: str = ""  # what a prerequisite is for: no block declares it and no state owns it

    @property
    def does_something(self) -> bool:
        return (
            self.action is not Action.NO_OP
            or bool(self.importing)
            or self.moved_from is not None
            or (self.run is not None and self.run.decision in ("new_run", "reuse"))
        )


class Drift(NamedTuple):
    """An object that is not as it was recorded (S2.4)."""

    address: Address
    leaves: tuple[Leaf, ...]
    gone: bool = False


class OutputChange(NamedTuple):
    name: str
    before: Value
    after: Value
    sensitive: bool = False

    @property
    def action(self) -> Action:
        if self.before is None:
            return Action.NO_OP if self.after is None else Action.CREATE
        if self.after is None:
            return Action.DELETE
        from planform.core.values import same

        return Action.NO_OP if same(self.before, self.after) else Action.UPDATE


Status: TypeAlias = Literal["pass", "fail", "unknown"]


class CheckResult(NamedTuple):
    """What became of the conditions of one resource instance, of a check block or of a variable."""

    kind: Literal["resource", "check", "var"]
    address: str  # of the resource instance; `check.NAME`, `var.NAME`, after the module
    status: Status
    problems: tuple[str, ...] = ()


Verb: TypeAlias = Literal["create", "update", "delete", "forget", "record", "launch", "await", "stop"]


class Step(NamedTuple):
    """One thing apply does. It starts when every gate in `after` is open; `gate` opens when all its steps are done.

    Gates are named by resource address and milestone: `job_queue.main`, `trainer.digits#launched`,
    `planform_data.a#deleted`. A gate without steps is open.
    """

    id: str  # "3:create"
    address: Address
    verb: Verb
    gate: str
    after: tuple[str, ...] = ()
    detached: bool = False  # an await that apply leaves to a later one: `wait: false`


class Plan(NamedTuple):
    """What was reviewed. Written to a file it is self-contained (S2.6)."""

    id: str
    planform_version: str
    created_at: str
    name: str
    workspace: str
    lineage: str
    serial: int
    salt: str
    fresh: bool  # no state existed: applying mints `lineage`
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    outputs: tuple[OutputChange, ...] = ()
    drift: tuple[Drift, ...] = ()
    drift_unshown: int = 0
    sources: tuple[SourceFile, ...] = ()
    private_sources: Mapping[str, str] = MappingProxyType({})  # path -> keyed digest; read again at apply
    variables: Mapping[str, Value] = MappingProxyType({})  # sensitive ones are Sealed
    ephemeral: tuple[str, ...] = ()  # variables that are given again at apply
    data: Mapping[Address, Object] = MappingProxyType({})  # what data sources said
    files: Mapping[str, str] = MappingProxyType({})  # what expressions read: path -> sha256
    trees: Mapping[str, str] = MappingProxyType({})  # what runs read: key -> digest
    records: Mapping[Address, str] = MappingProxyType({})  # digest of every record a step touches; "" for absent
    coordinates: Mapping[str, Mapping[str, str]] = MappingProxyType({})  # provider -> account and region, or host
    dependencies: Mapping[str, tuple[str, ...]] = MappingProxyType({})  # resource -> resources, to be recorded
    moves: Mapping[Address, Address] = MappingProxyType({})  # old -> new
    targeted: bool = False
    refresh_only: bool = False
    destroy: bool = False
    warnings: tuple[Diagnostic, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    prices_as_of: str = ""  # the date of the prices; empty: there are none
    limits: tuple[Limit, ...] = ()  # those that the files set
    accepted: tuple[str, ...] = ()  # names of limits that may be exceeded
    policies: tuple[str, ...] = ()  # the files of the policies that judged it
    findings: tuple[Finding, ...] = ()  # what they say
    # Terraform's `configuration` and `relevant_attributes`, for tools that read the plan's JSON; no secret in it.
    described: Mapping[str, Any] = MappingProxyType({})

    @property
    def is_empty(self) -> bool:
        """Nothing to do: no step, no move and no output to record."""
        return not self.steps and not self.moves and all(output.action is Action.NO_OP for output in self.outputs)

    @property
    def exceeded(self) -> tuple[Limit, ...]:
        """The limits that it is over, accepted or not."""
        return tuple(limit for limit in self.limits if limit.is_exceeded)

    @property
    def denials(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.kind == "deny")

    @property
    def is_refused(self) -> bool:
        """Whether apply does not take it: it is over a limit that nobody accepted, or a policy denies it."""
        return bool(self.denials) or any(limit.name not in self.accepted for limit in self.exceeded)
