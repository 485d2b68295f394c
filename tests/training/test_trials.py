"""The trials of a search: the same seed makes the same ones, everywhere and always."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planform.training.trials import drawn, grid
from planform.training.trials import trials as named_trials

RANGES = {
    "integer": {"depth": {"min_value": 1, "max_value": 10, "scaling_type": "Auto"}},
    "continuous": {"lr": {"min_value": 0.0001, "max_value": 1, "scaling_type": "Logarithmic"}},
    "categorical": {"opt": ["adam", "sgd", 3]},
}

GOLDEN = (
    {"depth": 6, "lr": 0.00309244, "opt": "adam"},
    {"depth": 2, "lr": 0.0528903, "opt": "adam"},
    {"depth": 4, "lr": 0.00170174, "opt": "adam"},
    {"depth": 2, "lr": 0.472786, "opt": "adam"},
)


def tuning(ranges, number, seed=None, strategy="Random"):
    limits = {"max_number_of_training_jobs": number}
    seeded = {} if seed is None else {"random_seed": seed}
    return {"strategy": strategy, "parameter_ranges": ranges, "resource_limits": limits, **seeded}


def trials(tuning):
    found = named_trials(tuning)
    assert {name for name, _ in found} == {""}  # the only definition has no name
    return tuple(trial for _, trial in found)


def test_golden_trials():
    """What was drawn once is drawn for ever: runs that exist must be found again."""
    assert trials(tuning(RANGES, 4, 7)) == GOLDEN
    assert trials(tuning(RANGES, 2, 7)) == GOLDEN[:2]
    assert trials(tuning(RANGES, 4, 8)) != GOLDEN
    assert trials(tuning(RANGES, 3)) == trials(tuning(RANGES, 3, 0))


def test_a_grid_has_every_combination_once():
    found = trials(tuning({"categorical": {"a": [1, 2], "b": ["x", "y", "z"]}}, None, strategy="Grid"))
    assert found == tuple({"a": a, "b": b} for a, b in itertools.product([1, 2], "xyz"))
    assert list(grid({"a": [True]})) == [{"a": True}]


def test_a_narrow_range_has_values_that_differ():
    ranges = {"continuous": {"x": {"min_value": 1.0000001, "max_value": 1.0000002}}}
    found = [trial["x"] for trial in trials(tuning(ranges, 20))]
    assert len(set(found)) == 20
    assert all(1.0000001 <= value <= 1.0000002 for value in found)


def test_no_trial_twice_and_an_end_when_there_is_no_other():
    found = trials(tuning({"categorical": {"a": [1, 2, 3]}, "integer": {"n": {"min_value": 0, "max_value": 1}}}, 50, 1))
    assert len(found) == 6
    assert len({tuple(sorted(trial.items())) for trial in found}) == 6
    assert len(trials(tuning({"continuous": {"x": {"min_value": 2, "max_value": 2}}}, 50))) == 1


def test_definitions_take_turns_and_have_no_trial_twice():
    few = {"categorical": {"opt": ["adam", "sgd"]}}
    many = {"integer": {"depth": {"min_value": 1, "max_value": 9}}}
    several = {name: {"parameter_ranges": ranges} for name, ranges in (("few", few), ("many", many))}
    body = {"training_job_definitions": several, "resource_limits": {"max_number_of_training_jobs": 7}}
    found = named_trials({**body, "strategy": "Random", "random_seed": 3})
    assert [name for name, _ in found] == ["few", "many", "few", "many", "many", "many", "many"]
    assert {trial["opt"] for name, trial in found if name == "few"} == {"adam", "sgd"}
    assert [trial for name, trial in found if name == "many"] == list(itertools.islice(drawn(many, 3), 5))
    several["many"]["parameter_ranges"] = {"categorical": {"opt": [1, 2, 3]}}
    grids = named_trials({**body, "strategy": "Grid"})
    assert [name for name, _ in grids] == ["few", "few", "many", "many", "many"]
    assert named_trials(tuning(RANGES, 2, 7)) == (("", GOLDEN[0]), ("", GOLDEN[1]))


@given(
    low=st.floats(1e-6, 0.5),
    width=st.floats(0, 0.49),
    scaling=st.sampled_from(["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]),
    seed=st.integers(0, 2**31 - 1),
)
def test_values_stay_within_their_ranges(low, width, scaling, seed):
    item = {"min_value": low, "max_value": low + width, "scaling_type": scaling}
    whole = {"min_value": 3, "max_value": 3 + int(width * 100), "scaling_type": scaling}
    ranges = {"continuous": {"x": item}, "integer": {"n": {**whole, "scaling_type": "Logarithmic"}}}
    for trial in itertools.islice(drawn(ranges, seed), 5):
        assert low <= trial["x"] <= low + width
        assert whole["min_value"] <= trial["n"] <= whole["max_value"]


@pytest.mark.parametrize(
    ("scaling", "middle"),
    [("Linear", 0.5), ("Auto", 0.5), ("Logarithmic", math.sqrt(0.001)), ("ReverseLogarithmic", 1 - math.sqrt(0.001))],
)
def test_scaling(scaling, middle):
    """Half of the values are below the middle of the scale."""
    low, high = (0.001, 1) if scaling != "ReverseLogarithmic" else (0, 0.999)
    ranges = {"continuous": {"x": {"min_value": low, "max_value": high, "scaling_type": scaling}}}
    found = [trial["x"] for trial in itertools.islice(drawn(ranges, 3), 400)]
    assert 0.42 < sum(value < middle for value in found) / 400 < 0.58
