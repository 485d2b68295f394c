"""A program read from top to bottom: what its names stand for, and what it does with objects of the SDK, in order.

Nothing is run. Where a branch depends on what only a run finds out, both sides are read, and a name that differs after
them is unknown. Loops over what is written down are read turn by turn; functions are read where they are called, and
those that nobody calls once, with parameters that are unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from contextlib import suppress

from planform.migrate.calls import Calls
from planform.migrate.evaluate import shown
from planform.migrate.names import End, assigned, either, functions, question, same, shared_names, turn_name
from planform.migrate.objects import with_method
from planform.migrate.sources import Script
from planform.migrate.values import (
    MISSING,
    Conditions,
    Dotted,
    Event,
    Function,
    Made,
    Opened,
    Unknown,
    Value,
    is_plain,
)

DEEPEST = 12  # calls inside of calls
MOST_TURNS = 200
UNKNOWN_TURN = "?"  # of a loop that goes round nobody knows how often


class _Left(Exception):
    """A block was left: by `return`, `break`, `continue` or `raise`."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


def events_of(script: Script) -> tuple[Event, ...]:
    """What a program does with objects of the SDK, in the order in which it does it."""
    walk = _Walk(script)
    walk.whole(script.tree)
    return tuple(walk.events)


class _Walk(Calls):
    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.called: set[int] = set()
        self.returned: list[Value] = []
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
        with suppress(_Left):
            self.block(body)

    def block(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            method = getattr(self, f"_do_{type(statement).__name__}", None)
            if method:
                method(statement)
            else:
                self._other(statement)

    def _other(self, statement: ast.stmt) -> None:
        for child in ast.iter_child_nodes(statement):
            if isinstance(child, ast.expr):
                self.value(child)

    # Names

    def _do_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.asname:
                self.names[alias.asname] = Dotted(alias.name)
            else:
                first = alias.name.partition(".")[0]
                self.names[first] = Dotted(first)

    def _do_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name != "*":
                self.names[alias.asname or alias.name] = Dotted(f"{node.module or ''}.{alias.name}")

    def _do_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.names[node.name] = Function(node, self.names if self.depth else {})

    _do_AsyncFunctionDef = _do_FunctionDef

    def _do_ClassDef(self, node: ast.ClassDef) -> None:
        self.names[node.name] = Function(node, self.names if self.depth else {})

    def _do_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        hint = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
        value = self.value(node.value, hint)
        for target in node.targets:
            self.assign(target, value)

    def _do_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            hint = node.target.id if isinstance(node.target, ast.Name) else ""
            self.assign(node.target, self.value(node.value, hint))

    def _do_AugAssign(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            load = ast.copy_location(ast.Name(target.id, ast.Load()), target)
            whole = ast.copy_location(ast.BinOp(load, node.op, node.value), node)
            self.assign(target, self.value(whole, target.id))
        else:
            self.value(node.value)

    def _do_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.names.pop(target.id, None)
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                owner, key = self.value(target.value), self.value(target.slice)
                if isinstance(owner, dict) and isinstance(key, str):
                    self.names[target.value.id] = {name: item for name, item in owner.items() if name != key}

    def assign(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name():
                self.names[target.id] = value
                if isinstance(value, Made) and not value.name:
                    value.name = target.id
            case ast.Attribute():
                owner = self.value(target.value)
                if isinstance(owner, Made):
                    owner.args[target.attr] = value
                else:
                    self.names[shown(target)] = value
            case ast.Subscript():
                self._assign_item(target, value)
            case ast.Tuple() | ast.List():
                known = isinstance(value, list) and len(value) == len(target.elts)
                for index, element in enumerate(target.elts):
                    name = element.id if isinstance(element, ast.Name) else ""
                    self.assign(element, value[index] if known else self.unknown(target, name))
            case ast.Starred():
                self.assign(target.value, self.unknown(target))

    def _assign_item(self, target: ast.Subscript, value: Value) -> None:
        """`hyperparameters["epochs"] = 3`: the name stands for another dict then."""
        owner, key = self.value(target.value), self.value(target.slice)
        if isinstance(owner, dict) and isinstance(key, (str, int)):
            changed: Value = {**owner, key: value}
        elif isinstance(owner, list) and isinstance(key, int) and -len(owner) <= key < len(owner):
            changed = [*owner]
            changed[key] = value
        elif isinstance(owner, (dict, list)):
            changed = self.unknown(target.value)
        else:
            return
        if isinstance(target.value, (ast.Name, ast.Subscript, ast.Attribute)):
            self.assign(target.value, changed)

    def _do_Expr(self, node: ast.Expr) -> None:
        self.value(node.value)
        if isinstance(node.value, ast.Call) and shown(node.value.func) in ("sys.exit", "exit", "quit", "os._exit"):
            raise _Left("raise")

    # Branches

    def _do_If(self, node: ast.If) -> None:
        test = self.value(node.test, "")
        if is_plain(test):
            self.block(node.body if test else node.orelse)
            return
        if isinstance(test, (dict, list, Made)):  # not empty, an object
            self.block(node.body)
            return
        asked = question(test, shown(node.test), self.place(node.test))
        self._branches(node, asked, [(node.body, True), (node.orelse, False)])

    def _branches(self, node: ast.stmt, test: Unknown, sides: Sequence[tuple[Sequence[ast.stmt], bool]]) -> None:
        """Read each side from the same beginning; what they leave different is unknown."""
        before, conditions = dict(self.names), self.conditions
        ends, left = [], []
        for body, holds in sides:
            self.names = dict(before)
            self.conditions = (*conditions, (test, holds))
            try:
                self.block(body)
                ends.append((self.names, self.conditions[len(conditions) :]))
            except _Left as error:
                left.append(error)
        self.conditions = conditions
        if not ends:
            raise left[0]
        if len(ends) == 1 and any(error.how != "raise" for error in left):
            self.conditions = (*conditions, *ends[0][1])  # the rest happens only on this side
        self.names = self._met(node, ends, test.code)

    def _met(
        self, node: ast.stmt, ends: Sequence[tuple[Mapping[str, Value], Conditions]], why: str
    ) -> dict[str, Value]:
        """The names after branches."""
        names = dict.fromkeys(name for end, _ in ends for name in end)
        return {
            name: either(
                [(end[name], when) for end, when in ends if name in end],
                Unknown(name, f"{name}, which depends on {why}", self.place(node)),
            )
            for name in names
        }

    def _do_Try(self, node: ast.Try) -> None:
        """What fails is not known: the handlers are read after all of the body."""
        self._body_or_left(node.body)
        self._body_or_left(node.orelse)
        after = dict(self.names)
        ends: list[End] = [(after, ())]
        for handler in node.handlers:
            self.names = dict(after)
            with suppress(_Left):
                self.block(handler.body)
                ends.append((self.names, ()))
        self.names = self._met(node, ends, "an error")
        self.block(node.finalbody)

    _do_TryStar = _do_Try

    def _body_or_left(self, body: Sequence[ast.stmt]) -> None:
        try:
            self.block(body)
        except _Left as error:
            if error.how != "raise":
                raise

    def _do_Match(self, node: ast.Match) -> None:
        self.value(node.subject)
        test = Unknown("", shown(node.subject), self.place(node))
        self._branches(node, test, [(case.body, True) for case in node.cases])

    def _do_With(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.value(item.context_expr)
            if item.optional_vars is not None:
                if not isinstance(value, (Opened, Made)):
                    name = item.optional_vars.id if isinstance(item.optional_vars, ast.Name) else ""
                    value = self.unknown(item.context_expr, name)
                self.assign(item.optional_vars, value)
        self.block(node.body)

    _do_AsyncWith = _do_With

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
        except _Left as error:
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
        for item in changed:
            if item.id in self.names and not isinstance(self.names[item.id], (Made, Function, Dotted)):
                self.names[item.id] = self.unknown(item, item.id)
        if target is not None:
            for name in ast.walk(target):
                if isinstance(name, ast.Name):
                    self.names[name.id] = Unknown(name.id, f"{name.id}{of}", self.place(name))
        before, self.turn = self.turn, UNKNOWN_TURN
        self._ends(body)
        self.turn = before

    def _do_Break(self, node: ast.stmt) -> None:
        raise _Left(type(node).__name__.lower())

    _do_Continue = _do_Raise = _do_Break

    # Functions

    def _do_Return(self, node: ast.Return) -> None:
        self.returned.append(self.value(node.value) if node.value is not None else None)
        raise _Left("return")

    def inline(self, function: Function, args: Sequence[Value], keywords: dict[str, Value], node: ast.Call) -> Value:
        inner = function.node
        if isinstance(inner, ast.ClassDef) or self.depth >= DEEPEST:
            return MISSING
        outside, returned, conditions = self.names, self.returned, self.conditions
        if self.depth == 0:
            self.module = outside
        self.called.add(id(inner))
        self.names, self.returned = {**self.module, **function.names}, []
        self.depth += 1
        try:
            self._parameters(inner.args, keywords, args, node)
            if isinstance(inner, ast.Lambda):
                self.returned = [self.value(inner.body)]
            else:
                self.leave_to_end(inner.body)
            found = self.returned
            shared = {name: self.names[name] for name in shared_names(inner) if name in self.names}
        finally:
            self.depth -= 1
            self.names, self.returned, self.conditions = outside, returned, conditions
        self.names.update(shared)
        if not found:
            return None
        return found[0] if all(same(item, found[0]) for item in found[1:]) else MISSING

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
