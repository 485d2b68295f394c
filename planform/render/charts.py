"""Charts as SVG: points or lines over two axes. Self-contained, and readable in light and in dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from planform.render.numbers import number

WIDTH, HEIGHT = 330.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 14.0, 30.0, 40.0
HUES = 8  # colours; the series after that repeat them with dashes

_LIGHT = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#0a7d8c", "#9a6700", "#59636e")
_DARK = ("#4493f8", "#f0883e", "#3fb950", "#ab7df8", "#f778ba", "#39c5cf", "#d29922", "#9198a1")


def _colours(ink: str, dim: str, line: str, paper: str, wash: str, hues: Sequence[str]) -> str:
    named = {"ink": ink, "dim": dim, "line": line, "paper": paper, "wash": wash}
    named |= {f"s{index}": hue for index, hue in enumerate(hues)}
    return "; ".join(f"--{name}: {colour}" for name, colour in named.items())


# For a page, or a picture, of class `page`.
STYLE = f"""
  .page {{ color-scheme: light dark; {_colours("#1f2328", "#59636e", "#d1d9e0", "#ffffff", "#f6f8fa", _LIGHT)} }}
  @media (prefers-color-scheme: dark) {{
    .page {{ {_colours("#f0f6fc", "#9198a1", "#3d444d", "#0d1117", "#151b23", _DARK)} }}
  }}
  .chart {{ font: 11px system-ui, sans-serif }}
  .chart text {{ fill: var(--dim) }}
  .chart .title {{ fill: var(--ink); font-weight: 600; font-size: 12px }}
  .grid {{ stroke: var(--line) }}
  .axis {{ stroke: var(--dim) }}
  .line {{ fill: none; stroke-width: 1.75; stroke-linejoin: round }}
  .dash {{ stroke-dasharray: 5 3 }}
  .ring {{ fill: none; stroke: var(--ink); stroke-width: 1.5 }}
""" + "".join(
    f"  .s{index} {{ stroke: var(--s{index}) }} circle.s{index} {{ fill: var(--s{index}); stroke: var(--paper) }}\n"
    for index in range(HUES)
)


class Point(NamedTuple):
    x: float | str  # a number, or a category
    y: float
    label: str = ""  # for who hovers over it
    series: int = 0
    ringed: bool = False


class Axis(NamedTuple):
    """From values to a share of the length, 0 to 1; `ticks` are shares with what is written there."""

    low: float
    high: float
    logarithmic: bool
    categories: tuple[str, ...]
    ticks: tuple[tuple[float, str], ...]

    def share(self, value: float | str) -> float:
        if self.categories:
            return (self.categories.index(str(value)) + 0.5) / len(self.categories)
        low, high, at = self.low, self.high, float(value)
        if self.logarithmic:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        return (at - low) / (high - low)


def axis(values: Sequence[float | str], most: int = 5) -> Axis:
    """The axis for values: categories for texts; a logarithmic one where they span orders of magnitude."""
    if any(isinstance(value, str) for value in values):
        found = tuple(dict.fromkeys(map(str, values)))
        count = len(found)
        return Axis(0, 1, False, found, tuple(((index + 0.5) / count, text) for index, text in enumerate(found)))
    numbers = [float(value) for value in values]
    low, high = min(numbers), max(numbers)
    if low == high:
        pad = abs(low) / 10 or 1.0
        low, high = low - pad, high + pad
    if low > 0 and high / low >= 50:
        return _logarithmic(low, high, most)
    step = _step((high - low) / most)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    count = round((high - low) / step)
    ticks = tuple((index / count, number(round(low + index * step, 12))) for index in range(count + 1))
    return Axis(low, high, False, (), ticks)


def _logarithmic(low: float, high: float, most: int) -> Axis:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / most))
    powers = range(first, last + 1, every)
    ticks = tuple(((power - first) / (last - first), number(10.0**power)) for power in powers)
    return Axis(10.0**first, 10.0**last, True, (), ticks)


def _step(rough: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)


def scatter(title: str, x_name: str, y_name: str, points: Sequence[Point]) -> str:
    """One chart of points."""
    across, up = axis([point.x for point in points]), axis([point.y for point in points])
    parts = []
    for point in sorted(points, key=lambda item: item.ringed):
        x, y = _place(across.share(point.x), up.share(point.y))
        if point.ringed:
            parts.append(f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="7"/>')
        parts.append(
            f'<circle class="s{point.series % HUES}" cx="{x:.1f}" cy="{y:.1f}" r="4">'
            f"<title>{escape(point.label)}</title></circle>"
        )
    return _frame(title, x_name, y_name, across, up, parts)


class Series(NamedTuple):
    name: str
    points: Sequence[tuple[float, float]]
    hue: int


def curves(title: str, x_name: str, y_name: str, series: Sequence[Series]) -> str:
    """One chart of lines; a series of a single point is a dot. What is not finite is left out."""
    known = [(item, [point for point in item.points if math.isfinite(point[1])]) for item in series]
    known = [(item, points) for item, points in known if points]
    if not known:
        return ""
    across = axis([x for _, points in known for x, _ in points])
    up = axis([y for _, points in known for _, y in points])
    parts = []
    for item, points in known:
        places = [_place(across.share(x), up.share(y)) for x, y in points]
        told = f"<title>{escape(item.name)}: {number(points[-1][1])}</title>"
        looks = f"s{item.hue % HUES}{' dash' if item.hue >= HUES else ''}"
        if len(places) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            parts.append(f'<polyline class="line {looks}" points="{path}">{told}</polyline>')
        x, y = places[-1]
        parts.append(f'<circle class="{looks}" cx="{x:.1f}" cy="{y:.1f}" r="3">{told}</circle>')
    return _frame(title, x_name, y_name, across, up, parts)


def _place(across: float, up: float) -> tuple[float, float]:
    return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def _frame(title: str, x_name: str, y_name: str, across: Axis, up: Axis, inside: Sequence[str]) -> str:
    """The chart around what is drawn in it."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" width="{WIDTH:.0f}" height="{HEIGHT:.0f}" '
        f'role="img" aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">',
        f'<text class="title" x="{LEFT:.0f}" y="16">{escape(_short(title, 44))}</text>',
    ]
    for share, text in up.ticks:
        _, y = _place(0, share)
        parts.append(f'<line class="grid" x1="{LEFT:.0f}" y1="{y:.1f}" x2="{right:.0f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6:.0f}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    for share, text in across.ticks:
        x, _ = _place(share, 0)
        parts.append(f'<line class="axis" x1="{x:.1f}" y1="{bottom:.0f}" x2="{x:.1f}" y2="{bottom + 4:.0f}"/>')
        room = max(4, int(40 / max(len(across.ticks), 1)))
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 16:.0f}" text-anchor="middle">{escape(_short(text, room))}</text>'
        )
    middle = (LEFT + right) / 2
    parts += [
        f'<line class="axis" x1="{LEFT:.0f}" y1="{bottom:.0f}" x2="{right:.0f}" y2="{bottom:.0f}"/>',
        f'<text x="{middle:.0f}" y="{HEIGHT - 6:.0f}" text-anchor="middle">{escape(_short(x_name, 40))}</text>',
        f'<text x="12" y="{(TOP + bottom) / 2:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 12 {(TOP + bottom) / 2:.0f})">{escape(_short(y_name, 26))}</text>',
    ]
    return "\n".join([*parts, *inside, "</svg>"])


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
