"""What a plan says of one change: its mark, its verb, and notes shared by several."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from planform.core.plan import Change, Plan, RunPlan
from planform.core.tuning import Definition, definitions_of
from planform.core.values import Object, Value
from planform.render.numbers import metrics_text
from planform.render.style import count, elide
from planform.render.tally import Kind, kind_of, waits_for
from planform.render.values import key_text, value_text

# What stands before a change of each kind, and its colour.
SYMBOLS: dict[Kind, tuple[str, str]] = {
    "moved": (".", "cyan"),
    "import": ("<", "cyan"),
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("-/+", "magenta"),
    "delete": ("-", "red"),
    "forget": (".", "red"),
    "read": ("<=", "cyan"),
    "run": (">", "cyan"),
    "reuse": ("=", "green"),
    "held": ("!", "red"),
    "in_progress": (".", "blue"),
    "unchanged": (" ", "dim"),
}

_VERBS: dict[Kind, str] = {
    "create": "create",
    "update": "change",
    "replace": "replace",
    "delete": "destroy",
    "forget": "forget, without destroying it",
    "read": "record",
    "import": "import",
    "moved": "moved",
}

HELD = "Note: a held trainer runs again when its definition changes, or with --retry ADDRESS."

REASONS = {
    "delete_because_no_resource_config": "not in configuration",
    "delete_because_no_module": "its module is not in configuration",
    "delete_because_wrong_repetition": "count or for_each was added or taken away",
    "delete_because_count_index": "index is out of range for count",
    "delete_because_each_key": "key is not in for_each",
    "delete_because_no_move_target": "moved to what is not in configuration",
    "delete_because_enabled_false": "enabled is false",
    "delete_because_deposed": "left over from a replacement that did not end",
    "interrupted": "an apply that was interrupted had changed it",
    "lifecycle": "what lifecycle says of destroying it",
    "replace_because_tainted": "its creation did not end",
    "replace_by_request": "asked for with --replace",
    "replace_by_triggers": "replace_triggered_by",
}


def headline(change: Change, room: int) -> str:
    run, kind = change.run, kind_of(change)
    reason = REASONS.get(change.reason, "")
    if run is not None and kind == "run":
        verb = f"new run {run.number}" if run.number else "new run"
        if run.reason in ("", "first run") and change.before is None:
            return _with(verb, _hyperparameters(change, room - len(verb) - 3), room)
        return _with(verb, "" if run.reason == "definition changed" else run.reason, room)
    if run is not None and kind == "reuse":
        return _with(f"reuse run {run.number}", _metrics(run), room, "()")
    if run is None and kind == "held":
        return elide(waits_for(change), room)
    if run is not None and kind == "held":
        return elide(_held(run), room)
    if run is not None and kind == "in_progress":
        return elide(_in_progress(run), room)
    if run is not None and kind == "update" and run.decision in ("held", "in_progress"):
        standing = _held(run) if run.decision == "held" else _in_progress(run)
        return elide(f"change; {standing}", room)
    if change.importing:
        return _with(
            "import" if kind == "import" else f"import and {_VERBS[kind]}", f'"{change.importing}"', room, "  "
        )
    if change.moved_from is not None:
        reason = f"from {change.moved_from}"
        return _with("moved" if kind == "moved" else f"{_VERBS[kind]}, moved", reason, room)
    return _with(_VERBS[kind], change.purpose or reason, room, "()")


def _in_progress(run: RunPlan) -> str:
    return f"run {run.number} in progress" + (f", {run.reason}" if run.reason else "")


def _held(run: RunPlan) -> str:
    """`held: run 2 failed (exit code 3)`."""
    if run.reason.startswith("run"):
        return f"held: {run.reason}"
    return f"held: run {run.number} failed" + (f" ({run.reason.splitlines()[0]})" if run.reason else "")


def _with(verb: str, detail: str, room: int, brackets: str = "  ") -> str:
    if not detail:
        return verb
    return elide(f"{verb} {brackets[0]}{detail}{brackets[1]}".rstrip(), room)


def _hyperparameters(change: Change, room: int) -> str:
    """`epochs=3 learning_rate=0.2`, as many as there is room for."""
    after = change.after or {}
    if "resource_limits" in after:
        return elide(search_text(after), max(room, 4))
    found = after.get("hyperparameters")
    if not isinstance(found, dict):
        return ""
    words = [f"{key_text(key)}={_word(value)}" for key, value in found.items()]
    shown: list[str] = []
    for word in words:
        if len(" ".join((*shown, word))) > room - 4:
            return " ".join((*shown, "...")) if shown else ""
        shown.append(word)
    return " ".join(shown)


def _word(value: Value) -> str:
    """A value without quotes, where its text is one line and safe to print."""
    return value if isinstance(value, str) and value.isprintable() else value_text(value, 24)


def search_text(tuning: Object) -> str:
    """`20 trials of learning_rate, opt (Random)`; names of definitions where there are several: `flat (rate), deep`."""
    limits, definitions = tuning.get("resource_limits"), definitions_of(tuning)
    most = limits.get("max_number_of_training_jobs") if isinstance(limits, dict) else None
    values = [[item for kind in _kinds(definition) for item in kind.values()] for definition in definitions]
    if most is None and all(items and all(isinstance(item, list) for item in items) for items in values):
        most = sum(prod(map(len, items)) for items in values)
    total = f"{most:g} trials" if isinstance(most, (int, float)) else "trials"
    searched = [", ".join(name for kind in _kinds(definition) for name in kind) for definition in definitions]
    named = [
        f"{definition.name} ({names})" if definition.name and names else definition.name or names
        for definition, names in zip(definitions, searched, strict=True)
    ]
    of = f" of {', '.join(named)}" if any(named) else ""
    how = value_text(tuning.get("strategy")).strip(chr(34))
    return f"{total}{of} ({how}{', autotune' if tuning.get('autotune') else ''})"


def _kinds(definition: Definition) -> list[Object]:
    return [kind for kind in definition.part("parameter_ranges").values() if isinstance(kind, dict)]


def previous_text(run: RunPlan) -> str:
    """What the run before a new one measured: `measured accuracy 0.957, loss 0.13`."""
    return f"measured {metrics_text(run.metrics)}" if run.decision == "new_run" and run.previous and run.metrics else ""


def _metrics(run: RunPlan) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in list(run.metrics.items())[:2])


def shared_notes(plan: Plan) -> Iterator[str]:
    """Equal notes once, with whom they are for; source trees once each."""
    whom: dict[str, list[str]] = {}
    for change in plan.changes:
        kind, run = kind_of(change), change.run
        for note in change.notes if kind in ("create", "update", "replace", "run", "import", "delete") else ():
            whom.setdefault(f"Note: {note}", []).append(str(change.address))
        if run is not None and kind == "run" and run.files:
            largest = ", ".join(f"{name} {bytes_text(size)}" for name, size in run.largest[:3])
            more = f" (largest: {largest})" if run.files > 1 and largest else ""
            tree = f"Source: {count(run.files, 'file')}, {bytes_text(run.bytes)}{more}"
            whom.setdefault(tree, []).append(str(change.address))
        if kind == "held" or (kind == "update" and run is not None and run.decision == "held"):
            whom.setdefault(HELD, [])
    for note, addresses in whom.items():
        more = f" and {len(addresses) - 2} more" if len(addresses) > 2 else ""
        yield note + (f": {', '.join(addresses[:2])}{more}" if addresses else "")


def bytes_text(size: int) -> str:
    """`4.1 kB`."""
    if size < 1000:
        return f"{size} B"
    amount, unit = size / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}"
