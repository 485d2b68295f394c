"""`plan --full`: every attribute of every change, marked with `+`, `~` and `-`."""

from __future__ import annotations

from collections.abc import Iterator

from planform.core.plan import Action, Change, Plan
from planform.core.values import AttributePath, Sealed, Sensitive, Set, Unknown, Value, same
from planform.render.headlines import REASONS, SYMBOLS, bytes_text
from planform.render.plan_text import closing, drift_section, outputs_section
from planform.render.style import PLAIN, Style, count
from planform.render.tally import hours_text, kind_of
from planform.render.values import change_text, key_text, value_text

_COLOURS = {"+": "green", "~": "yellow", "-": "red", " ": "dim"}


def full(plan: Plan, style: Style = PLAIN) -> str:
    """The whole plan: each change as a tree of its attributes."""
    parts = [change_tree(change, style) for change in plan.changes if kind_of(change) != "unchanged"]
    parts += [drift_section(plan, style), outputs_section(plan.outputs, style), *closing(plan, style, notes=False)]
    return "\n\n".join(filter(None, parts)) + "\n"


def change_tree(change: Change, style: Style = PLAIN) -> str:
    """One change: a headline, its run, then its attributes."""
    symbol, hue = SYMBOLS[kind_of(change)]
    if change.action is Action.CREATE_THEN_DELETE:
        symbol = "+/-"
    place = style.paint(f"  # {change.span}", "dim") if change.span else ""
    lines = [f"{style.paint(f'{symbol:>3}', hue)} {style.paint(str(change.address), 'bold')}{place}"]
    lines += [style.paint(f"    # {remark}", "dim") for remark in _remarks(change)]
    notes = {leaf.path: leaf.note for leaf in change.leaves if leaf.note}
    touched = {leaf.path for leaf in change.leaves}
    for sign, depth, text in _object(change.before or {}, change.after or {}, (), touched, notes):
        lines.append(f"{'  ' * depth}    {style.paint(sign, _COLOURS[sign])} {text}")
    return "\n".join(lines)


def _remarks(change: Change) -> Iterator[str]:
    if change.reason in REASONS:
        yield REASONS[change.reason]
    run = change.run
    if run is not None and kind_of(change) not in ("delete", "forget"):
        said = {
            "new_run": f"new run {run.number}"
            + (f", job {run.job_name}" if run.job_name else ", its name known after apply"),
            "reuse": f"reuse run {run.number}",
            "in_progress": f"run {run.number} in progress",
            "held": f"held: run {run.number} failed",
            "nothing": "no new run",
        }[run.decision]
        yield said + (f" ({run.reason})" if run.reason else "")
        if run.moved:
            yield f"moved: {', '.join(run.moved)}"
        if run.cancels:
            yield f"stops run {run.cancels}"
        if run.leaves:
            yield f"run {run.leaves} goes on with the old definition"
        if run.metrics:
            yield ", ".join(f"{name} {value:.6g}" for name, value in run.metrics.items())
        if run.files:
            largest = ", ".join(f"{name} {bytes_text(size)}" for name, size in run.largest[:3])
            yield f"source: {count(run.files, 'file')}, {bytes_text(run.bytes)}" + (
                f"; largest: {largest}" if largest else ""
            )
        if run.instance_hours:
            yield f"at most {hours_text(run.instance_hours)}"
    yield from change.notes


_Line = tuple[str, int, str]


def _object(
    before: dict[str, Value],
    after: dict[str, Value],
    path: AttributePath,
    touched: set[AttributePath],
    notes: dict[AttributePath, str],
    depth: int = 0,
) -> Iterator[_Line]:
    for key in sorted({*before, *after}):
        yield from _entry(f"{key_text(key)}:", before.get(key), after.get(key), (*path, key), touched, notes, depth)


def _entry(
    label: str,
    before: Value,
    after: Value,
    path: AttributePath,
    touched: set[AttributePath],
    notes: dict[AttributePath, str],
    depth: int,
) -> Iterator[_Line]:
    if before is None and after is None:
        return
    note = f"  # {notes[path]}" if path in notes else ""
    sign = "+" if before is None else "-" if after is None else "~" if _differs(before, after, path, touched) else " "
    if isinstance(before, dict) and isinstance(after, dict) and sign == "~":
        yield sign, depth, label + note
        yield from _object(before, after, path, touched, notes, depth + 1)
    elif isinstance(before, list) and isinstance(after, list) and sign == "~":
        yield sign, depth, label + note
        for index in range(max(len(before), len(after))):
            left = before[index] if index < len(before) else None
            right = after[index] if index < len(after) else None
            yield from _entry("-", left, right, (*path, index), touched, notes, depth + 1)
    elif isinstance(before, str) and isinstance(after, str) and sign == "~" and "\n" in before + after:
        yield sign, depth, f"{label} |{note}"
        yield from _text(before, after, depth + 1)
    elif sign == "~":
        yield sign, depth, f"{label} {change_text(before, after)}{note}"
    else:
        yield from _whole(sign, label, before if after is None else after, note, depth)


def _whole(sign: str, label: str, value: Value, note: str, depth: int) -> Iterator[_Line]:
    """A value that only one side has, or both alike: nested objects one attribute a line."""
    if isinstance(value, dict) and any(isinstance(item, (dict, list)) for item in value.values()):
        yield sign, depth, label + note
        for key in sorted(value):
            if value[key] is not None:
                yield from _whole(sign, f"{key_text(key)}:", value[key], "", depth + 1)
    elif isinstance(value, (list, Set)) and any(isinstance(item, dict) for item in value):
        yield sign, depth, label + note
        for item in value:
            yield from _whole(sign, "-", item, "", depth + 1)
    elif isinstance(value, str) and "\n" in value:
        yield sign, depth, f"{label} |{note}"
        for line in value.splitlines():
            yield sign, depth + 1, line
    else:
        yield sign, depth, f"{label} {value_text(value)}{note}"


def _text(before: str, after: str, depth: int) -> Iterator[_Line]:
    from difflib import ndiff

    for line in ndiff(before.splitlines(), after.splitlines()):
        if not line.startswith("?"):
            yield line[0], depth, line[2:]


def _differs(before: Value, after: Value, path: AttributePath, touched: set[AttributePath]) -> bool:
    """Whether two values differ. A sealed one cannot be compared with one in clear: there the plan's leaves decide."""
    if isinstance(before, (Sealed, Sensitive)) or isinstance(after, (Sealed, Sensitive)):
        return any(path[: len(leaf)] == leaf or leaf[: len(path)] == path for leaf in touched)
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() != after.keys() or any(
            _differs(before[key], after[key], (*path, key), touched) for key in before
        )
    if isinstance(before, list) and isinstance(after, list):
        return len(before) != len(after) or any(
            _differs(left, right, (*path, index), touched)
            for index, (left, right) in enumerate(zip(before, after, strict=True))
        )
    return isinstance(after, Unknown) or not same(before, after)
