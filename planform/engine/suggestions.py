"""What a plan can advise: a `moved` block where an object is taken away and an equal one made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from planform.core.addresses import Address
from planform.core.errors import Diagnostic
from planform.core.plan import Action, Change
from planform.core.schemas import Schema
from planform.core.values import Object, encode, is_wholly_known


def move_suggestions(changes: Iterable[Change], schemas: Mapping[str, Schema]) -> list[Diagnostic]:
    """A warning for each pair that looks like a rename: an object goes, one with the same arguments comes."""
    gone: dict[str, list[Change]] = {}
    made: dict[str, list[Change]] = {}
    for change in changes:
        if change.action is Action.DELETE and not change.address.deposed and change.before is not None:
            for key in {_arguments(change, change.before, schemas, named) for named in (False, True)}:
                gone.setdefault(key, []).append(change)
        elif change.action is Action.CREATE and change.after is not None:
            # A name that was made from the address is another after a rename.
            named = ("name",) not in change.origins
            made.setdefault(_arguments(change, change.after, schemas, named), []).append(change)
    return [
        _suggestion(gone[key][0].address, made[key][0])
        for key in gone
        if key and len(gone[key]) == 1 and len(made.get(key, ())) == 1
    ]


def _arguments(change: Change, item: Object, schemas: Mapping[str, Schema], named: bool) -> str:
    """The type and the arguments of an object as text; empty when they do not tell it from others."""
    schema = schemas.get(change.address.type)
    if schema is None:
        return ""
    settled = {
        name: value
        for name, value in (schema.normalise(item) if schema.normalise else item).items()
        if value is not None and name in schema.attributes and not schema.attributes[name].computed
    }
    if not named:
        settled.pop("name", None)
    if not settled or not is_wholly_known(settled):
        return ""
    try:
        kind = [change.provider, change.address.type, named and schema.named]
        return json.dumps([*kind, encode(settled)], sort_keys=True)
    except ValueError:  # a secret in clear, of which the recorded side has only a digest
        return ""


def _suggestion(old: Address, change: Change) -> Diagnostic:
    new = change.address
    entry = f"moved: [{{from: {_yaml(old)}, to: {_yaml(new)}}}]"
    return Diagnostic(
        f"{old} is destroyed and {new} is made with the same arguments.",
        "If it only has another address now, it need not be touched.",
        change.span,
        str(new),
        f"Add to the files: {entry}",
        severity="warning",
    )


def _yaml(address: Address) -> str:
    text = str(address)
    return f"'{text}'" if '"' in text else f'"{text}"' if "[" in text else text
