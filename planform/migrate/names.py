"""Names of a program at points where several ways meet: after branches, in loops, around functions."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from planform.migrate.evaluate import shown
from planform.migrate.library import CHANGING
from planform.migrate.values import MISSING, Conditions, Dotted, Either, Made, Question, Unknown, Value, chosen

End: TypeAlias = tuple[Mapping[str, Value], Conditions]  # the names after a branch, and when it is taken


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions and methods, outer before inner."""
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def assigned(statement: ast.stmt) -> list[ast.Name]:
    """The names that a statement gives a value, or whose list or dict it changes."""
    found = []
    for node in ast.walk(statement):
        inner = node.value if isinstance(node, (ast.Subscript, ast.Attribute)) else node
        stores = isinstance(node, (ast.Name, ast.Subscript)) and isinstance(node.ctx, ast.Store)
        if isinstance(inner, ast.Name) and (stores or (isinstance(node, ast.Attribute) and node.attr in CHANGING)):
            found.append(inner)
    return found


def shared_names(function: ast.AST) -> list[str]:
    """Names of the module, or of an object (`self.bucket`), that a function changes."""
    found = [name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names]
    return found + [
        shown(node)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    ]


def either(values: Sequence[tuple[Value, Conditions]], unknown: Unknown) -> Value:
    """What a name is worth after branches: what all of them say, one of several objects, or unknown."""
    first = values[0][0]
    if all(isinstance(value, Dotted) for value, _ in values) or all(same(value, first) for value, _ in values):
        return first
    if len(values) == 2 and (test := _two_sides(values[0][1], values[1][1])) is not None:
        found = chosen(test, first, values[1][0])
        if found is not MISSING:
            return found
    if all(isinstance(value, (Made, Either)) for value, _ in values):
        options: list[tuple[Made, Conditions]] = []
        for value, when in values:
            inner = value.options if isinstance(value, Either) else ((value, ()),)
            options += [(made, (*when, *more)) for made, more in inner]
        return Either(tuple(options), unknown)
    if all(isinstance(value, dict) and value.keys() == first.keys() for value, _ in values):
        return {
            key: either([(value[key], when) for value, when in values], replace(unknown, name=str(key)))
            for key in first
        }
    return unknown


def _two_sides(first: Conditions, second: Conditions) -> Question | None:
    """The question whose answers lead to two branches, yes first."""
    if len(first) == len(second) == 1 and first[0][0] == second[0][0] and first[0][1] and not second[0][1]:
        return first[0][0]
    return None


def same(left: Value, right: Value) -> bool:
    return type(left) is type(right) and bool(left == right)


def changed_unknown(unknown: Unknown, what: str) -> Unknown:
    """An unknown dict or list that the program changes; its comment says so, because its value has to."""
    return replace(unknown, code=f"{unknown.code}, and {what} is set")


def turn_name(item: Value) -> str:
    """What a turn of a loop is called: its item, when that is short."""
    if isinstance(item, list) and item:
        item = item[0]
    return str(item) if isinstance(item, (str, int, float)) and len(str(item)) <= 30 else ""
