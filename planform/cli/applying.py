"""Carrying out a plan in front of a user: asking, showing, interrupting, and what is said at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from planform.cli.events import together
from planform.cli.screen import INTERRUPTED, Screen
from planform.core.errors import Diagnostic, PlanformError
from planform.render.style import count

if TYPE_CHECKING:
    from planform.core.plan import Plan
    from planform.engine.applier import Outcome
    from planform.project import Project
    from planform.render.events import JsonReporter

# Beyond this many steps a picture is slower to draw than the work it shows.
MOST_DRAWN = 400


_INSTEAD = "Add --auto-approve, or review first: planform plan --out FILE, then planform apply FILE."


def confirmed(
    screen: Screen, question: str, may_ask: bool = True, instead: str = _INSTEAD, refused: str = "Nothing was changed."
) -> bool:
    """Whether the user says yes, in full; `instead` is what they can do where nobody can be asked, `refused` what is
    said when they do not.

    Raises:
        PlanformError: there is nobody to ask.
    """
    if not may_ask or not sys.stdin.isatty():
        raise PlanformError(
            "Approval is needed, and there is no terminal to ask for it.",
            suggestion=instead,
        )
    prompt = screen.style.paint(f"\n{question}", "bold") + " Only 'yes' is accepted: "
    if click.prompt(prompt, prompt_suffix="", default="", show_default=False).strip() == "yes":
        return True
    screen.out(f"{refused}\n")
    return False


def carry_out(
    screen: Screen, project: Project, plan: Plan, *, detach: bool = False, events: JsonReporter | None = None
) -> int:
    """Apply a plan, showing how it goes, and telling `events` the same; the exit code."""
    from planform.render.live import LiveReporter, PlainReporter, applied_text
    from planform.render.plan_text import remaining_text

    if plan.is_empty:
        project.apply(plan)
        return 0
    screen.out("\n")
    began = time.monotonic()
    with ExitStack() as stack:
        interrupt = stack.enter_context(Interrupt.caught(screen))
        reporter: LiveReporter | PlainReporter
        if screen.is_live and len(plan.steps) <= MOST_DRAWN:
            reporter = stack.enter_context(LiveReporter(screen.style))
        else:
            reporter = PlainReporter(screen.out, screen.style)
        outcome = project.apply(plan, reporter=together(reporter, events), detach=detach, stop=interrupt.is_asked)
    if events is not None:
        _tell_outcome(events, outcome)
    screen.problems(outcome.warnings)
    screen.problems(
        Diagnostic(f"Output {address.name} has no value: {said}")
        for address, said in outcome.failures
        if address.type == "output"
    )
    failures = len(outcome.failures) + len(outcome.failed_runs)
    left = remaining_text(outcome.remaining, screen.style)
    if left:
        screen.out(f"\n{left}\n")
    interrupted = interrupt.is_asked() or outcome.interrupted
    undone = {address for address, _ in outcome.failures} | {
        step.address for step in (*outcome.skipped, *outcome.remaining)
    }
    imported = sum(bool(change.importing) and change.address not in undone for change in plan.changes)
    counts = {**reporter.done, "move": len(plan.moves), "import": imported}
    told = applied_text(counts, time.monotonic() - began, failures, screen.style, interrupted)
    screen.out(f"\n{told}\n")
    _say_next(screen, outcome, unwatched=detach or interrupted)
    if interrupted:
        return INTERRUPTED
    _show_outputs(screen, project, plan, outcome)
    return 0 if outcome.ok else 1


def stream_out(project: Project, plan: Plan, reporter: JsonReporter, *, detach: bool = False) -> int:
    """Apply a plan and tell of it in events; the exit code."""
    with Interrupt.caught(None) as interrupt:
        outcome = project.apply(plan, reporter=reporter, detach=detach, stop=interrupt.is_asked)
    _tell_outcome(reporter, outcome)
    if interrupt.is_asked() or outcome.interrupted:
        return INTERRUPTED
    return 0 if outcome.ok else 1


def _tell_outcome(reporter: JsonReporter, outcome: Outcome) -> None:
    reporter.diagnostics(outcome.warnings)
    if outcome.snapshot is not None:
        reporter.outputs(outcome.snapshot.state.outputs)


class Interrupt:
    """Ctrl-C or SIGTERM: the first asks to stop watching, the second ends the program (S5.6)."""

    def __init__(self, screen: Screen | None) -> None:
        self._screen, self._asked = screen, False

    def is_asked(self) -> bool:
        return self._asked

    @classmethod
    @contextmanager
    def caught(cls, screen: Screen | None) -> Iterator[Interrupt]:
        """Catch signals while the body runs."""
        import signal

        interrupt = cls(screen)
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, interrupt._received) for number in signals}
        try:
            yield interrupt
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _received(self, number: int, frame: object) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        if self._screen is not None:
            self._screen.err(
                "\nStopping: calls under way are finished, runs go on. Press Ctrl-C again to leave at once.\n"
            )


def _say_next(screen: Screen, outcome: Outcome, *, unwatched: bool) -> None:
    """How to follow what goes on, and how to try again what failed."""
    runs = [run for items in outcome.snapshot.ledger.runs.values() for run in items] if outcome.snapshot else []
    active = [run for run in runs if run.active]
    if active and unwatched:
        address = quoted(active[0].address)
        said = f"{count(len(active), 'run')} still active. To follow:"
        screen.out(f"{said}\n    planform runs\n    planform logs -f {address}\n")
    for run in outcome.failed_runs[:1]:
        address = quoted(run.address)
        screen.out(f"To see why:      planform logs {address}\nTo run it again: planform apply --retry {address}\n")


def _show_outputs(screen: Screen, project: Project, plan: Plan, outcome: Outcome) -> None:
    from planform.render.state_text import outputs_text

    if outcome.snapshot is not None and outcome.snapshot.state.outputs and not plan.destroy:
        screen.out("\n" + screen.style.paint("Outputs:", "bold") + "\n")
        screen.out(outputs_text(outcome.snapshot.state.outputs, indent="  "))


def quoted(address: str) -> str:
    """An address as a shell takes it."""
    return f"'{address}'" if '"' in address or "[" in address else address
