"""What the hyperparameters of an algorithm may be, where that is known: of JumpStart by the document of the model, of
algorithms of AWS by the table beside this file. It holds facts only, and names where they come from and of which day.

What a hyperparameter cannot be is an error; one that nobody knows is a warning, since tables grow old.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import cache
from pathlib import Path
from typing import NamedTuple

from planform.core.errors import did_you_mean
from planform.core.executor import Completed, Jobs
from planform.core.hyperparameters import decode
from planform.core.schemas import Misfit, describe
from planform.core.values import AttributePath, Object, Sensitive, Unknown, Value, first_unknown, reveal
from planform.training.definition import mapping, plain

TABLE = Path(__file__).with_name("hyperparameters.json")
OF_THE_SERVICE = ("sagemaker_", "_tuning_objective_metric", "mp_parameters")  # of toolkits and of SageMaker itself


class Rule(NamedTuple):
    """What one hyperparameter may be. Limits are as they are written, for messages."""

    type: str = "text"  # int, float, bool, text, or list: a text of options between commas
    options: tuple[str, ...] = ()
    least: Value = None
    most: Value = None
    above: Value = None
    below: Value = None
    required: bool = False
    required_by: Mapping[str, tuple[str, ...]] = {}  # another hyperparameter -> its values that need this one


class Algorithm(NamedTuple):
    """Whose hyperparameters they are, and the rule of each."""

    called: str  # in messages: XGBoost, the model
    rules: Mapping[str, Rule]


def algorithm_of(trainer: Object) -> Algorithm | None:
    """The algorithm of AWS that a trainer runs; none when it brings code: that may have hyperparameters of its own."""
    from planform.training.images import framework_of

    given = mapping(trainer, "hyperparameters")
    if trainer.get("source_code") is not None or "sagemaker_program" in given:
        return None
    return _table().get(framework_of(plain(trainer.get("training_image"))))


@cache
def _table() -> Mapping[str, Algorithm]:
    document = json.loads(TABLE.read_text())
    found = {}
    for name, entry in document["algorithms"].items():
        rules = {key: _rule(form) for key, form in entry["hyperparameters"].items()}
        aliases = {alias: rules[key] for alias, key in entry["aliases"].items()}
        found[name] = Algorithm(entry["called"], {**rules, **aliases})
    return found


def _rule(form: Mapping[str, Value]) -> Rule:
    return Rule(
        form["type"],
        tuple(form.get("options", ())),
        form.get("min"),
        form.get("max"),
        form.get("above"),
        form.get("below"),
        form.get("required", False),
        {key: tuple(values) for key, values in form.get("required_by", {}).items()},
    )


def of_document(entries: Mapping[str, Mapping[str, Value]]) -> Algorithm:
    """The hyperparameters that the document of a model has (HubContentDocument, schema 2.x)."""
    return Algorithm(
        "the model",
        {
            name: Rule(
                str(item.get("Type") or "text"),
                tuple(map(str, item.get("Options") or ())),
                item.get("Min"),
                item.get("Max"),
                item.get("ExclusiveMin"),
                item.get("ExclusiveMax"),
            )
            for name, item in entries.items()
        },
    )


def with_judgement(completed: Completed, algorithm: Algorithm, jobs: Jobs) -> Completed:
    """A completed trainer with what its hyperparameters, and the ranges in which they are searched, cannot be."""
    given = plain(completed.object.get("hyperparameters"))
    if isinstance(given, Unknown):
        return completed
    given = given if isinstance(given, dict) else {}
    searched = {name: (kind, plain(item)) for kind in jobs.ranges for name, item in mapping(jobs.ranges, kind).items()}
    misfits = [Misfit(("hyperparameters", name), why) for name, why in _wrong(algorithm, given)]
    if not jobs.open:
        place = ("hyperparameters",) if given else ()
        misfits += [Misfit(place, why) for why in _missing(algorithm, {*given, *searched}, given)]
    return completed._replace(
        misfits=(*completed.misfits, *misfits),
        warnings=(*completed.warnings, *_strange(algorithm, [("hyperparameters", name) for name in given])),
        range_misfits=tuple(
            Misfit(("parameter_ranges", kind, name, *path), why)
            for name, (kind, item) in searched.items()
            for path, why in _of_range(algorithm, name, kind, item)
        ),
        range_warnings=tuple(
            _strange(algorithm, [("parameter_ranges", kind, name) for name, (kind, _) in searched.items()])
        ),
    )


def _strange(algorithm: Algorithm, paths: Sequence[AttributePath]) -> Iterator[Misfit]:
    """Names that the algorithm does not know."""
    for path in paths if algorithm.rules else ():
        name = str(path[-1])
        if name not in algorithm.rules and not name.startswith(OF_THE_SERVICE):
            why = f'{algorithm.called} knows no hyperparameter "{name}".'
            yield Misfit(path, why, suggestion=did_you_mean(name, algorithm.rules))


def _wrong(algorithm: Algorithm, given: Object) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        if name in algorithm.rules and (why := out_of_range(value, algorithm.rules[name])):
            yield name, f"{name}: {why}"


def _missing(algorithm: Algorithm, names: Set[str], given: Object) -> Iterator[str]:
    for name, rule in algorithm.rules.items():
        if name in names:
            continue
        if rule.required:
            yield f"{algorithm.called} needs {name}."
        for other, values in rule.required_by.items():
            if reveal(given.get(other)) in values:
                yield f"{algorithm.called} needs {name} when {other} is {' or '.join(values)}."


def _of_range(algorithm: Algorithm, name: str, kind: str, item: Value) -> Iterator[tuple[AttributePath, str]]:
    """What is wrong with a range by the rule of its hyperparameter."""
    rule = algorithm.rules.get(name)
    if rule is None:
        return
    if rule.type == "int" and kind == "continuous":
        yield (), f"{name} is a whole number: its range is one of parameter_ranges.integer."
        return
    values: dict[AttributePath, Value] = {}
    if kind == "categorical" and isinstance(item, list):
        values = {(index,): value for index, value in enumerate(item)}
    elif kind == "auto":
        values = {(): item}
    elif isinstance(item, dict):
        values = {(end,): item[end] for end in ("min_value", "max_value") if item.get(end) is not None}
    for path, value in values.items():
        if why := out_of_range(value, rule):
            yield path, f"{name}: {why}"


def out_of_range(value: Value, rule: Rule) -> str:
    """What is wrong with a value by its rule; empty when nothing is, or when it is not known yet."""
    known = reveal(value)
    if first_unknown(known) is not None:
        return ""
    decoded = decode(known)
    number = decoded if isinstance(decoded, (int, float)) and not isinstance(decoded, bool) else None
    match rule.type:
        case "int" if number is None or number % 1:
            return f"{describe(value)} is not a whole number."
        case "float" if number is None:
            return f"{describe(value)} is not a number."
        case "bool" if str(decoded).lower() not in ("true", "false"):
            return f"{describe(value)} is neither true nor false."
        case "list" if not isinstance(decoded, str):
            return f"{describe(value)} is not a text with commas between its parts."
    parts = [part.partition("@")[0].strip() for part in decoded.split(",")] if rule.type == "list" else [decoded]
    for part in parts if rule.options else ():
        if str(part).lower() not in [option.lower() for option in rule.options]:
            told = value if isinstance(value, Sensitive) or len(parts) == 1 else part
            nearest = "" if isinstance(value, Sensitive) else did_you_mean(str(part), rule.options)
            return f"{describe(told)} is not one of {', '.join(rule.options)}. {nearest}".rstrip()
    return _beyond(describe(value), number, rule) if number is not None else ""


def _beyond(told: str, number: float, rule: Rule) -> str:
    least, most, above, below = (_limit(item) for item in (rule.least, rule.most, rule.above, rule.below))
    if least is not None and number < least:
        return f"{told} is too small: at least {rule.least}."
    if above is not None and number <= above:
        return f"{told} is too small: more than {rule.above}."
    if most is not None and number > most:
        return f"{told} is too large: at most {rule.most}."
    if below is not None and number >= below:
        return f"{told} is too large: less than {rule.below}."
    return ""


def _limit(value: Value) -> float | None:
    decoded = decode(value)
    return float(decoded) if isinstance(decoded, (int, float)) and not isinstance(decoded, bool) else None
