"""Arguments in the spellings that users of Terraform type, brought to one form before click reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_LONG = re.compile(r"-[A-Za-z][A-Za-z0-9-]+(=.*)?", re.DOTALL)
_BOOLEAN = re.compile(r"--(?:no-)?([a-z-]+)=(true|false)", re.IGNORECASE)
# Flags for which Terraform also takes `=true` and `=false`.
_FLAGS = frozenset({"auto-approve", "detailed-exitcode", "input", "json", "no-color", "refresh"})
# Options of the program itself may stand anywhere, and take a value or not.
_GLOBAL = {"--chdir": True, "-w": True, "--workspace": True, "--no-color": False}


def normalised(words: Sequence[str]) -> list[str]:
    """`-out=FILE` as `--out=FILE`, `-refresh=false` as `--no-refresh`, options of the program first."""
    first: list[str] = []
    rest: list[str] = []
    found = iter(words)
    for word in found:
        if word == "--":
            rest += [word, *found]
            break
        option = _double_dashed(word)
        if option is None:
            continue
        name, equals, _ = option.partition("=")
        if name in _GLOBAL:
            first.append(option)
            if _GLOBAL[name] and not equals:
                first += _next(found)
        else:
            rest.append(option)
    return first + ["version" if word == "--version" else word for word in rest]


def _double_dashed(word: str) -> str | None:
    """The word in click's spelling; None for a flag that was switched off."""
    if _LONG.fullmatch(word):
        word = f"-{word}"
    switch = _BOOLEAN.fullmatch(word)
    if switch is None or switch[1] not in _FLAGS:
        return word
    name, on = switch[1], switch[2].lower() == "true"
    if name in ("refresh", "input"):
        return f"--{name}" if on else f"--no-{name}"
    return f"--{name}" if on else None


def _next(words: Iterator[str]) -> list[str]:
    word = next(words, None)
    return [] if word is None else [word]
