"""Models of a hub of SageMaker: their documents, by DescribeHubContent, or out of the cache where they are pinned."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from planform.core.errors import ProviderError, did_you_mean
from planform.core.executor import Document, DocumentRead
from planform.core.schemas import Misfit
from planform.core.values import Object
from planform.providers.aws.clients import AwsError, Clients

PUBLIC_HUB = "SageMakerPublicHub"
CACHE = Path(".planform", "jumpstart")
AT_ONCE = 8


class Entry(NamedTuple):
    """A model in the catalogue of a hub (ListHubContents)."""

    model_id: str
    version: str
    display_name: str
    description: str
    keywords: tuple[str, ...]
    status: str = "Available"


def pin_name(region: str, read: DocumentRead) -> str:
    """What the lock file calls a model: `us-west-2/SageMakerPublicHub/MODEL`, and `@VERSION` if one is wanted."""
    version = f"@{read.version}" if read.version else ""
    return f"{region}/{read.hub_name.rpartition('/')[2] or PUBLIC_HUB}/{read.model_id}{version}"


def documents(
    clients: Clients, reads: Sequence[DocumentRead], root: Path, pins: Mapping[str, Object]
) -> Mapping[DocumentRead, Document | Misfit]:
    """The documents, each from the cache when it is pinned and there, else from the hub."""
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = pool.map(lambda read: document(clients, read, root, pins.get(pin_name(clients.region(), read))), reads)
        return dict(zip(reads, found, strict=True))


def document(clients: Clients, read: DocumentRead, root: Path, pin: Object | None) -> Document | Misfit:
    """One document; a pinned one must be what the pin says."""
    folder = root / CACHE
    if pin is not None:
        try:
            text = (folder / f"{pin['digest']}.json").read_text()
        except OSError:
            text = ""
        if text and digest_of(text) == pin["digest"]:
            return parsed(read.model_id, json.loads(text), pinned=True)
    try:
        described = describe(clients, read._replace(version=str(pin["version"])) if pin is not None else read)
    except AwsError as error:
        return _unknown(clients, read, error)
    text = canonical(described)
    if pin is not None and digest_of(text) != pin["digest"]:
        return Misfit(
            ("jumpstart", "model_id"),
            f"{read.model_id} {pin['version']} is not what was pinned.",
            "The hub has another document under this version than the lock file tells of.",
            "Review it, then pin it anew: planform jumpstart pin --upgrade",
        )
    keep(folder, text)
    return parsed(read.model_id, described, pinned=pin is not None)


def describe(clients: Clients, read: DocumentRead) -> dict[str, Any]:
    """What the hub has on a model. A private hub may hold a model of its own, or a reference to a public one.

    Raises:
        AwsError: there is no such model.
    """
    version = {"HubContentVersion": read.version} if read.version else {}
    kinds = ("ModelReference", "Model") if read.hub_name else ("Model",)
    for kind in kinds:
        try:
            answer = clients.call(
                "sagemaker",
                "describe_hub_content",
                HubName=read.hub_name or PUBLIC_HUB,
                HubContentType=kind,
                HubContentName=read.model_id,
                **version,
            )
        except AwsError as error:
            if kind == kinds[-1] or error.code not in ("ResourceNotFound", "ValidationException"):
                raise
            continue
        return {
            "version": answer["HubContentVersion"],
            "arn": answer["HubContentArn"],
            "type": answer["HubContentType"],
            "document": json.loads(answer["HubContentDocument"]),
        }
    raise AssertionError(kinds)


def canonical(described: Mapping[str, Any]) -> str:
    return json.dumps(described, sort_keys=True, separators=(",", ":"))


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def keep(folder: Path, text: str) -> str:
    """Put a document into the cache; its digest."""
    digest = digest_of(text)
    place = folder / f"{digest}.json"
    if not place.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial = place.with_name(f"{place.name}.{os.getpid()}.partial")
            partial.write_text(text)
            partial.replace(place)
        except OSError as error:
            raise ProviderError(f"{place} cannot be written: {error.strerror}.") from None
    return digest


def parsed(model_id: str, described: Mapping[str, Any], *, pinned: bool) -> Document:
    return Document(
        model_id,
        described["version"],
        described["arn"],
        described["document"],
        described["type"] == "ModelReference",
        pinned,
    )


def catalogue(clients: Clients, hub_name: str = "") -> Iterator[Entry]:
    """Every model of a hub, a hundred a call."""
    listed = clients.pages(
        "sagemaker",
        "list_hub_contents",
        "HubContentSummaries",
        HubName=hub_name or PUBLIC_HUB,
        HubContentType="Model",
        MaxResults=100,
    )
    for item in listed:
        yield Entry(
            item["HubContentName"],
            item["HubContentVersion"],
            item.get("HubContentDisplayName") or "",
            item.get("HubContentDescription") or "",
            tuple(item.get("HubContentSearchKeywords") or ()),
            item.get("HubContentStatus") or "",
        )


def _unknown(clients: Clients, read: DocumentRead, error: AwsError) -> Misfit:
    hub = read.hub_name or PUBLIC_HUB
    if error.code not in ("ResourceNotFound", "ValidationException"):
        return Misfit(("jumpstart",), f"{read.model_id} could not be looked up: {error.code}: {error.message}.")
    try:
        known = sorted({entry.model_id for entry in catalogue(clients, read.hub_name)})
    except AwsError:
        known = []
    if read.model_id in known:
        return Misfit(
            ("jumpstart", "model_version"),
            f'{hub} has no version "{read.version}" of {read.model_id}.',
            suggestion=f"planform jumpstart show {read.model_id} tells of the newest.",
        )
    advice = did_you_mean(read.model_id, known) if known else ""
    return Misfit(("jumpstart", "model_id"), f'{hub} has no model "{read.model_id}".', suggestion=advice)
