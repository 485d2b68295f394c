"""Files to S3: in parts where they are large, never whole in memory, and with word of how far it is."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from io import BytesIO
from threading import Lock
from typing import Any, NamedTuple

from planform.core.executor import Tell, silent
from planform.providers.aws.clients import AwsError, Clients, said

AT_ONCE = 8  # requests
IN_PARTS = 64 << 20  # bytes; a larger file is sent in parts, as S3 takes 5 GB at once
PART = 16 << 20
LARGE, MANY = 1_000_000, 100  # bytes or files of an upload that is worth telling of
PACE_SECONDS = 0.25


class Item(NamedTuple):
    """One object to be: its key below the folder, and the file or the bytes it is made of."""

    name: str
    path: str = ""
    data: bytes = b""


def size_of(item: Item) -> int:
    return os.path.getsize(item.path) if item.path else len(item.data)


def upload(clients: Clients, place: str, items: Sequence[Item], more: dict[str, str], what: str, tell: Tell) -> None:
    """Send all items to s3://`place`. `more` are arguments of each PutObject; `what` names them to who is told.

    Raises:
        ProviderError: S3 takes one of them not.
    """
    from boto3.s3.transfer import TransferConfig, create_transfer_manager

    bucket, _, folder = place.partition("/")
    sizes = [size_of(item) for item in items]
    is_large = sum(sizes) >= LARGE or len(items) >= MANY
    progress = _Progress(f"uploading {what}", sum(sizes), tell if is_large else silent)
    config = TransferConfig(
        multipart_threshold=IN_PARTS,
        multipart_chunksize=PART,
        max_concurrency=AT_ONCE,
        preferred_transfer_client="classic",
    )
    with create_transfer_manager(clients.client("s3"), config) as manager:
        sent = []
        for item, size in zip(items, sizes, strict=True):
            key = f"{folder}/{item.name}"
            source = item.path or BytesIO(item.data)
            sent.append((key, size, manager.upload(source, bucket, key, extra_args=more, subscribers=[progress])))
        for key, size, future in sent:
            _ended(clients, bucket, key, size, future)
    if is_large:
        files = f"{len(items):,} file{'s' * (len(items) != 1)}"
        tell(f"uploaded {what}: {files}, {sum(sizes) / 1e6:,.1f} MB", lasting=True)


def _ended(clients: Clients, bucket: str, key: str, size: int, future: Any) -> None:
    """Wait for one object. An upload in parts whose last answer was lost cannot be completed again: it is there."""
    try:
        said("put_object", future.result)
    except AwsError as error:
        if error.code != "NoSuchUpload":
            raise
        if clients.call("s3", "head_object", Bucket=bucket, Key=key)["ContentLength"] != size:
            raise error from None


class _Progress:
    """Hears from S3's transfers, each in a thread of its own, how many bytes went."""

    def __init__(self, what: str, total: int, tell: Tell) -> None:
        self._what, self._total, self._tell = what, total, tell
        self._done, self._told, self._lock = 0, 0.0, Lock()

    def on_progress(self, future: Any, bytes_transferred: int, **_: Any) -> None:
        with self._lock:
            self._done += bytes_transferred  # less than nothing where a part is sent again
            moment = time.monotonic()
            if moment - self._told < PACE_SECONDS:
                return
            self._told = moment
            self._tell(f"{self._what}: {self._done / 1e6:,.1f} of {self._total / 1e6:,.1f} MB")

    def on_queued(self, future: Any, **_: Any) -> None:
        """It will begin."""

    def on_done(self, future: Any, **_: Any) -> None:
        """It has ended, for better or worse."""
