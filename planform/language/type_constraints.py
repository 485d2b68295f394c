"""Type constraints of variables: `list(string)`, `object({a = number, b = optional(string, "x")})`."""

from __future__ import annotations

from functools import lru_cache
from typing import NoReturn

from planform.core.errors import did_you_mean
from planform.core.schemas import Collection, Field, Misfit, ObjectType, Scalar, TupleType, Type, convert
from planform.core.values import Value
from planform.language.errors import ExpressionError
from planform.language.parser import Parser
from planform.language.syntax import Call, Literal, Name, Node, Object, Tuple, Unary

_WORDS = ("string", "number", "bool", "any")
_CALLS = ("list", "set", "map", "tuple", "object")
_EXAMPLES = {"list": "list(string)", "set": "set(string)", "map": "map(string)", "tuple": "tuple([string, number])"}
_EXAMPLES["object"] = "object({name = string, size = optional(number, 1)})"


@lru_cache(maxsize=1024)
def parse_type(text: str) -> Type:
    """The type that a constraint names. Raises ExpressionError."""
    return _type(Parser(text).whole())


def _type(node: Node) -> Type:
    match node:
        case Name(name="string" | "number" | "bool" | "any" as kind):
            return Scalar(kind)
        case Name(name="list" | "set" | "map" | "tuple" | "object" as kind):
            _refuse(node, f'The type "{kind}" says what is inside.', f"Write {_EXAMPLES[kind]}.")
        case Call(name="list" | "set" | "map" as kind, arguments=(element,)):
            return Collection(kind, _type(element))
        case Call(name="tuple", arguments=(Tuple(items=items),)):
            return TupleType(tuple(map(_type, items)))
        case Call(name="object", arguments=(Object(items=items),)):
            return ObjectType(dict(_field(key, value) for key, value in items))
        case Call(name="optional"):
            _refuse(node, "optional(...) stands only for an attribute of an object type.")
        case Call(name=name) if name in _CALLS:
            _refuse(node, f"{name}(...) does not take these arguments.", f"Write {_EXAMPLES[name]}.")
        case Call(name=name) | Name(name=name) | Literal(value=str(name)):
            quoted = isinstance(node, Literal) and name in (*_WORDS, *_CALLS)
            suggestion = "Take away the quotes." if quoted else did_you_mean(name, (*_WORDS, *_CALLS))
            _refuse(node, f'"{name}" is not a type.', suggestion)
    _refuse(
        node,
        "This is not a type.",
        f"Types are {', '.join(_WORDS)} and {', '.join(f'{name}(...)' for name in _CALLS)}.",
    )


def _field(key: Node, value: Node) -> tuple[str, Field]:
    if not (isinstance(key, Literal) and isinstance(key.value, str)):
        _refuse(key, "The name of an attribute is a plain word.")
    match value:
        case Call(name="optional", arguments=(kind,)):
            return key.value, Field(_type(kind), optional=True)
        case Call(name="optional", arguments=(kind, default)):
            wanted = _type(kind)
            return key.value, Field(wanted, optional=True, default=_default(default, wanted))
        case Call(name="optional"):
            _refuse(
                value,
                "optional(...) takes a type, and perhaps a default.",
                'Write optional(string) or optional(string, "x").',
            )
        case _:
            return key.value, Field(_type(value))


def _default(node: Node, wanted: Type) -> Value:
    misfits: list[Misfit] = []
    value = convert(_constant(node), wanted, (), misfits)
    if misfits:
        _refuse(node, f"This default does not fit its type: {misfits[0].summary}", misfits[0].suggestion)
    return value


def _constant(node: Node) -> Value:
    match node:
        case Literal(value=value):
            return value
        case Unary(operator="-", operand=Literal(value=int() | float() as number)):
            return -number
        case Tuple(items=items):
            return [_constant(item) for item in items]
        case Object(items=items):
            return {str(_constant(key)): _constant(value) for key, value in items}
    _refuse(node, "The default of an optional attribute is a plain value.", "Write the value itself.")


def _refuse(node: Node, detail: str, suggestion: str = "") -> NoReturn:
    raise ExpressionError("Invalid type specification", detail, suggestion, node.start, node.end - node.start)
