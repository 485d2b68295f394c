"""`planform logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.cli.selection import observed, one_run

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("address")
@click.option("--run", "number", type=int, metavar="N", help="Of this run (the newest).")
@click.option("--node", metavar="algo-N", help="Of this node only (all).")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@project_options
def command(options: Options, address: str, number: int | None, node: str | None, follow: bool) -> None:
    """What a run printed."""
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    run = one_run(observed(project), address, number)
    for name, line in project.executor_for(run).logs(run, node, follow):
        mark = "" if node else screen.style.paint(f"[{name}] ", "dim")
        screen.out(f"{mark}{line}\n")
