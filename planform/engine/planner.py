"""Desired against recorded and live: the changes, and the steps that make them true. No I/O (S2.1).

The walk visits every instance once, after all it refers to: evaluate, normalise both sides, *configuration wins,
computed keeps its value unless invalidated, the rest is unknown*, compare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from planform.core.addresses import Address
from planform.core.configuration import Configuration, Import, Instance, Place
from planform.core.differences import differing_leaves
from planform.core.errors import Diagnosed, Diagnostic, Problems
from planform.core.guards import Prices
from planform.core.plan import Action, Change, CheckResult, Drift, Leaf, OutputChange, Plan, RunPlan
from planform.core.reporter import Reporter
from planform.core.schemas import Misfit, Schema
from planform.core.secrets import sealed, sealer
from planform.core.state import Record, Snapshot
from planform.core.values import AttributePath, Object, Sensitive, Unknown, Value, has_sensitive, is_wholly_known
from planform.engine.conditions import check_after, check_before, run_checks
from planform.engine.definitions import takes_definition
from planform.engine.diff import changed_attributes, comparable, ignoring
from planform.engine.edges import Edges
from planform.engine.guards import limits_of
from planform.engine.instances import (
    NOTES,
    Walk,
    desired_object,
    kind_of,
    plan_object,
    prior_object,
    provider_changed,
    recorded_attributes,
)
from planform.engine.lookup import already_there
from planform.engine.moves import is_forgotten
from planform.engine.observe import Observation, portable
from planform.engine.places import misfit_diagnostic, provider_of
from planform.engine.protection import destruction_prevented
from planform.engine.steps import steps_of
from planform.engine.suggestions import move_suggestions
from planform.engine.trainers import plan_trainer
from planform.engine.walk import (
    dependency_table,
    in_order,
    instances_by_resource,
    select,
    with_dependencies,
    with_dependents,
)
from planform.language.scope import Evaluation
from planform.language.text import diagnostic_at


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the command line asks of a plan. Patterns are addresses or globs (S2.9)."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    retry_failed: bool = False
    destroy: bool = False
    refresh_only: bool = False
    prices: Prices | None = None


def plan(
    configuration: Configuration,
    evaluation: Evaluation,
    snapshot: Snapshot,
    observation: Observation,
    edges: Edges,
    options: PlanOptions,
    *,
    version: str,
    created_at: str,
    reporter: Reporter,
) -> Plan:
    """What must happen for the live objects to be as the files say.

    Raises:
        Diagnosed: everything that is wrong with the configuration, at once.
    """
    for address, item in observation.data.items():
        evaluation.set(address, item)
    records = snapshot.state.records
    known = {**configuration.instances, **records}
    dependencies = dependency_table(configuration)
    for resource, needs in snapshot.state.dependencies.items():
        dependencies.setdefault(resource, needs)
    problems = Problems()
    chosen = select(options.targets, known, "--target", problems)
    excluded = select(options.excludes, known, "--exclude", problems)
    replaced = select(options.replace, known, "--replace", problems)
    retried = select(options.retry, known, "--retry", problems)
    run = select(options.run, known, "--run", problems)
    problems.raise_if_any()
    chosen = _chosen(chosen, excluded, dependencies, known, options)
    walk = Walk(
        configuration,
        evaluation,
        snapshot,
        observation,
        edges,
        sealer(snapshot.state.salt),
        replace=replaced,
        retry=retried,
        run=run,
        retry_failed=options.retry_failed,
        prices=options.prices,
    )
    if options.refresh_only:
        _plan_refresh(walk, chosen)
    elif not options.destroy:
        _plan_instances(walk, chosen, reporter)
        _review(walk)
    if not options.refresh_only:
        _plan_removals(walk, chosen, destroy=options.destroy)
    _note_ended_runs(walk)
    walk.problems.raise_if_any()
    outputs = () if options.refresh_only else _plan_outputs(walk, destroy=options.destroy and not chosen)
    if not (options.refresh_only or options.destroy):
        walk.checks += run_checks(configuration, walk.evaluation, walk.problems)
    walk.problems.raise_if_any()
    changes = tuple(walk.changes[address] for address in sorted(walk.changes, key=Address.sort_key))
    steps = steps_of(changes, configuration, dependencies, snapshot.state.dependencies, edges.schemas)
    if not steps:
        # Nothing is done, so nothing unknown becomes known: a run in progress is no change (S3.3).
        outputs = tuple(item if is_wholly_known(item.after) else item._replace(after=item.before) for item in outputs)
    if not (options.refresh_only or options.destroy):
        walk.problems.items += move_suggestions(changes, edges.schemas)
    drift, unshown = _drift(walk, changes)
    touched = {step.address for step in steps}
    return Plan(
        id="",
        planform_version=version,
        created_at=created_at,
        name=configuration.name,
        workspace=configuration.workspace,
        lineage=snapshot.state.lineage,
        serial=snapshot.state.serial,
        salt=snapshot.state.salt,
        fresh=not snapshot.exists,
        changes=changes,
        steps=steps,
        outputs=outputs,
        drift=drift,
        drift_unshown=unshown,
        sources=configuration.sources,
        variables={
            name: value for name, value in configuration.variables.items() if name not in configuration.ephemeral
        },
        ephemeral=tuple(sorted(configuration.ephemeral)),
        data=observation.data,
        trees={portable(key, configuration.folder): tree.digest for key, tree in observation.trees.items()},
        records={address: records[address].digest() if address in records else "" for address in touched},
        coordinates=observation.coordinates,
        dependencies={str(address.resource): dependencies.get(str(address.resource), ()) for address in touched},
        targeted=bool(chosen),
        refresh_only=options.refresh_only,
        destroy=options.destroy,
        warnings=tuple(item for item in walk.problems.items if item.severity == "warning"),
        checks=(*_checked_variables(walk.evaluation), *walk.checks),
        prices_as_of=options.prices.as_of if options.prices is not None else "",
        limits=limits_of(configuration.limits, changes),
    )


def _plan_instances(walk: Walk, chosen: frozenset[Address], reporter: Reporter) -> None:
    grouped = walk.grouped = instances_by_resource(walk.configuration)
    total, done = len(walk.configuration.instances), 0
    for resource in in_order(walk.configuration):
        for address in grouped.get(resource, ()):
            done += 1
            if done % 500 == 0:
                reporter.planning("planning", done, total)
            instance = walk.configuration.instances[address]
            if chosen and address not in chosen:
                _keep(walk, address)
                continue
            if _takes_flawed(walk, instance):
                _keep(walk, address)
                continue
            told = len(walk.problems.items)
            try:
                change = _plan_instance(walk, instance)
            except Diagnosed as error:
                walk.problems.items.extend(error.problems)
                walk.flawed.add(resource)
                _keep(walk, address)
                continue
            if any(item.severity == "error" for item in walk.problems.items[told:]):
                walk.flawed.add(resource)
            walk.changes[address] = change
            walk.evaluation.set(address, change.after if change.after is not None else {})


def _takes_flawed(walk: Walk, instance: Instance) -> bool:
    """Whether it takes a definition that has been found wrong: the same need not be said of it again."""
    return any(
        needed.resource in walk.flawed and takes_definition(instance.block, needed, walk.edges.schemas)
        for needed in instance.block.dependencies
    )


def _plan_instance(walk: Walk, instance: Instance) -> Change:
    provider = provider_of(instance)
    kind = kind_of(walk, provider, instance.address.type)
    record = walk.snapshot.state.records.get(instance.address)
    importing = walk.observation.imports.get(instance.address)
    found = walk.observation.found.get(instance.address)
    if importing is not None and found is not None:
        record = Record(instance.address, provider, found)
    elif found is not None and record is None:
        raise Diagnosed([already_there(instance, found)])
    desired, told = desired_object(walk, instance, kind, record)
    if record is not None and record.provider != provider:
        walk.problems.add(provider_changed(instance, record, provider))
        return Change(instance.address, Action.NO_OP, record.object, record.object, provider)
    prior = prior_object(walk, record)
    if prior is not None and instance.block.lifecycle.ignore_changes:
        desired = ignoring(desired, prior, instance.block.lifecycle.ignore_changes, kind.schema)
    walk.checks += check_before(walk.evaluation, instance, walk.problems)
    plan_one = plan_trainer if kind.schema.has_runs else plan_object
    change = plan_one(walk, instance, kind, record, desired)
    walk.checks += check_after(walk.evaluation, instance, change.after, walk.problems)
    if importing is not None:
        change = change._replace(importing=importing.id)
        if change.action in (Action.DELETE_THEN_CREATE, Action.CREATE_THEN_DELETE):
            walk.problems.add(_unlike(instance, importing, change))
    elif record is not None:
        change = _settled(walk, _with_flags(change, record, instance), record)
    if change.after is not None and change.does_something:
        return change._replace(origins=_origins(instance.block.body, change.after, kind.schema, told))
    return change


def _origins(body: Value, item: Object, schema: Schema, told: Mapping[AttributePath, str]) -> dict[AttributePath, str]:
    """Whose the values are that a block does not say in place: of `told`, else the schema's defaults."""
    defaults = dict.fromkeys(_unwritten(body, item, schema), "default")
    return {**defaults, **told}


def _with_flags(change: Change, record: Record, instance: Instance) -> Change:
    """What lifecycle says of destroying is remembered, so that it holds when the block is gone; a change of it alone
    is recorded and touches nothing."""
    lifecycle = instance.block.lifecycle
    flags = (
        ("prevent_destroy", record.prevent_destroy, lifecycle.prevent_destroy),
        ("destroy", not record.keep, not lifecycle.keep),
    )
    leaves = tuple(Leaf(("lifecycle", name), before, after) for name, before, after in flags if before != after)
    if not leaves or change.action is not Action.NO_OP or change.run is not None:
        return change
    return change._replace(action=Action.READ, leaves=leaves, reason="lifecycle")


def _settled(walk: Walk, change: Change, record: Record) -> Change:
    """What an interrupted apply had changed before it could write that down is as the files say, and is recorded."""
    live = walk.observation.live.get(change.address)
    uncertain = any(intent.address == change.address for intent in walk.snapshot.uncertain)
    if not uncertain or live is None or change.action is not Action.NO_OP or change.run is not None:
        return change
    leaves = _drifted(walk, change.address, record.object, {**record.object, **live})
    return change._replace(action=Action.READ, leaves=leaves, reason="interrupted") if leaves else change


def _unwritten(body: Value, item: Object, schema: Schema) -> Iterator[AttributePath]:
    """The values of an object that its block does not say: defaults, and a name that was made up."""
    written = body if isinstance(body, dict) else {}
    for name, value in item.items():
        attribute = schema.attributes.get(name)
        if value is None or attribute is None or attribute.computed or isinstance(value, Unknown):
            continue
        if name not in written:
            yield (name,)
        else:
            yield from _filled_in(written[name], value, (name,))


def _filled_in(written: Value, value: Value, path: AttributePath) -> Iterator[AttributePath]:
    if isinstance(written, dict) and isinstance(value, dict):
        for key, item in value.items():
            if key in written:
                yield from _filled_in(written[key], item, (*path, key))
            elif item is not None:
                yield (*path, key)
    elif isinstance(written, list) and isinstance(value, list):
        for index, (left, right) in enumerate(zip(written, value, strict=False)):
            yield from _filled_in(left, right, (*path, index))


def _chosen(
    targets: frozenset[Address],
    excluded: frozenset[Address],
    dependencies: Mapping[str, Sequence[str]],
    known: Collection[Address],
    options: PlanOptions,
) -> frozenset[Address]:
    """What is planned: the targets with what they need, less the excluded and what needs those. In a destroy it is the
    other way round. Empty: everything.

    Raises:
        Diagnosed: nothing is left.
    """
    take, leave = (with_dependents, with_dependencies) if options.destroy else (with_dependencies, with_dependents)
    out = leave(excluded, dependencies, known)
    if targets:
        left = take(targets - out, dependencies, known) - out
    else:
        left = frozenset(known) - out if excluded else frozenset()
    if not left and (targets or excluded):
        raise Diagnosed([_nothing_left()])
    return left


def _plan_refresh(walk: Walk, chosen: frozenset[Address]) -> None:
    """What differs outside becomes what is recorded; nothing is touched (S8.2)."""
    for address, live in walk.observation.live.items():
        record = walk.snapshot.state.records[address]
        if live is record.object or (chosen and address not in chosen):
            continue
        after = {**record.object, **live} if live is not None else None
        if after is None:
            walk.changes[address] = Change(address, Action.FORGET, record.object, None, record.provider)
        elif _drifted(walk, address, record.object, after):
            walk.changes[address] = Change(address, Action.READ, record.object, after, record.provider)


def _nothing_left() -> Diagnostic:
    return Diagnostic("--exclude leaves nothing to plan.", "Everything is excluded, or needs what is excluded.")


def _review(walk: Walk) -> None:
    """Let each provider look at all of its planned objects together."""
    by_provider: dict[str, dict[Address, Change]] = {}
    for address, change in walk.changes.items():
        if change.after is not None and change.provider != "planform":
            by_provider.setdefault(change.provider, {})[address] = change
    for provider, changes in by_provider.items():
        for address, misfit, other in walk.edges.provider(provider).review(changes):
            place = walk.configuration.instances[other].block.place
            diagnostic = misfit_diagnostic(walk.configuration.instances[address], misfit)
            walk.problems.add(replace(diagnostic, related=((place.span, f"{other} is declared here"),)))


def _keep(walk: Walk, address: Address) -> None:
    """An instance that this plan leaves alone is worth what its record says; without a record it stays unknown."""
    record = walk.snapshot.state.records.get(address)
    if record is not None:
        walk.evaluation.set(address, recorded_attributes(record, walk.observation.ledger))


def _plan_removals(walk: Walk, chosen: frozenset[Address], *, destroy: bool) -> None:
    for address, record in walk.snapshot.state.records.items():
        if (chosen and address not in chosen) or (address in walk.configuration.instances and not destroy):
            continue
        instance = walk.configuration.instances.get(address)
        kept = instance.block.lifecycle.keep if instance is not None else record.keep
        forgotten = kept or (not destroy and is_forgotten(walk.configuration, address))
        protected = instance.block.lifecycle.prevent_destroy if instance is not None else record.prevent_destroy
        if protected and not forgotten:
            reason = "" if destroy else _removal_reason(walk, address)
            walk.problems.add(
                destruction_prevented(address, instance, walk.configuration.resources.get(address.resource), reason)
            )
        prior = recorded_attributes(record, walk.observation.ledger)
        active = next((run for run in walk.observation.ledger.of(address) if run.active), None)
        gone = address in walk.observation.live and walk.observation.live[address] is None
        walk.changes[address] = Change(
            address,
            Action.FORGET if forgotten else Action.DELETE,
            prior,
            None,
            record.provider,
            reason="" if destroy else _removal_reason(walk, address),
            run=RunPlan("nothing", cancels=active.number) if active and not forgotten else None,
            notes=("already gone",) if gone else (),
        )


def _note_ended_runs(walk: Walk) -> None:
    """Say which runs a queue ends that goes, or is made anew (S4.8)."""
    schemas = walk.edges.schemas.values()
    kinds = {schema.attributes["queue"].reference_to for schema in schemas if "queue" in schema.attributes}
    ending = (Action.DELETE, Action.DELETE_THEN_CREATE, Action.CREATE_THEN_DELETE)
    for address, change in walk.changes.items():
        if address.type not in kinds or change.action not in ending or change.before is None:
            continue
        inside = [
            f"{run.address} run {run.number} ({run.status})"
            for runs in walk.observation.ledger.runs.values()
            for run in runs
            if run.active
            and run.provider == change.provider
            and run.queue.rpartition("/")[2] == change.before.get("name")
        ]
        if inside:
            note = f"a queue that goes ends the jobs that wait in it, on AWS also those that run: {', '.join(inside)}"
            walk.changes[address] = change._replace(notes=(*change.notes, note))


def _removal_reason(walk: Walk, address: Address) -> str:
    if address.deposed:
        return "delete_because_deposed"
    if address.resource in walk.configuration.resources:
        if address.module not in walk.configuration.modules:
            return "delete_because_no_module"
        match walk.configuration.resources[address.resource].repetition, address.key:
            case "for_each", str():
                return "delete_because_each_key"
            case "count", int():
                return "delete_because_count_index"
            case "enabled", None:
                return "delete_because_enabled_false"
            case _:
                return "delete_because_wrong_repetition"
    return "delete_because_no_resource_config"


def _plan_outputs(walk: Walk, *, destroy: bool) -> tuple[OutputChange, ...]:
    before = walk.snapshot.state.outputs
    result: list[OutputChange] = []
    for name, block in walk.configuration.outputs.items():
        if destroy:
            result.append(OutputChange(name, before.get(name), None, block.sensitive))
            continue
        try:
            value = walk.evaluation.output(name)
        except Diagnosed as error:
            walk.problems.items.extend(error.problems)
            continue
        if has_sensitive(value) and not block.sensitive:
            walk.problems.add(_leaking_output(name, block.place))
        value = Sensitive(value) if block.sensitive and value is not None else value
        plain = sealed(value, walk.seal, ("output", name)) if has_sensitive(value) else value
        result.append(OutputChange(name, before.get(name), plain, block.sensitive))
    result += [
        OutputChange(name, value, None) for name, value in before.items() if name not in walk.configuration.outputs
    ]
    return tuple(result)


def _drift(walk: Walk, changes: Sequence[Change]) -> tuple[tuple[Drift, ...], int]:
    acting = {change.address for change in changes if change.does_something}
    own = {change.address for change in changes if change.reason == "interrupted"}
    shown: list[Drift] = []
    unshown = 0
    for address, live in walk.observation.live.items():
        record = walk.snapshot.state.records[address]
        if live is record.object or address in own:
            continue
        found = _drifted(walk, address, record.object, {**record.object, **live}) if live is not None else ()
        if live is not None and not found:
            continue
        if address in acting:
            shown.append(Drift(address, found, gone=live is None))
        else:
            unshown += 1
    return tuple(shown), unshown


def _drifted(walk: Walk, address: Address, recorded: Object, live: Object) -> tuple[Leaf, ...]:
    """What of the configurable attributes is not as it was recorded: only what planform manages can drift (S2.4)."""
    schema = walk.edges.schemas[address.type]
    left, right = comparable(recorded, schema, walk.seal), comparable(live, schema, walk.seal)
    return tuple(
        Leaf(path, before, after, note="changed outside")
        for name in changed_attributes(left, right, schema)
        for path, before, after in differing_leaves(left.get(name), right.get(name), (name,))
    )


def _checked_variables(evaluation: Evaluation) -> Iterator[CheckResult]:
    """The variables of the root module whose rules hold; those of the others stop everything before."""
    for name, variable in evaluation.module.variables.items():
        if variable.validations:
            yield CheckResult("var", f"var.{name}", "pass")


def _unlike(instance: Instance, importing: Import, change: Change) -> Diagnostic:
    forcing = [str(leaf.path[0]) for leaf in change.leaves if leaf.note == NOTES["replace"]]
    return misfit_diagnostic(
        instance,
        Misfit(
            (),
            f"{instance.address} would be imported only to be replaced.",
            f'"{importing.id}" differs in {", ".join(dict.fromkeys(forcing)) or "what cannot be changed"}.',
            "Write the block as the object is, import it, and change it in a second plan.",
        ),
    )


def _leaking_output(name: str, place: Place) -> Diagnostic:
    return diagnostic_at(
        place.source,
        place.span,
        f'Output "{name}" refers to a sensitive value.',
        detail="An output that is not marked sensitive would show it.",
        suggestion="Add `sensitive: true` to the output, or wrap the value in nonsensitive().",
    )
