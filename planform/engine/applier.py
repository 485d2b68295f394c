"""Make exactly one plan true: start what its gates allow, write down what came back, keep the plan's word.

Apply decides nothing. It evaluates only what the plan left unknown or redacted, runs steps in parallel, and holds the
state's lock while it changes things, never while it waits for training (S3.8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from planform.core.addresses import Address
from planform.core.backend import Backend, Session
from planform.core.configuration import Configuration
from planform.core.errors import Diagnosed, Diagnostic, PlanformError, StateError
from planform.core.plan import Plan, Step
from planform.core.reporter import Reporter
from planform.core.secrets import sealed, sealer
from planform.core.state import (
    Entry,
    Ledger,
    OutputsRecorded,
    Recorded,
    Run,
    RunRecorded,
    RunStatus,
    Snapshot,
    State,
    progress,
    run_attributes,
)
from planform.core.values import (
    Object,
    Sensitive,
    Unknown,
    has_sensitive,
    is_wholly_known,
    sort_key,
)
from planform.engine.conditions import failing_checks
from planform.engine.definitions import completed
from planform.engine.doing import hold_after, prepare_step, resolved, sentence, touches_world
from planform.engine.edges import Edges
from planform.engine.instances import recorded_attributes
from planform.engine.moves import move_entries, moved_snapshot, present
from planform.engine.promise import broken
from planform.engine.stale import check_fits, check_records
from planform.engine.walk import in_order, instances_by_resource
from planform.engine.work import Work, done, failed, settle, skip_behind, snapshot_of
from planform.language.scope import Evaluation

if TYPE_CHECKING:
    from concurrent.futures import Future

# How long apply waits to take the lock again after training, when another command holds it.
RELOCK_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an apply ended."""

    failures: tuple[tuple[Address, str], ...] = ()
    skipped: tuple[Step, ...] = ()
    remaining: tuple[Step, ...] = ()  # waits for runs that go on without us
    failed_runs: tuple[Run, ...] = ()
    interrupted: bool = False
    done: int = 0
    warnings: tuple[Diagnostic, ...] = ()  # of checks that do not hold now
    snapshot: Snapshot | None = None

    @property
    def ok(self) -> bool:
        return not self.failures and not self.failed_runs and not self.interrupted


def apply(
    plan: Plan,
    configuration: Configuration,
    evaluation: Evaluation,
    backend: Backend,
    edges: Edges,
    reporter: Reporter,
    *,
    parallelism: int = 10,
    detach: bool = False,
    lock_timeout: float = 0.0,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Do every step of the plan. `stop()` true: finish the calls in flight, start nothing new, wait for nothing (S5.6).

    Raises:
        PlanStale: before anything is touched, when the plan does not fit.
        StateError: the state cannot be locked, read or written.
    """
    for address, item in plan.data.items():
        evaluation.set(address, item)
    work = Work(
        plan,
        configuration,
        evaluation,
        edges,
        reporter,
        sealer(plan.salt),
        {change.address: change for change in plan.changes},
        detach=detach,
    )
    with backend.lock("apply", lock_timeout) as session:
        snapshot = session.snapshot()
        check_fits(plan, moved_snapshot(snapshot, present(plan.moves, snapshot)), edges)
        if not snapshot.exists:
            session.write(State(plan.lineage, 0, plan.salt), Ledger())
        if plan.moves:
            session.append(move_entries(snapshot, present(plan.moves, snapshot)))
            snapshot = session.snapshot()
        work.snapshot = snapshot
        _prepare(work, snapshot)
        _run_ready(work, session, parallelism, stop)
        _record_outputs(work, session)
        session.fold()
        snapshot = session.snapshot()
    while work.watched and not detach and not stop():
        ended = _watch(work, stop)
        if not ended:
            break
        with backend.lock("apply", RELOCK_SECONDS) as session:
            waiting = {step.address for step in plan.steps if step.id not in work.settled} - work.touched
            check_records(plan, session.snapshot(), waiting)
            _record_ended(work, session, ended)
            work.snapshot = session.snapshot()
            _run_ready(work, session, parallelism, stop)
            _record_outputs(work, session)
            session.fold()
            snapshot = session.snapshot()
    return _outcome(work, snapshot, interrupted=stop())


def _outcome(work: Work, snapshot: Snapshot, *, interrupted: bool) -> Outcome:
    open_steps = tuple(step for step in work.plan.steps if step.id not in work.settled)
    evaluation = work.evaluation.fresh()
    for address, item in work.objects.items():
        evaluation.set(address, item)
    destroying = work.plan.destroy or work.plan.refresh_only
    outcome = Outcome(
        warnings=() if destroying else tuple(failing_checks(work.configuration, evaluation)),
        failures=tuple(work.failures),
        skipped=tuple(step for step in work.plan.steps if work.settled.get(step.id) == "skipped"),
        remaining=open_steps,
        failed_runs=tuple(work.failed_runs),
        interrupted=interrupted and bool(open_steps),
        done=sum(how == "done" for how in work.settled.values()),
        snapshot=snapshot,
    )
    work.reporter.applied(work.plan, open_steps)
    return outcome


def _prepare(work: Work, snapshot: Snapshot) -> None:
    """Lay out gates and steps, and give references their values for everything that this plan leaves alone."""
    for step in work.plan.steps:
        work.members[step.gate] = work.members.get(step.gate, 0) + 1
    for step in work.plan.steps:
        gates = {gate for gate in step.after if work.members.get(gate)}
        work.waits[step.id] = len(gates)
        for gate in gates:
            work.waiting.setdefault(gate, []).append(step)
        if not gates:
            work.ready.append(step)
    stepping = {step.address for step in work.plan.steps if step.verb not in ("await", "delete", "forget", "stop")}
    grouped = instances_by_resource(work.configuration)
    for resource in in_order(work.configuration):
        for address in grouped.get(resource, ()):
            if address in stepping:
                continue
            change, record = work.changes.get(address), snapshot.state.records.get(address)
            if change is not None and change.after is not None:
                settle(work, address, resolved(work, change))
            elif record is not None:
                settle(work, address, recorded_attributes(record, snapshot.ledger))


def _run_ready(work: Work, session: Session, parallelism: int, stop: Callable[[], bool]) -> None:
    """Run all steps that can run without waiting for a run to end."""
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    flying: dict[Future[Sequence[Entry]], tuple[Step, float, Object | None]] = {}
    pool, leaving = ThreadPoolExecutor(max_workers=max(1, parallelism), thread_name_prefix="apply"), False
    failure: StateError | None = None
    work.scanned.clear()
    try:
        while (work.ready and not stop() and failure is None) or flying:
            try:
                if failure is None and not stop():
                    _start(work, session, pool.submit, flying, parallelism)
                if flying:
                    finished, _ = wait(flying, return_when=FIRST_COMPLETED)
                    _collect(work, session, finished, flying)
            except StateError as error:
                failure = error  # nothing new is started; the calls under way are heard out, so that it names them all
        if failure is not None:
            raise failure
    except KeyboardInterrupt:
        # A second Ctrl-C: what is back is written down; what is not has its intent in the journal (S5.6).
        leaving = True
        _collect(work, session, {future for future in flying if future.done()}, flying)
        raise
    finally:
        pool.shutdown(wait=not leaving, cancel_futures=leaving)


def _start(
    work: Work,
    session: Session,
    submit: Callable[..., Future[Sequence[Entry]]],
    flying: dict[Future[Sequence[Entry]], tuple[Step, float, Object | None]],
    parallelism: int,
) -> None:
    """Start what is ready. Steps that only record are done on the spot; the others' intents share one sync."""
    intents: list[Entry] = []
    calls: list[tuple[Step, Object | None, Callable[[], Sequence[Entry]]]] = []
    results: list[Entry] = []
    later: list[Step] = []
    while work.ready:
        batch, work.ready = work.ready, []
        for step in batch:
            if step.verb == "await":
                _begin_await(work, step)
                continue
            if len(flying) + len(calls) >= parallelism and touches_world(work, step):
                later.append(step)
                continue
            work.reporter.started(step)
            begun = monotonic()
            try:
                planned, call, intent = prepare_step(work, step)
                if intent is None:
                    entries = call()
                    _finish(work, step, entries, planned, results)
                    work.reporter.finished(step, monotonic() - begun)
                else:
                    intents.append(intent)
                    calls.append((step, planned, call))
            except Exception as error:
                failed(work, step, monotonic() - begun, sentence(error))
    work.ready = later
    if results:
        session.append(results, durable=False)
    if intents:
        session.append(intents)
    for step, planned, call in calls:
        flying[submit(call)] = (step, monotonic(), planned)


def _collect(
    work: Work,
    session: Session,
    finished: set[Future[Sequence[Entry]]],
    flying: dict[Future[Sequence[Entry]], tuple[Step, float, Object | None]],
) -> None:
    """Write down what came back before anything else happens (S2.8), then open gates."""
    results: list[Entry] = []
    for future in finished:
        step, begun, planned = flying.pop(future)
        error = future.exception()
        if error is not None:
            failed(work, step, monotonic() - begun, sentence(error))
            continue
        try:
            _finish(work, step, future.result(), planned, results)
            work.reporter.finished(step, monotonic() - begun)
        except Exception as problem:  # whatever is wrong with one result, the others are written down
            failed(work, step, monotonic() - begun, sentence(problem))
    if results:
        session.append(results)


def _finish(work: Work, step: Step, entries: Sequence[Entry], planned: Object | None, results: list[Entry]) -> None:
    """Take a step's result in.

    Raises:
        PlanformError: the result breaks the plan's promise; it is recorded all the same.
    """
    for entry in entries:
        if isinstance(entry, Recorded) and entry.record.address == step.address:
            actual = entry.record.object
            whole = dict(actual)
            if step.verb == "launch" and planned is not None:
                names = (*completed(work.edges.schemas[step.address.type]), "last_succeeded")
                whole.update({name: Unknown(f"{step.address}.{name}") for name in names})
            elif step.verb == "record" and planned is not None:
                whole = planned
            settle(work, step.address, whole)
            results.append(entry._replace(record=entry.record._replace(object=sealed(actual, work.seal))))
            if planned is not None and step.verb in ("create", "update"):
                _keep_promise(work, step, planned, actual)
            hold_after(work, step.address)
        else:
            results.append(entry)
            if isinstance(entry, RunRecorded):
                work.runs[step.address] = entry.run
    done(work, step)


def _keep_promise(work: Work, step: Step, planned: Object, actual: Object) -> None:
    wrong = broken(planned, actual, work.edges.schemas[step.address.type])
    if wrong:
        path, promised, got = wrong[0]
        raise PlanformError(
            f"{step.address} is not as planned: {'.'.join(map(str, path))} is {got!r}, the plan said {promised!r}. "
            "What is there was recorded as it is; the next plan shows the difference."
        )


def _record_outputs(work: Work, session: Session) -> None:
    """Write the outputs that are known now; the others keep what was recorded."""
    snapshot = session.snapshot()
    if work.plan.destroy and not work.plan.targeted:
        done = all(how == "done" for how in work.settled.values())
        session.append([OutputsRecorded({} if done else snapshot.state.outputs)], durable=False)
        return
    if not work.plan.outputs:
        return
    evaluation = work.evaluation.fresh()
    for address, item in work.objects.items():
        evaluation.set(address, item)
    outputs = dict(snapshot.state.outputs)
    for planned in work.plan.outputs:
        if planned.name not in work.configuration.outputs:
            outputs.pop(planned.name, None)
            continue
        try:
            value = evaluation.output(planned.name)
        except Diagnosed as error:
            if not any(address for address, _ in work.failures):
                work.failures.extend((Address("output", planned.name), item.summary) for item in error.problems)
            continue
        if is_wholly_known(value):
            marked = Sensitive(value) if planned.sensitive and value is not None else value
            outputs[planned.name] = (
                sealed(marked, work.seal, ("output", planned.name)) if has_sensitive(marked) else marked
            )
    session.append([OutputsRecorded(outputs)], durable=False)


def _begin_await(work: Work, step: Step) -> None:
    change = work.changes[step.address]
    number = change.run.number if change.run is not None else 0
    run = work.runs.get(step.address)
    if run is None:
        run = next((item for item in snapshot_of(work).ledger.of(step.address) if item.number == number), None)
    if run is None:
        failed(work, step, 0.0, f"run {number} of {step.address} is not recorded")
    elif not step.detached:
        work.watched[run.id] = (step, run)


def _watch(work: Work, stop: Callable[[], bool]) -> list[tuple[Step, Run]]:
    """Wait until a run's end lets other steps start, or until all runs have ended."""
    ended: list[tuple[Step, Run]] = []
    open_runs = {run_id: run for run_id, (_, run) in work.watched.items()}

    def changed(run: Run, status: RunStatus) -> None:
        step, known = work.watched[run.id]
        now = progress(known, status)
        work.watched[run.id] = (step, now)
        work.reporter.run_changed(now)
        if not now.active and run.id in open_runs:
            del open_runs[run.id]
            ended.append((step, now))

    def enough() -> bool:
        return stop() or not open_runs or any(_unblocks(work, step, ended) for step, run in ended)

    for run_id, (step, run) in work.watched.items():
        if not run.active:  # it ended while it was launched
            work.reporter.run_changed(run)
            del open_runs[run_id]
            ended.append((step, run))
    if not enough():
        _watch_all(work, list(open_runs.values()), changed, enough)
    for _, run in ended:
        del work.watched[run.id]
    return sorted(ended, key=lambda item: sort_key(str(item[0].address)))


def _watch_all(
    work: Work, watched: Sequence[Run], changed: Callable[[Run, RunStatus], None], enough: Callable[[], bool]
) -> None:
    """Watch several executors side by side; reports still come one at a time."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Lock

    grouped: dict[tuple[str, str], list[Run]] = {}
    for run in watched:
        grouped.setdefault((run.provider, run.executor), []).append(run)
    groups = list(grouped.values())
    if len(groups) == 1:
        work.edges.executor_of(watched[0]).watch(watched, changed, enough)
        return
    lock = Lock()

    def one_at_a_time(run: Run, status: RunStatus) -> None:
        with lock:
            changed(run, status)

    with ThreadPoolExecutor(max_workers=len(groups), thread_name_prefix="watch") as pool:
        for future in [
            pool.submit(work.edges.executor_of(runs[0]).watch, runs, one_at_a_time, enough) for runs in groups
        ]:
            future.result()


def _unblocks(work: Work, step: Step, ended: Sequence[tuple[Step, Run]]) -> bool:
    """Whether the end of these runs opens a gate that steps stand behind."""
    if not work.waiting.get(step.gate):
        return False
    return work.members[step.gate] <= sum(
        1 for other, run in ended if other.gate == step.gate and run.status == "succeeded"
    )


def _record_ended(work: Work, session: Session, ended: Sequence[tuple[Step, Run]]) -> None:
    session.append([RunRecorded(run) for _, run in ended])
    for step, run in ended:
        exported = run_attributes(run, session.snapshot().ledger.of(step.address))
        settle(work, step.address, {**work.objects.get(step.address, {}), **exported})
        if run.status == "succeeded":
            try:
                hold_after(work, step.address)
                done(work, step)
            except PlanformError as problem:
                failed(work, step, 0.0, sentence(problem))
        else:
            work.failed_runs.append(run)
            done(work, step, "failed")
            skip_behind(work, step)
