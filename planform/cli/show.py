"""`planform show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.options import form_options, project_options
from planform.cli.plan import plan_form
from planform.cli.screen import Screen

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("planfile", required=False, metavar="[PLAN]")
@click.option("--json", "as_json", is_flag=True, help="Print Terraform's plan or state JSON.")
@form_options
@project_options
def command(options: Options, form: str, planfile: str | None, as_json: bool) -> None:
    """Show a saved plan, or the state when no PLAN is given."""
    from planform.project import open_recorded, read_plan

    screen: Screen = click.get_current_context().obj
    if planfile:
        plan = read_plan(Path(planfile))
        if as_json:
            from planform.render.plan_json import plan_json

            screen.json(plan_json(plan))
        else:
            screen.out(plan_form(plan, form, screen))
        return
    snapshot = open_recorded(options).snapshot()
    if as_json:
        from planform.render.state_json import state_json

        screen.json(state_json(snapshot))
    else:
        from planform.render.state_text import state_text

        screen.out(state_text(snapshot, screen.style))
