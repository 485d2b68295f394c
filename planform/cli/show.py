"""`planform show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.documents import plan_document
from planform.cli.options import Layout, layout_options, project_options
from planform.cli.screen import Screen
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("planfile", required=False, metavar="[PLAN]")
@click.option("--json", "as_json", is_flag=True, help="Print Terraform's plan or state JSON.")
@layout_options
@project_options
def command(options: Options, layout: Layout, planfile: str | None, as_json: bool) -> None:
    """Show a saved plan, those in a folder of `plan --all --out`, or the state when no PLAN is given."""
    from planform.project import open_recorded
    from planform.saved import read_plan

    if as_json:
        layout = layout._replace(format="json")
    screen: Screen = click.get_current_context().obj
    if planfile and Path(planfile).is_dir():
        from planform.cli.many import document, saved_plans

        screen.out(document(screen, saved_plans(Path(planfile)), layout))
        return
    if planfile:
        screen.out(plan_document(read_plan(Path(planfile)), layout, screen))
        return
    if layout.format in ("markdown", "html"):
        raise PlanformError(f"A state has no {layout.format} form.", suggestion="Name a plan: planform show PLAN.")
    snapshot = open_recorded(options).snapshot()
    if layout.format == "json":
        from planform.render.state_json import state_json

        screen.json(state_json(snapshot))
    else:
        from planform.render.state_text import state_text

        screen.out(state_text(snapshot, screen.style))
