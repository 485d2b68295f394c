"""Tables of runs and what reporters print."""

from __future__ import annotations

import pytest

from planform.core.plan import Step
from planform.core.state import Ledger, Record, Run, Snapshot, State
from planform.core.values import Sealed
from planform.render.live import LiveReporter, PlainReporter, applied_text, run_sentence
from planform.render.numbers import seconds_text
from planform.render.runs_text import history_table, metrics_table, runs_table, sparkline, why_text
from planform.render.state_text import outputs_text, refreshed_text, state_text, value_block
from planform.render.style import Style
from tests.render.samples import FAST, SLOW, first_plan, run

FAILED = run(
    SLOW, 2, status="failed", reason="exit code 3", metrics={}, hyperparameters={"epochs": 3, "learning_rate": 9}
)


def test_runs_table() -> None:
    waiting = run(SLOW, 3, status="queued", started_at="", ended_at="", metrics={}, launched_at="2026-01-02T03:05:00Z")
    assert runs_table([run(), FAILED, waiting]) == (
        "trainer                 run  status     started (UTC)        took   result\n"
        'trainer.digits["fast"]    1  succeeded  2026-01-02 03:04:05  1.4 s  accuracy 0.9571, loss 0.13\n'
        'trainer.digits["slow"]    2  failed     2026-01-02 03:04:05  1.4 s  exit code 3\n'
        'trainer.digits["slow"]    3  queued     2026-01-02 03:05:00\n'
    )
    assert runs_table([]) == "No runs yet.\n"


def test_metrics_table() -> None:
    history = {"accuracy": [(0.0, 0.5), (1.0, 0.75), (2.0, 0.9571)]}
    assert metrics_table(run(), history) == (
        'trainer.digits["fast"] run 1  succeeded\n'
        "  metric      last  least    most  points  course\n"
        "  accuracy  0.9571    0.5  0.9571       3  ▁▅█\n"
        "  loss        0.13   0.13    0.13       1  ▄\n"
    )
    assert metrics_table(run(metrics={}), {}).endswith("No metrics yet.\n")


def test_a_long_history_loses_its_middle() -> None:
    lines = history_table({"loss": [(float(at), at / 10) for at in range(100)]}, most=4).splitlines()
    assert [line.split() for line in lines] == [
        ["seconds", "loss"], ["0.0", "0"], ["1.0", "0.1"], ["..."], ["98.0", "9.8"], ["99.0", "9.9"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([], ""), ([float("nan")], ""), ([2.0, 2.0], "▄▄"), ([0.0, 1.0], "▁█"),
        (list(range(100)), "▁▁▂▃▄▅▆▇██"),
    ],
)  # fmt: skip
def test_sparkline(values: list[float], bars: str) -> None:
    assert sparkline(values, 10) == bars


def test_why() -> None:
    now = {"image": '"sklearn"', "source": f"sha256:{'c' * 64}", "hyperparameters.seed": "1"}
    assert why_text(FAST, now, run()) == (
        'trainer.digits["fast"] differs from run 1 (succeeded) in hyperparameters.seed, source.\n'
        "  + hyperparameters.seed  1\n"
        '    image                 "sklearn"\n'
        "  ~ source                sha256:bbbbbbbbbbbb -> sha256:cccccccccccc\n"
    )
    assert why_text(FAST, dict(run().components), run()).startswith(f"{FAST} is defined as in run 1 (succeeded)")
    assert why_text(FAST, now, None).startswith(f"{FAST} has no run yet")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (41, "41 s"), (185, "3 min 5 s"), (7800, "2 h 10 min")],
)
def test_seconds(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (run(), "run 1 succeeded in 1.4 s, accuracy 0.9571, loss 0.13"),
        (FAILED, "run 2 failed after 1.4 s: exit code 3"),
        (run(status="running", metrics={}), "run 1 running"),
        (run(status="queued"), "run 1 queued (job digits-fast-ab12)"),
        (run(status="stopped", ended_at="", metrics={}), "run 1 stopped"),
    ],
)
def test_run_sentence(item: Run, text: str) -> None:
    assert run_sentence(item) == text


def test_plain_reporter() -> None:
    lines: list[str] = []
    reporter = PlainReporter(lines.append)
    queue, trainer = first_plan().changes[0].address, first_plan().changes[2].address
    create, launch = Step("1:create", queue, "create", "a"), Step("2:launch", trainer, "launch", "b")
    reporter.started(create)
    reporter.finished(create, 0.22)
    reporter.started(launch)
    reporter.progress(launch, "pulling img:1")
    reporter.progress(launch, "pulling img:1: 1 of 9 MB")  # so soon afterwards is too much for a log
    reporter.progress(launch, "uploaded data: 2 files, 67.1 MB", lasting=True)
    reporter.finished(launch, 0.1)
    for item in (run(status="running"), run(status="running", metrics={"accuracy": 0.5}), run()):
        reporter.run_changed(item)
    reporter.failed(create, 2.0, "AccessDenied: no")
    reporter.skipped(launch, "job_queue.main failed")
    reporter.log(run(), "algo-1", "epoch 1")
    assert lines == [
        "job_queue.main: creating...\n",
        "job_queue.main: created in 0.2 s\n",
        'trainer.digits["fast"]: pulling img:1\n',
        'trainer.digits["fast"]: uploaded data: 2 files, 67.1 MB\n',
        'trainer.digits["fast"]: run 1 running\n',
        'trainer.digits["fast"]: run 1 succeeded in 1.4 s, accuracy 0.9571, loss 0.13\n',
        "job_queue.main: failed after 2.0 s: AccessDenied: no\n",
        'trainer.digits["fast"]: not tried: job_queue.main failed\n',
        '[trainer.digits["fast"]/algo-1] epoch 1\n',
    ]
    assert reporter.done == {"create": 1, "launch": 1}


def test_a_terminal_shows_what_a_step_does_now(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = LiveReporter(Style())
    launch = Step("2:launch", first_plan().changes[2].address, "launch", "b")
    reporter.started(launch)
    assert "launching... 0.0 s" in reporter._picture().plain
    reporter.progress(launch, "pulling img:1: 1 of 9 MB")
    assert "pulling img:1: 1 of 9 MB 0.0 s" in reporter._picture().plain
    reporter.progress(launch, "uploaded data: 2 files, 67.1 MB", lasting=True)
    assert "uploaded data: 2 files, 67.1 MB" in capsys.readouterr().out
    assert "launching... 0.0 s" in reporter._picture().plain


@pytest.mark.parametrize(
    ("done", "failures", "text"),
    [
        ({"create": 2, "launch": 1, "await": 1}, 0, "Applied in 1.0 s: 2 created, 1 run launched."),
        ({}, 0, "Applied in 1.0 s: recorded."),
        ({"delete": 1}, 2, "Apply ended with 2 failures after 1.0 s; 1 destroyed."),
        ({}, 1, "Apply ended with 1 failure after 1.0 s."),
    ],
)
def test_applied(done: dict[str, int], failures: int, text: str) -> None:
    assert applied_text(done, 1.0, failures) == text


def snapshot(priority: int = 1, gone: bool = False, **ledger: Run) -> Snapshot:
    address = first_plan().changes[0].address
    records = {} if gone else {address: Record(address, "local", {"priority": priority, "token": Sealed("5ea1ed")})}
    state = State("8e1f", 3, "00", records, outputs={"rate": 0.2}, written_by="ann@host")
    return Snapshot(state, Ledger({FAST: tuple(ledger.values())} if ledger else {}))


def test_state_text() -> None:
    assert state_text(snapshot(one=run())) == (
        "job_queue.main  # local\n  priority: 1\n  token: (sensitive)\n\n"
        "Outputs:\n  rate: 0.2\n\n"
        "1 resource and 1 run, serial 3, written by ann@host.\n"
    )
    assert state_text(snapshot(gone=True)).startswith("Nothing is recorded.")


def test_refreshed_text() -> None:
    assert refreshed_text(snapshot(), snapshot()) == "Everything is as it was recorded.\n"
    assert refreshed_text(snapshot(one=run(status="running")), snapshot(5, one=run())) == (
        "  ~ job_queue.main  priority\n"
        '  > trainer.digits["fast"]  run 1 succeeded in 1.4 s, accuracy 0.9571, loss 0.13\n'
        "\nRecorded 2 changes.\n"
    )
    assert "job_queue.main  is gone" in refreshed_text(snapshot(), snapshot(gone=True))


def test_long_outputs_are_spread_over_lines() -> None:
    value = {"folder": "x" * 60, "other": "y" * 60}
    assert outputs_text({"o": value}) == f'o:\n  folder: "{"x" * 60}"\n  other: "{"y" * 60}"\n'
    assert value_block(["x" * 60, "y" * 60]) == f'- "{"x" * 60}"\n- "{"y" * 60}"'
    assert value_block("x") == '"x"'


def test_colour_does_not_move_columns() -> None:
    import re

    coloured = runs_table([run(), FAILED], Style(colour=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == runs_table([run(), FAILED])
