"""A program read from top to bottom: what its names stand for, and what it does with objects of the SDK, in order.

Nothing is run. Where a branch depends on what only a run finds out, both sides are read, and a name that differs after
them is unknown. Loops over what is written down are read turn by turn; functions are read where they are called, and
those that nobody calls once, with parameters that are unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from contextlib import suppress

from planform.core.errors import PlanformError
from planform.migrate.evaluate import MOST_STEPS, shown
from planform.migrate.names import assigned, either, functions, shared_names, turn_name
from planform.migrate.objects import with_method
from planform.migrate.sources import Script
from planform.migrate.statements import Left, Statements
from planform.migrate.values import (
    MISSING,
    Conditions,
    Dotted,
    Either,
    Event,
    Function,
    Made,
    Place,
    Unknown,
    Value,
    is_plain,
)

DEEPEST = 12  # calls inside of calls
MOST_TURNS = 200
UNKNOWN_TURN = "?"  # of a loop that goes round nobody knows how often


def events_of(script: Script) -> tuple[Event, ...]:
    """What a program does with objects of the SDK, in the order in which it does it.

    Raises:
        PlanformError: its expressions are nested more deeply than can be followed.
    """
    walk = _Walk(script)
    try:
        walk.whole(script.tree)
    except RecursionError:
        raise PlanformError(f"{script.file}: the code is nested too deeply to be followed.") from None
    if walk.steps > MOST_STEPS:
        walk.record(Made("program", {}, Place(script.file, 1)), "exhausted", {}, script.tree.body[-1])
    return tuple(walk.events)


class _Walk(Statements):
    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.called: set[int] = set()
        self.returned: list[tuple[Value, Conditions]] = []
        self.outside = 0  # how many conditions hold around the function that is read
        self.module: Mapping[str, Value] = self.names  # names at the top, while a function is read

    def whole(self, tree: ast.Module) -> None:
        self.leave_to_end(tree.body)
        self.module, self.depth = self.names, 1
        for function in functions(tree):
            if id(function) not in self.called:
                self.names, self.conditions = dict(self.module), ()
                self._parameters(function.args, {}, [], function)
                self.called.add(id(function))
                self.leave_to_end(function.body)
                shared = {name: self.names[name] for name in shared_names(function) if name in self.names}
                self.module = {**self.module, **shared}

    def leave_to_end(self, body: Sequence[ast.stmt]) -> None:
        with suppress(Left):
            self.block(body)

    # Loops

    def _do_For(self, node: ast.For | ast.AsyncFor) -> None:
        items = self.value(node.iter)
        if isinstance(items, (dict, str)):
            items = list(items)
        if not isinstance(items, list) or len(items) > MOST_TURNS:
            self._unknown_turns(node.body, node.target, f", one of {shown(node.iter)}")
        else:
            before = self.turn
            for item in items:
                self.assign(node.target, item)
                self.turn = "_".join(filter(None, (before, turn_name(item))))
                if self._ends(node.body):
                    break
            self.turn = before
        self.block(node.orelse)

    _do_AsyncFor = _do_For

    def _ends(self, body: Sequence[ast.stmt]) -> bool:
        """Read one turn; whether it was the last."""
        conditions = self.conditions
        try:
            self.block(body)
        except Left as error:
            if error.how not in ("break", "continue"):
                raise
            return error.how == "break"
        finally:
            self.conditions = conditions
        return False

    def _do_While(self, node: ast.While) -> None:
        self.value(node.test)
        self._unknown_turns(node.body)
        self.block(node.orelse)

    def _unknown_turns(self, body: Sequence[ast.stmt], target: ast.expr | None = None, of: str = "") -> None:
        """Read once a loop that goes round nobody knows how often: what it assigns is unknown in it and after it."""
        changed = [name for statement in body for name in assigned(statement)]
        self._forget(changed)
        if target is not None:
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    self.names[name.id] = Unknown(name.id, f"{name.id}{of}", self.place(name))
        before, self.turn = self.turn, UNKNOWN_TURN
        self._ends(body)
        self.turn = before
        self._forget(changed)

    def _forget(self, names: Sequence[ast.Name]) -> None:
        """Names are unknown from here on; objects stay what they are."""
        for item in names:
            if not isinstance(self.names.get(item.id, MISSING), (Made, Either, Function, Dotted, type(MISSING))):
                self.names[item.id] = self.unknown(item, item.id)

    def _do_Break(self, node: ast.stmt) -> None:
        raise Left(type(node).__name__.lower())

    _do_Continue = _do_Raise = _do_Break

    # Functions

    def _do_Return(self, node: ast.Return) -> None:
        value = self.value(node.value) if node.value is not None else None
        self.returned.append((value, self.conditions[self.outside :]))
        raise Left("return")

    def inline(self, function: Function, args: Sequence[Value], keywords: dict[str, Value], node: ast.Call) -> Value:
        inner = function.node
        if isinstance(inner, ast.ClassDef) or self.depth >= DEEPEST:
            return MISSING
        outside, returned, conditions, around = self.names, self.returned, self.conditions, self.outside
        self.outside = len(conditions)
        if self.depth == 0:
            self.module = outside
        self.called.add(id(inner))
        self.names, self.returned = {**self.module, **function.names}, []
        self.depth += 1
        try:
            self._parameters(inner.args, keywords, args, node)
            if isinstance(inner, ast.Lambda):
                self.returned = [(self.value(inner.body), ())]
            else:
                self.leave_to_end(inner.body)
            found = self.returned
            shared = {name: self.names[name] for name in shared_names(inner) if name in self.names}
        finally:
            self.depth -= 1
            self.names, self.returned, self.conditions, self.outside = outside, returned, conditions, around
        self.names.update(shared)
        if not found:
            return None
        return either(found, self.unknown(node))

    def _options(self, node: ast.AST) -> dict[str, Value]:
        """Defaults that decorators give to parameters, as `@click.option("--epochs", default=5)` does."""
        found: dict[str, Value] = {}
        for decorator in getattr(node, "decorator_list", ()):
            if isinstance(decorator, ast.Call) and shown(decorator.func).rpartition(".")[2] == "option":
                parser = Made("ArgumentParser", {}, self.place(decorator))
                with_method(parser, "add_argument", *self.arguments(decorator))
                found |= parser.args
        return found

    def _parameters(
        self, parameters: ast.arguments, keywords: dict[str, Value], args: Sequence[Value], node: ast.AST
    ) -> None:
        """Give the parameters of a function their values; those that nobody gives are unknown, with their default."""
        names = [*parameters.posonlyargs, *parameters.args]
        defaults = dict(zip([item.arg for item in names][::-1], parameters.defaults[::-1], strict=False))
        defaults |= {
            item.arg: default
            for item, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
            if default is not None
        }
        called = isinstance(node, ast.Call)
        of = f", a parameter of {node.name}" if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else ""
        options = {} if called else self._options(node)
        given = {**dict(zip([item.arg for item in names], args, strict=False)), **keywords}
        for item in (*names, *parameters.kwonlyargs):
            if item.arg in given:
                self.names[item.arg] = given[item.arg]
                continue
            default = self.value(defaults[item.arg], item.arg) if item.arg in defaults else MISSING
            if called and default is not MISSING:
                self.names[item.arg] = default
            else:
                default = options.get(item.arg, default)
                default = default if is_plain(default) else MISSING
                self.names[item.arg] = Unknown(item.arg, f"{item.arg}{of}", self.place(item), default)
        if parameters.vararg:
            self.names[parameters.vararg.arg] = list(args[len(names) :]) if called else self.unknown(node)
        if parameters.kwarg:
            known = {item.arg for item in (*names, *parameters.kwonlyargs)}
            rest = {name: value for name, value in keywords.items() if name not in known}
            self.names[parameters.kwarg.arg] = rest if called else self.unknown(node, parameters.kwarg.arg)
