"""What one field of a tuning job cannot say of itself (CreateHyperParameterTuningJob, and the service's own rules)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from planform.core.errors import did_you_mean
from planform.core.hyperparameters import wire_text
from planform.core.schemas import Misfit, describe
from planform.core.tuning import DEFINITIONS, definitions_of
from planform.core.values import AttributePath, Object, Value, is_wholly_known, reveal
from planform.resources import short_name
from planform.resources.training import rules
from planform.resources.training.rules import mapping, number_in, plain

MOST_RANGES, MOST_CATEGORIES, MOST_PARENTS, MOST_DEFINITIONS, MOST_AUTO = 30, 30, 5, 10, 100
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,63}")
_OF_ONE = ("trainer", "objective", "parameter_ranges")


def check(body: Object) -> list[Misfit]:
    """The rules of each definition and its trainer, and those between the fields of the tuning job."""
    own = (_whole_numbers, _shape, _definitions, _total, _limits, _strategy, _warm_start, _tags)
    found = [misfit for rule in own for misfit in rule(body)]
    for definition in definitions_of(body):
        for misfit in _of_definition(definition.body, body):
            found.append(misfit._replace(path=(*definition.path, *misfit.path)))
    return found


def _of_definition(definition: Object, body: Object) -> Iterator[Misfit]:
    trainer = plain(definition.get("trainer"))
    for misfit in rules.check(trainer) if isinstance(trainer, dict) else ():
        yield misfit._replace(path=("trainer", *misfit.path))
    yield from _ranges(definition, body)
    yield from _static(definition)
    yield from _objective(definition)


def normalise(body: Object) -> Object:
    """Trainers in their own normal form, names for ARNs, no kind of range that is empty."""
    result = _normal_definition(body)
    several = result.get(DEFINITIONS)
    if isinstance(several, dict):
        result[DEFINITIONS] = {
            name: _normal_definition(item) if isinstance(item, dict) else item for name, item in several.items()
        }
    start = result.get("warm_start")
    if isinstance(start, dict) and isinstance(start.get("parents"), list):
        result["warm_start"] = {**start, "parents": [short_name(item) for item in start["parents"]]}
    return result


def _normal_definition(body: Object) -> Object:
    result = dict(body)
    if isinstance(result.get("trainer"), dict):
        result["trainer"] = rules.normalise(result["trainer"])
    ranges = result.get("parameter_ranges")
    if isinstance(ranges, dict):
        result["parameter_ranges"] = {kind: found for kind, found in ranges.items() if found}
    return result


def ranges_of(definition: Object) -> Iterator[tuple[str, str, Value]]:
    """(kind, hyperparameter, range) for each range that is known, in the order of the configuration."""
    found = mapping(definition, "parameter_ranges")
    for kind in found:
        for name, item in mapping(found, kind).items():
            yield kind, name, plain(item)


def combinations(body: Object) -> int | None:
    """How many different trials there are; None while a range is unknown, or when there is no end of them."""
    sizes = [_combinations(definition.body) for definition in definitions_of(body)]
    return None if not sizes or None in sizes else sum(size for size in sizes if size is not None)


def _combinations(definition: Object) -> int | None:
    ranges = plain(definition.get("parameter_ranges"))
    if not is_wholly_known(ranges):
        return None
    sizes = []
    for kind, _, item in ranges_of(definition):
        if kind == "auto":
            return None
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


def _shape(body: Object) -> Iterator[Misfit]:
    """One definition stands in the tuning job itself, several stand under their names."""
    if body.get(DEFINITIONS) is not None:
        for name in _OF_ONE:
            if body.get(name) is not None:
                why = f"{name} cannot stand beside {DEFINITIONS}: each of them has its own."
                yield Misfit((name,), why, suggestion=f"Move it into the definitions, or remove {DEFINITIONS}.")
        return
    for name, what in (("trainer", "What is trained"), ("objective", "What is searched for")):
        if body.get(name) is None:
            advice = f"Several trainers in one search: {DEFINITIONS}." if name == "trainer" else ""
            yield Misfit((), f'"{name}" is required here.', f"{what}.", advice)


def _definitions(body: Object) -> Iterator[Misfit]:
    """What several definitions have, and must have in common (SageMaker Developer Guide, multiple-algorithm-hpo)."""
    several = plain(body.get(DEFINITIONS))
    if not isinstance(several, dict):
        return
    if not 1 <= len(several) <= MOST_DEFINITIONS:
        yield Misfit((DEFINITIONS,), f"1 to {MOST_DEFINITIONS} definitions are allowed, not {len(several)}.")
    for name in several:
        if not _NAME.fullmatch(name):
            why = f"{describe(name)} cannot be the name of a definition."
            yield Misfit((DEFINITIONS, name), why, suggestion="Letters, digits, and - between them; at most 64.")
    ways = {item.path: plain(item.part("objective").get("type")) for item in definitions_of(body)}
    known = {path: way for path, way in ways.items() if isinstance(way, str)}
    first = next(iter(known.values()), "")
    for path, way in known.items():
        if way != first:
            yield Misfit(
                (*path, "objective", "type"),
                f"{way} stands beside {first}: the best job of all could not be told.",
                suggestion=f"Let all definitions {first.lower()} their objectives.",
            )
    if len(several) == 1:
        return
    if body.get("warm_start") is not None:
        yield Misfit(("warm_start",), "SageMaker starts a search of several definitions cold.", suggestion="Remove it.")
    if plain(body.get("early_stopping_type")) == "Auto":
        why = "SageMaker stops jobs early in a search of one definition only."
        yield Misfit(("early_stopping_type",), why, suggestion="Leave it out, or say Off.")


def _total(body: Object) -> Iterator[Misfit]:
    """How much there is to search, in all definitions together."""
    found = [(kind, item) for definition in definitions_of(body) for kind, _, item in ranges_of(definition.body)]
    place = (DEFINITIONS,) if body.get(DEFINITIONS) is not None else ("parameter_ranges",)
    total = sum(kind != "auto" for kind, _ in found)
    if total > MOST_RANGES:
        yield Misfit(place, f"{total} ranges are too many: at most {MOST_RANGES}.")
    if len(found) - total > MOST_AUTO:
        yield Misfit(place, f"{len(found) - total} hyperparameters of autotune are too many: at most {MOST_AUTO}.")


def _whole_numbers(body: Object) -> Iterator[Misfit]:
    limits = mapping(body, "resource_limits")
    for name in ("max_number_of_training_jobs", "max_parallel_training_jobs", "max_runtime_in_seconds"):
        if (number := number_in(limits, name)) is not None and number % 1:
            yield Misfit(("resource_limits", name), f"{number} is not a whole number.")
    for name in ("random_seed", "max_attempts"):
        if (number := number_in(body, name)) is not None and number % 1:
            yield Misfit((name,), f"{number} is not a whole number.")


def _ranges(definition: Object, body: Object) -> Iterator[Misfit]:
    tuned = body.get("autotune") is not None
    ranges = definition.get("parameter_ranges")
    found = list(ranges_of(definition))
    if not found and is_wholly_known(ranges) and not tuned:
        yield Misfit(
            ("parameter_ranges",) if ranges is not None else (),
            "There is nothing to search: no hyperparameter has a range.",
            suggestion="For example: parameter_ranges: {continuous: {learning_rate: {min_value: 0.01, max_value: 1}}}",
        )
    seen: dict[str, str] = {}
    for kind, name, item in found:
        path = ("parameter_ranges", kind, name)
        if name in seen:
            yield Misfit(path, f"{name} has a range in {seen[name]} as well.", suggestion="Keep one of them.")
        seen.setdefault(name, kind)
        if not name or len(name) > 256:
            yield Misfit(path, "The name of a hyperparameter has 1 to 256 characters.")
        if kind == "auto":
            yield from _hint(path, item, tuned=tuned)
        elif kind == "categorical":
            yield from _categories(path, item)
        elif isinstance(item, dict):
            yield from _numbers(path, item, whole=kind == "integer")
        if kind not in ("categorical", "auto") and plain(body.get("strategy")) == "Grid":
            yield Misfit(
                path,
                f"A grid is made of categorical ranges; {name} has a range of numbers.",
                suggestion=f"List the values: categorical: {{{name}: [...]}}",
            )


def _hint(path: AttributePath, value: Value, *, tuned: bool) -> Iterator[Misfit]:
    """An example of the value of a hyperparameter whose range SageMaker is to find."""
    if not tuned:
        yield Misfit(
            path,
            "A range that SageMaker finds needs autotune.",
            suggestion="Set autotune: {mode: Enabled}, or give it a range under integer, continuous or categorical.",
        )
    if is_wholly_known(value) and len(wire_text(reveal(value))) > 256:
        yield Misfit(path, "An example of a value has at most 256 characters.")


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


def _static(definition: Object) -> Iterator[Misfit]:
    trainer = mapping(definition, "trainer")
    given = mapping(trainer, "hyperparameters")
    # Of a model of JumpStart they may be defaults that nobody gave: who knows its document tells.
    of_model = trainer.get("jumpstart") is not None
    for kind, name, _ in ranges_of(definition):
        if name in given and not of_model:
            yield Misfit(
                ("parameter_ranges", kind, name),
                f"{name} has a range, and a value in the trainer's hyperparameters.",
                f"The value is {describe(given[name])}. A hyperparameter is either searched or given.",
                'Take it out of the trainer, or give the trainer without it: trainer: "${merge(trainer.base, '
                '{hyperparameters: {...}})}"',
            )
    total = len(given) + len(list(ranges_of(definition)))
    if total > 100:
        yield Misfit(("parameter_ranges",), f"{total} hyperparameters, ranges included, are too many: at most 100.")


def _objective(definition: Object) -> Iterator[Misfit]:
    name = plain(mapping(definition, "objective").get("metric_name"))
    trainer = mapping(definition, "trainer")
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


def _limits(body: Object) -> Iterator[Misfit]:
    limits, strategy = mapping(body, "resource_limits"), plain(body.get("strategy"))
    most, parallel = number_in(limits, "max_number_of_training_jobs"), number_in(limits, "max_parallel_training_jobs")
    if not isinstance(plain(body.get("resource_limits")), dict) or not isinstance(strategy, str):
        return
    path = ("resource_limits", "max_number_of_training_jobs")
    if strategy == "Grid":
        kinds = {kind for definition in definitions_of(body) for kind, _, _ in ranges_of(definition.body)}
        wanted = combinations(body) if kinds <= {"categorical"} else None
        if most is not None and wanted is not None and most != wanted:
            advice = f"Leave it out, or say {wanted}."
            yield Misfit(path, f"A grid tries every combination: {wanted}, not {most:g}.", suggestion=advice)
        most = most if most is not None else wanted
    elif "max_number_of_training_jobs" not in limits and body.get("autotune") is None:
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
