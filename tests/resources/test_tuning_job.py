"""The rules between the fields of a tuning job, and the trainer it takes whole."""

from __future__ import annotations

from typing import Any

import pytest

from planform.core.schemas import Misfit, convert_body
from planform.core.values import UNKNOWN, Sensitive
from planform.resources.trainer import SCHEMA as TRAINER
from planform.resources.tuning_job import SCHEMA

BASE: dict[str, Any] = {
    "trainer": {
        "training_image": "img",
        "source_code": {"command": "train"},
        "metric_definitions": [{"name": "acc", "regex": "acc=(.*)"}],
    },
    "strategy": "Random",
    "objective": {"metric_name": "acc"},
    "parameter_ranges": {"continuous": {"lr": {"min_value": 0.1, "max_value": 1}}},
    "resource_limits": {"max_number_of_training_jobs": 4},
}


def misfits_of(body: dict[str, Any]) -> list[Misfit]:
    misfits: list[Misfit] = []
    converted = convert_body({**BASE, **body}, SCHEMA.attributes, (), misfits)
    assert SCHEMA.check is not None
    return misfits + SCHEMA.check(converted)


def ranges(**kinds: Any) -> dict[str, Any]:
    return {"parameter_ranges": kinds}


def limits(**values: Any) -> dict[str, Any]:
    return {"resource_limits": values}


def test_a_whole_trainer_is_taken_as_its_definition() -> None:
    trainer = convert_body(BASE["trainer"], TRAINER.attributes, (), [])
    whole = {**trainer, "run_number": None, "status": UNKNOWN, "run": "manual", "wait": False}
    misfits: list[Misfit] = []
    taken = convert_body({**BASE, "trainer": whole}, SCHEMA.attributes, (), misfits)
    written = convert_body(BASE, SCHEMA.attributes, (), misfits)
    assert misfits == []
    assert taken == written
    assert misfits_of({"trainer": {**BASE["trainer"], "run": "manual"}})[0].path == ("trainer", "run")
    (wrong,) = misfits_of({"trainer": {**taken, "run_number": 1}})[:1]
    assert wrong.summary == "A trainer is required here, and this has trainer, strategy, objective."


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"trainer": UNKNOWN, "parameter_ranges": UNKNOWN, "resource_limits": UNKNOWN, "objective": UNKNOWN},
        {"strategy": UNKNOWN},
        {"trainer": {**BASE["trainer"], "hyperparameters": {"key": Sensitive("x")}}},
        {"strategy": "Grid", **ranges(categorical={"a": [1, 2], "b": ["x"]}), **limits()},
        {"strategy": "Grid", **ranges(categorical={"a": [1, 2]}), **limits(max_number_of_training_jobs=2)},
        {
            "strategy": "Hyperband",
            "strategy_config": {"hyperband_strategy_config": {"min_resource": 1, "max_resource": 9}},
        },
        {
            "trainer": {"training_image": "382416733822.dkr.ecr.us-east-1.amazonaws.com/xgboost:1"}
        },  # has its own metrics
        {"warm_start": {"type": "TransferLearning", "parents": ["a"]}},
    ],
)
def test_fits(body: dict[str, Any]) -> None:
    assert misfits_of(body) == []


LR = ("parameter_ranges", "continuous", "lr")


@pytest.mark.parametrize(
    ("body", "path", "problem"),
    [
        (
            {"trainer": {"training_image": "img", "algorithm_name": "kmeans"}},
            ("trainer", "algorithm_name"),
            "cannot stand beside",
        ),
        (ranges(), ("parameter_ranges",), "There is nothing to search"),
        (
            ranges(categorical={f"x{index}": [1] for index in range(31)}),
            ("parameter_ranges",),
            "31 ranges are too many: at most 30",
        ),
        (
            ranges(categorical={"a": [1]}, integer={"a": {"min_value": 1, "max_value": 2}}),
            ("parameter_ranges", "integer", "a"),
            "a has a range in categorical as well",
        ),
        (ranges(categorical={"a": []}), ("parameter_ranges", "categorical", "a"), "1 to 30 values are allowed, not 0"),
        (ranges(categorical={"a": ["1", 1]}), ("parameter_ranges", "categorical", "a", 1), "1 is there twice"),
        (
            ranges(continuous={"lr": {"min_value": 0, "max_value": float("inf")}}),
            (*LR, "max_value"),
            "inf is no end of a range",
        ),
        (
            ranges(integer={"n": {"min_value": 1.5, "max_value": 3}}),
            ("parameter_ranges", "integer", "n", "min_value"),
            "1.5 is not a whole number",
        ),
        (ranges(continuous={"lr": {"min_value": 2, "max_value": 1}}), (*LR, "max_value"), "1 is less than min_value"),
        (
            ranges(continuous={"lr": {"min_value": 0, "max_value": 1, "scaling_type": "Logarithmic"}}),
            (*LR, "min_value"),
            "0 has no logarithm",
        ),
        (
            ranges(continuous={"lr": {"min_value": 0, "max_value": 1, "scaling_type": "ReverseLogarithmic"}}),
            (*LR, "max_value"),
            "1 is not at least 0 and less than 1",
        ),
        (
            ranges(integer={"n": {"min_value": 0, "max_value": 1, "scaling_type": "ReverseLogarithmic"}}),
            ("parameter_ranges", "integer", "n", "scaling_type"),
            "for continuous ranges",
        ),
        (
            {"trainer": {**BASE["trainer"], "hyperparameters": {"lr": 0.5}}},
            LR,
            "lr has a range, and a value in the trainer's hyperparameters",
        ),
        ({"objective": {"metric_name": "loss"}}, ("objective", "metric_name"), '"loss" is not among'),
        (
            {"strategy_config": {"hyperband_strategy_config": {"min_resource": 1}}},
            ("strategy_config",),
            "strategy_config is for Hyperband; the strategy is Random",
        ),
        (
            {
                "strategy": "Hyperband",
                "strategy_config": {"hyperband_strategy_config": {"min_resource": 3, "max_resource": 3}},
            },
            ("strategy_config", "hyperband_strategy_config", "max_resource"),
            "3 is not more than min_resource",
        ),
        (
            {"strategy": "Hyperband", "early_stopping_type": "Auto"},
            ("early_stopping_type",),
            "Hyperband stops jobs by rules of its own",
        ),
        ({"strategy": "Grid", **limits()}, LR, "A grid is made of categorical ranges"),
        (
            {"strategy": "Grid", **ranges(categorical={"a": [1, 2]}), **limits(max_number_of_training_jobs=3)},
            ("resource_limits", "max_number_of_training_jobs"),
            "A grid tries every combination: 2, not 3",
        ),
        (limits(), ("resource_limits",), "Random needs max_number_of_training_jobs"),
        (
            limits(max_number_of_training_jobs=2, max_parallel_training_jobs=3),
            ("resource_limits", "max_parallel_training_jobs"),
            "3 at once are more than there are, 2",
        ),
        (limits(max_number_of_training_jobs=2.5), ("resource_limits", "max_number_of_training_jobs"), "whole number"),
        (
            {"warm_start": {"type": "TransferLearning", "parents": list("abcdef")}},
            ("warm_start", "parents"),
            "1 to 5 parents are allowed, not 6",
        ),
        ({"tags": {"": "x"}}, ("tags", ""), "The key of a tag has 1 to 128 characters"),
    ],
)
def test_does_not_fit(body: dict[str, Any], path: tuple[str, ...], problem: str) -> None:
    found = misfits_of(body)
    assert [item.path for item in found] == [path]
    assert problem in found[0].summary


def test_arns_are_names_and_empty_kinds_are_none() -> None:
    assert SCHEMA.normalise is not None
    arn = "arn:aws:sagemaker:us-west-2:123456789012:hyper-parameter-tuning-job/first"
    body = {**BASE, "warm_start": {"parents": [arn]}, "parameter_ranges": {"integer": {}, "categorical": {"a": [1]}}}
    normal = SCHEMA.normalise(body)
    assert normal["warm_start"] == {"parents": ["first"]}
    assert normal["parameter_ranges"] == {"categorical": {"a": [1]}}


PART: dict[str, Any] = {name: BASE[name] for name in ("trainer", "objective", "parameter_ranges")}
OTHER: dict[str, Any] = {**PART, "parameter_ranges": {"integer": {"depth": {"min_value": 1, "max_value": 9}}}}
ALONE = dict.fromkeys(PART)
AUTO: dict[str, Any] = {"autotune": {"mode": "Enabled"}}


def several(**definitions: Any) -> dict[str, Any]:
    return {**ALONE, "training_job_definitions": definitions}


@pytest.mark.parametrize(
    "body",
    [
        several(a=PART, b=OTHER),
        {**several(a=PART), "early_stopping_type": "Auto"},
        {**several(a=PART, b={**OTHER, "parameter_ranges": UNKNOWN}), "random_seed": 1},
        {**ALONE, "training_job_definitions": UNKNOWN},
        {**several(a={**PART, "parameter_ranges": {}}), **AUTO, **limits()},
        {**AUTO, **ranges(), **limits()},
        {**AUTO, **ranges(auto={"lr": 0.1, "name": "x"})},
        {**AUTO, "parameter_ranges": None},
        {
            "strategy": "Grid",
            **several(a={**PART, **ranges(categorical={"x": [1, 2]})}, b={**PART, **ranges(categorical={"y": [1]})}),
            **limits(max_number_of_training_jobs=3, max_parallel_training_jobs=3),
        },
    ],
)
def test_several_definitions_and_autotune_fit(body: dict[str, Any]) -> None:
    assert misfits_of(body) == []


HERE = "training_job_definitions"


@pytest.mark.parametrize(
    ("body", "path", "problem"),
    [
        ({"trainer": None}, (), '"trainer" is required here'),
        ({"objective": None}, (), '"objective" is required here'),
        ({"parameter_ranges": None}, (), "There is nothing to search"),
        ({HERE: {"a": PART}}, ("trainer",), "trainer cannot stand beside training_job_definitions"),
        (several(), (HERE,), "1 to 10 definitions are allowed, not 0"),
        (several(**{f"a{index}": PART for index in range(11)}), (HERE,), "1 to 10 definitions are allowed, not 11"),
        (several(**{"a_b": PART}), (HERE, "a_b"), '"a_b" cannot be the name of a definition'),
        (several(a={"trainer": PART["trainer"]}), (HERE, "a"), '"objective" is required here'),
        (several(a={**PART, "parameter_ranges": {}}), (HERE, "a", "parameter_ranges"), "There is nothing to search"),
        (
            several(a=PART, b={**OTHER, "objective": {"metric_name": "acc", "type": "Minimize"}}),
            (HERE, "b", "objective", "type"),
            "Minimize stands beside Maximize",
        ),
        (
            several(a=PART, b={**OTHER, "objective": {"metric_name": "loss"}}),
            (HERE, "b", "objective", "metric_name"),
            '"loss" is not among',
        ),
        (
            several(a=PART, b={**OTHER, "trainer": {**PART["trainer"], "hyperparameters": {"depth": 1}}}),
            (HERE, "b", "parameter_ranges", "integer", "depth"),
            "depth has a range, and a value",
        ),
        (
            several(a=PART, b={**OTHER, "trainer": {"training_image": "i", "algorithm_name": "k"}}),
            (HERE, "b", "trainer", "algorithm_name"),
            "cannot stand beside training_image",
        ),
        (
            several(**{name: {**PART, **ranges(categorical={f"x{i}": [1] for i in range(16)})} for name in "ab"}),
            (HERE,),
            "32 ranges are too many: at most 30",
        ),
        (
            {**several(a=PART, b=OTHER), "warm_start": {"type": "TransferLearning", "parents": ["a"]}},
            ("warm_start",),
            "several definitions cold",
        ),
        ({**several(a=PART, b=OTHER), "early_stopping_type": "Auto"}, ("early_stopping_type",), "one definition only"),
        (
            {"strategy": "Grid", **several(a={**PART, **ranges(categorical={"x": [1, 2]})}, b=OTHER)},
            (HERE, "b", "parameter_ranges", "integer", "depth"),
            "A grid is made of categorical ranges",
        ),
        (ranges(auto={"lr": 0.1}), ("parameter_ranges", "auto", "lr"), "A range that SageMaker finds needs autotune"),
        (
            {**AUTO, **ranges(auto={f"x{index}": 1 for index in range(101)})},
            ("parameter_ranges",),
            "101 hyperparameters of autotune are too many",
        ),
        ({"autotune": {"mode": "On"}}, ("autotune", "mode"), '"On" is not one of Enabled'),
    ],
)
def test_several_definitions_and_autotune_refuse(body: dict[str, Any], path: tuple[Any, ...], problem: str) -> None:
    found = misfits_of(body)
    assert [(item.path, True) for item in found if problem in item.summary] == [(path, True)], found
