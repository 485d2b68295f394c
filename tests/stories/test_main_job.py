"""Declare, plan, train, change one number, train only that; put it back, train nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .conftest import User


def test_edit_one_number(digits: User) -> None:
    digits.run("plan", "--detailed-exitcode", code=2)
    applied = digits.run("apply", "--auto-approve")
    assert "accuracy 0.9556" in applied
    assert "2 runs launched" in applied
    assert digits.run("plan", "--detailed-exitcode") == "No changes. 2 resources and 2 runs are as the files say.\n"
    first = digits.run_folders()

    digits.edit("default: 0.2", "default: 0.05")
    plan = digits.run("plan")
    assert plan.splitlines()[:2] == [
        '  > trainer.digits["fast"]             new run 2    main.pf.yaml:28',
        "        hyperparameters.learning_rate  0.2 -> 0.05  main.pf.yaml:35",
    ]
    assert re.search(r"\n +run 1 +measured accuracy 0.9556, loss 0.\d+\n", plan)  # what the change is to be judged by
    assert re.search(r"new run 2 .*\n +run 1 measured accuracy 0.9556", digits.run("plan", "--format", "markdown"))
    assert "run 1 measured accuracy 0.9556" in digits.run("plan", "--full")
    assert "1 new run" in plan
    digits.run("apply", "-y")
    assert len(digits.run_folders()) == len(first) + 1
    assert "0.9417" in digits.run("output", "accuracy")

    digits.edit("default: 0.05", "default: 0.2")
    assert '= trainer.digits["fast"]             reuse run 1' in digits.run("plan")
    digits.run("apply", "-y")
    assert len(digits.run_folders()) == len(first) + 1
    assert "0.9556" in digits.run("output", "accuracy")
    digits.run("plan", "--detailed-exitcode")

    digits.run("destroy", "-y")
    assert digits.run("state", "list") == ""
    assert "new run" not in digits.run("plan")  # the ledger outlives the trainer: its runs are reused


NO_NETWORK = """
import socket
def refused(*arguments, **options):
    raise OSError("the network is off in this test")
socket.socket = socket.create_connection = socket.getaddrinfo = refused
"""


def test_without_network_account_or_docker(digits: User, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(NO_NETWORK)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "git", "cat"):
        found = next(
            (f"{folder}/{name}" for folder in os.environ["PATH"].split(":") if os.path.exists(f"{folder}/{name}")), None
        )
        if found:
            (tools / name).symlink_to(found)
    (tmp_path / "home").mkdir()
    digits.environment = {
        "PYTHONPATH": str(blocked),
        "PATH": str(tools),
        "HOME": str(tmp_path / "home"),
        "AWS_REGION": "",
        "AWS_PROFILE": "",
    }
    assert "accuracy 0.9556" in digits.run("apply", "-y")
    script = digits.folder / "src" / "train.py"
    script.write_text("import socket\nsocket.socket()\n")
    assert "the network is off in this test" in digits.run("apply", "-y", code=1)


HEAVY = ("boto3", "botocore", "docker", "deepdiff", "rich", "jinja2")
DENY = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY!r}:
            raise RuntimeError(name + " is loaded on the way")
sys.meta_path.insert(0, Refuse())
"""


def test_the_way_to_a_plan_is_light(digits: User, tmp_path: Path) -> None:
    digits.run("apply", "-y")
    (tmp_path / "sitecustomize.py").write_text(DENY)
    digits.environment = {"PYTHONPATH": str(tmp_path)}
    for words in (["--help"], ["version"], ["validate"], ["plan"]):
        digits.run(*words)


def test_init_writes_the_same_example(user: User) -> None:
    user.run("init", "--example", "digits")
    assert "accuracy 0.9556" in user.run("apply", "-y")
