"""All the reading between expand and plan (S2.1): live objects in bulk, progress of runs, trees that runs read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from planform.core.addresses import Address
from planform.core.configuration import Configuration, Import, Instance
from planform.core.errors import Diagnosed
from planform.core.executor import Document, DocumentRead, RunRules, Tree, TreeRead
from planform.core.plan import Plan
from planform.core.reporter import Reporter
from planform.core.schemas import Misfit, convert_body
from planform.core.state import Ledger, Record, Run, RunStatus, Snapshot, progress
from planform.core.values import Object
from planform.engine.definitions import is_taken_whole
from planform.engine.edges import Edges
from planform.engine.lookup import find_jobs, find_objects, imports_of, read_data
from planform.engine.places import provider_of
from planform.engine.walk import in_order, instances_by_resource
from planform.language.scope import Evaluation, unknown_object


@dataclass(frozen=True, slots=True)
class Observation:
    """What is there now."""

    live: Mapping[Address, Object | None] = field(default_factory=dict)  # of the records that were read
    ledger: Ledger = field(default_factory=Ledger)  # with the progress of active runs
    stalled: frozenset[str] = frozenset()  # ids of queued runs that nothing will start
    trees: Mapping[str, Tree] = field(default_factory=dict)  # by TreeRead.key
    misfits: Mapping[Address, tuple[Misfit, ...]] = field(default_factory=dict)  # trees that could not be read
    unreadable: frozenset[str] = frozenset()  # their keys
    coordinates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # provider -> where it works
    gone: frozenset[str] = frozenset()  # ids of runs whose artifacts no longer exist
    produced: Mapping[str, str] = field(default_factory=dict)  # artifact -> digest of the run that made it
    data: Mapping[Address, Object] = field(default_factory=dict)  # what data sources said
    imports: Mapping[Address, Import] = field(default_factory=dict)  # that have yet to be recorded
    found: Mapping[Address, Object] = field(default_factory=dict)  # live, and not recorded
    jobs: Mapping[Address, Run] = field(default_factory=dict)  # to be imported
    documents: Mapping[tuple[str, DocumentRead], Document | Misfit] = field(default_factory=dict)  # by provider


def observe(
    configuration: Configuration,
    evaluation: Evaluation,
    snapshot: Snapshot,
    edges: Edges,
    *,
    refresh: bool,
    reporter: Reporter,
) -> Observation:
    """Read what planning needs. `refresh` False trusts the records and reads only files.

    Raises:
        PlanformError: a provider could not be asked.
    """
    providers = {provider_of(instance) for instance in configuration.instances.values()}
    records = snapshot.state.records
    data = read_data(configuration, evaluation, edges)
    imports = imports_of(configuration, snapshot)
    live = read_live(list(records.values()), edges, reporter) if refresh else {}
    ledger, stalled = read_progress(snapshot.ledger, edges)
    produced = {run.model_artifacts: run.digest for runs in ledger.runs.values() for run in runs if run.model_artifacts}
    trees, misfits, unreadable = read_trees(configuration, evaluation, edges, produced)
    return Observation(
        live=live,
        ledger=ledger,
        stalled=stalled,
        trees=trees,
        misfits=misfits,
        unreadable=unreadable,
        coordinates={name: dict(edges.provider(name).coordinates()) for name in sorted(providers)},
        produced=produced,
        data=data,
        imports=imports,
        documents=read_documents(configuration, evaluation, edges),
        jobs=find_jobs(configuration, evaluation, edges, imports),
        found=find_objects(configuration, evaluation, snapshot, edges, imports, refresh=refresh),
    )


def portable(key: str, folder: str) -> str:
    """A tree's key in a plan file: paths inside the root module are written without it; another checkout fits."""
    return key.replace(f"{folder}/", "")


def read_live(records: list[Record], edges: Edges, reporter: Reporter) -> dict[Address, Object | None]:
    """The live objects of the records, one call for each type of each provider."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.provider, record.address.type), []).append(record)
    live: dict[Address, Object | None] = {}
    done = 0
    for (provider, type_name), members in groups.items():
        reporter.planning("reading", done, len(records))
        done += len(members)
        schema = edges.schemas.get(type_name)
        if schema is None or schema.has_runs:
            continue
        handler = edges.handler(provider, type_name)
        if handler is not None and handler.side_effects:
            live.update(handler.read(members))
    return live


def read_progress(ledger: Ledger, edges: Edges) -> tuple[Ledger, frozenset[str]]:
    """The ledger with active runs as their executors tell them; an ended run is never asked again. A run that was
    intended but never launched is left out."""
    active: dict[tuple[str, str], list[Run]] = {}
    for runs in ledger.runs.values():
        for run in runs:
            if run.active:
                active.setdefault((run.provider, run.executor), []).append(run)
    if not active:
        return ledger, frozenset()
    seen: dict[str, RunStatus] = {}
    for members in active.values():
        seen.update(edges.executor_of(members[0]).observe(members))
    runs_now = {
        address: tuple(
            progress(run, seen[run.id]) if run.id in seen else run
            for run in runs
            if not (run.id in seen and seen[run.id].missing)
        )
        for address, runs in ledger.runs.items()
    }
    stalled = frozenset(run_id for run_id, status in seen.items() if status.stalled)
    return Ledger({address: runs for address, runs in runs_now.items() if runs}), stalled


def read_trees(
    configuration: Configuration, evaluation: Evaluation, edges: Edges, produced: Mapping[str, str]
) -> tuple[dict[str, Tree], dict[Address, tuple[Misfit, ...]], frozenset[str]]:
    """The trees that definitions of runs name; what names them must not depend on what apply makes."""
    wanted: dict[str, tuple[str, RunRules, TreeRead]] = {}
    users: dict[str, list[Address]] = {}
    for address, instance, desired in definitions(configuration, evaluation, edges):
        rules = edges.rules[address.type]
        for read in rules.reads(desired, configuration.modules[address.module].folder, produced):
            wanted.setdefault(read.key, (provider_of(instance), rules, read))
            users.setdefault(read.key, []).append(address)
    trees: dict[str, Tree] = {}
    misfits: dict[Address, tuple[Misfit, ...]] = {}
    for key, asked in wanted.items():
        found = edges.scan(*asked)
        if isinstance(found, Tree):
            trees[key] = found
        else:
            for address in users[key]:
                misfits[address] = (*misfits.get(address, ()), *found)
    return trees, misfits, frozenset(wanted) - frozenset(trees)


def read_documents(
    configuration: Configuration, evaluation: Evaluation, edges: Edges
) -> dict[tuple[str, DocumentRead], Document | Misfit]:
    """The documents of the models that definitions of runs name, each asked for once."""
    wanted: dict[str, dict[DocumentRead, None]] = {}
    for address, instance, desired in definitions(configuration, evaluation, edges):
        rules = edges.rules[address.type]
        for _, trainer, *_ in rules.trainers(desired):
            if (read := rules.document(trainer)) is not None:
                wanted.setdefault(provider_of(instance), {})[read] = None
    return {
        (provider, read): found
        for provider, reads in wanted.items()
        for read, found in edges.provider(provider).documents(list(reads)).items()
    }


def definitions(
    configuration: Configuration, evaluation: Evaluation, edges: Edges
) -> Iterator[tuple[Address, Instance, Object]]:
    """What is desired of each resource with runs, as far as it is known before planning; who takes another's definition
    comes after it."""
    types = {address.type for address in configuration.instances}
    if not any(edges.schemas[kind].has_runs for kind in types):
        return
    grouped = instances_by_resource(configuration)
    taken = {kind for kind in types if is_taken_whole(kind, {name: edges.schemas[name] for name in types})}
    for resource in in_order(configuration):
        schema = edges.schemas[resource.type]
        for address in grouped.get(resource, ()) if schema.has_runs else ():
            instance = configuration.instances[address]
            try:
                body = evaluation.body(instance)
            except Diagnosed:
                continue  # planning evaluates it again, with more known, and reports
            desired = convert_body(body, schema.attributes, (), [])
            if resource.type in taken:
                evaluation.set(address, {**unknown_object(address, schema, computed=True), **desired})
            yield address, instance, desired


def without_artifacts(plan: Plan, observation: Observation, edges: Edges) -> Observation | None:
    """The observation corrected for runs to be reused whose artifacts are gone; None when all exist."""
    gone: set[str] = set()
    by_executor: dict[tuple[str, str], list[Run]] = {}
    for change in plan.changes:
        if change.run is not None and change.run.decision == "reuse":
            run = next(run for run in observation.ledger.of(change.address) if run.id == change.run.run_id)
            by_executor.setdefault((run.provider, run.executor), []).append(run)
    for runs in by_executor.values():
        for run_id, status in edges.executor_of(runs[0]).observe(runs).items():
            if status.missing or not status.artifacts_exist:
                gone.add(run_id)
    return replace(observation, gone=observation.gone | gone) if gone else None
