"""The trials of a tuning job: one line each while it goes on, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planform.core.state import Run, Trial
from planform.core.values import Value
from planform.render.numbers import duration, number, seconds_text
from planform.render.style import elide, table
from planform.render.values import value_text

_ENDED = ("succeeded", "failed", "stopped")


def trial_sentence(trial: Trial, total: int) -> str:
    """`trial 3 of 20 succeeded in 1.2 s, accuracy 0.957 (learning_rate=0.16)`."""
    text = f"trial {trial.number} of {total} {trial.status}"
    taken = duration(trial.started_at, trial.ended_at)
    if taken is not None:
        text += f" {'in' if trial.status == 'succeeded' else 'after'} {seconds_text(taken)}"
    if trial.reason and trial.status != "succeeded":
        text += f": {elide(trial.reason.splitlines()[0], 100)}"
    measured = ", ".join(f"{name} {number(value)}" for name, value in list(trial.metrics.items())[:2])
    return f"{text}{f', {measured}' if measured else ''} ({_given(trial)})"


def best_text(run: Run) -> str:
    """`best of 20: trial 3 (learning_rate=0.16)`; empty while no trial has a value."""
    best = next((trial for trial in run.trials if trial.number == run.best), None)
    return f"best of {len(run.trials)}: trial {best.number} ({_given(best)})" if best else ""


def _given(trial: Trial) -> str:
    """`learning_rate=0.16`, with the definition where there are several."""
    text = assignments(trial.hyperparameters)
    return f"{trial.definition}: {text}" if trial.definition else text


def assignments(hyperparameters: Mapping[str, Value]) -> str:
    """`epochs=3 learning_rate=0.2`."""
    return " ".join(f"{name}={_cell(value)}" for name, value in hyperparameters.items())


def trials_table(run: Run, most: int = 0) -> list[tuple[str, str]]:
    """(line, status) of each trial under a head; the best is marked. With `most`, those that matter: running ones, the
    best, and the newest ended."""
    shown = _shown(run, most)
    names = list(dict.fromkeys(name for trial in run.trials for name in trial.hyperparameters))
    metrics = list(dict.fromkeys(name for trial in run.trials for name in trial.metrics))
    several = any(trial.definition for trial in run.trials)
    rows = [["", "trial", "status", *(["definition"] if several else ()), *names, *metrics, "took"]]
    for trial in shown:
        taken = duration(trial.started_at, trial.ended_at)
        rows.append(
            [
                "*" if trial.number == run.best else "",
                str(trial.number),
                trial.status,
                *([trial.definition] if several else ()),
                *(_cell(trial.hyperparameters.get(name)) for name in names),
                *(number(trial.metrics[name]) if name in trial.metrics else "" for name in metrics),
                seconds_text(taken) if taken is not None else "",
            ]
        )
    right = frozenset({1, *range(3 + several, len(rows[0]))})
    lines = table(rows, right=right)
    return list(zip(lines, ["", *(trial.status for trial in shown)], strict=True))


def _shown(run: Run, most: int) -> Sequence[Trial]:
    if not most or len(run.trials) <= most:
        return run.trials
    running = [trial for trial in run.trials if trial.status == "running"]
    ended = sorted((trial for trial in run.trials if trial.status in _ENDED), key=lambda trial: trial.ended_at)
    best = [trial for trial in ended if trial.number == run.best]
    rest = [trial for trial in reversed(ended) if trial.number != run.best]
    waiting = [trial for trial in run.trials if trial.status in ("queued", "launching")]
    chosen = [*best, *running, *rest, *waiting][:most]
    return sorted(chosen, key=lambda trial: trial.number)


def _cell(value: Value) -> str:
    return "" if value is None else elide(value if isinstance(value, str) else value_text(value, 24), 24)
