"""Conversions between types, and the sensitive mark."""

from __future__ import annotations

from collections.abc import Iterable

from planform.core.values import (
    Sensitive,
    Set,
    Unknown,
    Value,
    first_unknown,
    has_sensitive,
    is_wholly_known,
    mark,
    reveal,
    type_name,
)
from planform.language.errors import Unsuitable
from planform.language.operators import to_bool, to_number, to_text

STRUCTURAL = ("tobool", "tolist", "tomap", "tonumber", "toset", "tostring")
RAW = ("issensitive", "nonsensitive", "sensitive")


def sensitive(value: Value) -> Value:
    return mark(value)


def nonsensitive(value: Value) -> Value:
    return value.value if type(value) is Sensitive else value


def issensitive(value: Value) -> Value:
    return value if type(value) is Unknown else type(value) is Sensitive


def tostring(value: Value) -> Value:
    return None if value is None else to_text(value)


def tonumber(value: Value) -> Value:
    return None if value is None else to_number(value)


def tobool(value: Value) -> Value:
    try:
        return None if value is None else to_bool(value)
    except Unsuitable as error:
        raise Unsuitable(error.detail, 'Only true, false, "true" and "false" are allowed.', argument=0) from None


def tolist(value: Value) -> Value:
    return None if value is None else unify(_items(value))


def toset(value: Value) -> Value:
    if value is None:
        return None
    items = _items(value)
    if has_sensitive(items):
        return mark(toset(reveal(items)))
    return Set(unify(items)) if is_wholly_known(items) else first_unknown(items)


def tomap(value: Value) -> Value:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Unsuitable(f"a map or object is required, not {type_name(value)}.", argument=0)
    return dict(zip(value, unify(value.values()), strict=True))


def _items(value: Value) -> list[Value]:
    if isinstance(value, (list, Set)):
        return list(value)
    raise Unsuitable(f"a list, set or tuple is required, not {type_name(value)}.", argument=0)


def unify(values: Iterable[Value]) -> list[Value]:
    """The values in one type, as a list has: next to strings, numbers and booleans become strings."""
    items = list(values)
    kinds = {type_name(item) for item in items} - {"null", "unknown value"}
    if len(kinds) <= 1:
        return items
    if "string" not in kinds or not kinds <= {"string", "number", "bool"}:
        raise Unsuitable(
            f"elements of one type are required; these are {' and '.join(sorted(kinds))}.",
            "Convert the elements first.",
        )
    return [_as_text(item) for item in items]


def _as_text(value: Value) -> Value:
    if type(value) is Sensitive:
        return Sensitive(_as_text(value.value))
    return value if value is None or type(value) is Unknown else to_text(value)
