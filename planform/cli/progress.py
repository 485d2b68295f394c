"""How far reading and planning have come: one line on a terminal that is written over and wiped away."""

from __future__ import annotations

from collections.abc import Callable

from planform.core.reporter import Reporter


class Progress(Reporter):
    """Shows one stage at a time."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def planning(self, stage: str, done: int, total: int) -> None:
        self._write(f"\r\x1b[K{stage.capitalize()} {done} of {total}...")

    def clear(self) -> None:
        self._write("\r\x1b[K")
