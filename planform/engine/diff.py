"""What differs between two objects. Both sides are normalised by their schema before (S2.3)."""

from __future__ import annotations

from collections.abc import Sequence

from planform.core.schemas import Schema
from planform.core.secrets import Seal, sealed
from planform.core.values import Object, same


def comparable(item: Object, schema: Schema, seal: Seal) -> Object:
    """The form in which an object is compared: sensitive leaves sealed, then the schema's normal form."""
    plain = sealed(item, seal)
    return schema.normalise(plain) if schema.normalise is not None else plain


def changed_attributes(before: Object, after: Object, schema: Schema) -> list[str]:
    """The configurable attributes whose values differ; both sides comparable."""
    return [
        name
        for name, attribute in schema.attributes.items()
        if not attribute.computed
        and (name in after or (name in before and not attribute.optional_computed))
        and not same(before.get(name), after.get(name))
    ]


def ignoring(desired: Object, prior: Object, patterns: Sequence[str], schema: Schema) -> Object:
    """What is desired, with the ignored parts as they are: `all`, attributes, or paths into them such as `tags.env`."""
    if "all" in patterns:
        settable = {name for name, attribute in schema.attributes.items() if not attribute.computed}
        return {name: value for name, value in prior.items() if name in settable}
    for pattern in patterns:
        desired = _with_part(desired, prior, pattern.split("."))
    return desired


def _with_part(desired: Object, prior: Object, path: Sequence[str]) -> Object:
    name, *rest = path
    left, right = desired.get(name), prior.get(name)
    if rest and isinstance(left, dict) and isinstance(right, dict):
        return {**desired, name: _with_part(left, right, rest)}
    if not rest and name in prior:
        return {**desired, name: right}
    return {key: value for key, value in desired.items() if key != name} if not rest else desired
