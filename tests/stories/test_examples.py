"""The examples: each is planned as it stands, and runs where it can run here: as processes, without a network."""

from __future__ import annotations

import json
import re
import shutil
from operator import itemgetter
from pathlib import Path

import pytest

from tests.fake_aws import ACCOUNT, FakeAws

from .conftest import User

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/main.pf.yaml"))
ROLE = f"arn:aws:iam::{ACCOUNT}:role/train"


@pytest.fixture
def examples(user: User) -> User:
    left_behind = shutil.ignore_patterns(".planform", "state", "__pycache__")
    shutil.copytree(EXAMPLES, user.folder, dirs_exist_ok=True, ignore=left_behind)
    return user


def enter(user: User, name: str) -> User:
    user.folder /= name
    return user


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("from-v2", "jumpstart")])
def test_planned(examples: User, name: str) -> None:
    user = enter(examples, name)
    assert user.run("fmt", "--check") == ""
    assert "new run" in user.run("plan")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "quickstart"])
def test_what_the_sdk_says_is_understood(examples: User, name: str) -> None:
    """`launch.py` beside a module becomes one of the same trainers, with nothing that has no place in it."""
    user = enter(examples, name)
    assert re.search(r"^  trainer:$", user.run("migrate", "launch.py", "--stdout"), re.MULTILINE)
    if name == "from-v2":
        user.run("migrate", "launch.py", "--force")
        assert (user.folder / "main.pf.yaml").read_text() == (EXAMPLES / name / "main.pf.yaml").read_text()


@pytest.mark.parametrize("name", ["model-trainer", "batch-queue", "from-v2"])
def test_planned_on_aws(examples: User, aws: FakeAws, name: str) -> None:
    user = enter(examples, name)
    more = ("--var", "default_bucket=models") if name == "from-v2" else ("--var", "target=aws")
    told = user.run("plan", "--var", f"role={ROLE}", *more)
    assert re.search(r"\d new runs? \(at most", told)
    assert aws.changes() == []


def test_models_of_jumpstart(examples: User, aws: FakeAws) -> None:
    user = enter(examples, "jumpstart")
    assert user.run("fmt", "--check") == ""
    told = user.run("plan", "--full", "--var", f"role={ROLE}")
    assert 'lora_r: "64" (JumpStart 4.6.0)' in told  # what the model has for this type of instance
    assert "epoch: 3\n" in told
    assert "2 new runs" in told
    page = (user.folder / "README.md").read_text()
    searches = re.findall(r'planform (jumpstart (?:search|list --filter)) "(.*)"', page)
    assert len(searches) == 2
    for words, text in searches:
        found = user.run(*words.split(), text)
        assert "huggingface-tc-bert-base-cased" in found
        assert "llama" not in found


def accuracies(told: str) -> list[float]:
    return [float(number) for number in re.findall(r"accuracy (0\.\d+)", told)]


@pytest.mark.parametrize("name", ["model-trainer", "local-container"])
def test_one_trainer_runs(examples: User, name: str) -> None:
    user = enter(examples, name)
    words = ("--var", "executor=process") if name == "local-container" else ()
    (accuracy,) = accuracies(user.run("apply", "--auto-approve", *words))
    assert accuracy > 0.9
    assert "No changes." in user.run("plan", *words)


def test_hyperparameters_come_to_the_same_from_anywhere(examples: User) -> None:
    user = enter(examples, "hyperparameters")
    told = user.run("apply", "--auto-approve")
    found = dict(re.findall(r'trainer.digits\["(\w+)"\]: run 1 succeeded in [\d.]+ s, accuracy ([\d.]+)', told))
    assert found["mapping"] == found["json"] == found["yaml"]
    assert set(found) == {"mapping", "json", "yaml", "layered"}
    user.edit("epochs: 2", "epochs: 4", "hyperparameters.yaml")
    planned = user.run("plan")
    assert 'trainer.digits["yaml"]' in planned
    assert 'trainer.digits["json"]' not in planned


def test_a_driver_of_ones_own_lets_four_processes_learn_together(examples: User) -> None:
    user = enter(examples, "custom-driver")
    (accuracy,) = accuracies(user.run("apply", "--auto-approve"))
    assert accuracy > 0.85
    assert "processes=4" in user.run("logs", "trainer.digits")


def test_the_most_urgent_job_of_a_queue_goes_first(examples: User) -> None:
    user = enter(examples, "batch-queue")
    user.run("apply", "--auto-approve")
    runs = sorted(
        (json.loads(path.read_text()) for path in user.folder.rglob("run.json")), key=itemgetter("started_at")
    )
    urgency = {f'trainer.digits["{name}"]': priority for name, priority in (("slow", 1), ("medium", 5), ("fast", 9))}
    assert {run["address"]: run["status"] for run in runs} == dict.fromkeys(urgency, "succeeded")
    for index, run in enumerate(runs[1:], 1):  # the first to arrive may be any
        waited = [other for other in runs[index:] if other["queued_at"] < runs[index - 1]["ended_at"]]
        assert all(urgency[other["address"]] <= urgency[run["address"]] for other in waited)
    user.run("destroy", "--auto-approve")
