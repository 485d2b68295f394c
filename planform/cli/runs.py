"""`planform runs`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.group import DefaultGroup
from planform.cli.options import OutFile, Seconds, project_options
from planform.cli.screen import Screen, one_line
from planform.cli.selection import newest, observed, one_run, runs_of
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.core.state import Run, RunStatus
    from planform.project import Options, Project

SUCCEEDED, FAILED, TIMED_OUT = 0, 1, 3


@click.group(cls=DefaultGroup)
def command() -> None:
    """List runs, or wait for them. `planform runs [ADDRESS]` is short for `planform runs list [ADDRESS]`."""


@command.command("list")
@click.argument("address", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@project_options
def list_command(options: Options, address: str | None, as_json: bool) -> None:
    """Runs of a trainer, or of all."""
    from planform.project import open_recorded
    from planform.render.runs_json import runs_json
    from planform.render.runs_text import runs_table

    screen: Screen = click.get_current_context().obj
    runs = runs_of(observed(open_recorded(options)), [address] if address else [])
    if as_json:
        screen.json(runs_json(runs))
    else:
        screen.out(runs_table(runs, screen.style))


@command.command("confirm")
@click.argument("address")
@click.option("--run", "number", type=int, metavar="N", help="This run (the newest).")
@project_options
def confirm_command(options: Options, address: str, number: int | None) -> None:
    """Vouch that an imported job was made of its trainer's definition: it may be reused like any other run."""
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    run = one_run(observed(project), address, number)
    if not run.adopted:
        raise PlanformError(f"Run {run.number} of {run.address} was not imported: there is nothing to confirm.")
    project.confirm_run(run)
    screen.success(f"Run {run.number} of {run.address} counts as one of its definition.")


@command.command("compare")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--run", "number", type=int, metavar="N", help="Only this run of each.")
@click.option("--newest", "only_newest", is_flag=True, help="Only the newest run of each.")
@click.option(
    "--sort", default="", metavar="COLUMN", help="By a metric, a hyperparameter or a column; COLUMN:desc turns it."
)
@click.option("--format", type=click.Choice(["table", "markdown", "csv", "json", "html"]), default="table")
@click.option("--out", type=OutFile(), metavar="FILE", help="Write into a file.")
@project_options
def compare_command(
    options: Options,
    addresses: tuple[str, ...],
    number: int | None,
    only_newest: bool,
    sort: str,
    format: str,
    out: Path | None,
) -> None:
    """Runs side by side: hyperparameters that differ, against what was measured.

    Runs of a trainer, of all instances of a sweep, and trials of a tuning job.
    """
    from planform.project import open_recorded
    from planform.render import comparison
    from planform.render.pages import comparison_page
    from planform.render.style import PLAIN

    screen: Screen = click.get_current_context().obj
    runs = runs_of(observed(open_recorded(options)), addresses, number)
    found = comparison.compare(newest(runs) if only_newest else runs, sort)
    title = f"planform runs compare {' '.join(addresses)}".rstrip()
    forms: dict[str, Callable[[], str]] = {
        "table": lambda: comparison.comparison_text(found, screen.style if out is None else PLAIN),
        "markdown": lambda: comparison.comparison_markdown(found),
        "csv": lambda: comparison.comparison_csv(found),
        "json": lambda: one_line(comparison.comparison_json(found)),
        "html": lambda: comparison_page(found, title),
    }
    text = forms[format]()
    if out is None:
        screen.out(text)
    else:
        out.write_text(text, encoding="utf-8")


@command.command("wait")
@click.argument("address", required=False)
@click.option("--timeout", type=Seconds(), metavar="TIME", help="Give up after so long: 90, 30m, 2h.")
@project_options
def wait_command(options: Options, address: str | None, timeout: float | None) -> int:
    """Wait for the newest run of a trainer, or of all.

    Exits with 0 when all succeeded, 1 when one failed or was stopped, 3 when time was up.
    """
    from planform.project import open_recorded
    from planform.render.live import PlainReporter

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    patterns = [address] if address else []
    waited = newest(runs_of(observed(project), patterns))
    deadline = time.monotonic() + timeout if timeout is not None else None
    reporter = PlainReporter(screen.out, screen.style)
    _watch(project, [run for run in waited if run.active], reporter, deadline)
    ended = {run.id: run for run in runs_of(observed(project), patterns)}
    now = [ended.get(run.id, run) for run in waited]
    for run in now:
        reporter.run_changed(run)
    if any(run.status in ("failed", "stopped") for run in now):
        return FAILED
    return TIMED_OUT if any(run.active for run in now) else SUCCEEDED


@command.command("download")
@click.argument("address")
@click.option("--run", "number", type=int, metavar="N", help="This run (the newest).")
@click.option("--to", "target", metavar="FOLDER", help="Where to; by default where runs of this machine are.")
@project_options
def download_command(options: Options, address: str, number: int | None, target: str | None) -> None:
    """Bring the model, the output and the logs of a run here."""
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    run = one_run(observed(project), address, number)
    folder = Path(target) if target else project.run_folder(run)
    files = project.executor_for(run).download(run, folder)
    if not files:
        raise PlanformError(
            f"Run {run.number} of {run.address} has left nothing yet.", suggestion=f"It is {run.status}: planform runs"
        )
    screen.out("".join(f"{folder / name}\n" for name in files))


@command.command("resume")
@project_options
def resume_command(options: Options) -> None:
    """Start what waits in the queues of this machine and nobody starts, as after a reboot; tidy up after dead runs."""
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    project.resume_queues(tidy=True)
    active = [run for run in runs_of(observed(project), []) if run.active]
    states = ", ".join(f"{run.address} {run.status}" for run in active)
    screen.out(f"{states}.\n" if active else "Nothing waits.\n")


def _watch(project: Project, runs: list[Run], reporter: object, deadline: float | None) -> None:
    """Return when every run has ended or time is up."""
    from planform.core.reporter import Reporter
    from planform.core.state import progress

    assert isinstance(reporter, Reporter)
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.provider, run.executor), []).append(run)

    def changed(run: Run, status: RunStatus) -> None:
        reporter.run_changed(progress(run, status))

    def is_late() -> bool:
        return deadline is not None and time.monotonic() >= deadline

    for group in groups.values():
        project.executor_for(group[0]).watch(group, changed, is_late)
