"""`planform graph`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["dot", "mermaid", "svg"]),
    default="dot",
    help="A finished picture (svg), or a description of it for Graphviz or for a Markdown page.",
)
@click.option("--plan", "plan_file", metavar="FILE", help="Colour what a saved plan does.")
@project_options
def command(options: Options, form: str, plan_file: str | None) -> None:
    """Draw what depends on what: `planform graph --format svg > graph.svg`, `planform graph | dot -Tpng`."""
    from planform.project import open_recorded
    from planform.render.graph import dot, drawing, mermaid
    from planform.saved import read_plan

    screen: Screen = click.get_current_context().obj
    plan = read_plan(Path(plan_file)) if plan_file else None
    draw = {"dot": dot, "mermaid": mermaid, "svg": drawing}[form]
    screen.out(draw(open_recorded(options).configuration, plan))
