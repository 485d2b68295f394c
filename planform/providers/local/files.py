"""Where things are in `.planform/`, and the two ways they are kept safe: atomic replacement and kernel locks."""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from pathlib import Path
from typing import Any

HOME = ".planform"
ENDED = frozenset({"succeeded", "failed", "stopped"})


def run_folder(root: Path, address: str, number: int, run_id: str) -> Path:
    return root / HOME / "runs" / address_name(address) / f"{number}-{run_id}"


def address_name(address: str) -> str:
    """An address as a file name that shells leave alone: `trainer.digits["fast"]` is trainer.digits@fast."""
    return re.sub(r"[^A-Za-z0-9._@-]", "_", re.sub(r'\["?([^"\]]*)"?\]', r"@\1", address))[:120]


def environment_file(root: Path, name: str) -> Path:
    return root / HOME / "environments" / f"{name}.json"


def queue_file(root: Path, name: str) -> Path:
    return root / HOME / "queues" / f"{name}.json"


def policy_file(root: Path, name: str) -> Path:
    return root / HOME / "policies" / f"{name}.json"


def share_file(root: Path, name: str) -> Path:
    return root / HOME / "shares" / f"{name}.json"


def local_name(text: str) -> str:
    """The name in a local ARN; a bare name is itself."""
    return text.rpartition("/")[2]


def read_json(path: Path | str) -> dict[str, Any] | None:
    """The object in a file, None when there is no such file."""
    try:
        with open(path, "rb") as file:
            value: dict[str, Any] = json.loads(file.read())
    except FileNotFoundError:
        return None
    return value


def write_json(path: Path, value: Any, durable: bool = True) -> None:
    """Replace a file in one step: readers see the old or the new text, also after a crash when `durable`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns()}")
    try:
        with open(temporary, "x", encoding="utf-8") as file:
            json.dump(value, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_private(path: Path, value: Any) -> None:
    """A new file that only its owner may read. Never replaced, so no copy in clear can be left beside it."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def hold(path: Path) -> int:
    """An exclusive kernel lock on a file: the descriptor that holds it until its last copy is closed."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    flock(fd, LOCK_EX)
    return fd


def held(path: Path | str) -> bool:
    """Whether somebody holds the lock of a file."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        flock(fd, LOCK_SH | LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def wait_until_free(path: Path) -> None:
    """Wait until nobody holds the lock of a file any more."""
    with suppress(FileNotFoundError):
        fd = os.open(path, os.O_RDONLY)
        try:
            flock(fd, LOCK_SH)
        finally:
            os.close(fd)


def node_lock(base: Path) -> Path:
    """Held by who takes away what a node has outside of its folder, until that is gone."""
    return base.with_suffix(".lock")


def open_up(folder: Path) -> None:
    """Give us back the right to read, move and remove what a job has closed in a folder; root has it anyway."""
    if os.geteuid() == 0:
        return
    with suppress(OSError):  # of somebody else: who needs it says so
        folder.chmod(folder.stat().st_mode | stat.S_IRWXU)
        for item in os.scandir(folder):
            if item.is_dir(follow_symlinks=False):
                open_up(Path(item.path))
            elif item.is_file(follow_symlinks=False) and not os.access(item.path, os.R_OK):
                os.chmod(item.path, item.stat().st_mode | stat.S_IRUSR)


@contextmanager
def scheduling(root: Path) -> Iterator[None]:
    """The lock of the queue: whoever submits, starts, cancels or tidies holds it."""
    folder = root / HOME
    folder.mkdir(parents=True, exist_ok=True)
    fd = hold(folder / "scheduler.lock")
    try:
        yield
    finally:
        os.close(fd)


def utc(seconds: float | None = None) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    seconds = time.time() if seconds is None else seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03}Z"


def redacted(text: str, secrets: list[str]) -> str:
    """Text without the secrets it may quote; the longest first, as one may be part of another."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "(sensitive value)")
    return text
