"""The table of images, made from the folder in which the SageMaker SDK publishes the facts (`image_uri_config`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planform.core.errors import PlanformError


def facts(folder: Path, source: str, date: str) -> dict[str, Any]:
    """The table as a document: accounts once each, versions that are alike on one line.

    Raises:
        PlanformError: the folder holds no such files.
    """
    names: dict[str, str] = {}
    frameworks: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            document = json.loads(path.read_text())
        except ValueError as error:
            raise PlanformError(f"{path} is no JSON: {error}.") from None
        part = document.get("training") or (document if "training" in document.get("scope", ()) else None)
        if part is None or "versions" not in part:
            continue
        lines = _lines(part, names)
        frameworks[path.stem] = {
            **({"aliases": part["version_aliases"]} if part.get("version_aliases") else {}),
            "images": lines,
        }
    if not frameworks:
        raise PlanformError(
            f"{folder} holds no tables of images.",
            suggestion="Give the folder image_uri_config of an installed sagemaker-core.",
        )
    accounts = {name: json.loads(text) for text, name in names.items()}
    return {"source": source, "date": date, "accounts": accounts, "frameworks": frameworks}


def _lines(part: Mapping[str, Any], names: dict[str, str]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for version, entry in part["versions"].items():
        leaves = (
            [("", entry)]
            if "registries" in entry
            else [(base, leaf) for base, leaf in entry.items() if isinstance(leaf, dict) and "registries" in leaf]
        )
        for base, leaf in leaves:
            accounts = names.setdefault(json.dumps(leaf["registries"], sort_keys=True), f"a{len(names) + 1}")
            line = {
                "repository": leaf["repository"],
                "accounts": accounts,
                "processors": leaf.get("processors") or part.get("processors") or [],
                "pythons": leaf.get("py_versions") or [],
                "base": base,
                "prefix": leaf.get("tag_prefix", ""),
                "containers": leaf.get("container_version", {}),
            }
            form = {"versions": [version], **{key: item for key, item in line.items() if item}}
            same = next((other for other in lines if {**other, "versions": [version]} == form), None)
            if same is None:
                lines.append(form)
            else:
                same["versions"].append(version)
    return lines


def document_text(document: Mapping[str, Any]) -> str:
    """The table as a file: one line for each map of accounts and each image."""

    def rows(items: Mapping[str, Any]) -> str:
        return ",\n".join(f"    {json.dumps(key)}: {json.dumps(item)}" for key, item in items.items())

    frameworks = ",\n".join(
        f"    {json.dumps(name)}: {{"
        + (f'"aliases": {json.dumps(entry["aliases"])}, ' if "aliases" in entry else "")
        + '"images": [\n'
        + ",\n".join(f"      {json.dumps(image)}" for image in entry["images"])
        + "\n    ]}"
        for name, entry in document["frameworks"].items()
    )
    head = "".join(f"  {json.dumps(key)}: {json.dumps(document[key])},\n" for key in ("source", "date"))
    accounts = rows(document["accounts"])
    return f'{{\n{head}  "accounts": {{\n{accounts}\n  }},\n  "frameworks": {{\n{frameworks}\n  }}\n}}\n'
