"""What names mean: variables, locals, modules and resources, computed when first asked for and then remembered."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from planform.core.addresses import Address, InstanceKey, ModulePath, ModuleStep, module_text
from planform.core.configuration import Body, Condition, Instance, Place
from planform.core.errors import Diagnosed, Diagnostic, Problems, Span
from planform.core.schemas import Misfit, Schema, convert, convert_body, describe
from planform.core.values import (
    AttributePath,
    Object,
    Sensitive,
    Unknown,
    Value,
    has_sensitive,
    is_wholly_known,
    reveal,
)
from planform.language.blocks import (
    Module,
    ModuleCall,
    Output,
    Resource,
    Validation,
    Variable,
    misfit_summary,
    path_text,
)
from planform.language.documents import Expr, locate, span_in_scalar
from planform.language.environment import Files, Layer, Namespace, Scope
from planform.language.errors import ExpressionError
from planform.language.expressions import compile_expression, compile_string, reference_values
from planform.language.graph import title_of
from planform.language.operators import settle
from planform.language.repetition import Keys, Owner, keys_of, node_of_owner
from planform.language.text import diagnostic_at

Memo: TypeAlias = tuple[ModulePath, str, str]  # module, kind, name
Group: TypeAlias = tuple[ModulePath, str, str]  # module, type, name: all instances of a resource in one module instance


class Verdict(NamedTuple):
    """What became of some conditions: what the failed ones say, and whether one is not known yet."""

    said: list[Diagnostic]
    is_open: bool


def conditions_of(body: Body, path: AttributePath) -> tuple[Condition, ...]:
    """The conditions of a list of them that stands at `path` in its block."""
    return tuple(
        Condition(item.get("condition"), item.get("error_message"), (*path, index))
        for index, item in enumerate(body if isinstance(body, list) else ())
    )


class Names:
    """A namespace over a function."""

    __slots__ = ("_get", "_known")

    def __init__(self, known: Iterable[str], get: Callable[[str], Value | Namespace]) -> None:
        self._known, self._get = known, get

    def attribute(self, name: str) -> Value | Namespace:
        if name not in self._known:
            raise KeyError(name)
        return self._get(name)

    def names(self) -> Iterable[str]:
        return self._known


class ModuleScope:
    """The names of one module instance."""

    __slots__ = ("call", "files", "key", "module", "module_folder", "parent", "path", "plan_time", "roots")

    def __init__(
        self,
        evaluation: Evaluation,
        path: ModulePath,
        module: Module,
        parent: ModuleScope | None = None,
        call: ModuleCall | None = None,
    ) -> None:
        self.path, self.module, self.parent, self.call = path, module, parent, call
        self.key: InstanceKey = path[-1].key if path else None
        self.files, self.plan_time, self.module_folder = evaluation.files, evaluation.plan_time, module.folder
        root = evaluation.module.folder
        self.roots: dict[str, Value | Namespace] = {
            "var": Names(module.variables, lambda name: evaluation.variable(self, module.variables[name])),
            "local": Names(module.locals, lambda name: evaluation.local(self, name)),
            "module": Names(module.calls, lambda name: evaluation.call(self, module.calls[name])),
            "path": {"module": ".", "root": os.path.relpath(root, module.folder).replace(os.sep, "/"), "cwd": root},
            "planform": Names(evaluation.facts, lambda name: evaluation.facts[name]),
        }
        by_type: dict[str, dict[str, Resource]] = {}
        for address, resource in module.resources.items():
            by_type.setdefault(address.type, {})[address.name] = resource
        for kind, resources in by_type.items():
            self.roots[kind] = _resources(evaluation, self, resources)
        data: dict[str, dict[str, Resource]] = {}
        for address, source in module.data.items():
            data.setdefault(address.type, {})[address.name] = source
        if data:
            self.roots["data"] = Names(data, lambda kind: _resources(evaluation, self, data[kind]))

    def root(self, name: str) -> Value | Namespace:
        return self.roots[name]

    def names(self) -> Iterable[str]:
        return self.roots


def _resources(evaluation: Evaluation, scope: ModuleScope, resources: Mapping[str, Resource]) -> Names:
    return Names(resources, lambda name: evaluation.resource(scope, resources[name]))


class Evaluation:
    """Evaluates the bodies and outputs of one configuration against the objects that are known so far.

    What was computed is remembered together with the resources it was computed from, and forgotten when one of them is
    set anew. It belongs to one thread.
    """

    def __init__(
        self, module: Module, variables: Mapping[str, Value], facts: Mapping[str, Value], files: Files, plan_time: str
    ) -> None:
        self.module, self.variables, self.facts = module, variables, facts
        self.files, self.plan_time = files, plan_time
        self._keys: dict[Memo, Keys] = {}
        self._scopes: dict[ModulePath, ModuleScope] = {}
        self._objects: dict[Group, dict[InstanceKey, Object]] = {}
        self._shown: dict[Group, Value] = {}
        self._memo: dict[Memo, tuple[Value, frozenset[Group]]] = {}
        self._dependents: dict[Group, set[Memo]] = {}
        self._reading: list[set[Group]] = []
        self._computing: set[Memo] = set()
        self._validated: set[Memo] = set()

    def fresh(self) -> Evaluation:
        """The same configuration with no object known but data. What depends on no resource stays computed."""
        other = Evaluation(self.module, self.variables, self.facts, self.files, self.plan_time)
        other._keys = self._keys
        other._memo = {memo: entry for memo, entry in self._memo.items() if not entry[1]}
        other._validated = {memo for memo in self._validated if memo in other._memo or not memo[0]}
        other._objects = {group: dict(items) for group, items in self._objects.items() if _is_data(group)}
        return other

    # What is known

    def set(self, address: Address, value: Object) -> None:
        """From now on a reference to `address` means this object."""
        group = (address.module, address.kind, address.name)
        self._instances(group)[address.key] = value
        self._forget(group)

    def drop(self, address: Address) -> None:
        """From now on `address` is unknown again."""
        group = (address.module, address.kind, address.name)
        schema = self.module.schemas[address.kind]
        self._instances(group)[address.key] = unknown_object(address, schema)
        self._forget(group)

    def _forget(self, group: Group) -> None:
        self._shown.pop(group, None)
        for memo in self._dependents.pop(group, ()):
            self._memo.pop(memo, None)
            self._validated.discard(memo)

    # What the engine asks for

    def body(self, instance: Instance) -> Object:
        """The evaluated and checked body of one instance.

        Raises:
            Diagnosed: every expression of it that fails, and every value that does not fit.
        """
        block, address = instance.block, instance.address
        if block.converted is not None:
            return block.converted
        evaluated = self.written(instance)
        schema = self.module.schemas[address.kind]
        misfits: list[Misfit] = []
        converted = convert_body(evaluated, schema.attributes, (), misfits)
        if not misfits and schema.check is not None:
            misfits = schema.check(converted)
        if misfits:
            raise Diagnosed(_misfit(misfit, block.body, evaluated, block.place, str(address)) for misfit in misfits)
        return converted

    def written(self, instance: Instance) -> Object:
        """The body of one instance as the files have it: evaluated, without defaults.

        Raises:
            Diagnosed: every expression of it that fails.
        """
        block, address = instance.block, instance.address
        if block.converted is not None:
            return dict(block.body) if isinstance(block.body, dict) else {}
        scope: Scope = self.scope(address.module)
        module = self.scope(address.module).module
        resource = (module.data if address.mode == "data" else module.resources)[block.address]
        if address.key is not None:
            scope = self.instance_scope(self.scope(address.module), resource, address.key)
        problems = Problems()
        evaluated: Object = self._evaluate(block.body, scope, block.place, problems, str(address))
        problems.raise_if_any()
        return evaluated

    def failing(
        self,
        conditions: Sequence[Condition],
        place: Place,
        summary: str,
        *,
        instance: Instance | None = None,
        module: ModulePath = (),
        itself: Object | None = None,
        warning: bool = False,
    ) -> Verdict:
        """What the conditions that do not hold have to say. One that is not known yet says nothing."""
        scope: Scope = self.scope(instance.address.module if instance is not None else module)
        if instance is not None and instance.address.key is not None:
            inner = self.scope(instance.address.module)
            scope = self.instance_scope(inner, inner.module.resources[instance.block.address], instance.address.key)
        if itself is not None:
            scope = Layer(scope, {"self": itself})
        said: list[Diagnostic] = []
        is_open = False
        for rule in conditions:
            problems = Problems()
            held = reveal(self._evaluate(rule.condition, scope, place, problems, ""))
            if problems.items:
                said += problems.items
                continue
            if not is_wholly_known(held):
                is_open = True
                continue
            if held is True or held == "true":
                continue
            message = self._evaluate(rule.error_message, scope, place, problems, "")
            text = "Its error_message is sensitive." if has_sensitive(message) else str(message)
            if held is not False and held != "false":
                text = f"A condition is true or false, not {describe(held)}."
            said.append(
                diagnostic_at(
                    place.source,
                    locate(place.source, (*place.path, *rule.path, "condition")),
                    summary,
                    text,
                    values=_condition_values(rule.condition, scope),
                    address=str(instance.address) if instance is not None else "",
                    warning=warning,
                )
            )
        return Verdict(said, is_open)

    def output(self, name: str) -> Value:
        """The value of an output of the root module; Sensitive when it is declared so.

        Raises:
            Diagnosed: its expression fails, or it would show what is sensitive.
        """
        value = self._output(self.scope(()), name)
        block = self.module.outputs[name]
        if has_sensitive(value) and not block.sensitive:
            detail = f"The value of output {name} comes from something sensitive, and outputs are shown."
            suggestion = "Add sensitive: true to the output, or wrap what may be shown in nonsensitive(...)."
            span = block.place.span
            raise Diagnosed(
                [diagnostic_at(block.place.source, span, "Output refers to sensitive values", detail, suggestion)]
            )
        return value

    def evaluate_string(self, text: str, module: ModulePath = ()) -> Value:
        """The value of an expression typed by a user, with or without `${}` around it.

        Raises:
            Diagnosed: it cannot be read or evaluated.
        """
        try:
            compiled = compile_string(text) if "${" in text[:2] else compile_expression(text)
            return compiled if isinstance(compiled, str) else compiled.evaluate(self.scope(module))
        except ExpressionError as error:
            span = Span("<console>", 1, error.offset + 1, error.offset + 1 + error.length)
            raise Diagnosed(
                [Diagnostic(error.summary, error.detail, span, text, error.suggestion, error.values)]
            ) from None

    def value(self, body: Body, scope: Scope, place: Place, address: str = "") -> Value:
        """The value of any body. Raises Diagnosed with all that fails in it."""
        problems = Problems()
        value = self._evaluate(body, scope, place, problems, address)
        problems.raise_if_any()
        return value

    def _evaluate(self, body: Body, scope: Scope, place: Place, problems: Problems, address: str) -> Value:
        kind = type(body)
        if kind is Expr:
            try:
                return body.expression.evaluate(scope)
            except ExpressionError as error:
                source = (body.place or place).source
                span = span_in_scalar(source, body.line, body.column, error.offset, error.length)
                problems.add(
                    diagnostic_at(
                        source,
                        span,
                        error.summary,
                        error.detail,
                        error.suggestion,
                        values=error.values,
                        address=address,
                    )
                )
            except Diagnosed as error:
                problems.items += error.problems
            return Unknown()
        if kind is dict:
            return {key: self._evaluate(item, scope, place, problems, address) for key, item in body.items()}
        if kind is list:
            return [self._evaluate(item, scope, place, problems, address) for item in body]
        return body

    # Modules

    def scope(self, path: ModulePath) -> ModuleScope:
        """The names of a module instance."""
        scope = self._scopes.get(path)
        if scope is None:
            if not path:
                scope = ModuleScope(self, path, self.module)
            else:
                parent = self.scope(path[:-1])
                call = parent.module.calls[path[-1].name]
                scope = ModuleScope(self, path, call.module, parent, call)
            self._scopes[path] = scope
        return scope

    def keys(self, scope: ModuleScope, owner: Owner) -> Keys:
        """The instance keys of a resource, module call or entry of a list, each with its each.value. They never
        change."""
        if owner.repetition == "single":
            return _SINGLE
        memo = _memo_of(scope, owner)
        found = self._keys.get(memo)
        if found is None:
            found = self._keys[memo] = keys_of(self.module.graph, owner, self._repeat(scope, owner))
        return found

    def _repeat(self, scope: ModuleScope, owner: Owner) -> Value:
        place = Place(owner.place.source, (*owner.place.path, owner.repetition), owner.place.line, owner.place.column)
        return self._memoised(_memo_of(scope, owner), lambda: self.value(owner.repeat, scope, place), place)

    def instance_scope(self, scope: ModuleScope, owner: Owner, key: InstanceKey) -> Scope:
        """The scope with `each` or `count` of one instance."""
        if isinstance(key, int):
            return Layer(scope, {"count": {"index": key}})
        value = self.keys(scope, owner)[key]
        if not is_wholly_known(value):
            # What was unknown when the keys were computed may be known by now.
            current = self._repeat(scope, owner)
            value = current.get(key, value) if isinstance(current, dict) else value
        return Layer(scope, {"each": {"key": key, "value": value}})

    def call(self, scope: ModuleScope, call: ModuleCall) -> Value | Namespace:
        """What `module.name` means: its outputs, by instance when it is repeated."""
        keys = self.keys(scope, call)
        if call.repetition == "for_each":
            texts = [str(key) for key in keys]
            return Names(texts, lambda key: self._outputs(scope, call, key))
        if call.repetition == "count":
            return [settle(self._outputs(scope, call, key)) for key in keys]
        return self._outputs(scope, call, None) if keys else None

    def _outputs(self, scope: ModuleScope, call: ModuleCall, key: InstanceKey) -> Names:
        inner = self.scope((*scope.path, ModuleStep(call.name, key)))
        return Names(call.module.outputs, lambda name: self._output(inner, name))

    def _output(self, scope: ModuleScope, name: str) -> Value:
        output = scope.module.outputs[name]
        value = self._memoised((scope.path, "output", name), lambda: self._held_output(scope, output), output.place)
        return Sensitive(value) if output.sensitive else value

    def _held_output(self, scope: ModuleScope, output: Output) -> Value:
        """The value of an output whose preconditions hold.

        Raises:
            Diagnosed: one does not, or the expression fails.
        """
        rules = conditions_of(output.preconditions, ("precondition",))
        summary = f"Precondition of output {output.name} failed"
        said = self.failing(rules, output.place, summary, module=scope.path).said
        if said:
            raise Diagnosed(said)
        return self.value(output.value, scope, output.place)

    # Values

    def local(self, scope: ModuleScope, name: str) -> Value:
        local = scope.module.locals[name]
        return self._memoised(
            (scope.path, "local", name), lambda: self.value(local.value, scope, local.place), local.place
        )

    def variable(self, scope: ModuleScope, variable: Variable) -> Value:
        """The value of a variable, checked by its rules as soon as it is known."""
        memo = (scope.path, "var", variable.name)
        if scope.call is None:
            value = self.variables.get(variable.name, Unknown(f"var.{variable.name}"))
        else:
            value = self._memoised(memo, lambda: self._input(scope, variable), variable.place)
        if variable.validations and memo not in self._validated and is_wholly_known(value):
            self._validated.add(memo)  # before its rules are evaluated, which ask for it again
            try:
                self._validate(scope, variable, value)
            except Diagnosed:
                self._validated.discard(memo)
                raise
        return value

    def _input(self, scope: ModuleScope, variable: Variable) -> Value:
        """The value of a child module's variable."""
        call, caller = scope.call, scope.parent
        assert call is not None
        assert caller is not None
        value = None
        if variable.name in call.inputs:
            outer: Scope = caller if scope.key is None else self.instance_scope(caller, call, scope.key)
            value = self.value(call.inputs[variable.name], outer, call.place)
        if variable.name not in call.inputs or (value is None and not variable.nullable):
            value = variable.default
        misfits: list[Misfit] = []
        converted = convert(value, variable.type, (), misfits)
        if misfits:
            inside = ("inputs", variable.name)
            title = f"{module_text(scope.path)}: {variable.name}"
            raise Diagnosed(
                diagnostic_at(
                    call.place.source,
                    locate(call.place.source, (*call.place.path, *inside, *misfit.path)),
                    "Invalid value for module input",
                    f"{title}{path_text(misfit.path)}: {misfit.summary}",
                    misfit.suggestion,
                    related=((variable.place.span, f"variable {variable.name} is declared here"),),
                )
                for misfit in misfits
            )
        return Sensitive(converted) if variable.sensitive else converted

    def _validate(self, scope: ModuleScope, variable: Variable, value: Value) -> None:
        problems = Problems()
        for rule in variable.validations:
            place = Place(variable.place.source, rule.path, variable.place.line, variable.place.column)
            condition = reveal(self._evaluate(rule.condition, scope, place, problems, ""))
            if condition is True or condition == "true" or isinstance(condition, Unknown):
                continue
            span = locate(place.source, (*rule.path, "condition"))
            if condition is not False and condition != "false":
                detail = f"A condition is true or false, not {describe(condition)}."
                problems.add(diagnostic_at(place.source, span, "Invalid variable validation result", detail))
                continue
            problems.add(self._violation(scope, variable, rule, value, place, span))
        problems.raise_if_any()

    def _violation(
        self, scope: ModuleScope, variable: Variable, rule: Validation, value: Value, place: Place, span: Span
    ) -> Diagnostic:
        try:
            message = self.value(rule.message, scope, place)
        except Diagnosed as error:
            message = f"(its error_message fails: {error})"
        hidden = variable.sensitive or has_sensitive(value)
        name = f"var.{variable.name}"
        own = f"{name} is {describe(Sensitive(value) if hidden else value)}"
        others = _condition_values(rule.condition, scope)
        shown = (own, *(text for text in others if not text.startswith((f"{name} ", f"{name}.", f"{name}["))))
        text = (
            "The error_message holds a sensitive value, so it is not shown." if has_sensitive(message) else str(message)
        )
        if scope.call is None:
            return diagnostic_at(
                place.source,
                variable.place.span,
                "Invalid value for variable",
                text,
                values=shown,
                related=((span, "checked by this rule"),),
            )
        call = scope.call
        at = locate(call.place.source, (*call.place.path, "inputs", variable.name))
        return diagnostic_at(
            call.place.source,
            at,
            "Invalid value for variable",
            text,
            values=shown,
            related=((span, "checked by this rule"),),
        )

    # Resources

    def resource(self, scope: ModuleScope, resource: Resource) -> Value:
        """What `type.name` means: an object, or a mapping or list of the instances."""
        group = (scope.path, resource.address.kind, resource.address.name)
        if self._reading:
            self._reading[-1].add(group)
        if group in self._shown:
            return self._shown[group]
        keys = self.keys(scope, resource)
        objects = self._instances(group)
        schema = self.module.schemas[group[1]]
        for key in keys:
            if key not in objects:
                objects[key] = unknown_object(Address(group[1], group[2], key, scope.path), schema)
        value: Value
        match resource.repetition:
            case "for_each":
                value = {key: objects[key] for key in keys}
            case "count":
                value = [objects[key] for key in keys]
            case _:
                value = objects[None] if keys else None
        self._shown[group] = value
        return value

    def _instances(self, group: Group) -> dict[InstanceKey, Object]:
        return self._objects.setdefault(group, {})

    # Remembering

    def _memoised(self, memo: Memo, compute: Callable[[], Value], place: Place) -> Value:
        found = self._memo.get(memo)
        if found is None:
            if memo in self._computing:
                detail = f"The value of {memo[1]}.{memo[2]} is needed to compute itself."
                raise Diagnosed([diagnostic_at(place.source, place.span, "Cycle", detail)])
            self._computing.add(memo)
            self._reading.append(set())
            try:
                value = compute()
            finally:
                self._computing.discard(memo)
                groups = frozenset(self._reading.pop())
            found = self._memo[memo] = (value, groups)
            for group in groups:
                self._dependents.setdefault(group, set()).add(memo)
        if self._reading:
            self._reading[-1] |= found[1]
        return found[0]


_SINGLE: Keys = {None: None}


def _memo_of(scope: ModuleScope, owner: Owner) -> Memo:
    return (scope.path, owner.repetition, title_of(node_of_owner(owner)))


def _condition_values(condition: Body, scope: Scope) -> tuple[str, ...]:
    return reference_values(condition.expression, scope) if isinstance(condition, Expr) else ()


def _is_data(group: Group) -> bool:
    return group[1].startswith("data.")


def unknown_object(address: Address, schema: Schema, computed: bool = False) -> Object:
    """An object of which nothing is known, each attribute with its own origin; `computed`: only what is exported."""
    return {
        name: Unknown(f"{address}.{name}") for name, item in schema.attributes.items() if item.computed or not computed
    }


def _misfit(misfit: Misfit, body: Body, evaluated: Value, place: Place, address: str) -> Diagnostic:
    """A value that does not fit, at the expression it came from."""
    node, value, depth = body, evaluated, 0
    for part in misfit.path:
        try:
            node, value, depth = node[part], value[part], depth + 1
        except (TypeError, KeyError, IndexError):
            break
    path = (*place.path, *misfit.path[:depth])
    span = locate(place.source, path) if depth else place.span
    values = (f"{node.expression.text} is {describe(value)}",) if isinstance(node, Expr) else ()
    name = path_text(misfit.path).lstrip(".")
    detail = f"{name}: {misfit.summary}" if name else misfit.summary
    if misfit.detail:
        detail += f" {misfit.detail}"
    return diagnostic_at(
        place.source, span, misfit_summary(misfit), detail, misfit.suggestion, values=values, address=address
    )
