"""What an expression of a program is worth as far as its text tells: plain data, and what is only known when it runs.

Plain data are Python's constants, `list` (tuples and sets too) and `dict`. The rest has the types below.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

Value: TypeAlias = Any


class Place(NamedTuple):
    """A line of a program; `cell` counts the code cells of a notebook from 1. Line 0: a live object, as a whole."""

    file: str
    line: int
    cell: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{f'cell {self.cell}:' if self.cell else ''}{self.line}" if self.line else self.file


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Unknown:
    """What only a run finds out. `name`: what a variable for it would be called, when the program has a name for it;
    `default`: what it is when nobody says otherwise; `env`: the environment variable it is read from."""

    name: str
    code: str
    place: Place
    default: Value = MISSING
    env: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """Whether something unknown is, or is more or less than, a text or a number: `stage == "prod"`."""

    unknown: Unknown
    operator: str
    other: str | int | float | None

    @property
    def name(self) -> str:
        return self.unknown.name

    @property
    def code(self) -> str:
        return f"{self.unknown.code} {self.operator} {self.other!r}"


Question: TypeAlias = Unknown | Compared
Conditions: TypeAlias = tuple[tuple[Question, bool], ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A text with holes: its parts are `str`, and what only a run or planform finds out."""

    parts: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A number, flag or text that depends on a question; each side may be unknown itself."""

    test: Question
    yes: Value
    no: Value


@dataclass(frozen=True, slots=True)
class Expression:
    """What planform can find out: a call in its own language, of one text."""

    function: str  # jsondecode(file(...)): the functions around the text
    argument: str | Text


OBJECT = "object"  # the kind of an object of a class of the program's own


@dataclass(eq=False, slots=True)
class Made:
    """An object that a program makes: a class or function of the SDK, and what it was given then and since."""

    kind: str
    args: dict[str, Value]
    place: Place
    name: str = ""  # of the variable it is assigned to
    code: str = ""

    def get(self, name: str, default: Value = None) -> Value:
        return self.args.get(name, default)


@dataclass(frozen=True, slots=True)
class Either:
    """One of several objects, and when it is which: all of its conditions hold then."""

    options: tuple[tuple[Made, Conditions], ...]
    unknown: Unknown


@dataclass(frozen=True, slots=True)
class Reference:
    """An attribute of what will be a resource."""

    made: Made
    attribute: str


@dataclass(frozen=True, slots=True)
class Dotted:
    """A name that is imported: `sagemaker.pytorch.PyTorch`."""

    path: str

    @property
    def last(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function or class of the program itself, with the names it sees."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    names: Mapping[str, Value] = field(repr=False)  # of the function around it


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """A function or class that some arguments are given to already: `functools.partial`."""

    callee: Value
    args: tuple[Value, ...]
    keywords: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is open for reading."""

    path: Value


class Event(NamedTuple):
    """Something that the program does with an object: makes it (`method` is empty) or calls a method of it."""

    made: Made
    method: str
    args: Mapping[str, Value]
    place: Place
    conditions: Conditions = ()  # it happens only when these hold
    turn: str = ""  # the value of the loop it happens in
    code: str = ""


def is_plain(value: Value) -> bool:
    """Whether all of a value is known."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (str, int, float, bool))


def is_text(value: Value) -> bool:
    return isinstance(value, (str, Text))


def joined(*parts: Value) -> str | Text:
    """A text of parts; numbers and such as Python prints them."""
    flat: list[Value] = []
    for part in parts:
        for item in part.parts if isinstance(part, Text) else (part,):
            if not isinstance(item, (Unknown, Reference, Expression, Choice)):
                item = str(item)
            if isinstance(item, str) and flat and isinstance(flat[-1], str):
                flat[-1] += item
            elif item != "":
                flat.append(item)
    if not flat:
        return ""
    return flat[0] if len(flat) == 1 and isinstance(flat[0], str) else Text(tuple(flat))


def can_join(value: Value) -> bool:
    """Whether a value can be a part of a text."""
    return isinstance(value, (str, int, float, Text, Unknown, Reference, Choice)) or value is None


def chosen(test: Question, yes: Value, no: Value) -> Value:
    """What is `yes` when the question is answered so, and `no` otherwise; MISSING where no expression says that."""
    sides = (yes, no)
    return Choice(test, yes, no) if all(map(can_join, sides)) and yes != no else MISSING
