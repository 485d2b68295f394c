"""What calls are worth. Those that make or use objects of the SDK are written down as events."""

from __future__ import annotations

import ast
import os.path
import re
from collections.abc import Sequence

from planform.migrate import pure
from planform.migrate.evaluate import Evaluator, called, shown
from planform.migrate.library import (
    BATCH_CALLS,
    CHANGING,
    CLASSES,
    CORE_JOBS,
    CREATE_RESOURCES,
    METHODS,
    PARAMETERS,
    RUNS,
    SAGEMAKER_CALLS,
    TUNER_OF_SEVERAL,
    V2_ESTIMATORS,
    WARM_STARTED,
    WITH,
    unplaced,
)
from planform.migrate.names import changed_unknown
from planform.migrate.objects import (
    attribute_of,
    bound,
    called_method,
    camel,
    camel_name,
    client_service,
    is_sdk,
    is_secret,
    made_kind,
    warm_started,
    with_method,
)
from planform.migrate.recipes import is_followed
from planform.migrate.sources import imported_file
from planform.migrate.values import MISSING, OBJECT, Dotted, Either, Function, Made, Partial, Unknown, Value, is_plain

CLASS = "__class__"  # where an object of the program has its class

# What may be a trainer although it is unknown; anything else that can be fitted is of another library.
_FOLLOWED = re.compile(r", (a parameter of|one of|which depends on|which comes from) ")


class Calls(Evaluator):
    """An evaluator that follows calls."""

    def _Call(self, node: ast.Call, hint: str) -> Value:
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if not isinstance(owner, Dotted):
                return self._method(owner, node.func, node, hint)
            callee: Value = self.value(node.func)
        else:
            callee = self.value(node.func)
        return self._apply(callee, *self.arguments(node), node, hint)

    def _apply(self, callee: Value, args: list[Value], keywords: dict[str, Value], node: ast.Call, hint: str) -> Value:
        match callee:
            case Partial():
                return self._apply(callee.callee, [*callee.args, *args], {**callee.keywords, **keywords}, node, hint)
            case Function():
                if isinstance(callee.node, ast.ClassDef):
                    return self._own_class(callee, args, keywords, node, hint)
                return self.inline(callee, args, keywords, node)
            case Dotted():
                return self._function(callee, args, keywords, node, hint)
        return MISSING

    def arguments(self, node: ast.Call) -> tuple[list[Value], dict[str, Value]]:
        """What a call is given: positional arguments, and the others by name."""
        args: list[Value] = []
        for item in node.args:
            value = self.operand(item.value if isinstance(item, ast.Starred) else item)
            if isinstance(item, ast.Starred):
                args += value if isinstance(value, list) else [self.unknown(item.value)]
            else:
                args.append(value)
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.operand(keyword.value)
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
        found = self._of_python(path, args, keywords, node)
        if found is not MISSING:
            return found
        if is_sdk(path) and callee.last == "get_image_uri":
            return self._old_image(args, keywords, node, hint)
        kind = made_kind(path)
        if kind == "ArgumentParser":
            return Made(kind, {}, self.place(node), hint)  # its arguments are the options that are added to it
        if kind:
            made = self.make(kind, args, keywords, node, hint)
            if kind in CLASSES or kind in ("create_resources", "client", "boto3.Session"):
                self.record(made, "", made.args, node)
            return made
        if is_sdk(path):
            if callee.last in PARAMETERS:
                return self._parameter(callee, args, keywords, node)
            if path.endswith("S3Uploader.upload"):  # planform uploads what is local
                return args[0] if args else keywords.get("local_path", MISSING)
            if callee.last[:1].isupper() or unplaced(callee.last):
                made = self.make(callee.last, args, keywords, node, hint)
                self.record(made, "unplaced", made.args, node)
                return made
            return self._of_the_class(path, args, keywords, node, hint)
        file = imported_file(os.path.dirname(self.script.file), path)
        if file:
            return Unknown(hint, f"{called(node)}, which comes from {file}", self.place(node))
        return pure.call(path, args, keywords)

    def _of_python(self, path: str, args: list[Value], keywords: dict[str, Value], node: ast.Call) -> Value:
        """Functions of Python that look at the environment, at parsed arguments, or call others."""
        if path in ("os.environ.get", "os.getenv") and args and isinstance(args[0], str):
            default = args[1] if len(args) > 1 else keywords.get("default", MISSING)
            if is_secret(args[0]):
                return Unknown(args[0].lower(), f"os.environ[{args[0]!r}]", self.place(node), MISSING, args[0])
            return self.unknown(node, args[0].lower(), default if is_plain(default) else MISSING, args[0])
        if path == "functools.partial" and args:
            return Partial(args[0], tuple(args[1:]), keywords)
        if path == "builtins.map" and len(args) == 2 and isinstance(args[1], list):
            return [self._apply(args[0], [item], {}, node, "") for item in args[1]]
        if path == "builtins.vars" and args and isinstance(args[0], Made) and args[0].kind == "Namespace":
            place, owner = self.place(node), shown(node.args[0])
            options = args[0].get("options", {})
            return {name: Unknown(name, f"{owner}.{name}", place, default) for name, default in options.items()}
        return MISSING

    def _old_image(self, args: list[Value], keywords: dict[str, Value], node: ast.Call, hint: str) -> Made:
        """`get_image_uri` of the SDK before 2.0, as what took its place."""
        renamed = {"repo_name": "framework", "repo_version": "version", "region_name": "region"}
        given = bound(("region", "framework", "version"), args, keywords)
        image = {"version": "1", **{renamed.get(name, name): value for name, value in given.items()}}
        made = Made("retrieve", image, self.place(node), hint, called(node))
        self.record(made, "", made.args, node)
        return made

    def _parameter(self, callee: Dotted, args: list[Value], keywords: dict[str, Value], node: ast.Call) -> Unknown:
        """A parameter of a pipeline is a variable."""
        given = bound(("name", "default_value"), args, keywords)
        name, default = given.get("name"), given.get("default_value", MISSING)
        text = name if isinstance(name, str) else ""
        return self.unknown(node, text, default if is_plain(default) else MISSING)

    def make(self, kind: str, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST, hint: str) -> Made:
        names = CREATE_RESOURCES if kind == "create_resources" else CLASSES.get(kind, ())
        return Made(kind, bound(names, args, keywords), self.place(node), hint, called(node))

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
        if kind == "ModelTrainer" and name == "from_recipe":
            given = bound(("training_recipe", "compute"), args, keywords)
            made = self.make("ModelTrainer", [], given, node, hint)
            self.record(made, "" if is_followed(given.get("training_recipe")) else name, given, node)
            return made
        if kind in CORE_JOBS and name == "create":
            request = {camel_name(key): camel(item) for key, item in keywords.items()}
            made = Made(CORE_JOBS[kind], request, self.place(node), hint, called(node))
            self.record(made, "", made.args, node)
            return made
        if kind == "HyperparameterTuner" and name == "create":
            given = bound(TUNER_OF_SEVERAL, args, keywords)
            made = Made(kind, given, self.place(node), hint, called(node))
            self.record(made, "", made.args, node)
            return made
        if kind in V2_ESTIMATORS or kind in ("ModelTrainer", "HyperparameterTuner"):
            made = Made(kind, dict(keywords), self.place(node), hint, called(node))
            self.record(made, name, made.args, node)
        return MISSING

    def _own_class(
        self, callee: Function, args: list[Value], keywords: dict[str, Value], node: ast.Call, hint: str
    ) -> Value:
        """An object of a class of the program: a driver of distributed training, or what its own methods do with it."""
        assert isinstance(callee.node, ast.ClassDef)
        bases = [self.value(base) for base in callee.node.bases]
        names = [base.last for base in bases if isinstance(base, Dotted)]
        if "DistributedConfig" not in names:
            if any(name in V2_ESTIMATORS or name == "ModelTrainer" for name in names):
                self.record(Made("own", {}, self.place(node)), "own", {}, node)
                return MISSING
            return self._object(callee, args, keywords, node, hint)
        made = Made("driver", {"config": dict(keywords)}, self.place(node), hint, called(node))
        for statement in callee.node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name in ("driver_dir", "driver_script"):
                made.args[statement.name] = self.inline(Function(statement, callee.names), [made], {}, node)
            elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
                made.args["config"].setdefault(statement.target.id, self.value(statement.value))
        return made

    def _object(
        self, callee: Function, args: list[Value], keywords: dict[str, Value], node: ast.Call, hint: str
    ) -> Made:
        made = Made(OBJECT, {CLASS: callee}, self.place(node), hint, called(node))
        init = self._in_class(callee, "__init__")
        if isinstance(init, Function):
            self.inline(init, [made, *args], keywords, node)
            return made
        assert isinstance(callee.node, ast.ClassDef)
        fields = [item for item in callee.node.body if isinstance(item, ast.AnnAssign)]  # of a dataclass
        names = [item.target.id for item in fields if isinstance(item.target, ast.Name)]
        made.args |= bound(names, args, keywords)
        return made

    def member(self, made: Made, name: str) -> Value:
        """An attribute of an object of the program: its own, or of its class; MISSING for methods."""
        if name in made.args:
            return made.args[name]
        found = self._in_class(made.get(CLASS), name)
        if not isinstance(found, Function):
            return found
        node = found.node
        if isinstance(node, ast.FunctionDef) and "property" in map(shown, node.decorator_list):
            call = ast.copy_location(ast.Call(ast.Name(name, ast.Load()), [], []), node)
            return self.inline(found, [made], {}, ast.fix_missing_locations(call))
        return MISSING

    def _in_class(self, callee: Value, name: str, own: bool = True) -> Value:
        """What a class of the program has by a name, itself or from another class of the program."""
        if not isinstance(callee, Function) or not isinstance(callee.node, ast.ClassDef):
            return MISSING
        for item in callee.node.body if own else ():
            if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name == name:
                return Function(item, callee.names)
            targets = item.targets if isinstance(item, ast.Assign) else [getattr(item, "target", None)]
            value = getattr(item, "value", None)
            if value is not None and any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return self.value(value, name)
        bases = (self._in_class(self.value(base), name) for base in callee.node.bases)
        return next((found for found in bases if found is not MISSING), MISSING)

    def _of_own(
        self, made: Made, method: Value, args: list[Value], keywords: dict[str, Value], node: ast.Call
    ) -> Value:
        """The result of a method of an object of the program."""
        if not isinstance(method, Function) or not isinstance(method.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return MISSING
        kinds = set(map(shown, method.node.decorator_list))
        first = [] if "staticmethod" in kinds else [made.get(CLASS)] if "classmethod" in kinds else [made]
        return self.inline(method, [*first, *args], keywords, node)

    def _method(self, owner: Value, func: ast.Attribute, node: ast.Call, hint: str) -> Value:
        name = func.attr
        args, keywords = self.arguments(node)
        this = self.names.get("self")
        if shown(func.value) == "super()" and isinstance(this, Made) and this.kind == OBJECT:
            return self._of_own(this, self._in_class(this.get(CLASS), name, own=False), args, keywords, node)
        if isinstance(owner, Unknown) and name in CHANGING and isinstance(func.value, ast.Name):
            self.names[func.value.id] = changed_unknown(owner, called(node))
            return MISSING
        if isinstance(owner, Either):
            conditions = self.conditions
            for made, when in owner.options:
                self.conditions = (*conditions, *when)
                self._of_object(made, name, args, keywords, node, hint)
            self.conditions = conditions
            return owner if name in WITH else MISSING
        if name in BATCH_CALLS or (isinstance(owner, Made) and owner.kind == "client" and name in SAGEMAKER_CALLS):
            request = args[0] if len(args) == 1 and isinstance(args[0], dict) else keywords
            made = Made(name, dict(request), self.place(node), hint, called(node))
            self.record(made, "", made.args, node)
            return made
        if isinstance(owner, Unknown) and name in RUNS and _FOLLOWED.search(owner.code):
            self.record(Made("unknown", {"code": owner.code}, self.place(node)), "lost", {}, node)
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
        if made.kind == OBJECT:
            found = made.args.get(name, MISSING)
            if found is not MISSING:
                return self._apply(found, args, keywords, node, hint)
            return self._of_own(made, self._in_class(made.get(CLASS), name), args, keywords, node)
        if name in ("client", "resource"):
            return Made("client", {"service": client_service(args, keywords)}, self.place(node), hint)
        if with_method(made, name, args, keywords):
            return made
        if made.kind == "HyperparameterTuner" and name in WARM_STARTED:
            new = warm_started(made, name, args, keywords, Made("", {}, self.place(node), hint, called(node)))
            self.record(new, "", new.args, node)
            return new
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
        elif method in CHANGING:
            self.names[name] = MISSING
            return True
        if new is MISSING:
            return False
        self.names[name] = new
        return True
