"""The state for people: resources with their attributes, outputs, what a refresh found."""

from __future__ import annotations

from collections.abc import Mapping

from planform.core.state import Ledger, Record, Snapshot
from planform.core.values import Set, Value, same
from planform.render.live import run_sentence
from planform.render.state_json import full_object
from planform.render.style import PLAIN, Style, columns, count
from planform.render.values import key_text, value_text


def state_text(snapshot: Snapshot, style: Style = PLAIN) -> str:
    """Every recorded resource, its latest run, and the outputs."""
    state = snapshot.state
    if not state.records:
        return "Nothing is recorded. `planform apply` makes what the files say and records it.\n"
    parts = [record_text(state.records[address], snapshot.ledger, style) for address in sorted(state.records)]
    if state.outputs:
        parts.append(style.paint("Outputs:", "bold") + "\n" + outputs_text(state.outputs, indent="  "))
    runs = sum(len(runs) for runs in snapshot.ledger.runs.values())
    told = f"{count(len(state.records), 'resource')} and {count(runs, 'run')}, serial {state.serial}"
    parts.append(
        style.paint(told + (f", written by {state.written_by}" if state.written_by else "") + ".", "dim") + "\n"
    )
    return "\n".join(parts)


def record_text(record: Record, ledger: Ledger, style: Style = PLAIN) -> str:
    """One resource: where it lives, its attributes, its runs."""
    where = ", ".join([record.provider, *record.coordinates.values()]) if record.provider else ""
    lines = [style.paint(str(record.address), "bold") + (style.paint(f"  # {where}", "dim") if where else "")]
    for key, value in sorted(full_object(record, ledger).items()):
        if value is not None:
            lines += _block(key_text(key), value, "  ")
    lines += [f"  # {run_sentence(run)}" for run in ledger.of(record.address)]
    return "\n".join(lines) + "\n"


def outputs_text(outputs: Mapping[str, Value], indent: str = "") -> str:
    """`name: value`, one output after another."""
    lines = [line for name, value in sorted(outputs.items()) for line in _block(key_text(name), value, indent)]
    return "\n".join(lines) + "\n" if lines else ""


def value_block(value: Value) -> str:
    """A value alone: short ones on one line, long ones one entry a line."""
    text = value_text(value)
    if columns(text) <= 100 or not isinstance(value, (dict, list, Set)):
        return text
    if isinstance(value, dict):
        return "\n".join(line for key, item in value.items() for line in _block(key_text(key), item, ""))
    return "\n".join(f"- {value_text(item)}" for item in value)


def refreshed_text(before: Snapshot, after: Snapshot, style: Style = PLAIN) -> str:
    """What a refresh wrote down."""
    lines: list[str] = []
    for address in sorted(before.state.records):
        old, new = before.state.records[address], after.state.records.get(address)
        if new is None:
            lines.append(f"  {style.paint('-', 'red')} {address}  is gone")
            continue
        names = sorted(key for key in {*old.object, *new.object} if not same(old.object.get(key), new.object.get(key)))
        if names:
            lines.append(f"  {style.paint('~', 'yellow')} {address}  {', '.join(names)}")
    for trainer, runs in sorted(after.ledger.runs.items()):
        known = {run.id: run for run in before.ledger.of(trainer)}
        for run in runs:
            if run != known.get(run.id):
                lines.append(f"  {style.paint('>', 'cyan')} {trainer}  {run_sentence(run)}")
    if not lines:
        return "Everything is as it was recorded.\n"
    return "\n".join([*lines, "", f"Recorded {count(len(lines), 'change')}."]) + "\n"


def _block(name: str, value: Value, indent: str) -> list[str]:
    text = f"{indent}{name}: {value_text(value)}"
    if columns(text) <= 100 or not value:
        return [text]
    if isinstance(value, dict):
        nested = [line for key, item in value.items() for line in _block(key_text(key), item, indent + "  ")]
        return [f"{indent}{name}:", *nested]
    if isinstance(value, (list, Set)):
        return [f"{indent}{name}:", *(f"{indent}  - {value_text(item)}" for item in value)]
    return [text]
