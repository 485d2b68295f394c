"""Algorithms of AWS: what their hyperparameters may be is known before a job is paid for."""

from __future__ import annotations

import re

import pytest

from tests.fake_aws import FakeAws

from .conftest import User
from .test_aws import HEAD

TREES = """
resource:
  trainer:
    trees:
      training_image: {framework: xgboost, version: "1.7-1"}
      input_data: {train: {data_source: data, content_type: csv}}
      hyperparameters:
        - base.yaml
        - eta: 0.2
"""
SEARCH = """
  tuning_job:
    search:
      trainer:
        training_image: "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"
        input_data: {train: {data_source: data, content_type: csv}}
        hyperparameters: {objective: binary:logistic, num_round: 10}
      strategy: Random
      objective: {metric_name: validation:auc}
      parameter_ranges: {integer: {max_depth: {min_value: 1, max_value: 9}}}
      resource_limits: {max_number_of_training_jobs: 2}
"""


@pytest.fixture
def lab(user: User, aws: FakeAws) -> User:
    user.write("1,2\n", "data/digits.csv")
    user.write("objective: binary:logistic\nnum_round: 20\n", "base.yaml")
    user.write(HEAD + TREES)
    return user


def test_what_xgboost_takes_is_planned_without_a_word(lab: User, aws: FakeAws) -> None:
    lab.write(HEAD + TREES + SEARCH)
    said = lab.run("plan")
    assert "Warning" not in said
    assert "2 new runs" in said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("eta: 0.2", "eta: 2", "eta: 2 is too large: at most 1."),
        ("eta: 0.2", "max_depth: deep", 'max_depth: "deep" is not a whole number.'),
        ("eta: 0.2", "booster: gbtre", 'Did you mean "gbtree"?'),
        ("eta: 0.2", "objective: multi:softmax", "XGBoost needs num_class when objective is multi:softmax"),
    ],
)
def test_what_the_container_would_refuse_is_refused_where_it_stands(
    lab: User, aws: FakeAws, old: str, new: str, says: str
) -> None:
    lab.edit(old, new)
    said = lab.run("plan", code=1)
    assert says in said
    line = (lab.folder / "main.pf.yaml").read_text().splitlines().index(f"        - {new}") + 1
    assert f"main.pf.yaml:{line if 'num_class' not in says else line - 2}:" in said
    assert aws.changes() == []


def test_a_layer_that_is_a_file_is_judged_too(lab: User, aws: FakeAws) -> None:
    lab.write("objective: binary:logistic\nnum_round: 0\n", "base.yaml")
    said = lab.run("plan", code=1)
    assert "num_round: 0 is too small: at least 1." in said
    assert "It stands in base.yaml." in said
    lab.write("objective: binary:logistic\n", "base.yaml")
    assert "XGBoost needs num_round." in lab.run("plan", code=1)


def test_a_name_that_nobody_knows_is_warned_of(lab: User, aws: FakeAws) -> None:
    lab.edit("eta: 0.2", "max_dept: 3")
    said = lab.run("plan")
    assert 'Warning: XGBoost knows no hyperparameter "max_dept".' in said
    assert re.search(r'main.pf.yaml:\d+:\d+, in trainer.trees.*Did you mean "max_depth"\?', said, re.DOTALL)
    lab.run("apply", "-y")  # tables grow old
    assert aws.objects("training_job")


def test_code_has_hyperparameters_of_its_own(lab: User, aws: FakeAws) -> None:
    lab.write("print()\n", "src/train.py")
    lab.edit("eta: 0.2", "{max_dept: 3, eta: 7}")
    lab.edit("      input_data:", "      source_code: {source_dir: src, entry_script: train.py}\n      input_data:")
    assert "Warning" not in lab.run("plan")


def test_ranges_are_judged_where_they_stand(lab: User, aws: FakeAws) -> None:
    lab.write(HEAD + TREES + SEARCH)
    lab.edit("max_depth: {min_value: 1", "max_depth: {min_value: -1")
    said = lab.run("plan", code=1)
    assert "max_depth: -1 is too small: at least 0." in said
    assert re.search(r"main.pf.yaml:\d+:\d+, in tuning_job.search", said)
    lab.edit("max_depth: {min_value: -1", "max_deepness: {min_value: 1")
    assert 'XGBoost knows no hyperparameter "max_deepness".' in lab.run("plan")
    lab.edit("num_round: 10}", "eta: 1}")
    assert "XGBoost needs num_round." in lab.run("plan", code=1)
