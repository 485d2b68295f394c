"""Which run a trainer should have: new, reused, in progress, held or as it is (S3.3 to S3.6). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planform.core.plan import RunPlan
from planform.core.state import Run

# As after a reboot (S7.1).
STALLED = "stalled: the next apply starts it, or planform runs resume"


@dataclass(frozen=True, slots=True)
class Definition:
    """What the configuration wants of a trainer's runs. `components` None: an input is known only after apply."""

    components: Mapping[str, str] | None
    digest: str
    provider: str
    executor: str
    coordinates: Mapping[str, str]
    mode: str = "on_change"  # run: on_change | always | manual
    on_change: str = "finish"
    max_attempts: int = 2
    waits_for: str = ""  # the origin of the unknown input


@dataclass(frozen=True, slots=True)
class Options:
    retry: bool = False  # --retry names this trainer
    retry_failed: bool = False
    run: bool = False  # --run names this trainer
    gone: frozenset[str] = frozenset()  # ids of runs whose artifacts no longer exist
    stalled: frozenset[str] = frozenset()  # ids of queued runs that nothing will start


def decide(wanted: Definition, runs: Sequence[Run], current: Run | None, options: Options) -> RunPlan:
    """The decision for one trainer. `runs` are all of its runs, oldest first, with their progress; `current` is the
    one its record names."""
    active = [run for run in runs if run.active]
    previous = current or (runs[-1] if runs else None)
    asked = options.retry or options.run
    if wanted.mode == "manual" and wanted.components is None and not asked:
        return RunPlan("nothing", number=current.number if current else 0, reason="run: manual")
    if wanted.components is None:
        return _new(wanted, runs, previous, active, f"an input is known after apply: {wanted.waits_for}")
    moved = _moved(wanted, previous)
    matching = [run for run in runs if run.digest == wanted.digest and _same_place(run, wanted)]
    newest = matching[-1] if matching else None
    if newest is not None and newest.active:
        return _of(newest, "in_progress", wanted, moved, STALLED if newest.id in options.stalled else "")
    if asked:
        return _new(wanted, runs, previous, active, "retry requested" if options.retry else "run requested")
    if wanted.mode == "manual":
        return RunPlan("nothing", number=current.number if current else 0, digest=wanted.digest, reason="run: manual")
    if wanted.mode == "always":
        return _new(wanted, runs, previous, active, "run: always")
    good = [
        run
        for run in matching
        if run.status == "succeeded" and run.id not in options.gone and (not run.adopted or run == current)
    ]
    if current is not None and current in good:
        return _of(current, "nothing", wanted, ())
    if good:
        return _of(good[-1], "reuse", wanted, moved, cancels=_cancels(wanted, active), leaves=_leaves(wanted, active))
    if newest is None or newest.status == "succeeded":
        reason = "first run" if not runs else "its artifacts are gone" if newest else "definition changed"
        return _new(wanted, runs, previous, active, reason)
    if options.retry_failed:
        return _new(wanted, runs, previous, active, f"retry of run {newest.number}")
    if newest.failure == "infrastructure":
        attempts = _attempts(matching)
        if attempts < wanted.max_attempts:
            return _new(
                wanted,
                runs,
                previous,
                active,
                f"run {newest.number} failed: {newest.reason}; attempt {attempts + 1} of {wanted.max_attempts}",
            )
    return _of(newest, "held", wanted, moved, reason=_why_held(newest))


def _why_held(run: Run) -> str:
    if run.status != "stopped":
        return run.reason or run.status
    return f"run {run.number} was stopped" + (f" ({run.reason})" if run.reason not in ("", "stopped") else "")


def _same_place(run: Run, wanted: Definition) -> bool:
    return (
        run.provider == wanted.provider
        and run.executor == wanted.executor
        and dict(run.coordinates) == dict(wanted.coordinates)
    )


def _attempts(matching: Sequence[Run]) -> int:
    count = 0
    for run in reversed(matching):
        if run.failure != "infrastructure":
            break
        count += 1
    return count


def _moved(wanted: Definition, previous: Run | None) -> tuple[str, ...]:
    if previous is None or wanted.components is None:
        return ()
    names = {**previous.components, **wanted.components}
    return tuple(sorted(name for name in names if previous.components.get(name) != wanted.components.get(name)))


def _cancels(wanted: Definition, active: Sequence[Run]) -> int:
    """A run still queued is cancelled in any case: it has cost nothing yet."""
    return next((run.number for run in active if wanted.on_change == "stop" or run.status == "queued"), 0)


def _leaves(wanted: Definition, active: Sequence[Run]) -> int:
    return next((run.number for run in active if wanted.on_change != "stop" and run.status != "queued"), 0)


def _new(wanted: Definition, runs: Sequence[Run], previous: Run | None, active: Sequence[Run], reason: str) -> RunPlan:
    return RunPlan(
        "new_run",
        number=max((run.number for run in runs), default=0) + 1,
        digest=wanted.digest,
        components=wanted.components or {},
        moved=_moved(wanted, previous),
        reason=reason,
        metrics=previous.metrics if previous else {},
        previous=previous.number if previous else 0,
        cancels=_cancels(wanted, active),
        leaves=_leaves(wanted, active),
    )


def _of(
    run: Run,
    decision: str,
    wanted: Definition,
    moved: tuple[str, ...],
    reason: str = "",
    cancels: int = 0,
    leaves: int = 0,
) -> RunPlan:
    return RunPlan(
        decision,  # type: ignore[arg-type]
        number=run.number,
        run_id=run.id,
        job_name=run.job_name,
        digest=wanted.digest,
        components=wanted.components or {},
        moved=moved,
        reason=reason,
        metrics=run.metrics,
        cancels=cancels,
        leaves=leaves,
    )
