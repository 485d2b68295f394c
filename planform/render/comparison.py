"""Runs side by side: the hyperparameters in which they differ, against what they measured. Trials count as runs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from planform.core.errors import PlanformError, did_you_mean
from planform.core.state import Run, Trial
from planform.core.values import Value, same, sort_key
from planform.render.live import HUES
from planform.render.numbers import duration, number, seconds_text
from planform.render.style import PLAIN, Style, columns, elide, table
from planform.render.terraform_json import shape
from planform.render.values import value_text


class Entry(NamedTuple):
    """One run, or one trial of a tuning job."""

    address: str
    number: int  # of the run
    trial: int  # 0: it is a run of its own
    status: str
    hyperparameters: Mapping[str, Value]
    metrics: Mapping[str, float]
    started_at: str = ""
    seconds: float | None = None
    best: bool = False  # of its tuning job
    definition: str = ""  # of a trial, where its tuning job has several

    @property
    def name(self) -> str:
        """`3`, or `1/3` for trial 3 of run 1, `1/3 forest` where that is of one definition of several."""
        return " ".join(
            filter(None, (f"{self.number}/{self.trial}" if self.trial else str(self.number), self.definition))
        )


class Comparison(NamedTuple):
    entries: tuple[Entry, ...]
    changed: tuple[str, ...]  # hyperparameters whose values are not all the same; all of a single entry
    metrics: tuple[str, ...]


def compare(runs: Iterable[Run], sort: str = "") -> Comparison:
    """The comparison of runs, in their order or sorted by a column: its name, or `name:desc`.

    Raises:
        PlanformError: there is no such column.
    """
    entries = tuple(entry for run in runs for entry in _entries(run))
    names = dict.fromkeys(name for entry in entries for name in entry.hyperparameters)
    changed = tuple(
        name
        for name in names
        if len(entries) == 1
        or any(not same(entry.hyperparameters.get(name), entries[0].hyperparameters.get(name)) for entry in entries)
    )
    metrics = tuple(dict.fromkeys(name for entry in entries for name in entry.metrics))
    found = Comparison(entries, changed, metrics)
    return found._replace(entries=_sorted(found, sort)) if sort else found


def _entries(run: Run) -> Iterable[Entry]:
    if not run.trials:
        taken = duration(run.started_at, run.ended_at)
        given, started = run.hyperparameters, run.started_at or run.launched_at
        yield Entry(run.address, run.number, 0, run.status, given, run.metrics, started, taken)
    for trial in run.trials:
        yield Entry(
            run.address,
            run.number,
            trial.number,
            trial.status,
            {**_given(run, trial), **trial.hyperparameters},
            trial.metrics,
            trial.started_at,
            duration(trial.started_at, trial.ended_at),
            trial.number == run.best,
            trial.definition,
        )


def _given(run: Run, trial: Trial) -> Mapping[str, Value]:
    """What a trial is given beside what is searched; of several definitions that of its own."""
    found: Mapping[str, Value] = (
        run.hyperparameters.get(trial.definition, {}) if trial.definition else run.hyperparameters
    )
    return found


def _sorted(found: Comparison, sort: str) -> tuple[Entry, ...]:
    """What has no value in the column comes last, whichever way it is sorted."""
    name, _, way = sort.rpartition(":") if sort.endswith((":asc", ":desc")) else (sort, "", "asc")
    value = _column(found, name)

    def is_missing(entry: Entry) -> bool:
        item = value(entry)
        return item is None or (isinstance(item, float) and math.isnan(item))

    there = [entry for entry in found.entries if not is_missing(entry)]
    there.sort(key=lambda entry: sort_key(value(entry)), reverse=way == "desc")
    return (*there, *(entry for entry in found.entries if is_missing(entry)))


def _column(found: Comparison, name: str) -> Callable[[Entry], Value]:
    own: dict[str, Callable[[Entry], Value]] = {
        "trainer": lambda entry: entry.address,
        "run": lambda entry: entry.number * 1_000_000 + entry.trial,
        "definition": lambda entry: entry.definition or None,
        "status": lambda entry: entry.status,
        "started": lambda entry: entry.started_at or None,
        "took": lambda entry: entry.seconds,
    }
    given = dict.fromkeys(item for entry in found.entries for item in entry.hyperparameters)
    if name in found.metrics:
        return lambda entry: entry.metrics.get(name)
    if name in given:
        return lambda entry: entry.hyperparameters.get(name)
    if name in own:
        return own[name]
    known = [*found.metrics, *given, *own]
    raise PlanformError(f'There is no column "{name}" to sort by.', suggestion=did_you_mean(name, known))


def rows_of(found: Comparison) -> list[list[str]]:
    """The comparison as text: a head, then a row for each entry. The kind of thing is left out where there is one."""
    rows = [["trainer", "run", "status", *found.changed, *found.metrics, "took"]]
    for entry in found.entries:
        rows.append(
            [
                entry.address,
                f"{'*' if entry.best else ''}{entry.name}",
                entry.status,
                *(cell(entry.hyperparameters.get(name)) for name in found.changed),
                *(number(entry.metrics[name]) if name in entry.metrics else "" for name in found.metrics),
                seconds_text(entry.seconds) if entry.seconds is not None else "",
            ]
        )
    return rows


def cell(value: Value) -> str:
    """A hyperparameter in a table."""
    return "" if value is None else elide(value if isinstance(value, str) else value_text(value, 24), 24)


def comparison_text(found: Comparison, style: Style = PLAIN) -> str:
    """For terminals."""
    if not found.entries:
        return "No runs yet.\n"
    rows = rows_of(found)
    right = frozenset({1, *range(3, len(rows[0]))})
    text = headed(rows, style, right=right, hues=[HUES[entry.status] for entry in found.entries], hued=2)
    return text + ("* the best trial of its tuning job\n" if any(entry.best for entry in found.entries) else "")


def headed(rows: list[list[str]], style: Style, right: frozenset[int], hues: Sequence[str], hued: int) -> str:
    """A table with a dim head and one coloured column; a line that is too wide loses the end of its last cell."""
    lines = [elide(line, max(style.width, 40)) for line in table(rows, right=right)]
    start = sum(max(columns(row[index]) for row in rows) + 2 for index in range(hued))
    painted = [style.paint(lines[0], "dim")]
    for line, row, hue in zip(lines[1:], rows[1:], hues, strict=True):
        word = row[hued]
        painted.append(line[:start] + style.paint(word, hue) + line[start + len(word) :])
    return "\n".join(painted) + "\n"


def comparison_markdown(found: Comparison) -> str:
    """GitHub's Markdown."""
    if not found.entries:
        return "No runs yet.\n"
    head, *rows = [[text.replace("|", "\\|").replace("\n", " ") for text in row] for row in rows_of(found)]
    rule = ["---" if index < 3 else "---:" for index in range(len(head))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *rows))


def comparison_csv(found: Comparison) -> str:
    """Whole values, and every hyperparameter, for spreadsheets and data frames."""
    names = list(dict.fromkeys(name for entry in found.entries for name in entry.hyperparameters))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    several = ["definition"] if any(entry.definition for entry in found.entries) else []
    writer.writerow(["address", "run", "trial", *several, "status", "started_at", "seconds", *names, *found.metrics])
    for entry in found.entries:
        given = shape(dict(entry.hyperparameters)).shown
        writer.writerow(
            [
                entry.address,
                entry.number,
                entry.trial or "",
                *([entry.definition] if several else ()),
                entry.status,
                entry.started_at,
                "" if entry.seconds is None else entry.seconds,
                *(_plain(given.get(name)) for name in names),
                *(entry.metrics.get(name, "") for name in found.metrics),
            ]
        )
    return out.getvalue()


def comparison_json(found: Comparison) -> dict[str, Any]:
    return {
        "format_version": "1.0",
        "changed": list(found.changed),
        "metrics": list(found.metrics),
        "runs": [
            {
                "address": entry.address,
                "run": entry.number,
                **({"trial": entry.trial, "best": entry.best} if entry.trial else {}),
                **({"definition": entry.definition} if entry.definition else {}),
                "status": entry.status,
                "started_at": entry.started_at or None,
                "seconds": entry.seconds,
                "hyperparameters": shape(dict(entry.hyperparameters)).shown,
                "metrics": {name: value if math.isfinite(value) else None for name, value in entry.metrics.items()},
            }
            for entry in found.entries
        ],
    }


def _plain(value: Any) -> Any:
    import json

    return "" if value is None else value if isinstance(value, (str, int, float)) else json.dumps(value)
