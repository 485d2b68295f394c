"""Names of what planform creates when the configuration gives none (S4.1)."""

from __future__ import annotations

import hashlib
import re

from planform.core.addresses import Address

LIMIT = 63  # fits AWS Batch (128) and job names (63) alike


def generated_name(project: str, workspace: str, address: Address) -> str:
    """`<project>-<workspace>-<modules>-<name>[-<key>]`: letters, digits, hyphens; a hash stands for what was lost."""
    parts = [project, workspace]
    for step in address.module:
        parts += [step.name, *([] if step.key is None else [str(step.key)])]
    parts += [address.name, *([] if address.key is None else [str(address.key)])]
    raw = "-".join(parts)
    clean = re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9-]", "-", raw)).strip("-")
    if clean == raw.replace("_", "-") and len(clean) <= LIMIT:
        return clean
    mark = hashlib.sha256(raw.encode()).hexdigest()[:6]
    return f"{clean[: LIMIT - 7].rstrip('-')}-{mark}"
