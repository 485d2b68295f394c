"""How many instances there are: the keys that `count`, `for_each` and `enabled` give (S1.4)."""

from __future__ import annotations

from typing import TypeAlias

from planform.core.addresses import InstanceKey
from planform.core.errors import Diagnosed, Diagnostic, Span
from planform.core.schemas import describe, parse_number
from planform.core.values import Sensitive, Set, Unknown, Value, first_unknown
from planform.language.blocks import Listed, ModuleCall, Resource
from planform.language.documents import Expr, locate
from planform.language.graph import Edge, Graph, Node, node_of, title_of
from planform.language.text import diagnostic_at

Keys: TypeAlias = dict[InstanceKey, Value]

_WHAT = {
    "count": "The number of instances",
    "for_each": "The keys of the instances",
    "enabled": "Whether there is an instance",
}
_OTHER_WAY = {
    "count": "Take the number from variables or locals",
    "for_each": "Use a map whose keys stand in the files, and keep what is known only after apply in its values",
    "enabled": "Decide it with variables or locals",
}


MOST_INSTANCES = 100_000
Owner: TypeAlias = Resource | ModuleCall | Listed


def keys_of(graph: Graph, owner: Owner, value: Value) -> Keys:
    """Each instance key with its each.value.

    Raises:
        Diagnosed: the value is unknown, sensitive or of the wrong type.
    """
    teller = _Teller(graph, owner, value)
    if isinstance(value, Sensitive):
        raise teller.sensitive()
    unknown = first_unknown(value) if isinstance(value, (Unknown, Set)) else None
    if unknown is not None and owner.repetition == "enabled" and unknown.origin.startswith("var."):
        return {None: None}  # a variable that nobody gave a value yet: the files are only looked at, as by validate
    if unknown is not None:
        raise teller.unknown(unknown)
    if value is None:
        raise teller.invalid("It may not be null.", "Use a condition that gives an empty map, or 0, or false.")
    match owner.repetition:
        case "count":
            return _counted(value, teller)
        case "enabled":
            if value is True or value == "true":
                return {None: None}
            if value is False or value == "false":
                return {}
            raise teller.invalid(f"It is true or false, not {describe(value)}.")
        case _:
            return _each(value, teller)


def _counted(value: Value, teller: _Teller) -> Keys:
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        suggestion = "Use enabled for one that is there or not." if isinstance(value, bool) else ""
        if isinstance(value, (list, dict, Set)):
            suggestion = "Use length(...) for their number, or for_each for one instance each."
        raise teller.invalid(f"A whole number is required, not {describe(value)}.", suggestion)
    if number < 0 or number != int(number):
        raise teller.invalid(f"A whole number from 0 on is required, not {describe(value)}.")
    if number > MOST_INSTANCES:
        raise teller.invalid(f"{int(number):,} instances are more than the {MOST_INSTANCES:,} that one block may have.")
    return dict.fromkeys(range(int(number)))


def _each(value: Value, teller: _Teller) -> Keys:
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, Set):
        for item in value:
            if isinstance(item, Sensitive):
                raise teller.sensitive()
            if not isinstance(item, str):
                detail = f"A set of strings is required; this one holds {describe(item)}."
                raise teller.invalid(detail, "Make them strings, or use a map.")
        return {item: item for item in value}
    if isinstance(value, list):
        detail = (
            f"A map, or a set of strings, is required, not {describe(value)}: places in a list are no lasting keys."
        )
        raise teller.invalid(detail, teller.as_set())
    detail = f"A map, or a set of strings, is required, not {describe(value)}."
    raise teller.invalid(
        detail, "Use count for a number of equal instances." if isinstance(value, (int, float)) else ""
    )


def node_of_owner(owner: Owner) -> Node:
    match owner:
        case Resource():
            return node_of(owner.address)
        case ModuleCall():
            return (owner.module.path[:-1], "call", owner.name)
    return (owner.module, "listed", owner.title)


class _Teller:
    """Makes the errors about one repetition."""

    def __init__(self, graph: Graph, owner: Owner, value: Value) -> None:
        self.graph, self.owner, self.value = graph, owner, value
        self.node: Node = node_of_owner(owner)
        self.kind = owner.repetition

    def error(self, detail: str, suggestion: str = "", related: tuple[tuple[Span, str], ...] = ()) -> Diagnosed:
        place, repeat = self.owner.place, self.owner.repeat
        values = (f"{repeat.expression.text} is {describe(self.value)}",) if isinstance(repeat, Expr) else ()
        if isinstance(self.value, Unknown) and isinstance(repeat, Expr):
            values = (f"{repeat.expression.text} is known only after apply",)
        found: Diagnostic = diagnostic_at(
            place.source,
            locate(place.source, (*place.path, self.kind)),
            f"Invalid {self.kind} argument",
            detail,
            suggestion,
            values=values,
            address=title_of(self.node),
            related=related,
        )
        return Diagnosed([found])

    def invalid(self, detail: str, suggestion: str = "") -> Diagnosed:
        return self.error(f"The {self.kind} of {title_of(self.node)} does not fit. {detail}", suggestion)

    def sensitive(self) -> Diagnosed:
        detail = f"{_WHAT[self.kind]} would show a sensitive value, because instances are named in every plan."
        return self.error(detail, "Take the keys from something that is not sensitive, or use nonsensitive(...).")

    def as_set(self) -> str:
        """The same list as a set."""
        repeat = self.owner.repeat
        if isinstance(repeat, Expr) and repeat.expression.text.startswith("${"):
            return f'Write for_each: "${{toset({repeat.expression.text[2:-1].strip()})}}".'
        if isinstance(repeat, list) and all(isinstance(item, str) for item in repeat):
            return 'Write for_each: "${toset([' + ", ".join(f"'{item}'" for item in repeat) + '])}".'
        return "Use a mapping whose keys are the names of the instances."

    def unknown(self, unknown: Unknown) -> Diagnosed:
        """The chain from here to the attribute that is not known yet, and the two ways out."""
        steps = self.chain(unknown.origin)
        source = unknown.origin or (title_of(steps[-1].target) if steps else "something")
        related: list[tuple[Span, str]] = []
        name = f"{self.kind} of {title_of(self.node)}"
        for step in steps:
            at = locate(step.place.source, step.place.path)
            attribute = f".{step.attribute}" if step.attribute else ""
            title = f"{title_of(step.target)}{attribute}"
            related.append((at, f"{name} uses {title}"))
            name = title
        when = "read only when all instances are known" if _is_data(source) else "known only after apply"
        detail = f"{_WHAT[self.kind]} must be known before anything is planned, but {source} is {when}."
        suggestion = _OTHER_WAY[self.kind]
        if steps and not _is_data(source):
            target = title_of(steps[-1].target)
            suggestion += f"; or first apply only what it depends on: planform apply --target '{target}'"
        return self.error(detail, f"{suggestion}.", tuple(related))

    def chain(self, origin: str) -> tuple[Edge, ...]:
        begin = (*self.owner.place.path, self.kind)
        edges = [edge for edge in self.graph.edges.get(self.node, ()) if edge.place.path[: len(begin)] == begin]

        def exact(edge: Edge) -> bool:
            title = title_of(edge.target)
            return edge.target[1] in ("resource", "data") and origin.startswith((f"{title}.", f"{title}["))

        return self.graph.chain(edges, exact) or self.graph.chain(
            edges, lambda edge: edge.target[1] in ("resource", "data")
        )


def _is_data(origin: str) -> bool:
    return "data" in origin.split(".")[:-1:2]
