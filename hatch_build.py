"""Puts the JSON Schema of *.pf.yaml into wheels, as planform/planform.schema.json, for editors to be pointed at."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run without hatchling, by a test
    BuildHookInterface = object  # type: ignore[assignment,misc]


def schema_text(root: Path) -> str:
    """The schema that `planform schema` prints; made with the standard library alone, which is all that a build has."""
    sys.path.insert(0, str(root))
    try:
        from planform.providers.aws.provider import SETTINGS as AWS
        from planform.providers.local.provider import SETTINGS as LOCAL
        from planform.render.language_schema import Tables, language_schema
        from planform.resources import schemas
    finally:
        sys.path.remove(str(root))
    return json.dumps(language_schema(Tables(schemas(), {"aws": AWS, "local": LOCAL})), ensure_ascii=False) + "\n"


class SchemaHook(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is "editable" for an install that reads the source where it is."""
        if self.target_name != "wheel" or version == "editable":
            return
        with NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
            file.write(schema_text(Path(self.root)))
        self._made = Path(file.name)
        build_data["force_include"][file.name] = "planform/planform.schema.json"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        made = getattr(self, "_made", None)
        if made is not None:
            made.unlink()
