"""What each kind of step does: the planned object, the call, and the intent that is written down before it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial

from planform.core.addresses import Address
from planform.core.errors import Diagnosed, PlanformError, Problems
from planform.core.executor import RunRules, Tree, TreeRead
from planform.core.plan import Action, Change, Step
from planform.core.resource import Planned
from planform.core.schemas import Misfit, convert_body
from planform.core.state import (
    Entry,
    Forgotten,
    Intent,
    Record,
    Recorded,
    RunRecorded,
    progress,
    run_attributes,
)
from planform.core.values import Object, Sealed, Unknown, Value, is_wholly_known, leaves
from planform.engine.conditions import check_after, check_before
from planform.engine.definitions import completed
from planform.engine.launch import launch
from planform.engine.layers import layered, over, reader
from planform.engine.places import misfit_diagnostic
from planform.engine.promise import disagreements
from planform.engine.work import Work, snapshot_of


def touches_world(work: Work, step: Step) -> bool:
    if step.verb in ("record", "forget"):
        return False
    if step.verb in ("launch", "stop"):
        return True
    handler = work.edges.handler(work.changes[step.address].provider, step.address.type)
    return handler is None or handler.side_effects


def prepare_step(work: Work, step: Step) -> tuple[Object | None, Callable[[], Sequence[Entry]], Entry | None]:
    """What the step will do: the object it plans, the call, and the intent to write first (None: it only records)."""
    change, address = work.changes[step.address], step.address
    provider, needs = change.provider, work.plan.dependencies.get(str(address.resource), ())
    work.touched.add(address)
    if change.purpose:
        return None, lambda: _provided(work, change), Intent(step.id, address, step.verb, provider, address.name)
    if step.verb in ("delete", "forget", "stop"):
        return None, *_removal(work, step, change)
    _hold_before(work, address)
    planned = resolved(work, change)
    if not is_wholly_known({name: value for name, value in planned.items() if name in _configured(work, address)}):
        raise PlanformError(f"{address} still has unknown values: {_unknown_names(planned)}.")
    if step.verb == "launch":
        scan = partial(_scanned, work, provider, work.edges.rules[address.type])
        run, spec, entry = launch(
            work.plan, change, planned, work.edges, work.configuration, snapshot_of(work), work.seal, scan
        )
        executor = work.edges.executor(provider, planned)

        def start() -> Sequence[Entry]:
            launched = executor.launch(spec, partial(work.reporter.progress, step))
            now = progress(run, launched.status)._replace(
                job_arn=launched.job_arn,
                folder=launched.folder,
                output_path=launched.output_path,
            )
            return [RunRecorded(now), _recorded(work, change, {**planned, **run_attributes(now)}, needs)]

        return planned, start, entry
    if step.verb == "record" and change.adopts is not None:
        job = change.adopts
        return (
            planned,
            lambda: [RunRecorded(job), _recorded(work, change, {**planned, **run_attributes(job)}, needs)],
            None,
        )
    if step.verb == "record":
        runs = snapshot_of(work).ledger.of(address)
        known = next((item for item in runs if change.run and item.number == change.run.number), None)
        item = {**planned, **run_attributes(known, runs)} if known is not None else planned

        def note() -> Sequence[Entry]:
            if known is not None and known.active:
                work.edges.executor_of(known).adjust(known, planned)
            return [_recorded(work, change, item, needs)]

        return item, note, None
    handler = work.edges.handler(provider, address.type, partial(work.reporter.progress, step))
    if handler is None:
        raise PlanformError(f"Provider {provider} cannot make a {address.type}.")
    request = Planned(address, planned, work.plan.lineage, work.plan.workspace)
    before = change.before or {}
    if step.verb == "create":
        return (
            planned,
            lambda: [*_deposing(work, change), _recorded(work, change, handler.create(request), needs)],
            _intent(step, provider, planned, handler.side_effects),
        )
    return (
        planned,
        lambda: [_recorded(work, change, handler.update(before, request), needs)],
        _intent(step, provider, planned, handler.side_effects),
    )


def _scanned(work: Work, provider: str, rules: RunRules, read: TreeRead) -> Tree | list[Misfit]:
    """What a run reads, read again once for all that are launched together."""
    if read not in work.scanned:
        work.scanned[read] = work.edges.scan(provider, rules, read)
    return work.scanned[read]


def _provided(work: Work, change: Change) -> Sequence[Entry]:
    """A prerequisite is made, and is no object of this state: what is written down is that nothing is uncertain."""
    work.edges.provider(change.provider).provide(change.address)
    return [Forgotten(change.address)]


def _hold_before(work: Work, address: Address) -> None:
    """Preconditions that the plan could not know are looked at now.

    Raises:
        Diagnosed: one does not hold.
    """
    instance = work.configuration.instances.get(address)
    if instance is not None:
        problems = Problems()
        check_before(work.evaluation, instance, problems)
        problems.raise_if_any()


def hold_after(work: Work, address: Address) -> None:
    """Postconditions of an object that is made now.

    Raises:
        Diagnosed: one does not hold.
    """
    instance = work.configuration.instances.get(address)
    if instance is not None:
        problems = Problems()
        check_after(work.evaluation, instance, work.objects.get(address), problems)
        problems.raise_if_any()


def _intent(step: Step, provider: str, planned: Object, side_effects: bool) -> Intent | None:
    return Intent(step.id, step.address, step.verb, provider, str(planned.get("name", ""))) if side_effects else None


def _removal(work: Work, step: Step, change: Change) -> tuple[Callable[[], Sequence[Entry]], Entry | None]:
    address, snapshot = step.address, snapshot_of(work)
    recorded_at = _deposed_address(work, address) if change.action is Action.CREATE_THEN_DELETE else address
    intent = Intent(step.id, recorded_at, step.verb, change.provider)
    if step.verb == "forget":
        return lambda: [Forgotten(address)], None
    schema = work.edges.schemas.get(address.type)
    if schema is not None and schema.has_runs:
        active = [run for run in snapshot.ledger.of(address) if run.active]

        def halt() -> Sequence[Entry]:
            for run in active:
                work.edges.executor_of(run).stop(run)
            return [Forgotten(address)] if step.verb == "delete" else []

        return halt, intent if active else None
    record = snapshot.state.records.get(address)
    handler = work.edges.handler(change.provider, address.type, partial(work.reporter.progress, step))

    def remove() -> Sequence[Entry]:
        if handler is not None and record is not None:
            handler.delete(record)
        return [Forgotten(recorded_at)]

    return remove, intent if handler is not None and handler.side_effects else None


def _deposing(work: Work, change: Change) -> list[Entry]:
    """Where the new object comes first, the old one is remembered beside it until it is gone."""
    record = snapshot_of(work).state.records.get(change.address)
    if change.action is not Action.CREATE_THEN_DELETE or record is None:
        return []
    needs = snapshot_of(work).state.dependencies.get(str(change.address.resource), ())
    old = record._replace(address=_deposed_address(work, change.address), prevent_destroy=False, keep=False)
    return [Recorded(old, needs)]


def _deposed_address(work: Work, address: Address) -> Address:
    text = f"{work.plan.lineage} {work.plan.serial} {address}"
    return address._replace(deposed=hashlib.sha256(text.encode()).hexdigest()[:8])


def _recorded(work: Work, change: Change, item: Object, needs: tuple[str, ...]) -> Recorded:
    schema = work.edges.schemas[change.address.type]
    told = {*completed(schema), "last_succeeded"} if schema.has_runs else ()
    kept = {name: value for name, value in item.items() if name not in told} if told else item
    instance = work.configuration.instances.get(change.address)
    record = Record(
        change.address,
        change.provider,
        kept,
        work.plan.coordinates.get(change.provider, {}),
        schema.version,
        instance.block.lifecycle.prevent_destroy if instance is not None else False,
        instance.block.lifecycle.keep if instance is not None else False,
    )
    return Recorded(record, needs)


def _configured(work: Work, address: Address) -> frozenset[str]:
    attributes = work.edges.schemas[address.type].attributes
    return frozenset(name for name, attribute in attributes.items() if not attribute.computed)


def resolved(work: Work, change: Change) -> Object:
    """The planned object with what the plan left unknown or redacted evaluated now; the rest stands as reviewed.

    Raises:
        PlanformError: what is evaluated now contradicts what the plan knew.
    """
    after = change.after or {}
    instance = work.configuration.instances.get(change.address)
    missing = [name for name, value in after.items() if _is_open(value)] if not work.plan.refresh_only else []
    if not missing or instance is None:
        return after
    schema = work.edges.schemas[change.address.type]
    desired = convert_body(work.evaluation.body(instance), schema.attributes, (), [])
    desired, _, misfits = layered(desired, schema.attributes, reader(work.evaluation, work.configuration, instance))
    if misfits:
        raise Diagnosed(misfit_diagnostic(instance, misfit) for misfit in misfits)
    resolved = dict(after)
    for name in missing:
        if name in desired:
            if isinstance(after[name], dict) and isinstance(desired[name], dict):
                desired[name] = over(after[name], desired[name])  # what was filled in at plan time stands
            contradiction = next(disagreements(after[name], desired[name], (name,)), None)
            if contradiction is not None:
                raise PlanformError(
                    f"{change.address}: {'.'.join(map(str, contradiction[0]))} is not what the plan said it would be."
                )
            resolved[name] = desired[name]
    handler = work.edges.handler(change.provider, change.address.type) if not schema.has_runs else None
    if handler is not None:
        predicted = handler.predict(
            {name: value for name, value in resolved.items() if name in desired or name == "name"}
        )
        resolved.update({name: value for name, value in predicted.items() if name in missing})
    return resolved


def _is_open(value: Value) -> bool:
    kind = type(value)
    if kind is str or kind is int or value is None:
        return False
    return any(isinstance(leaf, (Unknown, Sealed)) for leaf in leaves(value))


def _unknown_names(planned: Object) -> str:
    return ", ".join(name for name, value in planned.items() if not is_wholly_known(value))


def sentence(error: BaseException) -> str:
    if isinstance(error, Diagnosed):
        return "; ".join(" ".join(filter(None, (item.summary, item.detail))) for item in error.problems)
    if isinstance(error, PlanformError):
        return " ".join(filter(None, (error.summary, error.detail, error.suggestion)))
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    return f"{type(error).__name__}: {error}"
