"""`planform apply`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planform.cli.applying import carry_out, confirmed
from planform.cli.documents import plan_form
from planform.cli.events import events_into, events_option, together
from planform.cli.options import (
    Every,
    acceptance_option,
    every_option,
    form_options,
    parallelism_option,
    planning_options,
    project_options,
)
from planform.cli.screen import Screen
from planform.core.errors import Diagnosed, Diagnostic, PlanformError
from planform.core.plan import Plan
from planform.core.reporter import Reporter

if TYPE_CHECKING:
    from planform.project import Options, Project


@click.command()
@click.argument("planfile", required=False, metavar="[PLAN]")
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@click.option(
    "--if-same-as",
    metavar="PLAN",
    help="Plan afresh, and go on without asking only if nothing is done but what the reviewed PLAN says.",
)
@click.option("--detach", is_flag=True, help="Launch runs and return without waiting for them.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print Terraform's event stream; needs --auto-approve or a plan file."
)
@click.option("--input/--no-input", default=True, help="Whether to ask for approval (yes).")
@every_option
@planning_options
@acceptance_option
@form_options
@events_option
@parallelism_option
@project_options
def command(
    options: Options,
    every: Every,
    planning: dict[str, Any],
    accept: tuple[str, ...],
    form: str,
    json_into: str | None,
    planfile: str | None,
    auto_approve: bool,
    if_same_as: str | None,
    detach: bool,
    as_json: bool,
    input: bool,
) -> int:
    """Make what the files say true. With PLAN, a file of `planform plan --out`, do exactly what it says."""
    screen: Screen = click.get_current_context().obj
    if as_json and json_into:
        raise PlanformError("--json already prints the event stream.", suggestion="Leave --json or --json-into out.")
    if planfile and if_same_as:
        raise PlanformError(
            "--if-same-as plans afresh, and a plan file says what is done.",
            suggestion=f"planform apply --if-same-as {if_same_as}, or planform apply {planfile}",
        )
    if every.chosen:
        if planfile or as_json or json_into:
            raise PlanformError(
                "A plan file and the event stream are of one root module.", suggestion="Leave --all out."
            )
        from planform.cli.many import apply_all

        return apply_all(
            screen, options, every, planning, accept, form,
            if_same_as=if_same_as, approved=auto_approve, may_ask=input, detach=detach,
        )  # fmt: skip
    if planfile:
        return _apply_saved(screen, options, planning, accept, Path(planfile), form, detach, as_json, json_into)
    if as_json and not (auto_approve or if_same_as):
        raise PlanformError(
            "apply --json cannot ask for approval.",
            suggestion="Review first: planform plan --out FILE && planform apply --json FILE. Or add --auto-approve.",
        )
    if as_json:
        return _apply_as_stream(screen, options, planning, accept, if_same_as, detach)
    from planform.project import check_permitted

    with events_into(json_into) as events:
        with screen.progress() as progress:
            project, plan, reviewed = _planned(options, planning, accept, if_same_as, together(progress, events))
        if events is not None:
            events.reviewed(plan)
        screen.out(plan_form(plan, form, screen))
        if reviewed is not None:
            _check_same(reviewed, plan)
        check_permitted(plan)
        if reviewed is not None:
            screen.out(_as_reviewed(reviewed, plan))
        elif not plan.is_empty and not auto_approve:
            question = "Make these changes?" if plan.steps or plan.moves else "Record these outputs?"
            if not confirmed(screen, question, input):
                return 1
        return carry_out(screen, project, plan, detach=detach, events=events)


def _planned(
    options: Options, planning: dict[str, Any], accept: tuple[str, ...], if_same_as: str | None, reporter: Reporter
) -> tuple[Project, Plan, Plan | None]:
    """The project, its plan, and the plan that was reviewed, if there is one."""
    from planform.engine.guards import accepting
    from planform.project import open_project
    from planform.saved import open_as_reviewed, read_plan

    if if_same_as is None:
        project = open_project(options)
        return project, accepting(project.plan(**planning, reporter=reporter), accept), None
    reviewed = read_plan(Path(if_same_as))
    project = open_as_reviewed(reviewed, options)
    planning = {**planning, "refresh_only": planning["refresh_only"] or reviewed.refresh_only}
    plan = project.plan(**planning, destroy=reviewed.destroy, reviewed=reviewed, reporter=reporter)
    exceeded = {limit.name for limit in plan.exceeded}
    # What was accepted in the review is accepted.
    return project, accepting(plan, (*(name for name in reviewed.accepted if name in exceeded), *accept)), reviewed


def _check_same(reviewed: Plan, plan: Plan) -> None:
    """Raises:
    Diagnosed: with everything that the plan does and the reviewed one does not.
    """
    from planform.core.deeds import differences
    from planform.render.sameness import differences_text

    found = differences(reviewed, plan)
    if found:
        raise Diagnosed(
            [
                Diagnostic(
                    "This is not what was reviewed, so nothing was done.",
                    f"Plan {reviewed.id} was reviewed; what would be done now, plan {plan.id}, differs from it.",
                    values=tuple(differences_text(found)),
                    suggestion="Have a new plan reviewed: planform plan --out FILE",
                )
            ]
        )


def _as_reviewed(reviewed: Plan, plan: Plan) -> str:
    if plan.is_empty:
        return f"\nNothing of the reviewed plan {reviewed.id} is left to do.\n"
    if plan.id == reviewed.id:
        return "\nThis is what was reviewed.\n"
    return f"\nAll of this was reviewed, in plan {reviewed.id}.\n"


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
    from planform.project import check_permitted
    from planform.saved import open_saved, read_plan

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
    screen: Screen,
    options: Options,
    planning: dict[str, Any],
    accept: tuple[str, ...],
    if_same_as: str | None,
    detach: bool,
) -> int:
    from planform import __version__
    from planform.cli.applying import stream_out
    from planform.render.events import JsonReporter, telling

    reporter = JsonReporter(screen.out, __version__)
    with telling(reporter):
        project, plan, reviewed = _planned(options, planning, accept, if_same_as, reporter)
        reporter.reviewed(plan)
        if reviewed is not None:
            _check_same(reviewed, plan)
        return stream_out(project, plan, reporter, detach=detach)
