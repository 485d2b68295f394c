"""Scopes made of plain values, and files read from a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from planform.core.values import Value
from planform.language.expressions import Namespace


class FolderFiles:
    def read(self, path: str, base: str) -> bytes:
        return (Path(base) / path).read_bytes()

    def exists(self, path: str, base: str) -> bool:
        return (Path(base) / path).is_file()

    def glob(self, pattern: str, path: str, base: str) -> list[str]:
        folder = Path(base) / path
        return sorted(found.relative_to(folder).as_posix() for found in folder.glob(pattern) if found.is_file())


@dataclass(frozen=True)
class PlainScope:
    values: dict[str, Value]
    module_folder: str = "/nowhere"
    plan_time: str = "2026-01-02T03:04:05Z"
    files: FolderFiles = field(default_factory=FolderFiles)

    def root(self, name: str) -> Value | Namespace:
        return self.values[name]

    def names(self) -> Iterable[str]:
        return self.values


class Lazy:
    """A namespace that computes its attributes when asked."""

    def __init__(self, **attributes: Value) -> None:
        self.attributes = attributes
        self.asked: list[str] = []

    def attribute(self, name: str) -> Value | Namespace:
        self.asked.append(name)
        return self.attributes[name]

    def names(self) -> Iterable[str]:
        return self.attributes


@pytest.fixture(scope="session")
def scope() -> Callable[..., PlainScope]:
    """Makes a scope: `scope(var={...}, module_folder=...)`."""

    def make(module_folder: str = "/nowhere", **values: Value) -> PlainScope:
        return PlainScope(values, module_folder)

    return make


@pytest.fixture
def lazy() -> type[Lazy]:
    return Lazy
