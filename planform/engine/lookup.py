"""What plan looks up outside of the state: data sources, objects to import, objects that are there already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from planform.core.addresses import Address
from planform.core.configuration import Configuration, Import, Instance
from planform.core.errors import Diagnosed, Diagnostic, Problems, did_you_mean
from planform.core.resource import Query
from planform.core.schemas import Misfit
from planform.core.state import Run, Snapshot
from planform.core.values import Object, first_unknown, is_wholly_known
from planform.engine.edges import Edges
from planform.engine.names import generated_name
from planform.engine.places import misfit_diagnostic, provider_of
from planform.language.documents import locate
from planform.language.scope import Evaluation
from planform.language.text import diagnostic_at

Group: TypeAlias = tuple[str, str]  # provider, type


def read_data(configuration: Configuration, evaluation: Evaluation, edges: Edges) -> dict[Address, Object]:
    """All data, in rounds: what is known now is read in one call for each type, then what that made known (S2.1).

    `evaluation` learns each answer.

    Raises:
        Diagnosed: an argument is wrong or stays unknown, or there is no answer.
    """
    found: dict[Address, Object] = {}
    waiting, problems = dict(configuration.data), Problems()
    while waiting and not problems.items:
        groups: dict[Group, dict[Address, Query]] = {}
        for address, instance in waiting.items():
            try:
                arguments = evaluation.body(instance)
            except Diagnosed as error:
                problems.items += error.problems
                continue
            if is_wholly_known(arguments):
                query = Query(arguments, configuration.modules[address.module].folder)
                groups.setdefault((provider_of(instance), address.type), {})[address] = query
        if not groups and not problems.items:
            problems.items += [_never_known(evaluation, instance) for instance in waiting.values()]
        for (provider, type_name), queries in groups.items():
            source = edges.provider(provider).data_source(type_name)
            if source is None:
                problems.items += [_no_source(configuration.data[address], provider) for address in queries]
                continue
            for address, answer in zip(queries, source.read(list(queries.values())), strict=True):
                if isinstance(answer, Misfit):
                    problems.add(misfit_diagnostic(configuration.data[address], answer))
                    continue
                found[address] = {**answer, **queries[address].arguments}
                evaluation.set(address, found[address])
                del waiting[address]
    problems.raise_if_any()
    return found


def imports_of(configuration: Configuration, snapshot: Snapshot) -> dict[Address, Import]:
    """The objects that `import` blocks ask for and the state does not have.

    Raises:
        Diagnosed: nothing in the files declares the address, or two blocks want it.
    """
    wanted: dict[Address, Import] = {}
    problems = Problems()
    declared = {str(address): address for address in configuration.instances}
    for block in configuration.imports:
        address = declared.get(block.target)
        if address is None:
            problems.add(_undeclared(block, declared))
        elif address in wanted and wanted[address].id != block.id:
            problems.add(_twice(block, wanted[address]))
        elif address not in snapshot.state.records:
            wanted[address] = block
    problems.raise_if_any()
    return wanted


def find_objects(
    configuration: Configuration,
    evaluation: Evaluation,
    snapshot: Snapshot,
    edges: Edges,
    imports: Mapping[Address, Import],
    *,
    refresh: bool,
) -> dict[Address, Object]:
    """Live objects that are not recorded: those to be imported, and those that have a desired object's name (S2.5).
    What an interrupted apply may have made is not among them: creating adopts it.

    Raises:
        Diagnosed: there is nothing to import.
    """
    groups: dict[Group, dict[Address, str]] = {}
    begun = {intent.address for intent in snapshot.uncertain}
    for address, instance in configuration.instances.items():
        if edges.schemas[address.type].has_runs:
            continue
        if address in imports:
            groups.setdefault((provider_of(instance), address.type), {})[address] = imports[address].id
        elif refresh and address not in snapshot.state.records and address not in begun:
            name = _name(configuration, evaluation, instance, edges)
            if name:
                groups.setdefault((provider_of(instance), address.type), {})[address] = name
    found: dict[Address, Object] = {}
    problems = Problems()
    for (provider, type_name), ids in groups.items():
        handler = edges.handler(provider, type_name)
        live = handler.find(list(dict.fromkeys(ids.values()))) if handler is not None else {}
        for address, wanted in ids.items():
            if wanted in live:
                found[address] = live[wanted]
            elif address in imports:
                problems.add(_nothing_there(imports[address], type_name, provider))
    problems.raise_if_any()
    return found


def find_jobs(
    configuration: Configuration, evaluation: Evaluation, edges: Edges, imports: Mapping[Address, Import]
) -> dict[Address, Run]:
    """The jobs that `import` blocks name, as runs without a definition (S8.3).

    Raises:
        Diagnosed: there is none.
    """
    found: dict[Address, Run] = {}
    problems = Problems()
    for address, block in imports.items():
        if not edges.schemas[address.type].has_runs:
            continue
        instance = configuration.instances[address]
        provider = provider_of(instance)
        run = edges.executor(provider, evaluation.body(instance)).find(block.id)
        if run is None:
            problems.add(_nothing_there(block, "training job", provider))
        else:
            found[address] = run
    problems.raise_if_any()
    return found


def _name(configuration: Configuration, evaluation: Evaluation, instance: Instance, edges: Edges) -> str:
    """The name that an object will have; empty when it is not known now, or when its type has none."""
    schema = edges.schemas[instance.address.type]
    if not schema.named or schema.has_runs:
        return ""
    try:
        name = evaluation.body(instance).get("name")
    except Diagnosed:
        return ""  # planning evaluates it again, and reports
    if name is None:
        name = generated_name(configuration.name, configuration.workspace, instance.address)
    return name if isinstance(name, str) else ""


def already_there(instance: Instance, item: Object) -> Diagnostic:
    address = instance.address
    return misfit_diagnostic(
        instance,
        Misfit(
            (),
            f"{address} already exists: import it.",
            f'There is a {address.type} "{item.get("name")}" that is not recorded in this state.',
            f"Add to the files: import: [{{to: {_quoted(str(address))}, id: {_quoted(str(item.get('name')))}}}]; "
            "or choose another name.",
        ),
    )


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"' if " " in text or "[" in text else text


def _never_known(evaluation: Evaluation, instance: Instance) -> Diagnostic:
    unknown = first_unknown(evaluation.body(instance))
    what = unknown.origin if unknown is not None and unknown.origin else "an argument"
    return misfit_diagnostic(
        instance,
        Misfit(
            (),
            f"{instance.address} cannot be read.",
            f"It is read before anything is planned, but {what} is known only after apply.",
            "Give it a value that is known now.",
        ),
    )


def _no_source(instance: Instance, provider: str) -> Diagnostic:
    summary = f"Provider {provider} cannot look up a {instance.address.type}."
    return misfit_diagnostic(instance, Misfit((), summary, suggestion="Set `provider:` to one that can."))


def _undeclared(block: Import, declared: Mapping[str, Address]) -> Diagnostic:
    return _at_target(
        block,
        "Import to what is not declared",
        f"The files declare no {block.target}.",
        did_you_mean(block.target, declared) or "Declare the resource that it shall be, then plan again.",
    )


def _twice(block: Import, other: Import) -> Diagnostic:
    detail = f'{block.target} is already to be "{other.id}", by the entry at {other.place.span}.'
    return _at_target(block, "Imported twice", detail, "Take one of the two out.")


def _nothing_there(block: Import, type_name: str, provider: str) -> Diagnostic:
    place = block.place
    return diagnostic_at(
        place.source,
        locate(place.source, (*place.path, "id")),
        "Nothing to import",
        f'Provider {provider} knows no {type_name} "{block.id}".',
        "The id is its name or its ARN. If it shall be made, take this entry out.",
        address=block.target,
    )


def _at_target(block: Import, summary: str, detail: str, suggestion: str) -> Diagnostic:
    place = block.place
    span = locate(place.source, (*place.path, "to"))
    return diagnostic_at(place.source, span, summary, detail, suggestion, address=block.target)
