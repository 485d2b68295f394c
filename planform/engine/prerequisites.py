"""What jobs need that no block declares, as steps of the plan: made before the first job that needs it is launched.

Which jobs are launched is known only after planning, and planning does no I/O; so the plan is completed afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from planform.core.addresses import Address
from planform.core.configuration import Configuration
from planform.core.errors import Problems
from planform.core.plan import Action, Change, Plan, Step
from planform.core.resource import Prerequisite
from planform.core.schemas import Misfit
from planform.engine.edges import Edges
from planform.engine.places import misfit_diagnostic


def with_prerequisites(plan: Plan, configuration: Configuration, edges: Edges) -> Plan:
    """The plan with a step for everything that its new jobs need and that is not there.

    Raises:
        Diagnosed: something that they need is missing, and not planform's to make.
    """
    launched = {step.address for step in plan.steps if step.verb == "launch"}
    made: dict[Address, Change] = {}
    needs: dict[Address, str] = {}  # job -> the gate that it waits for
    problems = Problems()
    for provider, jobs in _by_provider(change for change in plan.changes if change.address in launched).items():
        objects = {address: change.after or {} for address, change in jobs.items()}
        for job, found in edges.provider(provider).prerequisites(objects).items():
            if isinstance(found, Misfit):
                problems.add(misfit_diagnostic(configuration.instances[job], found))
            else:
                made.setdefault(found.address, _change(provider, found))
                needs[job] = str(found.address)
    problems.raise_if_any()
    if not made:
        return plan
    steps = [Step("", address, "create", str(address)) for address in made]
    for step in plan.steps:
        waits = step.verb == "launch" and step.address in needs
        steps.append(step._replace(after=(*step.after, needs[step.address])) if waits else step)
    return plan._replace(
        changes=tuple(sorted((*plan.changes, *made.values()), key=lambda change: change.address.sort_key())),
        steps=tuple(step._replace(id=f"{index}:{step.verb}") for index, step in enumerate(steps, start=1)),
    )


def with_remains(plan: Plan, edges: Edges) -> Plan:
    """The plan with a note on what stays when trainers are destroyed."""
    gone = [
        change
        for change in plan.changes
        if change.action is Action.DELETE and (schema := edges.schemas.get(change.address.type)) and schema.has_runs
    ]
    noted: dict[Address, Change] = {}
    for provider, trainers in _by_provider(gone).items():
        note = edges.provider(provider).remains([change.before or {} for change in trainers.values()])
        if note:
            noted |= {address: change._replace(notes=(*change.notes, note)) for address, change in trainers.items()}
    if not noted:
        return plan
    return plan._replace(changes=tuple(noted.get(change.address, change) for change in plan.changes))


def _by_provider(changes: Iterable[Change]) -> Mapping[str, Mapping[Address, Change]]:
    found: dict[str, dict[Address, Change]] = {}
    for change in changes:
        found.setdefault(change.provider, {})[change.address] = change
    return found


def _change(provider: str, item: Prerequisite) -> Change:
    return Change(item.address, Action.CREATE, None, item.object, provider, purpose=item.purpose, notes=item.notes)
