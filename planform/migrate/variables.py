"""The variables of a module: one for each thing that only a run of the program would have found out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from planform.core.schemas import Scalar, Type
from planform.migrate.objects import is_secret, object_name
from planform.migrate.values import MISSING, Unknown, Value, is_plain


class Variable(NamedTuple):
    """A variable block; `type` is empty when the fields that use it want different ones."""

    name: str
    unknown: Unknown
    type: str = ""

    @property
    def is_required(self) -> bool:
        return self.unknown.default is MISSING

    @property
    def is_secret(self) -> bool:
        return is_secret(self.unknown.env or self.name)


@dataclass(slots=True)
class Variables:
    """Collects variables while a module is written; the same unknown is the same variable."""

    found: dict[tuple[str, str, str], Variable] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)  # names of variables that the module has already

    def name(self, unknown: Unknown, kind: Type | None, usual: str = "value") -> str:
        """The name of the variable for an unknown that stands in a field of this type."""
        wanted = object_name(unknown.name or usual) or "value"
        key = (wanted, unknown.code, repr(unknown.default))
        known = self.found.get(key)
        kind_name = _type_of(kind, unknown.default)
        if known is None:
            name = unique(wanted, self.taken | {variable.name for variable in self.found.values()})
            self.found[key] = Variable(name, unknown, kind_name)
            return name
        if known.type != kind_name:
            self.found[key] = known._replace(type="")
        return known.name


def unique(name: str, taken: set[str]) -> str:
    """The name, or the name with the first number that makes it another one."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def _type_of(kind: Type | None, default: Value) -> str:
    """Terraform's name of a type, where the field or the default tells."""
    if isinstance(kind, Scalar) and kind.kind != "any":
        fits = default is MISSING or default is None or (is_plain(default) and _python(default) in (kind.kind, ""))
        return kind.kind if fits else ""
    return "" if default is MISSING or default is None else _python(default)


def _python(value: Value) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else ""
