"""`planform metrics`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.options import OutFile, project_options
from planform.cli.screen import Screen, one_line
from planform.cli.selection import newest, observed, runs_of
from planform.core.errors import PlanformError
from planform.render.style import PLAIN, Style

if TYPE_CHECKING:
    from planform.core.state import Run
    from planform.project import Options
    from planform.render.runs_json import History


@click.command()
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--run", "number", type=int, metavar="N", help="Of this run.")
@click.option("--compare", is_flag=True, help="All runs, not the newest alone; in a table by what differs.")
@click.option("--history", is_flag=True, help="Every point of every metric.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--format",
    type=click.Choice(["table", "curves", "svg", "html"]),
    default="table",
    help="A table; or the course of each metric: on the terminal, as a picture or as a page.",
)
@click.option("--out", type=OutFile(), metavar="FILE", help="Write into a file.")
@project_options
def command(
    options: Options,
    addresses: tuple[str, ...],
    number: int | None,
    compare: bool,
    history: bool,
    as_json: bool,
    format: str,
    out: Path | None,
) -> None:
    """What runs measured. Without ADDRESS, the newest run of every trainer side by side."""
    from planform.project import open_recorded
    from planform.render import comparison
    from planform.render.runs_json import metrics_json
    from planform.render.runs_text import history_table, metrics_table

    if format != "table" and (as_json or history):
        raise PlanformError(f"--format {format} shows courses alone.", suggestion="Leave the other option out.")
    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    runs = runs_of(observed(project), addresses, number)
    chosen = runs if compare or number is not None else newest(runs)
    say = screen.out if out is None else partial(out.write_text, encoding="utf-8")
    style = screen.style if out is None else PLAIN
    if as_json:
        say(one_line(metrics_json((run, project.executor_for(run).metric_history(run)) for run in chosen)))
    elif format != "table":
        histories = [(run, project.executor_for(run).metric_history(run)) for run in chosen]
        say(_courses(histories, format, style))
    elif compare or (not addresses and number is None):
        say(comparison.comparison_text(comparison.compare(chosen), style))
    else:
        text = ""
        for index, run in enumerate(chosen):
            found = project.executor_for(run).metric_history(run)
            text += "\n" * bool(index) + metrics_table(run, found, style)
            text += "\n" + history_table(found) if history else ""
        if number is None and len(runs) > len(chosen):
            text += "\n" + comparison.comparison_text(comparison.compare(runs), style)
        say(text)


def _courses(histories: list[tuple[Run, History]], format: str, style: Style) -> str:
    """The course of each metric, in one of the forms that show courses."""
    from planform.render.curves_text import curves_text
    from planform.render.pages import curves_page, curves_svg

    if format == "curves":
        return curves_text(histories, style)
    addresses = list(dict.fromkeys(run.address for run, _ in histories))
    title = f"planform metrics: {', '.join(addresses[:3])}{' ...' if len(addresses) > 3 else ''}"
    return curves_svg(histories, title) if format == "svg" else curves_page(histories, title)
