"""Plans as comments on pull requests."""

from __future__ import annotations

import re

import pytest

from planform.core.plan import Action, Plan, RunPlan
from planform.core.values import Sensitive
from planform.render.plan_markdown import markdown
from planform.render.tally import summary
from tests.render.samples import change, first_plan, mixed_plan, plan_of


def test_markdown_shows_what_is_destroyed_first() -> None:
    text = markdown(mixed_plan())
    block = text.split("```diff\n", 1)[1].split("```", 1)[0].splitlines()
    assert block[0] == "-   planform_data.old  destroy (not in configuration)"
    assert block[1].startswith("-/+ job_queue.q")
    assert "!       hyperparameters.learning_rate: 0.2 -> 0.05" in block
    assert '!       name: "old" -> "new"  # forces replacement' in block
    assert "!     TOKEN: (sensitive) changed" in text
    assert text.count("```") % 2 == 0


@pytest.mark.parametrize("limit", [1000, 1500, 3000])
def test_a_limit_is_kept_and_destroys_stay(limit: int) -> None:
    many = [change(f"planform_data.new[{index}]", Action.CREATE, None, {"input": "x" * 50}) for index in range(200)]
    plan = plan_of(*many, change("planform_data.zz", Action.DELETE, {"input": 1}, None))
    text = markdown(plan, limit)
    assert len(text) <= limit
    assert "**Plan: 200 to create, 0 to change, 1 to destroy.**" in text
    assert "-   planform_data.zz  destroy" in text
    assert "+   planform_data.new[0-199]  create 200" in text or limit == 3000
    assert "left out for length" in text


def five_thousand() -> Plan:
    """A sweep of 3,400 runs that grows, 600 values that go, 900 that change much, and a text of a megabyte."""
    text = "\n".join(f"line {number}" for number in range(100_000))
    trained = {"hyperparameters": {"epochs": 3}}
    return plan_of(
        *(change(f"planform_data.value_number_{i}", Action.UPDATE, {"input": "x" * 300}, {"input": "y" * 300}) for i in range(900)),
        change("planform_data.huge", Action.UPDATE, {"input": text}, {"input": text.replace("9", "8")}),
        *(change(f"planform_data.of_a_team_that_left_{i}", Action.DELETE, {"input": 1}, None) for i in range(500)),
        *(change(f"planform_data.old[{i}]", Action.DELETE, {"input": 1}, None) for i in range(100)),
        *(change(f"job_queue.q{i}", Action.DELETE_THEN_CREATE, {"name": "a"}, {"name": "b"}) for i in range(99)),
        *(change(f"trainer.sweep[{i}]", Action.CREATE, None, trained, run=RunPlan("new_run", 1)) for i in range(3400)),
    )  # fmt: skip


def test_five_thousand_resources_fit_a_comment() -> None:
    plan = five_thousand()
    assert len(plan.changes) == 5000
    text = markdown(plan)
    assert len(text) <= 65_536
    assert len(text) > 50_000
    assert summary(plan) in text
    block = text.split("```diff\n", 1)[1].split("```", 1)[0].splitlines()
    for i in range(500):
        assert f"-   planform_data.of_a_team_that_left_{i}  destroy" in block
    assert "-   planform_data.old[0-99]  destroy 100" in block
    for i in range(99):
        assert f"-/+ job_queue.q{i}  replace" in block
    assert "+   trainer.sweep[0-3399]  new run 3400" in block
    assert sum("planform_data.value_number_" in line for line in block) > 300
    assert "change in full" in text or "changes in full" in text
    assert "left out for length: `planform show --full PLAN` prints all." in text
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")


def test_a_large_change_leaves_room_for_the_others() -> None:
    lines = "\n".join(map(str, range(50_000)))
    plan = plan_of(
        change("planform_data.a", Action.UPDATE, {"input": ""}, {"input": lines}),
        change("planform_data.b", Action.UPDATE, {"input": 1}, {"input": 2}),
    )
    text = markdown(plan)
    assert len(text) <= 65_536
    assert "!   input: 1 -> 2" in text
    assert re.search(r"\.\.\. \d+ more lines", text)


@pytest.mark.parametrize("count", [1, 40, 3000])
@pytest.mark.parametrize("limit", [1000, 8000, 0])
def test_backticks_without_end_keep_the_limit(count: int, limit: int) -> None:
    plan = plan_of(
        *(change(f"planform_data.a[{i}]", Action.CREATE, None, {"input": "`" * 20_000}) for i in range(count))
    )
    text = markdown(plan, limit)
    assert len(text) <= (limit or 65_536)
    assert f"Plan: {count} to create" in text


def test_comments_are_found_again_by_root_and_workspace() -> None:
    plan = first_plan()
    assert markdown(plan).startswith("<!-- planform:.:default -->\n")
    assert markdown(plan, root="models/a--b").startswith("<!-- planform:models/a-%2Db:default -->\n")
    assert "### planform plan: digits, workspace default, in `models/a--b`\n" in markdown(plan, root="models/a--b")


def test_no_changes_are_said_plainly() -> None:
    plan = plan_of(change("planform_data.a", Action.NO_OP, {"input": 1}, {"input": 1}))
    assert markdown(plan) == (
        "<!-- planform:.:default -->\n### planform plan: digits, workspace default\n\n"
        "**No changes. 1 resource is as the files say.**\n"
    )


def test_the_plan_id_is_shown_where_something_is_done() -> None:
    assert "\nPlan id: `9f3c2a`\n" in markdown(first_plan())


def test_a_fence_is_longer_than_what_it_holds() -> None:
    plan = plan_of(
        change("planform_data.a", Action.UPDATE, {"input": "a\n```\n- b\n"}, {"input": "a\n```\n- b\n````\n"}),
        change("planform_data.b", Action.CREATE, None, {"input": Sensitive("hunter2")}),
    )
    text = markdown(plan)
    assert "`````diff" in text
    assert "\n      - b\n" in text  # a line that stays, though it begins with a sign
    assert "hunter2" not in text
