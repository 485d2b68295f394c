"""The graph of a configuration: what refers to what, in which order values can be computed, and where that is a circle.

A node is one thing with a value: `((), "resource", "trainer.digits")`, `(("a",), "var", "x")`. Its edges are the
references in its expressions. Dependencies are edges followed through everything that is not a resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from planform.core.addresses import ResourceAddress
from planform.core.configuration import Dependency, Place

Node: TypeAlias = tuple[tuple[str, ...], str, str]  # module, kind, name
Target: TypeAlias = tuple[ResourceAddress, str | None]


@dataclass(frozen=True, slots=True)
class Edge:
    """A reference from one node to another, naming an attribute or the whole (None)."""

    target: Node
    attribute: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Graph:
    """Every node of the tree of modules with its edges, and what each depends on in the end."""

    edges: Mapping[Node, Sequence[Edge]] = field(default_factory=dict)
    reached: Mapping[Node, tuple[Target, ...]] = field(default_factory=dict)

    def dependencies(self, node: Node) -> tuple[Dependency, ...]:
        """The resources a node refers to, followed through locals, variables and module outputs."""
        found: dict[Target, Dependency] = {}
        for edge in self.edges.get(node, ()):
            if edge.target[1] == "resource":
                key = (resource_of(edge.target), edge.attribute)
                if key not in found:
                    found[key] = Dependency(*key, edge.place)
            else:
                for key in self.reached.get(edge.target, ()):
                    if key not in found:
                        found[key] = Dependency(*key, edge.place)
        return tuple(found.values())

    def chain(self, first: Sequence[Edge], wanted: Callable[[Edge], bool]) -> tuple[Edge, ...]:
        """The shortest way from one of the first edges to one that is wanted, not going through resources."""
        ways: list[tuple[Edge, ...]] = [(edge,) for edge in first]
        seen = {edge.target for edge in first}
        for way in ways:
            if wanted(way[-1]):
                return way
            target = way[-1].target
            if target[1] == "resource":
                continue
            for edge in self.edges.get(target, ()):
                if edge.target not in seen:
                    seen.add(edge.target)
                    ways.append((*way, edge))
        return ()


def resource_of(node: Node) -> ResourceAddress:
    kind, _, name = node[2].partition(".")
    return ResourceAddress(kind, name, node[0])


def node_of(address: ResourceAddress) -> Node:
    """Data is read before anything is planned, so it is no resource that others wait for."""
    return (address.module, "data" if address.mode == "data" else "resource", f"{address.type}.{address.name}")


def title_of(node: Node) -> str:
    """A node as messages call it: `local.a`, `module.x.output.y`, `trainer.digits`."""
    path, kind, name = node
    prefix = "".join(f"module.{step}." for step in path)
    return prefix + {"resource": name, "call": f"module.{name}", "output": f"output.{name}", "listed": name}.get(
        kind, f"{kind}.{name}"
    )


def ordered(edges: Mapping[Node, Sequence[Edge]]) -> tuple[list[Node], list[list[Node]]]:
    """All nodes, each after those it refers to; and the circles that prevent it, no node in two of them."""
    done: set[Node] = set()
    order: list[Node] = []
    cycles: list[list[Node]] = []
    circular: set[Node] = set()
    for start in edges:
        if start in done:
            continue
        way = [start]
        position = {start: 0}
        stack = [(start, iter(edges[start]))]
        while stack:
            node, rest = stack[-1]
            for edge in rest:
                target = edge.target
                if target in done:
                    continue
                if target in position:
                    cycle = way[position[target] :]
                    if circular.isdisjoint(cycle):
                        cycles.append(cycle)
                        circular.update(cycle)
                    continue
                position[target] = len(way)
                way.append(target)
                stack.append((target, iter(edges.get(target, ()))))
                break
            else:
                stack.pop()
                way.pop()
                del position[node]
                done.add(node)
                order.append(node)
    return order, cycles


def reached(edges: Mapping[Node, Sequence[Edge]], order: Sequence[Node]) -> dict[Node, tuple[Target, ...]]:
    """For each node that is no resource: the resources it comes from in the end."""
    result: dict[Node, tuple[Target, ...]] = {}
    for node in order:
        if node[1] == "resource":
            continue
        found: dict[Target, None] = {}
        for edge in edges.get(node, ()):
            if edge.target[1] == "resource":
                found[(resource_of(edge.target), edge.attribute)] = None
            else:
                found.update(dict.fromkeys(result.get(edge.target, ())))
        result[node] = tuple(found)
    return result
