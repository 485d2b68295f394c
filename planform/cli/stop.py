"""`planform stop`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.cli.selection import observed, runs_of

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("address")
@click.option("--run", "number", type=int, metavar="N", help="Only this run.")
@project_options
def command(options: Options, address: str, number: int | None) -> None:
    """Stop the queued and running runs of a trainer. A stopped run is held until it is retried or changed."""
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    runs = runs_of(observed(project), [address], number)
    active = [run for run in runs if run.active]
    for run in active:
        project.executor_for(run).stop(run)
        screen.out(f"{run.address}: run {run.number} is asked to stop\n")
    if not active:
        screen.out(f"{address} has no active run.\n")
