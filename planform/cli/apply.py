"""`planform apply`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planform.cli.applying import carry_out, confirmed
from planform.cli.events import events_into, events_option, together
from planform.cli.options import (
    acceptance_option,
    form_options,
    parallelism_option,
    planning_options,
    project_options,
)
from planform.cli.plan import plan_form
from planform.cli.screen import Screen
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("planfile", required=False, metavar="[PLAN]")
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--detach", is_flag=True, help="Launch runs and return without waiting for them.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print Terraform's event stream; needs --auto-approve or a plan file."
)
@click.option("--input/--no-input", default=True, help="Whether to ask for approval (yes).")
@planning_options
@acceptance_option
@form_options
@events_option
@parallelism_option
@project_options
def command(
    options: Options,
    planning: dict[str, Any],
    accept: tuple[str, ...],
    form: str,
    json_into: str | None,
    planfile: str | None,
    auto_approve: bool,
    detach: bool,
    as_json: bool,
    input: bool,
) -> int:
    """Make what the files say true. With PLAN, a file of `planform plan --out`, do exactly what it says."""
    screen: Screen = click.get_current_context().obj
    if as_json and json_into:
        raise PlanformError("--json already prints the event stream.", suggestion="Leave --json or --json-into out.")
    if planfile:
        return _apply_saved(screen, options, planning, accept, Path(planfile), form, detach, as_json, json_into)
    if as_json and not auto_approve:
        raise PlanformError(
            "apply --json cannot ask for approval.",
            suggestion="Review first: planform plan --out FILE && planform apply --json FILE. Or add --auto-approve.",
        )
    if as_json:
        return _apply_as_stream(screen, options, planning, accept, detach)
    from planform.engine.guards import accepting
    from planform.project import check_permitted, open_project

    with events_into(json_into) as events:
        project = open_project(options)
        with screen.progress() as progress:
            plan = project.plan(**planning, reporter=together(progress, events))
        plan = accepting(plan, accept)
        if events is not None:
            events.reviewed(plan)
        screen.out(plan_form(plan, form, screen))
        check_permitted(plan)
        if not plan.is_empty and not auto_approve:
            question = "Make these changes?" if plan.steps or plan.moves else "Record these outputs?"
            if not confirmed(screen, question, input):
                return 1
        return carry_out(screen, project, plan, detach=detach, events=events)


def _apply_saved(
    screen: Screen,
    options: Options,
    planning: dict[str, Any],
    accept: tuple[str, ...],
    path: Path,
    form: str,
    detach: bool,
    as_json: bool,
    json_into: str | None,
) -> int:
    from planform.engine.guards import accepting
    from planform.project import check_permitted, open_saved, read_plan

    chosen = [name for name, value in planning.items() if value not in ((), False) and name != "refresh"]
    if chosen:
        flags = ", ".join(f"--{name.removesuffix('s').replace('_', '-')}" for name in chosen)
        raise PlanformError(
            f"{flags} cannot be used with a plan file: what is done is already decided.",
            suggestion="Make a new plan with these options: planform plan --out FILE",
        )
    plan = accepting(read_plan(path), accept)
    if as_json:
        from planform import __version__
        from planform.cli.applying import stream_out
        from planform.render.events import JsonReporter, telling

        reporter = JsonReporter(screen.out, __version__)
        with telling(reporter):
            return stream_out(open_saved(plan, options), plan, reporter, detach=detach)
    with events_into(json_into) as events:
        project = open_saved(plan, options)
        screen.out(plan_form(plan, form, screen))
        check_permitted(plan)
        return carry_out(screen, project, plan, detach=detach, events=events)


def _apply_as_stream(
    screen: Screen, options: Options, planning: dict[str, Any], accept: tuple[str, ...], detach: bool
) -> int:
    from planform import __version__
    from planform.cli.applying import stream_out
    from planform.engine.guards import accepting
    from planform.project import open_project
    from planform.render.events import JsonReporter, telling

    reporter = JsonReporter(screen.out, __version__)
    with telling(reporter):
        project = open_project(options)
        plan = accepting(project.plan(**planning, reporter=reporter), accept)
        reporter.reviewed(plan)
        return stream_out(project, plan, reporter, detach=detach)
