"""What runs for the job, while it runs: its output is passed on, signals reach it, and why it failed is left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from types import FrameType
from typing import Callable, Mapping, NamedTuple, Sequence

from failure import explanation, leave_failure  # type: ignore[import-not-found]

KEPT = 64 * 1024  # bytes of the end of the output, to find the traceback in
Reach = Callable[["subprocess.Popen[bytes]", int], None]  # how a signal gets to what a process does


class Stop:
    """Passes SIGTERM and SIGINT on to whatever runs now, and remembers that they came."""

    def __init__(self) -> None:
        self.number = 0
        self.child: subprocess.Popen[bytes] | None = None
        self.way: Reach = to_itself
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask)

    def asked(self) -> int:
        """The signal that came; 0 as long as there was none."""
        return self.number

    def ask(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        if self.child is not None and self.child.poll() is None:
            self.way(self.child, number)

    def reach(self, child: subprocess.Popen[bytes], way: Reach) -> None:
        self.child, self.way = child, way
        if self.number:
            way(child, self.number)


class Place(NamedTuple):
    """Where the job is: its folder, who may end it, and what may not be quoted."""

    base: str
    stop: Stop
    secrets: Sequence[str] = ()


def to_itself(child: subprocess.Popen[bytes], number: int) -> None:
    child.send_signal(number)


def to_all(child: subprocess.Popen[bytes], number: int) -> None:
    """To every process of our group: a shell passes nothing on to what it runs."""
    before = signal.signal(number, signal.SIG_IGN)  # we have it already
    os.killpg(0, number)
    signal.signal(number, before)


def watch(command: Sequence[str], variables: Mapping[str, str], place: Place, name: str, way: Reach = to_itself) -> int:
    """Run a command, pass its output through as it comes; its exit code."""
    child = subprocess.Popen(command, env=dict(variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    place.stop.reach(child, way)
    assert child.stdout is not None
    with child.stdout:
        # A shell that was asked to end may be gone before what it ran has saved its work.
        tail = pass_through(child, child.stdout.fileno(), lambda: way is to_all and bool(place.stop.asked()))
    status = child.wait()
    if status and not place.stop.asked():
        leave_failure(place.base, explanation(name, status, tail.decode(errors="replace")), place.secrets)
    return status if status >= 0 else 128 - status


def pass_through(child: subprocess.Popen[bytes], source: int, to_the_end: Callable[[], bool]) -> bytes:
    """Copy output to our own, unbuffered, until it ends; the last of it is returned.

    A process that the script left behind may hold the pipe open: when the script is gone and nothing comes, it is over.
    """
    tail = b""
    while True:
        ready, _, _ = select.select([source], [], [], 0.5)
        if ready:
            chunk = os.read(source, 65536)
            if not chunk:
                return tail
            write_all(1, chunk)
            tail = (tail + chunk)[-KEPT:]
        elif child.poll() is not None and not to_the_end():
            return tail


def write_all(target: int, chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(target, chunk) :]
