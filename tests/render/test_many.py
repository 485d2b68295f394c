"""The plans of several root modules together."""

from __future__ import annotations

import pytest

from planform.core.errors import Span
from planform.core.guards import Finding, Limit
from planform.core.plan import Action, Plan
from planform.render.many import RootPlan, many_html, many_json, many_markdown, many_summary, many_text
from planform.render.plan_text import concise
from tests.chromium import Chromium
from tests.render.samples import change, first_plan, mixed_plan, plan_of
from tests.render.test_html import VISIBLE
from tests.render.test_markdown import five_thousand


def idle() -> Plan:
    return plan_of(change("planform_data.a", Action.NO_OP, {"input": 1}, {"input": 1}))


def some() -> list[RootPlan]:
    return [
        RootPlan("queues", first_plan()),
        RootPlan("models/digits", mixed_plan(), needs=("queues",)),
        RootPlan("models/broken", None, "Error: Reference to undeclared input variable"),
        RootPlan("models/idle", idle()),
    ]


@pytest.mark.parametrize(
    ("roots", "said"),
    [
        (
            some(),
            "2 root modules of 4 with changes: 2 to create, 1 to change, 1 to replace, 1 to destroy; 3 new runs (at most"
            " 12.83 instance-hours), 1 reused, 2 held, 1 in progress, 2 unchanged. 1 without a plan: models/broken.",
        ),
        ([RootPlan("a", idle()), RootPlan("b", idle())], "No changes in 2 root modules."),
        ([RootPlan("a", None, "x")], "1 without a plan: a."),
        ([], "No root module is planned."),
    ],
)
def test_one_summary(roots: list[RootPlan], said: str) -> None:
    assert many_summary(roots) == said


def test_one_text_says_of_each_what_it_says_alone() -> None:
    text = many_text(some(), concise)
    assert text.startswith(f"queues\n{concise(first_plan())}\nmodels/digits\n")
    assert "models/broken\nError: Reference to undeclared input variable\n" in text
    assert text.endswith("1 without a plan: models/broken.\n")


def test_one_comment_says_first_what_is_wrong() -> None:
    text = many_markdown(some(), "team", "cloud")
    assert text.startswith("<!-- planform:team:all:cloud -->\n### planform plan: 4 root modules, workspace cloud\n")
    titles = [line for line in text.splitlines() if line.startswith("#### ")]
    assert titles == ["#### models/broken", "#### queues", "#### models/digits"]
    assert text.endswith("No changes: `models/idle`\n")


@pytest.mark.parametrize("number", [2, 40, 400])
def test_a_comment_about_many_fits(number: int) -> None:
    large = RootPlan("large", five_thousand())
    small = [RootPlan(f"models/number_{index}", first_plan()) for index in range(number)]
    wrong = [RootPlan(f"wrong/{index}", None, "Error\n" * 500) for index in range(number // 2)]
    text = many_markdown([large, *small, *wrong], ".", "default")
    assert len(text) <= 65_536
    assert text.count("```") % 2 == 0
    assert text.count("<details>") == text.count("</details>")
    if number < 400:
        assert all(f"#### models/number_{index}\n" in text for index in range(number))
        assert "**Plan: 0 to create, 901 to change, 99 to replace, 600 to destroy; 3400 new runs.**" in text
    else:
        assert "left out for length:* `" in text


def test_a_comment_about_many_says_what_is_refused_and_what_policies_say() -> None:
    over = first_plan()._replace(limits=(Limit("max_new_runs", 1, 3, Span("main.pf.yaml", 3, 1)),))
    warned = idle()._replace(findings=(Finding("warn", "not on Fridays", "a.rego"),))
    roots = [RootPlan("over", over), RootPlan("warned", warned), RootPlan("idle", idle())]
    text = many_markdown(roots, ".", "default")
    assert "Apply refuses over." in text
    assert "`max_new_runs` `main.pf.yaml:3`" in text
    assert "#### warned" in text
    assert "policy warns: `" in text
    assert text.endswith("No changes: `idle`\n")
    assert many_summary(roots).endswith("Apply refuses over.")


def test_one_page(chromium: Chromium) -> None:
    page = many_html(some(), "0.1.0", "2026-01-02T03:04:05Z", "team", "default")
    steps = """
    const ids = [...document.querySelectorAll('[id]')].map((item) => item.id);
    const titles = [...document.querySelectorAll('h2')].map((item) => item.firstChild.textContent.trim());
    const links = [...document.querySelectorAll('.roots a')].map((item) => Boolean(document.querySelector(item.getAttribute('href'))));
    type('learning_rate 0.05');
    return [ids.length - new Set(ids).size, titles, links, visible(), document.querySelector('.problem').innerText];
    """
    duplicates, titles, links, found, problem = chromium.run(page, VISIBLE + steps)
    assert duplicates == 0
    assert titles == ["queues", "models/digits", "models/broken", "models/idle"]
    assert links == [True] * 4
    assert found == ['trainer.digits["fast"]']
    assert "undeclared input variable" in problem


def test_one_document() -> None:
    roots = many_json(some())["roots"]
    assert [(root["path"], root["needs"]) for root in roots][1] == ("models/digits", ["queues"])
    assert roots[2]["error"].startswith("Error")
    assert roots[0]["plan"]["format_version"] == "1.2"
