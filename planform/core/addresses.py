"""Addresses: the name of every module, resource and resource instance, as Terraform writes them."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeAlias

InstanceKey: TypeAlias = str | int | None


def key_text(key: InstanceKey) -> str:
    """`[0]`, `["a"]` or nothing."""
    if key is None:
        return ""
    return f"[{key}]" if isinstance(key, int) else f"[{json.dumps(key, ensure_ascii=False)}]"


class ModuleStep(NamedTuple):
    """One module call on the way from the root, with its instance key."""

    name: str
    key: InstanceKey = None

    def __str__(self) -> str:
        return f"module.{self.name}{key_text(self.key)}"


ModulePath: TypeAlias = tuple[ModuleStep, ...]

ROOT: ModulePath = ()


def module_text(path: ModulePath) -> str:
    """`module.a["x"].module.b`, or the empty string for the root module."""
    return ".".join(map(str, path))


class ResourceAddress(NamedTuple):
    """A resource block as configuration knows it: module names without keys. `module.a.trainer.digits`."""

    type: str
    name: str
    module: tuple[str, ...] = ()
    mode: str = "managed"

    def __str__(self) -> str:
        prefix = "".join(f"module.{name}." for name in self.module)
        return f"{prefix}{self.kind}.{self.name}"

    @property
    def kind(self) -> str:
        """The type as references begin with it: `trainer`, `data.job_queue`."""
        return f"data.{self.type}" if self.mode == "data" else self.type


class Address(NamedTuple):
    """A resource instance: `module.a["x"].trainer.digits["fast"]`. Orders as people read: numbers by size.

    An object whose replacement was made first is `job_queue.main (deposed 1a2b3c4d)` until it is gone.
    """

    type: str
    name: str
    key: InstanceKey = None
    module: ModulePath = ROOT
    mode: str = "managed"
    deposed: str = ""  # 8 hexadecimal digits

    def __str__(self) -> str:
        prefix = f"{module_text(self.module)}." if self.module else ""
        suffix = f" (deposed {self.deposed})" if self.deposed else ""
        return f"{prefix}{self.kind}.{self.name}{key_text(self.key)}{suffix}"

    @property
    def kind(self) -> str:
        """The type as references begin with it: `trainer`, `data.job_queue`."""
        return f"data.{self.type}" if self.mode == "data" else self.type

    @property
    def resource(self) -> ResourceAddress:
        return ResourceAddress(self.type, self.name, tuple(step.name for step in self.module), self.mode)

    @property
    def node(self) -> str:
        """By what dependencies are kept: the resource, or the whole address of a deposed object, whose own stay as
        they were."""
        return str(self) if self.deposed else str(self.resource)

    def sort_key(self) -> tuple[object, ...]:
        return (
            tuple((step.name, _order(step.key)) for step in self.module),
            self.mode,
            self.type,
            self.name,
            _order(self.key),
            self.deposed,
        )

    def __lt__(self, other: object) -> bool:
        return self.sort_key() < other.sort_key() if isinstance(other, Address) else NotImplemented


def _order(key: InstanceKey) -> tuple[int, int, str]:
    if key is None:
        return (0, 0, "")
    return (1, key, "") if isinstance(key, int) else (2, 0, key)


def names(pattern: str, address: str) -> bool:
    """Whether what a user wrote names this address: the instance, its resource, its module, or a glob (S2.9).
    Single quotes may stand for double ones."""
    pattern = pattern.replace("'", '"')
    if address == pattern or address.startswith((f"{pattern}[", f"{pattern}.", f"{pattern} (deposed ")):
        return True
    # Only * and ? are wild: the brackets of an address are plain text.
    return any(sign in pattern for sign in "*?") and fnmatchcase(address, pattern.replace("[", "[[]"))


_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_KEY = r'\[(?:(?P<int>\d+)|(?P<str>"(?:[^"\\]|\\.)*"|\'[^\']*\'))\]'
_DEPOSED = re.compile(r" \(deposed ([0-9a-f]{8})\)$")
_PART = re.compile(rf"(?P<name>{_NAME})(?:{_KEY})?(?:\.|$)")


def parse_address(text: str) -> Address:
    """The address written in `text`; single quotes may stand for double quotes, as shells like it.

    Raises:
        ValueError: the text is not an address.
    """
    whole = text
    deposed = found[1] if (found := _DEPOSED.search(text)) else ""
    text = text[: found.start()] if found else text
    parts: list[tuple[str, InstanceKey]] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            raise ValueError(
                f'{whole!r} is not an address; an address looks like trainer.digits or trainer.digits["fast"]'
            )
        key: InstanceKey = None
        if match["int"] is not None:
            key = int(match["int"])
        elif match["str"] is not None:
            key = _unquoted(match["str"], text)
        parts.append((match["name"], key))
        position = match.end()
    module: list[ModuleStep] = []
    while len(parts) >= 2 and parts[0] == ("module", None):
        module.append(ModuleStep(*parts[1]))
        parts = parts[2:]
    mode = "managed"
    if parts and parts[0] == ("data", None):
        mode, parts = "data", parts[1:]
    if len(parts) != 2 or parts[0][1] is not None or text.endswith("."):
        raise ValueError(f'{whole!r} is not an address; an address looks like trainer.digits or trainer.digits["fast"]')
    return Address(parts[0][0], parts[1][0], parts[1][1], tuple(module), mode, deposed)


def _unquoted(literal: str, text: str) -> str:
    if literal.startswith("'"):
        return literal[1:-1]
    try:
        return str(json.loads(literal))
    except ValueError as error:
        raise ValueError(f"{text!r} is not an address: the key {literal} is not a JSON string") from error


def provider_kind(provider: str) -> str:
    """`aws` of `aws`, of the alias `aws.eu`, and of `aws.eu@eu-west-3`, the same in another region."""
    return provider.partition("@")[0].partition(".")[0]
