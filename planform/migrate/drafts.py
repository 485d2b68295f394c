"""What comes out of a conversion: drafts of resources, and findings about what had no place or needs a look."""

from __future__ import annotations

import os.path
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from planform.migrate.values import (
    Choice,
    Compared,
    Conditions,
    Dotted,
    Either,
    Expression,
    Made,
    Place,
    Reference,
    Text,
    Unknown,
    Value,
)

Path = tuple[str, ...]


class Finding(NamedTuple):
    """Something of a program that did not become a setting as it stands there."""

    kind: Literal["unsupported", "note"]
    place: Place
    what: str
    why: str


@dataclass(slots=True)
class Draft:
    """A resource in the making. Values in `body` may be unknown."""

    type: str
    name: str
    place: Place
    source: str  # what it was: PyTorch, create_job_queue, training job
    body: dict[str, Value] = field(default_factory=dict)
    made: Made | None = None
    conditions: Conditions = ()
    settings: int = 0  # how many arguments of the program are in it
    import_id: str = ""

    def put(self, path: Path, value: Value) -> bool:
        """Set a field; None means the program leaves it at its default. False: it is inside of what is one unknown."""
        if value is None:
            return True
        body = self.body
        for name in path[:-1]:
            inner = body.setdefault(name, {})
            if not isinstance(inner, dict):
                return False
            body = inner
        body[path[-1]] = settled(value)
        return True


@dataclass(slots=True)
class Conversion:
    """The drafts of one program, and what was found on the way. `folder`: where the program is, `out`: where the module
    will be; both absolute."""

    folder: str
    out: str
    drafts: list[Draft] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    provider: dict[str, Value] = field(default_factory=dict)  # settings of provider aws
    told: set[int] = field(default_factory=set)  # objects without a place that were named as an argument

    def unsupported(self, place: Place, what: str, why: str) -> None:
        self.findings.append(Finding("unsupported", place, what, why))

    def note(self, place: Place, what: str, why: str) -> None:
        self.findings.append(Finding("note", place, what, why))

    def on_disk(self, path: str) -> str:
        """Where a path of the program is: beside it, or where planform is run, when only that exists."""
        beside = os.path.join(self.folder, os.path.expanduser(path))
        return os.path.abspath(path) if not os.path.exists(beside) and os.path.exists(path) else beside

    def local(self, path: Value) -> Value:
        """A path of the program as the module has to write it; URIs and unknown ones as they are."""
        if isinstance(path, str) and path.startswith("file://"):
            path = path.removeprefix("file://")
        if isinstance(path, Choice):
            return Choice(path.test, self.local(path.yes), self.local(path.no))
        if not isinstance(path, str) or "://" in path or os.path.isabs(path):
            return path
        found = os.path.relpath(self.on_disk(path), self.out)
        return posixpath.normpath(found.replace(os.sep, "/"))


def settled(value: Value) -> Value:
    """A value in which nothing of the SDK is left: several possible objects, or one without a place, are unknown."""
    match value:
        case Either():
            return value.unknown
        case Made():
            return Unknown("", value.code or value.kind, value.place)
        case dict():
            return {str(key): settled(item) for key, item in value.items()}
        case list():
            return [settled(item) for item in value]
        case Compared():
            return Unknown("", value.code, value.unknown.place)
        case str() | int() | float() | None | Unknown() | Text() | Reference() | Expression() | Choice():
            return value
    code = value.path if isinstance(value, Dotted) else "a value that cannot be told"
    return Unknown("", code, Place("", 0))


class Taken:
    """The arguments of a call while they find their places: what nobody takes is found at the end."""

    def __init__(self, into: Conversion, draft: Draft, owner: str, args: Mapping[str, Value], place: Place) -> None:
        self.into, self.draft, self.owner, self.place = into, draft, owner, place
        self.args = dict(args)

    def get(self, name: str, default: Value = None) -> Value:
        """Take an argument; it counts as one setting."""
        if name not in self.args:
            return default
        value = self.args.pop(name)
        if value is not None:
            self.draft.settings += 1
        if isinstance(value, Expression):
            value = Expression(value.function, self.into.local(value.argument))
        return default if value is None else value

    def drop(self, *names: str) -> None:
        """Arguments that need no place: their effect is what planform does anyway."""
        for name in names:
            self.get(name)

    def move(self, table: Mapping[str, Path]) -> None:
        for name, path in table.items():
            value = named(self.get(name), name if path[0] == "request" else path[-1])
            if not self.draft.put(path, value):
                why = f"{path[0]} is one variable: put it in there"
                self.into.unsupported(self.place, f"{self.owner}({name}={brief(value)})", why)

    def refuse(self, table: Mapping[str, str]) -> None:
        """Arguments without a place; one that is off anyway needs no word."""
        for name, why in table.items():
            value = self.args.pop(name, None)
            if value not in (None, False, [], {}):
                self.into.told |= {id(item) for item in (value if isinstance(value, list) else [value])}
                self.into.unsupported(self.place, f"{self.owner}({name}={brief(value)})", why)

    def rest(self) -> None:
        """What is left is not followed here."""
        for name, value in self.args.items():
            if name.startswith("**"):
                self.into.unsupported(self.place, f"{self.owner}({name})", "what it holds is known only when it runs")
            elif value is not None:
                self.into.unsupported(
                    self.place, f"{self.owner}({name}={brief(value)})", "a trainer has no field for this argument"
                )
        self.args = {}


def named(value: Value, name: str) -> Value:
    """The value; an unknown one that the program has no name for is called like the field it is for."""
    if isinstance(value, Unknown) and not value.name:
        return Unknown(name, value.code, value.place, value.default, value.env)
    if isinstance(value, Text):
        return Text(
            tuple(named(part, code_name(part.code)) if isinstance(part, Unknown) else part for part in value.parts)
        )
    return value


def code_name(code: str) -> str:
    """What to call the result of an expression: `default_bucket` for `session.default_bucket()`."""
    found = re.findall(r"[A-Za-z_]\w*(?=\(|\[|$)", code)
    return found[-1].removeprefix("get_") if found else ""


def brief(value: Value) -> str:
    match value:
        case Unknown():
            text = value.code
        case Made():
            text = f"{value.kind}(...)"
        case Either():
            text = value.unknown.code
        case Choice(test, yes, no):
            text = f"{brief(yes)} if {test.code} else {brief(no)}"
        case Text(parts):
            text = '"' + "".join(p if isinstance(p, str) else "{...}" for p in parts) + '"'
        case Reference(_, attribute):
            text = attribute
        case dict() | list():
            text = "{...}" if isinstance(value, dict) else "[...]"
        case _:
            text = repr(value)
    return text if len(text) <= 50 else f"{text[:47]}..."


def each(value: Value, convert: Callable[[Value], Value]) -> Value:
    """A list with each of its items converted; anything else as it is."""
    return [convert(item) for item in value] if isinstance(value, list) else value


def key_values(value: Value) -> Value:
    """Tags: [{"Key": k, "Value": v}], [Tag(key=k, value=v)] or a mapping."""
    if not isinstance(value, list):
        return value
    result: dict[str, Value] = {}
    for item in value:
        form = item.args if isinstance(item, Made) else item
        if not isinstance(form, dict):
            return Unknown("tags", "tags that cannot be told", Place("", 0))
        lower = {key.lower(): part for key, part in form.items()}
        if not isinstance(lower.get("key"), str):
            return Unknown("tags", "tags whose keys are known only when it runs", Place("", 0))
        result[lower["key"]] = named(lower.get("value", ""), f"tag_{lower['key']}")
    return result
