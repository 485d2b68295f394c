"""What expressions are worth, by their text alone; all but calls."""

from __future__ import annotations

import ast
import builtins
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache

from planform.migrate import pure
from planform.migrate.library import CLASSES
from planform.migrate.objects import (
    attribute_of,
    is_sdk,
    object_name,
)
from planform.migrate.sources import Script
from planform.migrate.values import (
    MISSING,
    OBJECT,
    Compared,
    Conditions,
    Dotted,
    Event,
    Function,
    Made,
    Place,
    Question,
    Reference,
    Unknown,
    Value,
    can_join,
    chosen,
    is_plain,
    joined,
)

SIGNS = {"Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "Is": "==", "IsNot": "!="}
MOST_STEPS = 50_000  # expressions looked at: loops in loops end here, not never


class Evaluator(ABC):
    """The names of a program at one point of it, and what has happened until there."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.names: dict[str, Value] = {}
        self.events: list[Event] = []
        self.conditions: Conditions = ()
        self.depth = 0  # calls of functions inside of each other
        self.turn = ""
        self.steps = 0

    # Of walk.py

    @abstractmethod
    def inline(
        self, function: Function, args: Sequence[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value: ...

    @abstractmethod
    def assign(self, target: ast.expr, value: Value) -> None: ...

    @abstractmethod
    def member(self, made: Made, name: str) -> Value: ...

    # Values

    def value(self, node: ast.expr, hint: str = "") -> Value:
        """What an expression is worth. `hint`: the name it gets."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            return self.unknown(node, hint)
        method = getattr(self, f"_{type(node).__name__}", None)
        found = method(node, hint) if method else self._rest(node)
        return self.unknown(node, hint) if found is MISSING else found

    def operand(self, node: ast.expr, hint: str = "") -> Value:
        """The value of an expression that is to be data: what is imported from elsewhere is unknown."""
        value = self.value(node, hint)
        is_data = isinstance(value, Dotted) and not is_sdk(value.path) and not value.path.startswith("builtins.")
        return self.unknown(node, hint) if is_data else value

    def unknown(self, node: ast.AST, hint: str = "", default: Value = MISSING, env: str = "") -> Unknown:
        return Unknown(hint, shown(node), self.place(node), default, env)

    def place(self, node: ast.AST) -> Place:
        return self.script.place(node)

    def record(self, made: Made, method: str, args: dict[str, Value], node: ast.AST) -> None:
        self.events.append(Event(made, method, args, self.place(node), self.conditions, self.turn, called(node)))

    def _rest(self, node: ast.AST) -> Value:
        """Nothing is known of this kind of expression, but what is inside may make something."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return MISSING

    def _Constant(self, node: ast.Constant, hint: str) -> Value:
        return node.value if is_plain(node.value) else MISSING

    def _Name(self, node: ast.Name, hint: str) -> Value:
        if node.id == "__file__":
            return self.script.file.rpartition("/")[2]
        if node.id == "__name__":
            return "__main__"
        if node.id in self.names:
            found = self.names[node.id]
            return self.unknown(node, node.id) if found is MISSING else found
        if node.id in CLASSES and node.id != "retrieve":  # a snippet whose imports are elsewhere
            return Dotted(f"sagemaker.{node.id}")
        if hasattr(builtins, node.id):
            return Dotted(f"builtins.{node.id}")
        return self.unknown(node, node.id)

    def _Attribute(self, node: ast.Attribute, hint: str) -> Value:
        dotted = shown(node)
        this = self.names.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if isinstance(this, Made) and this.kind == OBJECT:
            return self.member(this, node.attr)
        if dotted in self.names:  # self.bucket, assigned somewhere
            return self.names[dotted]
        owner = self.value(node.value)
        match owner:
            case Made(kind=kind) if kind == OBJECT:
                return self.member(owner, node.attr)
            case Dotted(path):
                full = f"{path}.{node.attr}"
                if path.endswith(".Mode") and is_sdk(path):
                    return node.attr
                return pure.CONSTANTS.get(full, Dotted(full))
            case Made():
                found = attribute_of(owner, node.attr)
                return self.named(node, node.attr, hint, owner) if found is MISSING else found
            case Reference(made, _):
                return attribute_of(made, node.attr)
        return pure.attribute(owner, node.attr)

    def named(self, node: ast.expr, name: str, hint: str, owner: Made) -> Unknown:
        """An attribute that only a run knows; of parsed arguments, with the default that they have."""
        if owner.kind == "Namespace":
            options = owner.get("options", {})
            return self.unknown(node, name, options.get(name, MISSING))
        return self.unknown(node, hint)

    def _Subscript(self, node: ast.Subscript, hint: str) -> Value:
        owner, key = self.value(node.value), self.value(node.slice)
        if isinstance(owner, Dotted) and owner.path == "os.environ" and isinstance(key, str):
            return self.unknown(node, key.lower(), env=key)
        if isinstance(owner, Made) and isinstance(key, str):
            return attribute_of(owner, key)
        if isinstance(owner, dict) and isinstance(key, (str, int)):
            return owner.get(key, MISSING)
        if isinstance(owner, (list, str)) and isinstance(key, int) and not isinstance(key, bool):
            return owner[key] if -len(owner) <= key < len(owner) else MISSING
        return MISSING

    def _Slice(self, node: ast.Slice, hint: str) -> Value:
        return self._rest(node)

    def _List(self, node: ast.List | ast.Tuple | ast.Set, hint: str) -> Value:
        items: list[Value] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                value = self.value(element.value)
                if not isinstance(value, list):
                    return MISSING
                items += value
            else:
                items.append(self.operand(element))
        return items

    _Tuple = _Set = _List

    def _Dict(self, node: ast.Dict, hint: str) -> Value:
        result: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            name = self.value(key) if key is not None else None
            value = self.operand(item, name if isinstance(name, str) and name.isidentifier() else "")
            if key is None:
                if not isinstance(value, dict):
                    return MISSING
                result |= value
            elif isinstance(name, (str, int, float)):
                result[name] = value
            else:
                return MISSING
        return result

    def _JoinedStr(self, node: ast.JoinedStr, hint: str) -> Value:
        parts: list[Value] = []
        for piece in node.values:
            if not isinstance(piece, ast.FormattedValue):
                parts.append(self.value(piece))
                continue
            value = self.value(piece.value)
            if not can_join(value) or piece.conversion not in (-1, ord("s")):
                value = self.unknown(piece.value)
            elif piece.format_spec is not None:
                spec = self.value(piece.format_spec)
                try:
                    value = format(value, spec) if is_plain(value) else self.unknown(node)
                except (ValueError, TypeError):
                    value = self.unknown(piece.value)
            parts.append(value)
        return joined(*parts)

    def _BinOp(self, node: ast.BinOp, hint: str) -> Value:
        return pure.operated(type(node.op).__name__, self.operand(node.left), self.operand(node.right))

    def _UnaryOp(self, node: ast.UnaryOp, hint: str) -> Value:
        value = self.value(node.operand)
        match node.op:
            case ast.Not() if is_plain(value):
                return not value
            case ast.USub() if isinstance(value, (int, float)):
                return -value
            case ast.UAdd() if isinstance(value, (int, float)):
                return value
        return MISSING

    def _BoolOp(self, node: ast.BoolOp, hint: str) -> Value:
        """`x or "default"`: of an x that is not known, what it is when x is nothing."""
        last: Value = MISSING
        for position, operand in enumerate(node.values):
            last = self.value(operand, hint)
            stops = isinstance(node.op, ast.And)
            if not is_plain(last):
                rest = [self.value(item) for item in node.values[position + 1 :]]
                if isinstance(last, Unknown) and not stops and len(rest) == 1 and is_plain(rest[0]):
                    default = last.default if last.default is not MISSING and last.default else rest[0]
                    return Unknown(last.name, shown(node), last.place, default, last.env)
                return MISSING if not isinstance(last, Made) or stops else last
            if bool(last) != stops:
                return last
        return last

    def _Compare(self, node: ast.Compare, hint: str) -> Value:
        left = self.value(node.left)
        rights = [self.value(item) for item in node.comparators]
        if len(rights) != 1:
            return MISSING
        sign = SIGNS.get(type(node.ops[0]).__name__)
        if sign and isinstance(left, Unknown) and (rights[0] is None or isinstance(rights[0], (str, int, float))):
            return Compared(left, sign, rights[0])
        return pure.operated(type(node.ops[0]).__name__, left, rights[0])

    def _IfExp(self, node: ast.IfExp, hint: str) -> Value:
        test = self.value(node.test)
        if is_plain(test):
            return self.value(node.body if test else node.orelse, hint)
        first, second = self.value(node.body, hint), self.value(node.orelse, hint)
        if first == second:
            return first
        asked, holds = self.asked(node.test, test)
        return chosen(asked, first, second) if holds else chosen(asked, second, first)

    def asked(self, node: ast.expr, value: Value) -> tuple[Question, bool]:
        """The question that a condition asks, and the answer for which it holds."""
        calls = any(isinstance(inner, ast.Call) for inner in ast.walk(node))  # to be read once only
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and not calls:
            asked, holds = self.asked(node.operand, self.value(node.operand))
            return asked, not holds
        return question(value, shown(node), self.place(node)), True

    def _NamedExpr(self, node: ast.NamedExpr, hint: str) -> Value:
        value = self.value(node.value, node.target.id)
        self.assign(node.target, value)
        return value

    def _Await(self, node: ast.Await, hint: str) -> Value:
        return self.value(node.value, hint)

    def _Lambda(self, node: ast.Lambda, hint: str) -> Value:
        return Function(node, self.names)

    def _comprehended(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp) -> Iterator[bool]:
        """True for each turn, with the names bound; False where the turns, or whether there is one, are not known."""
        before = dict(self.names)

        def turns(position: int) -> Iterator[bool]:
            if position == len(node.generators):
                yield True
                return
            generator = node.generators[position]
            items = self.value(generator.iter)
            if isinstance(items, (dict, str)):
                items = list(items)
            if not isinstance(items, list):
                yield False
                return
            for item in items:
                self.assign(generator.target, item)
                tests = [self.value(test) for test in generator.ifs]
                if not all(map(is_plain, tests)):
                    yield False
                    return
                if all(tests):
                    yield from turns(position + 1)

        yield from turns(0)
        self.names = before

    def _ListComp(self, node: ast.ListComp | ast.GeneratorExp | ast.SetComp, hint: str) -> Value:
        items = []
        for known in self._comprehended(node):
            if not known:
                return MISSING
            items.append(self.value(node.elt))
        return items

    _GeneratorExp = _SetComp = _ListComp

    def _DictComp(self, node: ast.DictComp, hint: str) -> Value:
        result: dict[Value, Value] = {}
        for known in self._comprehended(node):
            key = self.value(node.key) if known else MISSING
            if not isinstance(key, (str, int)):
                return MISSING
            result[key] = self.value(node.value)
        return result

    @abstractmethod
    def _Call(self, node: ast.Call, hint: str) -> Value: ...  # of calls.py


def question(test: Value, code: str, place: Place) -> Question:
    """The condition of a branch as something to ask; a flag of the command line is itself the answer."""
    if isinstance(test, Compared) or (isinstance(test, Unknown) and isinstance(test.default, bool)):
        return test
    return Unknown(f"if_{object_name(code.removeprefix('args.'))[:40].rstrip('_')}", code, place)


def called(node: ast.AST) -> str:
    """A call without its arguments, which may hold secrets."""
    return f"{shown(node.func)}(...)" if isinstance(node, ast.Call) else shown(node)


@lru_cache(maxsize=4096)
def shown(node: ast.AST) -> str:
    """The code of a node on one line."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
