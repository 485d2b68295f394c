"""A search for the best hyperparameters on this machine: one run of many trials, that nothing makes forget or repeat."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from planform.providers.local.supervisor import Run

from .conftest import EXAMPLE, User, open_gate, until

SEARCH = """
planform: {name: search, default_provider: local}
provider: {local: {max_instances: 4}}
variable:
  jobs: {type: number, default: 6}
  epochs: {type: number, default: 1}
resource:
  trainer:
    base:
      run: manual
      training_image: img
      source_code: {command: "COMMAND"}
      environment: {PLACE: "${path.cwd}"}
      hyperparameters: {epochs: "${var.epochs}"}
      metric_definitions: [{name: acc, regex: "acc=([-0-9.]+)"}]
  tuning_job:
    t:
      trainer: "${trainer.base}"
      strategy: Random
      random_seed: 7
      objective: {metric_name: acc}
      parameter_ranges: {integer: {x: {min_value: 1, max_value: 100}}}
      resource_limits: {max_number_of_training_jobs: "${var.jobs}", max_parallel_training_jobs: 2}
output:
  best: {value: "${tuning_job.t.best_hyperparameters}"}
  metric: {value: "${tuning_job.t.best_metric}"}
  model: {value: "${tuning_job.t.model_artifacts}"}
  trials: {value: "${[for trial in tuning_job.t.runs : trial.hyperparameters.x]}"}
"""
SAY = "echo $SM_HP_X >> $PLACE/began; echo acc=$SM_HP_X; echo $SM_HP_X > $SM_MODEL_DIR/x"
GATED = SAY + "; while [ ! -e $PLACE/gate ]; do sleep 0.02; done; exit $(cat $PLACE/gate)"


def search(user: User, command: str = SAY) -> None:
    user.write(SEARCH.replace("COMMAND", command))


def began(user: User) -> list[str]:
    place = user.folder / "began"
    return place.read_text().split() if place.exists() else []


def outputs(user: User) -> dict[str, Any]:
    return {name: item["value"] for name, item in json.loads(user.run("output", "--json")).items()}


def test_the_best_of_six_is_exported_and_not_searched_again(user: User) -> None:
    search(user)
    assert "new run 1  6 trials of x (Random)" in user.run("plan")
    applied = user.run("apply", "-y")
    assert len(re.findall(r"tuning_job.t: trial \d of 6 succeeded in .*, acc \d+ \(x=\d+\)", applied)) == 6
    found = outputs(user)
    assert found["metric"] == max(found["trials"])
    assert found["best"] == {"x": found["metric"]}
    assert (user.folder / found["model"]).is_file()
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert f"acc {found['metric']:g}" in user.run("runs")
    (run,) = json.loads(user.run("runs", "--json"))["runs"]
    assert [trial["hyperparameters"]["x"] for trial in run["trials"]] == found["trials"]
    assert run["trials"][run["best"] - 1]["hyperparameters"] == found["best"]

    shrunk = user.run("plan", "--var", "jobs=2")
    assert "resource_limits.max_number_of_training_jobs  6 -> 2" in shrunk
    user.run("apply", "-y", "--var", "jobs=2")
    assert outputs(user)["trials"] == found["trials"][:2]  # the seed decides, not how many there are
    assert "reuse run 1" in user.run("plan")
    (user.folder / found["model"]).unlink()
    assert "new run 3" in user.run("plan")  # its best model is gone
    changed = user.run("plan", "--var", "epochs=2")
    assert re.search(r"trainer.hyperparameters.epochs +1 -> 2", changed)
    assert "+ hyperparameters.epochs" not in changed


def test_killed_the_search_goes_on_and_repeats_nothing(user: User) -> None:
    search(user, GATED)
    process = user.start("apply", "-y")
    until(lambda: len(began(user)) == 2, "two trials")
    process.kill()
    process.communicate()
    assert "run 1 in progress" in user.run("plan", "--detailed-exitcode")
    user.run("apply", "-y")  # nothing is launched a second time
    assert len(began(user)) == 2  # so many at once, whoever looks on
    open_gate(user)
    assert "best of 6" in user.run("runs", "wait", "--timeout", "30")
    user.run("apply", "-y")
    assert Counter(began(user)) == Counter(map(str, outputs(user)["trials"]))
    assert len(user.run_folders()) == 1


def test_ctrl_c_leaves_the_search_alone(user: User) -> None:
    search(user, GATED)
    process = user.start("apply", "-y")
    until(lambda: len(began(user)) == 2, "two trials")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert "planform runs" in out + err
    open_gate(user)
    assert "run 1 succeeded" in user.run("runs", "wait", "--timeout", "30")
    assert len(began(user)) == 6


def test_a_launch_cut_short_is_taken_up(user: User) -> None:
    """The trials are there, but planform was killed before they were all in the queue."""
    search(user, GATED)
    user.run("apply", "-y", "--detach")
    until(lambda: len(began(user)) == 2, "two trials")
    queue = sorted((user.folder / ".planform" / "queue").glob("*.json"))
    for entry in queue[3:]:
        entry.unlink()
    open_gate(user)
    assert "best of 6" in user.run("runs", "wait", "--timeout", "30")
    assert len(began(user)) == 6


def test_trials_that_fail_do_not_lose_the_job(user: User) -> None:
    search(user, SAY + "; [ $SM_HP_X -lt 30 ]")
    user.run("apply", "-y")
    found = outputs(user)
    assert found["metric"] == max(x for x in found["trials"] if x < 30)
    assert max(found["trials"]) >= 30


def test_all_failed_is_failed_and_held(user: User) -> None:
    search(user, "echo no luck; exit 3")
    assert "all 6 trials failed; the first: command exited with code 3" in user.run("apply", "-y", code=1)
    assert "held: run 1 failed" in user.run("plan", "--detailed-exitcode")
    assert "new run 2" in user.run("plan", "--retry", "tuning_job.t")


def test_a_metric_that_nobody_prints(user: User) -> None:
    search(user, "echo nothing")
    said = user.run("apply", "-y", code=1)
    assert 'no trial printed the metric "acc"' in said


def test_stopped_trials_that_wait_never_start(user: User) -> None:
    search(user, GATED)
    user.run("apply", "-y", "--detach")
    until(lambda: len(began(user)) == 2, "two trials")
    user.run("stop", "tuning_job.t")
    waited = user.run("runs", "wait", "tuning_job.t", "--timeout", "30", code=1)
    assert waited.count("stopped after") == 3  # two trials, and the run; not the four that never began
    assert "cancelled" not in waited
    assert "stopped" in user.run("runs")
    assert len(began(user)) == 2
    assert "held: run 1 was stopped" in user.run("plan")


def test_logs_of_one_trial(user: User) -> None:
    search(user)
    user.run("apply", "-y", "--var", "jobs=2")
    trials = outputs(user)["trials"]
    assert user.run("logs", "tuning_job.t") == "".join(
        f"[trial-{number}/algo-1] acc={x}\n" for number, x in enumerate(trials, start=1)
    )
    assert user.run("logs", "tuning_job.t", "--node", "trial-2") == f"acc={trials[1]}\n"
    user.run("runs", "download", "tuning_job.t", "--to", "best")
    assert (user.folder / "best" / "model" / "model.tar.gz").is_file()


GRID = """
planform: {name: grid, default_provider: local}
resource:
  tuning_job:
    t:
      trainer:
        training_image: img
        source_code: {command: "echo loss=$SM_HP_DEPTH$SM_HP_WIDTH"}
        metric_definitions: [{name: loss, regex: "loss=([0-9]+)"}]
      strategy: Grid
      objective: {metric_name: loss, type: Minimize}
      parameter_ranges: {categorical: {depth: [2, 1], width: [8, 9]}}
      resource_limits: {max_parallel_training_jobs: 4}
output:
  best: {value: "${tuning_job.t.best_hyperparameters}"}
"""


def test_a_grid_tries_every_combination(user: User) -> None:
    user.write(GRID)
    assert "trials of depth, width (Grid)" in user.run("plan")
    applied = user.run("apply", "-y")
    assert "best of 4: trial 3 (depth=1 width=8)" in applied
    assert outputs(user)["best"] == {"depth": 1, "width": 8}
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    user.run("destroy", "-y")
    assert "new run" not in user.run("plan")  # the trials are still there


def test_the_trainer_is_not_waited_for_nor_blamed_twice(user: User) -> None:
    """A tuning job needs the definition of its trainer, not its run; what is wrong with that is said once."""
    search(user)
    user.edit("run: manual", "run: on_change")
    user.edit('command: "', 'command: "[ -n \\"$SM_HP_X\\" ] || exit 4; ')
    failed = user.run("apply", "-y", code=1)
    assert "trainer.base: run 1 failed" in failed
    assert "tuning_job.t: run 1 succeeded" in failed
    assert "tuning_job.t" not in user.run("plan")  # its trainer is held, and it is not
    user.edit("training_image: img", "training_image: img\n      priority: 3")
    assert user.run("plan", code=1).count("priority has a meaning only in a queue") == 1


def test_a_trial_that_begins_too_late_does_not_run(tmp_path: Path) -> None:
    """Whatever its own limit: max_runtime_in_seconds of the tuning job is over."""
    for late, left in ((5.0, 0), (time.time() + 60, 60)):
        (tmp_path / "job.json").write_text(json.dumps({"max_runtime_in_seconds": 600, "not_after": late}))
        assert max(Run(tmp_path, tmp_path).deadline, 0) == pytest.approx(left, abs=5)


def test_the_page_about_tuning(digits: User) -> None:
    """What docs/tuning.md shows is what happens."""
    page = (EXAMPLE.parents[1] / "docs" / "tuning.md").read_text()
    digits.write(page.partition("```yaml\n")[2].partition("```")[0])
    assert "6 trials of learning_rate, batch_size (Random)" in digits.run("plan")
    digits.run("apply", "-y")
    assert set(outputs(digits)["best"]) == {"learning_rate", "batch_size"}
    shown = digits.run("runs", "compare", "tuning_job.search", "--sort", "accuracy:desc")
    assert "*1/" in shown.splitlines()[1]
    digits.run("runs", "compare", "--newest", "--format", "html", "--out", "compare.html")
    assert "accuracy over learning_rate" in (digits.folder / "compare.html").read_text()
    digits.run("runs", "download", "tuning_job.search", "--to", "best")
    assert (digits.folder / "best" / "model" / "model.tar.gz").is_file()


def test_secrets_of_the_trainer_stay_secret(user: User) -> None:
    """A sensitive hyperparameter reaches every trial, and no file that stays."""
    search(user)
    user.edit("variable:", "variable:\n  token: {type: string, sensitive: true}")
    user.edit('{epochs: "${var.epochs}"}', '{token: "${var.token}", where: "x${var.token}"}')
    user.edit("echo acc=$SM_HP_X;", "echo acc=$(printf %s $SM_HP_TOKEN | wc -c);")
    user.environment = {"PLANFORM_VAR_token": "planted-secret-77"}
    shown = user.run("plan", "--out", "a.pfplan") + user.run("apply", "-y", "a.pfplan")
    assert outputs(user)["metric"] == len("planted-secret-77")
    shown += user.run("runs", "compare", "tuning_job.t") + user.run("runs", "--json") + user.run("show", "--json")
    shown += user.run("runs", "compare", "tuning_job.t", "--format", "html") + user.run("state", "show", "tuning_job.t")
    assert "planted-secret" not in shown
    left = [path for path in user.folder.rglob("*") if path.is_file() and b"planted-secret" in path.read_bytes()]
    assert left == []


CHAIN = """
planform: {name: chain, default_provider: local}
resource:
  trainer:
    first:
      training_image: img
      source_code: {command: "echo 5 > $SM_MODEL_DIR/weight"}
    base:
      run: manual
      training_image: img
      source_code: {command: "tar xzf $SM_CHANNEL_MODEL/model.tar.gz; echo acc=$(cat weight)$SM_HP_X"}
      input_data: {model: "${trainer.first.model_artifacts}"}
      metric_definitions: [{name: acc, regex: "acc=([0-9]+)"}]
  tuning_job:
    t:
      for_each: {low: [1, 2], high: [8, 9]}
      trainer: "${trainer.base}"
      strategy: Grid
      objective: {metric_name: acc}
      parameter_ranges: {categorical: {x: "${each.value}"}}
      resource_limits: {}
  planform_data:
    best: {input: "${{for name, job in tuning_job.t : name => job.best_metric}}"}
"""


def test_a_search_on_what_another_trainer_made(user: User) -> None:
    """It waits for the artifacts its trainer names, and what refers to it waits for its end."""
    user.write(CHAIN)
    assert user.run("plan").count("known after apply") == 2
    user.run("apply", "-y")
    (best,) = [json.loads(user.run("state", "show", "planform_data.best", "--json"))["values"]["output"]]
    assert best == {"low": 52, "high": 59}
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert len(user.run_folders()) == 3
    user.edit("echo 5 >", "echo 6 >")
    assert user.run("plan").count("new run 2") == 3
    user.run("apply", "-y")
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")


def test_each_trial_is_an_event(user: User) -> None:
    search(user, SAY + "; [ $SM_HP_X -lt 30 ]")
    events = [json.loads(line) for line in user.run("apply", "--json", "-y").splitlines()]
    trials = [event for event in events if event["type"] == "trial_status"]
    ended = [event for event in trials if event["trial"]["status"] in ("succeeded", "failed")]
    assert sorted(event["trial"]["number"] for event in ended) == [1, 2, 3, 4, 5, 6]
    assert {event["@level"] for event in ended} == {"info", "error"}
    assert all(event["trial"]["hyperparameters"]["x"] for event in ended)


def test_killed_at_any_moment_each_trial_is_made_once(user: User) -> None:
    search(user, "echo $TRAINING_JOB_NAME >> $PLACE/began; echo acc=$SM_HP_X")
    moments = random.Random(11)
    for _ in range(4):
        process = user.start("apply", "-y")
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=moments.uniform(0.3, 1.5))
        process.kill()
        process.communicate()
    for _ in range(2):
        user.run("apply", "-y")
        user.run("runs", "wait", "--timeout", "30")
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert sorted(Counter(began(user)).values()) == [1] * 6
    assert len(user.run_folders()) == 1


SEVERAL = """
planform: {name: search, default_provider: local}
provider: {local: {max_instances: 4}}
resource:
  trainer:
    flat:
      run: manual
      training_image: img
      source_code: {command: "echo acc=$SM_HP_X; echo flat > $SM_MODEL_DIR/x"}
      hyperparameters: {epochs: 1}
      metric_definitions: [{name: acc, regex: "acc=([-0-9.]+)"}]
    deep:
      run: manual
      training_image: img
      source_code: {command: "echo score=$((SM_HP_X + 100)); echo deep > $SM_MODEL_DIR/x"}
      hyperparameters: {epochs: 9}
      metric_definitions: [{name: score, regex: "score=([-0-9.]+)"}]
  tuning_job:
    t:
      strategy: Random
      random_seed: 7
      training_job_definitions:
        flat:
          trainer: "${trainer.flat}"
          objective: {metric_name: acc}
          parameter_ranges: {integer: {x: {min_value: 1, max_value: 100}}}
        deep:
          trainer: "${merge(trainer.deep, {environment = {A = 'one'}})}"
          objective: {metric_name: score}
          parameter_ranges: {categorical: {x: [1, 2]}}
      resource_limits: {max_number_of_training_jobs: 6, max_parallel_training_jobs: 2}
output:
  best: {value: "${tuning_job.t.best_run.definition}"}
  metric: {value: "${tuning_job.t.best_metric}"}
  model: {value: "${tuning_job.t.model_artifacts}"}
  which: {value: "${tuning_job.t.runs[*].definition}"}
"""


def test_several_trainers_in_one_search(user: User) -> None:
    user.write(SEVERAL)
    assert "new run 1  6 trials of flat (x), deep (x) (Random)" in user.run("plan")
    applied = user.run("apply", "-y")
    assert re.search(r"trial 2 of 6 succeeded in .*, score 10[12] \(deep: x=[12]\)", applied)
    found = outputs(user)
    assert found["which"] == ["flat", "deep", "flat", "deep", "flat", "flat"]  # deep has no other
    assert (found["best"], found["metric"]) == ("deep", 102)
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    rows = user.run("runs", "compare", "tuning_job.t", "--sort", "definition", "--format", "csv").splitlines()
    assert rows[0] == "address,run,trial,definition,status,started_at,seconds,epochs,x,acc,score"
    assert [row.split(",")[3] for row in rows[1:]] == ["deep"] * 2 + ["flat"] * 4
    assert {row.split(",")[7] for row in rows[1:3]} == {"9"}  # each has what its own trainer is given
    told = json.loads(user.run("runs", "compare", "tuning_job.t", "--format", "json"))["runs"]
    assert [item["definition"] for item in told] == found["which"]
    assert "1/2 deep" in user.run("runs", "compare", "tuning_job.t", "--format", "html")
    assert "best objective" in user.run("metrics", "tuning_job.t")
    assert re.fullmatch(r"score=10[12]\n", user.run("logs", "tuning_job.t", "--node", "trial-2"))
    user.edit("score=$((SM_HP_X + 100))", "score=$((SM_HP_X - 100))")
    user.edit("objective: {metric_name: score}", "objective: {metric_name: score, type: Minimize}")
    said = user.run("plan", code=1)
    assert "Minimize stands beside Maximize: the best job of all could not be told." in said
    user.edit("type: Minimize", "type: Maximize")
    changed = user.run("plan")
    assert "training_job_definitions.deep.trainer.source_code.command" in changed
    user.run("apply", "-y")
    assert (outputs(user)["best"], outputs(user)["metric"] > 0) == ("flat", True)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "      strategy: Random\n",
            "      strategy: Random\n      autotune: {mode: Enabled}\n",
            "autotune cannot be used here: the ranges it finds are SageMaker's; write them in parameter_ranges.",
        ),
        (
            'trainer: "${trainer.flat}"',
            "trainer: \"${merge(trainer.flat, {executor = 'docker'})}\"",
            "All trials of a search are made by one executor; those of the first are by docker.",
        ),
        ("strategy: Random", "strategy: Bayesian", "This machine knows no strategy Bayesian"),
    ],
)
def test_what_this_machine_does_not_search(user: User, old: str, new: str, says: str) -> None:
    user.write(SEVERAL)
    user.edit(old, new)
    said = user.run("plan", code=1)
    assert says in said
    assert re.search(r"main.pf.yaml:\d+:\d+, in tuning_job.t", said)
