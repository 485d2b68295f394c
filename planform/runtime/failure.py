"""Why a job failed, in output/failure: one line that says it, then the script's own traceback or its last output."""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import Sequence

KEPT_LINES, KEPT_AFTER = 100, 20
LED_TO = ("During handling of the above exception", "The above exception was the direct cause")
BEGINS = "Traceback (most recent"
RANK = re.compile(r"\[rank\d+\]: ")  # torch puts it before each line of a traceback that ends a rank
# Errors of torchrun that tell only that a process failed.
LAUNCHER_RAISED = re.compile(r"torch\.distributed\.elastic\.\S+\.(ChildFailedError|SignalException)")
# What torchrun and mpirun say after the last words of a process.
OF_LAUNCHERS = re.compile(r"[WEI]\d{4} |-{20}|Traceback \(")


def leave_failure(base: str, text: str, secrets: Sequence[str] = ()) -> None:
    """Say why in output/failure, without secrets that it may quote, unless the script has said it itself."""
    path = os.path.join(base, "output", "failure")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not (os.path.exists(path) and os.path.getsize(path)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(redacted(text, secrets) + "\n")
    except OSError as error:
        print(f"planform: {path}: {error.strerror}", file=sys.stderr, flush=True)


def read_failure(base: str) -> str:
    """What stands in output/failure; nothing when it is not there."""
    try:
        with open(os.path.join(base, "output", "failure"), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def redacted(text: str, secrets: Sequence[str]) -> str:
    """Text without secrets; the longest first, as one may be part of another."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "(sensitive value)") if len(secret) >= 4 else text
    return text


def explanation(name: str, status: int, output: str) -> str:
    """The text of the failure file for a command that ended so."""
    lines = output.rstrip().splitlines()
    lines = first_rank(lines) or lines
    start, end = last_traceback(lines)
    if end:
        rest = next((at for at in range(end + 1, len(lines)) if OF_LAUNCHERS.match(lines[at])), len(lines))
        said, lines = lines[end], lines[max(start, end - KEPT_LINES) : min(rest, end + KEPT_AFTER)]
    else:
        lines = lines[-KEPT_LINES:]
        said = lines[-1] if lines else ""
    return "\n".join([f"{name} {ending(status)}{': ' if said else ''}{said}", "", *lines])


def first_rank(lines: Sequence[str]) -> list[str]:
    """What the first rank says of its end that raises under torch: the others lose their connections to it, and say so
    later. Empty where none does."""
    for start, line in enumerate(lines):
        match = RANK.match(line)
        if match and line[match.end() :].startswith(BEGINS):
            mark = match.group()
            return [text[len(mark) :] for text in lines[start:] if text.startswith(mark)]
    return []


def last_traceback(lines: Sequence[str]) -> tuple[int, int]:
    """Where the last traceback begins, with those that led to it, and the line that names its error; zeros for none."""
    found: list[tuple[int, int]] = []
    for start, line in enumerate(lines):
        if line.startswith(BEGINS):
            end = next((at for at in range(start + 1, len(lines)) if not lines[at].startswith(" ")), 0)
            if end and not LAUNCHER_RAISED.match(lines[end]):
                led = bool(found) and any(text.startswith(LED_TO) for text in lines[found[-1][1] : start])
                found.append((found[-1][0] if led else start, end))
    return found[-1] if found else (0, 0)


def ending(status: int) -> str:
    if status >= 0:
        return f"exited with code {status}"
    hint = ", as happens when memory runs out" if -status == signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-status).name}{hint}"
