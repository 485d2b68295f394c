"""What operators, indexes and conversions do to values, as in HCL: exact decimals; unknown and sensitive spread."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from decimal import Context, Decimal
from typing import Any

from planform.core.errors import did_you_mean
from planform.core.schemas import number_text, parse_number
from planform.core.values import (
    Sensitive,
    Set,
    Unknown,
    Value,
    has_sensitive,
    is_wholly_known,
    mark,
    reveal,
    same,
    type_name,
)
from planform.language.environment import Namespace, is_namespace
from planform.language.errors import Unsuitable

_EXACT = Context(prec=60, Emax=99999, Emin=-99999)
_LARGEST = 1000  # digits of a whole number
PLAIN = frozenset((type(None), bool, int, float, str, list, dict, Set))  # values that are neither marked nor lazy


# Numbers


def number(text: str) -> int | float:
    """The value of a number literal."""
    return int(text) if text.isdigit() else tidy(Decimal(text))


def tidy(value: Decimal | float) -> int | float:
    """Whole numbers as int, so that 10/5 is 2 and indexes anything."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if value.adjusted() > _LARGEST:
        raise Unsuitable(f"the number has more than {_LARGEST} digits")
    return int(value) if value == value.to_integral_value() else float(value)


def exact(value: float) -> Decimal:
    return Decimal(value) if isinstance(value, int) else Decimal(repr(value))


def _arithmetic(name: str, whole: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    decimal = getattr(_EXACT, name)
    binary = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv}.get(
        name
    )

    def operate(left: Value, right: Value) -> Value:
        left, right = to_number(left), to_number(right)
        if name in ("divide", "remainder") and right == 0:
            raise Unsuitable("The divisor is zero.", summary="Division by zero")
        if type(left) is int and type(right) is int and name != "divide":
            return whole(left, right)
        result = tidy(decimal(exact(left), exact(right)))
        if binary is not None and isinstance(result, float):
            # 1/3*3 is 1: of the decimal and the binary result the shorter is the one that was meant.
            result = min(result, tidy(binary(left, right)), key=lambda number: len(repr(number)))
        return result

    return operate


def _remainder(left: int, right: int) -> int:
    """The sign is the dividend's, as in Go; Python's is the divisor's."""
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], Value]:
    return lambda left, right: compare(to_number(left), to_number(right))


add = _arithmetic("add", operator.add)
BINARY: dict[str, Callable[[Value, Value], Value]] = {
    "+": add,
    "-": _arithmetic("subtract", operator.sub),
    "*": _arithmetic("multiply", operator.mul),
    "/": _arithmetic("divide", operator.floordiv),
    "%": _arithmetic("remainder", _remainder),
    "<": _comparison(operator.lt),
    ">": _comparison(operator.gt),
    "<=": _comparison(operator.le),
    ">=": _comparison(operator.ge),
}


# Conversions


def to_number(value: Value) -> int | float:
    if type(value) is int or type(value) is float:
        return value
    if type(value) is str:
        parsed = parse_number(value)
        if parsed is not None:
            return parsed
        raise Unsuitable("a number is required: this string does not spell one.")
    raise _required("number", value)


def to_bool(value: Value) -> bool:
    if type(value) is bool:
        return value
    if value == "true" or value == "false":
        return bool(value == "true")
    raise _required("bool", value)


def to_text(value: Value) -> str:
    """The text of a scalar: numbers without a trailing `.0`, booleans as true and false."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int or type(value) is float:
        return number_text(value)
    raise _required("string", value)


def _required(wanted: str, value: Value) -> Unsuitable:
    if value is None:
        return Unsuitable("it must not be null.")
    found = type_name(value)
    return Unsuitable(f"{wanted} required, but this is {'an' if found[0] in 'aeiou' else 'a'} {found}.")


# Marks


def lift(operate: Callable[..., Value], *operands: Value) -> Value:
    """The result of an operation on whole scalars: sensitive or unknown as soon as an operand is."""
    for operand in operands:
        if type(operand) is Sensitive:
            return mark(lift(operate, *map(unmarked, operands)))
    for operand in operands:
        if type(operand) is Unknown:
            return operand
    return operate(*operands)


def unmarked(value: Value) -> Value:
    return value.value if type(value) is Sensitive else value


def equal(left: Value, right: Value) -> Value:
    """`==`: true or false as soon as that is certain, though parts are unknown."""
    if has_sensitive(left) or has_sensitive(right):
        return mark(equal(reveal(left), reveal(right)))
    if is_wholly_known(left) and is_wholly_known(right):
        return same(left, right)
    if type(left) is Unknown or type(right) is Unknown:
        return left if type(left) is Unknown else right
    if type(left) is not type(right) or len(left) != len(right):
        return False
    if type(left) is dict:
        if left.keys() != right.keys():
            return False
        left, right = left.values(), [right[key] for key in left]
    verdicts = [equal(*pair) for pair in zip(left, right, strict=True)]
    if any(verdict is False for verdict in verdicts):
        return False
    return next(verdict for verdict in verdicts if type(verdict) is Unknown)


def negate(value: Value) -> Value:
    return not to_bool(value)


def minus(value: Value) -> Value:
    return -to_number(value)


# Access


def settle(value: Value | Namespace) -> Value:
    """A value that no longer waits: a namespace becomes the object of its attributes."""
    if type(value) in PLAIN or isinstance(value, (Unknown, Sensitive)) or not is_namespace(value):
        return value
    return {name: settle(value.attribute(name)) for name in sorted(value.names())}


def get(value: Value | Namespace, key: Value, dotted: bool) -> Value | Namespace:
    """`value.key` or `value[key]`."""
    if type(value) is Sensitive:
        return mark(settle(get(value.value, key, dotted)))
    if type(key) is Sensitive:
        return mark(settle(get(value, key.value, dotted)))
    if type(value) is Unknown:
        return value
    if type(key) is Unknown:
        return key
    if value is None:
        raise Unsuitable(
            "This value is null, so it has nothing inside.", summary=f"Attempt to {_access(dotted)} null value"
        )
    if type(value) is dict:
        return _member(value, key, dotted)
    if type(value) is list:
        return _element(value, key, dotted)
    if isinstance(value, Set):
        raise Unsuitable(
            "Elements of a set have no key or index, only their value.",
            "Use tolist(...) first, or a for expression over the set.",
            _invalid(dotted),
        )
    if is_namespace(value):
        name = to_text(key)
        try:
            return value.attribute(name)
        except KeyError:
            raise _absent(name, value.names(), dotted) from None
    raise Unsuitable(
        f"Can't access {'attributes' if dotted else 'elements'} on a primitive-typed value ({type_name(value)}).",
        summary=_invalid(dotted),
    )


def _member(value: dict[str, Value], key: Value, dotted: bool) -> Value:
    if type(key) is not str:
        try:
            key = to_text(key)
        except Unsuitable as error:
            raise Unsuitable(f"The key of an object is a string: {error.detail}", summary="Invalid index") from None
    if key not in value:
        raise _absent(key, value, dotted)
    return value[key]


def _element(value: list[Value], key: Value, dotted: bool) -> Value:
    if dotted:
        raise Unsuitable(
            f'This is a list, and a list has no attribute "{key}".',
            f"Write [0].{key} for one element, or [*].{key} for all of them.",
            "Unsupported attribute",
        )
    try:
        index = to_number(key)
    except Unsuitable as error:
        raise Unsuitable(f"The index of a list is a number: {error.detail}", summary="Invalid index") from None
    if type(index) is not int or not 0 <= index < len(value):
        there = (
            f"It has {len(value)} element{'s' * (len(value) != 1)}, counted from 0." if value else "It has no elements."
        )
        raise Unsuitable(f"There is no element {number_text(index)} in this list.", there, "Invalid index")
    return value[index]


def _absent(name: str, known: Iterable[str], dotted: bool) -> Unsuitable:
    what = (
        f'This object does not have an attribute named "{name}".'
        if dotted
        else f'There is no element with the key "{name}".'
    )
    return Unsuitable(what, did_you_mean(name, list(known)), _invalid(dotted))


def _invalid(dotted: bool) -> str:
    return "Unsupported attribute" if dotted else "Invalid index"


def _access(dotted: bool) -> str:
    return "get attribute from" if dotted else "index"


def elements(value: Value) -> list[tuple[Value, Value]]:
    """Keys and values that a `for` goes through; objects in the order of their keys."""
    if type(value) is dict:
        return sorted(value.items())
    if type(value) is list:
        return list(enumerate(value))
    if isinstance(value, Set):
        return [(item, item) for item in value]
    if value is None:
        raise Unsuitable("A null value has no elements.", summary="Iteration over null value")
    raise Unsuitable(
        f"A value of type {type_name(value)} has no elements.", summary="Iteration over non-iterable value"
    )
