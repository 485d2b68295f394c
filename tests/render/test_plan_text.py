"""Plans as text, compared with tests/render/expected/*.txt; `pytest --bless` rewrites those files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from planform.core.plan import Action, Leaf, OutputChange, Plan, RunPlan, Step
from planform.core.values import Sensitive
from planform.render.plan_full import full
from planform.render.plan_text import brief, concise, remaining_text
from planform.render.style import Style, columns
from planform.render.tally import hours_text, summary
from tests.render.samples import FAST, at, change, first_plan, mixed_plan, plan_of

EXPECTED = Path(__file__).parent / "expected"

FORMS: dict[str, tuple[Callable[[Plan, Style], str], Callable[[], Plan], Style]] = {
    "first": (concise, first_plan, Style()),
    "first-narrow": (concise, first_plan, Style(62)),
    "mixed": (concise, mixed_plan, Style()),
    "mixed-narrow": (concise, mixed_plan, Style(70)),
    "mixed-colour": (concise, mixed_plan, Style(colour=True)),
    "mixed-summary": (brief, mixed_plan, Style()),
    "first-full": (full, first_plan, Style()),
    "mixed-full": (full, mixed_plan, Style()),
}


@pytest.mark.parametrize("name", FORMS)
def test_form(name: str, bless: bool) -> None:
    render, plan, style = FORMS[name]
    text = render(plan(), style)
    if bless:
        (EXPECTED / f"{name}.txt").write_text(text)
    assert text == (EXPECTED / f"{name}.txt").read_text()


@pytest.mark.parametrize("render", [concise, full, brief])
def test_no_form_shows_a_secret(render: Callable[[Plan, Style], str]) -> None:
    plan = mixed_plan()._replace(outputs=(OutputChange("token", Sensitive("hunter1"), Sensitive("hunter2"), True),))
    text = render(plan, Style())
    assert "hunter" not in text
    assert "5ea1ed" not in text


@pytest.mark.parametrize("width", [50, 80, 120])
def test_a_table_keeps_to_its_width(width: int) -> None:
    wide = [line for line in concise(first_plan(), Style(width)).splitlines() if columns(line) > width]
    assert [line for line in wide if not line.startswith("  +")] == []


def test_an_address_is_never_cut() -> None:
    address = f'module.sweep["a"].trainer.bert["{"x" * 80}"]'
    plan = plan_of(
        change(address, Action.CREATE, None, {"hyperparameters": {"epochs": 3}}, span=at(3), run=RunPlan("new_run", 1))
    )
    assert address in concise(plan, Style(60))


def test_a_new_runs_line_is_one_line_whatever_its_values() -> None:
    given = {"hyperparameters": {"n": 1, "a b": "two words", "t": "é\nred \x1b[31m"}}
    text = concise(plan_of(change(FAST, Action.CREATE, None, given, span=at(3), run=RunPlan("new_run", 1))), Style(200))
    assert 'new run 1  n=1 "a b"=two words t="é\\nred \\u001b[31m"' in text


def test_a_component_with_a_leaf_of_its_own_is_said_once() -> None:
    run = RunPlan("new_run", 2, moved=("hyperparameters.a b", "hyperparameters.l.r", "entry_script", "source"))
    paths = (("hyperparameters", "a b"), ("hyperparameters", "l.r"), ("source_code", "entry_script"))
    leaves = tuple(Leaf(path, 1, 2) for path in paths)
    text = concise(plan_of(change(FAST, Action.UPDATE, {}, {}, leaves=leaves, run=run)), Style(100))
    assert text.count("changed") == text.count("source  ") == 1


UNCHANGED = change("job_queue.a", Action.NO_OP, {}, {})
SAME_RUN = change(FAST, Action.NO_OP, {}, {}, run=RunPlan("nothing", 1))
SUMMARIES = {
    "nothing declared": ((), {}, "No changes. The files declare nothing."),
    "nothing recorded": ((), {"destroy": True}, "No changes. Nothing is recorded to be destroyed."),
    "one resource": ((UNCHANGED,), {}, "No changes. 1 resource is as the files say."),
    "resources and runs": (
        (UNCHANGED, UNCHANGED, SAME_RUN), {}, "No changes. 2 resources and 1 run are as the files say."),
    "runs only": ((SAME_RUN,), {}, "No changes. 1 run is as the files say."),
    "in progress": (
        (UNCHANGED, change(FAST, Action.NO_OP, {}, {}, run=RunPlan("in_progress", 2))),
        {}, "No changes. 1 resource is as the files say. 1 run in progress."),
    "held": (
        (change(FAST, Action.NO_OP, {}, {}, run=RunPlan("held", 2)),),
        {}, "No changes. 1 held: a failed run is not repeated by itself."),
    "outputs only": (
        (UNCHANGED,), {"outputs": (OutputChange("a", 1, 2),)},
        "Plan: 0 to create, 0 to change, 0 to destroy; 1 unchanged."),
    "replace and forget": (
        (change("job_queue.a", Action.CREATE_THEN_DELETE, {}, {}), change("job_queue.b", Action.FORGET, {}, None)),
        {}, "Plan: 0 to create, 0 to change, 1 to replace, 0 to destroy, 1 to forget."),
    "a held trainer that is not recorded": (
        (change(FAST, Action.CREATE, None, {}, run=RunPlan("held", 2)),),
        {},
        "No changes. 1 held: a failed run is not repeated by itself.",
    ),
    "tags of a held trainer": (
        (change(FAST, Action.UPDATE, {}, {}, run=RunPlan("held", 2)),),
        {}, "Plan: 0 to create, 1 to change, 0 to destroy."),
    "destroyed trainer with an active run": (
        (change(FAST, Action.DELETE, {}, None, run=RunPlan("nothing", cancels=2)),),
        {"destroy": True}, "Plan: 0 to create, 0 to change, 1 to destroy."),
    "refresh only, nothing": ((UNCHANGED,), {"refresh_only": True}, "No changes. Everything is as it was recorded."),
    "refresh only, drift": (
        (UNCHANGED,), {"refresh_only": True, "drift_unshown": 2},
        "Plan: 2 objects changed outside planform; apply records what is there now and touches nothing."),
}  # fmt: skip


@pytest.mark.parametrize("case", SUMMARIES)
def test_summary(case: str) -> None:
    changes, fields, text = SUMMARIES[case]
    assert summary(plan_of(*changes, **fields)) == text


@pytest.mark.parametrize(
    ("hours", "text"),
    [(1 / 3, "0.33 instance-hours"), (1, "1 instance-hour"), (24, "24 instance-hours"), (12.5, "12.5 instance-hours"),
     (40000, "40,000 instance-hours")],
)  # fmt: skip
def test_hours(hours: float, text: str) -> None:
    assert hours_text(hours) == text


def test_a_stopped_run_is_said_with_the_trainer_that_is_destroyed() -> None:
    text = concise(plan_of(change(FAST, Action.DELETE, {}, None, run=RunPlan("nothing", cancels=2))))
    assert text.splitlines()[:2] == ['  - trainer.digits["fast"]  destroy', "        run 2               is stopped"]


def test_remaining_steps_name_each_resource_once() -> None:
    address = first_plan().changes[2].address
    steps = (Step("1:launch", address, "launch", "a"), Step("2:await", address, "await", "b"))
    assert remaining_text(steps).splitlines() == [
        "Remaining: 1 resource waits for runs that go on.",
        '    trainer.digits["fast"]',
        "Apply again once they have ended.",
    ]
    assert remaining_text(()) == ""
