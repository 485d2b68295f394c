"""The plans of several root modules as one text, one comment, one page or one document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from planform.core.abandoned import Abandoned
from planform.core.plan import Plan
from planform.render.abandoned import abandoned_json, abandoned_text
from planform.render.guards import guards_markdown
from planform.render.plan_html import Page, RootView, render, root_view
from planform.render.plan_json import plan_json
from planform.render.plan_markdown import LIMIT, body, fenced, marker
from planform.render.style import PLAIN, Style, count
from planform.render.tally import counted, hours_text, summary, tally


class RootPlan(NamedTuple):
    """A root module with its plan, or with why there is none."""

    name: str  # its folder
    plan: Plan | None
    problem: str = ""
    needs: tuple[str, ...] = ()  # names of the roots whose states it reads
    abandoned: Abandoned | None = None  # it is gone; with nothing left behind there is no problem either


def gone(item: Abandoned, workspace: str) -> RootPlan:
    """A root module that is gone: a problem, if something may be left behind."""
    problem = "" if item.is_harmless else abandoned_text(item, workspace).strip()
    return RootPlan(item.name, None, problem, (), item)


def many_text(roots: Sequence[RootPlan], form: Callable[[Plan], str], style: Style = PLAIN) -> str:
    """One after another, each under its name; the summary of all last."""
    parts = []
    for root in roots:
        said = form(root.plan) if root.plan is not None else root.problem or _nothing_left(root)
        parts.append(f"{style.paint(root.name, 'bold', 'underline')}\n{said.rstrip()}\n")
    return "\n".join([*parts, style.paint(many_summary(roots), "bold")]) + "\n"


def many_summary(roots: Sequence[RootPlan]) -> str:
    """What all come to."""
    plans = [root.plan for root in roots if root.plan is not None]
    busy = [plan for plan in plans if not plan.is_empty]
    missing = [root.name for root in roots if root.problem and root.abandoned is None]
    behind = [root.name for root in roots if root.problem and root.abandoned is not None]
    tidy = [root.name for root in roots if not root.problem and root.abandoned is not None]
    numbers = tally(list(chain.from_iterable(plan.changes for plan in plans)))
    as_of = min(
        filter(None, (plan.prices_as_of for plan in plans)), default=""
    )  # the oldest is what can be said of all
    parts = (
        [f"{count(len(busy), 'root module')} of {len(roots)} with changes: {counted(numbers, as_of)}"] if busy else []
    )
    if plans and not busy:
        parts.append(f"No changes in {count(len(plans), 'root module')}")
    refused = [root.name for root in roots if root.plan is not None and root.plan.is_refused]
    if refused:
        parts.append(f"Apply refuses {', '.join(refused)}")
    if missing:
        parts.append(f"{len(missing)} without a plan: {', '.join(missing)}")
    if behind:
        parts.append(f"{len(behind)} gone that may have left resources behind: {', '.join(behind)}")
    if tidy:
        parts.append(f"{len(tidy)} gone with nothing left behind: {', '.join(tidy)}")
    return (". ".join(parts) or "No root module is planned") + "."


def _nothing_left(root: RootPlan) -> str:
    return "" if root.abandoned is None else abandoned_text(root.abandoned, "")


def many_markdown(roots: Sequence[RootPlan], base: str, workspace: str, limit: int = 0) -> str:
    """One comment: what is wrong first, then what changes, and in one line what does not."""
    limit = min(limit or LIMIT, LIMIT)
    head = f"{marker(f'{base}:all', workspace)}\n### planform plan: {count(len(roots), 'root module')}"
    head += f", workspace {workspace}\n\n**{many_summary(roots)}**\n"
    missing = [root for root in roots if root.problem]
    most = min(1500, limit // (2 * max(len(missing), 1)))
    wrong = [f"#### {root.name}\n\n{fenced(_cut(root.problem, most))}" for root in missing]
    plans = [(root.name, root.plan) for root in roots if root.plan is not None]
    idle = [f"`{name}`" for name, plan in plans if _is_quiet(plan)]
    busy = [(name, plan) for name, plan in plans if not _is_quiet(plan)]
    tail = f"No changes: {_cut(', '.join(idle), 4000)}\n" if idle else ""
    text = "\n".join([head, *wrong])
    most = limit // 30  # for the names of those that find no place
    room = limit - len(text) - len(tail) - most - 100
    sections: list[str] = []
    left_out: list[str] = []
    # The small ones first: what they leave of their share is for the large ones.
    for number, (name, plan) in enumerate(sorted(busy, key=lambda item: len(item[1].changes))):
        share = room // (len(busy) - number)
        title = f"#### {name}\n\n**{summary(plan)}** Plan id: `{plan.id}`\n{guards_markdown(plan)}"
        section = f"{title}\n{body(plan, share - len(title) - 10)}" if share > len(title) + 300 else title
        if len(section) + 1 > room:
            left_out.append(name)
            continue
        room -= len(section) + 1
        sections.append(section)
    order = {f"#### {name}\n": index for index, (name, _) in enumerate(busy)}
    sections.sort(key=lambda section: order[section.partition("\n")[0] + "\n"])
    if left_out:
        names = _cut(", ".join(f"`{name}`" for name in left_out), most)
        sections.append(f"*{count(len(left_out), 'root module')} with changes left out for length:* {names}\n")
    found = "\n".join(filter(None, [text, *sections, tail]))
    return found if len(found) <= limit else found[: limit - 4] + "...\n"


def _is_quiet(plan: Plan) -> bool:
    """Nothing is done, and nothing is to be said."""
    return plan.is_empty and not plan.warnings and not plan.findings


def _cut(text: str, limit: int) -> str:
    return text.rstrip() if len(text) <= limit else text[:limit].rstrip() + " ..."


def many_html(roots: Sequence[RootPlan], version: str, created_at: str, where: str, workspace: str) -> str:
    """One page with a section for each."""
    views = [
        RootView(root.name, "", "There is no plan.", problem=root.problem or _nothing_left(root))
        if root.plan is None
        else root_view(root.plan, root.name, number)
        for number, root in enumerate(roots, start=1)
    ]
    hours = sum(tally(root.plan.changes).instance_hours for root in roots if root.plan is not None)
    return render(
        Page(
            f"planform plan: {where}, workspace {workspace}",
            where,
            f"workspace {workspace}",
            many_summary(roots),
            "",
            created_at,
            version,
            hours_text(hours) if hours else "",
            tuple(views),
        )
    )


def many_json(roots: Iterable[RootPlan], form: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> dict[str, Any]:
    """One document: the plan of each in Terraform's form, given another one by `form`, or what is wrong."""
    return {
        "format_version": "1.0",
        "roots": [
            {
                "path": root.name,
                "needs": list(root.needs),
                **({"error": root.problem} if root.problem else {}),
                **({"plan": form(plan_json(root.plan))} if root.plan is not None else {}),
                **({"removed": abandoned_json(root.abandoned)} if root.abandoned is not None else {}),
            }
            for root in roots
        ],
    }
