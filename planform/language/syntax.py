"""The tree of an expression: what the parser makes and the compiler reads."""

from __future__ import annotations

from dataclasses import dataclass

from planform.core.values import Value


# Nodes are never changed either; but `frozen`, `eq` and `repr` would double the time to import this and to parse.
@dataclass(slots=True, eq=False, repr=False)
class Node:
    """A part of an expression, from `start` up to `end` in its text."""

    start: int
    end: int


@dataclass(slots=True, eq=False, repr=False)
class Literal(Node):
    value: Value


@dataclass(slots=True, eq=False, repr=False)
class Name(Node):
    """The first name of a reference; `bound` when a `for` around it defines it."""

    name: str
    bound: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Step(Node):
    """`.name` (a literal key) or `[key]`."""

    key: Node
    dotted: bool


@dataclass(slots=True, eq=False, repr=False)
class Splat(Node):
    """`[*]` or `.*`, with the steps taken in each element."""

    steps: tuple[Step | Splat, ...]


@dataclass(slots=True, eq=False, repr=False)
class Traversal(Node):
    base: Node
    steps: tuple[Step | Splat, ...]


@dataclass(slots=True, eq=False, repr=False)
class Unary(Node):
    operator: str
    operand: Node


@dataclass(slots=True, eq=False, repr=False)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(slots=True, eq=False, repr=False)
class Conditional(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(slots=True, eq=False, repr=False)
class Call(Node):
    name: str
    arguments: tuple[Node, ...]
    expand: bool  # the last argument is followed by `...`


@dataclass(slots=True, eq=False, repr=False)
class Tuple(Node):
    items: tuple[Node, ...]


@dataclass(slots=True, eq=False, repr=False)
class Object(Node):
    items: tuple[tuple[Node, Node], ...]


@dataclass(slots=True, eq=False, repr=False)
class For(Node):
    """`[for ...]`, `{for ...}` when `key` is there, or `%{for}` when `text`."""

    key_name: str | None
    value_name: str
    collection: Node
    key: Node | None
    value: Node
    condition: Node | None = None
    group: bool = False
    text: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Template(Node):
    parts: tuple[Node, ...]
