"""What becomes of runs: held, retried, chained, detached, queued, stopped."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from .conftest import User, open_gate, until

FAILING = """
planform: {name: held, default_provider: local}
resource:
  trainer:
    t:
      training_image: img
      source_code: {source_dir: src, entry_script: train.py}
      hyperparameters: {lr: 1}
"""


def test_a_run_that_fails_by_its_own_code_is_held(user: User) -> None:
    user.write(FAILING)
    user.write("import sys\nprint('working')\nraise ValueError('no such column: label')\n", "src/train.py")
    failed = user.run("apply", "-y", code=1)
    assert "ValueError: no such column: label" in failed
    held = user.run("plan", "--detailed-exitcode")
    assert "held: run 1 failed" in held
    assert "--retry" in held
    user.run("apply", "-y")
    assert len(user.run_folders()) == 1
    assert "new run 2" in user.run("plan", "--retry", "trainer.t")
    assert "new run 2" in user.run("plan", "--retry-failed")
    user.write("print('well')\n", "src/train.py")
    assert "new run 2" in user.run("plan")
    user.run("apply", "-y")
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")


def test_a_run_that_fails_while_it_is_launched(user: User) -> None:
    """Here because its supervisor cannot be started: the Python that runs planform has been taken away meanwhile."""
    user.write(FAILING)
    user.write("print('well')\n", "src/train.py")
    gone = "import sys; sys.executable = '/no/python'; from planform.cli.main import main; main()"
    words = [sys.executable, "-c", gone, "apply", "-y"]
    done = subprocess.run(words, cwd=user.folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "run 1 failed" in done.stdout
    assert "the supervisor did not start: [Errno 2] No such file or directory: '/no/python'" in done.stdout
    assert "Remaining" not in done.stdout + done.stderr
    assert "run 2 succeeded" in user.run("apply", "-y")


def test_a_loss_that_is_no_number(user: User) -> None:
    user.write(
        """
planform: {name: nan, default_provider: local}
resource:
  trainer:
    t:
      training_image: img
      source_code: {command: "echo loss=nan"}
      metric_definitions: [{name: loss, regex: "loss=(.*)"}]
output:
  loss: {value: "${trainer.t.metrics}"}
"""
    )
    user.run("apply", "-y")
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert json.loads(user.run("output", "--json"))["loss"]["value"] == {"loss": None}
    assert "nan" in user.run("runs")


CHAIN = """
planform: {name: chain, default_provider: local}
variable:
  lr: {type: number, default: 1}
resource:
  trainer:
    base:
      training_image: img
      source_code: {command: "echo base > $SM_MODEL_DIR/weights"}
      hyperparameters: {lr: "${var.lr}"}
    fine:
      training_image: img
      source_code: {command: "ls $SM_CHANNEL_BASE && cp $SM_CHANNEL_BASE/model.tar.gz $SM_MODEL_DIR"}
      input_data: {base: "${trainer.base.model_artifacts}"}
      wait: WAIT
"""


def test_a_trainer_fed_by_a_trainer(user: User) -> None:
    user.write(CHAIN.replace("WAIT", "true"))
    first = user.run("plan")
    assert "known after apply" in first
    user.run("apply", "-y")
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert "run:" in user.run("why", "trainer.fine")
    again = user.run("plan", "--var", "lr=2")
    assert again.count("new run 2") == 2
    user.run("apply", "-y", "--var", "lr=2")
    # Back to the first definition: both runs are there, nothing trains.
    assert user.run("plan").count("reuse run 1") >= 1
    user.run("apply", "-y")
    assert len(user.run_folders()) == 4


def test_detached_the_next_apply_goes_on(user: User) -> None:
    user.write(CHAIN.replace("WAIT", "true"))
    assert "trainer.fine" in user.run("apply", "-y", "--detach")
    assert len(user.run_folders()) == 1
    user.run("runs", "wait", "--timeout", "30")
    user.run("apply", "-y")
    assert len(user.run_folders()) == 2
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")


QUEUED = """
planform: {name: queued, default_provider: local}
resource:
  service_environment:
    one: {capacity_limits: [{max_capacity: 1}]}
  job_queue:
    low: {priority: 1, service_environment_order: ["${service_environment.one.arn}"]}
    high: {priority: 9, service_environment_order: ["${service_environment.one.arn}"]}
  trainer:
    gate:
      training_image: img
      queue: "${job_queue.low.arn}"
      source_code: {command: "while [ ! -e $GATE ]; do sleep 0.02; done"}
      environment: {GATE: "${path.cwd}/gate"}
"""
MORE = """
    low:
      training_image: img
      queue: "${job_queue.low.arn}"
      source_code: {command: "echo low >> $ORDER"}
      environment: {ORDER: "${path.cwd}/order"}
    high:
      training_image: img
      queue: "${job_queue.high.arn}"
      source_code: {command: "echo high >> $ORDER"}
      environment: {ORDER: "${path.cwd}/order"}
"""


def test_a_full_environment_queues_and_priority_decides(user: User) -> None:
    user.write(QUEUED)
    user.run("apply", "-y", "--detach")
    until(lambda: "running" in user.run("runs"), "the first start")
    user.write(QUEUED + MORE)
    user.run("apply", "-y", "--detach")
    standing = {line.split()[0]: line.split()[2] for line in user.run("runs").splitlines()[1:]}
    assert standing == {"trainer.gate": "running", "trainer.high": "queued", "trainer.low": "queued"}
    open_gate(user)
    user.run("runs", "wait", "--timeout", "30")
    assert (user.folder / "order").read_text() == "high\nlow\n"


@pytest.mark.parametrize("which", ["gate", "low"])
def test_stop(user: User, which: str) -> None:
    user.write(QUEUED + MORE)
    user.run("apply", "-y", "--detach", "--target", "trainer.gate")
    user.run("apply", "-y", "--detach", "--target", "trainer.low")
    user.run("stop", f"trainer.{which}")
    if which == "gate":
        user.run("runs", "wait", "trainer.gate", "--timeout", "30", code=1)
    runs = {run["address"]: run["status"] for run in json.loads(user.run("runs", "--json"))["runs"]}
    assert runs[f"trainer.{which}"] == "stopped"
    open_gate(user)
    assert f"trainer.{which}" in user.run("plan", "--target", f"trainer.{which}")


def test_a_change_while_it_runs(gated: User) -> None:
    gated.run("apply", "-y", "--detach")
    until(lambda: "running" in gated.run("runs"), "the start")
    plan = gated.run("plan", "--var", "lr=2")
    assert "new run 2" in plan
    assert "run 1" in plan  # goes on, and the plan says so
    gated.edit("hyperparameters:", "on_change: stop\n      hyperparameters:")
    assert "run 1" in gated.run("plan", "--var", "lr=2")
    open_gate(gated)
    gated.run("apply", "-y", "--var", "lr=2")
    statuses = [run["status"] for run in json.loads(gated.run("runs", "--json"))["runs"]]
    assert statuses == ["stopped", "succeeded"] or statuses == ["succeeded", "succeeded"]


MODULES = """
planform: {name: tree, default_provider: local}
module:
  team:
    source: ./team
    for_each: {a: 1, b: 2}
    inputs: {size: "${each.value}"}
  off: {source: ./team, enabled: false, inputs: {size: 0}}
output:
  sizes: {value: "${[for name, team in module.team : team.size]}"}
"""
TEAM = """
variable:
  size: {type: number}
resource:
  service_environment:
    pool: {capacity_limits: [{max_capacity: 4}]}
  job_queue:
    main: {service_environment_order: ["${service_environment.pool.arn}"]}
  trainer:
    t:
      count: 2
      training_image: img
      queue: "${job_queue.main.arn}"
      source_code: {source_dir: src, entry_script: t.sh}
      hyperparameters: {n: "${count.index}"}
  planform_data:
    size: {input: "${var.size}", depends_on: [trainer.t]}
output:
  size: {value: "${planform_data.size.output}"}
"""


def test_modules(user: User) -> None:
    user.write(MODULES)
    user.write(TEAM, "team/main.pf.yaml")
    user.write('#!/bin/sh\necho "$@"\n', "team/src/t.sh")
    user.run("apply", "-y")
    assert json.loads(user.run("output", "--json"))["sizes"]["value"] == [1, 2]
    listed = user.run("state", "list").splitlines()
    assert len(listed) == 10
    assert 'module.team["a"].trainer.t[1]' in listed
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    partial = user.run("plan", "--target", "module.team['b']", "--replace", "module.team['b'].planform_data.*")
    assert 'module.team["b"].planform_data.size' in partial
    assert 'team["a"]' not in partial
    user.edit("{a: 1, b: 2}", "{a: 1}")
    user.run("apply", "-y")
    assert len(user.run("state", "list").splitlines()) == 5
    destroyed = user.run("destroy", "-y")
    lines = [line for line in destroyed.splitlines() if line.endswith(": destroyed")]
    order = [line.partition(":")[0].rpartition('"].')[2] for line in lines]
    assert order.index("job_queue.main") < order.index("service_environment.pool")
    assert user.run("state", "list") == ""


def test_a_layer_that_only_apply_knows(user: User) -> None:
    """Which hyperparameters there are is then not known either; apply puts the layers together."""
    user.write("""
planform: {name: layers, default_provider: local}
resource:
  trainer:
    first:
      training_image: img
      source_code: {command: "echo acc=0.5"}
      metric_definitions: [{name: acc, regex: "acc=([0-9.]+)"}]
    second:
      training_image: img
      source_code: {command: 'echo "$SM_HPS"'}
      hyperparameters:
        - base.yaml
        - "${trainer.first.metrics}"
        - {deep: {b: 3}}
""")
    user.write("deep: {a: 1, b: 2}\nlr: 1e-3\n", "base.yaml")
    assert "hyperparameters: (known after apply: trainer.first.metrics)" in user.run("plan", "--full")
    user.run("apply", "-y")
    said = user.run("logs", "trainer.second")
    assert json.loads(said[said.index("{") :]) == {"deep": {"a": 1, "b": 3}, "lr": 0.001, "acc": 0.5}
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")


def test_a_change_in_a_layer_is_shown_where_it_is_named(user: User) -> None:
    """A value of a file at the layers, one that is written there at its line."""
    module = """
planform: {name: layers, default_provider: local}
resource:
  trainer:
    t:
      training_image: img
      source_code: {command: "true"}
      hyperparameters:
        - base.yaml
        - deep: {b: 3}
          lr: LR
"""
    user.write(module.replace("LR", "1"))
    user.write("deep: {a: 1, b: 2}\n", "base.yaml")
    user.run("apply", "-y")
    user.write(module.replace("LR", "2"))
    user.write("deep: {a: 7, b: 2}\n", "base.yaml")
    said = user.run("plan")
    assert re.search(r"hyperparameters.deep.a +1 -> 7 +\(base.yaml\) +main.pf.yaml:8", said)
    assert re.search(r"hyperparameters.lr +1 -> 2 +main.pf.yaml:11", said)
