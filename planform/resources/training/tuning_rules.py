"""What one field of a tuning job cannot say of itself (CreateHyperParameterTuningJob, and the service's own rules)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from planform.core.errors import did_you_mean
from planform.core.hyperparameters import wire_text
from planform.core.schemas import Misfit, describe
from planform.core.values import AttributePath, Object, Value, is_wholly_known, reveal
from planform.resources import short_name
from planform.resources.training import rules
from planform.resources.training.rules import mapping, number_in, plain

MOST_RANGES, MOST_CATEGORIES, MOST_PARENTS = 30, 30, 5


def check(body: Object) -> list[Misfit]:
    """The rules of its trainer, and those between its own fields."""
    of_trainer = rules.check(mapping(body, "trainer")) if isinstance(plain(body.get("trainer")), dict) else []
    own = (_whole_numbers, _ranges, _static, _objective, _strategy, _limits, _warm_start, _tags)
    return [
        *(misfit._replace(path=("trainer", *misfit.path)) for misfit in of_trainer),
        *(misfit for rule in own for misfit in rule(body)),
    ]


def normalise(body: Object) -> Object:
    """The trainer in its own normal form, names for ARNs, no kind of range that is empty."""
    result = dict(body)
    if isinstance(result.get("trainer"), dict):
        result["trainer"] = rules.normalise(result["trainer"])
    ranges = result.get("parameter_ranges")
    if isinstance(ranges, dict):
        result["parameter_ranges"] = {kind: found for kind, found in ranges.items() if found}
    start = result.get("warm_start")
    if isinstance(start, dict) and isinstance(start.get("parents"), list):
        result["warm_start"] = {**start, "parents": [short_name(item) for item in start["parents"]]}
    return result


def ranges_of(body: Object) -> Iterator[tuple[str, str, Value]]:
    """(kind, hyperparameter, range) for each range that is known, in the order of the configuration."""
    found = mapping(body, "parameter_ranges")
    for kind in found:
        for name, item in mapping(found, kind).items():
            yield kind, name, plain(item)


def combinations(body: Object) -> int | None:
    """How many different trials there are; None while a range is unknown, or when there is no end of them."""
    ranges = plain(body.get("parameter_ranges"))
    if not is_wholly_known(ranges):
        return None
    sizes = []
    for kind, _, item in ranges_of(body):
        if kind != "categorical" and not all(math.isfinite(item[end]) for end in ("min_value", "max_value")):
            return None
        if kind == "continuous":
            if item["min_value"] != item["max_value"]:
                return None
        elif kind == "integer":
            sizes.append(max(int(item["max_value"]) - int(item["min_value"]) + 1, 0))
        else:
            sizes.append(len(item))
    return math.prod(sizes)


def _whole_numbers(body: Object) -> Iterator[Misfit]:
    limits = mapping(body, "resource_limits")
    for name in ("max_number_of_training_jobs", "max_parallel_training_jobs", "max_runtime_in_seconds"):
        if (number := number_in(limits, name)) is not None and number % 1:
            yield Misfit(("resource_limits", name), f"{number} is not a whole number.")
    for name in ("random_seed", "max_attempts"):
        if (number := number_in(body, name)) is not None and number % 1:
            yield Misfit((name,), f"{number} is not a whole number.")


def _ranges(body: Object) -> Iterator[Misfit]:
    if not isinstance(plain(body.get("parameter_ranges")), dict):
        return
    found = list(ranges_of(body))
    if not found and is_wholly_known(body["parameter_ranges"]):
        yield Misfit(
            ("parameter_ranges",),
            "There is nothing to search: no hyperparameter has a range.",
            suggestion="For example: continuous: {learning_rate: {min_value: 0.01, max_value: 1}}",
        )
    if len(found) > MOST_RANGES:
        yield Misfit(("parameter_ranges",), f"{len(found)} ranges are too many: at most {MOST_RANGES}.")
    seen: dict[str, str] = {}
    for kind, name, item in found:
        path = ("parameter_ranges", kind, name)
        if name in seen:
            yield Misfit(path, f"{name} has a range in {seen[name]} as well.", suggestion="Keep one of them.")
        seen.setdefault(name, kind)
        if not name or len(name) > 256:
            yield Misfit(path, "The name of a hyperparameter has 1 to 256 characters.")
        if kind == "categorical":
            yield from _categories(path, item)
        elif isinstance(item, dict):
            yield from _numbers(path, item, whole=kind == "integer")


def _categories(path: AttributePath, values: Value) -> Iterator[Misfit]:
    if not isinstance(values, list):
        return
    if not 1 <= len(values) <= MOST_CATEGORIES:
        yield Misfit(path, f"1 to {MOST_CATEGORIES} values are allowed, not {len(values)}.")
    seen: set[str] = set()
    for index, value in enumerate(values):
        if not is_wholly_known(value):
            continue
        text = wire_text(reveal(value))
        if text in seen:
            yield Misfit((*path, index), f"{describe(value)} is there twice.")
        seen.add(text)
        if len(text) > 256:
            yield Misfit((*path, index), f"{len(text)} characters are too many for a value: at most 256.")


def _numbers(path: AttributePath, item: Mapping[str, Value], *, whole: bool) -> Iterator[Misfit]:
    body = dict(item)
    least, most, scaling = number_in(body, "min_value"), number_in(body, "max_value"), plain(body.get("scaling_type"))
    for name, number in (("min_value", least), ("max_value", most)):
        if number is not None and not math.isfinite(number):
            yield Misfit((*path, name), f"{number} is no end of a range.")
        elif number is not None and whole and number % 1:
            yield Misfit(
                (*path, name), f"{number} is not a whole number.", suggestion="Put the range under continuous."
            )
    if least is not None and most is not None and least > most:
        yield Misfit((*path, "max_value"), f"{most:g} is less than min_value, {least:g}.")
    if scaling == "Logarithmic" and least is not None and least <= 0:
        yield Misfit((*path, "min_value"), f"{least:g} has no logarithm: a logarithmic range begins above 0.")
    if scaling == "ReverseLogarithmic":
        if whole:
            yield Misfit(
                (*path, "scaling_type"), "ReverseLogarithmic is for continuous ranges.", suggestion="Use Logarithmic."
            )
        for name, number in (("min_value", least), ("max_value", most)):
            if number is not None and not whole and not 0 <= number < 1:
                yield Misfit(
                    (*path, name), f"{number:g} is not at least 0 and less than 1, as ReverseLogarithmic needs."
                )


def _static(body: Object) -> Iterator[Misfit]:
    given = mapping(mapping(body, "trainer"), "hyperparameters")
    for kind, name, _ in ranges_of(body):
        if name in given:
            yield Misfit(
                ("parameter_ranges", kind, name),
                f"{name} has a range, and a value in the trainer's hyperparameters.",
                f"The value is {describe(given[name])}. A hyperparameter is either searched or given.",
                'Take it out of the trainer, or give the trainer without it: trainer: "${merge(trainer.base, '
                '{hyperparameters: {...}})}"',
            )
    total = len(given) + len(list(ranges_of(body)))
    if total > 100:
        yield Misfit(("parameter_ranges",), f"{total} hyperparameters, ranges included, are too many: at most 100.")


def _objective(body: Object) -> Iterator[Misfit]:
    name = plain(mapping(body, "objective").get("metric_name"))
    trainer = mapping(body, "trainer")
    definitions = plain(trainer.get("metric_definitions"))
    if not isinstance(name, str) or not is_wholly_known(definitions):
        return
    names = [str(item["name"]) for item in definitions or () if isinstance(item, dict) and "name" in item]
    if name not in names and (names or trainer.get("source_code") is not None):
        have = f"There is: {', '.join(names)}." if names else "It has none: no number is read out of its log."
        yield Misfit(
            ("objective", "metric_name"),
            f'"{name}" is not among the metric_definitions of the trainer.',
            have,
            did_you_mean(name, names)
            if names
            else f'Add to the trainer: metric_definitions: [{{name: {name}, regex: "..."}}]',
        )


def _strategy(body: Object) -> Iterator[Misfit]:
    strategy, config = plain(body.get("strategy")), mapping(body, "strategy_config")
    band = mapping(config, "hyperband_strategy_config")
    if config and isinstance(strategy, str) and strategy != "Hyperband":
        yield Misfit(("strategy_config",), f"strategy_config is for Hyperband; the strategy is {strategy}.")
    least, most = number_in(band, "min_resource"), number_in(band, "max_resource")
    if least is not None and most is not None and least >= most:
        path = ("strategy_config", "hyperband_strategy_config", "max_resource")
        yield Misfit(path, f"{most:g} is not more than min_resource, {least:g}.")
    if strategy == "Hyperband" and plain(body.get("early_stopping_type")) == "Auto":
        yield Misfit(
            ("early_stopping_type",),
            "Hyperband stops jobs by rules of its own.",
            suggestion="Leave it out, or say Off.",
        )
    if strategy == "Grid":
        for kind, name, _ in ranges_of(body):
            if kind != "categorical":
                yield Misfit(
                    ("parameter_ranges", kind, name),
                    f"A grid is made of categorical ranges; {name} has a range of numbers.",
                    suggestion=f"List the values: categorical: {{{name}: [...]}}",
                )


def _limits(body: Object) -> Iterator[Misfit]:
    limits, strategy = mapping(body, "resource_limits"), plain(body.get("strategy"))
    most, parallel = number_in(limits, "max_number_of_training_jobs"), number_in(limits, "max_parallel_training_jobs")
    if not isinstance(plain(body.get("resource_limits")), dict) or not isinstance(strategy, str):
        return
    path = ("resource_limits", "max_number_of_training_jobs")
    if strategy == "Grid":
        wanted = combinations(body) if all(kind == "categorical" for kind, _, _ in ranges_of(body)) else None
        if most is not None and wanted is not None and most != wanted:
            advice = f"Leave it out, or say {wanted}."
            yield Misfit(path, f"A grid tries every combination: {wanted}, not {most:g}.", suggestion=advice)
        most = most if most is not None else wanted
    elif "max_number_of_training_jobs" not in limits:
        yield Misfit(
            ("resource_limits",),
            f"{strategy} needs max_number_of_training_jobs: how many training jobs are made.",
        )
    if most is not None and parallel is not None and parallel > most:
        yield Misfit(
            ("resource_limits", "max_parallel_training_jobs"),
            f"{parallel:g} at once are more than there are, {most:g}.",
        )


def _warm_start(body: Object) -> Iterator[Misfit]:
    parents = plain(mapping(body, "warm_start").get("parents"))
    if isinstance(parents, list) and not 1 <= len(parents) <= MOST_PARENTS:
        yield Misfit(("warm_start", "parents"), f"1 to {MOST_PARENTS} parents are allowed, not {len(parents)}.")


def _tags(body: Object) -> Iterator[Misfit]:
    yield from rules.tag_misfits(body)
