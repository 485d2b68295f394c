"""Limits: what a plan comes to, and which of them it may exceed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from planform.core.errors import Diagnostic, PlanformError, did_you_mean
from planform.core.guards import LIMITS, Bound, Limit, LimitName
from planform.core.plan import Action, Change, Plan

NO_PRICES = "there are no prices"
SHOWN = 3  # of those that contribute most
_DESTROYS = (Action.DELETE, Action.DELETE_THEN_CREATE, Action.CREATE_THEN_DELETE)


def limits_of(bounds: Sequence[Bound], changes: Iterable[Change]) -> tuple[Limit, ...]:
    """The limits that the files set, with what the changes come to."""
    if not bounds:
        return ()
    runs = [(str(item.address), item.run) for item in changes if item.run is not None]
    new = [(address, run) for address, run in runs if run.decision == "new_run"]
    destroyed = [(str(item.address), 1.0) for item in changes if item.action in _DESTROYS]
    parts: Mapping[LimitName, list[tuple[str, float]]] = {
        "max_new_runs": [(address, 1.0) for address, _ in sorted(new, key=lambda item: -item[1].instance_hours)],
        "max_instance_hours": [(address, run.instance_hours) for address, run in new],
        "max_cost_usd": [(address, run.usd) for address, run in new if run.usd is not None],
        "max_destroy": destroyed,
    }
    unbounded: Mapping[LimitName, tuple[tuple[str, str], ...]] = {
        "max_instance_hours": tuple((address, run.unsized) for address, run in new if run.unsized),
        "max_cost_usd": tuple(
            (address, run.unsized or ", ".join(run.unpriced) or NO_PRICES) for address, run in new if run.usd is None
        ),
    }
    return tuple(_limit(bound, parts[bound.name], unbounded.get(bound.name, ())) for bound in bounds)


def _limit(bound: Bound, parts: Sequence[tuple[str, float]], unbounded: tuple[tuple[str, str], ...]) -> Limit:
    largest = tuple(sorted((part for part in parts if part[1]), key=lambda part: -part[1])[:SHOWN])
    return Limit(bound.name, bound.maximum, sum(value for _, value in parts), bound.span, largest, unbounded)


def accepting(plan: Plan, names: Iterable[str]) -> Plan:
    """The plan with these of its limits accepted; a limit that needs no acceptance gets a note.

    Raises:
        PlanformError: there is no limit of that name.
    """
    exceeded = {limit.name for limit in plan.exceeded}
    accepted, notes = dict.fromkeys(plan.accepted), list[Diagnostic]()
    for name in dict.fromkeys(names):
        if name not in LIMITS:
            raise PlanformError(f'There is no limit "{name}" to accept.', suggestion=did_you_mean(name, LIMITS))
        if name in exceeded:
            accepted[name] = None
        else:
            detail = "The plan is within it." if name in {item.name for item in plan.limits} else "The files set none."
            notes.append(Diagnostic(f"--accept-limit {name} changes nothing.", detail, severity="warning"))
    return plan._replace(accepted=tuple(accepted), warnings=(*plan.warnings, *notes))
