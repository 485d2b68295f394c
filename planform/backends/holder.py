"""Who holds the lock of a state: as the lock says it, and as people are told."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

from planform import __version__
from planform.core.backend import Holder


def new_holder(operation: str) -> Holder:
    """This process, about to do `operation`."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(os.urandom(8).hex(), user_at_host(), os.getpid(), operation, since, __version__)


def holder_text(holder: Holder, **more: object) -> str:
    """The JSON that a lock holds."""
    form: dict[str, Any] = holder._asdict()
    del form["silent_for"]
    return json.dumps({**form, **more})


def parse_holder(data: bytes) -> Holder | None:
    """What `holder_text` wrote; None when it is something else, or not all of it is written yet."""
    try:
        form = json.loads(data)
        datetime.fromisoformat(form["since"])
        return Holder(
            form.get("id", ""),
            form["who"],
            int(form["pid"]),
            form["operation"],
            form["since"],
            form.get("planform", ""),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def user_at_host() -> str:
    import getpass

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        user = str(os.getuid())
    return f"{user}@{os.uname().nodename}"


def here(holder: Holder) -> bool:
    """Whether it runs, or ran, on this machine."""
    return holder.who.rpartition("@")[2] == os.uname().nodename


def lives(holder: Holder) -> bool | None:
    """Whether its process is there; None when that cannot be seen from here."""
    if not here(holder):
        return None
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def held_text(holder: Holder) -> str:
    """`ann@laptop (planform apply, process 12) since 10:02:11, 3 minutes ago`."""
    since = datetime.fromisoformat(holder.since)
    work = f"planform {holder.operation}, process {holder.pid}"
    return f"{holder.who} ({work}) since {since.astimezone():%H:%M:%S}, {span_text(age(holder))} ago"


def age(holder: Holder) -> float:
    """For how many seconds it has held the lock, by the clocks of both machines."""
    return (datetime.now(UTC) - datetime.fromisoformat(holder.since)).total_seconds()


def span_text(seconds: float) -> str:
    """`3 minutes`; a clock that went back gives `0 seconds`."""
    whole = max(0, int(seconds))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if whole >= size:
            count = whole // size
            return f"{count} {unit}{'s' * (count != 1)}"
    return f"{whole} second{'s' * (whole != 1)}"
