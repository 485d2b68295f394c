"""Expressions: `${...}` in the strings of a configuration, compiled once to closures, evaluated in scopes (S1.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from planform.core.values import Value
from planform.language.compiler import Closure, build, traversals, values_in
from planform.language.environment import Files, Namespace, Scope
from planform.language.errors import ExpressionError
from planform.language.lexer import IDENTIFIER, Token
from planform.language.parser import Parser
from planform.language.syntax import Literal, Name, Node, Splat, Step, Template, Traversal

__all__ = [
    "Expression", "ExpressionError", "Files", "Namespace", "Reference", "Scope", "compile_expression", "compile_string",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """A name an expression depends on: `trainer.digits["fast"].run`. A part that only evaluation knows is None."""

    parts: tuple[str | int | None, ...]
    offset: int
    length: int


class Expression:
    """A compiled expression. `whole`: it keeps its type; else it is text with expressions in it (S1.2)."""

    __slots__ = ("_closure", "references", "text", "whole")

    def __init__(self, text: str, closure: Closure, references: tuple[Reference, ...], whole: bool) -> None:
        self.text, self._closure, self.references, self.whole = text, closure, references, whole

    def evaluate(self, scope: Scope) -> Value:
        """Raises ExpressionError."""
        try:
            return self._closure(scope)
        except RecursionError:
            raise _too_deep(self.text) from None

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


_KEY = r"""\[(?:\d+|"[^"\\$%\n]*"|'[^'$%\n]*')\]"""
_BARE = re.compile(rf"\$\{{\s*({IDENTIFIER})((?:\.{IDENTIFIER}|{_KEY})*)\s*\}}")
_STEP = re.compile(rf"\.({IDENTIFIER})|\[(?:(\d+)|[\"']([^\]]*)[\"'])\]")
_WORDS = ("true", "false", "null")


@lru_cache(maxsize=4096)
def compile_string(text: str) -> Expression | str:
    """The expression in a string of YAML, or the string itself when there is none in it. Raises ExpressionError."""
    if "${" not in text and "%{" not in text:
        return text
    bare = _BARE.fullmatch(text)
    if bare and bare[1] not in _WORDS:
        node = _bare_reference(bare)
        return Expression(text, build(node), tuple(_references(node)), True)
    parser = Parser(text)
    node = _parsed(text, lambda: parser.template(Token("quote", "", 0, 0), ""))
    if isinstance(node, Literal):
        return str(node.value)
    return _compiled(text, node, not isinstance(node, Template) or len(node.parts) == 1)


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """A bare expression, without `${` and `}` around it. Raises ExpressionError."""
    return _compiled(text, _parsed(text, Parser(text).whole), True)


def reference_values(expression: Expression, scope: Scope) -> tuple[str, ...]:
    """What the references of an expression of a string are worth, for a message: `var.env is "qa"`."""
    return tuple(values_in(Parser(expression.text).template(Token("quote", "", 0, 0), ""), scope))


def _bare_reference(bare: re.Match[str]) -> Node:
    """The most frequent expression by far needs no lexer."""
    name = Name(bare.start(1), bare.end(1), bare[1])
    steps: list[Step | Splat] = []
    for step in _STEP.finditer(bare.string, bare.start(2), bare.end(2)):
        dotted, index, key = step.groups()
        steps.append(
            Step(*step.span(), Literal(*step.span(), dotted or (int(index) if index else key)), dotted is not None)
        )
    return Traversal(name.start, bare.end(2), name, tuple(steps)) if steps else name


def _parsed(text: str, parse: Callable[[], Node]) -> Node:
    try:
        return parse()
    except RecursionError:
        raise _too_deep(text) from None


def _compiled(text: str, node: Node, whole: bool) -> Expression:
    try:
        return Expression(text, build(node), tuple(_references(node)), whole)
    except RecursionError:
        raise _too_deep(text) from None


def _too_deep(text: str) -> ExpressionError:
    return ExpressionError(
        "Expression is nested too deeply",
        "Its evaluation needs too many levels.",
        "Give parts of it names under `locals`.",
        0,
        len(text),
    )


def _references(node: Node) -> Iterator[Reference]:
    for found in sorted(traversals(node), key=lambda item: item.start):
        name = found if isinstance(found, Name) else found.base
        if isinstance(name, Name) and not name.bound:
            parts = (name.name, *_parts(found.steps)) if isinstance(found, Traversal) else (name.name,)
            yield Reference(parts, found.start, found.end - found.start)


def _parts(steps: tuple[Step | Splat, ...]) -> Iterator[str | int | None]:
    for step in steps:
        if isinstance(step, Splat):
            yield None
            yield from _parts(step.steps)
        else:
            yield step.key.value if isinstance(step.key, Literal) else None
