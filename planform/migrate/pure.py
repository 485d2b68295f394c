"""Functions of Python whose result is known when what they are given is: paths, texts, conversions, containers."""

from __future__ import annotations

import itertools
import math
import operator
import os.path
import posixpath
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from planform.migrate.values import (
    MISSING,
    Expression,
    Opened,
    Text,
    Unknown,
    Value,
    can_join,
    is_plain,
    is_text,
    joined,
)

LONGEST = 10_000  # characters or items: a program that computes more than this is not writing down settings

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "In": lambda left, right: left in right,
    "NotIn": lambda left, right: left not in right,
    "Is": lambda left, right: left is right,
    "IsNot": lambda left, right: left is not right,
}


def operated(name: str, left: Value, right: Value) -> Value:
    """`left <operator> right`, or MISSING when it is not known."""
    if name == "Add" and (is_text(left) or is_text(right)) and can_join(left) and can_join(right):
        return joined(left, right)
    if name == "Div" and is_text(left) and can_join(right):
        return path_joined(left, right)
    if name == "Mod" and isinstance(left, str) and not is_plain(right):
        return _percent(left, right)
    if name == "BitOr" and isinstance(left, dict) and isinstance(right, dict):
        return {**left, **right}
    if name == "Add" and isinstance(left, list) and isinstance(right, list):
        return [*left, *right]
    if name == "Pow" and isinstance(left, (int, float)) and isinstance(right, int) and abs(right) <= 100:
        return left**right if abs(left) <= 1_000_000 else MISSING
    if name not in OPERATORS or not is_plain(left) or not is_plain(right):
        return MISSING
    if name == "Mult" and any(isinstance(a, (str, list)) and (isinstance(b, int) and len(a) * b > LONGEST)
                              for a, b in ((left, right), (right, left))):  # fmt: skip
        return MISSING
    if name == "Mod" and isinstance(left, str):
        right = tuple(right) if isinstance(right, list) else right
    try:
        return OPERATORS[name](left, right)
    except (TypeError, ValueError, ArithmeticError):
        return MISSING


def _percent(pattern: str, values: Value) -> Value:
    """`"s3://%s/x" % bucket` with a bucket that is not known."""
    items = values if isinstance(values, list) else [values]
    pieces = pattern.split("%s")
    if len(pieces) != len(items) + 1 or any("%" in piece for piece in pieces) or not all(map(can_join, items)):
        return MISSING
    return joined(pieces[0], *(part for pair in zip(items, pieces[1:], strict=True) for part in pair))


def formatted(pattern: str, args: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
    """`"s3://{}/{name}".format(bucket, name=name)`."""
    parts: list[Value] = []
    position = 0
    try:
        for text, field, spec, conversion in string.Formatter().parse(pattern):
            parts.append(text)
            if field is None:
                continue
            key = field or str(position)
            position += not field
            value = args[int(key)] if key.isdigit() else keywords[key]
            if spec and is_plain(value):
                value = format(value, spec)
            if not can_join(value) or conversion:
                return MISSING
            parts.append(value)
    except (KeyError, IndexError, ValueError, TypeError):
        return MISSING
    return joined(*parts)


def path_joined(*parts: Value) -> Value:
    """os.path.join, where parts may be unknown."""
    result: Value = parts[0] if parts else ""
    for part in parts[1:]:
        if not can_join(part):
            return MISSING
        if (isinstance(part, str) and part.startswith("/")) or result in ("", "."):
            result = part
        elif _last(result).endswith("/"):
            result = joined(result, part)
        else:
            result = joined(result, "/", part)
    return result


def _last(value: Value) -> str:
    last = value.parts[-1] if isinstance(value, Text) else value
    return last if isinstance(last, str) else ""


def parent(path: Value) -> Value:
    """The folder of a path; the last part must be known."""
    if isinstance(path, str):
        return posixpath.dirname(path) or "."
    if isinstance(path, Text) and isinstance(path.parts[-1], str) and "/" in path.parts[-1]:
        return joined(*path.parts[:-1], path.parts[-1].rpartition("/")[0])
    return MISSING


def _same(*args: Value) -> Value:
    return args[0] if args else MISSING


def _converted(kind: Callable[[Any], Any]) -> Callable[..., Value]:
    def convert(*args: Value) -> Value:
        if not args:
            return kind()  # type: ignore[call-arg]
        value = args[0]
        if isinstance(value, Unknown):
            return _with_default(value, kind)
        if not is_plain(value):
            return MISSING
        try:
            return kind(value)
        except (TypeError, ValueError, OverflowError):
            return MISSING

    return convert


def _with_default(value: Unknown, kind: Callable[[Any], Any]) -> Unknown:
    """`int(os.environ.get("N", "3"))`: the same unknown, its default converted."""
    if value.default is MISSING or not is_plain(value.default):
        return value
    try:
        default = kind(value.default)
    except (TypeError, ValueError):
        return value
    return Unknown(value.name, value.code, value.place, default, value.env)


def _str(*args: Value) -> Value:
    if not args:
        return ""
    value = args[0]
    return value if isinstance(value, (Unknown, Text)) else str(value) if is_plain(value) else MISSING


def _dict(*args: Value, **keywords: Value) -> Value:
    first: Value = args[0] if args else {}
    if isinstance(first, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in first):
        first = {key: value for key, value in first if isinstance(key, (str, int))}
    return {**first, **keywords} if isinstance(first, dict) else MISSING


def _list(*args: Value) -> Value:
    value: Value = args[0] if args else []
    return list(value) if isinstance(value, (list, dict, str)) else MISSING


def _len(*args: Value) -> Value:
    return len(args[0]) if args and isinstance(args[0], (str, list, dict)) else MISSING


def _range(*args: Value) -> Value:
    if not args or not all(isinstance(item, int) for item in args) or (len(args) > 2 and not args[2]):
        return MISSING
    numbers = range(*args)
    return list(numbers) if len(numbers) <= LONGEST else MISSING


def _zip(*args: Value) -> Value:
    if not all(isinstance(item, list) for item in args):
        return MISSING
    return [list(items) for items in zip(*args, strict=False)]


def _enumerate(*args: Value, start: Value = 0) -> Value:
    first = args[1] if len(args) > 1 else start
    if not args or not isinstance(args[0], list) or not isinstance(first, int):
        return MISSING
    return [[number, item] for number, item in enumerate(args[0], first)]


def _loads(how: str) -> Callable[..., Value]:
    """`json.load(open(path))`: planform reads the file itself."""

    def load(*args: Value, **keywords: Value) -> Value:
        if args and isinstance(args[0], Opened) and is_text(args[0].path):
            return Expression(f"{how}(file", args[0].path)
        return MISSING

    return load


def _open(*args: Value, **keywords: Value) -> Value:
    mode = args[1] if len(args) > 1 else keywords.get("mode", "r")
    return Opened(args[0]) if args and isinstance(mode, str) and mode.startswith("r") else MISSING


# What is done where the program is run from: its folder.
def _product(*items: Value, repeat: int = 1) -> Value:
    """`itertools.product` of lists that are known."""
    lists = [list(item) if isinstance(item, (dict, str)) else item for item in items] * repeat
    if not all(isinstance(item, list) for item in lists) or math.prod(map(len, lists)) > LONGEST:
        return MISSING
    return [list(turn) for turn in itertools.product(*lists)]


FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    **dict.fromkeys(("os.path.join", "posixpath.join"), path_joined),
    **dict.fromkeys(("pathlib.Path", "pathlib.PurePosixPath"), lambda *args: path_joined(*args) if args else "."),
    "os.getcwd": lambda: ".",
    "pathlib.Path.cwd": lambda: ".",
    **dict.fromkeys(
        ("os.path.abspath", "os.path.realpath", "os.path.normpath", "os.fspath", "copy.copy", "copy.deepcopy"), _same
    ),
    "os.path.dirname": lambda path: parent(path),
    "os.path.basename": lambda path: os.path.basename(path) if isinstance(path, str) else MISSING,
    "builtins.str": _str,
    "builtins.int": _converted(int),
    "builtins.float": _converted(float),
    "builtins.bool": _converted(bool),
    "builtins.abs": _converted(abs),
    "builtins.dict": _dict,
    **dict.fromkeys(("builtins.list", "builtins.tuple", "builtins.set"), _list),
    "builtins.sorted": lambda items: sorted(items) if isinstance(items, (list, dict)) and is_plain(items) else MISSING,
    "builtins.len": _len,
    "builtins.range": _range,
    "itertools.product": _product,
    "builtins.zip": _zip,
    "builtins.enumerate": _enumerate,
    "builtins.open": _open,
    "json.load": _loads("jsondecode"),
    **dict.fromkeys(("yaml.safe_load", "yaml.load", "yaml.full_load"), _loads("yamldecode")),
    **{f"logging.{name}": lambda *args, **keywords: None for name in ("info", "debug", "warning", "basicConfig")},
}

CONSTANTS: Mapping[str, Value] = {
    "logging.DEBUG": 10,
    "logging.INFO": 20,
    "logging.WARNING": 30,
    "logging.WARN": 30,
    "logging.ERROR": 40,
    "logging.CRITICAL": 50,
    "os.sep": "/",
}

_TEXT_METHODS = (
    *("lower", "upper", "strip", "lstrip", "rstrip", "replace", "split", "title", "capitalize", "removeprefix"),
    *("removesuffix", "startswith", "endswith", "zfill", "count", "rsplit", "partition", "rpartition"),
)


def call(path: str, args: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
    """The result of a function by its full name, or MISSING."""
    if path not in FUNCTIONS:
        return MISSING
    try:
        return FUNCTIONS[path](*args, **keywords)
    except (TypeError, ValueError):  # called with arguments that are not followed here
        return MISSING


def method(value: Value, name: str, args: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
    """The result of a method of plain data, or MISSING. What changes its object is not here."""
    if isinstance(value, str) and name == "format":
        return formatted(value, args, keywords)
    if isinstance(value, str) and name == "join" and args and isinstance(args[0], list):
        parts = [part for item in args[0] for part in (value, item)][1:]
        return joined(*parts) if all(map(can_join, parts)) else MISSING
    if is_text(value) and name in ("resolve", "absolute", "as_posix", "expanduser", "__str__"):
        return value
    if is_text(value) and name == "joinpath":
        return path_joined(value, *args)
    if isinstance(value, dict):
        return _of_dict(value, name, args)
    if isinstance(value, str) and name in _TEXT_METHODS and all(map(is_plain, args)):
        try:
            found = getattr(value, name)(*args, **keywords)
        except (TypeError, ValueError):
            return MISSING
        return list(found) if isinstance(found, tuple) else found
    return list(value) if isinstance(value, list) and name == "copy" else MISSING


def _of_dict(value: dict[str, Value], name: str, args: Sequence[Value]) -> Value:
    match name:
        case "get" if args and isinstance(args[0], (str, int)):
            return value.get(args[0], args[1] if len(args) > 1 else None)  # type: ignore[arg-type]
        case "items":
            return [[key, item] for key, item in value.items()]
        case "keys":
            return list(value)
        case "values":
            return list(value.values())
        case "copy":
            return dict(value)
    return MISSING


def attribute(value: Value, name: str) -> Value:
    """An attribute of a path."""
    if name == "parent":
        return parent(value) if is_text(value) else MISSING
    if name in ("name", "stem") and isinstance(value, str):
        base = os.path.basename(value)
        return base if name == "name" else os.path.splitext(base)[0]
    return MISSING
