"""Where what a job needs is put: content-addressed in S3, so that nothing is uploaded twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from planform.core.errors import ProviderError
from planform.core.executor import JobSpec, Tell, silent
from planform.providers.aws.clients import AwsError, Clients
from planform.providers.aws.jobs.upload import AT_ONCE, Item, size_of, upload
from planform.training.layout import drivers
from planform.training.source_tree import Walk

ARCHIVE = ".tar.gz"
_NAMES = {"code": "source code", "drivers": "the runtime", "data": "data"}
MARKER = ".planform-complete"  # the last object of an upload: the folder is whole


@dataclass(frozen=True, slots=True)
class Storage:
    """The bucket of one provider."""

    clients: Clients
    tell: Tell = silent  # how uploads go

    def bucket(self) -> str:
        given = self.clients.settings.get("default_bucket")
        if given:
            return str(given)
        where = self.clients.where()
        return f"sagemaker-{where.region}-{where.account}"

    def base(self) -> str:
        """s3://bucket/prefix, without a slash at the end."""
        prefix = str(self.clients.settings.get("default_prefix") or "").strip("/")
        return f"s3://{self.bucket()}/{prefix}".rstrip("/")

    def code(self, spec: JobSpec) -> str:
        """URI of the source code; empty without any."""
        code = spec.source_code
        if code is None or not code.source_dir:
            return ""
        if "://" in code.source_dir:
            return s3_source(code.source_dir)
        items = [Item(name, os.path.join(code.source_dir, name)) for name in code.files]
        return self.clients.once(f"code {items}", lambda: self._put("code", items))

    def drivers(self, spec: JobSpec, more: Mapping[str, bytes]) -> str:
        """URI of the runtime with what it is told of the job, and of `more` files."""
        if spec.source_code is None:
            return ""
        return self._put("drivers", [Item(name, data=data) for name, data in {**drivers(spec), **more}.items()])

    def data(self, path: str) -> str:
        """URI of the data at a local path."""
        return self.clients.once(
            f"data {path}",
            lambda: self._put("data", [Item(file.name, file.path) for file in Walk().files(path)]),
        )

    def exist(self, uris: Iterable[str]) -> dict[str, bool]:
        """Whether there are objects at these URIs; asked side by side."""

        def look(uri: str) -> bool:
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            try:
                self.clients.call("s3", "head_object", Bucket=bucket, Key=key)
            except AwsError as error:
                if error.code == "NoSuchBucket":
                    return False
                # Without compression a model is a folder. Who may not list is answered 403 for what is not there.
                if error.code in ("404", "NoSuchKey", "403"):
                    return self._folder(bucket, key)
                raise
            return True

        wanted = list(uris)
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            return dict(zip(wanted, pool.map(look, wanted), strict=True))

    def _folder(self, bucket: str, key: str) -> bool:
        try:
            found = self.clients.call("s3", "list_objects_v2", Bucket=bucket, Prefix=f"{key.rstrip('/')}/", MaxKeys=1)
        except AwsError as error:
            if error.code in ("AccessDenied", "NoSuchBucket", "403"):
                return False
            raise
        return bool(found.get("KeyCount"))

    def _put(self, kind: str, items: list[Item]) -> str:
        """Upload a folder under the digest of its content, unless it is there; its URI ends in a slash."""
        bucket, _, prefix = self.base().removeprefix("s3://").partition("/")
        try:
            digest = _digest(items)
        except OSError as error:
            raise ProviderError(f"{error.filename}: {error.strerror}.") from None
        place = "/".join(filter(None, (bucket, prefix, kind)))
        marker = Item(f"{digest}{MARKER}")  # beside the folder, so that no job finds it among its files

        def put() -> None:
            uri = f"s3://{place}/{marker.name}"
            if not self.exist([uri])[uri]:
                self._send(f"{place}/{digest}", items, _NAMES[kind])
                self._send(place, [marker], "")

        self.clients.once(f"{place}/{digest}", put)
        return f"s3://{place}/{digest}/"

    def _send(self, place: str, items: list[Item], what: str) -> None:
        key = self.clients.settings.get("kms_key_id")
        more = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        if not self.clients.settings.get("default_bucket"):
            # The default bucket's name can be guessed: somebody else's must not get the data.
            more["ExpectedBucketOwner"] = self.clients.where().account
        try:
            upload(self.clients, place, items, more, what, self.tell)
        except AwsError as error:
            if error.code != "NoSuchBucket":
                raise
            raise ProviderError(
                f"There is no bucket {place.partition('/')[0]} any more, where code and data of jobs go.",
                suggestion="Make a new plan: planform plan",
            ) from None


def s3_source(uri: str) -> str:
    """Source code in S3 as the URI of a channel: one archive, or a folder, which is not also its longer namesakes."""
    return uri if uri.endswith((ARCHIVE, "/")) else f"{uri}/"


def _digest(items: list[Item]) -> str:
    """Of names, content and executable bits."""
    whole = hashlib.sha256()
    for item in sorted(items):
        executable = bool(item.path) and os.access(item.path, os.X_OK)
        whole.update(f"{item.name}\0{executable}\0{size_of(item)}\0".encode())
        if not item.path:
            whole.update(item.data)
            continue
        with open(item.path, "rb") as file:
            while block := file.read(1 << 20):
                whole.update(block)
    return whole.hexdigest()[:40]
