"""Text formats: JSON, YAML, CSV, base64, URLs."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from planform.core.values import Set, Value
from planform.language.errors import Unsuitable
from planform.language.operators import tidy, to_text

STRUCTURAL = RAW = ()
_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def jsonencode(value: Value) -> Value:
    return json_text(value)


def json_text(value: Value) -> str:
    """Terraform's JSON: compact, keys sorted, safe inside HTML, numbers without exponents."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).translate(_HTML)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(key)}:{json_text(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, (list, Set)):
        return "[" + ",".join(map(json_text, value)) + "]"
    return "null" if value is None else to_text(value)


def jsondecode(string: str) -> Value:
    try:
        return json.loads(string, parse_float=lambda text: tidy(Decimal(text)), parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise Unsuitable(
            f"invalid JSON: {error.msg} at line {error.lineno}, column {error.colno}.", argument=0
        ) from None


def _no_number(text: str) -> Value:
    raise Unsuitable(f"invalid JSON: {text} is not a number in JSON.", argument=0)


def yamlencode(value: Value) -> Value:
    lines = _yaml_lines(value)
    return "\n".join(lines if isinstance(value, (dict, list, Set)) else [*lines[:1], *_indented(lines[1:])]) + "\n"


def _yaml_lines(value: Value) -> list[str]:
    """The lines of a block of YAML, keys sorted and strings quoted."""
    lines: list[str] = []
    if isinstance(value, dict) and value:
        for key in sorted(value):
            item = value[key]
            inner = _yaml_lines(item)
            if isinstance(item, (list, Set)) and item:  # a list stands at its key's own indentation
                lines += [f"{_quoted(key)}:", *inner]
            elif isinstance(item, dict) and item:
                lines += [f"{_quoted(key)}:", *_indented(inner)]
            else:
                lines += [f"{_quoted(key)}: {inner[0]}", *_indented(inner[1:])]
    elif isinstance(value, (list, Set)) and value:
        for item in value:
            first, *rest = _yaml_lines(item)
            lines += [f"- {first}", *_indented(rest)]
    elif isinstance(value, str):
        lines = _yaml_text(value)
    else:
        lines = ["{}" if isinstance(value, dict) else json_text(value)]
    return lines


def _yaml_text(text: str) -> list[str]:
    """A string in quotes, or as a block when it has several lines that a block can hold."""
    body = text.rstrip("\n")
    lines = body.split("\n")
    if "\n" not in text or any(line.endswith(" ") or not line.isprintable() for line in lines):
        return [_quoted(text)]
    ending = text[len(body) :]
    indentation = "2" if text.startswith((" ", "\n")) else ""
    chomping = {"": "-", "\n": ""}.get(ending, "+") if body else "+"
    return [f"|{indentation}{chomping}", *lines, *[""] * (len(ending) - 1)]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _indented(lines: list[str]) -> list[str]:
    return [line and f"  {line}" for line in lines]


def yamldecode(string: str) -> Value:
    from planform.language.functions.yaml_values import decode_yaml

    return decode_yaml(string)


def csvdecode(string: str) -> Value:
    import csv
    from io import StringIO

    reader = csv.reader(StringIO(string), strict=True)
    try:
        header, *rows = [row for row in reader if row] or [[]]
    except csv.Error as error:
        raise Unsuitable(f"CSV parse error on line {reader.line_num}: {error}.", argument=0) from None
    if not header:
        raise Unsuitable("missing header line.", argument=0)
    for name in header:
        if header.count(name) > 1:
            raise Unsuitable(f'duplicate column name "{name}".', argument=0)
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise Unsuitable(f"row {number} has {len(row)} fields, the header has {len(header)}.", argument=0)
    return [dict(zip(header, row, strict=True)) for row in rows]


def base64encode(string: str) -> Value:
    from base64 import b64encode

    return b64encode(string.encode()).decode()


def base64decode(string: str) -> Value:
    try:
        return _from_base64(string).decode()
    except UnicodeDecodeError:
        raise Unsuitable("the result of decoding the provided string is not valid UTF-8.", argument=0) from None


def base64gzip(string: str) -> Value:
    import gzip
    from base64 import b64encode

    return b64encode(gzip.compress(string.encode(), mtime=0)).decode()


def textencodebase64(string: str, encoding: str) -> Value:
    from base64 import b64encode

    try:
        return b64encode(string.encode(_codec(encoding))).decode()
    except UnicodeEncodeError as error:
        raise Unsuitable(
            f"the character {string[error.start]!r} cannot be written in {encoding}.", argument=0
        ) from None


def textdecodebase64(source: str, encoding: str) -> Value:
    codec = _codec(encoding)
    try:
        return _from_base64(source).decode(codec)
    except UnicodeDecodeError:
        raise Unsuitable(f"the bytes are not text in {encoding}.", argument=0) from None


def urlencode(string: str) -> Value:
    from urllib.parse import quote_plus

    return quote_plus(string)


def _from_base64(string: str) -> bytes:
    from base64 import b64decode

    try:
        return b64decode("".join(string.splitlines()), validate=True)
    except ValueError:
        raise Unsuitable("this is not base64 data.", argument=0) from None


def _codec(encoding: str) -> str:
    import codecs

    try:
        found: Any = codecs.lookup(encoding)
    except LookupError:
        found = None
    if found is None or not found._is_text_encoding:
        raise Unsuitable(
            f'"{encoding}" is not a known IANA encoding name.', "For example: UTF-8, UTF-16LE, ISO-8859-1.", argument=1
        )
    return str(found.name)
