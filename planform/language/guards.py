"""What guards plans, as the planform block of the root module says it: limits, prices and policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import NamedTuple

from planform.core.configuration import FileSetting
from planform.core.errors import Problems
from planform.core.guards import LIMITS, Bound
from planform.core.schemas import NUMBER, STRING, Attribute, Misfit, Nested, attributes, convert_body, list_of
from planform.core.values import Object, Value, has_sensitive, is_wholly_known
from planform.language.blocks import Settings, misfit_summary
from planform.language.documents import locate
from planform.language.text import diagnostic_at

SETTINGS = attributes(
    limits=Attribute(Nested({name: Attribute(NUMBER, minimum=0) for name in LIMITS})),
    prices=Attribute(STRING),
    policies=Attribute(list_of(STRING)),
)


class Guards(NamedTuple):
    limits: tuple[Bound, ...] = ()
    prices: FileSetting | None = None
    policies: tuple[FileSetting, ...] = ()


def guards_of(planform: Settings | None, setting: Callable[[str], Value], problems: Problems) -> Guards:
    """The guards of a planform block; `setting` evaluates one of its attributes."""
    if planform is None:
        return Guards()
    place, values = planform.place, _checked(planform, setting, problems)

    def file(path: str, *inner: str | int) -> FileSetting:
        return FileSetting(path, place.source, locate(place.source, (*place.path, *inner)))

    limits = values.get("limits", {})
    return Guards(
        tuple(
            Bound(name, limits[name], locate(place.source, (*place.path, "limits", name)))
            for name in LIMITS
            if limits.get(name) is not None
        ),
        file(values["prices"], "prices") if "prices" in values else None,
        tuple(file(path, "policies", index) for index, path in enumerate(values.get("policies", ()))),
    )


def _checked(planform: Settings, setting: Callable[[str], Value], problems: Problems) -> Object:
    """The values of the settings; what does not fit is reported and left out."""
    result: Object = {}
    for name, attribute in SETTINGS.items():
        value = setting(name)
        if value is None or not is_wholly_known(value):  # reported, where it is unknown
            continue
        misfits: list[Misfit] = []
        if has_sensitive(value):
            misfits.append(Misfit((name,), f"{name} may not be sensitive.", "Plans print it.", "Use nonsensitive()."))
        else:
            fitting = convert_body({name: value}, {name: attribute}, (), misfits)
            misfits += _endless(value, name)
            result |= {} if misfits else fitting
        for misfit in misfits:
            span = locate(planform.place.source, (*planform.place.path, *misfit.path))
            detail = f"{misfit.summary} {misfit.detail}".rstrip()
            problems.add(diagnostic_at(planform.place.source, span, misfit_summary(misfit), detail, misfit.suggestion))
    return result


def _endless(value: Value, name: str) -> Iterator[Misfit]:
    for key, item in value.items() if isinstance(value, dict) else ():
        if isinstance(item, float) and not isfinite(item):
            yield Misfit((name, key), "A limit is a number that ends.", suggestion="Leave it out to set no limit.")
