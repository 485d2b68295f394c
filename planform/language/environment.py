"""What an expression sees of the world: names, and files read through the plan's snapshot (S1.7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeGuard

from planform.core.values import Value


class Namespace(Protocol):
    """An object whose attributes are computed when asked for: `var`, `local`, `module.x`, `trainer`."""

    def attribute(self, name: str) -> Value | Namespace:
        """Raises KeyError when there is no such attribute, or Unsuitable to say more; the place is added to both."""
        ...

    def names(self) -> Iterable[str]: ...


def is_namespace(value: Any) -> TypeGuard[Namespace]:
    return hasattr(value, "attribute")


class Files(Protocol):
    """Files as the plan saw them. A relative path is relative to `base`, the module's folder (S1.6)."""

    def read(self, path: str, base: str) -> bytes: ...

    def exists(self, path: str, base: str) -> bool: ...

    def glob(self, pattern: str, path: str, base: str) -> list[str]:
        """The files under `path` that match, as sorted POSIX paths relative to `path`."""
        ...


class Scope(Protocol):
    """The names an expression may begin with. A scope that also has `names()` gets better suggestions."""

    @property
    def files(self) -> Files: ...

    @property
    def plan_time(self) -> str: ...  # RFC 3339

    @property
    def module_folder(self) -> str: ...

    def root(self, name: str) -> Value | Namespace:
        """Raises KeyError when nothing has this name, or Unsuitable to say more."""
        ...


class Layer:
    """A scope with a few names on top: the variables of a `for`, or all there is (`closed`) in a template file."""

    __slots__ = ("closed", "depth", "files", "module_folder", "outer", "plan_time", "values")

    def __init__(self, outer: Scope, values: dict[str, Value], closed: bool = False) -> None:
        self.outer, self.values, self.closed = outer, values, closed
        self.files, self.plan_time, self.module_folder = outer.files, outer.plan_time, outer.module_folder
        self.depth: int = getattr(outer, "depth", 0) + closed

    def root(self, name: str) -> Value | Namespace:
        if self.closed or name in self.values:
            return self.values[name]
        return self.outer.root(name)

    def names(self) -> Iterable[str]:
        outer = () if self.closed else known_roots(self.outer)
        return {*self.values, *outer}


ROOTS = ("var", "local", "each", "count", "path", "planform", "module", "data", "self")


def known_roots(scope: Scope) -> set[str]:
    """What may stand at the beginning of a reference here, as far as the scope tells."""
    names = getattr(scope, "names", None)
    return set(names()) if names else set(ROOTS)
