"""`plan --full`: every change as a tree of its attributes, marked with `+`, `~` and `-`; what stays is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from planform.core.differences import Item, is_list, is_paired, list_items
from planform.core.plan import Action, Change, Plan
from planform.core.values import (
    UNKNOWN,
    AttributePath,
    Object,
    Sealed,
    Sensitive,
    Set,
    Unknown,
    Value,
    has_sensitive,
    same,
)
from planform.render.guards import cost_text
from planform.render.headlines import REASONS, SYMBOLS, bytes_text
from planform.render.plan_text import closing, drift_section, outputs_section
from planform.render.style import PLAIN, Style, count
from planform.render.tally import kind_of
from planform.render.values import change_text, json_object, key_text, printable, value_text

Line: TypeAlias = tuple[str, int, str]
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
    lines += [style.paint(f"    # {remark}", "dim") for remark in remarks(change)]
    for sign, depth, text in attribute_lines(change):
        lines.append(f"{'  ' * depth}    {style.paint(sign, _COLOURS[sign])} {text}")
    return "\n".join(lines)


def attribute_lines(change: Change) -> Iterator[Line]:
    """The attributes of one change: sign, depth, text."""
    tree = _Tree(
        str(change.address),
        frozenset(leaf.path for leaf in change.leaves),
        {leaf.path: leaf.note for leaf in change.leaves if leaf.note},
        change.origins,
    )
    yield from tree.object(change.before or {}, change.after or {}, ())


def lines_to_review(change: Change) -> Iterator[Line]:
    """The attributes of one change without those of its own that only apply can tell, which are counted."""
    hidden = 0
    for sign, depth, text in attribute_lines(change):
        # An attribute that is unknown because of another says whose it is.
        if depth == 0 and sign in "+~" and text.endswith((": (known after apply)", "-> (known after apply)")):
            hidden += 1
        else:
            yield sign, depth, text
    if hidden:
        yield " ", 0, f"# ({count(hidden, 'attribute')} known after apply)"


def remarks(change: Change) -> Iterator[str]:
    """Why it happens, and what happens to its runs."""
    if change.reason == "replace_because_cannot_update":
        forcing = dict.fromkeys(str(leaf.path[0]) for leaf in change.leaves if leaf.note == "forces replacement")
        yield f"must be replaced: {', '.join(forcing) or 'what differs'} cannot be changed in place"
    elif change.reason in REASONS:
        yield REASONS[change.reason]
    if change.purpose:
        yield change.purpose
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
            measured = ", ".join(f"{name} {value:.6g}" for name, value in run.metrics.items())
            yield f"run {run.previous} measured {measured}" if run.decision == "new_run" and run.previous else measured
        if run.files:
            largest = ", ".join(f"{name} {bytes_text(size)}" for name, size in run.largest[:3])
            yield f"source: {count(run.files, 'file')}, {bytes_text(run.bytes)}" + (
                f"; largest: {largest}" if largest else ""
            )
        if run.instance_hours or run.unsized:
            yield cost_text(run)
    yield from change.notes


# How many unchanged lines of a text, or items of a list, stand around those that differ.
_LINES, _ITEMS = 2, 1
_OLD = 120  # characters
# Unchanged attributes that are shown nevertheless.
_IDENTITY = (("id",), ("name",))


@dataclass(frozen=True, slots=True)
class _Tree:
    """The two sides of one change as lines: sign, depth, text."""

    address: str
    touched: frozenset[AttributePath]  # paths of the leaves that differ
    notes: dict[AttributePath, str]
    origins: Mapping[AttributePath, str]

    def object(self, before: Object, after: Object, path: AttributePath, depth: int = 0) -> Iterator[Line]:
        hidden = 0
        for key in sorted({*before, *after}):
            inner, left, right = (*path, key), before.get(key), after.get(key)
            if self.sign(left, right, inner) == " " and inner not in _IDENTITY:
                hidden += left is not None
            else:
                yield from self.entry(f"{key_text(key)}:", left, right, inner, depth)
        if hidden:
            yield " ", depth, f"# ({count(hidden, 'unchanged attribute')} hidden)"

    def entry(self, label: str, before: Value, after: Value, path: AttributePath, depth: int) -> Iterator[Line]:
        sign = self.sign(before, after, path)
        note = self.note(path)
        documents = json_object(before), json_object(after)
        if sign != "~":
            if before is not None or after is not None:
                yield from self.whole(sign, label, before if after is None else after, path, depth)
        elif isinstance(before, dict) and isinstance(after, dict):
            yield sign, depth, label + note
            yield from self.object(before, after, path, depth + 1)
        elif documents[0] is not None and documents[1] is not None and not same(*documents):
            yield sign, depth, f"{label} JSON{note}"
            yield from self.object(documents[0], documents[1], path, depth + 1)
        elif isinstance(before, (list, Set)) and isinstance(after, (list, Set)):
            yield sign, depth, label + note
            yield from self.items(before, after, path, depth + 1)
        elif isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
            yield sign, depth, f"{label} |{note}"
            items = list_items(before.splitlines(), after.splitlines())
            yield from _folded(items, "line", _LINES, depth + 1)
        else:
            # Of what is not known yet the old value, a table of trials perhaps, is no news.
            limit = _OLD if isinstance(after, Unknown) and isinstance(before, (dict, list, Set)) else 0
            yield sign, depth, f"{label} {change_text(before, self.terse(after, path), limit)}{note}"

    def terse(self, value: Value, path: AttributePath) -> Value:
        """An attribute that is unknown because of nothing but itself needs no origin."""
        if isinstance(value, Unknown) and value.origin == f"{self.address}.{'.'.join(map(str, path))}":
            return UNKNOWN
        return value

    def items(self, before: Sequence[Value], after: Sequence[Value], path: AttributePath, depth: int) -> Iterator[Line]:
        unclear = len(before) == len(after) and (has_sensitive(before) or has_sensitive(after))
        if not (is_list(after) and (unclear or is_paired(before, after))):
            yield from _folded(list_items(before, after), "item", _ITEMS, depth)
            return
        hidden = 0
        for index, (left, right) in enumerate(zip(before, after, strict=True)):
            if self.sign(left, right, (*path, index)) == " ":
                hidden += 1
            else:
                yield from self.entry(f"[{index}]:", left, right, (*path, index), depth)
        if hidden:
            yield " ", depth, f"# ({count(hidden, 'unchanged item')} hidden)"

    def sign(self, before: Value, after: Value, path: AttributePath) -> str:
        if after is None:
            return " " if before is None else "-"
        return "+" if before is None else "~" if self.differs(before, after, path) else " "

    def differs(self, before: Value, after: Value, path: AttributePath) -> bool:
        """Whether two values differ. A sealed one cannot be compared with one in clear: the plan's leaves decide."""
        if isinstance(before, (Sealed, Sensitive)) or isinstance(after, (Sealed, Sensitive)):
            return any(path[: len(leaf)] == leaf or leaf[: len(path)] == path for leaf in self.touched)
        if isinstance(before, dict) and isinstance(after, dict):
            return before.keys() != after.keys() or any(
                self.differs(before[key], after[key], (*path, key)) for key in before
            )
        if isinstance(before, list) and isinstance(after, list):
            return len(before) != len(after) or any(
                self.differs(left, right, (*path, index))
                for index, (left, right) in enumerate(zip(before, after, strict=True))
            )
        return isinstance(after, Unknown) or not same(before, after)

    def note(self, path: AttributePath) -> str:
        origin = f" ({self.origins[path]})" if path in self.origins else ""
        return origin + (f"  # {self.notes[path]}" if path in self.notes else "")

    def whole(self, sign: str, label: str, value: Value, path: AttributePath, depth: int) -> Iterator[Line]:
        """A value that only one side has, or both alike; one attribute a line where it is nested or partly default."""
        note = self.note(path)
        if isinstance(value, dict) and (
            any(isinstance(item, (dict, list)) for item in value.values()) or self.is_mixed(path)
        ):
            yield sign, depth, label + note
            for key in sorted(value):
                if value[key] is not None:
                    yield from self.whole(sign, f"{key_text(key)}:", value[key], (*path, key), depth + 1)
        elif isinstance(value, (list, Set)) and any(isinstance(item, dict) for item in value):
            yield sign, depth, label + note
            for index, item in enumerate(value):
                yield from self.whole(sign, f"[{index}]:", item, (*path, index), depth + 1)
        elif isinstance(value, str) and "\n" in value:
            yield sign, depth, f"{label} |{note}"
            for line in value.splitlines():
                yield sign, depth + 1, printable(line)
        else:
            yield sign, depth, f"{label} {value_text(self.terse(value, path))}{note}"

    def is_mixed(self, path: AttributePath) -> bool:
        """Whether something inside of the value at `path`, but not all of it, has an origin of its own."""
        return any(len(inner) > len(path) and inner[: len(path)] == path for inner in self.origins)


def _folded(items: Iterable[Item], noun: str, context: int, depth: int) -> Iterator[Line]:
    """The items of a list, or the lines of a text, that differ, and a few around them."""
    from itertools import groupby

    groups = [(kept, list(group)) for kept, group in groupby(items, lambda item: item.fate == "kept")]
    for number, (kept, group) in enumerate(groups):
        first, last = number == 0, number == len(groups) - 1
        head, tail = (0 if first else context), (0 if last else context)
        if not kept or len(group) <= head + tail + 1:
            yield from (_item(item, noun, depth) for item in group)
            continue
        yield from (_item(item, noun, depth) for item in group[:head])
        yield " ", depth, f"# ({count(len(group) - head - tail, f'unchanged {noun}')} hidden)"
        yield from (_item(item, noun, depth) for item in group[len(group) - tail :])


_SIGNS = {"kept": " ", "added": "+", "removed": "-"}


def _item(item: Item, noun: str, depth: int) -> Line:
    text = printable(item.value) if noun == "line" else value_text(item.value) + "  # moved" * item.moved
    return _SIGNS[item.fate], depth, text
