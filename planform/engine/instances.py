"""One instance at a time: evaluate, normalise both sides, compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from planform.core.addresses import Address, ResourceAddress
from planform.core.configuration import Configuration, Instance
from planform.core.differences import differing_leaves
from planform.core.errors import Diagnosed, Diagnostic, Problems
from planform.core.executor import Completed, Document, DocumentRead, Jobs, RunRules
from planform.core.guards import Prices
from planform.core.plan import Action, Change, CheckResult, Leaf
from planform.core.resource import Handler
from planform.core.schemas import Attribute, Misfit, Schema, attribute_at, convert_body
from planform.core.secrets import Seal
from planform.core.state import Ledger, Record, Run, Snapshot, run_attributes
from planform.core.values import AttributePath, Object, Unknown, same, sensitive_path, value_at, with_value
from planform.engine.diff import changed_attributes, comparable
from planform.engine.edges import Edges
from planform.engine.layers import layered, reader
from planform.engine.names import generated_name
from planform.engine.observe import Observation
from planform.engine.places import misfit_diagnostic, provider_of
from planform.engine.protection import replacement_of_kept, replacement_prevented
from planform.language.documents import locate
from planform.language.scope import Evaluation


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type as one provider makes it, looked up once."""

    schema: Schema
    handler: Handler | None
    computed: tuple[tuple[str, Attribute], ...]


@dataclass(slots=True)
class Walk:
    """The state of one walk."""

    configuration: Configuration
    evaluation: Evaluation
    snapshot: Snapshot
    observation: Observation
    edges: Edges
    seal: Seal
    replace: frozenset[Address]
    retry: frozenset[Address]
    run: frozenset[Address]
    retry_failed: bool
    prices: Prices | None = None
    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    changes: dict[Address, Change] = field(default_factory=dict)
    grouped: dict[ResourceAddress, list[Address]] = field(default_factory=dict)  # instances of each resource
    held: dict[ResourceAddress, Address] = field(default_factory=dict)
    flawed: set[ResourceAddress] = field(default_factory=set)  # something is wrong with an instance of it
    names: dict[tuple[str, str, str], Address] = field(default_factory=dict)
    checks: list[CheckResult] = field(default_factory=list)
    notes: dict[Address, tuple[str, ...]] = field(default_factory=dict)  # of definitions that were completed


def recorded_attributes(record: Record, ledger: Ledger) -> Object:
    """A record with what its current run exports."""
    runs = ledger.of(record.address)
    run = current_run(record, runs)
    return {**record.object, **run_attributes(run, runs)} if run else record.object


def current_run(record: Record | None, runs: Sequence[Run]) -> Run | None:
    """The run that a trainer's record names."""
    number = record.object.get("run_number") if record is not None else None
    return next((run for run in runs if run.number == number), None)


def kind_of(walk: Walk, provider: str, type_name: str) -> Kind:
    found = walk.kinds.get((provider, type_name))
    if found is None:
        schema = walk.edges.schemas[type_name]
        found = Kind(schema, walk.edges.handler(provider, type_name), tuple(schema.computed().items()))
        walk.kinds[provider, type_name] = found
    return found


def desired_object(
    walk: Walk, instance: Instance, kind: Kind, record: Record | None
) -> tuple[Object, Mapping[AttributePath, str]]:
    """The configured body, completed and checked, with a name; and whose the values are that it does not say itself.

    Raises:
        Diagnosed: an expression failed or a value does not fit.
    """
    schema = kind.schema
    if instance.block.converted is not None:
        desired = instance.block.converted
    else:
        misfits: list[Misfit] = []
        desired = convert_body(walk.evaluation.body(instance), schema.attributes, (), misfits)
        if misfits:
            raise Diagnosed(misfit_diagnostic(instance, misfit) for misfit in misfits)
        report(walk, instance, _secrets_in_public(schema, desired))
    origins: Mapping[AttributePath, str] = {}
    if schema.has_runs:
        desired, origins = _completed(walk, instance, schema, desired)
    if schema.check is not None:
        report(walk, instance, schema.check(desired))
    if not schema.named:
        return desired, origins
    name = desired.get("name")
    if name is None:
        kept = record.object.get("name") if record is not None else None
        name = kept or generated_name(walk.configuration.name, walk.configuration.workspace, instance.address)
        desired = {**desired, "name": name}
    if isinstance(name, str):
        _claim_name(walk, instance, name)
    return desired, origins


def _completed(
    walk: Walk, instance: Instance, schema: Schema, desired: Object
) -> tuple[Object, Mapping[AttributePath, str]]:
    """A definition with its layers merged, and what it leaves to a model of a hub filled in.

    Raises:
        Diagnosed: a layer or the model cannot be had.
    """
    desired, origins, misfits = layered(
        desired, schema.attributes, reader(walk.evaluation, walk.configuration, instance)
    )
    if misfits:
        raise Diagnosed(misfit_diagnostic(instance, misfit) for misfit in misfits)
    rules, provider = walk.edges.rules[instance.address.type], provider_of(instance)
    walk.notes.pop(instance.address, None)
    for jobs in rules.trainers(desired):
        found = _of_model(walk, instance, rules, jobs, origins)
        uri = walk.edges.executor(provider, desired).image(found.object) if walk.edges.images else ""
        if uri in walk.edges.images:
            found = _pinned(found, uri, walk.edges.images[uri])
        if found.object is not jobs.trainer:
            desired = with_value(desired, jobs.place, found.object) if jobs.place else found.object
        origins = {**{(*jobs.place, *path): origin for path, origin in found.origins.items()}, **origins}
    return desired, origins


def _of_model(
    walk: Walk, instance: Instance, rules: RunRules, jobs: Jobs, files: Mapping[AttributePath, str]
) -> Completed:
    """A trainer with what it leaves to a model of a hub; what is wrong with it is reported where it stands, or with the
    file that the value comes from."""
    place, beside = jobs.place, jobs.place[:-1]
    read = rules.document(jobs.trainer)
    document = _document(walk, provider_of(instance), read) if read is not None else None
    if isinstance(document, Misfit):
        raise Diagnosed([misfit_diagnostic(instance, _at(place, document))])
    if read is not None and document is None:
        return Completed(jobs.trainer)
    written = value_at(walk.evaluation.written(instance), place) if document is not None else None
    completed = rules.complete(jobs, written if isinstance(written, dict) else {}, document)
    for start, misfits in ((place, completed.misfits), (beside, completed.range_misfits)):
        report(walk, instance, (_of_file(_at(start, misfit), files) for misfit in misfits))
    for start, warnings in ((place, completed.warnings), (beside, completed.range_warnings)):
        for warning in warnings:
            told = _of_file(_at(start, warning), files)
            walk.problems.add(replace(misfit_diagnostic(instance, told), severity="warning"))
    walk.notes[instance.address] = (*walk.notes.get(instance.address, ()), *completed.notes)
    return completed


def _document(walk: Walk, provider: str, read: DocumentRead) -> Document | Misfit | None:
    """What was read for it; a trainer that another took whole names the version that was found for it."""
    found = walk.observation.documents.get((provider, read))
    if found is not None or not read.version:
        return found
    newest = walk.observation.documents.get((provider, read._replace(version="")))
    return newest if isinstance(newest, Document) and newest.version == read.version else None


def _at(place: AttributePath, misfit: Misfit) -> Misfit:
    return misfit._replace(path=(*place, *misfit.path))


def _of_file(misfit: Misfit, files: Mapping[AttributePath, str]) -> Misfit:
    return misfit._replace(detail=f"It stands in {files[misfit.path]}.") if misfit.path in files else misfit


def _pinned(found: Completed, uri: str, digest: str) -> Completed:
    """A trainer whose image is the one that the lock file has."""
    image = with_value(found.object, ("training_image",), f"{uri.rpartition(':')[0]}@{digest}")
    return found._replace(
        object=image, origins={**found.origins, ("training_image",): f"pinned: {uri.rpartition('/')[2]}"}
    )


def _secrets_in_public(schema: Schema, desired: Object) -> Iterator[Misfit]:
    """Sensitive values where everybody may read (S6.2)."""
    for name in schema.public:
        path = sensitive_path(desired.get(name), (name,))
        if path is not None:
            yield Misfit(
                path,
                f"{name} of a {schema.type} may not be sensitive.",
                "Whoever may list what exists can read it; it could not be kept secret.",
                "Take it out, or if it is no secret wrap it in nonsensitive().",
            )


def _claim_name(walk: Walk, instance: Instance, name: str) -> None:
    claim = (provider_of(instance), instance.address.type, name)
    other = walk.names.setdefault(claim, instance.address)
    if other != instance.address:
        place = walk.configuration.instances[other].block.place
        walk.problems.add(
            replace(
                misfit_diagnostic(
                    instance, Misfit(("name",), f'Two {instance.address.type}s would be named "{name}".')
                ),
                detail=f"{other} ({place.span}) has this name already.",
                suggestion="Give one of them another `name`.",
            )
        )


def plan_object(walk: Walk, instance: Instance, kind: Kind, record: Record | None, desired: Object) -> Change:
    """The change of one object without runs."""
    provider = provider_of(instance)
    if kind.handler is None:
        raise Diagnosed([_no_handler(instance, provider)])
    report(walk, instance, kind.handler.check(instance.address, desired))
    prior = prior_object(walk, record)
    if prior is None:
        after = _with_computed(kind, desired, None, kind.handler.predict(desired), (), instance.address)
        return Change(instance.address, Action.CREATE, None, after, provider, instance.block.place.span)
    before_form, desired_form = comparable(prior, kind.schema, walk.seal), comparable(desired, kind.schema, walk.seal)
    changed = changed_attributes(before_form, desired_form, kind.schema)
    by_request = instance.address in walk.replace
    triggered = trigger_of(walk, instance)
    forcing = [name for name in changed if kind.schema.attributes[name].change == "replace"]
    if kind.schema.replaces is not None:
        forcing += [name for name in kind.schema.replaces(before_form, desired_form) if name in changed]
    predicted = kind.handler.predict(desired)
    if not (changed or by_request or triggered is not None):
        after = _with_computed(kind, desired, prior, predicted, (), instance.address)
        return Change(instance.address, Action.NO_OP, prior, after, provider, instance.block.place.span)
    replacing = bool(forcing) or by_request or triggered is not None
    if replacing and instance.block.lifecycle.keep:
        walk.problems.add(replacement_of_kept(instance, forcing))
    after = _with_computed(kind, desired, None if replacing else prior, predicted, changed, instance.address)
    leaves = changed_leaves(
        instance, kind.schema, before_form, comparable(after, kind.schema, walk.seal), changed, NOTES, forcing
    )
    if replacing and instance.block.lifecycle.prevent_destroy:
        causes = [leaf for leaf in leaves if leaf.note == NOTES["replace"]]
        walk.problems.add(replacement_prevented(instance, causes, triggered))
    return Change(
        instance.address,
        _replacement(walk, instance, prior, after) if replacing else Action.UPDATE,
        prior,
        after,
        provider,
        instance.block.place.span,
        leaves=leaves,
        reason=_reason(by_request, bool(forcing), triggered is not None),
    )


def _replacement(walk: Walk, instance: Instance, prior: Object, after: Object) -> Action:
    """Which of the two comes first. What others keep from being deleted is made first under its new name, so that they
    can look elsewhere before the old one goes (S4.8)."""
    schema, first = walk.edges.schemas[instance.address.type], instance.block.lifecycle.create_before_destroy
    renamed = not schema.named or prior.get("name") != after.get("name")
    if first and not renamed:
        why = f'The new {instance.address} would be made beside the old one, and both be named "{after.get("name")}".'
        advice = "Give it another name, or leave lifecycle.create_before_destroy out."
        report(walk, instance, [Misfit(("name",) if "name" in instance.block.body else (), why, suggestion=advice)])
    if first or (renamed and _keeps_others(walk, instance)):
        return Action.CREATE_THEN_DELETE
    return Action.DELETE_THEN_CREATE


def _keeps_others(walk: Walk, instance: Instance) -> bool:
    """Whether a resource that refers to it keeps it from being deleted."""
    address = instance.block.address
    return any(
        attribute.blocks_delete and attribute.reference_to == address.type
        for block in walk.configuration.resources.values()
        if any(needed.resource == address for needed in block.dependencies)
        for attribute in walk.edges.schemas[block.address.type].attributes.values()
    )


def _reason(by_request: bool, forced: bool, triggered: bool) -> str:
    if by_request:
        return "replace_by_request"
    if forced:
        return "replace_because_cannot_update"
    return "replace_by_triggers" if triggered else ""


def trigger_of(walk: Walk, instance: Instance) -> Change | None:
    """The first change in this plan of something that its lifecycle.replace_triggered_by names."""
    for resource, attribute in instance.block.lifecycle.replace_triggered_by:
        for address in walk.grouped.get(resource, ()):
            change = walk.changes.get(address)
            if change is None or address.module != instance.address.module or change.action is Action.NO_OP:
                continue
            if attribute is None or change.before is None or change.after is None:
                return change
            if not same(change.before.get(attribute), change.after.get(attribute)):
                return change
    return None


def prior_object(walk: Walk, record: Record | None) -> Object | None:
    """The object as it is: recorded, with what is live laid over it; None when it is gone."""
    if record is None:
        return None
    live = walk.observation.live.get(record.address, record.object)
    if live is None:
        return None
    return record.object if live is record.object else {**record.object, **live}


def _with_computed(
    kind: Kind, desired: Object, prior: Object | None, predicted: Object, changed: Sequence[str], address: Address
) -> Object:
    planned = dict(desired)
    for name, attribute in kind.computed:
        if name in planned:
            continue
        if name in predicted:
            planned[name] = predicted[name]
        elif prior is None or any(cause in changed for cause in attribute.unknown_when):
            planned[name] = Unknown(f"{address}.{name}")
        else:
            planned[name] = prior.get(name)
    return planned


NOTES = {"replace": "forces replacement", "next_run": "takes effect at the next run"}


def changed_leaves(
    instance: Instance,
    schema: Schema,
    before: Object,
    after: Object,
    changed: Sequence[str],
    notes: Mapping[str, str],
    forcing: Sequence[str] = (),
) -> tuple[Leaf, ...]:
    """The leaves that differ, each with its place and with the note that `notes` has for its class of change."""
    place = instance.block.place
    return tuple(
        Leaf(
            path,
            left,
            right,
            locate(place.source, (*place.path, *path)),
            notes.get("replace" if name in forcing else attribute_at(schema.attributes, path).change, ""),
        )
        for name in changed
        for path, left, right in differing_leaves(before.get(name), after.get(name), (name,))
    )


def report(walk: Walk, instance: Instance, misfits: Iterable[Misfit]) -> None:
    for misfit in misfits:
        walk.problems.add(misfit_diagnostic(instance, misfit))


def _no_handler(instance: Instance, provider: str) -> Diagnostic:
    return misfit_diagnostic(
        instance,
        Misfit(
            (),
            f"Provider {provider} cannot make a {instance.address.type}.",
            suggestion="Set `provider:` to one that can.",
        ),
    )


def provider_changed(instance: Instance, record: Record, provider: str) -> Diagnostic:
    return misfit_diagnostic(
        instance,
        Misfit(
            (),
            f"{instance.address} was made by provider {record.provider} and would move to {provider}.",
            "An object does not move between providers; what exists would be lost from sight.",
            "Use another workspace for the other provider (planform -w NAME plan), or destroy this one first.",
        ),
    )
