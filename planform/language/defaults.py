"""The `defaults` block: fields that resources of one type have when they do not say otherwise (S1.8)."""

from __future__ import annotations

from planform.core.configuration import Body, Place
from planform.core.values import Object
from planform.language.documents import Expr


def at_place(body: Body, place: Place) -> Body:
    """The body with the place of each expression in it, which will be part of other blocks."""
    if isinstance(body, Expr):
        return Expr(body.expression, body.line, body.column, place)
    if isinstance(body, dict):
        return {key: at_place(item, place._replace(path=(*place.path, key))) for key, item in body.items()}
    if isinstance(body, list):
        return [at_place(item, place._replace(path=(*place.path, index))) for index, item in enumerate(body)]
    return body


def filled(body: Object, defaults: Object) -> Object:
    """The body with its absent fields filled; mappings merge by key, anything else is replaced."""
    result = {**defaults, **body}
    for key, item in body.items():
        default = defaults.get(key)
        if isinstance(item, dict) and isinstance(default, dict):
            result[key] = filled(item, default)
    return result
