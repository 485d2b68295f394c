"""What a new run may cost at most: its instances, times how long it may go on, times their price. Pure.

Volumes, transfer, and instances kept warm after a run are not counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from planform.core.guards import Prices
from planform.core.plan import RunPlan
from planform.core.values import Object, Value, first_unknown

HERE = "local"  # what prices call this machine
_DECISIVE = ("compute", "stopping_condition", "retry_strategy", "timeout")
MOST_ATTEMPTS = 10  # of a job of AWS Batch


class Cost(NamedTuple):
    instance_hours: float = 0.0
    usd: float | None = None
    unpriced: tuple[str, ...] = ()
    unsized: str = ""
    at_on_demand: bool = False


Jobs: TypeAlias = Sequence[tuple[Object, float | None]]  # definitions, each with how many times its time is taken


def with_cost(
    run: RunPlan, jobs: Jobs, prior: Jobs | None, executor: str, coordinates: Mapping[str, str], prices: Prices | None
) -> RunPlan:
    """A new run with its cost, and that of one of the definition before."""
    region = coordinates.get("region", HERE)
    cost = run_cost(jobs, executor, region, prices)
    before = run_cost(prior, executor, region, prices) if prior is not None else None
    return run._replace(
        instance_hours=cost.instance_hours,
        usd=cost.usd,
        unpriced=cost.unpriced,
        unsized=cost.unsized,
        at_on_demand=cost.at_on_demand,
        hours_before=before.instance_hours if before is not None and not before.unsized else None,
        usd_before=before.usd if before is not None else None,
    )


def run_cost(jobs: Jobs, executor: str, region: str, prices: Prices | None) -> Cost:
    """The most that one run may take: as if all its jobs were of the definition that takes most."""
    found = [_cost(desired, times, executor, region, prices) for desired, times in jobs]
    if not found:
        return Cost(unsized="what is trained is known after apply")
    unpriced = dict.fromkeys(text for cost in found for text in cost.unpriced)
    dollars = [cost.usd for cost in found if cost.usd is not None]
    return Cost(
        max(cost.instance_hours for cost in found),
        max(dollars) if len(dollars) == len(found) else None,
        tuple(unpriced),
        next((cost.unsized for cost in found if cost.unsized), ""),
        any(cost.at_on_demand for cost in found),
    )


def _cost(desired: Object, times: float | None, executor: str, region: str, prices: Prices | None) -> Cost:
    found = _job_cost(desired, executor, region, prices)
    if times is None:
        return Cost(unsized=found.unsized or "nothing says how many training jobs there are")
    usd = round(found.usd * times, 6) if found.usd is not None else None
    return found._replace(instance_hours=found.instance_hours * times, usd=usd)


def _job_cost(desired: Object, executor: str, region: str, prices: Prices | None) -> Cost:
    instances, factor = instances_of(desired), _hours(desired, executor)
    if factor is None or any(number is None for _, number in instances):
        what = "its time limit" if factor is None else "instance_count"
        is_open = first_unknown({name: desired.get(name) for name in _DECISIVE}) is not None
        return Cost(unsized=f"{what} is {'known after apply' if is_open else 'sensitive'}")
    hours = sum((number or 0) * factor for _, number in instances)
    if region == HERE and (prices is None or HERE not in prices.on_demand):
        return Cost(hours, 0.0)  # nobody sends a bill for this machine
    if prices is None:
        return Cost(hours)
    spot = region != HERE and _at(desired, "compute", "enable_managed_spot_training") is True
    usd, unpriced, at_on_demand = 0.0, dict[str, None](), False
    for kind, number in instances:
        price, on_demand = _price(kind, region, prices, spot=spot)
        at_on_demand |= on_demand
        if price is None:
            unpriced[f"no price for {kind} in {region}" if kind else "instance_type is known after apply"] = None
        else:
            usd += (number or 0) * factor * price
    return Cost(hours, None if unpriced else round(usd, 6), tuple(unpriced), at_on_demand=at_on_demand)


def _price(kind: str | None, region: str, prices: Prices, *, spot: bool) -> tuple[float | None, bool]:
    """Dollars an hour, and whether they are those on demand for want of the price of spot instances."""
    if kind is None:
        return None, False
    if spot and kind in prices.spot.get(region, {}):
        return prices.spot[region][kind], False
    price = prices.on_demand.get(region, {}).get(kind)
    return price, spot and price is not None


def instances_of(desired: Object) -> list[tuple[str | None, float | None]]:
    """Type and number of the instances, by group; None for what is not known."""
    groups = _at(desired, "compute", "instance_groups")
    parts = groups if isinstance(groups, list) and groups else [_at(desired, "compute", default={})]
    found = []
    for part in parts:
        kind = _at(part, "instance_type")
        found.append((kind if isinstance(kind, str) else None, _number(_at(part, "instance_count", default=1))))
    return found


def _hours(desired: Object, executor: str) -> float | None:
    """How long each instance may go on in all: AWS Batch counts the time anew for each attempt, SageMaker once."""
    seconds = _number(_at(desired, "stopping_condition", "max_runtime_in_seconds"))
    if executor != "batch":
        return None if seconds is None else seconds / 3600
    retries = _number(_at(desired, "retry_strategy", "maximum_retry_attempts", default=0))
    attempt = _number(_at(desired, "timeout", "attempt_duration_seconds", default=math.inf))
    if seconds is None or retries is None or attempt is None:
        return None
    return min(seconds, attempt) * min(retries + 1, MOST_ATTEMPTS) / 3600


def _at(value: Value, *path: str, default: Value = None) -> Value:
    """What stands at a path; the default where nothing does, and what is not known where that comes first."""
    for name in path:
        if not isinstance(value, dict):
            return value
        value = value.get(name)
        if value is None:
            return default
    return value


def _number(value: Value) -> float | None:
    return value if isinstance(value, (int, float)) else None
