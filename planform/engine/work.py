"""One apply under way: which gates are open, which steps are ready, what is true so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from planform.core.addresses import Address
from planform.core.configuration import Configuration
from planform.core.executor import Tree, TreeRead
from planform.core.plan import Change, Plan, Step
from planform.core.reporter import Reporter
from planform.core.schemas import Misfit
from planform.core.secrets import Seal
from planform.core.state import ACTIVE, Run, Snapshot
from planform.core.values import Object, Unknown
from planform.engine.definitions import completed
from planform.engine.edges import Edges
from planform.language.scope import Evaluation


@dataclass(slots=True)
class Work:
    """The state of one apply."""

    plan: Plan
    configuration: Configuration
    evaluation: Evaluation
    edges: Edges
    reporter: Reporter
    seal: Seal
    changes: dict[Address, Change]
    snapshot: Snapshot | None = None  # as this phase found it
    runs: dict[Address, Run] = field(default_factory=dict)  # launched by this apply
    objects: dict[Address, Object] = field(default_factory=dict)  # what is true so far, for references
    members: dict[str, int] = field(default_factory=dict)  # gate -> steps not yet done
    waits: dict[str, int] = field(default_factory=dict)  # step id -> closed gates before it
    waiting: dict[str, list[Step]] = field(default_factory=dict)  # gate -> steps behind it
    ready: list[Step] = field(default_factory=list)
    settled: dict[str, str] = field(default_factory=dict)  # step id -> done, failed, skipped
    watched: dict[str, tuple[Step, Run]] = field(default_factory=dict)  # run id -> its await step
    failures: list[tuple[Address, str]] = field(default_factory=list)
    failed_runs: list[Run] = field(default_factory=list)
    touched: set[Address] = field(default_factory=set)
    detach: bool = False
    scanned: dict[TreeRead, Tree | list[Misfit]] = field(default_factory=dict)  # by the runs launched in this phase


def snapshot_of(work: Work) -> Snapshot:
    assert work.snapshot is not None  # set before any step runs
    return work.snapshot


def settle(work: Work, address: Address, item: Object) -> None:
    """References to an object are worth this from here on; what only the end of a run tells is unknown until then."""
    if item.get("status") in ACTIVE:
        names = completed(work.edges.schemas[address.type])
        item = {**item, **{name: Unknown(f"{address}.{name}") for name in names}}
    work.objects[address] = item
    work.evaluation.set(address, item)


def done(work: Work, step: Step, how: str = "done") -> None:
    work.settled[step.id] = how
    if how != "done":
        return
    work.members[step.gate] -= 1
    if work.members[step.gate] == 0:
        for behind in work.waiting.pop(step.gate, ()):
            work.waits[behind.id] -= 1
            if work.waits[behind.id] == 0 and behind.id not in work.settled:
                work.ready.append(behind)


def failed(work: Work, step: Step, seconds: float, error: str) -> None:
    work.failures.append((step.address, error))
    work.reporter.failed(step, seconds, error)
    done(work, step, "failed")
    skip_behind(work, step)


def skip_behind(work: Work, step: Step) -> None:
    """Whatever waits for the gate of a step that did not succeed will not be tried."""
    because, gates = str(step.address), [step.gate]
    while gates:
        for behind in work.waiting.pop(gates.pop(), ()):
            if behind.id not in work.settled:
                work.settled[behind.id] = "skipped"
                work.reporter.skipped(behind, because)
                gates.append(behind.gate)
