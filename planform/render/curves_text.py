"""The course of a metric on a terminal: letters over two axes, one letter a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import ascii_lowercase

from planform.core.state import Run
from planform.render.numbers import number
from planform.render.runs_json import History
from planform.render.style import PLAIN, Style

ROWS = 12
_HUES = ("cyan", "yellow", "green", "magenta", "blue", "red")


def curves_text(histories: Sequence[tuple[Run, History]], style: Style = PLAIN) -> str:
    """A chart for each metric, the runs over one another."""
    marks = ["•"] if len(histories) == 1 else [ascii_lowercase[index % 26] for index in range(len(histories))]
    hues = [_HUES[index % len(_HUES)] for index in range(len(histories))]
    lines = [
        f"{style.paint(mark, hue)} {run.address} run {run.number}  {run.status}"
        for mark, hue, (run, _) in zip(marks, hues, histories, strict=True)
    ]
    metrics = list(dict.fromkeys(name for _, history in histories for name in history))
    if not metrics:
        return "\n".join([*lines, "  No metrics yet."]) + "\n"
    for metric in metrics:
        series = [
            (mark, hue, [point for point in history.get(metric, ()) if math.isfinite(point[1])])
            for mark, hue, (_, history) in zip(marks, hues, histories, strict=True)
        ]
        lines += ["", style.paint(metric, "bold"), *_chart([item for item in series if item[2]], style)]
    return "\n".join(lines) + "\n"


def _chart(series: Sequence[tuple[str, str, Sequence[tuple[float, float]]]], style: Style) -> list[str]:
    every = [point for _, _, points in series for point in points]
    if not every:
        return ["  no finite value"]
    low, high = min(y for _, y in every), max(y for _, y in every)
    start, end = min(x for x, _ in every), max(x for x, _ in every)
    labels = {0: number(high), ROWS - 1: number(low)} if high > low else {ROWS // 2: number(low)}
    left = max(len(text) for text in labels.values())
    width = max(min(style.width - left - 4, 72), 10)
    picture = [[" "] * width for _ in range(ROWS)]
    for mark, hue, points in series:
        for column, value in _columns(points, start, end, width):
            row = ROWS - 1 - round((value - low) / (high - low) * (ROWS - 1)) if high > low else ROWS // 2
            picture[row][column] = style.paint(mark, hue)
    lines = [
        f"  {style.paint(labels.get(index, '').rjust(left), 'dim')} {style.paint('│', 'dim')}{''.join(row).rstrip()}"
        for index, row in enumerate(picture)
    ]
    first, last = number(start), f"{number(end)} s"
    gap = " " * max(width - len(first) - len(last), 1)
    axis = f"  {' ' * left} └{'─' * width}"
    return [*lines, style.paint(axis, "dim"), style.paint(f"  {' ' * left}  {first}{gap}{last}", "dim")]


def _columns(points: Sequence[tuple[float, float]], start: float, end: float, width: int) -> list[tuple[int, float]]:
    """The value in each column that a series reaches, between two points on the straight line."""
    span = end - start or 1.0
    placed = sorted(points)
    found: list[tuple[int, float]] = []
    for column in range(width):
        at = start + span * column / (width - 1)
        if at < placed[0][0] - span / width / 2 or at > placed[-1][0] + span / width / 2:
            continue
        right = next((index for index, (x, _) in enumerate(placed) if x >= at), len(placed) - 1)
        left = max(right - 1, 0)
        (x0, y0), (x1, y1) = placed[left], placed[right]
        share = min(max((at - x0) / (x1 - x0), 0.0), 1.0) if x1 > x0 else 1.0
        found.append((column, y0 + share * (y1 - y0)))
    return found
