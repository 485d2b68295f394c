"""Pages of charts and tables that stand alone: no script, nothing fetched, in the colours of who looks at them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from planform.core.state import Run
from planform.core.values import Value
from planform.render import charts
from planform.render.charts import Point, Series, curves, scatter
from planform.render.comparison import Comparison, Entry, cell, rows_of
from planform.render.numbers import number
from planform.render.runs_json import History
from planform.render.style import count

MOST_CHARTS = 24
MOST_SERIES = 24
BEST = ' class="best"'

_STYLE = """
  body { margin: 0; background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, sans-serif }
  main { max-width: 1120px; margin: 0 auto; padding: 24px }
  h1 { font-size: 20px; margin: 0 0 4px }
  p { color: var(--dim); margin: 0 0 16px }
  .charts { display: flex; flex-wrap: wrap; gap: 12px; margin: 0 0 20px }
  .charts > div { border: 1px solid var(--line); border-radius: 6px; padding: 6px }
  .wide { overflow-x: auto }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums }
  th, td { padding: 4px 12px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
  th { color: var(--dim); font-weight: 600 }
  td:nth-child(-n+3), th:nth-child(-n+3) { text-align: left }
  tr.best td { background: var(--wash); font-weight: 600 }
  .succeeded { color: var(--s2) }
  .failed { color: var(--s1) }
  .stopped { color: var(--s6) }
  .running, .queued, .launching { color: var(--s0) }
  .legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0 0 12px; color: var(--dim) }
  .legend svg { vertical-align: -2px }
"""


def comparison_page(found: Comparison, title: str) -> str:
    """`planform runs compare --format html`: each metric over each hyperparameter that changed, and the table."""
    kinds = list(dict.fromkeys(_kind(entry) for entry in found.entries))
    pairs = [(metric, name) for metric in found.metrics for name in found.changed]
    drawn = [chart for metric, name in pairs if (chart := _scatter(found, kinds, metric, name))]
    shown, left = drawn[:MOST_CHARTS], max(len(drawn) - MOST_CHARTS, 0)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{_summary(found)}</p>",
        _legend(kinds) if shown and len(kinds) > 1 else "",
        _charts(shown),
        f"<p>{count(left, 'more chart')} left out.</p>" if left else "",
        _table(found),
    ]
    return page(title, "\n".join(filter(None, parts)))


def _summary(found: Comparison) -> str:
    names = ", ".join(found.changed) or "no hyperparameter"
    told = f"{count(len(found.entries), 'run')} that {'differs' if len(found.entries) == 1 else 'differ'} in {names}."
    return escape(told) + (" The best trial is ringed." if any(entry.best for entry in found.entries) else "")


def _kind(entry: Entry) -> str:
    """What shares a colour: the instances of one resource, the trials of one definition."""
    address = entry.address.rpartition("[")[0] if entry.address.endswith("]") else entry.address
    return f"{address} {entry.definition}".rstrip()


def _scatter(found: Comparison, kinds: Sequence[str], metric: str, name: str) -> str:
    points = []
    # Texts and numbers share an axis only as categories.
    words = any(_coordinate(entry.hyperparameters.get(name)) is None for entry in found.entries)
    for entry in found.entries:
        value, y = entry.hyperparameters.get(name), entry.metrics.get(metric)
        if y is None or not math.isfinite(y) or value is None:
            continue
        x = cell(value) if words else _coordinate(value)
        if x is None:
            continue
        label = f"{entry.address} {entry.name}: {name} {cell(value)}, {metric} {number(y)}"
        points.append(Point(x, y, label, kinds.index(_kind(entry)), entry.best))
    return scatter(f"{metric} over {name}", name, metric, points) if points else ""


def _coordinate(value: Value) -> float | None:
    """A hyperparameter as a number, if it is one."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _table(found: Comparison) -> str:
    head, *rows = rows_of(found)
    lines = ["<tr>" + "".join(f"<th>{escape(text)}</th>" for text in head) + "</tr>"]
    lines += [_row(row, entry) for row, entry in zip(rows, found.entries, strict=True)]
    return '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _row(row: Sequence[str], entry: Entry) -> str:
    cells = [
        f'<td class="{entry.status}">{escape(text)}</td>' if index == 2 else f"<td>{escape(text)}</td>"
        for index, text in enumerate(row)
    ]
    return f"<tr{BEST if entry.best else ''}>{''.join(cells)}</tr>"


def curves_page(histories: Sequence[tuple[Run, History]], title: str) -> str:
    """`planform metrics --format html`: the course of each metric, runs over one another."""
    series = _series(histories)
    drawn = [chart for metric, lines in series.items() if (chart := curves(metric, "seconds", metric, lines))]
    names = [_name(run) for run, _ in histories][:MOST_SERIES]
    left = max(len(histories) - MOST_SERIES, 0)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{count(len(histories), 'run')}, {count(len(drawn), 'metric')}.</p>",
        _legend(names),
        _charts(drawn) or "<p>No metrics yet.</p>",
        f"<p>{count(left, 'more run')} left out.</p>" if left else "",
    ]
    return page(title, "\n".join(filter(None, parts)))


def curves_svg(histories: Sequence[tuple[Run, History]], title: str) -> str:
    """`planform metrics --format svg`: the same as one picture."""
    series = _series(histories)
    drawn = [chart for metric, lines in series.items() if (chart := curves(metric, "seconds", metric, lines))]
    names = [_name(run) for run, _ in histories][:MOST_SERIES]
    across = min(len(drawn), 3) or 1
    top, row = 34.0 + 18.0 * len(names), charts.HEIGHT + 10
    width, height = 24 + across * (charts.WIDTH + 10), top + row * max(math.ceil(len(drawn) / across), 1) + 12
    parts = [
        f'<svg class="page" xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">',
        f"<style>{charts.STYLE}  svg.page {{ background: var(--paper) }}</style>",
        f'<rect width="{width:.0f}" height="{height:.0f}" style="fill: var(--paper)"/>',
        f'<text x="16" y="22" style="fill: var(--ink); font: 600 15px system-ui, sans-serif">{escape(title)}</text>',
    ]
    for index, name in enumerate(names):
        at = 42 + 18 * index
        line = f'<line class="line {_looks(index)}" x1="16" y1="{at}" x2="38" y2="{at}" style="stroke-width: 3"/>'
        style = "fill: var(--dim); font: 12px system-ui, sans-serif"
        parts += [line, f'<text x="44" y="{at + 4}" style="{style}">{escape(name)}</text>']
    for index, chart in enumerate(drawn):
        x, y = 12 + index % across * (charts.WIDTH + 10), top + index // across * row
        parts.append(chart.replace("<svg ", f'<svg x="{x:.0f}" y="{y:.0f}" ', 1))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _series(histories: Sequence[tuple[Run, History]]) -> Mapping[str, list[Series]]:
    """Metric -> a line for each run that has it."""
    found: dict[str, list[Series]] = {}
    for index, (run, history) in enumerate(histories[:MOST_SERIES]):
        for metric, points in history.items():
            found.setdefault(metric, []).append(Series(_name(run), points, index))
    return found


def _name(run: Run) -> str:
    return f"{run.address} run {run.number}"


def _looks(index: int) -> str:
    return f"s{index % charts.HUES}{' dash' if index >= charts.HUES else ''}"


def _legend(names: Sequence[str]) -> str:
    items = [
        f'<span><svg class="chart" width="24" height="12"><line class="line {_looks(index)}" x1="1" y1="6" x2="23" '
        f'y2="6" style="stroke-width: 3"/></svg> {escape(name)}</span>'
        for index, name in enumerate(names)
    ]
    return f'<div class="legend">{"".join(items)}</div>' if items else ""


def _charts(drawn: Sequence[str]) -> str:
    return f'<div class="charts">{"".join(f"<div>{chart}</div>" for chart in drawn)}</div>' if drawn else ""


def page(title: str, body: str) -> str:
    """A page around a body."""
    return (
        '<!doctype html>\n<html lang="en" class="page">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{charts.STYLE}{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
