"""What stands between a plan and its apply: limits that the files set, and what policies say of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from planform.core.errors import Span

LimitName: TypeAlias = Literal["max_new_runs", "max_instance_hours", "max_cost_usd", "max_destroy"]
LIMITS: tuple[LimitName, ...] = ("max_new_runs", "max_instance_hours", "max_cost_usd", "max_destroy")


class Prices(NamedTuple):
    """US dollars for an hour of an instance: region, or `local` for this machine -> type -> price."""

    file: str
    as_of: str  # a date, YYYY-MM-DD
    on_demand: Mapping[str, Mapping[str, float]]
    spot: Mapping[str, Mapping[str, float]] = MappingProxyType({})


class Bound(NamedTuple):
    """One of `planform.limits`: the most that a plan may do without being accepted."""

    name: LimitName
    maximum: float
    span: Span


class Limit(NamedTuple):
    """A bound, and what a plan comes to."""

    name: LimitName
    maximum: float
    value: float
    span: Span
    largest: tuple[tuple[str, float], ...] = ()  # addresses with the most of it, and how much
    open: tuple[tuple[str, str], ...] = ()  # addresses that nothing bounds, and why: each is over the limit

    @property
    def is_exceeded(self) -> bool:
        # Sums of prices are not exact: what rounds to the limit is within it.
        return bool(self.open) or round(self.value, 6) > self.maximum


class Finding(NamedTuple):
    """What a policy says of a plan: `deny` forbids its apply, `warn` is shown."""

    kind: Literal["deny", "warn"]
    message: str
    file: str  # the policy's
    address: str = ""
