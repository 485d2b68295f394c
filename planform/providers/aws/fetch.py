"""What this machine needs of AWS for runs of its own: data in S3 and images in ECR."""

from __future__ import annotations

import hashlib
import os
import shutil
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from planform.core.errors import ProviderError
from planform.core.executor import Tell, Tree, TreeRead
from planform.core.schemas import Misfit
from planform.core.values import Object
from planform.providers.aws.clients import AwsError, Clients, said
from planform.providers.aws.jobs.logs import is_inside

LOOK = "Check bucket, key and region."
# Of one image, and of an index of images for several platforms.
MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)


def fetch(settings: Object, uri: str, cache: Path, tell: Tell) -> Path:
    """The files below an s3:// URI, downloaded once for each content: keys, sizes and ETags name the folder. Of one URI
    there may be only one call at a time.

    Raises:
        ProviderError: there is nothing there, it cannot be read, or the disk is full.
    """
    clients = Clients(settings)
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    client = clients.client("s3")
    items = [item for item in _items(clients, uri) if _is_of(prefix, item["Key"])]
    if not items:
        raise ProviderError(f"There is nothing at {uri}.", suggestion=LOOK)
    folder = cache / hashlib.sha256(f"{uri}\n{_marks(items)}".encode()).hexdigest()[:32]
    if folder.exists():
        return folder
    count = f"{len(items)} files" if len(items) > 1 else "1 file"
    tell(f"fetching {uri}: {count}, {sum(item['Size'] for item in items) / 1e6:.1f} MB")
    partial = folder.with_suffix(".partial")

    def load(item: dict[str, str]) -> None:
        place = partial / (item["Key"].removeprefix(prefix).lstrip("/") or Path(item["Key"]).name)
        place.parent.mkdir(parents=True, exist_ok=True)
        said("get_object", lambda: client.download_file(bucket, item["Key"], os.fspath(place)))

    try:
        shutil.rmtree(partial, ignore_errors=True)  # of one that was killed
        partial.mkdir(parents=True)
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(load, items))
        partial.rename(folder)
    except OSError as error:
        raise ProviderError(f"{uri} could not be written to {cache}: {error.strerror or error}.") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def listing(clients: Clients, read: TreeRead) -> Tree | list[Misfit]:
    """What a job is given of an s3:// URI, which to SageMaker is a prefix: keys, sizes and ETags."""
    try:
        items = _items(clients, read.path)
    except AwsError as error:
        if error.code != "NoSuchBucket":
            raise
        items = []
    if not items:
        return [Misfit(read.attribute, f"There is nothing at {read.path}.", suggestion=LOOK)]
    digest = hashlib.sha256(_marks(items).encode()).hexdigest()
    return Tree(digest, tuple(item["Key"] for item in items), sum(item["Size"] for item in items))


def _items(clients: Clients, uri: str) -> list[dict[str, Any]]:
    """The objects whose keys begin as a URI says, in the order of their keys."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    pages = clients.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return list(said("list_objects_v2", lambda: [item for page in pages for item in page.get("Contents", ())]))


def _marks(items: list[dict[str, Any]]) -> str:
    return "\n".join(f"{item['Key']} {item['Size']} {item['ETag']}" for item in items)


def ecr_digest(settings: Object, image: str) -> str:
    """The digest that ECR has for the tag of an image now.

    Raises:
        ProviderError: there is no such image, or it may not be looked up.
    """
    from planform.training.images import ECR

    found = ECR.fullmatch(image)
    assert found is not None, image
    repository, _, tag = found[3].partition(":")
    clients = Clients({**settings, "region": found[2]})
    answer = clients.call(
        "ecr",
        "batch_get_image",
        registryId=found[1],
        repositoryName=repository,
        imageIds=[{"imageTag": tag or "latest"}],
        acceptedMediaTypes=list(MANIFESTS),
    )
    if not answer.get("images"):
        why = (answer.get("failures") or [{}])[0].get("failureReason") or "it is not there"
        raise ProviderError(f"ECR does not give {image}: {why}.")
    return str(answer["images"][0]["imageId"]["imageDigest"])


def ecr_login(settings: Object, image: str) -> tuple[str, str]:
    """User and password for the registry of an image in ECR."""
    host = image.partition("/")[0].split(".")
    clients = Clients({**settings, "region": host[3]})
    answer = clients.call("ecr", "get_authorization_token", registryIds=[host[0]])
    user, _, password = b64decode(answer["authorizationData"][0]["authorizationToken"]).decode().partition(":")
    return user, password


def _is_of(prefix: str, key: str) -> bool:
    """Whether an object is one of a prefix's files: `data/train` is the folder data/train/, not also data/train2."""
    folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
    return key == prefix or (key.startswith(folder) and not key.endswith("/") and is_inside(key.removeprefix(folder)))
