"""Statements one after another: what names stand for, and which side of a branch is read.

Where a branch depends on what only a run finds out, both sides are read, and a name that differs after them is unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from contextlib import suppress

from planform.migrate.calls import Calls
from planform.migrate.evaluate import shown
from planform.migrate.names import End, changed_unknown, either
from planform.migrate.values import Conditions, Dotted, Function, Made, Opened, Question, Unknown, Value, is_plain


class Left(Exception):
    """A block was left: by `return`, `break`, `continue` or `raise`."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class Statements(Calls):
    """Reads statements; loops and functions are of walk.py."""

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
        for decorator in node.decorator_list:
            self.value(decorator)
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
        elif isinstance(owner, Unknown):
            changed = changed_unknown(owner, shown(target))
        else:
            return
        if isinstance(target.value, (ast.Name, ast.Subscript, ast.Attribute)):
            self.assign(target.value, changed)

    def _do_Expr(self, node: ast.Expr) -> None:
        self.value(node.value)
        if isinstance(node.value, ast.Call) and shown(node.value.func) in ("sys.exit", "exit", "quit", "os._exit"):
            raise Left("raise")

    # Branches

    def _do_If(self, node: ast.If) -> None:
        test = self.value(node.test, "")
        if is_plain(test):
            self.block(node.body if test else node.orelse)
            return
        if isinstance(test, (dict, list, Made)):  # not empty, an object
            self.block(node.body)
            return
        asked, holds = self.asked(node.test, test)
        sides = [(node.body, holds), (node.orelse, not holds)]
        self._branches(node, asked, sides if holds else sides[::-1])

    def _branches(self, node: ast.stmt, test: Question, sides: Sequence[tuple[Sequence[ast.stmt], bool]]) -> None:
        """Read each side from the same beginning; what they leave different is unknown."""
        before, conditions = dict(self.names), self.conditions
        ends, left = [], []
        for body, holds in sides:
            self.names = dict(before)
            self.conditions = (*conditions, (test, holds))
            try:
                self.block(body)
                ends.append((self.names, self.conditions[len(conditions) :]))
            except Left as error:
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
        met: dict[str, Value] = {}
        for name in dict.fromkeys(name for end, _ in ends for name in end):
            values = [(end[name], when) for end, when in ends if name in end]
            first = values[0][0]
            if any(value is not first for value, _ in values):
                unknown = Unknown(name, f"{name}, which depends on {why}", self.place(node))
                met[name] = either(values, unknown)
            else:
                met[name] = first
        return met

    def _do_Try(self, node: ast.Try) -> None:
        """What fails is not known: the handlers are read after all of the body."""
        self._body_or_left(node.body)
        self._body_or_left(node.orelse)
        after = dict(self.names)
        ends: list[End] = [(after, ())]
        for handler in node.handlers:
            self.names = dict(after)
            with suppress(Left):
                self.block(handler.body)
                ends.append((self.names, ()))
        self.names = self._met(node, ends, "an error")
        self.block(node.finalbody)

    _do_TryStar = _do_Try

    def _body_or_left(self, body: Sequence[ast.stmt]) -> None:
        try:
            self.block(body)
        except Left as error:
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
