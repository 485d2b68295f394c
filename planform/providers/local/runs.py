"""Runs on this machine, whatever their nodes are: submitted, observed, watched, stopped, read.

A node is a command; that is all a supervisor knows of processes or containers.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from planform.core.errors import ProviderError
from planform.core.executor import JobSpec, Launched
from planform.core.state import Run, RunStatus
from planform.providers.local.files import (
    ENDED,
    HOME,
    address_name,
    held,
    local_name,
    read_json,
    run_folder,
    scheduling,
    utc,
    write_json,
    write_private,
)
from planform.providers.local.scheduler import (
    SUPERVISOR_DIED,
    Entry,
    Standing,
    cancel,
    look,
    never_fits,
    queue_named,
    reprioritise,
    schedule,
    schedule_locked,
    standing,
    submit,
    submitted,
)

POLL_SECONDS = 0.1
SETTLE_SECONDS = 1.0  # how often a watch looks for what only the whole queue can tell


@dataclass(frozen=True, slots=True)
class NodeCommand:
    """How one node is started."""

    host: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    meets: bool = False  # the nodes find each other on the loopback, at ports that are chosen at the start


def job_arn(job_name: str) -> str:
    return f"planform:local:training-job/{job_name}"


def output_path(address: str) -> str:
    """Where all runs of a trainer put their output, each into a folder of its own."""
    return f"{HOME}/runs/{address_name(address)}"


def launch(
    root: Path,
    host: str,
    executor: str,
    spec: JobSpec,
    prepare: Callable[[Path], Sequence[NodeCommand]],
    *,
    redact: Sequence[str],
    max_instances: int,
    stop_grace_in_seconds: float,
) -> Launched:
    """Put a run into its queue and start what fits. `prepare` fills its new folder and says what its nodes are."""
    folder = run_folder(root, spec.address, spec.number, spec.run_id)
    with scheduling(root):
        record = read_json(folder / "run.json")
        # A launch that was cut short left a folder, but nothing in the queue: that run was never launched.
        if record is None or (record["status"] == "queued" and spec.run_id not in submitted(root)):
            refuse_misfits(root, spec, max_instances)
            fill(folder, host, executor, spec, prepare, redact, stop_grace_in_seconds)
            submit(root, entry_of(folder.relative_to(root).as_posix(), spec, max_instances))
        schedule_locked(root)
    record, alive = look(folder)
    place = folder.relative_to(root).as_posix()
    return Launched(job_arn(spec.job_name), _standing_of(root, record or {}, alive), place, output_path(spec.address))


def entry_of(place: str, spec: JobSpec, max_instances: int) -> Entry:
    """The entry of a run in the queue."""
    share = str(spec.extra.get("share_identifier") or local_name(spec.extra.get("quota_share") or ""))
    queue = local_name(spec.queue)
    return Entry(spec.run_id, place, queue, spec.priority, spec.instance_count, max_instances, share=share)


def refuse_misfits(root: Path, spec: JobSpec, max_instances: int) -> None:
    """Raises ProviderError when a queue does not take a job, or could never start it."""
    queue = queue_named(root, local_name(spec.queue), max_instances)
    if not queue.accepts:
        raise ProviderError(
            f'queue "{queue.name}" is disabled and accepts no jobs',
            suggestion="Set its state to ENABLED.",
        )
    if why := never_fits(spec.instance_count, queue.capacity, queue.name, queue.pool):
        raise ProviderError(
            f"{spec.address} cannot run: {why}", suggestion="Lower instance_count or raise the capacity."
        )


def fill(
    folder: Path,
    host: str,
    executor: str,
    spec: JobSpec,
    prepare: Callable[[Path], Sequence[NodeCommand]],
    redact: Sequence[str],
    stop_grace_in_seconds: float,
    not_after: float | None = None,
) -> None:
    """Make the folder of a run, in place of what an interrupted launch left of it. `not_after`: the moment, in seconds
    since 1970, at which it ends whatever its own limit says."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        _write(folder, host, executor, spec, prepare(folder), redact, stop_grace_in_seconds, not_after)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write(
    folder: Path,
    host: str,
    executor: str,
    spec: JobSpec,
    nodes: Sequence[NodeCommand],
    redact: Sequence[str],
    stop_grace_in_seconds: float,
    not_after: float | None,
) -> None:
    job = {
        "nodes": [asdict(node) for node in nodes],
        "metric_definitions": [definition._asdict() for definition in spec.metric_definitions],
        "max_runtime_in_seconds": spec.max_runtime_in_seconds,
        "stop_grace_in_seconds": stop_grace_in_seconds,
        "not_after": not_after,
        "redact": [secret for secret in redact if len(secret) >= 4],  # shorter ones would blot out everything
    }
    write_private(folder / "job.json", job)
    record = {
        "run_id": spec.run_id,
        "number": spec.number,
        "address": spec.address,
        "job_name": spec.job_name,
        "lineage": spec.lineage,
        "workspace": spec.workspace,
        "executor": executor,
        "host": host,
        "instance_count": spec.instance_count,
        "status": "queued",
        "queued_at": utc(),
        "output_path": output_path(spec.address),
    }
    write_json(folder / "run.json", record)


def copied(source: Path, folder: Path) -> tuple[str, ...]:
    """Copy what a run left; nothing when it is there already."""
    names = [name for name in ("model", "output", "logs", "failure", "run.json") if (source / name).exists()]
    if source.resolve() != folder.resolve():
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            if (source / name).is_dir():
                shutil.copytree(source / name, folder / name, dirs_exist_ok=True)
            else:
                shutil.copy(source / name, folder / name)
    return tuple(names)


def adjust(root: Path, run: Run, priority: int) -> None:
    """Give a run that waits another priority."""
    with scheduling(root):
        reprioritise(root, run.id, priority)
        schedule_locked(root)


def folder_of(root: Path, run: Run) -> Path:
    """Where a run is, also one whose launch was never recorded."""
    return root / run.folder if run.folder else run_folder(root, run.address, run.number, run.id)


def observe(root: Path, host: str, runs: Sequence[Run]) -> dict[str, RunStatus]:
    """How runs stand. Reads only; the queue as a whole is looked at once, and only when one of them waits."""
    entries = submitted(root)
    found = {run.id: _status(root, host, run, entries) for run in runs}
    waiting = [
        run for run in runs if found[run.id].status == "queued" and not found[run.id].missing and _here(host, run)
    ]
    if waiting:
        stalled = _stalled(root, standing(root))
        for run in waiting:
            if run.id in stalled:
                # It may have been started since; what it is now is the last word.
                now = _status(root, host, run, entries)
                found[run.id] = now._replace(stalled=now.status == "queued", reason=now.reason or stalled[run.id])
    return found


def _here(host: str, run: Run) -> bool:
    return run.coordinates.get("host", host) == host


def recorded(run: Run) -> RunStatus:
    """The status that the ledger has."""
    return RunStatus(
        run.status,
        reason=run.reason,
        failure=run.failure,
        started_at=run.started_at,
        ended_at=run.ended_at,
        metrics=run.metrics,
        model_artifacts=run.model_artifacts,
        output_path=run.output_path,
        billable_seconds=run.billable_seconds,
        trials=run.trials,
        best=run.best,
    )


def _status(root: Path, host: str, run: Run, entries: frozenset[str]) -> RunStatus:
    if not _here(host, run):
        reason = run.reason or (f"recorded on host {run.coordinates['host']}" if run.active else "")
        return recorded(run)._replace(reason=reason, artifacts_exist=_exists(root, run.model_artifacts))
    folder = folder_of(root, run)
    record, alive = look(folder)
    if record is None or (record["status"] == "queued" and not alive and run.id not in entries):
        # No entry: it has ended since, was submitted since, or its launch was cut short.
        record = read_json(folder / "run.json")
        if record is None and not run.active:
            return recorded(run)._replace(artifacts_exist=_exists(root, run.model_artifacts))
        if record is None or (record["status"] == "queued" and run.id not in submitted(root)):
            return RunStatus("queued", missing=True, artifacts_exist=False)
    return _standing_of(root, record, alive)


def _standing_of(root: Path, record: Mapping[str, Any], alive: bool) -> RunStatus:
    """The status a record and its lock tell together."""
    facts = RunStatus(
        record["status"],
        reason=record.get("reason", ""),
        failure=record.get("failure", ""),
        started_at=record.get("started_at", ""),
        ended_at=record.get("ended_at", ""),
        metrics=record.get("metrics", {}),
        model_artifacts=record.get("model_artifacts", ""),
        output_path=record.get("output_path", ""),
        billable_seconds=record.get("billable_seconds", 0),
        artifacts_exist=_exists(root, record.get("model_artifacts", "")),
    )
    if facts.status in ENDED:
        return facts
    if alive or facts.status == "queued":
        return facts._replace(status="running" if alive else "queued")
    return facts._replace(status="failed", failure="infrastructure", reason=SUPERVISOR_DIED)


def _exists(root: Path, artifacts: str) -> bool:
    return bool(artifacts) and (root / artifacts).is_file()


def _stalled(root: Path, now: Standing) -> dict[str, str]:
    """Run id -> why nothing will start it, for queued runs that nobody is about to start."""
    if now.ending or held(root / HOME / "scheduler.lock"):
        return {}
    free = {entry.run_id: "there is room, but nobody has started it" for entry in now.startable()}
    if now.running:
        return free
    return {entry.run_id: _obstacle(entry, now) for entry in now.waiting} | free


def _obstacle(entry: Entry, now: Standing) -> str:
    queue = now.queues[entry.queue]
    if not queue.starts:
        return f'service environment "{queue.pool}" is disabled'
    return (
        never_fits(entry.instances, queue.capacity, queue.name, queue.pool) or "it waits for a run that does not start"
    )


def watch(
    root: Path,
    host: str,
    runs: Sequence[Run],
    changed: Callable[[Run, RunStatus], None],
    stop: Callable[[], bool],
) -> None:
    """Return when every run has ended here or `stop()` is true. Starts queued runs that nobody else will start."""
    tick = threading.Event()
    known = {run.id: recorded(run) for run in runs}
    stamps: dict[str, tuple[int, bool]] = {}
    open_runs = list(runs)
    settle = 0.0
    while open_runs and not stop():
        settle -= POLL_SECONDS
        if settle <= 0:
            settle = SETTLE_SECONDS
            look_at = open_runs
        else:
            look_at = [run for run in open_runs if _stamp(root, run) != stamps.get(run.id)]
        stamps |= {run.id: _stamp(root, run) for run in look_at}
        found = observe(root, host, look_at)
        for run in look_at:
            status = found[run.id]
            if _told(status) != _told(known[run.id]):
                known[run.id] = status
                changed(run, status)
        if any(status.stalled or status.reason == SUPERVISOR_DIED for status in found.values()):
            schedule(root)
        open_runs = [
            run
            for run in open_runs
            if known[run.id].status not in ENDED and not known[run.id].missing and _here(host, run)
        ]
        if open_runs:
            tick.wait(POLL_SECONDS)


def _told(status: RunStatus) -> RunStatus:
    """What of a status is worth telling."""
    return status._replace(stalled=False, artifacts_exist=True, reason=status.reason if status.status in ENDED else "")


def _stamp(root: Path, run: Run) -> tuple[int, bool]:
    folder = folder_of(root, run)
    try:
        return (folder / "run.json").stat().st_mtime_ns, held(folder / "lock")
    except FileNotFoundError:
        return 0, False


def stop(root: Path, host: str, run: Run) -> None:
    """Cancel a queued run; ask a running one to stop. One that has ended is left alone."""
    if not _here(host, run):
        raise ProviderError(
            f"run {run.number} of {run.address} is on host {run.coordinates['host']}",
            suggestion="Stop it there.",
        )
    folder = folder_of(root, run)
    with scheduling(root):
        waiting = [entry for entry in standing(root).waiting if entry.run_id == run.id]
        cancel(root, waiting, "cancelled while queued")
        if waiting:
            schedule_locked(root)  # it may have kept others waiting
            return
    record, alive = look(folder)
    if record is None or record["status"] in ENDED or not alive:
        return
    # The file first: a supervisor that has not told its pid yet looks for it afterwards.
    (folder / "stop").touch()
    record, alive = look(folder)
    if alive and record is not None and record["status"] == "running":
        try:
            os.kill(record["pid"], signal.SIGTERM)
        except ProcessLookupError:
            return


def logs(root: Path, host: str, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
    """(node, line) of what user code printed. Nodes one after the other; with `follow` as the lines come."""
    folder = folder_of(root, run) / "logs"
    tick = threading.Event()
    places: dict[Path, int] = {}
    while True:
        # Asked before reading: what is read afterwards is all there is.
        over = not follow or observe(root, host, [run])[run.id].status in ENDED or not _here(host, run)
        read = False
        for path in sorted(folder.glob(f"{node or '*'}.log"), key=lambda item: (len(item.name), item.name)):
            with open(path, "rb") as file:
                file.seek(places.get(path, 0))
                text = file.read()
            complete = text if over else text[: text.rfind(b"\n") + 1]
            places[path] = places.get(path, 0) + len(complete)
            for line in complete.decode(errors="replace").splitlines():
                read = True
                yield path.stem, line
        if over:
            return
        if not read:
            tick.wait(POLL_SECONDS)


def metric_history(root: Path, run: Run) -> dict[str, list[tuple[float, float]]]:
    """Metric name -> (seconds since start, value), oldest first."""
    history: dict[str, list[tuple[float, float]]] = {}
    try:
        text = (folder_of(root, run) / "metrics.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError:
        return history
    # The last line may be half written while the run is running.
    for line in text[: text.rfind("\n") + 1].splitlines():
        point = json.loads(line)
        history.setdefault(point["name"], []).append((point["t"], point["value"]))
    return history
