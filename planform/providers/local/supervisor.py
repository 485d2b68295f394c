"""The supervisor of one run: a small detached process that starts its nodes and writes down how they end (S7.1).

Started as `python -m planform.providers.local.supervisor ROOT FOLDER` with the run's lock as standard input. Beside it
stands its guard, a fork that waits for it to go: it ends what a killed supervisor left running and starts what fits
next. The two hold the lock together, so as long as it is held somebody will see to the rest.
"""

from __future__ import annotations

import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from planform.providers.local.files import ENDED, open_up, read_json, redacted, utc, write_json

REASON_LIMIT = 1024  # characters, as SageMaker's FailureReason
LINE_LIMIT = 1 << 16  # bytes after which a line without an end is looked at as it is
PROGRESS_SECONDS = 0.5  # how often the metrics of a running run are told


class Node:
    """One instance: its process group, its log, and what it said last."""

    def __init__(self, folder: Path, item: dict[str, Any], meeting: dict[str, str], descriptors: list[int]) -> None:
        self.host: str = item["host"]
        self.base = Path(folder, "nodes", self.host)
        self.code: int | None = None
        self.partial = b""
        self.last_lines: deque[str] = deque(maxlen=20)
        self.log = os.open(folder / "logs" / f"{self.host}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.process = subprocess.Popen(
            item["command"],
            cwd=self.base,
            env={**meeting, **item["environment"]},
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout.fileno()
        os.set_blocking(self.output, False)

    def read(self) -> bytes | None:
        """What has come, now in the log; empty at the end of the output, None when nothing is there yet."""
        try:
            chunk = os.read(self.output, 1 << 16)
        except BlockingIOError:
            return None
        written = 0
        while written < len(chunk):
            written += os.write(self.log, chunk[written:])
        return chunk

    def lines(self, chunk: bytes, last: bool = False) -> list[str]:
        """The lines that `chunk` completes."""
        text = (self.partial + chunk).replace(b"\r", b"\n")
        complete, _, self.partial = text.rpartition(b"\n")
        if last or len(self.partial) > LINE_LIMIT:
            complete, self.partial = text, b""
        lines = [line for line in complete.decode(errors="replace").split("\n") if line]
        self.last_lines.extend(lines)
        return lines

    def ask(self) -> None:
        """SIGTERM to the first process alone, as in a container: the runtime passes it on, and twice is too much."""
        self.process.terminate()

    def kill(self) -> None:
        """SIGKILL to it and to what it left behind in its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def failure(self) -> str:
        """Why it failed: what it wrote to its failure file, else its exit code and last words."""
        with suppress(OSError):
            if written := (self.base / "output" / "failure").read_text(errors="replace").strip():
                return written
        code = self.code or 0
        how = f"exit code {code}" if code > 0 else f"killed by {signal.Signals(-code).name}"
        words = [line for line in self.last_lines if line.strip()]
        if not words:
            return how
        return "\n".join([f"{how}: {words[-1]}", *(["", *words] if len(words) > 1 else [])])


class Run:
    """What the supervisor knows of its run."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.record: dict[str, Any] = read_json(folder / "run.json") or {}
        self.job: dict[str, Any] = read_json(folder / "job.json") or {}
        self.nodes: list[Node] = []
        self.metrics: dict[str, float] = {}
        self.started, self.clock = time.time(), time.monotonic()
        self.deadline: float = self.job.get("max_runtime_in_seconds", math.inf)
        if self.job.get("not_after") is not None:
            self.deadline = min(self.deadline, self.job["not_after"] - self.started)
        self.ending = False  # the nodes have been asked to end
        self.stopped = ""  # why the run was stopped
        self.failed: Node | None = None  # the first that failed

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.clock

    @property
    def alive(self) -> list[Node]:
        return [node for node in self.nodes if node.code is None]

    def tell(self, **facts: Any) -> None:
        """Bring the record up to date for who looks."""
        self.record |= facts
        write_json(self.folder / "run.json", self.record, durable=facts.get("status") in ENDED)

    def stop(self, why: str = "") -> None:
        """Ask the nodes to end: SIGTERM now, SIGKILL after the grace. Asking again changes nothing."""
        if not self.ending:
            self.ending, self.stopped = True, why
            self.deadline = self.seconds + self.job["stop_grace_in_seconds"]
            for node in self.alive:
                node.ask()

    def expire(self) -> None:
        """The deadline has come: that of the run, or that of the grace."""
        if not self.ending:
            self.stop("MaxRuntimeExceeded")
        else:
            self.deadline = math.inf
            for node in self.alive:
                node.kill()


def main(root: Path, folder: Path) -> None:
    os.closerange(3, 1 << 16)  # whatever the starter's own parents left open
    os.chdir(root)
    wakeup = _signals()
    run = Run(root, folder)
    if run.record.get("status") != "queued":
        return
    run.tell(status="running", started_at=utc(run.started), pid=os.getpid())
    guard = _guard(root, folder)
    try:
        outcome = _supervise(run, wakeup, guard)
    except Exception as error:
        _complain()
        for node in run.alive:
            node.kill()
        outcome = _broken(error)
    _finish(run, outcome)


def _signals() -> int:
    """Signals as bytes on a descriptor that wakes the loop."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return reading


def _guard(root: Path, folder: Path) -> int:
    """Fork the guard. The descriptor returned tells it process groups, and by its end that the supervisor is gone."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(reading)
        return writing
    try:
        os.close(writing)
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        # Imported now: hours later the installed planform may be another one.
        from planform.providers.local.scheduler import bury, schedule

        with open(reading, "rb") as told:
            groups = [int(line) for line in told]
        record = read_json(folder / "run.json") or {}
        if record.get("status") not in ENDED:
            for group in groups:
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
            bury(folder)
        schedule(root)
    except BaseException:
        _complain()
    finally:
        os._exit(0)


def _supervise(run: Run, wakeup: int, guard: int) -> dict[str, Any]:
    """Start the nodes and stay until they have ended; what the record is to say then."""
    # Asked for before there was a process to signal.
    if (run.folder / "stop").exists():
        return {"status": "stopped", "reason": "stop requested"}
    if run.deadline <= 0:
        return {"status": "stopped", "reason": "MaxRuntimeExceeded"}
    (run.folder / "logs").mkdir(exist_ok=True)
    selector = selectors.DefaultSelector()
    selector.register(wakeup, selectors.EVENT_READ)
    for node in _started(run):
        run.nodes.append(node)
        os.write(guard, b"%d\n" % node.process.pid)
        selector.register(node.output, selectors.EVENT_READ, node)
    _import_the_rest()
    hear = _listener(run)
    told: dict[str, float] = {}
    tell_at = 0.0
    while run.alive:
        until = run.deadline if told == run.metrics else min(run.deadline, tell_at)
        for key, _ in selector.select(max(0.0, until - run.seconds) if until < math.inf else None):
            if key.data is None:
                if {signal.SIGTERM, signal.SIGINT} & set(os.read(wakeup, 4096)):
                    run.stop("stop requested")
            elif hear(key.data) == b"":
                selector.unregister(key.fd)
        for node in run.alive:
            node.code = node.process.poll()
            if node.code is None:
                continue
            node.kill()  # what it left behind ends with it, as in a container
            for _ in range(32):  # at most a full pipe; somebody who got away may go on writing
                if not hear(node):
                    break
            if node.output in selector.get_map():
                selector.unregister(node.output)
            if node.code and not run.ending:
                run.failed = node
                run.stop()
        if run.seconds >= run.deadline:
            run.expire()
        if told != run.metrics and run.seconds >= tell_at:
            told, tell_at = dict(run.metrics), run.seconds + PROGRESS_SECONDS
            run.tell(metrics=told)
    if run.failed is not None:
        ours = (run.failed.base / "not-started").exists()  # a container that could not be made is no fault of its code
        return {
            "status": "failed",
            "failure": "infrastructure" if ours else "user",
            "reason": run.failed.failure(),
        }
    if run.stopped:
        return {"status": "stopped", "reason": run.stopped}
    return {"status": "succeeded"}


def _started(run: Run) -> Iterator[Node]:
    """The nodes, one after the other."""
    items = run.job["nodes"]
    if not items[0].get("meets"):
        yield from (Node(run.folder, item, {}, []) for item in items)
        return
    from planform.providers.local.meeting import meeting_place

    server, told = meeting_place()
    with server:  # by the first node alone it is held open: when that ends, the others hear so
        first = {**told, "PLANFORM_JOIN_DESCRIPTOR": str(server.fileno())}
        yield Node(run.folder, items[0], first, [server.fileno()])
        yield from (Node(run.folder, item, told, []) for item in items[1:])


def _import_the_rest() -> None:
    """Now, while the nodes start: hours later the installed planform may be another one."""
    import planform.providers.local.scheduler
    import planform.training.packaging  # noqa: F401


def _listener(run: Run) -> Callable[[Node], bytes | None]:
    """What takes in the output of a node: into its log, and its metrics into the history."""
    from planform.core.executor import MetricDefinition
    from planform.training.metrics import metrics_in, patterns

    wanted = patterns(MetricDefinition(**item) for item in run.job["metric_definitions"])
    history = os.open(run.folder / "metrics.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if wanted else -1

    def hear(node: Node) -> bytes | None:
        chunk = node.read()
        lines = node.lines(chunk or b"", last=node.code is not None and not chunk)
        for name, value in (found for line in lines for found in metrics_in(line, wanted)):
            run.metrics[name] = value
            point = {"t": round(run.seconds, 3), "name": name, "value": value}
            os.write(history, json.dumps(point).encode() + b"\n")
        return chunk

    return hear


def _broken(error: Exception) -> dict[str, Any]:
    """What the record says when this machine, not the job, is at fault."""
    if isinstance(error, OSError) and error.strerror:
        why = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        why = f"What the run makes cannot be kept: {why}"
    else:
        why = f"{type(error).__name__}: {error}"
    return {"status": "failed", "failure": "infrastructure", "reason": why}


def _complain() -> None:
    """The traceback into supervisor.log, if the disk has room for it."""
    with suppress(OSError):
        traceback.print_exc()


def _finish(run: Run, outcome: dict[str, Any]) -> None:
    """Keep what is to be kept, take away what stood in clear, write the end."""
    from planform.providers.local.scheduler import clear, end_leftovers

    end_leftovers(run.folder)
    secrets: list[str] = run.job.get("redact", [])
    try:
        outcome |= _keep(run, outcome["status"], secrets)
    except Exception as error:
        _complain()
        if outcome["status"] != "failed":  # else that is what there is to say
            outcome = _broken(error)
    clear(run.folder, nodes=outcome.get("failure") != "infrastructure")
    run.tell(
        **outcome
        | {
            "reason": _short(redacted(outcome.get("reason", ""), secrets)),
            "ended_at": utc(),
            "exit_codes": {node.host: node.code for node in run.nodes},
            "metrics": run.metrics,
            "billable_seconds": math.ceil(run.seconds * len(run.nodes)),
        }
    )


def _short(reason: str) -> str:
    """A reason with its ends kept: the first says what, the last is where tracebacks come to the point."""
    half = REASON_LIMIT // 2 - 3
    return reason if len(reason) <= REASON_LIMIT else f"{reason[:half]}\n...\n{reason[-half:]}"


def _keep(run: Run, status: str, secrets: list[str]) -> dict[str, Any]:
    """Move outputs and failure file to where they stay, and pack the model. Returns what there is to know of it."""
    for node in run.nodes:
        open_up(node.base / "model")
        open_up(node.base / "output")
        _merge(node.base / "output" / "data", run.folder / "output")
        failure = node.base / "output" / "failure"
        if status == "failed" and node is run.failed and failure.is_file():
            (run.folder / "failure").write_text(redacted(failure.read_text(errors="replace"), secrets))
    models = [node.base / "model" for node in run.nodes]
    for other in models[1:]:
        _merge(other, models[0])
    # As SageMaker does: a stopped job keeps the model it has so far, a failed one keeps none.
    if status == "failed" or not models or (status == "stopped" and not any(models[0].iterdir())):
        return {}
    from planform.training.packaging import pack

    target = run.folder / "model" / "model.tar.gz"
    target.parent.mkdir(exist_ok=True)
    pack(target, models[0])
    with open(target, "rb") as file:
        os.fsync(file.fileno())
    return {"model_artifacts": target.relative_to(run.root).as_posix()}


def _merge(source: Path, target: Path) -> None:
    """Move what is in a folder into another; what is there already stays."""
    target.mkdir(parents=True, exist_ok=True)
    for item in _listed(source):
        place = target / item.name
        if item.is_dir() and not item.is_symlink() and place.is_dir():
            _merge(item, place)
        elif not os.path.lexists(place):
            item.rename(place)


def _listed(folder: Path) -> Iterable[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else ()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
