"""`--json-into FILE`: the event stream beside what the screen shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planform.core.plan import Plan, Step
from planform.core.reporter import Reporter
from planform.core.state import Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from planform.render.events import JsonReporter

F = TypeVar("F", bound="Callable[..., Any]")


def events_option(command: F) -> F:
    return click.option(
        "--json-into", metavar="FILE", help="Write Terraform's event stream into FILE beside what is shown."
    )(command)


@contextmanager
def events_into(file: str | None) -> Iterator[JsonReporter | None]:
    """Writes events into the file, errors of the body among them; without a file there is nobody to tell."""
    if file is None:
        yield None
        return
    from planform import __version__
    from planform.render.events import JsonReporter, telling

    with open(file, "w", encoding="utf-8", buffering=1) as stream:
        reporter = JsonReporter(stream.write, __version__)
        with telling(reporter):
            yield reporter


def together(first: Reporter, second: Reporter | None) -> Reporter:
    return first if second is None else Together(first, second)


class Together(Reporter):
    """Tells two reporters the same."""

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters

    def planning(self, stage: str, done: int, total: int) -> None:
        for reporter in self._reporters:
            reporter.planning(stage, done, total)

    def planned(self, plan: Plan) -> None:
        for reporter in self._reporters:
            reporter.planned(plan)

    def started(self, step: Step) -> None:
        for reporter in self._reporters:
            reporter.started(step)

    def progress(self, step: Step, text: str, lasting: bool = False) -> None:
        for reporter in self._reporters:
            reporter.progress(step, text, lasting)

    def finished(self, step: Step, seconds: float, detail: str = "") -> None:
        for reporter in self._reporters:
            reporter.finished(step, seconds, detail)

    def failed(self, step: Step, seconds: float, error: str) -> None:
        for reporter in self._reporters:
            reporter.failed(step, seconds, error)

    def skipped(self, step: Step, because: str) -> None:
        for reporter in self._reporters:
            reporter.skipped(step, because)

    def run_changed(self, run: Run) -> None:
        for reporter in self._reporters:
            reporter.run_changed(run)

    def log(self, run: Run, node: str, line: str) -> None:
        for reporter in self._reporters:
            reporter.log(run, node, line)

    def applied(self, plan: Plan, remaining: tuple[Step, ...]) -> None:
        for reporter in self._reporters:
            reporter.applied(plan, remaining)
