"""Where boxes go: nothing overlaps, arrows point one way, groups hold their members and nothing else."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from planform.render.graph import COLOURS
from planform.render.graph_svg import Resource, svg
from planform.render.layout import Box, Node, arrange, direct_edges, layers_of

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Node], list[tuple[str, str]]]:
    size = draw(st.integers(0, 24))
    groups = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
    nodes = [Node(f"n{index}", draw(st.integers(20, 200)), 40, draw(groups)) for index in range(size)]
    pairs = st.tuples(st.integers(0, max(size - 1, 0)), st.integers(0, max(size - 1, 0)))
    edges = [(f"n{max(a, b)}", f"n{min(a, b)}") for a, b in draw(st.lists(pairs, max_size=40)) if a != b]
    return nodes, edges


def apart(one: Box, other: Box) -> bool:
    return one.right <= other.left or other.right <= one.left or one.bottom <= other.top or other.bottom <= one.top


def within(inner: Box, outer: Box) -> bool:
    return (
        outer.left <= inner.left
        and inner.right <= outer.right
        and outer.top <= inner.top
        and inner.bottom <= outer.bottom
    )


@given(graphs())
def test_a_drawing_is_readable(graph: tuple[list[Node], list[tuple[str, str]]]) -> None:
    nodes, edges = graph
    layout = arrange(nodes, edges)
    assert arrange(nodes, list(reversed(edges))) == layout
    whole = Box(0, 0, layout.width, layout.height)
    assert all(within(box, whole) for box in [*layout.nodes.values(), *layout.groups.values()])
    for one, other in combinations(nodes, 2):
        assert apart(layout.nodes[one.name], layout.nodes[other.name])
    for path, frame in layout.groups.items():
        for node in nodes:
            member = node.group[: len(path)] == path
            assert (within if member else apart)(layout.nodes[node.name], frame), (node, path)
        for other_path, other in layout.groups.items():
            if path == other_path[: len(path)]:
                assert within(other, frame)
            elif other_path != path[: len(other_path)]:
                assert apart(frame, other), (path, other_path)
    for (user, needed), points in layout.arrows.items():
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        assert layout.nodes[needed].right < layout.nodes[user].left
        assert (points[0][0], points[-1][0]) == (layout.nodes[needed].right, layout.nodes[user].left)


@given(graphs())
def test_left_out_arrows_are_said_by_others(graph: tuple[list[Node], list[tuple[str, str]]]) -> None:
    nodes, edges = graph
    direct = direct_edges(edges)
    assert direct <= set(edges)

    def reach(name: str, over: frozenset[tuple[str, str]]) -> set[str]:
        below = {needed for user, needed in over if user == name}
        return below.union(*(reach(item, over) for item in below))

    for node in nodes[-3:]:
        assert reach(node.name, direct) == reach(node.name, frozenset(edges))
    assert layers_of([node.name for node in nodes], direct) == layers_of([node.name for node in nodes], edges)


def test_long_chains_need_no_recursion() -> None:
    names = [f"n{index:05}" for index in range(3000)]
    assert layers_of(names, zip(names[1:], names, strict=False))[names[-1]] == 2999


def test_the_picture_is_well_formed_and_says_what_it_shows() -> None:
    resources = [
        Resource("data.a.<b>", "data.a", "<b>", "", (), ""),
        Resource('module.m&m.trainer.x["1"]', "trainer", "x", "(3)", ("m&m",), "run"),
    ]
    drawn = svg(resources, [(resources[1].address, resources[0].address)], COLOURS, 'a "title" & more')
    root = ElementTree.fromstring(drawn)
    assert root.findtext(f"{SVG}title") == 'a "title" & more'
    assert root.findtext(f"{SVG}desc") == "2 resources in 2 modules, 1 dependency."
    texts = ["".join(item.itertext()) for item in root.iter(f"{SVG}text")]
    assert texts == ["module.m&m", "data.a", "<b>", "trainer", "x (3)", "run"]
    titles = [item.text for item in root.iter(f"{SVG}title")]
    assert 'module.m&m.trainer.x["1"] (run)' in titles


def test_an_empty_project_is_an_empty_picture() -> None:
    assert ElementTree.fromstring(svg([], [], COLOURS, "nothing")).findtext(f"{SVG}desc", "").startswith("0 resources")
