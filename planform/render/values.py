"""Values on one line, in YAML's flow style: short, and never a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from planform.core.differences import differing_leaves, is_list, list_items
from planform.core.schemas import number_text
from planform.core.values import AttributePath, Sealed, Sensitive, Set, Unknown, Value

SENSITIVE = "(sensitive)"
NOT_SET = "(not set)"
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w./-]*")
# Everything a terminal might act on; JSON leaves DEL, C1 controls and direction marks alone.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def value_text(value: Value, limit: int = 0) -> str:
    """The value on one line. With a limit, long strings and collections are cut to about so many columns."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value, limit)
        case int() | float():
            return number_text(value)
        case Unknown():
            return f"(known after apply: {value.origin})" if value.origin else "(known after apply)"
        case Sensitive() | Sealed():
            return SENSITIVE
        case dict():
            items = [f"{key_text(key)}: {value_text(item, limit)}" for key, item in value.items()]
            return _enclosed("{", items, "}", limit)
        case list() | Set():
            return _enclosed("[", [value_text(item, limit) for item in value], "]", limit)
        case _:
            return f"({type(value).__name__})"


def quote(text: str, limit: int = 0) -> str:
    """The string in double quotes; too long, it loses its middle: what tells ARNs and paths apart is at their ends."""
    shown = printable(json.dumps(text, ensure_ascii=False))
    if not limit or len(shown) <= limit:
        return shown
    keep = max(limit - 5, 4)
    body = shown[1:-1]
    return f'"{body[: keep - keep * 2 // 3]}...{body[-(keep * 2 // 3) :]}"'


def printable(text: str) -> str:
    """The text with everything a terminal might act on spelled out."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def change_text(before: Value, after: Value, limit: int = 0) -> str:
    """`0.2 -> 0.05`, `(not set) -> "x"`, `+ "d", - "b"` for lists; two long strings keep what differs."""
    if isinstance(before, (Sensitive, Sealed)) and isinstance(after, (Sensitive, Sealed)):
        return f"{SENSITIVE} changed"
    told = _parts_text(before, after, limit)
    if told:
        return told
    left = NOT_SET if before is None else value_text(before)
    right = NOT_SET if after is None else value_text(after)
    if limit and isinstance(after, Unknown) and len(left) + len(right) + 4 > limit:
        right = "(known after apply)"
    if limit and len(left) + len(right) + 4 > limit:
        if isinstance(before, str) and isinstance(after, str):
            left, right = _focused(before, after, limit)
        else:
            half = max((limit - 4) // 2, 12)
            if before is not None:
                left = value_text(before, max(half, limit - 4 - len(right)))
            if after is not None and not isinstance(after, Unknown):
                right = value_text(after, max(half, limit - 4 - len(left)))
    return f"{left} -> {right}"


def _parts_text(before: Value, after: Value, limit: int) -> str:
    """What differs inside of two lists, documents or texts; empty when that says no more than both values do."""
    if isinstance(before, (list, Set)) and isinstance(after, (list, Set)):
        return _items_text(before, after, limit)
    if not (isinstance(before, str) and isinstance(after, str)):
        return ""
    left, right = json_object(before), json_object(after)
    if left is not None and right is not None:
        parts = [f"{path_text(path)}: {change_text(*sides)}" for path, *sides in differing_leaves(left, right)]
        return "JSON " + _enclosed("{", parts, "}", max(limit - 5, 0)) if parts else "JSON, written differently"
    if "\n" not in before.strip("\n") and "\n" not in after.strip("\n"):
        return ""
    items = list_items(before.splitlines(), after.splitlines())
    added, removed = (sum(item.fate == fate for item in items) for fate in ("added", "removed"))
    return f"{added} of {len(after.splitlines())} lines added, {removed} removed"


def _items_text(before: Sequence[Value], after: Sequence[Value], limit: int) -> str:
    """`+ "d", - "b", moved "c"`; empty when nothing is in both."""
    items = list_items(before, after)
    if not any(item.fate == "kept" or item.moved for item in items):
        return ""
    parts = [f"+ {value_text(item.value, limit)}" for item in items if item.fate == "added" and not item.moved]
    parts += [f"- {value_text(item.value, limit)}" for item in items if item.fate == "removed" and not item.moved]
    if is_list(after):
        parts += [f"moved {value_text(item.value, limit)}" for item in items if item.fate == "added" and item.moved]
    return _enclosed("", parts, "", limit)


def json_object(text: Value) -> Value:
    """The object that a string holds as JSON; None for anything else."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def path_text(path: AttributePath) -> str:
    """`hyperparameters.learning_rate`, `capacity_limits[0].max_capacity`, `tags["a b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part) and "." not in part:
            text += f".{part}" if text else part
        else:
            text += f"[{quote(part)}]"
    return text


def key_text(key: str) -> str:
    """A mapping's key as YAML writes it."""
    return key if _PLAIN_KEY.fullmatch(key) else quote(key)


def _enclosed(opening: str, items: list[str], closing: str, limit: int) -> str:
    whole = opening + ", ".join(items) + closing
    if not limit or len(whole) <= limit:
        return whole
    shown: list[str] = []
    room = limit - 16  # for "... 100 more" and the brackets
    for item in items:
        if shown and len(", ".join((*shown, item))) > room:
            break
        shown.append(item)
    rest = len(items) - len(shown)
    return opening + ", ".join((*shown, f"... {rest} more") if rest else shown) + closing


def _focused(before: str, after: str, limit: int) -> tuple[str, str]:
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    half = max((limit - 4) // 2, 12)

    def shown(text: str) -> str:
        middle = text[start : len(text) - end]
        room = max(half - len(middle) - 8, 0)
        lead = min(start, room * 2 // 3)
        trail = min(end, room - lead)
        return quote(
            ("..." if lead < start else "")
            + text[start - lead : len(text) - end + trail]
            + ("..." if trail < end else ""),
            half,
        )

    return shown(before), shown(after)
