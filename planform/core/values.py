"""Values as expressions compute them and as states record them: JSON values plus unknown, sensitive and sealed.

A value is None, bool, int, float, str, list, dict with str keys, Set, Unknown, Sensitive or Sealed.
Lists and dicts are never changed after they are built.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

Value: TypeAlias = Any
Object: TypeAlias = dict[str, Any]
AttributePath: TypeAlias = tuple[str | int, ...]


class Unknown:
    """A value that only apply can know (S1.3). `origin` says whose it is: `job_queue.main.arn`."""

    __slots__ = ("origin",)

    def __init__(self, origin: str = "") -> None:
        self.origin = origin

    def __repr__(self) -> str:
        return f"Unknown({self.origin!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown)

    def __hash__(self) -> int:
        return hash(Unknown)

    def __bool__(self) -> bool:
        raise TypeError("an unknown value has no truth")


UNKNOWN = Unknown()


class Sensitive:
    """A value never shown or written in clear (S6.1). It may hold an Unknown, and never another Sensitive."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value: Value = value.value if isinstance(value, Sensitive) else value

    def __repr__(self) -> str:
        return "Sensitive(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sensitive) and same(self.value, other.value)

    def __hash__(self) -> int:
        return hash(Sensitive)


class Sealed:
    """What a state or plan stores of a sensitive leaf: a keyed digest, good for "did it change" only (S6.1)."""

    __slots__ = ("digest",)

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def __repr__(self) -> str:
        return f"Sealed({self.digest[:8]})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


class Set(tuple[Any, ...]):
    """An unordered collection of distinct values, kept in one order so that equal sets are equal tuples."""

    __slots__ = ()

    def __new__(cls, items: Iterable[Value] = ()) -> Set:
        distinct = {sort_key(item): item for item in items}
        return super().__new__(cls, (distinct[key] for key in sorted(distinct)))

    def __repr__(self) -> str:
        return f"Set({list(self)!r})"


def sort_key(value: Value) -> tuple[int, Any]:
    """Order values of mixed types: null, booleans, numbers, strings, then the rest by their JSON text."""
    match value:
        case None:
            return (0, 0)
        case bool():
            return (1, value)
        case int() | float():
            return (2, value)
        case str():
            return (3, value)
        case _:
            return (4, json.dumps(encode(value), sort_keys=True))


def same(left: Value, right: Value) -> bool:
    """Equality of values: 1 equals 1.0, but True is not 1 and a list is not a set."""
    if left is right:
        return True
    if type(left) is str or type(right) is str:
        return type(left) is type(right) and bool(left == right)
    if isinstance(left, bool) or isinstance(right, bool):
        return isinstance(left, bool) and isinstance(right, bool) and left == right
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and len(left) == len(right)
            and all(key in right and same(item, right[key]) for key, item in left.items())
        )
    if isinstance(left, (list, Set)):
        return (
            isinstance(right, (list, Set))
            and isinstance(left, Set) is isinstance(right, Set)
            and len(left) == len(right)
            and all(map(same, left, right))
        )
    # Not a number is no value that changed, though it differs from itself.
    return bool(left == right) or (
        isinstance(left, float) and isinstance(right, float) and left != left and right != right
    )


def is_wholly_known(value: Value) -> bool:
    """Whether no Unknown stands anywhere inside."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return True
    if kind is dict:
        return all(is_wholly_known(item) for item in value.values())
    if isinstance(value, dict):
        return all(is_wholly_known(item) for item in value.values())
    if isinstance(value, (list, Set)):
        return all(is_wholly_known(item) for item in value)
    if isinstance(value, Sensitive):
        return is_wholly_known(value.value)
    return not isinstance(value, Unknown)


def has_sensitive(value: Value) -> bool:
    """Whether a Sensitive or Sealed stands anywhere inside."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return False
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, Set)):
        for item in value:  # noqa: SIM110  (any() costs twice as much, and this is asked of every value)
            if has_sensitive(item):
                return True
        return False
    return isinstance(value, (Sensitive, Sealed))


def reveal(value: Value) -> Value:
    """The value with every Sensitive mark taken off, at any depth. For edges that need the secret itself."""
    if isinstance(value, Sensitive):
        return reveal(value.value)
    if not has_sensitive(value):
        return value
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, Set):
        return Set(map(reveal, value))
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def mark(value: Value) -> Sensitive:
    """The whole value as one secret; marks inside it are taken up."""
    return Sensitive(reveal(value))


def first_unknown(value: Value) -> Unknown | None:
    """The first Unknown inside, for a message that names its origin."""
    for leaf in leaves(value):
        if isinstance(leaf, Unknown):
            return leaf
    return None


def sensitive_path(value: Value, path: AttributePath = ()) -> AttributePath | None:
    """Where the first Sensitive stands, or None."""
    if isinstance(value, Sensitive):
        return path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, Set)) else ()
    found = (sensitive_path(item, (*path, key)) for key, item in items)
    return next((item for item in found if item is not None), None)


def leaves(value: Value) -> Iterator[Value]:
    """Every scalar, Unknown and Sealed inside; Sensitive marks are looked through."""
    if isinstance(value, Sensitive):
        yield from leaves(value.value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, (list, Set)):
        for item in value:
            yield from leaves(item)
    else:
        yield value


# JSON form. An object whose only key begins with "$" is one of these marks; a user's own such object is escaped.
_UNKNOWN, _SEALED, _SET, _ESCAPE = "$unknown", "$sealed", "$set", "$object"


def encode(value: Value) -> Any:
    """The JSON form of a value, for states and plans. A Sensitive must have been sealed before.

    Raises:
        ValueError: a Sensitive with a known value stands inside.
    """
    kind = type(value)
    if kind is str or kind is int or kind is bool or kind is float or value is None:
        return value
    if isinstance(value, dict):
        encoded = {key: encode(item) for key, item in value.items()}
        if len(encoded) == 1 and next(iter(encoded)).startswith("$"):
            return {_ESCAPE: encoded}
        return encoded
    if isinstance(value, Set):
        return {_SET: [encode(item) for item in value]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, Unknown):
        return {_UNKNOWN: value.origin}
    if isinstance(value, Sealed):
        return {_SEALED: value.digest}
    if isinstance(value, Sensitive) and isinstance(value.value, Unknown):
        return {_UNKNOWN: value.value.origin}
    raise ValueError(f"{kind.__name__} cannot be written in clear")


def decode(value: Any) -> Value:
    """The value of a JSON form made by `encode`."""
    if isinstance(value, dict):
        if len(value) == 1:
            ((key, item),) = value.items()
            if key.startswith("$"):
                match key:
                    case "$unknown":
                        return Unknown(item)
                    case "$sealed":
                        return Sealed(item)
                    case "$set":
                        return Set(map(decode, item))
                    case "$object":
                        return {name: decode(inner) for name, inner in item.items()}
        return {key: decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def type_name(value: Value) -> str:
    """What messages call a value's type, in Terraform's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case Set():
            return "set"
        case list():
            return "list"
        case dict():
            return "object"
        case Sensitive():
            return type_name(value.value)
        case _:
            return "unknown value" if isinstance(value, Unknown) else "sealed value"


def value_at(value: Value, path: AttributePath) -> Value:
    """What stands at a path of names, without marks of secrecy; None where nothing does."""
    for part in path:
        value = value.value if isinstance(value, Sensitive) else value
        value = value.get(part) if isinstance(value, dict) else None
    return value.value if isinstance(value, Sensitive) else value


def with_value(body: Object, path: AttributePath, value: Value) -> Object:
    """An object with one value put in at a path of names; what is on the way and no object becomes one."""
    name = str(path[0])
    if len(path) == 1:
        return {**body, name: value}
    inner = body.get(name)
    inner = inner.value if isinstance(inner, Sensitive) else inner
    return {**body, name: with_value(inner if isinstance(inner, dict) else {}, path[1:], value)}
