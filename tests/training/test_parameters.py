"""What hyperparameters may be: the table of the algorithms of AWS, and the rules read from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from planform.core.executor import Completed, Jobs
from planform.core.values import UNKNOWN, Object, Sensitive
from planform.training.images import framework_of
from planform.training.parameters import TABLE, Rule, algorithm_of, out_of_range, with_judgement
from planform.training.rules import RULES

GOOD: dict[str, Any] = {"objective": "binary:logistic", "num_round": 10}


def judged(given: Any, ranges: Object | None = None, **more: Any) -> Completed:
    trainer = {"training_image": {"framework": "xgboost", "version": "1.7-1"}, "hyperparameters": given, **more}
    jobs = Jobs((), trainer, ranges or {}, open=trainer.get("run") == "manual")
    algorithm = algorithm_of(trainer)
    return with_judgement(Completed(trainer), algorithm, jobs) if algorithm else Completed(trainer)


def test_the_table_says_where_it_is_from() -> None:
    document = json.loads(TABLE.read_text())
    assert "Developer Guide" in document["source"]
    assert document["date"] >= "2026"
    for entry in document["algorithms"].values():
        known = entry["hyperparameters"]
        assert set(entry["aliases"].values()) <= set(known)
        for form in known.values():
            assert form["type"] in ("int", "float", "bool", "text", "list")
            assert set(form) <= {"type", "options", "min", "max", "above", "below", "required", "required_by"}
            assert set(form.get("required_by", {})) <= set(known)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"eta": 0.3, "max_depth": "6", "gamma": 0, "subsample": "0.5", "booster": "dart", "seed": -3},
        {"learning_rate": 0.1, "reg_lambda": 1, "reg_alpha": 0, "min_split_loss": 2},
        {"eval_metric": "auc,error@0.7, ndcg@3-", "save_model_on_termination": True, "csv_weights": 1},
        {"objective": "multi:softmax", "num_class": 3},
        {"objective": UNKNOWN, "eta": UNKNOWN},
        {"eta": Sensitive(0.3)},
        {"interaction_constraints": [[1, 2], [3]], "monotone_constraints": "(0, 1)", "updater": "grow_colmaker,prune"},
        {"sagemaker_container_log_level": 20, "_kfold": 5},
    ],
)
def test_what_xgboost_takes(given: Object) -> None:
    found = judged({**GOOD, **given})
    assert (found.misfits, found.warnings) == ((), ())


@pytest.mark.parametrize(
    ("given", "name", "says"),
    [
        ({"eta": 1.5}, "eta", "1.5 is too large: at most 1."),
        ({"eta": "fast"}, "eta", '"fast" is not a number.'),
        ({"max_depth": 2.5}, "max_depth", "2.5 is not a whole number."),
        ({"max_depth": -1}, "max_depth", "-1 is too small: at least 0."),
        ({"num_round": 0}, "num_round", "0 is too small: at least 1."),
        ({"booster": "gbtre"}, "booster", '"gbtre" is not one of gbtree, gblinear, dart. Did you mean "gbtree"?'),
        ({"objective": "binary:logistics"}, "objective", 'Did you mean "binary:logistic"?'),
        ({"eval_metric": "auc,loglos"}, "eval_metric", 'Did you mean "logloss"?'),
        ({"eval_metric": ["auc"]}, "eval_metric", "is not a text with commas between its parts."),
        ({"csv_weights": True}, "csv_weights", "true is not a whole number."),
        ({"tweedie_variance_power": 2}, "tweedie_variance_power", "2 is too large: less than 2."),
        ({"scale_pos_weight": 0}, "scale_pos_weight", "0 is too small: more than 0."),
        ({"deterministic_histogram": "yes"}, "deterministic_histogram", '"yes" is neither true nor false.'),
        ({"learning_rate": 3}, "learning_rate", "3 is too large: at most 1."),
        ({"max_depth": Sensitive(-77)}, "max_depth", "(sensitive value) is too small: at least 0."),
        ({"booster": Sensitive("dartt")}, "booster", "(sensitive value) is not one of gbtree, gblinear, dart."),
    ],
)
def test_what_xgboost_refuses(given: Object, name: str, says: str) -> None:
    (misfit,) = judged({**GOOD, **given}).misfits
    assert "77" not in misfit.summary
    assert "dartt" not in misfit.summary
    assert misfit.path == ("hyperparameters", name)
    assert says in misfit.summary


def test_what_is_required() -> None:
    assert [item.summary for item in judged({"eta": 0.1}).misfits] == ["XGBoost needs num_round."]
    assert judged({}).misfits[0].path == ()
    soft = judged({"objective": "multi:softprob", "num_round": 3}).misfits
    assert [item.summary for item in soft] == [
        "XGBoost needs num_class when objective is multi:softmax or multi:softprob."
    ]
    assert judged({"eta": 0.1}, run="manual").misfits == ()  # who takes it gives the rest
    assert judged({}, {"integer": {"num_round": {"min_value": 1, "max_value": 9}}}).misfits == ()


def test_an_unknown_name_is_a_warning_with_the_nearest() -> None:
    (warning,) = judged({**GOOD, "max_dept": 3}).warnings
    assert warning.path == ("hyperparameters", "max_dept")
    assert (warning.summary, warning.suggestion) == (
        'XGBoost knows no hyperparameter "max_dept".',
        'Did you mean "max_depth"?',
    )


@pytest.mark.parametrize(
    ("ranges", "path", "says"),
    [
        (
            {"continuous": {"eta": {"min_value": 0.1, "max_value": 2}}},
            ("continuous", "eta", "max_value"),
            "2 is too large: at most 1.",
        ),
        (
            {"integer": {"max_depth": {"min_value": -1, "max_value": 2}}},
            ("integer", "max_depth", "min_value"),
            "-1 is too small",
        ),
        (
            {"continuous": {"max_depth": {"min_value": 1, "max_value": 2}}},
            ("continuous", "max_depth"),
            "max_depth is a whole number: its range is one of parameter_ranges.integer.",
        ),
        ({"categorical": {"booster": ["dart", "tree"]}}, ("categorical", "booster", 1), '"tree" is not one of'),
        ({"auto": {"eta": "x"}}, ("auto", "eta"), '"x" is not a number.'),
    ],
)
def test_ranges_are_judged_too(ranges: Object, path: tuple[Any, ...], says: str) -> None:
    found = judged(GOOD, ranges)
    (misfit,) = found.range_misfits
    assert misfit.path == ("parameter_ranges", *path)
    assert says in misfit.summary
    assert path[1] in misfit.summary
    (warning,) = judged(GOOD, {"integer": {"depth": {"min_value": 1, "max_value": 2}}}).range_warnings
    assert warning.path == ("parameter_ranges", "integer", "depth")


@pytest.mark.parametrize(
    "more",
    [
        {"source_code": {"source_dir": "src", "entry_script": "train.py"}},
        {"training_image": "123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1"},
        {"training_image": {"framework": "sklearn", "version": "1.4-2"}},
        {"training_image": UNKNOWN},
        {"hyperparameters": {"sagemaker_program": "train.py", "own": 1}},
        {"hyperparameters": UNKNOWN},
    ],
)
def test_code_and_other_images_have_hyperparameters_of_their_own(more: Object) -> None:
    found = judged({"own": "x", "eta": 9}, **more)
    assert (found.misfits, found.warnings) == ((), ())


@pytest.mark.parametrize(
    ("image", "framework"),
    [
        ("246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1", "xgboost"),
        ("246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost@sha256:00", "xgboost"),
        ("246618743249.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", ""),  # not of AWS there
        ("433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:1", "xgboost"),
        ({"framework": "scikit-learn"}, "sklearn"),
        ({"framework": UNKNOWN}, ""),
        ("xgboost", ""),
        (None, ""),
    ],
)
def test_whose_image_it_is(image: Any, framework: str) -> None:
    assert framework_of(image) == framework


def test_limits_of_a_document_are_texts() -> None:
    assert out_of_range(3, Rule("int", least="1", most="2")) == "3 is too large: at most 2."
    assert out_of_range("2", Rule("int", above="2")) == '"2" is too small: more than 2.'


def test_a_trainer_and_a_search_are_judged_by_the_same_rules() -> None:
    trainer = {"training_image": {"framework": "xgboost"}, "hyperparameters": {"num_round": 1, "eta": 7}}
    search = {"trainer": trainer, "parameter_ranges": {"integer": {"max_depth": {"min_value": -1, "max_value": 3}}}}
    for kind, desired in (("trainer", trainer), ("tuning_job", search)):
        (jobs,) = RULES[kind].trainers(desired)
        found = RULES[kind].complete(jobs, {}, None)
        assert [item.path for item in found.misfits] == [("hyperparameters", "eta")]
    assert [item.path for item in found.range_misfits] == [("parameter_ranges", "integer", "max_depth", "min_value")]
