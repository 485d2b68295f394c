"""Where boxes and arrows of a drawing go: layers from left to right, groups as boxes within boxes.

What is needed stands left of what needs it, as early as it can: its layer is the longest way to something that needs
nothing. Groups are packed like tetrominoes: each takes all layers between its first and its last member, and the first
free height there, so nothing but a member is ever inside its box. Order within a layer is by barycentre
(Sugiyama, Tagawa and Toda, 1981): a box tends to the mean height of its neighbours, over some rounds, and the round
with the shortest arrows stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf, isqrt
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

Path: TypeAlias = tuple[str, ...]
Edge: TypeAlias = tuple[str, str]

GAP_X, GAP_Y = 56.0, 14.0  # between layers, and between boxes of a layer
PADDING, TITLE = 12.0, 20.0  # of a group around its members, and above them
ROUNDS = 12


class Node(NamedTuple):
    """A box to be placed. Sizes are in pixels; `group` is the path of the groups that it is in, outermost first."""

    name: str
    width: float
    height: float
    group: Path = ()


class Box(NamedTuple):
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


class Layout(NamedTuple):
    """Boxes by node name, boxes by group, and for every arrow the points it passes, from the needed to the user."""

    nodes: Mapping[str, Box]
    groups: Mapping[Path, Box]
    arrows: Mapping[Edge, tuple[tuple[float, float], ...]]
    width: float
    height: float


def arrange(nodes: Sequence[Node], edges: Iterable[Edge]) -> Layout:
    """Place `nodes`; an edge is (user, needed), and edges make no cycle. The same input gives the same drawing."""
    if not nodes:
        return Layout({}, {}, {}, 0, 0)
    names = {node.name for node in nodes}
    direct = sorted(direct_edges({(user, needed) for user, needed in edges if user in names and needed in names}))
    layers = _spread(nodes, direct, layers_of(names, direct))
    columns = _columns(nodes, layers)
    near: dict[str, list[str]] = {node.name: [] for node in nodes}
    for user, needed in direct:
        near[user].append(needed)
        near[needed].append(user)

    tops = {node.name: float(index) for index, node in enumerate(nodes)}
    tries: list[tuple[float, dict[str, float], dict[Path, tuple[float, float]]]] = []
    for _ in range(ROUNDS):
        wish = {
            node.name: sum(tops[other] for other in near[node.name]) / len(near[node.name])
            if near[node.name]
            else inf  # at the bottom of its group
            for node in nodes
        }
        tops, groups = _pack(nodes, layers, wish)
        length = sum(abs(tops[user] - tops[needed]) for user, needed in direct)
        tries.append((length, tops, groups))
    _, tops, spans = min(tries, key=lambda item: item[0])

    boxes = {node.name: Box(columns[layers[node.name]][0], tops[node.name], node.width, node.height) for node in nodes}
    frames = MappingProxyType({group: _frame(group, nodes, layers, columns, spans) for group in spans})
    arrows = {(user, needed): _route(boxes, layers, columns, user, needed) for user, needed in direct}
    everything = [*boxes.values(), *frames.values()]
    return Layout(boxes, frames, arrows, max(box.right for box in everything), max(box.bottom for box in everything))


def direct_edges(edges: Iterable[Edge]) -> frozenset[Edge]:
    """The edges that no longer way says already (the transitive reduction)."""
    needs: dict[str, set[str]] = {}
    for user, needed in edges:
        needs.setdefault(user, set()).add(needed)
    reach: dict[str, frozenset[str]] = {}
    for name in _bottom_up(needs):
        below = needs.get(name, set())
        reach[name] = frozenset(below).union(*(reach[item] for item in below))
    return frozenset(
        (user, needed)
        for user, below in needs.items()
        for needed in below
        if not any(needed in reach[other] for other in below if other != needed)
    )


def layers_of(names: Iterable[str], edges: Iterable[Edge]) -> Mapping[str, int]:
    """The longest way from each name to one that needs nothing; 0 for those."""
    needs: dict[str, set[str]] = {name: set() for name in names}
    for user, needed in edges:
        needs.setdefault(user, set()).add(needed)
    layers: dict[str, int] = {}
    for name in _bottom_up(needs):
        layers[name] = max((layers[item] + 1 for item in needs.get(name, ())), default=0)
    return layers


def _spread(nodes: Sequence[Node], edges: Iterable[Edge], layers: Mapping[str, int]) -> Mapping[str, int]:
    """Layers in which what has no edge fills rows instead of the first column: over the layers of its own group."""
    joined = {name for edge in edges for name in edge}
    spread = dict(layers)
    for group in sorted({node.group for node in nodes}):
        members = [node.name for node in nodes if node.group == group]
        alone = [name for name in members if name not in joined]
        taken = sorted({layers[name] for name in members if name in joined})
        room = range(taken[0], taken[-1] + 1) if taken else range(isqrt(len(alone)))
        spread.update({name: room[index % len(room)] for index, name in enumerate(alone)})
    return spread


def _bottom_up(needs: Mapping[str, set[str]]) -> Iterator[str]:
    """Every name after all that it needs, without recursion: chains may be long."""
    done: set[str] = set()
    for start in sorted(needs):
        stack = [start]
        while stack:
            name = stack[-1]
            waiting = sorted(needs.get(name, set()) - done)
            if name in done or not waiting:
                stack.pop()
                if name not in done:
                    done.add(name)
                    yield name
            else:
                stack += waiting


def _columns(nodes: Sequence[Node], layers: Mapping[str, int]) -> list[tuple[float, float]]:
    """Left edge and width of every layer. Between two layers is room for the borders of the groups that end there."""
    last = max(layers.values(), default=-1)
    depth = max((len(node.group) for node in nodes), default=0)
    columns: list[tuple[float, float]] = []
    left = depth * PADDING
    for layer in range(last + 1):
        width = max(node.width for node in nodes if layers[node.name] == layer)
        columns.append((left, width))
        left += width + GAP_X + 2 * depth * PADDING
    return columns


def _pack(
    nodes: Sequence[Node], layers: Mapping[str, int], wish: Mapping[str, float]
) -> tuple[dict[str, float], dict[Path, tuple[float, float]]]:
    """The top of every node, and top and bottom of every group."""
    tops: dict[str, float] = {}
    groups: dict[Path, tuple[float, float]] = {}

    def place(group: Path, members: Sequence[Node], start: float) -> float:
        """Place what is in `group` from `start` down; the bottom of it."""
        here: dict[str, list[Node]] = {}
        for node in members:
            key = "node " + node.name if node.group == group else "group " + node.group[len(group)]
            here.setdefault(key, []).append(node)
        skyline: dict[int, float] = {}
        mean = {key: sum(wish[node.name] for node in inside) / len(inside) for key, inside in here.items()}
        for key in sorted(here, key=lambda item: (mean[item], item)):
            inside = here[key]
            span = range(min(layers[node.name] for node in inside), max(layers[node.name] for node in inside) + 1)
            top = max(skyline.get(layer, start) for layer in span)
            if key.startswith("node "):
                tops[inside[0].name] = top
                bottom = top + inside[0].height
            else:
                path = inside[0].group[: len(group) + 1]
                bottom = place(path, inside, top + TITLE + PADDING) + PADDING
                groups[path] = (top, bottom)
            for layer in span:
                skyline[layer] = bottom + GAP_Y
        return max(skyline.values(), default=start + GAP_Y) - GAP_Y

    place((), nodes, 0.0)
    return tops, groups


def _frame(
    group: Path,
    nodes: Sequence[Node],
    layers: Mapping[str, int],
    columns: Sequence[tuple[float, float]],
    spans: Mapping[Path, tuple[float, float]],
) -> Box:
    inside = [node for node in nodes if node.group[: len(group)] == group]
    deeper = 1 + max(len(node.group) for node in inside) - len(group)
    first = columns[min(layers[node.name] for node in inside)]
    last = columns[max(layers[node.name] for node in inside)]
    left, right = first[0] - deeper * PADDING, last[0] + last[1] + deeper * PADDING
    top, bottom = spans[group]
    return Box(left, top, right - left, bottom - top)


def _route(
    boxes: Mapping[str, Box],
    layers: Mapping[str, int],
    columns: Sequence[tuple[float, float]],
    user: str,
    needed: str,
) -> tuple[tuple[float, float], ...]:
    """From the right side of `needed` to the left side of `user`; in layers between them through the nearest gap."""
    start, end = boxes[needed], boxes[user]
    points = [(start.right, start.middle)]
    low, high = layers[needed], layers[user]
    for layer in range(low + 1, high):
        left, width = columns[layer]
        wanted = start.middle + (end.middle - start.middle) * (layer - low) / (high - low)
        taken = sorted((box.top, box.bottom) for name, box in boxes.items() if layers[name] == layer)
        height = min(_gaps(taken), key=lambda gap: (abs(gap - wanted), gap)) if _hit(taken, wanted) else wanted
        points += [(left, height), (left + width, height)]
    return (*points, (end.left, end.middle))


def _hit(taken: Sequence[tuple[float, float]], height: float) -> bool:
    return any(top - 3 < height < bottom + 3 for top, bottom in taken)


def _gaps(taken: Sequence[tuple[float, float]]) -> Sequence[float]:
    """Free heights between, above and below what is taken."""
    between = [(upper[1] + lower[0]) / 2 for upper, lower in pairwise(taken)]
    return [taken[0][0] - GAP_Y / 2, *between, taken[-1][1] + GAP_Y / 2]
