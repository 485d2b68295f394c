"""The durable queue of this machine (S7.1): entries in `.planform/queue/`, one lock, and no daemon.

An entry is there from submission until its run has ended, so what is active is found without reading old runs. Whether
a run is alive is the kernel lock on its folder; what has become of it is its `run.json`. Whoever ends a run schedules.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from planform.providers.local.files import (
    ENDED,
    HOME,
    environment_file,
    held,
    hold,
    local_name,
    open_up,
    policy_file,
    queue_file,
    read_json,
    scheduling,
    utc,
    wait_until_free,
    write_json,
)

SUPERVISOR_DIED = "the supervisor died"


@dataclass(frozen=True, slots=True)
class Entry:
    """A submitted run that has not ended."""

    run_id: str
    folder: str  # relative to the root
    queue: str  # a name; empty: the implicit queue
    priority: int
    instances: int
    max_instances: int  # capacity where no environment gives one, as its submitter was configured
    sequence: int = 0  # order of submission
    share: str = ""  # its share_identifier, or the name of its quota share
    group: str = ""  # runs that belong together, the trials of a tuning job
    most_of_group: int = 0  # so many of them run at once


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as scheduling sees it: queues with one pool share its capacity."""

    name: str
    priority: int
    pool: str  # a service environment; empty: what is not in any
    capacity: int
    accepts: bool = True  # jobs may be submitted
    starts: bool = True  # jobs may be started
    weights: tuple[tuple[str, float], ...] | None = None  # fair share: (identifier, factor); None: not so
    quotas: Mapping[str, int] | None = None  # quota-managed: share -> most instances at once; None: not so


def queue_named(root: Path, name: str, max_instances: int) -> Queue:
    """The queue that is defined here under a name, else an implicit one (S4.6)."""
    definition = read_json(queue_file(root, name)) if name else None
    if definition is None:
        return Queue(name, 0, "", max_instances)
    body = definition["object"]
    accepts, priority = body.get("state") != "DISABLED", int(body.get("priority") or 0)
    shared = _shared(root, name, body)
    environment = read_json(environment_file(root, definition["service_environment"]))
    if environment is None:
        return Queue(name, priority, "", max_instances, accepts, **shared)
    starts, pool = environment["object"].get("state") != "DISABLED", definition["service_environment"]
    return Queue(name, priority, pool, capacity(environment["object"]), accepts, starts, **shared)


def _shared(root: Path, name: str, queue: Mapping[str, Any]) -> dict[str, Any]:
    """How a queue shares its capacity, by its scheduling policy."""
    arn = queue.get("scheduling_policy_arn")
    policy = read_json(policy_file(root, local_name(arn))) if arn else None
    if policy is None:
        return {}
    fair = policy["object"].get("fair_share_policy")
    if fair is not None:
        shares = fair.get("share_distribution") or ()
        return {"weights": tuple((item["share_identifier"], float(item["weight_factor"])) for item in shares)}
    found = [read_json(path) for path in sorted((root / HOME / "shares").glob("*.json"))]
    mine = [item["object"] for item in found if item is not None and local_name(item["object"]["job_queue"]) == name]
    return {"quotas": {item["name"]: capacity(item) for item in mine if item.get("state") != "DISABLED"}}


def capacity(environment: Mapping[str, Any]) -> int:
    """How many instances a service environment runs at once."""
    return sum(int(limit["max_capacity"]) for limit in environment.get("capacity_limits") or ())


def never_fits(instances: int, capacity: int, queue: str = "", environment: str = "") -> str:
    """Why a run of so many instances can never start, or nothing (S4.7)."""
    if instances <= capacity:
        return ""
    place = f'service environment "{environment}"' if environment else "this machine (max_instances)"
    through = f' of queue "{queue}"' if queue else ""
    return f"{instances} instances never fit: {place}{through} runs at most {capacity} at once"


def startable(waiting: Sequence[Entry], running: Sequence[Entry], queues: Mapping[str, Queue]) -> list[Entry]:
    """What may start now. Queues by priority; in a queue the share that has least, in a share jobs by priority, then in
    order of submission. A job that does not fit keeps those behind it in its queue waiting, so that large jobs are not
    passed by for ever; a quota share that is used up, or a group of which enough run, keeps only its own waiting."""
    used: dict[str, int] = {}  # pool -> instances
    shares: dict[tuple[str, str], int] = {}  # queue, share -> instances
    groups = Counter(entry.group for entry in running)
    for entry in running:
        _count(entry, queues, used, shares)
    chosen: list[Entry] = []
    open_entries = sorted(waiting, key=lambda item: (-queues[item.queue].priority, -item.priority, item.sequence))
    while open_entries:
        queue = queues[open_entries[0].queue]
        first = min(
            (entry for entry in open_entries if entry.queue == queue.name),
            key=lambda entry: (_score(entry, queue, shares), -entry.priority, entry.sequence),
        )
        if first.group and groups[first.group] >= first.most_of_group:
            open_entries = [item for item in open_entries if item.group != first.group]
            continue
        quota = queue.quotas.get(first.share, 0) if queue.quotas is not None else None
        if quota is not None and shares.get((queue.name, first.share), 0) + first.instances > quota:
            open_entries = [item for item in open_entries if (item.queue, item.share) != (first.queue, first.share)]
        elif not queue.starts or used.get(queue.pool, 0) + first.instances > queue.capacity:
            open_entries = [item for item in open_entries if item.queue != queue.name]
        else:
            chosen.append(first)
            open_entries.remove(first)
            groups[first.group] += 1
            _count(first, queues, used, shares)
    return chosen


def _count(entry: Entry, queues: Mapping[str, Queue], used: dict[str, int], shares: dict[tuple[str, str], int]) -> None:
    pool = queues[entry.queue].pool
    used[pool] = used.get(pool, 0) + entry.instances
    shares[entry.queue, entry.share] = shares.get((entry.queue, entry.share), 0) + entry.instances


def _score(entry: Entry, queue: Queue, shares: Mapping[tuple[str, str], int]) -> float:
    """What the share of an entry has, by its weight: a lower factor may have more (AWS Batch, fair share)."""
    if queue.weights is None:
        return 0.0
    fitting = [
        factor
        for name, factor in queue.weights
        if name == entry.share or (name.endswith("*") and entry.share.startswith(name[:-1]))
    ]
    return shares.get((entry.queue, entry.share), 0) * (fitting[0] if fitting else 1.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Every entry by what its run is doing."""

    waiting: tuple[Entry, ...]
    running: tuple[Entry, ...]
    ending: tuple[Entry, ...]  # ended, and its guard is about to schedule what comes next
    over: tuple[Entry, ...]  # ended, and nobody is left to say so
    died: tuple[Entry, ...]  # its supervisor died without a word
    queues: Mapping[str, Queue]

    def startable(self) -> list[Entry]:
        return startable(self.waiting, self.running, self.queues)


def standing(root: Path) -> Standing:
    """How the queue stands. Reads only."""
    kinds: dict[str, list[Entry]] = {kind: [] for kind in ("waiting", "running", "ending", "over", "died")}
    place = f"{root}/{HOME}/queue"
    # Texts instead of Paths: this is done at every launch, for every run that waits.
    found = (read_json(f"{place}/{name}") for name in _names(root))
    entries = [Entry(**item) for item in found if item is not None]
    for entry in entries:
        folder = f"{root}/{entry.folder}"
        record, alive = look(folder)
        if record is None or record["status"] in ENDED:
            kinds["ending" if alive else "over"].append(entry)
        elif alive:
            kinds["running"].append(entry)
        elif record["status"] == "queued" and not _stumbled(folder):
            kinds["waiting"].append(entry)
        else:
            kinds["died"].append(entry)
    # The newest submission knows best how many instances this machine is to run.
    most = entries[-1].max_instances if entries else 0
    names = dict.fromkeys(entry.queue for entry in entries)
    return Standing(
        **{kind: tuple(items) for kind, items in kinds.items()},
        queues={name: queue_named(root, name, most) for name in names},
    )


def look(folder: Path | str) -> tuple[dict[str, Any] | None, bool]:
    """The record of a run, and whether somebody looks after it."""
    lock, place = f"{folder}/lock", f"{folder}/run.json"
    alive = held(lock)
    record = read_json(place)
    if not alive and record is not None and record["status"] == "running":
        # It may have been started, or have ended, between the two looks.
        alive = held(lock)
        record = read_json(place)
    return record, alive


def _names(root: Path) -> list[str]:
    """The files of the entries, in order of submission."""
    try:
        return sorted(name for name in os.listdir(root / HOME / "queue") if not name.startswith("."))
    except FileNotFoundError:
        return []


def _stumbled(folder: Path | str) -> bool:
    """Whether a supervisor was started and fell before it could write a record; starting it again would not help."""
    try:
        return os.stat(f"{folder}/supervisor.log").st_size > 0
    except FileNotFoundError:
        return False


def reprioritise(root: Path, run_id: str, priority: int) -> None:
    """Change the priority of an entry, if there is one still. The caller holds the lock."""
    for name in _names(root):
        if name.partition("-")[2].removesuffix(".json") == run_id:
            place = root / HOME / "queue" / name
            entry = read_json(place)
            if entry is not None and entry["priority"] != priority:
                write_json(place, {**entry, "priority": priority})


def submit(root: Path, entry: Entry) -> None:
    """Add a run to the queue; from here on it is never lost. The caller holds the lock."""
    folder = root / HOME / "queue"
    folder.mkdir(exist_ok=True)
    names = _names(root)
    sequence = int(names[-1].partition("-")[0]) + 1 if names else 1
    write_json(folder / f"{sequence:06}-{entry.run_id}.json", {**asdict(entry), "sequence": sequence})


def submitted(root: Path) -> frozenset[str]:
    """The ids of all runs that have an entry."""
    return frozenset(name.partition("-")[2].removesuffix(".json") for name in _names(root))


def withdraw(root: Path, entry: Entry) -> None:
    (root / HOME / "queue" / f"{entry.sequence:06}-{entry.run_id}.json").unlink(missing_ok=True)


def schedule(root: Path) -> None:
    """Start every queued run that fits, and tidy up after runs whose supervisor died."""
    if (root / HOME / "queue").is_dir():
        with scheduling(root):
            schedule_locked(root)


def schedule_locked(root: Path) -> None:
    """`schedule`, for who holds the lock already."""
    now = standing(root)
    for entry in now.died:
        bury(root / entry.folder)
    for entry in now.startable():
        try:
            start(root, root / entry.folder)
        except OSError as error:
            end(
                root / entry.folder,
                status="failed",
                failure="infrastructure",
                reason=f"the supervisor did not start: {error}",
            )
    # Last: as long as an ended run has its entry and its guard, nobody takes the queue for stalled.
    for entry in (*now.ending, *now.over, *now.died):
        withdraw(root, entry)
    for half_written in (root / HOME / "queue").glob(".*"):  # by one who was killed: nobody else is here
        half_written.unlink()


def start(root: Path, folder: Path) -> None:
    """Start the supervisor of a run. The lock travels as its standard input, so there is no moment without an owner."""
    lock = hold(folder / "lock")
    log = os.fspath(folder / "supervisor.log")
    try:
        os.posix_spawn(
            sys.executable,
            # -P: a `json.py` in the user's folder must not stand in for the standard library's.
            [sys.executable, "-P", "-m", "planform.providers.local.supervisor", os.fspath(root), os.fspath(folder)],
            {name: value for name, value in os.environ.items() if not name.startswith("PLANFORM_")},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, lock, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(lock)


def cancel(root: Path, entries: Sequence[Entry], reason: str) -> None:
    """End runs that wait in the queue. The caller holds the lock."""
    for entry in entries:
        end(root / entry.folder, status="stopped", reason=reason)
        withdraw(root, entry)


def bury(folder: Path) -> None:
    """Say of a run whose supervisor died what can be said, and leave no secret and no process behind."""
    end_leftovers(folder)
    record = read_json(folder / "run.json") or {}
    seen = [path.stat().st_mtime for path in (folder / "run.json", *(folder / "logs").glob("*.log"))]
    reason = SUPERVISOR_DIED
    if record.get("status") == "queued" and _stumbled(folder):
        last = (folder / "supervisor.log").read_text(errors="replace").strip().rpartition("\n")[2]
        reason = f"the supervisor did not start: {last}"[:1024]
    end(folder, status="failed", failure="infrastructure", reason=reason, ended_at=utc(max(seen)))


def end(folder: Path, **facts: Any) -> None:
    """Write the terminal record of a run that has no supervisor, after what stood in clear is gone (S6.5)."""
    clear(folder, nodes=facts["status"] == "stopped")
    record = read_json(folder / "run.json") or {}
    write_json(folder / "run.json", {**record, "ended_at": utc(), **facts})


def clear(folder: Path, nodes: bool = False) -> None:
    """Remove what a run needed in clear and the links to code and data; with `nodes` all of the nodes' folders.
    What a node has written stays when something other than its own code failed: a model may be worth saving."""
    import shutil

    (folder / "job.json").unlink(missing_ok=True)
    for place in (folder / "nodes",) if nodes else folder.glob("nodes/*/input"):
        open_up(place)
        shutil.rmtree(place, ignore_errors=True)


def end_leftovers(folder: Path) -> None:
    """Kill processes of a run that outlived its nodes; where there is no /proc, the nodes' process groups must do. And
    wait for who takes its containers away: until then they write, and use what the next run is to have."""
    for lock in folder.glob("nodes/*.lock"):
        wait_until_free(lock)
    mark = b"SAGEMAKER_BASE_DIR=" + os.fsencode(folder / "nodes") + b"/"
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            # The environment is that of the start, and belongs to processes of our own user only.
            if mark in path.read_bytes():
                os.kill(int(path.parent.name), signal.SIGKILL)
        except OSError:
            continue
