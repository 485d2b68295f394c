"""`planform metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.cli.selection import newest, observed, runs_of

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--run", "number", type=int, metavar="N", help="Of this run.")
@click.option("--compare", is_flag=True, help="All runs side by side: hyperparameters that differ, last metrics.")
@click.option("--history", is_flag=True, help="Every point of every metric.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@project_options
def command(
    options: Options, addresses: tuple[str, ...], number: int | None, compare: bool, history: bool, as_json: bool
) -> None:
    """What runs measured. Without ADDRESS, the newest run of every trainer side by side."""
    from planform.project import open_recorded
    from planform.render.runs_json import metrics_json
    from planform.render.runs_text import comparison, history_table, metrics_table

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    runs = runs_of(observed(project), addresses, number)
    chosen = runs if compare or number is not None else newest(runs)
    if as_json:
        screen.json(metrics_json((run, project.executor_for(run).metric_history(run)) for run in chosen))
    elif compare or (not addresses and number is None):
        screen.out(comparison(chosen, screen.style))
    else:
        for index, run in enumerate(chosen):
            found = project.executor_for(run).metric_history(run)
            screen.out("\n" * bool(index) + metrics_table(run, found, screen.style))
            if history:
                screen.out("\n" + history_table(found))
        if number is None and len(runs) > len(chosen):
            screen.out("\n" + comparison(runs, screen.style))
