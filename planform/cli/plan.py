"""`planform plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planform.cli.events import events_into, events_option, together
from planform.cli.options import (
    Layout,
    acceptance_option,
    layout_options,
    parallelism_option,
    planning_options,
    project_options,
)
from planform.cli.screen import Screen, one_line
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.core.plan import Plan
    from planform.project import Options, Project

EMPTY, CHANGES = 0, 2


@click.command()
@click.option("--out", metavar="FILE", help="Save the plan, to apply exactly it later.")
@click.option("--destroy", is_flag=True, help="Plan to take everything away.")
@click.option("--json", "as_json", is_flag=True, help="Print Terraform's event stream.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.option("--input/--no-input", default=True, hidden=True, help="Accepted as in Terraform: plan never asks.")
@planning_options
@acceptance_option
@layout_options
@events_option
@parallelism_option
@project_options
def command(
    options: Options,
    planning: dict[str, Any],
    accept: tuple[str, ...],
    layout: Layout,
    json_into: str | None,
    out: str | None,
    destroy: bool,
    as_json: bool,
    detailed_exitcode: bool,
    input: bool,
) -> int:
    """Show what apply would do. Changes nothing."""
    from planform.engine.guards import accepting
    from planform.project import open_project, write_plan

    screen: Screen = click.get_current_context().obj
    if as_json and (json_into or layout.format != "text"):
        raise PlanformError(
            "--json already prints the event stream.",
            suggestion="For the plan as one document: --format json. For events beside text: --json-into FILE.",
        )
    if as_json:
        project, plan = _stream(screen, options, planning, accept, destroy)
    else:
        with events_into(json_into) as events:
            project = open_project(options)
            with screen.progress() as progress:
                plan = project.plan(**planning, destroy=destroy, reporter=together(progress, events))
            plan = accepting(plan, accept)
            if events is not None:
                events.reviewed(plan)
    if out or layout.format == "json":
        plan = project.described(plan)
    if not as_json:
        screen.out(plan_document(plan, layout, screen))
    if out:
        write_plan(plan, Path(out), project.codec)
        if not as_json and layout.format == "text":
            screen.out(f"\nSaved as {out}. {_to_apply(plan, out)}\n")
    return CHANGES if detailed_exitcode and not plan.is_empty else EMPTY


def plan_document(plan: Plan, layout: Layout, screen: Screen) -> str:
    """The plan in the format that was asked for."""
    if layout.terraform_names and layout.format != "json":
        raise PlanformError("--terraform-names is about plans in JSON.", suggestion="Add --format json.")
    if layout.format == "markdown":
        from planform.render.plan_markdown import markdown

        return markdown(plan, layout.max_chars)
    if layout.format == "json":
        from planform.render.plan_json import plan_json

        form = plan_json(plan)
        if layout.terraform_names:
            from planform.render.terraform_names import terraform_names

            form = terraform_names(form)
        return one_line(form)
    return plan_form(plan, layout.form, screen)


def plan_form(plan: Plan, form: str, screen: Screen) -> str:
    """The plan as text: concise, full, or only its summary."""
    if form == "full":
        from planform.render.plan_full import full

        return full(plan, screen.style)
    from planform.render.plan_text import brief, concise

    return (brief if form == "summary" else concise)(plan, screen.style)


def _stream(
    screen: Screen, options: Options, planning: dict[str, Any], accept: tuple[str, ...], destroy: bool
) -> tuple[Project, Plan]:
    from planform import __version__
    from planform.engine.guards import accepting
    from planform.project import open_project
    from planform.render.events import JsonReporter, telling

    reporter = JsonReporter(screen.out, __version__)
    with telling(reporter):
        project = open_project(options)
        plan = accepting(project.plan(**planning, destroy=destroy, reporter=reporter), accept)
        reporter.reviewed(plan)
    return project, plan


def _to_apply(plan: Plan, file: str) -> str:
    """What to do with a plan that was saved."""
    if plan.denials:
        return "It is for review only: apply refuses it."
    flags = "".join(f" --accept-limit {limit.name}" for limit in plan.exceeded if limit.name not in plan.accepted)
    return f"To do exactly this: planform apply{flags} {_shell(file)}"


def _shell(word: str) -> str:
    import shlex

    return shlex.quote(word)
