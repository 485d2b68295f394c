"""Tuning jobs of this machine: all trials are in the queue from the start, each a run with a supervisor of its own.

Grid and random search know every trial beforehand, so nobody has to stay to think of the next one: the queue starts
them as capacity allows, and the tuning job goes on when planform ends, is killed or the machine starts again. What its
trials are stands in `tuning.json`; how they go, in their own records.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from planform.core.executor import JobSpec, Launched, Tell, silent
from planform.core.hyperparameters import wire_text
from planform.core.schemas import Misfit
from planform.core.state import TUNING, Run, RunStatus, Trial
from planform.core.tuning import definitions_of
from planform.core.values import Object, decode, encode
from planform.providers.local import runs as local_runs
from planform.providers.local.executor import LocalExecutor
from planform.providers.local.files import ENDED, HOME, read_json, run_folder, scheduling, write_json
from planform.providers.local.scheduler import Entry, cancel, schedule_locked, standing, submit, submitted
from planform.resources import treatment
from planform.training.definition import mapping, plain
from planform.training.names import run_id as id_of
from planform.training.objectives import joint, objectives_of
from planform.training.trials import STRATEGIES, trials

RECORD = "tuning.json"


@dataclass(frozen=True, slots=True)
class TuningExecutor:
    """Tuning jobs whose trials are runs of another executor of this machine."""

    inner: LocalExecutor
    usual: str = ""  # the executor of trainers that name none

    @property
    def name(self) -> str:
        return f"{self.inner.name}{TUNING}"

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        from planform.resources.training.tuning_rules import combinations
        from planform.resources.tuning_job import SCHEMA

        misfits, notes = treatment(SCHEMA, self.name, desired)
        for place, trainer in ((item.path, item.trainer) for item in definitions_of(desired)):
            found, said = self.inner.check(trainer)
            misfits += [misfit._replace(path=(*place, "trainer", *misfit.path)) for misfit in found]
            notes += said
            if (plain(trainer.get("executor")) or self.usual) != self.inner.name:
                why = f"All trials of a search are made by one executor; those of the first are by {self.inner.name}."
                misfits.append(Misfit((*place, "trainer", "executor"), why, suggestion="Name the same in all of them."))
        strategy = plain(desired.get("strategy"))
        if isinstance(strategy, str) and strategy not in STRATEGIES:
            misfits.append(
                Misfit(
                    ("strategy",),
                    f"This machine knows no strategy {strategy}: it searches by {' or '.join(STRATEGIES)}.",
                    suggestion="Use Random with a random_seed, or let a variable of the workspace decide.",
                )
            )
        most, wanted = combinations(desired), mapping(desired, "resource_limits").get("max_number_of_training_jobs")
        if strategy == "Random" and most is not None and isinstance(wanted, (int, float)) and wanted > most:
            notes.append(f"only {most} different trials exist, and each is tried once")
        return misfits, list(dict.fromkeys(notes))

    def image(self, trainer: Object) -> str:
        return self.inner.image(trainer)

    def predict(self, job_name: str, run_id: str, address: str) -> Object:
        return {"job_arn": _arn(job_name), "output_path": local_runs.output_path(address)}

    def find(self, job: str) -> Run | None:
        """A search of this machine is always somebody's: of the state that launched it."""
        return None

    def launch(self, spec: JobSpec, tell: Tell = silent) -> Launched:
        folder = run_folder(self.inner.root, spec.address, spec.number, spec.run_id)
        if read_json(folder / RECORD) is None:
            self._fill(folder, spec, tell)
        _submit(self.inner.root, folder)
        place = folder.relative_to(self.inner.root).as_posix()
        output = local_runs.output_path(spec.address)
        return Launched(_arn(spec.job_name), RunStatus("queued", output_path=output), place, output)

    def _fill(self, folder: Path, spec: JobSpec, tell: Tell) -> None:
        """Make the folders of all trials, and last the record that says they are there: from then on it is launched."""
        root, tuning = self.inner.root, spec.tuning or {}
        for job in spec.trained.values():
            local_runs.refuse_misfits(root, job, self.inner.max_instances)
        ready = {name: self.inner.ready(job, tell) for name, job in spec.trained.items()}
        limits, objectives = tuning["resource_limits"], objectives_of(tuning)
        seconds = limits.get("max_runtime_in_seconds")
        not_after = time.time() + float(seconds) if seconds is not None else None
        told = []
        for number, (name, values) in enumerate(trials(tuning), start=1):
            trial, (lay_out, secrets) = _trial_spec(spec.trained[name], number, values), ready[name]
            place = folder / "trials" / f"{number}-{trial.run_id}"
            local_runs.fill(
                place,
                self.inner.host,
                self.inner.name,
                trial,
                lambda base, lay_out=lay_out, trial=trial: lay_out(base, trial),  # type: ignore[misc]
                secrets,
                self.inner.stop_grace_in_seconds,
                not_after,
            )
            entry = local_runs.entry_of(place.relative_to(root).as_posix(), trial, self.inner.max_instances)
            told.append(
                {
                    "number": number,
                    "definition": name,
                    "metric_name": objectives[name]["metric_name"],
                    "job_name": trial.job_name,
                    "hyperparameters": encode(values),
                    "entry": asdict(entry),
                }
            )
        record = {
            "run_id": spec.run_id,
            "address": spec.address,
            "job_name": spec.job_name,
            "lineage": spec.lineage,
            "objective": joint(objectives),
            "max_parallel_training_jobs": int(limits.get("max_parallel_training_jobs", 1)),
            "trials": told,
        }
        write_json(folder / RECORD, record)

    def observe(self, runs: Sequence[Run]) -> Mapping[str, RunStatus]:
        records = {run.id: self._record(run) for run in runs}
        trial_runs = [trial for run in runs for trial in _runs_of(run, records[run.id])]
        seen = local_runs.observe(self.inner.root, self.inner.host, trial_runs)
        return {run.id: self._status(run, records[run.id], seen) for run in runs}

    def _record(self, run: Run) -> dict[str, Any] | None:
        return read_json(local_runs.folder_of(self.inner.root, run) / RECORD) if self._here(run) else None

    def _here(self, run: Run) -> bool:
        return run.coordinates.get("host", self.inner.host) == self.inner.host

    def _status(self, run: Run, record: Mapping[str, Any] | None, seen: Mapping[str, RunStatus]) -> RunStatus:
        if not run.active or not self._here(run):
            exist = bool(run.model_artifacts) and (self.inner.root / run.model_artifacts).is_file()
            return local_runs.recorded(run)._replace(artifacts_exist=exist)
        if record is None:
            return RunStatus("queued", missing=True, artifacts_exist=False)
        stopping = (local_runs.folder_of(self.inner.root, run) / "stop").exists()
        found = [(item, seen[item["entry"]["run_id"]]) for item in record["trials"]]
        return status_of(record["objective"], found, stopping)._replace(output_path=local_runs.output_path(run.address))

    def watch(self, runs: Sequence[Run], changed: Callable[[Run, RunStatus], None], stop: Callable[[], bool]) -> None:
        records = {run.id: self._record(run) for run in runs}
        whose = {trial.id: run for run in runs for trial in _runs_of(run, records[run.id])}
        trial_runs = [trial for run in runs for trial in _runs_of(run, records[run.id])]
        for run in runs:
            _submit(self.inner.root, local_runs.folder_of(self.inner.root, run))
        seen = dict(local_runs.observe(self.inner.root, self.inner.host, trial_runs))
        told: dict[str, RunStatus] = {}

        def tell(run: Run) -> None:
            status = self._status(run, records[run.id], seen)
            if told.get(run.id) != status and not status.missing:
                told[run.id] = status
                changed(run, status)

        def trial_changed(trial: Run, status: RunStatus) -> None:
            seen[trial.id] = status
            tell(whose[trial.id])

        for run in runs:
            tell(run)
        pending = [trial for trial in trial_runs if seen[trial.id].status not in ENDED]
        local_runs.watch(self.inner.root, self.inner.host, pending, trial_changed, stop)

    def adjust(self, run: Run, desired: Object) -> None:
        record = self._record(run)
        trainers = {item.name: item.trainer for item in definitions_of(desired)}
        told = record["trials"] if record is not None else ()
        for item, trial in zip(told, _runs_of(run, record), strict=True):
            trainer = trainers.get(item.get("definition", ""), {})
            local_runs.adjust(self.inner.root, trial, int(trainer.get("priority") or 0))

    def stop(self, run: Run) -> None:
        record = self._record(run)
        if record is None:
            local_runs.stop(self.inner.root, self.inner.host, run)  # which says where it is
            return
        root, host = self.inner.root, self.inner.host
        (local_runs.folder_of(root, run) / "stop").touch()
        with scheduling(root):  # those that wait all at once, so that none of them is started
            cancel(root, [entry for entry in standing(root).waiting if entry.group == run.id], "cancelled while queued")
            schedule_locked(root)
        trials = _runs_of(run, record)
        seen = local_runs.observe(root, host, trials)
        for trial in trials:
            if seen[trial.id].status not in ENDED:
                local_runs.stop(root, host, trial)

    def logs(self, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        chosen, _, host = (node or "").partition("/")
        if not chosen.startswith("trial-"):
            chosen, host = "", node or ""
        for trial in _runs_of(run, self._record(run)):
            title = f"trial-{trial.number}"
            if chosen in ("", title):
                for name, line in local_runs.logs(self.inner.root, self.inner.host, trial, host or None, follow):
                    yield f"{title}/{name}", line

    def metric_history(self, run: Run) -> Mapping[str, Sequence[tuple[float, float]]]:
        from planform.training.metrics import objective_history

        record = self._record(run)
        return objective_history(run, record["objective"]["metric_name"], record["objective"]["type"]) if record else {}

    def download(self, run: Run, folder: Path) -> tuple[str, ...]:
        best = next((trial for trial in _runs_of(run, self._record(run)) if trial.number == run.best), None)
        return local_runs.copied(self.inner.root / best.folder, folder) if best is not None else ()

    def resume(self) -> None:
        root = self.inner.root
        for path in sorted((root / HOME / "runs").glob(f"*/*/{RECORD}")):
            _submit(root, path.parent)
        self.inner.resume()


def status_of(
    objective: Mapping[str, str], found: Sequence[tuple[Mapping[str, Any], RunStatus]], stopping: bool
) -> RunStatus:
    """What a tuning job has come to, by its trials. Trials that fail do not fail it, unless all do. Pure."""
    told = tuple(_trial(item, status, item.get("metric_name", objective["metric_name"])) for item, status in found)
    best = best_of(told, objective["type"])
    by_number = {item["number"]: status for item, status in found}
    running = [status for _, status in found if status.status not in ENDED]
    common = RunStatus(
        "running",
        started_at=min((trial.started_at for trial in told if trial.started_at), default=""),
        metrics=best.metrics if best else {},
        model_artifacts=best.model_artifacts if best else "",
        billable_seconds=sum(status.billable_seconds for _, status in found),
        artifacts_exist=by_number[best.number].artifacts_exist if best else False,
        trials=told,
        best=best.number if best else 0,
    )
    if running:
        waiting = len(running) == len(told) and all(status.status == "queued" for status in running)
        stalled = all(status.stalled or status.missing for status in running)
        ended = len(told) - len(running)
        return common._replace(
            status="queued" if waiting else "running",
            stalled=stalled,
            reason=next((status.reason for status in running if status.reason), "")
            if stalled
            else f"{ended} of {len(told)} trials have ended",
        )
    ended_at = max((trial.ended_at for trial in told), default="")
    if stopping:
        return common._replace(status="stopped", reason="stop requested", ended_at=ended_at)
    if best is not None:
        return common._replace(status="succeeded", ended_at=ended_at)
    return _without_best(objective, told, [status for _, status in found], common._replace(ended_at=ended_at))


def _without_best(
    objective: Mapping[str, str], told: Sequence[Trial], found: Sequence[RunStatus], common: RunStatus
) -> RunStatus:
    """All trials have ended, and none has a value of the objective."""
    if any(trial.status == "succeeded" for trial in told):
        why = f'no trial printed the metric "{objective["metric_name"]}" as its regular expression wants it'
        return common._replace(status="failed", failure="user", reason=why)
    failed = [status for status in found if status.status == "failed"]
    if not failed:
        return common._replace(status="stopped", reason=found[0].reason if found else "")
    ours = all(status.failure == "infrastructure" for status in failed)
    first = failed[0].reason.splitlines()[0] if failed[0].reason else "no reason given"
    return common._replace(
        status="failed",
        failure="infrastructure" if ours else "user",
        reason=f"all {len(told)} trials failed; the first: {first}",
    )


def best_of(told: Sequence[Trial], kind: str) -> Trial | None:
    """The succeeded trial with the best value of the objective; of equal ones the first."""
    good = [trial for trial in told if trial.status == "succeeded" and trial.objective is not None]
    sign = -1.0 if kind == "Maximize" else 1.0
    return min(good, key=lambda trial: sign * (trial.objective or 0.0), default=None)


def _trial(item: Mapping[str, Any], status: RunStatus, metric: str) -> Trial:
    value = status.metrics.get(metric)
    return Trial(
        number=item["number"],
        job_name=item["job_name"],
        status=status.status,
        hyperparameters=decode(item["hyperparameters"]),
        metrics=status.metrics,
        objective=value if value is not None and math.isfinite(value) else None,
        reason=status.reason if status.status in ENDED else "",
        started_at=status.started_at,
        ended_at=status.ended_at,
        model_artifacts=status.model_artifacts,
        definition=item.get("definition", ""),
    )


def _trial_spec(spec: JobSpec, number: int, values: Mapping[str, Any]) -> JobSpec:
    """The job of one trial: that of the trainer, with its own values, name and checkpoints."""
    told = wire_text(sorted(values.items()))
    return spec._replace(
        run_id=id_of(spec.run_id, spec.address, told, number),
        number=number,
        job_name=f"{spec.job_name}-{number:03}",
        hyperparameters={**spec.hyperparameters, **values},
        checkpoint_key=hashlib.sha256(f"{spec.checkpoint_key}\n{told}".encode()).hexdigest()[:16],
        tuning=None,
        trained={},
    )


def _runs_of(run: Run, record: Mapping[str, Any] | None) -> list[Run]:
    """The trials of a tuning job as runs of their executor."""
    return [
        Run(
            id=item["entry"]["run_id"],
            address=run.address,
            number=item["number"],
            digest=run.digest,
            components={},
            job_name=item["job_name"],
            job_arn=local_runs.job_arn(item["job_name"]),
            provider=run.provider,
            executor=run.executor.removesuffix(TUNING),
            coordinates=run.coordinates,
            status="queued",
            folder=item["entry"]["folder"],
        )
        for item in (record["trials"] if record is not None else ())
    ]


def _submit(root: Path, folder: Path) -> None:
    """Put those trials into the queue that have neither begun nor are in it, and start what fits."""
    record = read_json(folder / RECORD)
    if record is None:
        return
    with scheduling(root):
        there = submitted(root)

        def is_left_out(given: Mapping[str, Any]) -> bool:
            state = read_json(root / given["folder"] / "run.json")
            return given["run_id"] not in there and state is not None and state["status"] == "queued"

        entries = [item["entry"] for item in record["trials"]]
        # They go in by order: when the last is in the queue, or has been, all are.
        for given in entries if entries and is_left_out(entries[-1]) else ():
            if is_left_out(given):
                grouped = {"group": record["run_id"], "most_of_group": record["max_parallel_training_jobs"]}
                submit(root, Entry(**{**given, **grouped}))
        schedule_locked(root)


def _arn(job_name: str) -> str:
    return f"planform:local:hyper-parameter-tuning-job/{job_name}"
