"""Tables of runs, of what they measured, and of why a run is or is not repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planform.core.state import Run
from planform.render.comparison import headed
from planform.render.live import HUES
from planform.render.numbers import duration, metrics_text, number, seconds_text
from planform.render.runs_json import History
from planform.render.style import PLAIN, Style, columns, elide, pad, table

_BARS = "▁▂▃▄▅▆▇█"


def runs_table(runs: Sequence[Run], style: Style = PLAIN) -> str:
    """`planform runs`: one line a run, oldest first within its trainer."""
    if not runs:
        return "No runs yet.\n"
    several = len({run.executor for run in runs}) > 1
    rows = [["trainer", "run", "status", "started (UTC)", "took", *(["executor"] if several else []), "result"]]
    for run in runs:
        taken = duration(run.started_at, run.ended_at)
        told = run.reason.splitlines()[0] if run.reason else metrics_text(run.metrics)
        rows.append(
            [
                run.address,
                str(run.number),
                run.status,
                time_text(run.started_at or run.launched_at),
                seconds_text(taken) if taken is not None else "",
                *([run.executor] if several else []),
                " ".join(filter(None, ["(imported)" if run.adopted else "", told])),
            ]
        )
    return headed(rows, style, right=frozenset({1}), hues=[HUES[run.status] for run in runs], hued=2)


def metrics_table(run: Run, history: History, style: Style = PLAIN) -> str:
    """`planform metrics ADDRESS`: every metric of one run with its course."""
    head = style.paint(f"{run.address} run {run.number}", "bold")
    lines = [f"{head}  {style.paint(run.status, HUES[run.status])}"]
    names = [*run.metrics, *(name for name in history if name not in run.metrics)]
    if not names:
        return "\n".join([*lines, "  No metrics yet."]) + "\n"
    rows = [["metric", "last", "least", "most", "points", "course"]]
    for name in names:
        values = [value for _, value in history.get(name, ())] or [run.metrics[name]]
        course = sparkline(values, 30)
        rows.append([name, number(values[-1]), number(min(values)), number(max(values)), str(len(values)), course])
    return "\n".join([*lines, *("  " + line for line in table(rows, right=frozenset({1, 2, 3, 4})))]) + "\n"


def history_table(history: History, most: int = 50) -> str:
    """Every point in time, one column a metric; the middle of a long history is left out."""
    names = list(history)
    moments: dict[float, dict[str, float]] = {}
    for name, points in history.items():
        for at, value in points:
            moments.setdefault(at, {})[name] = value
    rows = [["seconds", *names]]
    found = sorted(moments.items())
    shown = found if len(found) <= most else [*found[: most // 2], *found[-(most // 2) :]]
    for index, (at, values) in enumerate(shown):
        if len(found) > most and index == most // 2:
            rows.append(["...", *("" for _ in names)])
        rows.append([f"{at:.1f}", *(number(values[name]) if name in values else "" for name in names)])
    return "\n".join("  " + line for line in table(rows, right=frozenset(range(len(names) + 1)))) + "\n"


def why_text(address: str, now: Mapping[str, str], previous: Run | None, style: Style = PLAIN) -> str:
    """`planform why`: each component of the run digest, and which one moved since a run."""
    before = previous.components if previous else {}
    names = sorted({*before, *now})
    moved = [name for name in names if before.get(name) != now.get(name)]
    if previous is None:
        head = f"{address} has no run yet; its definition is made of:"
    elif not moved:
        head = f"{address} is defined as in run {previous.number} ({previous.status}): nothing moved."
    else:
        head = f"{address} differs from run {previous.number} ({previous.status}) in {', '.join(moved)}."
    width = max((columns(name) for name in names), default=0)
    room = style.width - width - 6
    lines = [style.paint(head, "bold")]
    for name in names:
        old, new = before.get(name), now.get(name)
        if previous is None or old == new:
            lines.append(f"    {pad(name, width)}  {style.paint(_component(new, room), 'dim')}")
        else:
            symbol, hue = ("+", "green") if old is None else ("-", "red") if new is None else ("~", "yellow")
            shown = [_component(item, room // 2 - 2) for item in (old, new) if item is not None]
            lines.append(f"  {style.paint(symbol, hue)} {pad(name, width)}  {' -> '.join(shown)}")
    return "\n".join(lines) + "\n"


def sparkline(values: Sequence[float], width: int = 30) -> str:
    """The course of a metric in one line of bars; a long one is sampled evenly, its last point kept."""
    import math

    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    if len(finite) > width:
        finite = [finite[round(index * (len(finite) - 1) / (width - 1))] for index in range(width)]
    low, high = min(finite), max(finite)
    span = high - low
    if span == 0:
        return _BARS[3] * len(finite)
    return "".join(_BARS[min(int((value - low) / span * len(_BARS)), len(_BARS) - 1)] for value in finite)


def time_text(moment: str) -> str:
    """`2026-11-22 21:25:14` of an RFC 3339 time."""
    return moment[:19].replace("T", " ")


def _component(value: str | None, room: int) -> str:
    """A component as it enters the digest: short values in clear, content by the beginning of its digest."""
    if value is None:
        return ""
    name, colon, digest = value.partition(":")
    return f"{name}:{digest[:12]}" if colon and name == "sha256" else elide(value, max(room, 16))


__all__ = ["history_table", "metrics_table", "runs_table", "sparkline", "time_text", "why_text"]
