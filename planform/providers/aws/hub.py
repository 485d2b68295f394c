"""Models of a hub of SageMaker: their documents, by DescribeHubContent, or out of the cache where they are pinned."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from planform.core.errors import ProviderError, did_you_mean
from planform.core.executor import Document, DocumentRead
from planform.core.schemas import Misfit
from planform.core.values import Object
from planform.providers.aws.clients import AwsError, Clients
from planform.training.catalogue import Entry

PUBLIC_HUB = "SageMakerPublicHub"
CACHE = Path(".planform", "jumpstart")
AT_ONCE = 8


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
    if pin is not None:
        read = read._replace(version=str(pin["version"]))
    try:
        described = describe(clients, read)
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


def pinned(
    settings: Object, reads: Sequence[DocumentRead], root: Path, pins: Mapping[str, Object]
) -> dict[str, Object]:
    """The pins of models: as they are, or made now of what the hub has.

    Raises:
        PlanformError: there is no such model.
    """
    clients, found = Clients(settings), dict[str, Object]()
    for read in reads:
        name = pin_name(clients.region(), read)
        if name in pins:
            found[name] = pins[name]
            continue
        try:
            described = describe(clients, read)
        except AwsError as error:
            misfit = _unknown(clients, read, error)
            raise ProviderError(misfit.summary, misfit.detail, misfit.suggestion) from None
        found[name] = {"version": described["version"], "digest": keep(root / CACHE, canonical(described))}
    return found


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
        _write(place, text)
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
        )


def kept_catalogue(clients: Clients, root: Path, hub_name: str, anew: bool) -> tuple[list[Entry], str]:
    """The catalogue and its date: as it was read last, or read now."""
    place = root / CACHE / f"catalogue-{clients.region()}-{hub_name.rpartition('/')[2] or PUBLIC_HUB}.json"
    if not anew:
        try:
            form = json.loads(place.read_text())
            return [Entry(a, b, c, d, tuple(keys)) for a, b, c, d, keys in form["models"]], str(form["date"])
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            pass  # not there, or of another version of planform
    models = sorted(catalogue(clients, hub_name))
    date = f"{datetime.now(UTC):%Y-%m-%d}"
    _write(place, json.dumps({"date": date, "models": models}))
    return models, date


def _write(place: Path, text: str) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_name(f"{place.name}.{os.getpid()}.partial")
        partial.write_text(text)
        partial.replace(place)
    except OSError as error:
        raise ProviderError(f"{place} cannot be written: {error.strerror}.") from None


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
