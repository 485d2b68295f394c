"""What a plan comes to: the kind of each change, how many of each, and the sentence that says so."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias

from planform.core.plan import Action, Change, Plan
from planform.render.style import count

Kind: TypeAlias = Literal[
    "create",
    "update",
    "replace",
    "delete",
    "forget",
    "read",
    "moved",
    "import",
    "run",
    "reuse",
    "held",
    "in_progress",
    "unchanged",
]

_KINDS: dict[Action, Kind] = {
    Action.NO_OP: "unchanged",
    Action.CREATE: "create",
    Action.READ: "read",
    Action.UPDATE: "update",
    Action.DELETE: "delete",
    Action.DELETE_THEN_CREATE: "replace",
    Action.CREATE_THEN_DELETE: "replace",
    Action.FORGET: "forget",
}


def kind_of(change: Change) -> Kind:
    """What a reader calls this change; for a trainer, what becomes of its runs comes first."""
    if change.run is not None and change.action not in (Action.DELETE, Action.FORGET):
        match change.run.decision:
            case "new_run":
                return "run"
            case "reuse":
                return "reuse"
            case "held" | "in_progress" as decision if change.action in (Action.NO_OP, Action.CREATE):
                return decision
    if change.action is Action.NO_OP and waits_for(change):
        return "held"
    if change.action is Action.NO_OP and change.importing:
        return "import"
    if change.action is Action.NO_OP and change.moved_from is not None:
        return "moved"
    return _KINDS[change.action]


def waits_for(change: Change) -> str:
    """The planner's note on a trainer that needs the result of a held one."""
    return next((note for note in change.notes if note.startswith("waits for ")), "")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many changes there are of each kind."""

    create: int = 0
    update: int = 0
    replace: int = 0
    delete: int = 0
    forget: int = 0
    read: int = 0
    moved: int = 0
    imported: int = 0  # also those that are changed at once
    run: int = 0
    reuse: int = 0
    held: int = 0
    in_progress: int = 0
    unchanged: int = 0
    instance_hours: float = 0.0
    usd: float = 0.0  # of the new runs whose price is known
    unpriced: int = 0  # the others
    unsized: int = 0  # those whose hours are not known either

    @property
    def does_something(self) -> bool:
        objects = (self.create, self.update, self.replace, self.delete, self.forget, self.read, self.moved)
        return any((*objects, self.imported, self.run, self.reuse))


def tally(changes: Collection[Change]) -> Tally:
    numbers: dict[Kind, int] = {}
    imported = sum(bool(change.importing) for change in changes)
    hours, usd, unpriced, unsized = 0.0, 0.0, 0, 0
    for change in changes:
        kind = kind_of(change)
        if kind == "import":
            continue
        numbers[kind] = numbers.get(kind, 0) + 1
        if kind == "run" and change.run is not None:
            hours += change.run.instance_hours
            usd += change.run.usd or 0.0
            unpriced += change.run.usd is None
            unsized += bool(change.run.unsized)
    costs = {"instance_hours": hours, "usd": usd, "unpriced": unpriced, "unsized": unsized}
    return Tally(**numbers, imported=imported, **costs)  # type: ignore[arg-type]


def summary(plan: Plan) -> str:
    """The last line of every plan."""
    numbers = tally(plan.changes)
    outputs = sum(output.action is not Action.NO_OP for output in plan.outputs)
    if plan.refresh_only:
        return _refresh_summary(plan)
    if not numbers.does_something and not outputs:
        return _nothing(plan, numbers)
    return f"Plan: {counted(numbers, plan.prices_as_of)}."


def counted(numbers: Tally, prices_as_of: str = "") -> str:
    """`2 to create, 0 to change, 0 to destroy; 2 new runs (at most 0.33 instance-hours), 3 unchanged`."""
    objects = [f"{numbers.imported} to import"] * bool(numbers.imported)
    objects += [f"{numbers.create} to create", f"{numbers.update} to change"]
    objects += [f"{numbers.replace} to replace"] * bool(numbers.replace)
    objects += [f"{numbers.delete} to destroy"]
    objects += [f"{numbers.forget} to forget"] * bool(numbers.forget)
    objects += [f"{numbers.moved} moved"] * bool(numbers.moved)
    objects += [f"{numbers.read} to record"] * bool(numbers.read)
    runs: list[str] = []
    if numbers.run:
        costs = _costs(prices_as_of, numbers)
        runs.append(count(numbers.run, "new run") + (f" ({costs})" if costs else ""))
    runs += [f"{numbers.reuse} reused"] * bool(numbers.reuse)
    runs += [f"{numbers.held} held"] * bool(numbers.held)
    runs += [f"{numbers.in_progress} in progress"] * bool(numbers.in_progress)
    runs += [f"{numbers.unchanged} unchanged"] * bool(numbers.unchanged)
    return f"{', '.join(objects)}{'; ' if runs else ''}{', '.join(runs)}"


def _costs(prices_as_of: str, numbers: Tally) -> str:
    """`at most 4 instance-hours, $3.84 at prices of 2026-11-01`."""
    parts = [f"at most {hours_text(numbers.instance_hours)}"] * bool(numbers.instance_hours)
    if prices_as_of and numbers.usd:
        parts.append(f"{money_text(numbers.usd)} at prices of {prices_as_of}")
    if numbers.unsized:
        parts.append(f"{numbers.unsized} that nothing bounds")
    if prices_as_of and numbers.unpriced > numbers.unsized:
        parts.append(f"{numbers.unpriced - numbers.unsized} without a price")
    return ", ".join(parts)


def money_text(usd: float) -> str:
    """`$3.84`: in whole cents, rounded up, since it is the most that something may cost."""
    return f"${math.ceil(round(usd * 100, 6)) / 100:,.2f}"


def hours_text(hours: float) -> str:
    """`0.33 instance-hours`."""
    shown = (f"{hours:.2f}" if hours < 100 else f"{hours:,.1f}").rstrip("0").rstrip(".")
    return f"{shown} instance-hour{'' if shown == '1' else 's'}"


def _nothing(plan: Plan, numbers: Tally) -> str:
    if not plan.changes:
        return (
            "No changes. Nothing is recorded to be destroyed."
            if plan.destroy
            else "No changes. The files declare nothing."
        )
    runs = sum(change.run is not None and kind_of(change) == "unchanged" for change in plan.changes)
    objects = numbers.unchanged - runs
    kept = " and ".join(
        ([count(objects, "resource")] if objects or not runs else []) + ([count(runs, "run")] if runs else [])
    )
    verb = "is" if objects + runs == 1 else "are"
    text = f"No changes. {kept} {verb} as the files say." if objects or runs else "No changes."
    if numbers.in_progress:
        text += f" {count(numbers.in_progress, 'run')} in progress."
    if numbers.held:
        text += f" {numbers.held} held: a failed run is not repeated by itself."
    return text


def _refresh_summary(plan: Plan) -> str:
    found = len(plan.drift) + plan.drift_unshown
    if not found:
        return "No changes. Everything is as it was recorded."
    return (
        f"Plan: {count(found, 'object')} changed outside planform; apply records what is there now and touches nothing."
    )
