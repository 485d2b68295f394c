"""Which run a trainer should have (S3.3 to S3.6), as a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from planform.core.state import Run
from planform.engine.runs import Definition, Options, decide


def run(number: int, digest: str = "a", status: str = "succeeded", **more: Any) -> Run:
    return Run(
        id=f"r{number}",
        address="trainer.t",
        number=number,
        digest=digest,
        components={"hyperparameters.lr": digest},
        job_name=f"t-{number}",
        job_arn=f"arn-{number}",
        provider="local",
        executor="process",
        status=status,  # type: ignore[arg-type]
        **more,
    )


def wanted(digest: str = "a", **more: Any) -> Definition:
    return Definition({"hyperparameters.lr": digest}, digest, "local", "process", {}, **more)


UNKNOWN_INPUT = Definition(None, "", "local", "process", {}, waits_for="trainer.base.model_artifacts")
INFRA = {"status": "failed", "failure": "infrastructure", "reason": "no capacity"}
USER = {"status": "failed", "failure": "user", "reason": "exit code 3"}


@pytest.mark.parametrize(
    ("definition", "runs", "current", "options", "decision", "number", "reason"),
    [
        pytest.param(wanted(), [], None, Options(), "new_run", 1, "first run", id="nothing yet"),
        pytest.param(wanted(), [run(1)], 1, Options(), "nothing", 1, "", id="unchanged and succeeded"),
        pytest.param(wanted("b"), [run(1)], 1, Options(), "new_run", 2, "definition changed", id="changed"),
        pytest.param(wanted("a"), [run(1), run(2, "b")], 2, Options(), "reuse", 1, "", id="changed back"),
        pytest.param(wanted("a"), [run(1), run(2, "b")], 2, Options(gone=frozenset({"r1"})), "new_run", 3, "its artifacts are gone", id="artifacts gone"),
        pytest.param(wanted("a"), [run(1, status="running")], 1, Options(), "in_progress", 1, "", id="still running"),
        pytest.param(wanted("a"), [run(1, **USER)], 1, Options(), "held", 1, "exit code 3", id="failed by its own code"),
        pytest.param(wanted("a"), [run(1, **USER)], 1, Options(retry=True), "new_run", 2, "retry requested", id="retried on purpose"),
        pytest.param(wanted("a"), [run(1, **USER)], 1, Options(retry_failed=True), "new_run", 2, "retry of run 1", id="retry of all failed"),
        pytest.param(wanted("b"), [run(1, **USER)], 1, Options(), "new_run", 2, "definition changed", id="held until changed"),
        pytest.param(wanted("a"), [run(1, **INFRA)], 1, Options(), "new_run", 2, "run 1 failed: no capacity; attempt 2 of 2", id="infrastructure once"),
        pytest.param(wanted("a"), [run(1, **INFRA), run(2, **INFRA)], 2, Options(), "held", 2, "no capacity", id="infrastructure twice"),
        pytest.param(wanted("a"), [run(1, status="stopped")], 1, Options(), "held", 1, "run 1 was stopped", id="stopped is not success"),
        pytest.param(wanted("a", mode="always"), [run(1)], 1, Options(), "new_run", 2, "run: always", id="always"),
        pytest.param(wanted("a", mode="always"), [run(1, status="running")], 1, Options(), "in_progress", 1, "", id="always, one at a time"),
        pytest.param(wanted("b", mode="manual"), [run(1)], 1, Options(), "nothing", 1, "run: manual", id="manual"),
        pytest.param(wanted("b", mode="manual"), [run(1)], 1, Options(run=True), "new_run", 2, "run requested", id="manual, asked for"),
        pytest.param(replace(UNKNOWN_INPUT, mode="manual"), [run(1)], 1, Options(), "nothing", 1, "run: manual", id="manual, with an unknown input"),
        pytest.param(UNKNOWN_INPUT, [run(1)], 1, Options(), "new_run", 2, "an input is known after apply: trainer.base.model_artifacts", id="unknown input"),
        pytest.param(wanted("a"), [run(1, coordinates={"host": "elsewhere"})], 1, Options(), "new_run", 2, "definition changed", id="another host's run is not reused"),
    ],
)  # fmt: skip
def test_decision(
    definition: Definition,
    runs: list[Run],
    current: int | None,
    options: Options,
    decision: str,
    number: int,
    reason: str,
) -> None:
    now = next((item for item in runs if item.number == current), None)
    planned = decide(definition, runs, now, options)
    assert (planned.decision, planned.number, planned.reason) == (decision, number, reason)


def test_a_change_names_what_moved_and_leaves_the_running_one() -> None:
    running = run(1, status="running")
    planned = decide(wanted("b"), [running], running, Options())
    assert (planned.moved, planned.leaves, planned.cancels) == (("hyperparameters.lr",), 1, 0)


@pytest.mark.parametrize(
    ("status", "on_change", "cancels", "leaves"),
    [("running", "finish", 0, 1), ("running", "stop", 1, 0), ("queued", "finish", 1, 0)],
)
def test_what_becomes_of_an_active_run(status: str, on_change: str, cancels: int, leaves: int) -> None:
    active = run(1, status=status)
    planned = decide(wanted("b", on_change=on_change), [active], active, Options())
    assert (planned.cancels, planned.leaves) == (cancels, leaves)
