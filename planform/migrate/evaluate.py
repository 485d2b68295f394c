"""What expressions are worth, by their text alone. Calls on objects of the SDK are written down as events."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence

from planform.migrate import pure
from planform.migrate.library import BATCH_CALLS, CLASSES, CREATE_RESOURCES, METHODS, V2_ESTIMATORS, WITH, unplaced
from planform.migrate.objects import (
    attribute_of,
    bound,
    called_method,
    client_service,
    is_sdk,
    is_secret,
    made_kind,
    with_method,
)
from planform.migrate.sources import Script
from planform.migrate.values import (
    MISSING,
    Conditions,
    Dotted,
    Either,
    Event,
    Function,
    Made,
    Place,
    Reference,
    Unknown,
    Value,
    can_join,
    is_plain,
    joined,
)

MOST_STEPS = 50_000  # expressions looked at: loops in loops end here, not never


class Evaluator:
    """The names of a program at one point of it, and what has happened until there."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.names: dict[str, Value] = {}
        self.events: list[Event] = []
        self.conditions: Conditions = ()
        self.depth = 0  # calls of functions inside of each other
        self.turn = ""
        self.steps = 0

    # Of walk.py: calls of the program's own functions, and loops.

    def inline(self, function: Function, args: Sequence[Value], keywords: dict[str, Value], node: ast.Call) -> Value:
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Value) -> None:
        raise NotImplementedError

    # Values

    def value(self, node: ast.expr, hint: str = "") -> Value:
        """What an expression is worth. `hint`: the name it gets."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            return self.unknown(node, hint)
        method = getattr(self, f"_{type(node).__name__}", None)
        found = method(node, hint) if method else self._rest(node)
        return self.unknown(node, hint) if found is MISSING else found

    def unknown(self, node: ast.AST, hint: str = "", default: Value = MISSING, env: str = "") -> Unknown:
        return Unknown(hint, shown(node), self.place(node), default, env)

    def place(self, node: ast.AST) -> Place:
        return self.script.place(node)

    def record(self, made: Made, method: str, args: dict[str, Value], node: ast.AST) -> None:
        code = f"{shown(node.func)}(...)" if isinstance(node, ast.Call) else shown(node)
        self.events.append(Event(made, method, args, self.place(node), self.conditions, self.turn, code))

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
        if dotted in self.names:  # self.bucket, assigned somewhere
            return self.names[dotted]
        owner = self.value(node.value)
        match owner:
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
                items.append(self.value(element))
        return items

    _Tuple = _Set = _List

    def _Dict(self, node: ast.Dict, hint: str) -> Value:
        result: dict[Value, Value] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            name = self.value(key) if key is not None else None
            value = self.value(item, name if isinstance(name, str) and name.isidentifier() else "")
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
        return pure.operated(type(node.op).__name__, self.value(node.left), self.value(node.right))

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
        return pure.operated(type(node.ops[0]).__name__, left, rights[0])

    def _IfExp(self, node: ast.IfExp, hint: str) -> Value:
        test = self.value(node.test)
        if is_plain(test):
            return self.value(node.body if test else node.orelse, hint)
        first, second = self.value(node.body, hint), self.value(node.orelse, hint)
        return first if first == second else MISSING

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
            if isinstance(items, dict):
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

    # Calls

    def _Call(self, node: ast.Call, hint: str) -> Value:
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if not isinstance(owner, Dotted):
                return self._method(owner, node.func, node, hint)
            callee: Value = self.value(node.func)
        else:
            callee = self.value(node.func)
        args, keywords = self._arguments(node)
        match callee:
            case Function():
                if isinstance(callee.node, ast.ClassDef):
                    return self._own_class(callee, keywords, node, hint)
                return self.inline(callee, args, keywords, node)
            case Dotted():
                return self._function(callee, args, keywords, node, hint)
        return MISSING

    def _arguments(self, node: ast.Call) -> tuple[list[Value], dict[str, Value]]:
        args: list[Value] = []
        for item in node.args:
            value = self.value(item.value if isinstance(item, ast.Starred) else item)
            if isinstance(item, ast.Starred):
                args += value if isinstance(value, list) else [self.unknown(item.value)]
            else:
                args.append(value)
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, "")
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
                keywords |= value
            else:
                keywords[f"**{shown(keyword.value)}"] = value
        return args, keywords

    def _function(
        self, callee: Dotted, args: list[Value], keywords: dict[str, Value], node: ast.Call, hint: str
    ) -> Value:
        path = callee.path
        if path in ("os.environ.get", "os.getenv") and args and isinstance(args[0], str):
            default = args[1] if len(args) > 1 else keywords.get("default", MISSING)
            if is_secret(args[0]):
                return Unknown(args[0].lower(), f"os.environ[{args[0]!r}]", self.place(node), MISSING, args[0])
            return self.unknown(node, args[0].lower(), default if is_plain(default) else MISSING, args[0])
        kind = made_kind(path)
        if kind:
            made = self.make(kind, args, keywords, node, hint)
            if kind in CLASSES or kind in ("create_resources", "client", "boto3.Session"):
                self.record(made, "", made.args, node)
            return made
        if is_sdk(path):
            if callee.last[:1].isupper() or unplaced(callee.last):
                made = self.make(callee.last, args, keywords, node, hint)
                self.record(made, "unplaced", made.args, node)
                return made
            return self._of_the_class(path, args, keywords, node, hint)
        return pure.call(path, args, keywords)

    def make(self, kind: str, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST, hint: str) -> Made:
        names = CREATE_RESOURCES if kind == "create_resources" else CLASSES.get(kind, ())
        return Made(kind, bound(names, args, keywords), self.place(node), hint, shown(node))

    def _of_the_class(
        self, path: str, args: list[Value], keywords: dict[str, Value], node: ast.Call, hint: str
    ) -> Value:
        """`ModelTrainer.from_jumpstart_config(...)`, `Estimator.attach(...)`."""
        owner, _, name = path.rpartition(".")
        kind = owner.rpartition(".")[2]
        if kind == "ModelTrainer" and name == "from_jumpstart_config":
            made = self.make("ModelTrainer", [], keywords, node, hint)
            if args:
                made.args["jumpstart_config"] = args[0]
            self.record(made, "", made.args, node)
            return made
        if kind in V2_ESTIMATORS or kind in ("ModelTrainer", "HyperparameterTuner"):
            made = Made(kind, dict(keywords), self.place(node), hint, shown(node))
            self.record(made, name, made.args, node)
        return MISSING

    def _own_class(self, callee: Function, keywords: dict[str, Value], node: ast.Call, hint: str) -> Value:
        """An object of the program's own class; only drivers of distributed training mean something."""
        assert isinstance(callee.node, ast.ClassDef)
        bases = [self.value(base) for base in callee.node.bases]
        if not any(isinstance(base, Dotted) and base.last == "DistributedConfig" for base in bases):
            return MISSING
        made = Made("driver", {"config": dict(keywords)}, self.place(node), hint, shown(node))
        for statement in callee.node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name in ("driver_dir", "driver_script"):
                made.args[statement.name] = self.inline(Function(statement, callee.names), [made], {}, node)
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                made.args["config"].setdefault(statement.target.id, self.value(statement.value))
        return made

    def _method(self, owner: Value, func: ast.Attribute, node: ast.Call, hint: str) -> Value:
        name = func.attr
        args, keywords = self._arguments(node)
        if isinstance(owner, Either):
            conditions = self.conditions
            for made, when in owner.options:
                self.conditions = (*conditions, *when)
                self._of_object(made, name, args, keywords, node, hint)
            self.conditions = conditions
            return owner if name in WITH else MISSING
        if name in BATCH_CALLS or (
            isinstance(owner, Made) and owner.kind == "client" and name == "create_training_job"
        ):
            request = args[0] if len(args) == 1 and isinstance(args[0], dict) else keywords
            made = Made(name, dict(request), self.place(node), hint, shown(node))
            self.record(made, "", made.args, node)
            return made
        if isinstance(owner, Made):
            return self._of_object(owner, name, args, keywords, node, hint)
        if (
            isinstance(func.value, ast.Name)
            and isinstance(owner, (list, dict))
            and self._changed(func.value.id, owner, name, args, keywords)
        ):
            return None
        return pure.method(owner, name, args, keywords)

    def _of_object(
        self, made: Made, name: str, args: list[Value], keywords: dict[str, Value], node: ast.Call, hint: str
    ) -> Value:
        if name in ("client", "resource"):
            return Made("client", {"service": client_service(args, keywords)}, self.place(node), hint)
        if with_method(made, name, args, keywords):
            return made
        if name in METHODS or name in called_method(made):
            self.record(made, name, bound(METHODS.get(name, ()), args, keywords), node)
            return MISSING
        return attribute_of(made, name, args, keywords)

    def _changed(self, name: str, owner: Value, method: str, args: list[Value], keywords: dict[str, Value]) -> bool:
        """Whether a method changed the list or dict that a name stands for; the name then stands for the new one."""
        new: Value = MISSING
        if isinstance(owner, list) and method == "append" and len(args) == 1:
            new = [*owner, args[0]]
        elif isinstance(owner, list) and method == "extend" and len(args) == 1 and isinstance(args[0], list):
            new = [*owner, *args[0]]
        elif isinstance(owner, dict) and method == "update":
            more = args[0] if args else {}
            if isinstance(more, dict):
                new = {**owner, **more, **keywords}
        elif isinstance(owner, dict) and method in ("pop", "setdefault") and args and isinstance(args[0], str):
            if method == "pop":
                new = {key: item for key, item in owner.items() if key != args[0]}
            else:
                new = {args[0]: args[1] if len(args) > 1 else None, **owner}
        elif method in ("append", "extend", "update", "pop", "setdefault", "insert", "remove", "clear", "popitem"):
            self.names[name] = MISSING
            return True
        if new is MISSING:
            return False
        self.names[name] = new
        return True


def shown(node: ast.AST) -> str:
    """The code of a node on one line."""
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
