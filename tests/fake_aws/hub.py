"""The public hub of models, and a private one `team-hub` with a reference to a public model. Documents lie in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fake_aws.world import REGION, Refused, World

PUBLIC, PRIVATE = "SageMakerPublicHub", "team-hub"
FOLDER = Path(__file__).parent / "hub_contents"


def contents(world: World) -> dict[str, dict[str, Any]]:
    """The models; tests may `alter` them as objects of the kind `hub_content`."""
    found = world.of("hub_content")
    if not found:
        found |= {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
    return found


def describe(world: World, given: dict[str, Any]) -> dict[str, Any]:
    hub, kind, name = given["HubName"].rpartition("/")[2], given["HubContentType"], given["HubContentName"]
    item = contents(world).get(name)
    there = (hub == PUBLIC and kind == "Model") or (
        hub == PRIVATE and kind == "ModelReference" and name == "huggingface-tc-bert-base-cased"
    )
    if item is None or not there or given.get("HubContentVersion", item["version"]) != item["version"]:
        raise Refused("ResourceNotFound", f"HubContent {name} of type {kind} does not exist in {hub}")
    return {
        "HubName": hub,
        "HubArn": world.arn("sagemaker", f"hub/{hub}"),
        "HubContentName": name,
        "HubContentArn": arn(hub, kind, name, item["version"]),
        "HubContentVersion": item["version"],
        "HubContentType": kind,
        "DocumentSchemaVersion": "2.3.0",
        "HubContentDocument": json.dumps(item["document"]),
        "HubContentStatus": "Available",
        "CreationTime": world.now,
    }


def listed(world: World, given: dict[str, Any]) -> dict[str, Any]:
    items = [
        {
            "HubContentName": name,
            "HubContentArn": arn(PUBLIC, "Model", name, item["version"]),
            "HubContentVersion": item["version"],
            "HubContentType": "Model",
            "DocumentSchemaVersion": "2.3.0",
            "HubContentDisplayName": item["display"],
            "HubContentDescription": item["description"],
            "HubContentSearchKeywords": item["keywords"],
            "HubContentStatus": "Available",
            "CreationTime": world.now,
        }
        for name, item in contents(world).items()
        if given["HubName"] == PUBLIC
    ]
    answer = world.paged(items, given.get("NextToken"), "HubContentSummaries", given.get("MaxResults"))
    token = answer.pop("nextToken", None)
    return {**answer, **({"NextToken": token} if token else {})}


def arn(hub: str, kind: str, name: str, version: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:aws:hub-content/{hub}/{kind}/{name}/{version}"
