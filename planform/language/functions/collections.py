"""Lists, sets and maps."""

from __future__ import annotations

from itertools import product
from math import prod

from planform.core.errors import did_you_mean
from planform.core.values import Sensitive, Set, Unknown, Value, has_sensitive, mark, reveal, same, sort_key, type_name
from planform.language.errors import Unsuitable
from planform.language.functions.types import unify
from planform.language.operators import add, equal, to_bool, to_text, unmarked

STRUCTURAL = (
    "chunklist", "coalescelist", "concat", "element", "flatten", "keys", "length", "merge", "one", "reverse",
    "setproduct", "slice", "values", "zipmap",
)  # fmt: skip
RAW = ("alltrue", "anytrue", "coalesce", "contains", "lookup")
_MOST = 1024  # values that range makes
_MOST_ROWS = 1_000_000  # of setproduct


def length(value: Value) -> Value:
    if isinstance(value, (str, list, dict, Set)):
        return len(value)
    raise Unsuitable("it must be a string, a list, a set or a map.", argument=0)


def keys(map: dict[str, Value]) -> Value:
    return sorted(map)


def values(map: dict[str, Value]) -> Value:
    return [map[key] for key in sorted(map)]


def lookup(map: Value, key: Value, default: Value = ...) -> Value:
    if type(map) is Sensitive or type(key) is Sensitive:
        return mark(lookup(unmarked(map), unmarked(key), default))
    if type(map) is Unknown or type(key) is Unknown:
        return map if type(map) is Unknown else key
    if not isinstance(map, dict):
        raise Unsuitable(f"a map or object is required, not {type_name(map)}.", argument=0)
    name = to_text(key)
    if name in map:
        return map[name]
    if default is ...:
        raise Unsuitable(f'the given object has no attribute "{name}".', did_you_mean(name, map), argument=0)
    return default


def merge(*maps: Value) -> Value:
    merged: dict[str, Value] = {}
    for index, item in enumerate(maps):
        if item is None:
            continue
        if not isinstance(item, dict):
            raise Unsuitable(f"maps or objects are required, not {type_name(item)}.", argument=index)
        merged.update(item)
    return merged


def zipmap(keys: list[Value], values: list[Value]) -> Value:
    if len(keys) != len(values):
        raise Unsuitable(f"number of keys ({len(keys)}) does not match number of values ({len(values)}).")
    if any(type(key) is Sensitive for key in keys):
        return mark(zipmap([unmarked(key) for key in keys], values))
    unknown = next((key for key in keys if type(key) is Unknown), None)
    return dict(zip(map(to_text, keys), values, strict=True)) if unknown is None else unknown


def transpose(map: dict[str, Value]) -> Value:
    result: dict[str, list[str]] = {}
    for key in sorted(map):
        if not isinstance(map[key], (list, Set)):
            raise Unsuitable("a map of lists of strings is required.", argument=0)
        for item in map[key]:
            result.setdefault(to_text(item), []).append(key)
    return {key: result[key] for key in sorted(result)}


def element(list: list[Value], index: int) -> Value:
    if not list:
        raise Unsuitable("cannot use element function with an empty list.")
    if index < 0:
        raise Unsuitable(
            "the index must not be negative.", "For the last element write list[length(list) - 1].", argument=1
        )
    return list[index % len(list)]


def index(list: list[Value], value: Value) -> Value:
    for position, item in enumerate(list):
        if same(item, value):
            return position
    raise Unsuitable("item not found.")


def contains(list: Value, value: Value) -> Value:
    if has_sensitive(list) or has_sensitive(value):
        return mark(contains(reveal(list), reveal(value)))
    if type(list) is Unknown:
        return list
    if not isinstance(list, (list_type, Set)):
        raise Unsuitable(f"a list, set or tuple is required, not {type_name(list)}.", argument=0)
    verdicts = [equal(item, value) for item in list]
    if any(verdict is True for verdict in verdicts):
        return True
    return next((verdict for verdict in verdicts if type(verdict) is Unknown), False)


def alltrue(list: Value) -> Value:
    return _all_are(list, True)


def anytrue(list: Value) -> Value:
    verdict = _all_are(list, False)
    return (
        verdict
        if type(verdict) is Unknown or (type(verdict) is Sensitive and type(verdict.value) is Unknown)
        else _not(verdict)
    )


def _all_are(items: Value, wanted: bool) -> Value:
    """Whether all are `wanted`; null is false. One that is not decides, even beside unknown ones."""
    if has_sensitive(items):
        return mark(_all_are(reveal(items), wanted))
    if type(items) is Unknown:
        return items
    if not isinstance(items, (list_type, Set)):
        raise Unsuitable(f"a list of bool is required, not {type_name(items)}.", argument=0)
    unknown = next((item for item in items if type(item) is Unknown), None)
    if not all((item is not None and to_bool(item)) is wanted for item in items if type(item) is not Unknown):
        return False
    return True if unknown is None else unknown


def _not(verdict: Value) -> Value:
    return Sensitive(not verdict.value) if type(verdict) is Sensitive else not verdict


def coalesce(*values: Value) -> Value:
    as_text = any(type(unmarked(value)) is str for value in values)
    sensitive = False
    for value in values:
        sensitive, bare = sensitive or type(value) is Sensitive, unmarked(value)
        if bare is None or (type(bare) is str and not bare):
            continue
        if as_text and isinstance(bare, (bool, int, float)):
            bare = to_text(bare)
        return mark(bare) if sensitive else bare
    raise Unsuitable("all arguments are null or empty strings.", "End with a value that is always there.")


def coalescelist(list: list[Value], *lists: list[Value]) -> Value:
    for candidate in (list, *lists):
        if candidate:
            return candidate
    raise Unsuitable("all arguments are empty.", "End with a list that always has an element.")


def compact(list: list[Value]) -> Value:
    return [text for text in (to_text(item) for item in list if item is not None) if text]


def concat(*lists: list[Value]) -> Value:
    return [item for part in lists for item in part]


def flatten(list: list[Value]) -> Value:
    # Of an element that is not known yet nobody can say whether it is a list.
    unknown = next((item for item in list if type(unmarked(item)) is Unknown), None)
    if unknown is not None:
        return unknown
    flat: list_type[Value] = []
    for item in list:
        bare = unmarked(item)
        if not isinstance(bare, (list_type, Set)):
            flat.append(item)
            continue
        inner = flatten([*bare])
        if type(item) is Sensitive:
            return mark(flatten(reveal(list)))
        if type(unmarked(inner)) is not list_type:
            return inner
        flat.extend(inner)
    return flat


def chunklist(list: list[Value], size: int) -> Value:
    if size < 0:
        raise Unsuitable("the size must not be negative.", argument=1)
    step = size or max(len(list), 1)
    return [list[start : start + step] for start in range(0, len(list), step)]


def slice_(list: list[Value], start: int, end: int) -> Value:
    if not 0 <= start <= end <= len(list):
        raise Unsuitable(
            f"it goes from {start} to {end}, but the list has {len(list)} elements; start and end count from 0."
        )
    return list[start:end]


def reverse(list: list[Value]) -> Value:
    return list[::-1]


def one(list: list[Value]) -> Value:
    if len(list) > 1:
        raise Unsuitable(
            f"a list, set or tuple with one element or none is required; this has {len(list)}.", argument=0
        )
    return list[0] if list else None


def distinct(list: list[Value]) -> Value:
    first: dict[tuple[int, Value], Value] = {}
    for item in unify(list):
        first.setdefault(sort_key(item), item)
    return [*first.values()]


def matchkeys(values: list[Value], keys: list[Value], search: list[Value]) -> Value:
    if len(values) != len(keys):
        raise Unsuitable(f"values and keys must have the same length; they have {len(values)} and {len(keys)}.")
    return [value for value, key in zip(values, keys, strict=True) if any(same(key, item) for item in search)]


def range_(start: float, limit: float | None = None, step: float | None = None) -> Value:
    if limit is None:
        start, limit = 0, start
    if step is None:
        step = 1 if limit >= start else -1
    if step == 0 or (step > 0) != (limit >= start):
        raise Unsuitable(f"from {start} in steps of {step} one never comes to {limit}.", argument=2)
    result: list[Value] = []
    while start < limit if step > 0 else start > limit:
        if len(result) == _MOST:
            raise Unsuitable(
                f"more than {_MOST} values were generated.", "Bring start and end nearer, or take a larger step."
            )
        result.append(start)
        start = add(start, step)
    return result


def setintersection(first_set: list[Value], *sets: list[Value]) -> Value:
    first, *rest = _sets(first_set, *sets)
    return Set(item for item in first if all(any(same(item, other) for other in others) for others in rest))


def setsubtract(a: list[Value], b: list[Value]) -> Value:
    a, b = _sets(a, b)
    return Set(item for item in a if not any(same(item, other) for other in b))


def setunion(first_set: list[Value], *sets: list[Value]) -> Value:
    return Set(item for items in _sets(first_set, *sets) for item in items)


def _sets(*sets: list[Value]) -> list[list[Value]]:
    """The sets with elements of one type."""
    unified = iter(unify(item for items in sets for item in items))
    return [[next(unified) for _ in items] for items in sets]


def setproduct(first_set: Value, second_set: Value, *sets: Value) -> Value:
    factors = (first_set, second_set, *sets)
    for position, factor in enumerate(factors):
        if not isinstance(factor, (list, Set)):
            raise Unsuitable(f"a list, set or tuple is required, not {type_name(factor)}.", argument=position)
    if prod(map(len, factors)) > _MOST_ROWS:
        raise Unsuitable(f"more than {_MOST_ROWS:,} combinations would be made.", "Combine fewer or shorter lists.")
    rows = [list(row) for row in product(*factors)]
    return Set(rows) if all(isinstance(factor, Set) for factor in factors) else rows


def sort(list: list[str]) -> Value:
    return sorted(list)


def sum_(list: list[float]) -> Value:
    if not list:
        raise Unsuitable(
            "cannot sum an empty list.", "Write sum(concat([0], ...)) where the list may be empty.", argument=0
        )
    total: Value = 0
    for number in list:
        total = add(total, number)
    return total


list_type = list  # the name `list` is a parameter in most functions here
