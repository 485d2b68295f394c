"""The trials of a tuning job that runs on this machine: every value follows from the ranges, the strategy and the seed.

Values are drawn from digests, not from a generator of random numbers: trial 7 is the same on every machine and in every
version of Python, and does not depend on how many trials there are.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from planform.core.hyperparameters import wire_text
from planform.core.tuning import definitions_of
from planform.core.values import Object, Value

Trial: TypeAlias = dict[str, Value]

STRATEGIES = ("Grid", "Random")
# After so many draws that were there already there is nothing else to be found.
PATIENCE = 200
DIGITS = 6  # significant digits of a drawn number: no machine rounds them differently


def trials(tuning: Object) -> tuple[tuple[str, Trial], ...]:
    """The definition and the hyperparameters of each trial, in order; all different. `tuning` is a known tuning job.
    At random its definitions take turns; a grid is that of the first, then that of the next.

    Raises:
        ValueError: its strategy is not one of STRATEGIES.
    """
    ranges, strategy = {item.name: item.part("parameter_ranges") for item in definitions_of(tuning)}, tuning["strategy"]
    if strategy == "Grid":
        return tuple((name, trial) for name, kinds in ranges.items() for trial in grid(kinds.get("categorical") or {}))
    if strategy != "Random":
        raise ValueError(strategy)
    most, seed = int(tuning["resource_limits"]["max_number_of_training_jobs"]), int(tuning.get("random_seed") or 0)
    return tuple(itertools.islice(_in_turn({name: drawn(kinds, seed) for name, kinds in ranges.items()}), most))


def _in_turn(sources: Mapping[str, Iterator[Trial]]) -> Iterator[tuple[str, Trial]]:
    """One of each in turn, until all of them have ended."""
    left = dict(sources)
    while left:
        for name in list(left):
            trial = next(left[name], None)
            if trial is None:
                del left[name]
            else:
                yield name, trial


def grid(categorical: Mapping[str, list[Value]]) -> Iterator[Trial]:
    """Every combination; the last hyperparameter changes fastest."""
    names = list(categorical)
    for values in itertools.product(*categorical.values()):
        yield dict(zip(names, values, strict=True))


def drawn(ranges: Object, seed: int) -> Iterator[Trial]:
    """Trials at random without end, or until no different one is found."""
    seen: set[str] = set()
    misses = 0
    for draw in itertools.count():
        trial = _trial(ranges, lambda name, draw=draw: _share(seed, draw, name))  # type: ignore[misc]
        text = wire_text(sorted(trial.items()))
        if text in seen:
            misses += 1
            if misses > PATIENCE:
                return
            continue
        seen.add(text)
        misses = 0
        yield trial


def _trial(ranges: Object, share: Callable[[str], float]) -> Trial:
    found: Trial = {}
    for name, item in (ranges.get("integer") or {}).items():
        least, most = int(item["min_value"]), int(item["max_value"])
        found[name] = min(
            most, max(least, math.floor(_between(least, most + 1, item.get("scaling_type"), share(name))))
        )
    for name, item in (ranges.get("continuous") or {}).items():
        low, high = float(item["min_value"]), float(item["max_value"])
        value = float(f"{_between(low, high, item.get('scaling_type'), share(name)):.{_digits(low, high)}g}")
        found[name] = min(high, max(low, value))
    for name, values in (ranges.get("categorical") or {}).items():
        found[name] = values[min(int(share(name) * len(values)), len(values) - 1)]
    return found


def _digits(low: float, high: float) -> int:
    """More of them where a range is narrow for its place, so that its values stay apart."""
    narrow = math.log10(max(abs(low), abs(high)) / (high - low)) if high > low else 0.0
    return min(15, DIGITS + max(0, math.floor(narrow)))


def _between(low: float, high: float, scaling: str | None, share: float) -> float:
    """The value at a share, 0 to 1, of the way; evenly, or evenly in the exponent."""
    if low == high:
        return low
    if scaling == "Logarithmic":
        return low * math.exp(share * (math.log(high) - math.log(low)))
    if scaling == "ReverseLogarithmic":
        return 1 - (1 - low) * math.exp(share * (math.log(1 - high) - math.log(1 - low)))
    return low + share * (high - low)


def _share(seed: int, draw: int, name: str) -> float:
    """A number from 0 up to 1."""
    digest = hashlib.sha256(f"{seed}\n{draw}\n{name}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
