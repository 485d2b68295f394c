"""A sweep of twenty runs and a search of twenty trials on the digits, compared: in tables, and on a page that is looked at."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

from tests.chromium import Chromium
from tests.fakes.picture import Picture

from .conftest import User

TWENTY = """
planform: {name: digits, default_provider: local}
provider: {local: {max_instances: 2}}
locals:
  pairs: "${setproduct([0.005, 0.02, 0.1, 0.4, 1.5], [16, 32, 64, 128])}"
  job:
    training_image: {framework: sklearn, version: "1.4-2"}
    source_code: {source_dir: src, entry_script: train.py}
    input_data: {train: data/train}
    metric_definitions: [{name: accuracy, regex: "acc=([0-9.]+)"}, {name: loss, regex: "loss=([0-9.]+)"}]
resource:
  trainer:
    sweep:
      for_each: "${{for pair in local.pairs : join('-', pair) => pair}}"
      training_image: "${local.job.training_image}"
      source_code: "${local.job.source_code}"
      input_data: "${local.job.input_data}"
      metric_definitions: "${local.job.metric_definitions}"
      hyperparameters: {epochs: 1, learning_rate: "${each.value[0]}", batch_size: "${each.value[1]}"}
  tuning_job:
    search:
      trainer: "${merge(local.job, {hyperparameters = {epochs = 1}})}"
      strategy: Random
      random_seed: 7
      objective: {metric_name: accuracy}
      parameter_ranges:
        continuous: {learning_rate: {min_value: 0.003, max_value: 1, scaling_type: Logarithmic}}
        categorical: {batch_size: [16, 64]}
      resource_limits: {max_number_of_training_jobs: 20, max_parallel_training_jobs: 2}
"""
LIGHT, DARK = ("#ffffff", "#0969da", "#bc4c00"), ("#0d1117", "#4493f8", "#f0883e")  # paper, the sweep, the search


def test_forty_runs_side_by_side(digits: User, chromium: Chromium) -> None:
    few(digits.folder / "data" / "train")
    digits.write(TWENTY)
    assert "21 new runs" in digits.run("plan")
    applied, _ = digits.start("apply", "-y").communicate(timeout=240)  # forty trainings, on whatever machine
    assert "21 runs launched" in applied
    assert len(digits.run_folders()) == 21

    table = digits.run("runs", "compare", "--sort", "accuracy:desc").splitlines()
    assert len(table) == 42
    told = json.loads(digits.run("runs", "compare", "--format", "json", "--sort", "accuracy:desc"))
    accuracies = [entry["metrics"]["accuracy"] for entry in told["runs"]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert (told["changed"], told["metrics"]) == (["learning_rate", "batch_size"], ["accuracy", "loss"])
    rows = list(csv.DictReader(digits.run("runs", "compare", "tuning_job.search", "--format", "csv").splitlines()))
    assert [row["trial"] for row in rows] == [str(number) for number in range(1, 21)]
    assert {row["epochs"] for row in rows} == {"1"}
    best = max(rows, key=lambda row: float(row["accuracy"]))
    assert f"{float(best['accuracy']):g}" in digits.run("runs", "list", "tuning_job.search")
    assert digits.run("runs", "compare", "trainer.sweep", "--format", "markdown").count("\n") == 22
    assert 'Did you mean "accuracy"?' in digits.run("runs", "compare", "--sort", "acuracy", code=1)

    digits.run("runs", "compare", "--format", "html", "--out", "compare.html")
    digits.run("metrics", "trainer.sweep", "--format", "html", "--out", "metrics.html")
    digits.run("metrics", "trainer.sweep", "--format", "svg", "--out", "metrics.svg")
    look_at(chromium.picture(digits.folder / "compare.html"), LIGHT)
    look_at(chromium.picture(digits.folder / "compare.html", dark=True), DARK)
    look_at(chromium.picture(digits.folder / "metrics.html"), LIGHT)
    look_at(chromium.picture(digits.folder / "metrics.svg", dark=True), DARK)
    for name in ("compare.html", "metrics.html", "metrics.svg"):
        text = (digits.folder / name).read_text()
        assert "<script" not in text
        assert text.replace("http://www.w3.org/2000/svg", "").count("//") == 0  # it stands alone


def few(folder: Path) -> None:
    """Fewer digits: forty trainings need not know them all."""
    (path,) = folder.glob("*.csv.gz")
    with gzip.open(path, "rt") as file:
        lines = file.readlines()[::4]
    with gzip.open(path, "wt") as file:
        file.writelines(lines)


def look_at(seen: Picture, colours: tuple[str, str, str]) -> None:
    """Its ground is that of the scheme, and the charts have points and lines of the first two colours."""
    paper, *hues = colours
    assert seen.colours.most_common(1)[0][0] == paper
    for hue in hues:
        first, last = seen.rows[hue]
        assert seen.colours[hue] > 40, hue
        assert last - first > 50, hue  # spread over a chart, not one line of a legend


def test_curves_on_a_terminal(user: User) -> None:
    user.write(
        """
planform: {name: curves, default_provider: local}
resource:
  trainer:
    t:
      for_each: {down: "4 2 1", up: "1 3 4"}
      training_image: img
      source_code: {command: "for x in $VALUES; do echo loss=$x; sleep 0.05; done"}
      environment: {VALUES: "${each.value}"}
      metric_definitions: [{name: loss, regex: "loss=([0-9]+)"}]
"""
    )
    user.run("apply", "-y")
    shown = user.run("metrics", "trainer.t", "--format", "curves")
    assert shown.startswith('a trainer.t["down"] run 1  succeeded\nb trainer.t["up"] run 1  succeeded\n\nloss\n  4 │')
    rows = shown.splitlines()[4:16]
    assert rows[0].index("a") < rows[-1].rindex("a")  # one begins at the top and ends at the bottom,
    assert rows[-1].index("b") < rows[0].rindex("b")  # the other the other way round
    single = user.run("metrics", 'trainer.t["up"]', "--format", "curves")
    assert "•" in single
    user.edit('up: "1 3 4"', 'up: "1 3 5"')
    user.run("apply", "-y")
    assert user.run("metrics", 'trainer.t["up"]', "--format", "curves", "--compare").startswith("a ")  # both runs
    assert len(user.run("metrics", "trainer.t", "--compare", "--format", "svg").split("<polyline")) == 4
    assert "--format curves shows courses alone" in user.run("metrics", "--format", "curves", "--json", code=1)
    assert "there is no folder nowhere" in user.run("runs", "compare", "--out", "nowhere/x.csv", code=1)
