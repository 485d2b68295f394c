"""What is in the account, and the clock by which it changes. Each request lets `tick` seconds pass."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

REGION, ACCOUNT = "us-west-2", "123456789012"


class Refused(Exception):
    """The service says no."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass
class World:
    tick: float = 5.0  # virtual seconds that pass with each request
    delay: float = 3.0  # CREATING, UPDATING and DELETING last so long
    page: int = 100  # elements of a page at the most
    lag: int = 0  # so many describes after a create see nothing
    rate: int = 0  # SubmitServiceJob a second of real time; 0: as many as come
    training_seconds: float = 30.0
    log: list[str] = field(default_factory=lambda: ["epoch 1 acc=0.5", "epoch 2 acc=0.75"])
    late: list[str] = field(default_factory=list)  # lines that CloudWatch has only some time after the end
    now: float = field(default_factory=time.time)
    faults: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    submits: deque[float] = field(default_factory=deque)
    tokens: dict[str, str] = field(default_factory=dict)
    bucket: bool = True  # whether the default bucket is there
    foreign: list[str] = field(default_factory=list)  # buckets of another account, which anybody may write to
    hidden: list[str] = field(default_factory=list)  # buckets that these credentials may not look at

    buckets: list[list[str]] = field(default_factory=list)  # which operation of S3 was about which bucket
    sizes: list[list[Any]] = field(default_factory=list)  # what was written to S3: operation, path, bytes

    seen: dict[str, int] = field(default_factory=dict)  # job -> how often it was described

    def lags(self, kind: str, name: str) -> bool:
        """Whether a describe of a job does not see it yet."""
        self.seen[f"{kind} {name}"] = self.seen.get(f"{kind} {name}", 0) + 1
        return self.seen[f"{kind} {name}"] <= self.lag

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        return self.objects.setdefault(kind, {})

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def paged(self, items: list[Any], token: str | None, key: str, limit: int | None = None) -> dict[str, Any]:
        first, size = int(token or 0), min(self.page, limit or self.page)
        rest = {"nextToken": str(first + size)} if first + size < len(items) else {}
        return {key: items[first : first + size], **rest}
