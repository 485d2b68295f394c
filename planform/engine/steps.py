"""The changes of a plan as steps, and what each must wait for. Order is decided here, never by apply.

Gates keep the number of edges linear: a step waits for gates, not for steps. For a resource R there are the gates
`R` (made or changed), `R#deleted`, `R#removed` (the first half of a replacement), and for types with runs `R#stopped`,
`R#launched` and `R#completed` (S3.7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from planform.core.addresses import Address
from planform.core.configuration import Configuration, ResourceBlock
from planform.core.plan import Action, Change, Step, Verb
from planform.core.schemas import Schema
from planform.engine.definitions import takes_definition


def steps_of(
    changes: Sequence[Change],
    configuration: Configuration,
    dependencies: Mapping[str, Sequence[str]],
    recorded: Mapping[str, Sequence[str]],
    schemas: Mapping[str, Schema],
) -> tuple[Step, ...]:
    """The steps of all changes. `dependencies` are those of the configuration, `recorded` those of the state."""
    doing = [change for change in changes if change.action is not Action.NO_OP or change.importing]
    if not doing:
        return ()
    drafts: list[Step] = []
    needed_by = _dependents(recorded, dependencies)
    needs: dict[str, tuple[str, ...]] = {}
    for change in doing:
        resource = str(change.address.resource)
        if resource not in needs:
            block = configuration.resources.get(change.address.resource)
            needs[resource] = _gates(block, schemas)
        drafts += _steps(change, change.address.node, needs[resource], needed_by.get(resource, ()), schemas)
    drafts += _awaited(changes, drafts, needs)
    existing = {step.gate for step in drafts}
    drafts = [step._replace(after=tuple(gate for gate in step.after if gate in existing)) for step in drafts]
    if not _is_acyclic(drafts):
        # A deletion waits for updates that look elsewhere by then; where that closes a circle, deleting comes first.
        drafts = [
            step._replace(after=tuple(gate for gate in step.after if gate.endswith(("#deleted", "#removed"))))
            if step.verb == "delete"
            else step
            for step in drafts
        ]
    return tuple(step._replace(id=f"{index}:{step.verb}") for index, step in enumerate(drafts, start=1))


def _is_acyclic(steps: Sequence[Step]) -> bool:
    gates: dict[str, set[str]] = {}
    for step in steps:
        gates.setdefault(step.gate, set()).update(step.after)
    try:
        TopologicalSorter(gates).prepare()
    except CycleError:
        return False
    return True


def _gates(block: ResourceBlock | None, schemas: Mapping[str, Schema]) -> tuple[str, ...]:
    """The gates behind which everything a block refers to is ready."""
    gates: dict[str, None] = {}
    for needed in block.dependencies if block is not None else ():
        resource = str(needed.resource)
        schema = schemas.get(needed.resource.type)
        if schema is None or not schema.has_runs:
            gates[resource] = None
            continue
        gates[f"{resource}#launched"] = None
        if block is not None and takes_definition(block, needed, schemas):
            continue
        attribute = schema.attributes.get(needed.attribute) if needed.attribute else None
        if attribute is None or attribute.milestone == "completed":
            gates[f"{resource}#completed"] = None
    return tuple(gates)


def _dependents(*tables: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Resource -> the resources that refer to it, in the state or in the configuration."""
    reverse: dict[str, dict[str, None]] = {}
    for table in tables:
        for resource, needs in table.items():
            for needed in needs:
                reverse.setdefault(needed, {})[resource] = None
    return {resource: tuple(users) for resource, users in reverse.items()}


def _steps(
    change: Change, resource: str, needs: tuple[str, ...], users: Sequence[str], schemas: Mapping[str, Schema]
) -> list[Step]:
    address, schema = change.address, schemas.get(change.address.type)
    has_runs = schema is not None and schema.has_runs
    # Whoever uses an object must be gone, or look elsewhere, before the object is deleted.
    freed = tuple(f"{user}{end}" for user in users for end in ("#deleted", "#removed"))
    moved_on = (*freed, *users, *(f"{user}#launched" for user in users))
    match change.action:
        case Action.NO_OP:  # what is imported as it is, is only recorded
            return [_step(address, "record", resource, needs)]
        case Action.DELETE:
            return [_step(address, "delete", f"{resource}#deleted", moved_on)]
        case Action.FORGET:
            return [_step(address, "forget", f"{resource}#deleted", freed)]
        case Action.DELETE_THEN_CREATE:
            return [
                _step(address, "delete", f"{resource}#removed", freed),
                _step(address, "create", resource, (*needs, f"{resource}#removed")),
            ]
        case Action.CREATE_THEN_DELETE:
            return [
                _step(address, "create", resource, needs),
                _step(address, "delete", f"{resource}#removed", (resource, *moved_on)),
            ]
    if has_runs:
        return _run_steps(change, resource, needs)
    return [_step(address, _VERBS[change.action], resource, needs)]


_VERBS: Mapping[Action, Verb] = {Action.CREATE: "create", Action.UPDATE: "update", Action.READ: "record"}


def _run_steps(change: Change, resource: str, needs: tuple[str, ...]) -> list[Step]:
    run, address = change.run, change.address
    steps: list[Step] = []
    if run is not None and run.cancels:
        steps.append(_step(address, "stop", f"{resource}#stopped", ()))
    if run is None or run.decision != "new_run":
        return [*steps, _step(address, "record", f"{resource}#launched", (*needs, f"{resource}#stopped"))]
    detached = change.after is not None and change.after.get("wait") is False
    return [
        *steps,
        _step(address, "launch", f"{resource}#launched", (*needs, f"{resource}#stopped")),
        _step(address, "await", f"{resource}#completed", (f"{resource}#launched",), detached),
    ]


def _awaited(changes: Sequence[Change], drafts: Sequence[Step], needs: Mapping[str, tuple[str, ...]]) -> list[Step]:
    """Await steps for runs in progress whose result another step needs."""
    wanted = {gate for step in drafts for gate in needs.get(str(step.address.resource), ())}
    return [
        _step(change.address, "await", gate, ())
        for change in changes
        if change.run is not None and change.run.decision == "in_progress"
        for gate in [f"{change.address.resource}#completed"]
        if gate in wanted
    ]


def _step(address: Address, verb: Verb, gate: str, after: tuple[str, ...], detached: bool = False) -> Step:
    return Step("", address, verb, gate, tuple(item for item in after if item != gate), detached)
