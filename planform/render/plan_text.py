"""A plan in a few lines: one for each resource that does something, what differs below it, the summary last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType, NoneType

from planform.core.errors import Span
from planform.core.plan import Action, Change, Drift, Leaf, OutputChange, Plan, RunPlan, Step
from planform.core.values import AttributePath, Unknown
from planform.render.diagnostics import diagnostics_text
from planform.render.guards import cost_text, guards_sections, tells_cost
from planform.render.headlines import SYMBOLS, headline, previous_text, shared_notes
from planform.render.rows import Row, aligned, place_text
from planform.render.style import PLAIN, Style, count, elide, wrap
from planform.render.tally import Kind, kind_of, summary
from planform.render.values import change_text, path_text, value_text


def concise(plan: Plan, style: Style = PLAIN) -> str:
    """The default form of `planform plan`."""
    parts = [
        "" if plan.refresh_only else aligned(list(_rows(plan.changes)), style),
        drift_section(plan, style),
        outputs_section(plan.outputs, style),
        *closing(plan, style),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def brief(plan: Plan, style: Style = PLAIN) -> str:
    """`--summary`: what is destroyed and replaced first, each kind with its addresses, and the summary."""
    order: tuple[Kind, ...] = (
        "delete",
        "replace",
        "forget",
        "update",
        "create",
        "import",
        "moved",
        "read",
        "run",
        "reuse",
        "held",
        "in_progress",
    )
    by_kind: dict[Kind, list[str]] = {}
    for change in plan.changes:
        by_kind.setdefault(kind_of(change), []).append(str(change.address))
    lines = []
    for kind in order:
        symbol, hue = SYMBOLS[kind]
        lines += [f"{style.paint(f'{symbol:>3}', hue)} {address}" for address in by_kind.get(kind, ())]
    return "\n\n".join(filter(None, ["\n".join(lines), *closing(plan, style)])) + "\n"


def closing(plan: Plan, style: Style, notes: bool = True) -> Iterator[str]:
    """What stands below every form of a plan: notes, warnings, the summary."""
    yield "\n".join(style.paint(wrap(note, style.width), "dim") for note in shared_notes(plan) if notes)
    yield diagnostics_text(plan.warnings, style).rstrip("\n")
    yield from guards_sections(plan, style)
    if plan.targeted:
        yield "Only a part is planned here: what --target and --exclude leave, with what it depends on."
    yield "\n".join([style.paint(wrap(summary(plan), style.width), "bold"), *identity(plan, style)])


def identity(plan: Plan, style: Style = PLAIN) -> Iterator[str]:
    """By what a plan that does something is recognised, in a review and when it is applied."""
    if not plan.is_empty:
        yield style.paint(f"Plan id: {plan.id}", "dim")


def drift_section(plan: Plan, style: Style) -> str:
    """What changed outside planform: shown when it feeds a change, else counted."""
    text = ""
    if plan.drift:
        text = style.paint("Changed outside planform:", "bold") + "\n" + aligned(list(_drift_rows(plan.drift)), style)
    if plan.drift_unshown:
        more = f"{count(plan.drift_unshown, 'object')} changed outside planform in ways that touch nothing here"
        text += ("\n" if text else "") + style.paint(f"{more} (planform refresh records them).", "dim")
    return text


def outputs_section(outputs: Iterable[OutputChange], style: Style) -> str:
    rows = [row for output in outputs if output.action is not Action.NO_OP for row in _output_rows(output, style)]
    return style.paint("Outputs:", "bold") + "\n" + aligned(rows, style) if rows else ""


_OUTPUT_KINDS: dict[Action, Kind] = {Action.CREATE: "create", Action.UPDATE: "update", Action.DELETE: "delete"}


def _output_rows(output: OutputChange, style: Style) -> Iterator[Row]:
    """One line, or for an object that changes or would not fit one line for each attribute that differs."""
    symbol, hue = SYMBOLS[_OUTPUT_KINDS[output.action]]
    before, after = output.before, output.after
    fits = before is None and len(_output_text(output)) <= style.width - len(output.name) - 8
    if fits or output.sensitive or not isinstance(after, dict) or not isinstance(before, (dict, NoneType)):
        yield Row(output.name, partial(_output_text, output), symbol=symbol, hue=hue)
        return
    for key in {**(before or {}), **after}:
        part = OutputChange(path_text((output.name, key)), (before or {}).get(key), after.get(key))
        if part.action is not Action.NO_OP:
            yield Row(part.name, partial(_output_text, part), symbol=symbol, hue=hue)


def _output_text(output: OutputChange, room: int = 0) -> str:
    if output.sensitive:
        return "(sensitive)"
    if output.action is Action.DELETE:
        return "removed"
    if output.action is Action.CREATE:
        return value_text(output.after, room)
    return change_text(output.before, output.after, room)


def remaining_text(remaining: Iterable[Step], style: Style = PLAIN) -> str:
    """What an apply left for later because it needs the result of a run that goes on."""
    addresses = list(dict.fromkeys(str(step.address) for step in remaining))
    if not addresses:
        return ""
    head = f"Remaining: {count(len(addresses), 'resource')} wait{'s' * (len(addresses) == 1)} for runs that go on."
    lines = [
        style.paint(head, "bold"),
        *(f"    {address}" for address in addresses),
        "Apply again once they have ended.",
    ]
    return "\n".join(lines)


def _rows(changes: Iterable[Change]) -> Iterator[Row]:
    for change in changes:
        kind = kind_of(change)
        if kind == "unchanged":
            continue
        symbol, hue = SYMBOLS[kind]
        if change.action is Action.CREATE_THEN_DELETE:
            symbol = "+/-"
        yield Row(str(change.address), partial(headline, change), place_text(change.span), symbol, hue)
        if kind not in ("create", "delete", "forget", "moved", "held", "in_progress"):
            first = change.run is not None and change.before is None
            yield from () if first else _leaf_rows(change.leaves, change.span, change.origins)
        if change.run is not None:
            yield from _run_rows(change, change.run)


def _leaf_rows(
    leaves: Iterable[Leaf], block: Span | None = None, origins: Mapping[AttributePath, str] = MappingProxyType({})
) -> Iterator[Row]:
    for leaf in leaves:
        # What is merely computed anew says nothing that the line above has not said.
        if isinstance(leaf.after, Unknown) and leaf.span is None and not leaf.note:
            continue
        yield Row(
            f"    {path_text(leaf.path)}",
            partial(_leaf_text, leaf, origins.get(leaf.path, "default")),
            place_text(leaf.span) if leaf.span != block else "",
        )


def _leaf_text(leaf: Leaf, origin: str, room: int) -> str:
    note = "" if leaf.note in ("", "new run", "changed outside") else f"  {leaf.note}"
    note += "" if origin == "default" else f"  ({origin})"
    return change_text(leaf.before, leaf.after, max(room - len(note), 16)) + note


def _run_rows(change: Change, run: RunPlan) -> Iterator[Row]:
    """What a run's line leaves open: components without a leaf of their own, and what becomes of an active run."""
    shown = [".".join(map(str, leaf.path)) for leaf in change.leaves]
    for component in run.moved if run.decision == "new_run" and change.before is not None else ():
        # A component is named by what it digests, which may be a part of an attribute: `entry_script`.
        if not any(f".{component}." in f".{path}." for path in shown):
            yield _remark(component, "content changed" if component.startswith(("source", "input_data")) else "changed")
    if measured := previous_text(run):
        yield _remark(f"run {run.previous}", measured)
    if run.decision == "new_run" and tells_cost(run):
        yield _remark("cost", cost_text(run))
    if run.cancels:
        yield _remark(f"run {run.cancels}", "is stopped")
    if run.leaves:
        yield _remark(f"run {run.leaves}", "goes on with the old definition")


def _remark(head: str, text: str) -> Row:
    return Row(f"    {head}", lambda room: elide(text, room))


def _drift_rows(drift: Iterable[Drift]) -> Iterator[Row]:
    for item in drift:
        if item.gone:
            yield Row(str(item.address), lambda room: "is gone", symbol="-", hue="red")
        else:
            yield Row(str(item.address), lambda room: "changed", symbol="~", hue="yellow")
            yield from _leaf_rows(item.leaves)
