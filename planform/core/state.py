"""What planform remembers: the state (objects), the ledger (runs) and the journal (what happened since).

Values of records are plain; sensitive leaves are Sealed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias

from planform.core.addresses import Address
from planform.core.values import Object, Value, encode

FORMAT = 1


class Record(NamedTuple):
    """One object that planform made or adopted."""

    address: Address
    provider: str
    object: Object
    coordinates: Mapping[str, str] = MappingProxyType({})  # {"host": ...} or {"account": ..., "region": ...}
    schema_version: int = 1
    prevent_destroy: bool = False
    keep: bool = False  # lifecycle.destroy: false

    def digest(self) -> str:
        """Of all that a plan relies on; written into plans, compared at apply (S2.6)."""
        text = json.dumps([self.provider, encode(self.object), dict(self.coordinates)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class State(NamedTuple):
    """The recorded side of a plan."""

    lineage: str
    serial: int
    salt: str  # 32 bytes, hexadecimal; keys the digests of sensitive leaves (S6.1)
    records: Mapping[Address, Record] = MappingProxyType({})
    # Resource address -> resource addresses it depends on; per resource, not per instance (S5.1). See Address.node.
    dependencies: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    outputs: Mapping[str, Value] = MappingProxyType({})
    written_by: str = ""
    written_at: str = ""


RunState: TypeAlias = Literal["launching", "queued", "running", "succeeded", "failed", "stopped"]
ACTIVE: frozenset[RunState] = frozenset({"launching", "queued", "running"})


# What the names of executors of tuning jobs end in.
TUNING = "-tuning"


class Trial(NamedTuple):
    """One training job of a tuning job: what it was given, and what it came to."""

    number: int  # 1, 2, ...
    job_name: str
    status: RunState = "queued"
    hyperparameters: Mapping[str, Value] = MappingProxyType({})  # of those that have a range
    metrics: Mapping[str, float] = MappingProxyType({})  # last value of each
    objective: float | None = None  # the value of the metric that is searched for
    reason: str = ""
    started_at: str = ""
    ended_at: str = ""
    model_artifacts: str = ""
    definition: str = ""  # name of its definition, where the tuning job has several


class Run(NamedTuple):
    """One job launched for one definition of a trainer or a tuning job (S3). Times are RFC 3339 in UTC."""

    id: str
    address: str
    number: int  # 1, 2, ... within the address
    digest: str
    components: Mapping[str, str]  # name of each digest input -> its digest
    job_name: str
    job_arn: str
    provider: str
    executor: str
    coordinates: Mapping[str, str] = MappingProxyType({})
    status: RunState = "launching"
    reason: str = ""  # why it failed or stopped, in one line
    failure: Literal["", "user", "infrastructure"] = ""
    launched_at: str = ""
    started_at: str = ""
    ended_at: str = ""
    hyperparameters: Mapping[str, Value] = MappingProxyType({})
    metrics: Mapping[str, float] = MappingProxyType({})  # last value of each
    model_artifacts: str = ""
    output_path: str = ""
    image: str = ""
    folder: str = ""  # local runs: relative to the root module's folder
    queue: str = ""  # ARN or name, where it was submitted to one
    billable_seconds: int = 0
    adopted: bool = False  # imported: nobody has confirmed that it is a run of this definition (S8.3)
    trials: tuple[Trial, ...] = ()  # of a tuning job
    best: int = 0  # number of its best trial so far

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_tuning(self) -> bool:
        return self.executor.endswith(TUNING)


def finite(metrics: Mapping[str, float]) -> Object:
    """Metrics as values: a loss that is no number is null, since JSON has no other word for it."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def run_attributes(run: Run, runs: Iterable[Run] = ()) -> Object:
    """What a trainer exports of its run. Artifacts are only ever those of a succeeded run (S3.12); the newest
    succeeded of `runs` is `last_succeeded`, for those who want the older one."""
    good = run.status == "succeeded"
    older = max((item for item in runs if item.status == "succeeded"), key=lambda item: item.number, default=None)
    found = {
        "run_number": run.number,
        "job_name": run.job_name,
        "job_arn": run.job_arn,
        "status": run.status,
        "model_artifacts": (run.model_artifacts or None) if good else None,
        "output_path": run.output_path or None,
        "metrics": finite(run.metrics),
        "image": run.image or None,
        "started_at": run.started_at or None,
        "ended_at": run.ended_at or None,
        "billable_seconds": run.billable_seconds if run.ended_at else None,
        "last_succeeded": None
        if older is None
        else {"run": older.number, "model_artifacts": older.model_artifacts, "metrics": finite(older.metrics)},
    }
    return {**found, **_tuned(run)} if run.is_tuning else found


def _tuned(run: Run) -> Object:
    """What a tuning job exports beside what every run does: its trials, and the best of them."""
    best = next((trial for trial in run.trials if trial.number == run.best), None)
    return {
        "best_hyperparameters": dict(best.hyperparameters) if best else None,
        "best_run": trial_object(best) if best else None,
        "best_metric": best.objective if best else None,
        "runs": [trial_object(trial) for trial in run.trials],
    }


def trial_object(trial: Trial) -> Object:
    """A trial as a value."""
    return {
        "number": trial.number,
        "definition": trial.definition or None,
        "job_name": trial.job_name,
        "status": trial.status,
        "hyperparameters": dict(trial.hyperparameters),
        "metrics": finite(trial.metrics),
        "objective": trial.objective,
        "reason": trial.reason or None,
        "started_at": trial.started_at or None,
        "ended_at": trial.ended_at or None,
        "model_artifacts": trial.model_artifacts or None,
    }


class RunStatus(NamedTuple):
    """What an executor says of a run now. `missing`: the executor knows no such run, so it was never launched."""

    status: RunState
    missing: bool = False
    stalled: bool = False  # queued, and nothing will start it by itself
    reason: str = ""
    failure: Literal["", "user", "infrastructure"] = ""
    started_at: str = ""
    ended_at: str = ""
    metrics: Mapping[str, float] = MappingProxyType({})
    model_artifacts: str = ""
    output_path: str = ""
    billable_seconds: int = 0
    artifacts_exist: bool = True
    trials: tuple[Trial, ...] = ()  # of a tuning job
    best: int = 0


def progress(run: Run, status: RunStatus) -> Run:
    """The run as its executor now tells it."""
    return run._replace(
        status=status.status,
        reason=status.reason,
        failure=status.failure,
        started_at=status.started_at,
        ended_at=status.ended_at,
        metrics=status.metrics,
        model_artifacts=status.model_artifacts,
        output_path=status.output_path or run.output_path,
        billable_seconds=status.billable_seconds,
        trials=status.trials,
        best=status.best,
    )


class Ledger(NamedTuple):
    """All runs ever launched, by the address of their trainer, oldest first."""

    runs: Mapping[str, tuple[Run, ...]] = MappingProxyType({})

    def of(self, address: Address | str) -> tuple[Run, ...]:
        return self.runs.get(str(address), ())


class Snapshot(NamedTuple):
    """State and ledger with the journal replayed, and the intents whose results never came (S5.7)."""

    state: State
    ledger: Ledger
    uncertain: tuple[Intent, ...] = ()
    exists: bool = True  # False: nothing was ever written, the lineage is new


# Journal entries. Each is one JSON line; replay is idempotent.


class Intent(NamedTuple):
    """About to touch the world: durable before the call (S5.2)."""

    step: str
    address: Address
    verb: str
    provider: str
    name: str = ""  # what the object will be found by


class Recorded(NamedTuple):
    """An object is now like this."""

    record: Record
    dependencies: tuple[str, ...] = ()


class Forgotten(NamedTuple):
    """An object is gone, or no longer planform's."""

    address: Address


class RunRecorded(NamedTuple):
    """A run is now like this; the first entry of a run is its intent."""

    run: Run


class RunDropped(NamedTuple):
    """A run that turned out never to have been launched."""

    run: Run


class OutputsRecorded(NamedTuple):
    outputs: Mapping[str, Value]


Entry: TypeAlias = Intent | Recorded | Forgotten | RunRecorded | RunDropped | OutputsRecorded


def replay(snapshot: Snapshot, entries: Iterable[Entry]) -> Snapshot:
    """The snapshot after the entries. Replaying an entry twice changes nothing."""
    state, ledger = snapshot.state, snapshot.ledger
    records, dependencies, outputs = dict(state.records), dict(state.dependencies), dict(state.outputs)
    runs: dict[str, tuple[Run, ...]] = dict(ledger.runs)
    uncertain = {(intent.address, intent.verb): intent for intent in snapshot.uncertain}
    changed = False
    for entry in entries:
        match entry:
            case Intent():
                uncertain[entry.address, entry.verb] = entry
                continue
            case Recorded(record, needs):
                records[record.address] = record
                dependencies[record.address.node] = needs
                uncertain = (
                    {key: item for key, item in uncertain.items() if key[0] != record.address} if uncertain else {}
                )
                changed = True
            case Forgotten(address):
                records.pop(address, None)
                uncertain = {key: item for key, item in uncertain.items() if key[0] != address} if uncertain else {}
                changed = True
            case RunRecorded(run):
                others = tuple(item for item in runs.get(run.address, ()) if item.id != run.id)
                runs[run.address] = tuple(sorted((*others, run), key=lambda item: item.number))
            case RunDropped(run):
                runs[run.address] = tuple(item for item in runs.get(run.address, ()) if item.id != run.id)
            case OutputsRecorded(values):
                changed = changed or outputs != values
                outputs = dict(values)
    present = {address.node for address in records}
    dependencies = {resource: needs for resource, needs in dependencies.items() if resource in present}
    return Snapshot(
        state._replace(records=records, dependencies=dependencies, outputs=outputs, serial=state.serial + changed),
        Ledger({address: items for address, items in runs.items() if items}),
        tuple(uncertain.values()),
        snapshot.exists or changed,
    )


def record_json(record: Record) -> dict[str, Any]:
    """The JSON form of a record, for states, plans and journals."""
    form: dict[str, Any] = {
        "address": str(record.address),
        "provider": record.provider,
        "object": encode(record.object),
    }
    if record.coordinates:
        form["coordinates"] = dict(record.coordinates)
    if record.schema_version != 1:
        form["schema_version"] = record.schema_version
    if record.prevent_destroy:
        form["prevent_destroy"] = True
    if record.keep:
        form["keep"] = True
    return form
