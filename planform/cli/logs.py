"""`planform logs`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.cli.selection import newest, observed, one_run, runs_of

if TYPE_CHECKING:
    from planform.core.state import Run
    from planform.project import Options, Project


@click.command()
@click.argument("address")
@click.option("--run", "number", type=int, metavar="N", help="Of this run (the newest).")
@click.option("--node", metavar="algo-N", help="Of this node only (all).")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@project_options
def command(options: Options, address: str, number: int | None, node: str | None, follow: bool) -> None:
    """What a run printed, or the newest runs of all trainers that ADDRESS names."""
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    snapshot = observed(project)
    chosen = newest(runs_of(snapshot, [address])) if number is None else []
    if len(chosen) > 1:
        for run, name, line in _side_by_side(project, chosen, node, follow):
            mark = screen.style.paint(f"[{run.address}/{run.number} {name}] ", "dim")
            screen.out(f"{mark}{line}\n")
        return
    run = one_run(snapshot, address, number)
    for name, line in project.executor_for(run).logs(run, node, follow):
        mark = "" if node else screen.style.paint(f"[{name}] ", "dim")
        screen.out(f"{mark}{line}\n")


def _side_by_side(project: Project, runs: list[Run], node: str | None, follow: bool) -> Iterator[tuple[Run, str, str]]:
    """The lines of several runs as they come; without `follow` one run after the other."""
    if not follow:
        for run in runs:
            for name, line in project.executor_for(run).logs(run, node, follow=False):
                yield run, name, line
        return
    from queue import SimpleQueue
    from threading import Thread

    lines: SimpleQueue[tuple[Run, str, str] | BaseException | None] = SimpleQueue()

    def read(run: Run) -> None:
        try:
            for name, line in project.executor_for(run).logs(run, node, follow=True):
                lines.put((run, name, line))
        except BaseException as error:
            lines.put(error)
        lines.put(None)

    for run in runs:
        Thread(target=read, args=(run,), daemon=True).start()
    open_logs = len(runs)
    while open_logs:
        found = lines.get()
        if found is None:
            open_logs -= 1
        elif isinstance(found, BaseException):
            raise found
        else:
            yield found
