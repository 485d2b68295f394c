"""What an apply says while it goes on: plain lines everywhere, or a picture on a terminal that redraws itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from planform.core.plan import Plan, Step, Verb
from planform.core.reporter import Reporter
from planform.core.state import ACTIVE, Run
from planform.render.numbers import duration, metrics_text, seconds_text
from planform.render.style import PLAIN, Style, count, elide
from planform.render.trials import best_text, trial_sentence, trials_table

if TYPE_CHECKING:
    from rich.text import Text

DOING: Mapping[Verb, str] = {
    "create": "creating...",
    "update": "changing...",
    "delete": "destroying...",
    "forget": "forgetting...",
    "record": "recording...",
    "launch": "launching...",
    "await": "waiting for its run...",
    "stop": "stopping its run...",
}
DONE: Mapping[Verb, str] = {
    "create": "created",
    "update": "changed",
    "delete": "destroyed",
    "forget": "forgotten",
    "record": "recorded",
    "launch": "launched",
    "await": "its run has ended",
    "stop": "its run was stopped",
}
PACE_SECONDS = 10.0
HUES = {
    "launching": "blue",
    "queued": "blue",
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "stopped": "yellow",
}


class Counting(Reporter):
    """Counts the steps that were done, by verb."""

    def __init__(self) -> None:
        self.done: dict[str, int] = {}

    def finished(self, step: Step, seconds: float, detail: str = "") -> None:
        self.done[step.verb] = self.done.get(step.verb, 0) + 1


class Paced:
    """Lets through what is said of a step first, and then something each ten seconds."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def lets(self, step: Step) -> bool:
        moment = time.monotonic()
        due = moment - self._last.get(step.id, -PACE_SECONDS) >= PACE_SECONDS
        if due:
            self._last[step.id] = moment
        return due


class PlainReporter(Counting):
    """One line for each thing that happens, for logs and pipes."""

    def __init__(self, write: Callable[[str], object], style: Style = PLAIN) -> None:
        super().__init__()
        self._write, self._style = write, style
        self._told: dict[str, str] = {}
        self._trials: dict[tuple[str, int], str] = {}
        self._paced = Paced()

    def _line(self, who: object, text: str, hue: str = "") -> None:
        self._write(f"{self._style.paint(f'{who}:', 'bold')} {self._style.paint(text, *filter(None, [hue]))}\n")

    def started(self, step: Step) -> None:
        # Launching and waiting are told by the run itself.
        if step.verb not in ("record", "launch", "await"):
            self._line(step.address, DOING[step.verb])

    def progress(self, step: Step, text: str, lasting: bool = False) -> None:
        if lasting or self._paced.lets(step):
            self._line(step.address, text)

    def finished(self, step: Step, seconds: float, detail: str = "") -> None:
        super().finished(step, seconds, detail)
        if step.verb not in ("launch", "await"):
            self._line(step.address, _finished(step, seconds, detail), "green")

    def failed(self, step: Step, seconds: float, error: str) -> None:
        if step.verb != "await":
            self._line(step.address, f"failed after {seconds_text(seconds)}: {error}", "red")

    def skipped(self, step: Step, because: str) -> None:
        if step.verb not in ("await", "record"):
            self._line(step.address, f"not tried: {because}", "yellow")

    def run_changed(self, run: Run) -> None:
        if run.active and self._told.get(run.id) != run.status:
            self._line(run.address, run_sentence(run), HUES[run.status])
        for trial in run.trials:
            told = self._trials.get((run.id, trial.number), "queued")
            self._trials[run.id, trial.number] = trial.status
            # Trials that were cancelled before they began are no news: there may be hundreds.
            if told != trial.status and trial.status not in ACTIVE and (trial.started_at or trial.status != "stopped"):
                self._line(run.address, trial_sentence(trial, len(run.trials)), HUES[trial.status])
        if not run.active and self._told.get(run.id) != run.status:
            self._line(run.address, run_sentence(run), HUES[run.status])
        self._told[run.id] = run.status

    def log(self, run: Run, node: str, line: str) -> None:
        self._write(f"{self._style.paint(f'[{run.address}/{node}]', 'dim')} {line}\n")


class LiveReporter(Counting):
    """Steps and runs under way, redrawn in place. What ended is printed above and stays. Use as a context manager."""

    def __init__(self, style: Style) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__()
        self._console = Console(highlight=False, color_system="auto" if style.colour else None, soft_wrap=True)
        self._style = style
        self._doing: dict[str, tuple[Step, float]] = {}
        self._saying: dict[str, str] = {}  # step id -> what it does now
        self._runs: dict[str, Run] = {}
        self._since: dict[str, float] = {}
        self._stage = ""
        unicode = self._console.encoding.startswith("utf")
        self._marks = (
            {"green": "✓", "red": "✗", "yellow": "-"} if unicode else {"green": "+", "red": "x", "yellow": "-"}
        )
        self._spinner = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" if unicode else "|/-\\"
        self._live = Live(
            get_renderable=self._picture, console=self._console, refresh_per_second=8, transient=True, auto_refresh=True
        )

    def __enter__(self) -> LiveReporter:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def planning(self, stage: str, done: int, total: int) -> None:
        self._stage = f"{stage} {done} of {total}"

    def planned(self, plan: Plan) -> None:
        self._stage = ""

    def started(self, step: Step) -> None:
        if step.verb not in ("record", "await"):
            self._doing = {**self._doing, step.id: (step, time.monotonic())}

    def progress(self, step: Step, text: str, lasting: bool = False) -> None:
        if lasting:
            self._saying = {key: item for key, item in self._saying.items() if key != step.id}
            self._print(str(step.address), text, "")
        else:
            self._saying = {**self._saying, step.id: text}

    def finished(self, step: Step, seconds: float, detail: str = "") -> None:
        super().finished(step, seconds, detail)
        self._ended(step)
        if step.verb not in ("launch", "await", "record"):
            self._print(str(step.address), _finished(step, seconds, detail), "green")

    def failed(self, step: Step, seconds: float, error: str) -> None:
        self._ended(step)
        if step.verb != "await":
            self._print(str(step.address), f"failed after {seconds_text(seconds)}: {error}", "red")

    def skipped(self, step: Step, because: str) -> None:
        if step.verb not in ("await", "record"):
            self._print(str(step.address), f"not tried: {because}", "yellow")

    def run_changed(self, run: Run) -> None:
        if run.active:
            self._runs = {**self._runs, run.id: run}
            self._since.setdefault(run.id, time.monotonic())
            return
        known = self._runs.get(run.id)
        if known is not None or run.id not in self._since:
            self._runs = {key: item for key, item in self._runs.items() if key != run.id}
            self._since[run.id] = 0.0
            for line, status in trials_table(run):
                self._console.print(f"      {line}", style=HUES.get(status, "dim"), markup=False)
            self._print(run.address, run_sentence(run), HUES[run.status])

    def log(self, run: Run, node: str, line: str) -> None:
        self._print(f"[{run.address}/{node}]", line, "")

    def _ended(self, step: Step) -> None:
        self._doing = {key: item for key, item in self._doing.items() if key != step.id}

    def _print(self, who: str, text: str, hue: str) -> None:
        from rich.text import Text

        mark = self._marks.get(hue, " ")
        self._console.print(Text.assemble((f"  {mark} ", hue or "dim"), (who, "bold"), "  ", (text, hue)))

    def _picture(self) -> Text:
        """What is under way now. Another thread draws it, so it reads values that are replaced, never changed."""
        from rich.text import Text

        lines: list[tuple[str, str, str]] = []
        moment = time.monotonic()
        for step, since in self._doing.values():
            doing = self._saying.get(step.id) or DOING[step.verb]
            lines.append((str(step.address), f"{doing} {seconds_text(moment - since)}", "blue"))
        for run in self._runs.values():
            elapsed = moment - self._since.get(run.id, moment)
            words = [f"run {run.number} {run.status}", seconds_text(elapsed), metrics_text(run.metrics)]
            lines.append((run.address, "  ".join(filter(None, words)), HUES[run.status]))
        room = max(self._console.size.height - 3, 5)
        tables = self._tables(room - len(lines))
        hidden = len(lines) - room
        width = max((len(who) for who, _, _ in lines[:room]), default=0)
        spinner = self._spinner[int(moment * 8) % len(self._spinner)]
        text = Text(no_wrap=True, overflow="ellipsis")
        for who, what, hue in lines[:room]:
            text.append(f"  {spinner} ", hue).append(f"{who:<{width}}", "bold")
            text.append(f"  {elide(what, max(self._console.size.width - width - 7, 20))}\n", hue)
        if hidden > 0:
            text.append(f"    and {hidden} more\n", "dim")
        for line, status in tables:
            text.append(f"      {line}\n", HUES.get(status, "dim"))
        if self._stage:
            text.append(f"  {spinner} {self._stage}\n", "dim")
        text.rstrip()
        return text

    def _tables(self, room: int) -> list[tuple[str, str]]:
        """The trials of the tuning jobs under way, as far as there is room."""
        tuning = [run for run in self._runs.values() if run.trials]
        each = room // len(tuning) - 1 if tuning else 0
        return [line for run in tuning if each > 1 for line in trials_table(run, each)]


def run_sentence(run: Run) -> str:
    """`run 2 succeeded in 1.4 s, accuracy 0.957`."""
    text = f"run {run.number} {run.status}"
    if run.active:
        return f"{text} (job {run.job_name})" if run.status == "queued" and run.job_name else text
    taken = duration(run.started_at, run.ended_at)
    if taken is not None:
        text += f" {'in' if run.status == 'succeeded' else 'after'} {seconds_text(taken)}"
    if run.reason:
        text += f": {elide(run.reason.splitlines()[0], 160)}"
    measured = metrics_text(run.metrics) if run.status == "succeeded" else ""
    return ", ".join(filter(None, (text, measured, best_text(run) if run.status == "succeeded" else "")))


_DONE_WORDS = (
    ("move", "moved"),
    ("import", "imported"),
    ("create", "created"),
    ("update", "changed"),
    ("delete", "destroyed"),
    ("forget", "forgotten"),
)


def applied_text(
    counts: Mapping[str, int], seconds: float, failures: int, style: Style = PLAIN, interrupted: bool = False
) -> str:
    """The last sentence of an apply. `counts` are steps done, by verb, and objects moved and imported."""
    said: list[str] = []
    for verb, word in _DONE_WORDS:
        if counts.get(verb):
            said.append(f"{counts[verb]} {word}")
    if counts.get("launch"):
        said.append(f"{count(counts['launch'], 'run')} launched")
    if failures:
        text = f"Apply ended with {count(failures, 'failure')} after {seconds_text(seconds)}"
        return style.paint(text + (f"; {', '.join(said)}." if said else "."), "bold", "red")
    if interrupted:
        return style.paint(f"Interrupted after {seconds_text(seconds)}: {', '.join(said) or 'nothing done'}.", "bold")
    return style.paint(f"Applied in {seconds_text(seconds)}: {', '.join(said) or 'recorded'}.", "bold", "green")


def _finished(step: Step, seconds: float, detail: str) -> str:
    timing = f" in {seconds_text(seconds)}" if seconds >= 0.1 else ""
    return f"{DONE[step.verb]}{timing}" + (f" ({detail})" if detail else "")


__all__ = ["HUES", "Counting", "LiveReporter", "Paced", "PlainReporter", "applied_text", "run_sentence"]
