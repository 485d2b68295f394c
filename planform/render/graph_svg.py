"""The resources of a configuration and what each needs, as one SVG file that a browser or a Markdown page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from planform.render.layout import Box, Edge, Layout, Node, arrange
from planform.render.style import count

FONT = 13.0
CHARACTER = FONT * 0.62  # of a monospaced font: 0.60 in nearly all, and some to spare
MARGIN = 20.0
NODE_HEIGHT = 42.0

STYLE = """
  svg { background: #ffffff; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 13px }
  text { fill: #1f2328 } .type, .legend, .title { fill: #59636e; font-size: 11px } .count { fill: #59636e }
  .node { fill: #ffffff; stroke: #8c959f } .group { fill: #818b981a; stroke: #d1d9e0 }
  .arrow { fill: none; stroke: #8c959f } marker path { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117 } text { fill: #f0f6fc } .type, .legend, .title, .count { fill: #9198a1 }
    .node { fill: #151b23; stroke: #656c76 } .group { fill: #656c761f; stroke: #3d444d }
    .arrow { stroke: #656c76 } marker path { fill: #656c76 }
  }
"""


class Resource(NamedTuple):
    """One box: the address for who hovers over it, what is written in it, and what a plan does to it, if anything."""

    address: str
    type: str
    name: str
    instances: str  # "(3)", or empty
    module: tuple[str, ...]
    fate: str = ""
    link: str = ""  # where a click on it leads


def svg(
    resources: Sequence[Resource], edges: Iterable[Edge], colours: Mapping[str, str], title: str, *, inline: str = ""
) -> str:
    """Arrows point from what is needed to who needs it, left to right: the order of creation.

    `inline` is a name for a drawing that stands in a page, which has the style of all its drawings.
    """
    ids = f"{inline}-" if inline else ""
    nodes = [Node(item.address, _width(item), NODE_HEIGHT, item.module) for item in resources]
    layout = arrange(nodes, edges)
    fates = [fate for fate in colours if any(item.fate == fate for item in resources)]
    legend = 28.0 if fates else 0.0
    width = max(layout.width, sum(map(_legend_width, fates))) + 2 * MARGIN
    height = layout.height + 2 * MARGIN + legend
    modules = {item.module for item in resources if item.module}
    description = (
        f"{count(len(resources), 'resource')} in {count(len(modules) + 1, 'module')},"
        f" {count(len(layout.arrows), 'dependency', 'dependencies')}."
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}" role="{"group" if inline else "img"}"'
        f' aria-labelledby="{ids}title {ids}desc">',
        f'<title id="{ids}title">{escape(title)}</title><desc id="{ids}desc">{escape(description)}</desc>',
        *([] if inline else [f"<style>{STYLE}{''.join(fate_style(fate, colours[fate]) for fate in fates)}</style>"]),
        f'<defs><marker id="{ids}head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
        ' orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
        f'<g transform="translate({MARGIN:.0f} {MARGIN:.0f})">',
        *_groups(layout),
        *(
            f'<path class="arrow" marker-end="url(#{ids}head)" d="{_curve(points)}"/>'
            for points in layout.arrows.values()
        ),
        *(_node(item, layout.nodes[item.address]) for item in resources),
        "</g>",
        *_legend(fates, MARGIN, height - legend),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _width(item: Resource) -> float:
    longest = max(len(item.name) + (len(item.instances) + 1 if item.instances else 0), len(item.type) * 0.87)
    return round(longest * CHARACTER + 24)


def _groups(layout: Layout) -> Iterable[str]:
    for path, box in sorted(layout.groups.items()):  # outer ones first
        title = ".".join(f"module.{name}" for name in path)
        yield f'<rect class="group" {_rectangle(box)} rx="8"><title>{escape(title)}</title></rect>'
        yield f'<text class="title" x="{box.left + 12:.0f}" y="{box.top + 18:.0f}">module.{escape(path[-1])}</text>'


def _node(item: Resource, box: Box) -> str:
    fate = f" {item.fate}" if item.fate else ""
    said = f"{item.address} ({item.fate})" if item.fate else item.address
    instances = f' <tspan class="count">{escape(item.instances)}</tspan>' if item.instances else ""
    drawn = (
        f'<g><title>{escape(said)}</title><rect class="node{fate}" {_rectangle(box)} rx="6"/>'
        f'<text class="type" x="{box.left + 12:.0f}" y="{box.top + 16:.0f}">{escape(item.type)}</text>'
        f'<text x="{box.left + 12:.0f}" y="{box.top + 32:.0f}">{escape(item.name)}{instances}</text></g>'
    )
    return f'<a href="{escape(item.link)}">{drawn}</a>' if item.link else drawn


def _rectangle(box: Box) -> str:
    return f'x="{box.left:.1f}" y="{box.top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Straight through layers, bent between them."""
    (x, y), *rest = points
    drawn = f"M{x:.1f} {y:.1f}"
    for index, (next_x, next_y) in enumerate(rest):
        if index % 2:
            drawn += f"L{next_x:.1f} {next_y:.1f}"
        else:
            half = (next_x - x) / 2
            drawn += f"C{x + half:.1f} {y:.1f} {next_x - half:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}"
        x, y = next_x, next_y
    return drawn


def fate_style(fate: str, colour: str) -> str:
    return f"  .node.{fate} {{ stroke: {colour}; stroke-width: 2; fill: {colour}1f }}\n"


def _legend(fates: Sequence[str], left: float, top: float) -> Iterable[str]:
    for fate in fates:
        yield f'<rect class="node {fate}" x="{left:.0f}" y="{top:.0f}" width="14" height="14" rx="3"/>'
        yield f'<text class="legend" x="{left + 20:.0f}" y="{top + 11:.0f}">{fate}</text>'
        left += _legend_width(fate)


def _legend_width(fate: str) -> float:
    return 30 + len(fate) * CHARACTER
