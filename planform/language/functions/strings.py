"""Text, and regular expressions over it."""

from __future__ import annotations

import re

from planform.core.values import Value
from planform.language.errors import Unsuitable

STRUCTURAL = RAW = ()
# Classes that RE2 has and Python spells otherwise; they stand inside [ ].
_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "ascii": r"\x00-\x7f", "blank": r"\t ", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ", "upper": "A-Z", "word": r"\w", "xdigit": "0-9A-Fa-f",
}  # fmt: skip


def chomp(string: str) -> Value:
    return string.rstrip("\r\n")


def endswith(string: str, suffix: str) -> Value:
    return string.endswith(suffix)


def startswith(string: str, prefix: str) -> Value:
    return string.startswith(prefix)


def strcontains(string: str, substring: str) -> Value:
    return substring in string


def indent(spaces: int, string: str) -> Value:
    if not 0 <= spaces <= 1000:
        raise Unsuitable("a number of spaces from 0 to 1000 is required.", argument=0)
    return string.replace("\n", "\n" + " " * spaces)


def join(separator: str, list: list[str], *lists: list[str]) -> Value:
    return separator.join(item for part in (list, *lists) for item in part)


def split(separator: str, string: str) -> Value:
    return string.split(separator) if separator else [*string]


def lower(string: str) -> Value:
    return string.lower() if string.isascii() else "".join(letter.lower()[0] for letter in string)


def upper(string: str) -> Value:
    return string.upper() if string.isascii() else "".join(_one(letter, letter.upper()) for letter in string)


def title(string: str) -> Value:
    return re.sub(r"(?<!\w)\w", lambda found: _one(found.group(), found.group().title()), string)


def _one(letter: str, other: str) -> str:
    """The other case of a letter when it is one letter too: Terraform's "ß" has none."""
    return other if len(other) == 1 else letter


def strrev(string: str) -> Value:
    return string[::-1]


def substr(string: str, offset: int, length: int) -> Value:
    start = max(len(string) + offset, 0) if offset < 0 else offset
    return string[start:] if length < 0 else string[start : start + length]


def trim(string: str, characters: str) -> Value:
    return string.strip(characters) if characters else string


def trimprefix(string: str, prefix: str) -> Value:
    return string.removeprefix(prefix)


def trimsuffix(string: str, suffix: str) -> Value:
    return string.removesuffix(suffix)


def trimspace(string: str) -> Value:
    return string.strip()


def replace(string: str, substring: str, replacement: str) -> Value:
    """`substring` between slashes is a regular expression, and `$1` or `${name}` in the replacement its groups."""
    if not (len(substring) > 1 and substring[0] == substring[-1] == "/"):
        return string.replace(substring, replacement)

    def group(found: re.Match[str], name: str) -> str:
        try:
            return found[int(name) if name.isdigit() else name] or ""
        except IndexError:
            return ""

    def replaced(found: re.Match[str]) -> str:
        return re.sub(
            r"\$(?:(\$)|(\w+)|\{(\w+)\})",
            lambda mark: mark[1] or group(found, mark[2] or mark[3]),
            replacement,
            flags=re.ASCII,
        )

    return _compile(substring[1:-1], 1).sub(replaced, string)


def regex(pattern: str, string: str) -> Value:
    found = _compile(pattern, 0).search(string)
    if found is None:
        raise Unsuitable(
            "pattern did not match any part of the given string.", "Use try(regex(...), null) where it may not match."
        )
    return _captured(found)


def regexall(pattern: str, string: str) -> Value:
    return [_captured(found) for found in _compile(pattern, 0).finditer(string)]


def _captured(found: re.Match[str]) -> Value:
    """The groups by name, or in order, or else the whole match."""
    named = found.groupdict()
    return named or [*found.groups()] or found.group()


def _compile(pattern: str, argument: int) -> re.Pattern[str]:
    translated = re.sub(r"\[:(\w+):\]", lambda found: _CLASSES.get(found[1], found[0]), pattern).replace(r"\z", r"\Z")
    try:
        compiled = re.compile(translated, re.ASCII)
    except re.error as error:
        raise Unsuitable(f"invalid regexp pattern: {error}.", argument=argument) from None
    if 0 < len(compiled.groupindex) < compiled.groups:
        raise Unsuitable("a pattern has either named groups or unnamed ones, not both.", argument=argument)
    return compiled
