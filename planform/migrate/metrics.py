"""Metric definitions of the SDK and of the API, with regular expressions as planform wants them."""

from __future__ import annotations

import re

from planform.migrate.drafts import Conversion, each
from planform.migrate.values import Made, Place, Value

_ESCAPED, _CLASS = r"\\.", r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_PARTS = re.compile(rf"(?P<kept>{_ESCAPED}|{_CLASS})|(?P<group>\((?!\?))", re.DOTALL)


def metrics(into: Conversion, place: Place, value: Value) -> Value:
    """[{"Name": n, "Regex": r}] or [MetricDefinition(name=n, regex=r)] as [{name, regex}]."""

    def one(item: Value) -> Value:
        form = item.args if isinstance(item, Made) else item
        if not isinstance(form, dict):
            return item
        named = {str(key).lower(): part for key, part in form.items()}
        regex = named.get("regex")
        if isinstance(regex, str) and (alone := one_group(regex)) != regex:
            into.note(
                place, f"metric {named.get('name')}", "its number is the first group; the others only group: (?:...)"
            )
            named["regex"] = alone
        return named

    return each(value, one)


def one_group(regex: str) -> str:
    """The expression with one group that captures, the first, as SageMaker takes it; one that refers back stays."""
    try:
        if re.compile(regex).groups < 2 or re.search(r"\\[1-9]|\(\?P[<=]", regex):
            return regex
    except re.error:
        return regex
    groups = 0

    def part(found: re.Match[str]) -> str:
        nonlocal groups
        if found["kept"]:
            return found["kept"]
        groups += 1
        return "(" if groups == 1 else "(?:"

    return _PARTS.sub(part, regex)
