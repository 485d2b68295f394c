"""Plans as comments on pull requests."""

from __future__ import annotations

import pytest

from planform.core.plan import Action
from planform.core.values import Sensitive
from planform.render.plan_markdown import markdown
from tests.render.samples import change, mixed_plan, plan_of


def test_markdown_shows_what_is_destroyed_first() -> None:
    text = markdown(mixed_plan())
    block = text.split("```diff\n", 1)[1].split("```", 1)[0].splitlines()
    assert block[0] == "-   planform_data.old  destroy (not in configuration)"
    assert block[1].startswith("-/+ job_queue.q")
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
    assert "left out for length" in text


def test_a_fence_is_longer_than_what_it_holds() -> None:
    plan = plan_of(
        change("planform_data.a", Action.UPDATE, {"input": "a\n```\n- b\n"}, {"input": "a\n```\n- b\n````\n"}),
        change("planform_data.b", Action.CREATE, None, {"input": Sensitive("hunter2")}),
    )
    text = markdown(plan)
    assert "`````diff" in text
    assert "\n      - b\n" in text  # a line that stays, though it begins with a sign
    assert "hunter2" not in text
