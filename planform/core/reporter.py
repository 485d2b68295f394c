"""What happens while it happens: the engine tells, reporters show. Every method may be left as it is."""

from __future__ import annotations

from planform.core.plan import Plan, Step
from planform.core.state import Run


class Reporter:
    """Shows nothing. Calls come from one thread at a time."""

    def planning(self, stage: str, done: int, total: int) -> None:
        """Reading or planning goes on: `stage` is "reading" or "planning"."""

    def planned(self, plan: Plan) -> None:
        """The plan is complete and about to be applied."""

    def started(self, step: Step) -> None:
        """A step has begun."""

    def progress(self, step: Step, text: str, lasting: bool = False) -> None:
        """A step goes on: what it does now or, `lasting`, what it has done on the way. Unlike the others this comes
        from any thread."""

    def finished(self, step: Step, seconds: float, detail: str = "") -> None:
        """A step has done what the plan said."""

    def failed(self, step: Step, seconds: float, error: str) -> None:
        """A step has failed; what depends on it is skipped."""

    def skipped(self, step: Step, because: str) -> None:
        """A step was not tried."""

    def run_changed(self, run: Run) -> None:
        """A run that is being awaited has a new status or new metrics."""

    def log(self, run: Run, node: str, line: str) -> None:
        """A line of a run's output, when the caller asked for logs."""

    def applied(self, plan: Plan, remaining: tuple[Step, ...]) -> None:
        """All that could be done is done; `remaining` waits for detached runs."""
