"""planform processes for several root modules at once, and what Ctrl-C means for them.

Each is in a process group of its own, so that a key at the terminal reaches this process alone, which passes it on: the
first ends those under way in good order and starts no other, the second ends them at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from planform.cli.screen import INTERRUPTED, Screen

MOST_AT_ONCE = 8
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENDED_BY_SIGNAL = (INTERRUPTED, -signal.SIGINT)  # exit codes

K = TypeVar("K")
V = TypeVar("V")


class Children:
    """Those under way, and whether somebody asked to end them."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._running, self.asked = screen, list[subprocess.Popen[str]](), False

    @contextmanager
    def planform(self, folder: Path, words: Sequence[str], *, errors: int) -> Iterator[subprocess.Popen[str]]:
        """One command in the folder of a root module, in the workspace of this one."""
        screen = self._screen
        environment = {**os.environ, "COLUMNS": str(screen.style.width)}
        environment["FORCE_COLOR" if screen.style.colour else "NO_COLOR"] = "1"
        with subprocess.Popen(
            [sys.executable, "-m", "planform", "--chdir", str(folder), "-w", screen.workspace, *words],
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            process_group=0,
        ) as process:
            self._running.append(process)
            if self.asked:  # while it was started
                process.send_signal(signal.SIGINT)
            try:
                yield process
            finally:
                self._running.remove(process)

    def at_once(self, items: Mapping[str, K], act: Callable[[K], V]) -> dict[str, V]:
        """What `act` gives for each, by name. After Ctrl-C: for those that were under way."""
        executor = ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, max(os.cpu_count() or 1, 2)))
        with self._passing_on(), executor:
            futures = {name: executor.submit(self._unless_asked, act, item) for name, item in items.items()}
            found = {name: future.result() for name, future in futures.items()}
        return {name: value[0] for name, value in found.items() if value}

    def _unless_asked(self, act: Callable[[K], V], item: K) -> list[V]:
        return [] if self.asked else [act(item)]

    @contextmanager
    def _passing_on(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._received) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _received(self, number: int, frame: object) -> None:
        self.asked = True
        for process in tuple(self._running):
            process.send_signal(signal.SIGINT)
