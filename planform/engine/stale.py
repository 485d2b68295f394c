"""Whether a plan still fits what is there (S2.7)."""

from __future__ import annotations

from collections.abc import Collection

from planform.core.addresses import Address
from planform.core.errors import PlanStale
from planform.core.plan import Plan
from planform.core.state import Snapshot
from planform.engine.edges import Edges

AGAIN = "Make a new plan and have it reviewed: planform plan --out FILE"


def check_fits(plan: Plan, snapshot: Snapshot, edges: Edges) -> None:
    """Raises:
    PlanStale: the plan was made for another state, another account, or records that have changed since.
    """
    state = snapshot.state
    if snapshot.exists and plan.lineage != state.lineage:
        if plan.fresh:
            raise PlanStale(
                "This plan has been applied, or another apply came first.",
                f"It was made when no state existed; now there is one at serial {state.serial}{_writer(snapshot)}.",
                AGAIN,
            )
        raise PlanStale(
            "This plan was made for another state.",
            f"The plan belongs to lineage {plan.lineage}, the state has lineage {state.lineage}.",
            "Check the folder, the workspace (-w) and the backend.",
        )
    if not snapshot.exists and not plan.fresh:
        raise PlanStale(
            "The state this plan was made for is gone.",
            f"The plan was made at serial {plan.serial}; there is no state here.",
            AGAIN,
        )
    for name, planned in plan.coordinates.items():
        actual = dict(edges.provider(name).coordinates())
        if actual != dict(planned):
            raise PlanStale(
                f"This plan was made elsewhere: provider {name} now works in {_words(actual)}.",
                f"The plan was made for {_words(planned)}.",
                "Apply it with the account and region, or on the machine, that it was made for.",
            )
    check_records(plan, snapshot, plan.records)


def check_records(plan: Plan, snapshot: Snapshot, addresses: Collection[Address]) -> None:
    """Raises:
    PlanStale: a record that the plan touches is not as the plan saw it.
    """
    changed = []
    for address in addresses:
        record = snapshot.state.records.get(address)
        if (record.digest() if record is not None else "") != plan.records[address]:
            changed.append(str(address))
    if changed:
        shown = ", ".join(sorted(changed)[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        raise PlanStale(
            f"This plan is stale: {shown} changed after it was made.",
            f"It was made at serial {plan.serial}; the state is at serial {snapshot.state.serial}{_writer(snapshot)}.",
            AGAIN,
        )


def _writer(snapshot: Snapshot) -> str:
    state = snapshot.state
    return f", written {state.written_at} by {state.written_by}" if state.written_at else ""


def _words(coordinates: object) -> str:
    if not isinstance(coordinates, dict) or not coordinates:
        return "no place"
    return ", ".join(f"{name} {value}" for name, value in sorted(coordinates.items()))
