"""`.planform.lock.yaml`: what a project uses that others may change, pinned. It belongs into version control.

A section for each kind: `modules` (repository -> commit), `jumpstart` (model -> version and digest of its document),
`images` (URI -> digest).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from planform.core.configuration import SourceFile
from planform.core.errors import PlanformError
from planform.core.values import Object, Value
from planform.language.documents import load_document

LOCK_FILE = ".planform.lock.yaml"
LOCK_HEAD = "# Written by planform, for version control: what this project uses, pinned.\n"


def read_lock(root: str) -> dict[str, Object]:
    """The sections of the lock file; there is none before something was pinned.

    Raises:
        PlanformError: it cannot be read.
    """
    try:
        text = Path(root, LOCK_FILE).read_text()
    except OSError:
        return {}
    value = load_document(SourceFile(LOCK_FILE, text)).value
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(section, dict) for section in value.values()):
        raise PlanformError(
            f"{LOCK_FILE} cannot be read",
            "It has sections, such as modules, that map names to what is pinned.",
            "Take it from version control again, or delete it and run planform init.",
        )
    return value


def write_lock(root: str, section: str, pins: Mapping[str, Value]) -> None:
    """Put one section in the place of what it was; a section without pins goes."""
    sections = {**read_lock(root), section: dict(pins)}
    lines = [
        line
        for name, entries in sorted(sections.items())
        if entries
        for line in (
            f"{name}:\n",
            *(f"  {json.dumps(key)}: {json.dumps(pin)}\n" for key, pin in sorted(entries.items())),
        )
    ]
    path = Path(root, LOCK_FILE)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(LOCK_HEAD + "".join(lines))
    partial.replace(path)
