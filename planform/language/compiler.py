"""Trees to closures. A closure evaluates its part of an expression in a scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from planform.core.errors import PlanformError, did_you_mean
from planform.core.schemas import describe
from planform.core.values import Sensitive, Unknown, Value, first_unknown, is_wholly_known, leaves, mark
from planform.language import operators
from planform.language.environment import Layer, Namespace, Scope, is_namespace, known_roots
from planform.language.errors import ExpressionError, Unsuitable
from planform.language.functions import NAMES, Function, find_function
from planform.language.operators import PLAIN, elements, get, lift, settle, to_bool, to_text, unmarked
from planform.language.syntax import (
    Binary,
    Call,
    Conditional,
    For,
    Literal,
    Name,
    Node,
    Object,
    Splat,
    Step,
    Template,
    Traversal,
    Tuple,
    Unary,
)

LONGEST_TEXT = 50_000_000
Closure: TypeAlias = Callable[[Scope], Value]


def traversals(node: object) -> Iterator[Name | Traversal]:
    """Every reference inside a node, those in index keys included, in the order of their places."""
    if isinstance(node, tuple):
        for item in node:
            yield from traversals(item)
    elif isinstance(node, Traversal) and isinstance(node.base, Name):
        yield node
        for step in node.steps:
            if not (isinstance(step, Step) and isinstance(step.key, Literal)):
                yield from traversals(step)
    elif isinstance(node, Name):
        yield node
    elif isinstance(node, Node):
        for field in node.__dataclass_fields__:
            yield from traversals(getattr(node, field))


# Errors


def _failure(
    node: Node, scope: Scope, summary: str, detail: str, suggestion: str = "", at: Node | None = None
) -> ExpressionError:
    """An error about `node`, with the values of what it refers to; underlined is `at`."""
    place = at or node
    return ExpressionError(
        summary, detail, suggestion, place.start, place.end - place.start, tuple(values_in(node, scope))
    )


def values_in(node: Node, scope: Scope) -> Iterator[str]:
    """What each reference in a node is worth, as text; what has no value here is left out."""
    seen: set[str] = set()
    for found in traversals(node):
        if isinstance(found, Name) and not found.bound:
            continue  # a whole namespace says nothing
        try:
            value = build(found, settled=False)(scope)
        except (PlanformError, KeyError):  # a name of a `for` has a value only inside of it
            continue
        text = _source(found)
        if text not in seen and not is_namespace(value):
            seen.add(text)
            yield f"{text} is known only after apply" if isinstance(value, Unknown) else f"{text} is {describe(value)}"


def _source(node: Node) -> str:
    """A reference as its author would write it."""
    match node:
        case Name(name=name):
            return name
        case Traversal(base=base, steps=steps):
            return _source(base) + "".join(map(_source, steps))
        case Step(key=Literal(value=key), dotted=dotted):
            return f".{key}" if dotted else f'["{key}"]' if isinstance(key, str) else f"[{key}]"
        case Step(key=Name() | Traversal() as key):
            return f"[{_source(key)}]"
        case Splat(steps=steps):
            return "[*]" + "".join(map(_source, steps))
        case _:
            return "[...]"


# Compiling


def build(node: Node, settled: bool = True) -> Closure:
    """The closure that evaluates `node`. Unless `settled` it may give a namespace, for what goes on to look inside."""
    match node:
        case Literal(value=value):
            return lambda scope: value
        case Name() | Traversal():
            return _settled(_reference(node)) if settled else _reference(node)
        case Unary(operator=sign, operand=operand):
            return _operation(node, operators.minus if sign == "-" else operators.negate, ("operand", operand))
        case Binary(operator=sign):
            return _binary(node, sign)
        case Conditional():
            return _conditional(node)
        case Call():
            return _call(node)
        case Tuple(items=items):
            closures = [build(item) for item in items]
            return lambda scope: [closure(scope) for closure in closures]
        case Object():
            return _object(node)
        case For():
            return _for(node)
        case Template(parts=parts):
            return build(parts[0]) if len(parts) == 1 else _template(node)
    raise TypeError(type(node))


def _settled(closure: Closure) -> Closure:
    def run(scope: Scope) -> Value:
        value = closure(scope)
        return value if type(value) in PLAIN else settle(value)

    return run


def _reference(node: Name | Traversal) -> Closure:
    if isinstance(node, Name):
        return lambda scope: _root(node, scope)
    steps = [step for step in node.steps if isinstance(step, Step) and isinstance(step.key, Literal)]
    if isinstance(node.base, Name) and len(steps) == len(node.steps):
        return _static(node, node.base, steps)
    base = build(node.base, settled=False)
    walk = _walk(node, node.steps)
    return lambda scope: walk(base(scope), scope)


def _root(node: Name, scope: Scope) -> Value | Namespace:
    try:
        return scope.root(node.name)
    except Unsuitable as error:
        length = node.end - node.start
        raise ExpressionError(error.summary, error.detail, error.suggestion, node.start, length) from None
    except KeyError:
        raise ExpressionError(
            "Invalid reference",
            f'There is nothing with the name "{node.name}" here.',
            did_you_mean(node.name, known_roots(scope)),
            node.start,
            node.end - node.start,
        ) from None


def _static(node: Traversal, name: Name, steps: list[Step]) -> Closure:
    """`a.b["c"]`: nothing to compute but the way."""
    root = name.name
    keys = [(step.key.value, step.dotted, step) for step in steps if isinstance(step.key, Literal)]

    def run(scope: Scope) -> Value:
        try:
            value = scope.root(root)
        except (KeyError, Unsuitable):
            value = _root(name, scope)
        for key, dotted, step in keys:
            if type(value) is not dict or key not in value:
                value = _step(node, step, value, key, dotted, scope)
                continue
            value = value[key]
        return value

    return run


def _step(node: Traversal, step: Step, value: Value, key: Value, dotted: bool, scope: Scope) -> Value:
    try:
        return get(value, key, dotted)
    except Unsuitable as error:
        # What can be shown is the value that the failing step was taken in, and the key.
        before = tuple(item for item in node.steps if item.end <= step.start)
        base = Traversal(node.start, step.start, node.base, before) if before else node.base
        summary, detail, suggestion = error.summary, error.detail, error.suggestion
        if dotted and isinstance(node.base, Name) and not before:
            summary, detail = _undeclared(node.base.name, str(key)) or (summary, detail)
        raise _failure(
            Tuple(0, 0, (base, step.key)),
            scope,
            summary,
            detail,
            suggestion,
            at=Traversal(node.start, step.end, base, ()),
        ) from None


def _undeclared(root: str, name: str) -> tuple[str, str] | None:
    """Terraform's words for an absent name of a namespace that users fill."""
    match root:
        case "var":
            return (
                "Reference to undeclared input variable",
                f'An input variable with the name "{name}" has not been declared.',
            )
        case "local":
            return "Reference to undeclared local value", f'A local value with the name "{name}" has not been declared.'
        case "module":
            return "Reference to undeclared module", f'No module call named "{name}" is declared here.'
    return None


def _walk(node: Traversal, steps: tuple[Step | Splat, ...]) -> Callable[[Value, Scope], Value]:
    """What takes the steps from a value, dynamic keys and splats among them."""
    takers: list[Callable[[Value, Scope], Value]] = []
    for step in steps:
        if isinstance(step, Splat):
            takers.append(_splat(_walk(node, step.steps)))
        else:
            takers.append(_taker(node, step))

    def run(value: Value, scope: Scope) -> Value:
        for take in takers:
            value = take(value, scope)
        return value

    return run


def _taker(node: Traversal, step: Step) -> Callable[[Value, Scope], Value]:
    key = build(step.key)
    return lambda value, scope: _step(node, step, value, key(scope), step.dotted, scope)


def _splat(each: Callable[[Value, Scope], Value]) -> Callable[[Value, Scope], Value]:
    def run(value: Value, scope: Scope) -> Value:
        if type(value) is Sensitive:
            return mark(run(value.value, scope))
        if type(value) is Unknown:
            return value
        if value is None:
            return []
        items = value if isinstance(value, (list, tuple)) else [value]
        return [settle(each(item, scope)) for item in items]

    return run


def _operation(node: Node, operate: Callable[..., Value], *operands: tuple[str, Node]) -> Closure:
    closures = [build(operand) for _, operand in operands]

    def run(scope: Scope) -> Value:
        values = [closure(scope) for closure in closures]
        try:
            return lift(operate, *values)
        except Unsuitable as error:
            if error.summary:
                raise _failure(node, scope, error.summary, error.detail, error.suggestion) from None
            raise _unsuitable_operand(node, scope, operands, values, operate, error) from None

    return run


def _unsuitable_operand(
    node: Node,
    scope: Scope,
    operands: tuple[tuple[str, Node], ...],
    values: list[Value],
    operate: Callable[..., Value],
    error: Unsuitable,
) -> ExpressionError:
    """Say which operand it was: the first that fails beside itself."""
    for (side, operand), value in zip(operands, values, strict=True):
        try:
            lift(operate, *[value] * len(values))
        except Unsuitable as refusal:
            if not refusal.summary:
                return _failure(operand, scope, "Invalid operand", f"Unsuitable value for {side}: {refusal.detail}")
    return _failure(node, scope, "Invalid operand", error.detail)


def _binary(node: Binary, sign: str) -> Closure:
    operands = ("left operand", node.left), ("right operand", node.right)
    if sign in ("&&", "||"):
        return _logical(node, decisive=sign == "||")
    if sign in ("==", "!="):
        left, right = build(node.left), build(node.right)
        if sign == "==":
            return lambda scope: operators.equal(left(scope), right(scope))
        return lambda scope: lift(operators.negate, operators.equal(left(scope), right(scope)))
    return _operation(node, operators.BINARY[sign], *operands)


def _logical(node: Binary, decisive: bool) -> Closure:
    """`||` when `decisive` is true, else `&&`: a decisive operand decides, even beside an unknown one."""
    left = _operation(node.left, to_bool, ("left operand", node.left))
    right = _operation(node.right, to_bool, ("right operand", node.right))

    def run(scope: Scope) -> Value:
        first = left(scope)
        if first is decisive:
            return decisive
        second = right(scope)
        if type(first) is Sensitive or type(second) is Sensitive:
            return mark(join(unmarked(first), unmarked(second)))
        return join(first, second)

    def join(first: Value, second: Value) -> Value:
        if first is decisive or second is decisive:
            return decisive
        return first if type(first) is Unknown else second

    return run


def _conditional(node: Conditional) -> Closure:
    condition, then, otherwise = build(node.condition), build(node.then), build(node.otherwise)

    def run(scope: Scope) -> Value:
        return choose(condition(scope), scope)

    def choose(chosen: Value, scope: Scope) -> Value:
        if chosen is True:
            return then(scope)
        if chosen is False:
            return otherwise(scope)
        if type(chosen) is Unknown:
            return chosen
        if type(chosen) is Sensitive:
            return mark(choose(chosen.value, scope))
        return choose(_truth(node.condition, chosen, scope), scope)

    return run


def _truth(node: Node, value: Value, scope: Scope) -> bool:
    try:
        return to_bool(value)
    except Unsuitable as error:
        raise _failure(
            node, scope, "Incorrect condition type", f"A condition is true or false: {error.detail}"
        ) from None


def _object(node: Object) -> Closure:
    items = [(key, build(key), build(value)) for key, value in node.items]

    def run(scope: Scope) -> Value:
        result: dict[str, Value] = {}
        sensitive = False
        unknown: Unknown | None = None
        for key_node, key_closure, closure in items:
            key, value = key_closure(scope), closure(scope)
            if type(key) is Sensitive:
                key, sensitive = key.value, True
            if type(key) is Unknown:
                unknown = key
            else:
                result[_key(key_node, key, scope)] = value
        whole: Value = result if unknown is None else unknown
        return mark(whole) if sensitive else whole

    return run


def _key(node: Node, key: Value, scope: Scope) -> str:
    try:
        return key if type(key) is str else to_text(key)
    except Unsuitable as error:
        raise _failure(node, scope, "Invalid object key", f"A key is a string: {error.detail}") from None


def _for(node: For) -> Closure:
    collection, value = build(node.collection), build(node.value)
    key = build(node.key) if node.key else None
    condition = build(node.condition) if node.condition else None

    def run(scope: Scope) -> Value:
        return over(collection(scope), scope)

    def over(items: Value, scope: Scope) -> Value:
        if type(items) is Unknown:
            return items
        if type(items) is Sensitive:
            return mark(over(items.value, scope))
        try:
            pairs = elements(items)
        except Unsuitable as error:
            raise _failure(node.collection, scope, error.summary, error.detail) from None
        bound: dict[str, Value] = {}
        layer = Layer(scope, bound)
        rows: list[tuple[Value, Value]] = []
        sensitive = False
        unknown: Unknown | None = None
        for index, item in pairs:
            if node.key_name is not None:
                bound[node.key_name] = index
            bound[node.value_name] = item
            wanted = condition(layer) if condition else True
            name = key(layer) if key and unmarked(wanted) is not False else None
            sensitive = sensitive or type(wanted) is Sensitive or type(name) is Sensitive
            wanted, name = unmarked(wanted), unmarked(name)
            if type(wanted) is Unknown or type(name) is Unknown:
                unknown = wanted if type(wanted) is Unknown else name
            elif wanted is True or (node.condition and _truth(node.condition, wanted, layer)):
                rows.append((_key(node.key, name, layer) if node.key else None, value(layer)))
        result = unknown if unknown is not None else collect(rows, layer)
        return mark(result) if sensitive else result

    def collect(rows: list[tuple[Value, Value]], scope: Scope) -> Value:
        if node.text:
            return _joined([item for _, item in rows])
        if node.key is None:
            return [item for _, item in rows]
        result: dict[str, Value] = {}
        for name, item in rows:
            if node.group:
                result.setdefault(name, []).append(item)
            elif name in result:
                raise _failure(
                    node.key,
                    scope,
                    "Duplicate object key",
                    f'Two items produced the key "{name}" in this for expression.',
                    "If that is meant, write ... after the value: items with one key then become a list.",
                )
            else:
                result[name] = item
        return result

    return run


def _template(node: Template) -> Closure:
    parts = [(part, build(part)) for part in node.parts]

    def run(scope: Scope) -> Value:
        texts = [_text(node, part, closure(scope), scope) for part, closure in parts]
        if sum(len(text) for text in texts if type(text) is str) > LONGEST_TEXT:
            raise _failure(node, scope, "Text is too long", f"It would have more than {LONGEST_TEXT:,} characters.")
        return _joined(texts)

    return run


def _joined(texts: list[Value]) -> Value:
    sensitive = any(type(text) is Sensitive for text in texts)
    texts = [unmarked(text) for text in texts]
    unknown = next((text for text in texts if type(text) is Unknown), None)
    result: Value = unknown if unknown is not None else "".join(texts)
    return mark(result) if sensitive else result


def _text(template: Template, part: Node, value: Value, scope: Scope) -> Value:
    """What a part of a template puts into the text."""
    if type(value) is str or type(value) is Unknown:
        return value
    if type(value) is Sensitive:
        return Sensitive(_text(template, part, value.value, scope))
    try:
        return to_text(value)
    except Unsuitable:
        detail = (
            "The result is null, and null has no text."
            if value is None
            else f"The result is {describe(value)}, and only a string, number or bool has a text."
        )
        if value is None:
            suggestion = 'Use coalesce(..., "") or a condition.'
        elif all(
            item is part or (isinstance(item, Literal) and not str(item.value).strip()) for item in template.parts
        ):
            suggestion = "To keep its type take away what is around the ${ }: in YAML a block begins with >- or |-."
        else:
            suggestion = "Use jsonencode(...) for JSON" + (
                ', or join(", ", ...) for a list.' if not isinstance(value, dict) else "."
            )
        raise _failure(part, scope, "Invalid template interpolation value", detail, suggestion) from None


# Calls


def _call(node: Call) -> Closure:
    if node.name in ("try", "can"):
        return _try(node) if node.name == "try" else _can(node)
    function = find_function(node.name)
    if function is None:
        name_end = node.start + len(node.name)
        raise ExpressionError(
            "Call to unknown function",
            f'There is no function named "{node.name}".',
            did_you_mean(node.name, NAMES),
            node.start,
            name_end - node.start,
        )
    if not node.expand:
        _check_arity(node, function, len(node.arguments))
    closures = [build(argument) for argument in node.arguments]

    def run(scope: Scope) -> Value:
        arguments = [closure(scope) for closure in closures]
        if node.expand:
            return expanded(arguments, scope)
        return called(arguments, scope)

    def expanded(arguments: list[Value], scope: Scope) -> Value:
        last = arguments.pop()
        if type(last) is Unknown:
            return last
        if type(last) is Sensitive:
            return mark(expanded([*arguments, last.value], scope))
        if not isinstance(last, (list, tuple)):
            raise _failure(
                node.arguments[-1],
                scope,
                "Invalid expanding argument value",
                f"What stands before ... is a list, tuple or set, not {describe(last)}.",
            )
        _check_arity(node, function, len(arguments) + len(last))
        return called([*arguments, *last], scope)

    def called(arguments: list[Value], scope: Scope) -> Value:
        try:
            return function.call(arguments, scope)
        except Unsuitable as error:
            raise _refused(node, function, _discreet(error, arguments), scope) from None

    return run


def _discreet(error: Unsuitable, arguments: list[Value]) -> Unsuitable:
    """The error, without its words where they repeat four characters in a row of a sensitive argument."""
    said = error.detail + error.suggestion
    hidden = [leaf for item in arguments for leaf in leaves(_secret(item)) if isinstance(leaf, str) and leaf]
    if any(leaf[at : at + 4] in said for leaf in hidden for at in range(max(1, len(leaf) - 3))):
        return Unsuitable("it is sensitive, so what is wrong with it is not shown.", argument=error.argument)
    return error


def _secret(value: Value) -> Value:
    """The sensitive parts of a value."""
    if isinstance(value, Sensitive):
        return value.value
    if isinstance(value, dict):
        return [_secret(item) for item in value.values()]
    return [_secret(item) for item in value] if isinstance(value, (list, tuple)) else None


def _check_arity(node: Call, function: Function, given: int) -> None:
    if given < function.fewest or (function.most is not None and given > function.most):
        raise ExpressionError(
            "Error in function call",
            f'Call to function "{node.name}" failed: {node.name}() takes {function.arity}, got {given}.',
            f"It is called as {function.signature}.",
            node.start,
            node.end - node.start,
        )


def _refused(node: Call, function: Function, error: Unsuitable, scope: Scope) -> ExpressionError:
    index = error.argument
    if index is None:
        detail = f'Call to function "{node.name}" failed: {error.detail}'
        return _failure(node, scope, error.summary or "Error in function call", detail, error.suggestion)
    detail = f'Invalid value for "{function.parameter(index)}" in {function.signature}: {error.detail}'
    at = node.arguments[min(index, len(node.arguments) - 1)] if node.arguments else node
    return _failure(at, scope, "Invalid function argument", detail, error.suggestion)


def _try(node: Call) -> Closure:
    """The first argument that can be evaluated. The others are not looked at."""
    if not node.arguments:
        raise ExpressionError(
            "Error in function call", "try() takes at least one argument.", "", node.start, node.end - node.start
        )
    closures = [(isinstance(argument, (Name, Traversal)), build(argument)) for argument in node.arguments]

    def run(scope: Scope) -> Value:
        problems: list[str] = []
        for is_reference, closure in closures:
            try:
                value = closure(scope)
            except ExpressionError as error:
                problems.append(f"{error.summary}: {error.detail}")
                continue
            # What is computed from a value that is not known yet may still fail; what was only looked up may not.
            unknown = None if is_reference else _unknown_in(value)
            return unknown if unknown is not None else value
        raise _failure(
            node,
            scope,
            "Error in function call",
            'Call to function "try" failed: no expression succeeded: ' + "; ".join(problems),
        )

    return run


def _can(node: Call) -> Closure:
    if len(node.arguments) != 1:
        raise ExpressionError(
            "Error in function call", "can() takes one argument.", "", node.start, node.end - node.start
        )
    closure = build(node.arguments[0])

    def run(scope: Scope) -> Value:
        try:
            value = closure(scope)
        except ExpressionError:
            return False
        unknown = _unknown_in(value)
        return True if unknown is None else unknown

    return run


def _unknown_in(value: Value) -> Unknown | None:
    return None if is_wholly_known(value) else first_unknown(value)
