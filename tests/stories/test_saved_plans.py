"""A saved plan is applied exactly, once, and not when what it saw has changed (S2.6, S2.7)."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from .conftest import User

VALUES = """
planform: {name: saved}
variable:
  size: {type: number, default: 1}
  token: {type: string, sensitive: true, default: ""}
resource:
  planform_data:
    a: {input: {size: "${var.size}", note: "${file('note.txt')}"}}
    b: {input: "${planform_data.a.id}"}
    c: {input: "${var.token}"}
"""


@pytest.fixture
def values(user: User) -> User:
    user.write(VALUES)
    user.write("hello", "note.txt")
    return user


def test_what_was_reviewed_is_applied(values: User) -> None:
    values.run("plan", "--out", "p.pfplan", "--var", "size=5")
    values.edit("default: 1", "default: 9")
    values.run("apply", "p.pfplan")
    assert "size: 5" in values.run("state", "show", "planform_data.a")


def test_it_is_applied_once(values: User) -> None:
    values.run("plan", "--out", "p.pfplan")
    values.run("apply", "p.pfplan")
    refused = values.run("apply", "p.pfplan", code=1)
    assert "This plan is stale" in refused
    assert "planform plan --out" in refused


def test_a_changed_file_makes_it_stale(values: User) -> None:
    values.run("plan", "--out", "p.pfplan")
    values.write("other", "note.txt")
    assert "note.txt changed after the plan was made" in values.run("apply", "p.pfplan", code=1)
    assert values.run("state", "list") == ""


def test_another_apply_of_the_same_records_makes_it_stale_and_of_others_does_not(values: User) -> None:
    values.run("apply", "-y")
    values.run("plan", "--out", "one.pfplan", "--var", "size=2", "--target", "planform_data.a")
    values.run("plan", "--out", "other.pfplan", "--var", "token=x", "--target", "planform_data.c")
    values.run("apply", "-y", "--var", "size=3", "--target", "planform_data.a")
    refused = values.run("apply", "one.pfplan", code=1)
    assert "planform_data.a changed after it was made" in " ".join(refused.split())
    values.environment = {"PLANFORM_VAR_token": "x"}
    values.run("apply", "other.pfplan")


def test_secrets_are_given_again_and_must_match(values: User) -> None:
    values.environment = {"PLANFORM_VAR_token": "hunter2"}
    values.run("plan", "--out", "p.pfplan")
    values.environment = {"PLANFORM_VAR_token": "hunter3"}
    assert "The sensitive variable token is not what it was" in values.run("apply", "p.pfplan", code=1)
    values.environment = {"PLANFORM_VAR_token": "hunter2"}
    values.run("apply", "p.pfplan")
    written = b"".join(path.read_bytes() for path in values.folder.rglob("*") if path.is_file())
    assert b"hunter2" not in written


def test_another_state_refuses_it(values: User) -> None:
    values.run("apply", "-y")
    values.run("plan", "--out", "p.pfplan", "--var", "size=2")
    shutil.rmtree(values.folder / "state")
    assert "The state this plan was made for is gone" in values.run("apply", "p.pfplan", code=1)
    values.run("apply", "-y")
    assert "This plan was made for another state" in values.run("apply", "p.pfplan", code=1)


def test_a_changed_source_tree_makes_it_stale(digits: User) -> None:
    digits.run("plan", "--out", "p.pfplan")
    digits.edit("import", "import  ", "src/train.py")
    refused = digits.run("apply", "p.pfplan", code=1)
    assert "src changed after the plan was made" in refused
    assert digits.run_folders() == []


def test_no_plan_file(user: User) -> None:
    user.write("planform: {name: x}\n")
    assert "nowhere.pfplan" in user.run("apply", "nowhere.pfplan", code=1)
    user.write("garbage", "x.pfplan")
    assert "is not a plan file" in user.run("apply", "x.pfplan", code=1)


def test_plans_are_encrypted_too(user: User) -> None:
    user.write(
        "planform: {name: e, encryption: {passphrase_env: TEAM_PASSPHRASE}}\n"
        "resource: {planform_data: {a: {input: some value}}}\n"
    )
    assert "TEAM_PASSPHRASE is not set" in user.run("plan", "--out", "p.pfplan", code=1)
    user.environment["TEAM_PASSPHRASE"] = "x"
    user.run("plan", "--out", "p.pfplan")
    assert (user.folder / "p.pfplan").read_bytes().startswith(b"planform-encrypted:1:")
    assert "planform_data.a" in user.run("show", "p.pfplan")
    user.run("apply", "p.pfplan")
    assert (user.folder / "state" / "default.json").read_bytes().startswith(b"planform-encrypted:1:")
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert '"input": "some value"' in user.run("state", "pull")
    user.edit("{passphrase_env: TEAM_PASSPHRASE}", "{}")
    assert "Write encryption: {passphrase_env: NAME}" in user.run("plan", code=1)


def test_an_encrypted_state_can_be_pushed(user: User) -> None:
    """A backup or a recovery file is encrypted like the state it was made of."""
    user.environment["PASS"] = "correct horse"
    user.write(
        "planform: {name: e, encryption: {passphrase_env: PASS}}\nresource: {planform_data: {a: {input: 1}, b: {input: 2}}}\n"
    )
    user.run("apply", "-y")
    kept = (user.folder / "state" / "default.json").read_bytes()
    assert kept.startswith(b"planform-encrypted:")
    (user.folder / "kept").write_bytes(kept)
    user.run("state", "rm", "planform_data.a")
    user.run("state", "push", "--force", "kept")
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    (user.folder / "state" / "default.json").write_bytes(kept[:-40] + kept[-20:])
    assert "backup" in user.run("plan", code=1)


LAYERS = """
planform: {name: layers, default_provider: local}
resource:
  planform_data:
    a: {input: hello}
  trainer:
    t:
      training_image: img
      source_code: {command: 'cat "$SAGEMAKER_BASE_DIR/input/config/hyperparameters.json"'}
      hyperparameters: [base.yaml, {word: "${planform_data.a.id}", deep: {b: 2}}]
"""


def test_layers_of_hyperparameters_are_read_once(user: User) -> None:
    """A plan keeps what it read; what it left open in a layer is filled in, and the rest stays as it was reviewed."""
    user.write(LAYERS)
    user.write("deep: {a: 1, b: 1}\nlr: 1e-3\n", "base.yaml")
    assert "hyperparameters.word" not in user.run("plan", "--out", "p.pfplan")
    user.write("deep: {a: 2}\n", "base.yaml")
    assert "base.yaml changed after the plan was made" in user.run("apply", "p.pfplan", code=1)
    user.write("deep: {a: 1, b: 1}\nlr: 1e-3\n", "base.yaml")
    user.run("apply", "p.pfplan")
    told = json.loads(user.run("logs", "trainer.t").partition("] ")[2])
    assert (told["deep"], told["lr"], len(told["word"])) == ('{"a": 1, "b": 2}', "0.001", 32)
    assert user.run("plan").startswith("No changes")


def plan_id(printed: str) -> str:
    found = re.search(r"^Plan id: ([0-9a-f]{10})$", printed, re.MULTILINE)
    assert found, printed
    return found[1]


def test_the_same_plan_has_the_same_id_and_another_has_another(digits: User) -> None:
    """Neither when it is made nor the lines that say it are part of it; what a run reads is."""
    digits.environment["PLANFORM_VAR_learning_rate"] = "0.2"
    first = plan_id(digits.run("plan", "--out", "p.pfplan"))
    digits.edit("planform:\n", "# A line more.\nplanform:\n")
    assert plan_id(digits.run("plan")) == first
    assert plan_id(digits.run("show", "p.pfplan")) == first
    assert f"Plan id: `{first}`" in digits.run("plan", "--format", "markdown")
    assert json.loads(digits.run("plan", "--format", "json"))["x_planform"]["id"] == first
    digits.environment["PLANFORM_VAR_learning_rate"] = "0.3"
    other = plan_id(digits.run("plan"))
    digits.edit("import argparse", "import argparse  # as ever", "src/train.py")
    assert len({first, other, plan_id(digits.run("plan"))}) == 3


def test_a_first_plan_with_a_secret_has_one_id_and_apply_echoes_it(values: User) -> None:
    values.environment = {"PLANFORM_VAR_token": "hunter2"}
    first = plan_id(values.run("plan", "--out", "p.pfplan"))
    assert plan_id(values.run("plan")) == first
    assert plan_id(values.run("apply", "p.pfplan")) == first
    assert "Plan id" not in values.run("plan")
