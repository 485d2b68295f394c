"""`planform plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planform.cli.documents import plan_document, told_in_markdown
from planform.cli.events import events_into, events_option, together
from planform.cli.options import (
    Every,
    Layout,
    OutFile,
    acceptance_option,
    every_option,
    layout_options,
    parallelism_option,
    planning_options,
    project_options,
)
from planform.cli.screen import Screen
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
@every_option
@planning_options
@acceptance_option
@layout_options
@events_option
@parallelism_option
@project_options
def command(
    options: Options,
    every: Every,
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
    """Show what apply would do. Changes nothing.

    Exit code 0; 1 when something cannot be planned, with --all also when a deleted root module left resources behind.
    """
    from planform.engine.guards import accepting
    from planform.project import open_project
    from planform.saved import write_plan

    screen: Screen = click.get_current_context().obj
    if every.chosen:
        if as_json or json_into:
            raise PlanformError("The event stream is of one root module.", suggestion="Use --format json with --all.")
        return _plan_all(screen, options, every, planning, accept, layout, out, destroy, detailed_exitcode)
    if out is not None:
        out = str(OutFile().convert(out, None, None))
    if as_json and (json_into or layout.format != "text"):
        raise PlanformError(
            "--json already prints the event stream.",
            suggestion="For the plan as one document: --format json. For events beside text: --json-into FILE.",
        )
    if as_json:
        project, plan = _stream(screen, options, planning, accept, destroy)
    else:
        with told_in_markdown(layout, screen), events_into(json_into) as events:
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


def _plan_all(
    screen: Screen,
    options: Options,
    every: Every,
    planning: dict[str, Any],
    accept: tuple[str, ...],
    layout: Layout,
    out: str | None,
    destroy: bool,
    detailed_exitcode: bool,
) -> int:
    from planform.cli.many import plan_all

    roots, text = plan_all(screen, options, every, planning, accept, layout, out, destroy)
    screen.out(text)
    if out and layout.format == "text":
        screen.out(f"\nSaved in {out}. To do exactly this: planform apply --all --if-same-as {_shell(out)}\n")
    if any(root.problem for root in roots):
        return 1
    return CHANGES if detailed_exitcode and any(root.plan and not root.plan.is_empty for root in roots) else EMPTY


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
