"""The outputs of a state that is not this project's: of planform, or of Terraform in its format 4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from planform.backends import backend_for
from planform.backends.encryption import PLAIN
from planform.core.errors import PlanformError
from planform.core.values import Object, Sealed, Sensitive, leaves

TERRAFORM_FORMAT = 4


def remote_outputs(kind: str, config: Object, folder: Path) -> Object:
    """The outputs of the root module. What planform keeps only a digest of, is left out.

    Raises:
        PlanformError: there is no such state, or it cannot be read.
    """
    settings = {name: value for name, value in config.items() if value is not None}
    text, place = _in_bucket(settings) if kind == "s3" else _in_file(settings, folder)
    document = _terraform_document(text)
    if document is not None:
        return _terraform_outputs(document, place)
    outputs = backend_for(kind, settings, folder, "default").read().state.outputs
    return {
        name: value for name, value in outputs.items() if not any(isinstance(leaf, Sealed) for leaf in leaves(value))
    }


def _in_file(settings: Object, folder: Path) -> tuple[str, str]:
    """The text of a state, and where it is."""
    path = str(settings.get("path") or "")
    if not path:
        raise PlanformError("A local remote_state needs config.path.", suggestion="config: {path: ../state.json}")
    try:
        return PLAIN.text((folder / Path(path).expanduser()).read_bytes(), path), path
    except OSError as error:
        raise PlanformError(f"The state {path} cannot be read: {error.strerror}.") from None


def _in_bucket(settings: Object) -> tuple[str, str]:
    from planform.backends.s3.bucket import Bucket

    if not settings.get("bucket") or not settings.get("key"):
        raise PlanformError(
            "A remote_state in S3 needs config.bucket and config.key.", suggestion="config: {bucket: team, key: a.json}"
        )
    bucket = Bucket(settings)
    place = bucket.url(str(settings["key"]))
    found = bucket.get(str(settings["key"]))
    if found is None:
        raise PlanformError(f"There is no state {place}.")
    return PLAIN.text(found.data, place), place


def _terraform_document(text: str) -> dict[str, Any] | None:
    """The document, when the text is a state of Terraform."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) and "terraform_version" in document else None


def _terraform_outputs(document: dict[str, Any], path: str) -> Object:
    version = document.get("version")
    if version != TERRAFORM_FORMAT:
        raise PlanformError(
            f"{path} is a Terraform state of format {version}; format {TERRAFORM_FORMAT} can be read.",
            suggestion="Terraform 0.12 and later write that format.",
        )
    return {
        name: Sensitive(item["value"]) if item.get("sensitive") else item["value"]
        for name, item in document.get("outputs", {}).items()
    }
