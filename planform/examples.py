"""Find the examples that ship with planform: inside an installed package, or beside the source of an editable one."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

FOLDERS: Mapping[str, str] = MappingProxyType({"digits": "quickstart"})


def example_names() -> tuple[str, ...]:
    """The names that `planform init --example` takes."""
    return tuple(FOLDERS)


def example_path(name: str) -> Path | None:
    """The folder of the example called name, or None when there is no such example."""
    if name not in FOLDERS:
        return None
    package = Path(__file__).parent
    candidates = (root / FOLDERS[name] for root in (package / "_examples", package.parent / "examples"))
    return next((folder for folder in candidates if folder.is_dir()), None)
