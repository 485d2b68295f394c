"""The outputs of a state that is not this project's: of planform, or of Terraform in its format 4."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from planform.backends import backend_for
from planform.core.errors import PlanformError
from planform.core.values import Object, Sealed, Sensitive, leaves

TERRAFORM_FORMAT = 4


def remote_outputs(kind: str, config: Object, folder: Path) -> Object:
    """The outputs of the root module. What planform keeps only a digest of, is left out.

    Raises:
        PlanformError: there is no such state, or it cannot be read.
    """
    path = str(config["path"])
    try:
        text = (folder / Path(path).expanduser()).read_text()
    except OSError as error:
        raise PlanformError(f"The state {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise PlanformError(f"{path} is no state: it is not text.") from None
    document = _terraform_document(text)
    if document is not None:
        return _terraform_outputs(document, path)
    outputs = backend_for(kind, config, folder, "default").read().state.outputs
    return {
        name: value for name, value in outputs.items() if not any(isinstance(leaf, Sealed) for leaf in leaves(value))
    }


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
