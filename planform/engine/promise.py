"""The plan's word (S2.8): what comes back must agree with every leaf the plan knew."""

from __future__ import annotations

from collections.abc import Iterator

from planform.core.schemas import Schema
from planform.core.values import AttributePath, Object, Sealed, Sensitive, Unknown, Value, reveal, same


def broken(planned: Object, actual: Object, schema: Schema) -> list[tuple[AttributePath, Value, Value]]:
    """The leaves on which an object breaks the promise of its plan: (path, planned, actual)."""
    left = schema.normalise(planned) if schema.normalise else planned
    right = schema.normalise(actual) if schema.normalise else actual
    return list(disagreements(left, right))


def disagreements(
    planned: Value, actual: Value, path: AttributePath = ()
) -> Iterator[tuple[AttributePath, Value, Value]]:
    """Where a value differs from what was known of it. Unknown and sealed leaves promise nothing to check here."""
    if planned is actual or isinstance(planned, (Unknown, Sealed)):
        return
    planned, actual = _open(planned), _open(actual)
    if isinstance(planned, (Unknown, Sealed)):
        return
    if isinstance(planned, dict) and isinstance(actual, dict):
        for key, value in planned.items():
            yield from disagreements(value, actual.get(key), (*path, key))
    elif isinstance(planned, list) and isinstance(actual, list) and len(planned) == len(actual):
        for index, (left, right) in enumerate(zip(planned, actual, strict=True)):
            yield from disagreements(left, right, (*path, index))
    elif not same(planned, actual):
        yield path, planned, actual


def _open(value: Value) -> Value:
    return reveal(value) if isinstance(value, Sensitive) else value
