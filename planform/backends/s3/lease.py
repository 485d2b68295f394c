"""The lock object: who holds the state, and that they live. It is never taken over by itself (S5.3)."""

from __future__ import annotations

import time
from contextlib import suppress
from threading import Event, Lock, Thread

from planform.backends.holder import held_text, here, holder_text, lives, parse_holder, span_text
from planform.backends.s3.bucket import Bucket, Found, Taken
from planform.core.backend import Holder
from planform.core.errors import StateError, StateLocked

BEAT_SECONDS = 10.0
LATE_SECONDS = 30.0  # a holder that was not heard of for so long starts nothing before it is heard again
POLL_SECONDS = 1.0


class Lease:
    """A lock in our hands, renewed by a thread until `release`."""

    def __init__(self, bucket: Bucket, key: str, holder: Holder, etag: str) -> None:
        self._bucket, self._key, self._etag = bucket, key, etag
        self.holder = holder
        self._heard = _clock()
        self._beats = 0
        self._lost: StateError | None = None
        self._mutex, self._ended = Lock(), Event()
        self._thread = Thread(target=self._beat_on, name="state-lock", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether it is known that the lock was taken from us."""
        return self._lost is not None

    def check(self, *, now: bool = False) -> None:
        """Return while the lock is ours. One who is late, or asks for `now`, asks S3.

        Raises:
            StateError: it was taken from us, or S3 cannot be asked.
        """
        if self._lost is not None:
            raise self._lost
        if now or _clock() - self._heard > LATE_SECONDS:
            self._beat()

    def release(self) -> None:
        """Give the lock back. One that was taken from us is left alone."""
        self._ended.set()
        self._thread.join()
        if self._lost is None:
            self._bucket.delete(self._key, self._etag)

    def _beat(self) -> None:
        with self._mutex:
            if self._lost is not None:
                raise self._lost
            self._beats += 1
            data = holder_text(self.holder, beat=self._beats).encode()
            try:
                self._etag = self._bucket.put(self._key, data, self._etag)
            except Taken as taken:
                self._lost = _taken_from_us(self._bucket, self._key, taken.found)
                raise self._lost from None
            self._heard = _clock()

    def _beat_on(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            # What goes wrong here is said when something is to be started.
            with suppress(StateError):
                self._beat()


def take(bucket: Bucket, key: str, holder: Holder, timeout: float) -> Lease:
    """Write the lock if there is none.

    Raises:
        StateLocked: someone else has it, and still had it after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return Lease(bucket, key, holder, bucket.put(key, holder_text(holder).encode(), None))
        except Taken as taken:
            left = deadline - time.monotonic()
            if left <= 0 and taken.found is not None:
                raise StateLocked(*_locked(bucket, key, taken.found)) from None
            if taken.found is not None:
                time.sleep(min(POLL_SECONDS, max(left, 0)))


def current(bucket: Bucket, key: str) -> tuple[Holder, Found] | None:
    """Who holds the lock now, with the age of their last sign of life."""
    found = bucket.get(key)
    if found is None:
        return None
    holder = parse_holder(found.data) or Holder("", "?", 0, "?", "1970-01-01T00:00:00+00:00", "")
    return holder._replace(silent_for=found.age), found


def _locked(bucket: Bucket, key: str, found: Found) -> tuple[str, str, str]:
    state = bucket.url(key.removesuffix(".lock"))
    holder = parse_holder(found.data)
    if holder is None:
        return (
            f"The state {state} is locked, and {bucket.url(key)} does not say by whom.",
            "",
            f"Look at it: aws s3 cp {bucket.url(key)} -",
        )
    alive = lives(holder)
    sign = f"Its last sign of life is {span_text(found.age)} old."
    if here(holder):
        sign = f"Process {holder.pid} lives." if alive else f"Process {holder.pid} is gone. {sign}"
    late = alive is False or (alive is None and found.age > LATE_SECONDS)
    unlock = f"If it is dead: planform force-unlock {holder.id}"
    return (
        f"The state {state} is locked by {held_text(holder)}.",
        sign,
        f"It is dead: planform force-unlock {holder.id}"
        if alive is False
        else unlock
        if late
        else "Wait for it, or give --lock-timeout 5m.",
    )


def _taken_from_us(bucket: Bucket, key: str, found: Found | None) -> StateError:
    by = parse_holder(found.data) if found is not None else None
    now = f"{held_text(by)} holds it now." if by is not None else "Nobody holds it now."
    return StateError(
        f"The lock of the state {bucket.url(key.removesuffix('.lock'))} was taken from this command.",
        f"{now} Nothing more is started; what was done and acknowledged is in the journal.",
        "Look at what remains: planform plan",
    )


def _clock() -> float:
    """Seconds that also pass while the machine sleeps, and that no one can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
