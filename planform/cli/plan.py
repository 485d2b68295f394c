"""`planform plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planform.cli.options import form_options, parallelism_option, planning_options, project_options
from planform.cli.screen import Screen

if TYPE_CHECKING:
    from planform.core.plan import Plan
    from planform.project import Options

EMPTY, CHANGES = 0, 2


@click.command()
@click.option("--out", metavar="FILE", help="Save the plan, to apply exactly it later.")
@click.option("--destroy", is_flag=True, help="Plan to take everything away.")
@click.option("--json", "as_json", is_flag=True, help="Print Terraform's event stream.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@click.option("--input/--no-input", default=True, hidden=True, help="Accepted as in Terraform: plan never asks.")
@planning_options
@form_options
@parallelism_option
@project_options
def command(
    options: Options,
    planning: dict[str, Any],
    form: str,
    out: str | None,
    destroy: bool,
    as_json: bool,
    detailed_exitcode: bool,
    input: bool,
) -> int:
    """Show what apply would do. Changes nothing."""
    from planform.project import open_project, write_plan

    screen: Screen = click.get_current_context().obj
    if as_json:
        plan = _stream(screen, options, planning, destroy)
    else:
        project = open_project(options)
        with screen.progress() as progress:
            plan = project.plan(**planning, destroy=destroy, reporter=progress)
        screen.out(plan_form(plan, form, screen))
    if out:
        write_plan(plan, Path(out))
        if not as_json:
            screen.out(f"\nSaved as {out}. To do exactly this: planform apply {_shell(out)}\n")
    return CHANGES if detailed_exitcode and not plan.is_empty else EMPTY


def plan_form(plan: Plan, form: str, screen: Screen) -> str:
    """The plan as text: concise, full, or only its summary."""
    if form == "full":
        from planform.render.plan_full import full

        return full(plan, screen.style)
    from planform.render.plan_text import brief, concise

    return (brief if form == "summary" else concise)(plan, screen.style)


def _stream(screen: Screen, options: Options, planning: dict[str, Any], destroy: bool) -> Plan:
    from planform import __version__
    from planform.project import open_project
    from planform.render.events import JsonReporter, telling

    reporter = JsonReporter(screen.out, __version__)
    with telling(reporter):
        plan = open_project(options).plan(**planning, destroy=destroy, reporter=reporter)
        reporter.reviewed(plan)
    return plan


def _shell(word: str) -> str:
    import shlex

    return shlex.quote(word)
