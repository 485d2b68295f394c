"""A trainer of two files and one folder of data, on disk."""

import pytest

from planform.core.schemas import convert_body
from planform.core.secrets import sealer
from planform.resources.trainer import SCHEMA
from planform.training.rules import TrainingRules


@pytest.fixture
def module(tmp_path):
    """A module folder with src/train.py, src/requirements.txt and data/train/a.csv."""
    for name, content in {
        "src/train.py": "print('training')\n",
        "src/requirements.txt": "\n",
        "data/train/a.csv": "1,2\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.fixture
def body():
    """A trainer as a user writes it."""
    return {
        "training_image": "image:1",
        "source_code": {"source_dir": "src", "entry_script": "train.py"},
        "input_data": {"train": "data/train"},
        "hyperparameters": {"epochs": 3, "rate": 0.1},
    }


@pytest.fixture(scope="session")
def seal():
    return sealer("00" * 32)


@pytest.fixture
def define(module, seal):
    """A body -> its converted form, its trees and its components."""

    def define(body, produced=None):
        desired = convert_body(body, SCHEMA.attributes, (), [])
        rules = TrainingRules()
        trees = {read.key: rules.scan(read) for read in rules.reads(desired, str(module), produced or {})}
        return desired, trees, rules.components(desired, trees, str(module), produced or {}, seal)

    return define
