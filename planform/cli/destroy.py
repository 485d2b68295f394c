"""`planform destroy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.applying import carry_out, confirmed
from planform.cli.documents import plan_form
from planform.cli.options import acceptance_option, form_options, parallelism_option, project_options
from planform.cli.screen import Screen

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--target", "targets", multiple=True, metavar="ADDRESS", help="Only this and what needs it. Globs work.")
@click.option("--input/--no-input", default=True, help="Whether to ask for approval (yes).")
@acceptance_option
@form_options
@parallelism_option
@project_options
def command(
    options: Options,
    form: str,
    accept: tuple[str, ...],
    auto_approve: bool,
    targets: tuple[str, ...],
    input: bool,
) -> int:
    """Take away everything that is recorded. Active runs are stopped; ledger and artifacts are kept."""
    from planform.engine.guards import accepting
    from planform.project import check_permitted, open_project

    screen: Screen = click.get_current_context().obj
    project = open_project(options)
    with screen.progress() as progress:
        plan = project.plan(targets=targets, destroy=True, reporter=progress)
    plan = accepting(plan, accept)
    screen.out(plan_form(plan, form, screen))
    check_permitted(plan)
    if not plan.is_empty and not auto_approve and not confirmed(screen, "Destroy all of these?", input):
        return 1
    return carry_out(screen, project, plan)
