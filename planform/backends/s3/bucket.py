"""Objects of one bucket, written only under a condition. Every error is a sentence."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from planform.core.errors import StateError
from planform.core.values import Object

T = TypeVar("T")

# S3 answers 409 while another conditional write of the same key is under way; it is to be tried again.
CONFLICT_TRIES = 8
ATTEMPTS = 5  # of one call, where AWS_MAX_ATTEMPTS says nothing
DELETED_AT_ONCE = 1000  # DeleteObjects


class Found(NamedTuple):
    """An object as it was read. `etag` stands for its content in conditions; `age` is in seconds, by the server."""

    key: str
    data: bytes
    etag: str
    age: float


class Listed(NamedTuple):
    key: str
    modified: datetime
    size: int  # bytes


class Taken(Exception):
    """The condition of a write did not hold; `found` is what is there instead, or None when nothing is."""

    def __init__(self, key: str, found: Found | None) -> None:
        super().__init__(key)
        self.key, self.found = key, found


class Bucket:
    """What the backend needs of S3. Raises StateError when S3 refuses or cannot be reached."""

    def __init__(self, settings: Object) -> None:
        self.name = str(settings["bucket"])
        self._settings = settings
        self._put: Mapping[str, str] = MappingProxyType(
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": str(settings["kms_key_id"])}
            if settings.get("kms_key_id")
            else {}
        )
        self._client: Any = None

    def get(self, key: str) -> Found | None:
        """The object, or None when there is none."""

        def call() -> Found | None:
            try:
                answer = self.client.get_object(Bucket=self.name, Key=key)
                data = answer["Body"].read()
            except self.client.exceptions.NoSuchKey:
                return None
            return Found(key, data, answer["ETag"], _age(answer))

        return self._said(call, "read", key)

    def put(self, key: str, data: bytes, etag: str | None) -> str:
        """Write the object if it is still the one with `etag`; without one, if there is none. Its new ETag.

        Raises:
            Taken: the condition does not hold.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}

        def call() -> str:
            answer = self.client.put_object(
                Bucket=self.name, Key=key, Body=data, ContentType="application/json", **condition, **self._put
            )
            return str(answer["ETag"])

        try:
            return self._said(call, "write", key)
        except _Refused:
            # Maybe our own write, whose answer was lost on the way and which was sent again.
            found = self.get(key)
            if found is not None and found.data == data:
                return found.etag
            raise Taken(key, found) from None

    def copy(self, key: str, to: str) -> None:
        """Replace `to` by what is at `key` now."""
        source = {"Bucket": self.name, "Key": key}
        self._said(
            lambda: self.client.copy_object(Bucket=self.name, Key=to, CopySource=source, **self._put), "write", to
        )

    def delete(self, key: str, etag: str) -> bool:
        """Delete the object if it is still the one with `etag`; whether it was."""
        try:
            self._said(lambda: self.client.delete_object(Bucket=self.name, Key=key, IfMatch=etag), "delete", key)
        except _Refused:
            return False
        return True

    def delete_all(self, keys: Iterable[str]) -> None:
        """Delete objects, whatever they hold; those that are gone already are no error."""
        rest = list(keys)
        while rest:
            batch, rest = rest[:DELETED_AT_ONCE], rest[DELETED_AT_ONCE:]
            answer = self._said(partial(self._delete_batch, batch), "delete", batch[0])
            for error in answer.get("Errors", ()):
                raise StateError(
                    f"{self.url(error['Key'])} cannot be deleted: {error.get('Message') or error.get('Code')}."
                )

    def _delete_batch(self, keys: Sequence[str]) -> Mapping[str, Any]:
        form = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        answer: Mapping[str, Any] = self.client.delete_objects(Bucket=self.name, Delete=form)
        return answer

    def list(self, prefix: str) -> Iterator[Listed]:
        """The objects whose key begins with `prefix`, by key."""

        def call() -> list[Listed]:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            return [
                Listed(item["Key"], item["LastModified"], item["Size"])
                for page in pages
                for item in page.get("Contents", ())
            ]

        yield from self._said(call, "list", prefix)

    def url(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    @property
    def client(self) -> Any:
        if self._client is None:
            self._client = self._connected()
        return self._client

    def _connected(self) -> Any:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        settings = self._settings
        endpoint = settings.get("endpoint_url")
        config = Config(
            retries={"mode": "standard", "total_max_attempts": int(os.environ.get("AWS_MAX_ATTEMPTS") or ATTEMPTS)},
            connect_timeout=10,
            read_timeout=30,
            # Servers that speak S3 under one name know buckets by their path.
            s3={"addressing_style": "path"} if endpoint else None,
        )
        try:
            session = boto3.Session(profile_name=settings.get("profile"), region_name=settings.get("region"))
            return session.client("s3", endpoint_url=endpoint, config=config)
        except (BotoCoreError, ValueError) as error:
            raise StateError(
                f"S3 cannot be used: {error}", "", "Check region, profile and endpoint_url of the backend."
            ) from None

    def _said(self, call: Callable[[], T], verb: str, key: str) -> T:
        """What the call returns, tried again while S3 answers 409; what went wrong becomes a sentence."""
        for attempt in range(CONFLICT_TRIES):
            try:
                return self._answer(call, verb, key)
            except _Conflict:
                time.sleep(0.05 * 2**attempt)
        raise StateError(f"{self.url(key)} is being written by others all the time.", "", "Try again.")

    def _answer(self, call: Callable[[], T], verb: str, key: str) -> T:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call()
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            code = str(error.response.get("Error", {}).get("Code", ""))
            if verb in ("write", "delete") and (status == 412 or code == "PreconditionFailed"):
                raise _Refused(key) from None
            if verb in ("write", "delete") and status == 404 and code in ("NoSuchKey", "404"):
                raise _Refused(key) from None  # it was to be there
            if status == 409 or code == "ConditionalRequestConflict":
                raise _Conflict(key) from None
            raise self._error(verb, key, code, str(error.response.get("Error", {}).get("Message", ""))) from None
        except BotoCoreError as error:
            raise self._error(verb, key, type(error).__name__, str(error)) from None

    def _error(self, verb: str, key: str, code: str, message: str) -> StateError:
        what = {"read": "read", "write": "written", "delete": "deleted", "list": "listed"}[verb]
        return StateError(
            f"{self.url(key)} cannot be {what}: {message.rstrip('.') or code}.",
            f"S3 says {code}." if code and code not in message else "",
            next((text for start, text in _WAYS_OUT.items() if code.startswith(start)), ""),
        )


class _Refused(Exception):
    """412: the condition did not hold."""


class _Conflict(Exception):
    """409: another write is under way."""


_WAYS_OUT: Mapping[str, str] = MappingProxyType(
    {
        "NoSuchBucket": "Make the bucket first, with versioning, or correct backend.s3.bucket.",
        "NoCredentials": "Log in (aws sso login), set AWS_PROFILE, or name a profile in backend.s3.",
        "PartialCredentials": "Log in (aws sso login), set AWS_PROFILE, or name a profile in backend.s3.",
        "ExpiredToken": "Log in again: aws sso login",
        "UnauthorizedSSOToken": "Log in again: aws sso login",
        "SSOToken": "Log in again: aws sso login",
        "TokenRetrieval": "Log in again: aws sso login",
        "AccessDenied": "The backend needs s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket there.",
        "InvalidAccessKeyId": "Check the credentials: aws sts get-caller-identity",
        "SignatureDoesNotMatch": "Check the credentials: aws sts get-caller-identity",
        "PermanentRedirect": "The bucket is in another region; set backend.s3.region.",
        "AuthorizationHeaderMalformed": "The bucket is in another region; set backend.s3.region.",
        "IllegalLocationConstraint": "The bucket is in another region; set backend.s3.region.",
        "EndpointConnection": "Check the network and backend.s3.endpoint_url, then run the command again.",
        "ConnectTimeout": "Check the network and backend.s3.endpoint_url, then run the command again.",
        "ReadTimeout": "Check the network, then run the command again.",
        "ConnectionClosed": "Check the network, then run the command again.",
        "NotImplemented": "This server lacks conditional writes; planform cannot keep a state on it safely.",
    }
)


def _age(answer: Mapping[str, Any]) -> float:
    """Seconds since the object was written, both times by the server's clock."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        now = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return 0.0
    modified: datetime = answer["LastModified"]
    return max(0.0, (now - modified).total_seconds())
