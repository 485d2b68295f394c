"""What has runs cannot be compared like an object: what matters is which run its definition calls for (S3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from planform.core.addresses import Address
from planform.core.configuration import Instance
from planform.core.executor import Executor, RunRules
from planform.core.hyperparameters import decode, wire_text
from planform.core.plan import Action, Change, Decision, RunPlan
from planform.core.schemas import Misfit, Schema
from planform.core.state import Record, Run, run_attributes
from planform.core.values import Object, Unknown, Value, first_unknown, has_sensitive, same
from planform.engine.costs import Jobs, with_cost
from planform.engine.definitions import completed, takes_definition
from planform.engine.diff import changed_attributes, comparable
from planform.engine.instances import (
    NOTES,
    Kind,
    Walk,
    changed_leaves,
    current_run,
    recorded_attributes,
    report,
    trigger_of,
)
from planform.engine.names import generated_name
from planform.engine.places import provider_of
from planform.engine.runs import Definition, Options, decide


def plan_trainer(walk: Walk, instance: Instance, kind: Kind, record: Record | None, desired: Object) -> Change:
    """The change of one resource with runs: its configuration, and what happens to its runs."""
    address, schema, rules = instance.address, kind.schema, walk.edges.rules[instance.address.type]
    provider, runs = provider_of(instance), walk.observation.ledger.of(instance.address)
    report(walk, instance, walk.observation.misfits.get(address, ()))
    executor = walk.edges.executor(provider, desired)
    refused, notes = executor.check(desired)
    report(walk, instance, refused)
    notes = [*walk.notes.get(address, ()), *notes]
    prior = recorded_attributes(record, walk.observation.ledger) if record is not None else None
    blocked = _held_dependency(walk, instance)
    if blocked is not None:
        return Change(address, Action.NO_OP, prior, prior, provider, notes=(f"waits for {blocked}, which is held",))
    folder = walk.configuration.modules[address.module].folder
    report(walk, instance, _unread(walk, rules, desired, folder))
    components = rules.components(desired, walk.observation.trees, folder, walk.observation.produced, walk.seal)
    unknown = first_unknown(desired) if components is None else None
    wanted = Definition(
        components,
        digest=rules.digest(components) if components is not None else "",
        provider=provider,
        executor=executor.name,
        coordinates=walk.observation.coordinates.get(provider, {}),
        mode=desired.get("run", "on_change"),
        on_change=desired.get("on_change", "finish"),
        max_attempts=desired.get("max_attempts", 2),
        waits_for=unknown.origin if unknown is not None else "",
    )
    asked = Options(
        address in walk.retry,
        walk.retry_failed,
        address in walk.run or trigger_of(walk, instance) is not None,
        walk.observation.gone,
        walk.observation.stalled,
    )
    if record is None and address in walk.observation.jobs:
        return _adopted(walk, instance, desired, wanted, tuple(notes))
    current = current_run(record, runs)
    run = decide(wanted, runs, current, asked)
    run, exported = _run_outcome(walk, instance, run, executor, runs)
    if run.decision == "new_run":
        before = _jobs(rules, prior) if prior is not None else None
        run = with_cost(run, _jobs(rules, desired), before, executor.name, wanted.coordinates, walk.prices)
        run = _packaged(walk, rules, desired, run, folder)
    if run.decision == "held":
        walk.held[instance.block.address] = address
    after = {**desired, **{name: exported.get(name) for name, _ in kind.computed if name not in desired}}
    return _trainer_change(walk, instance, schema, prior, after, run, tuple(notes))


def _adopted(walk: Walk, instance: Instance, desired: Object, wanted: Definition, notes: tuple[str, ...]) -> Change:
    """The change of a trainer that takes over a job which somebody else launched, as its first run (S8.3)."""
    address, job = instance.address, walk.observation.jobs[instance.address]
    if wanted.components is None:
        report(walk, instance, [Misfit((), "A job can be imported only for a definition that is wholly known.")])
    number = max((run.number for run in walk.observation.ledger.of(address)), default=0) + 1
    run = job._replace(
        id=walk.edges.rules[address.type].run_id(walk.snapshot.state.lineage, str(address), wanted.digest, number),
        address=str(address),
        number=number,
        digest=wanted.digest,
        components=wanted.components or {},
        provider=wanted.provider,
        coordinates=wanted.coordinates,
        adopted=True,
    )
    exported = run_attributes(run, [run])
    if run.active:
        exported |= {name: Unknown(f"{address}.{name}") for name in completed(walk.edges.schemas[address.type])}
    after = {**desired, **exported}
    decision: Decision = "in_progress" if run.active else "nothing"
    planned = RunPlan(decision, number, run.id, job_name=run.job_name, digest=run.digest, components=run.components)
    span = instance.block.place.span
    notes = (*notes, *_unlike_job(walk.edges.rules[address.type], desired, run))
    return Change(address, Action.NO_OP, after, after, wanted.provider, span, run=planned, notes=notes, adopts=run)


def _unlike_job(rules: RunRules, desired: Object, run: Run) -> Iterator[str]:
    """Where the files say something else than the job was given; the rest of a job's definition cannot be seen."""
    given = rules.hyperparameters(desired)
    for name in sorted({*given, *run.hyperparameters}):
        left, right = run.hyperparameters.get(name), given.get(name)
        if not has_sensitive(right) and not same(decode(left), decode(right)):
            yield f"hyperparameters.{name} is {_said(right)} here, and was {_said(left)} in the job"


def _said(value: Value) -> str:
    return "not set" if value is None else wire_text(value)


def _jobs(rules: RunRules, desired: Object) -> Jobs:
    return [(item.trainer, times) for item, times in zip(rules.trainers(desired), rules.times(desired), strict=True)]


def _unread(walk: Walk, rules: RunRules, desired: Object, folder: str) -> list[Misfit]:
    """Paths that only came to be known while planning: nothing was read there, so no digest can be made of them."""
    observation = walk.observation
    return [
        Misfit(
            read.attribute,
            f"{read.path} comes from a resource, and what a run reads must be known before anything is planned.",
            suggestion="Name the path by variables and locals; the artifacts of another trainer may be named directly.",
        )
        for read in rules.reads(desired, folder, observation.produced)
        if read.key not in observation.trees and read.key not in observation.unreadable
    ]


def _run_outcome(
    walk: Walk, instance: Instance, run: RunPlan, executor: Executor, runs: Sequence[Run]
) -> tuple[RunPlan, Object]:
    """The run plan with its names, and what the trainer will export."""
    address = instance.address
    open_until_ended = {name: Unknown(f"{address}.{name}") for name in completed(walk.edges.schemas[address.type])}
    known = next((item for item in runs if item.number == run.number), None)
    if run.decision != "new_run" and known is not None:
        exported = run_attributes(known, runs)
        if known.active:
            exported = {**exported, **open_until_ended}
        return run, exported
    exported = dict.fromkeys(open_until_ended) if run.decision == "nothing" else dict(open_until_ended)
    exported["last_succeeded"] = Unknown(f"{address}.last_succeeded") if run.decision == "new_run" else None
    if run.decision == "nothing":
        return run, {**exported, "run_number": None, "job_name": None, "job_arn": None}
    exported["run_number"] = run.number
    if not run.digest:
        return run, {**exported, "job_name": Unknown(f"{address}.job_name"), "job_arn": Unknown(f"{address}.job_arn")}
    rules = walk.edges.rules[address.type]
    run_id = rules.run_id(walk.snapshot.state.lineage, str(address), run.digest, run.number)
    job_name = rules.job_name(generated_name(walk.configuration.name, walk.configuration.workspace, address), run_id)
    predicted = executor.predict(job_name, run_id, str(address))
    return run._replace(run_id=run_id, job_name=job_name), {**exported, "job_name": job_name, **predicted}


def _packaged(walk: Walk, rules: RunRules, desired: Object, run: RunPlan, folder: str) -> RunPlan:
    """A new run with the source tree that it packages."""
    for read in rules.reads(desired, folder, walk.observation.produced):
        tree = walk.observation.trees.get(read.key)
        if read.kind == "source" and tree is not None:
            return run._replace(files=len(tree.files), bytes=tree.bytes, largest=tree.largest)
    return run


def _trainer_change(
    walk: Walk,
    instance: Instance,
    schema: Schema,
    prior: Object | None,
    after: Object,
    run: RunPlan,
    notes: tuple[str, ...],
) -> Change:
    address, provider, span = instance.address, provider_of(instance), instance.block.place.span
    if prior is None:
        return Change(address, Action.CREATE, None, after, provider, span, run=run, notes=notes)
    before_form, after_form = comparable(prior, schema, walk.seal), comparable(after, schema, walk.seal)
    changed = changed_attributes(before_form, after_form, schema)
    acts = (
        bool(changed)
        or run.decision in ("new_run", "reuse")
        or not same(prior.get("run_number"), after.get("run_number"))
    )
    return Change(
        address,
        Action.UPDATE if acts else Action.NO_OP,
        prior,
        after,
        provider,
        span,
        leaves=changed_leaves(
            instance, schema, before_form, after_form, changed, {} if run.decision == "new_run" else NOTES
        ),
        run=run,
        notes=notes,
    )


def _held_dependency(walk: Walk, instance: Instance) -> Address | None:
    schemas = walk.edges.schemas
    for needed in instance.block.dependencies:
        if needed.resource not in walk.held or takes_definition(instance.block, needed, schemas):
            continue
        if needed.attribute is None or needed.attribute in completed(schemas[needed.resource.type]):
            return walk.held[needed.resource]
    return None
