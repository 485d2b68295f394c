"""Terraform's event stream: one JSON object a line, for `plan --json` and `apply --json`.

Beyond Terraform's events: `planned_change` carries the differing attributes, and `run_status` tells of runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from planform.core.addresses import Address, module_text
from planform.core.errors import Diagnostic, PlanformError
from planform.core.plan import Action, Change, Plan, Step
from planform.core.state import Run
from planform.core.values import Value
from planform.render.diagnostics import diagnostic_json
from planform.render.guards import refusals
from planform.render.live import Counting, Paced
from planform.render.plan_json import leaf_json, run_plan_json
from planform.render.runs_json import run_json, trial_json
from planform.render.style import count
from planform.render.tally import kind_of, summary, tally
from planform.render.terraform_json import TERRAFORM_VERSION, output_json, provider_name

Write = Callable[[str], object]
Clock = Callable[[], str]

_PLANNED = {
    Action.NO_OP: "noop",
    Action.CREATE: "create",
    Action.READ: "read",
    Action.UPDATE: "update",
    Action.DELETE: "delete",
    Action.DELETE_THEN_CREATE: "replace",
    Action.CREATE_THEN_DELETE: "replace",
    Action.FORGET: "forget",
}
# Terraform's word for what a step does, and how its messages begin and end.
_VERBS = {
    "create": ("create", "Creating...", "Creation complete"),
    "update": ("update", "Modifying...", "Modifications complete"),
    "delete": ("delete", "Destroying...", "Destruction complete"),
    "forget": ("forget", "Forgetting...", "Removal from the state complete"),
    "record": ("update", "Recording...", "Recording complete"),
    "launch": ("create", "Launching...", "Launch complete"),
    "await": ("read", "Waiting for its run...", "Run complete"),
    "stop": ("delete", "Stopping its run...", "Stop complete"),
}


def now() -> str:
    """RFC 3339 with microseconds, in UTC."""
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class JsonReporter(Counting):
    """Writes events as they happen."""

    def __init__(self, write: Write, version: str, clock: Clock = now) -> None:
        super().__init__()
        self._write, self._clock = write, clock
        self._last: dict[str, tuple[str, Mapping[str, float]]] = {}
        self._paced = Paced()
        self._trials: dict[tuple[str, int], str] = {}
        self.emit("version", f"planform {version}", terraform=TERRAFORM_VERSION, planform=version, ui="1.2")

    def emit(self, kind: str, message: str, level: str = "info", **keys: Any) -> None:
        """Write one event."""
        event = {"@level": level, "@message": message, "@module": "terraform.ui", "@timestamp": self._clock()}
        self._write(json.dumps({**event, **keys, "type": kind}, ensure_ascii=False, separators=(",", ":")) + "\n")

    def diagnostics(self, diagnostics: Iterable[Diagnostic], texts: Mapping[str, str] | None = None) -> None:
        """Problems as events."""
        for item in diagnostics:
            level, word = ("error", "Error") if item.severity == "error" else ("warn", "Warning")
            self.emit("diagnostic", f"{word}: {item.summary}", level, diagnostic=diagnostic_json(item, texts or {}))

    def reviewed(self, plan: Plan) -> None:
        """A plan, change by change, then its summary and outputs."""
        for drift in plan.drift:
            action = "delete" if drift.gone else "update"
            change: dict[str, Any] = {"resource": resource_json(drift.address), "action": action}
            change["attributes"] = [leaf_json(leaf) for leaf in drift.leaves]
            self.emit("resource_drift", f"{drift.address}: Drift detected ({action})", change=change)
        for planned in plan.changes:
            if planned.does_something or kind_of(planned) in ("held", "in_progress"):
                self.emit("planned_change", f"{planned.address}: {_planned(planned)}", change=_change_json(planned))
        self.emit("change_summary", summary(plan), changes=_counts(plan, "plan"), plan_id=plan.id)
        changed = {
            item.name: {"sensitive": item.sensitive, "action": _output_action(item.action)} for item in plan.outputs
        }
        if changed:
            self.emit("outputs", f"Outputs: {len(changed)}", outputs=changed)
        self.diagnostics(plan.warnings)
        self.diagnostics(replace(item, severity="warning") for item in refusals(plan))

    def outputs(self, values: Mapping[str, Value]) -> None:
        """Outputs as they are recorded after an apply."""
        if values:
            found = {name: output_json(value) for name, value in sorted(values.items())}
            self.emit("outputs", f"Outputs: {len(found)}", outputs=found)

    def started(self, step: Step) -> None:
        action, message, _ = _VERBS[step.verb]
        self.emit("apply_start", f"{step.address}: {message}", hook=_hook(step, action))

    def progress(self, step: Step, text: str, lasting: bool = False) -> None:
        if lasting or self._paced.lets(step):
            hook = _hook(step, _VERBS[step.verb][0], detail=text)
            self.emit("apply_progress", f"{step.address}: {text}", hook=hook)

    def finished(self, step: Step, seconds: float, detail: str = "") -> None:
        action, _, message = _VERBS[step.verb]
        super().finished(step, seconds, detail)
        hook = _hook(step, action, elapsed_seconds=round(seconds, 3))
        if detail:
            hook["detail"] = detail
        self.emit("apply_complete", f"{step.address}: {message} after {seconds:.0f}s", hook=hook)

    def failed(self, step: Step, seconds: float, error: str) -> None:
        hook = _hook(step, _VERBS[step.verb][0], elapsed_seconds=round(seconds, 3), error=error)
        self.emit("apply_errored", f"{step.address}: {step.verb} errored after {seconds:.0f}s", "error", hook=hook)

    def skipped(self, step: Step, because: str) -> None:
        hook = _hook(step, _VERBS[step.verb][0], because=because)
        self.emit("apply_skipped", f"{step.address}: not tried: {because}", "warn", hook=hook)

    def run_changed(self, run: Run) -> None:
        for trial in run.trials:
            told = self._trials.get((run.id, trial.number), "queued")
            self._trials[run.id, trial.number] = trial.status
            if told != trial.status:
                level = "error" if trial.status in ("failed", "stopped") else "info"
                message = f"{run.address}: run {run.number} trial {trial.number} {trial.status}"
                about = {"address": run.address, "run": run.number, **trial_json(trial)}
                self.emit("trial_status", message, level, trial=about)
        last = self._last.get(run.id)
        if last == (run.status, run.metrics):
            return
        self._last[run.id] = (run.status, run.metrics)
        level = "error" if run.status in ("failed", "stopped") else "info"
        self.emit(
            "run_status", f"{run.address}: run {run.number} {run.status}", level, run=run_json(run._replace(trials=()))
        )

    def applied(self, plan: Plan, remaining: tuple[Step, ...]) -> None:
        counts = _counts(plan, "destroy" if plan.destroy else "apply")
        if remaining:
            counts["remaining"] = sorted({str(step.address) for step in remaining})
        message = (
            f"Apply complete! Resources: {self.done.get('create', 0)} added, {self.done.get('update', 0)} changed, "
            f"{self.done.get('delete', 0)} destroyed. {count(self.done.get('launch', 0), 'run')} launched."
        )
        counts |= {
            "add": self.done.get("create", 0),
            "change": self.done.get("update", 0),
            "remove": self.done.get("delete", 0),
            "runs": self.done.get("launch", 0),
        }
        self.emit("change_summary", message, changes=counts, plan_id=plan.id)


@contextmanager
def telling(reporter: JsonReporter) -> Iterator[None]:
    """Errors of the body become events before they go on."""
    try:
        yield
    except PlanformError as error:
        reporter.diagnostics(error.diagnostics())
        raise


def resource_json(address: Address) -> dict[str, Any]:
    """How events name a resource instance."""
    module = module_text(address.module)
    local = str(address).removeprefix(f"{module}.") if module else str(address)
    return {
        "addr": str(address),
        "module": module,
        "resource": local,
        "implied_provider": provider_name("").rsplit("/", 1)[-1],
        "resource_type": address.type,
        "resource_name": address.name,
        "resource_key": address.key,
    }


def _hook(step: Step, action: str, **keys: Any) -> dict[str, Any]:
    return {"resource": resource_json(step.address), "action": action, "verb": step.verb, **keys}


def _planned(change: Change) -> str:
    match kind_of(change):
        case "run":
            return f"Plan to launch run {change.run.number if change.run else 1}"
        case "reuse":
            return f"Plan to reuse run {change.run.number if change.run else 1}"
        case "held":
            return "Held"
        case "in_progress":
            return "Run in progress"
        case _:
            return f"Plan to {_PLANNED[change.action]}"


def _change_json(change: Change) -> dict[str, Any]:
    form: dict[str, Any] = {"resource": resource_json(change.address), "action": _PLANNED[change.action]}
    if change.moved_from is not None:
        form["previous_resource"] = resource_json(change.moved_from)
        form["action"] = "move" if change.action is Action.NO_OP else form["action"]
    if change.reason:
        form["reason"] = change.reason.removeprefix("replace_because_")
    if change.run is not None:
        form["run"] = run_plan_json(change.run)
    if change.leaves:
        form["attributes"] = [leaf_json(leaf) for leaf in change.leaves]
    return form


def _output_action(action: Action) -> str:
    return _PLANNED[action]


def _counts(plan: Plan, operation: str) -> dict[str, Any]:
    """Terraform's counting: a replacement is one more to add and one more to remove."""
    numbers = tally(plan.changes)
    return {
        "add": numbers.create + numbers.replace,
        "change": numbers.update,
        "import": 0,
        "remove": numbers.delete + numbers.replace,
        "runs": numbers.run,
        "reused": numbers.reuse,
        "operation": operation,
    }
