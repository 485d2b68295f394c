"""Runs, their metrics and their components as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from planform.core.state import Run, Trial
from planform.render.terraform_json import shape

History = Mapping[str, Sequence[tuple[float, float]]]


def run_json(run: Run) -> dict[str, Any]:
    """Everything the ledger says of a run; empty fields are left out."""
    form: dict[str, Any] = {
        "address": run.address,
        "number": run.number,
        "id": run.id,
        "status": run.status,
        "reason": run.reason,
        "failure": run.failure,
        "job_name": run.job_name,
        "job_arn": run.job_arn,
        "provider": run.provider,
        "executor": run.executor,
        "coordinates": dict(run.coordinates),
        "digest": run.digest,
        "launched_at": run.launched_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "billable_seconds": run.billable_seconds,
        "hyperparameters": shape(dict(run.hyperparameters)).shown,
        "metrics": dict(run.metrics),
        "model_artifacts": run.model_artifacts,
        "output_path": run.output_path,
        "folder": run.folder,
        "best": run.best,
        "trials": [trial_json(trial) for trial in run.trials],
    }
    return {key: value for key, value in form.items() if value not in ("", {}, [], 0)}


def trial_json(trial: Trial) -> dict[str, Any]:
    """What there is to say of a trial of a tuning job."""
    form = {**trial._asdict(), "hyperparameters": shape(dict(trial.hyperparameters)).shown}
    return {key: value for key, value in form.items() if value not in ("", {}, None)}


def runs_json(runs: Iterable[Run]) -> dict[str, Any]:
    return {"format_version": "1.0", "runs": [run_json(run) for run in runs]}


def metrics_json(histories: Iterable[tuple[Run, History]]) -> dict[str, Any]:
    """Last values and whole histories, run by run; a point is seconds since the start and the value."""
    return {
        "format_version": "1.0",
        "runs": [
            {
                "address": run.address,
                "number": run.number,
                "status": run.status,
                "hyperparameters": shape(dict(run.hyperparameters)).shown,
                "metrics": dict(run.metrics),
                "history": {name: [[at, value] for at, value in points] for name, points in history.items()},
            }
            for run, history in histories
        ],
    }


def why_json(address: str, now: Mapping[str, str], previous: Run | None) -> dict[str, Any]:
    """Each component of the run digest, now and in the run it is compared with."""
    before = previous.components if previous else {}
    return {
        "format_version": "1.0",
        "address": address,
        "run": previous.number if previous else None,
        "components": [
            {"name": name, "before": before.get(name), "now": now.get(name), "moved": before.get(name) != now.get(name)}
            for name in sorted({*before, *now})
        ],
    }
