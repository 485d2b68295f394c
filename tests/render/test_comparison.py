"""Runs and trials side by side, in each form; charts and their axes; trials as lines."""

from __future__ import annotations

import pytest

from planform.core.errors import PlanformError
from planform.core.state import Run, Trial
from planform.core.values import Sealed
from planform.render.charts import Point, axis, curves, scatter
from planform.render.comparison import (
    compare,
    comparison_csv,
    comparison_json,
    comparison_markdown,
    comparison_text,
)
from planform.render.curves_text import curves_text
from planform.render.live import PlainReporter
from planform.render.pages import comparison_page, curves_page, curves_svg
from planform.render.trials import trials_table
from tests.render.samples import FAST, SLOW, run

FAILED = run(SLOW, 2, status="failed", reason="exit code 3", metrics={}, hyperparameters={"learning_rate": 9})
TOOK = {"started_at": "2026-01-02T03:04:05Z", "ended_at": "2026-01-02T03:04:06Z"}
SEARCH = run(
    "tuning_job.search",
    3,
    executor="process-tuning",
    hyperparameters={"epochs": 2, "key": Sealed("d")},
    best=2,
    trials=(
        Trial(1, "j-1", "failed", {"lr": 0.5, "opt": "sgd"}, {}, None, "exit code 3\nmore", **TOOK),
        Trial(2, "j-2", "succeeded", {"lr": 0.1, "opt": "a|b"}, {"acc": 0.9}, 0.9, **TOOK),
        Trial(3, "j-3", "running", {"lr": 0.2, "opt": "sgd"}, {"acc": float("nan")}, started_at=TOOK["started_at"]),
    ),
)


def test_runs_that_differ() -> None:
    assert comparison_text(compare([run(), FAILED])) == (
        "trainer                 run  status     epochs  learning_rate  accuracy  loss   took\n"
        'trainer.digits["fast"]    1  succeeded       3            0.2    0.9571  0.13  1.4 s\n'
        'trainer.digits["slow"]    2  failed                         9                  1.4 s\n'
    )
    assert comparison_text(compare([])) == "No runs yet.\n"


def test_trials_count_as_runs() -> None:
    found = compare([SEARCH])
    assert comparison_text(found) == (
        "trainer             run  status      lr  opt  acc   took\n"
        "tuning_job.search   3/1  failed     0.5  sgd       1.0 s\n"
        "tuning_job.search  *3/2  succeeded  0.1  a|b  0.9  1.0 s\n"
        "tuning_job.search   3/3  running    0.2  sgd  nan\n"
        "* the best trial of its tuning job\n"
    )
    assert comparison_markdown(found).splitlines()[:4] == [
        "| trainer | run | status | lr | opt | acc | took |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
        "| tuning_job.search | 3/1 | failed | 0.5 | sgd |  | 1.0 s |",
        "| tuning_job.search | *3/2 | succeeded | 0.1 | a\\|b | 0.9 | 1.0 s |",
    ]
    assert comparison_csv(found).splitlines() == [
        "address,run,trial,status,started_at,seconds,epochs,key,lr,opt,acc",
        "tuning_job.search,3,1,failed,2026-01-02T03:04:05Z,1.0,2,,0.5,sgd,",
        "tuning_job.search,3,2,succeeded,2026-01-02T03:04:05Z,1.0,2,,0.1,a|b,0.9",
        "tuning_job.search,3,3,running,2026-01-02T03:04:05Z,,2,,0.2,sgd,nan",
    ]
    told = comparison_json(found)
    assert told["changed"] == ["lr", "opt"]
    assert told["runs"][1]["best"] is True
    assert told["runs"][2]["metrics"] == {"acc": None}  # JSON has no NaN
    assert "key" not in told["runs"][0]["hyperparameters"]  # a secret


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("lr", [2, 3, 1]),
        ("lr:desc", [1, 3, 2]),
        ("acc", [2, 1, 3]),  # what has no value, or none that can be compared, comes last
        ("acc:desc", [2, 1, 3]),
        ("opt", [2, 1, 3]),
        ("run:desc", [3, 2, 1]),
        ("took", [1, 2, 3]),
        ("status", [1, 3, 2]),
    ],
)
def test_sorted_by_any_column(sort: str, order: list[int]) -> None:
    assert [entry.trial for entry in compare([SEARCH], sort).entries] == order


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(PlanformError, match='There is no column "aca" to sort by') as caught:
        compare([SEARCH], "aca:desc")
    assert caught.value.suggestion == 'Did you mean "acc"?'


def test_trials_as_they_end_and_as_a_table() -> None:
    said: list[str] = []
    reporter = PlainReporter(said.append)
    for _ in range(2):  # told twice, said once
        reporter.run_changed(SEARCH._replace(status="running"))
    assert said == [
        "tuning_job.search: run 3 running\n",
        "tuning_job.search: trial 1 of 3 failed after 1.0 s: exit code 3 (lr=0.5 opt=sgd)\n",
        "tuning_job.search: trial 2 of 3 succeeded in 1.0 s, acc 0.9 (lr=0.1 opt=a|b)\n",
    ]
    reporter.run_changed(SEARCH)
    assert said[3:] == [
        "tuning_job.search: run 3 succeeded in 1.4 s, accuracy 0.9571, loss 0.13, best of 3: trial 2 (lr=0.1 opt=a|b)\n"
    ]
    many = SEARCH._replace(trials=tuple(SEARCH.trials[2]._replace(number=n) for n in range(3, 40)) + SEARCH.trials[:2])
    shown = [line for line, _ in trials_table(many, 6)]
    assert len(shown) == 7
    assert any(line.startswith("*      2") for line in shown)  # the best is always there


def test_axes() -> None:
    assert [text for _, text in axis([0.0, 9.3]).ticks] == ["0", "2", "4", "6", "8", "10"]
    assert [text for _, text in axis([0.003, 0.9]).ticks] == ["0.001", "0.01", "0.1", "1"]
    assert [text for _, text in axis(["sgd", "adam", "sgd"]).ticks] == ["sgd", "adam"]
    assert axis([5.0]).share(5.0) == pytest.approx(0.5)
    assert axis([1e-9, 1e9]).share(1.0) == pytest.approx(0.5)
    assert 0 <= axis([-3.0, -1.0]).share(-3.0) < axis([-3.0, -1.0]).share(-1.0) <= 1


def test_pages_hold_what_they_are_given_and_nothing_of_others() -> None:
    page = comparison_page(compare([SEARCH, run(address='trainer.<b>["&"]', hyperparameters={"lr": 0.3})]), "a <title>")
    assert "<b>" not in page
    assert "trainer.&lt;b&gt;[&quot;&amp;&quot;]" in page
    assert page.count('<svg class="chart" viewBox') == 6  # three metrics over lr, opt and key
    assert '<tr class="best">' in page
    history = {
        "loss": [(0.0, 2.0), (1.0, float("nan")), (2.0, 1.0)],
        "once": [(1.0, 3.0)],
        "never": [(0.0, float("inf"))],
    }
    for text in (curves_page([(run(), history)], "t"), curves_svg([(run(), history)], "t")):
        assert text.count("<polyline") == 1
        assert "nan" not in text
        assert ">never<" not in text
    assert "No metrics yet." in curves_page([(run(), {})], "t")


def test_charts_alone() -> None:
    drawn = scatter("acc over lr", "lr", "acc", [Point(0.1, 0.5, "one"), Point(0.2, 0.7, "two", ringed=True)])
    assert drawn.count('r="4"') == 2
    assert drawn.count('class="ring"') == 1
    assert curves("t", "x", "y", []) == ""


def test_curves_of_one_value_and_of_none() -> None:
    flat = curves_text([(run(), {"loss": [(0.0, 2.0), (1.0, 2.0)], "odd": [(0.0, float("nan"))]})]).splitlines()
    assert flat[0] == f"• {FAST} run 1  succeeded"
    assert [line.strip()[:1] for line in flat[3:15]].count("2") == 1  # one label for one value
    assert "no finite value" in flat[-1]
    assert curves_text([(run(), {})]).endswith("No metrics yet.\n")


def test_what_a_tuning_run_is() -> None:
    assert SEARCH.is_tuning
    assert not Run("r", "trainer.t", 1, "d", {}, "j", "a", "local", "process").is_tuning
