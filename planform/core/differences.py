"""Where two values differ: the smallest parts of objects, and the items that lists gained, lost or moved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

from planform.core.values import AttributePath, Sensitive, Set, Value, encode, same

# Finding the least difference takes time with the square of the length. Beyond this, lists of one length are compared
# item by item, others as wholes between their equal ends.
MOST_PAIRS = 4_000_000

Fate: TypeAlias = Literal["kept", "added", "removed"]


class Item(NamedTuple):
    """One item of either list. `moved`: the same item was removed elsewhere and added here, or the reverse."""

    fate: Fate
    value: Value
    moved: bool = False


def differing_leaves(
    before: Value, after: Value, path: AttributePath = ()
) -> Iterator[tuple[AttributePath, Value, Value]]:
    """The smallest parts that differ: (path, before, after); absent is None. A list is one part, unless what differs
    lies inside of items that are objects, or inside of its only item."""
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in (*before, *(key for key in after if key not in before)):
            yield from differing_leaves(before.get(key), after.get(key), (*path, key))
    elif is_list(before) and is_list(after) and is_paired(before, after):
        for index, (left, right) in enumerate(zip(before, after, strict=True)):
            yield from differing_leaves(left, right, (*path, index))
    else:
        yield path, before, after


def is_list(value: Value) -> bool:
    return isinstance(value, list) and not isinstance(value, Set)


def is_paired(before: Sequence[Value], after: Sequence[Value]) -> bool:
    """Whether two lists are best compared item by item."""
    if len(before) != len(after):
        return False
    if len(before) == 1:
        return True
    differing = [(left, right) for left, right in zip(before, after, strict=True) if not same(left, right)]
    return all(isinstance(left, dict) and isinstance(right, dict) for left, right in differing)


def list_items(before: Sequence[Value], after: Sequence[Value]) -> list[Item]:
    """The items of both lists in one order: what is gone stands before what took its place."""
    left, right = [_key(item) for item in before], [_key(item) for item in after]
    items: list[Item] = []
    operations = _operations(left, right)
    gone = {key for tag, start, end, _, _ in operations if tag != "equal" for key in left[start:end]}
    came = {key for tag, _, _, start, end in operations if tag != "equal" for key in right[start:end]}
    moved = gone & came
    for tag, start, end, low, high in operations:
        if tag == "equal":
            items += [Item("kept", item) for item in after[low:high]]
        else:
            items += [Item("removed", before[index], left[index] in moved) for index in range(start, end)]
            items += [Item("added", after[index], right[index] in moved) for index in range(low, high)]
    return items


Operation: TypeAlias = tuple[str, int, int, int, int]  # as difflib writes them: tag, left from to, right from to


def _operations(left: Sequence[str], right: Sequence[str]) -> list[Operation]:
    """How the left list becomes the right one."""
    from difflib import SequenceMatcher

    low, most = 0, min(len(left), len(right))
    while low < most and left[low] == right[low]:
        low += 1
    end = 0
    while end < most - low and left[-1 - end] == right[-1 - end]:
        end += 1
    high, wide = len(left) - end, len(right) - end
    found: list[Operation]
    if (high - low) * (wide - low) <= MOST_PAIRS:
        inner = SequenceMatcher(None, left[low:high], right[low:wide], autojunk=False).get_opcodes()
        found = [(tag, a + low, b + low, c + low, d + low) for tag, a, b, c, d in inner]
    elif high == wide:
        found = [("equal" if left[i] == right[i] else "replace", i, i + 1, i, i + 1) for i in range(low, high)]
    else:
        found = [("replace", low, high, low, wide)]
    return [("equal", 0, low, 0, low), *found, ("equal", high, len(left), wide, len(right))]


def _key(item: Value) -> str:
    # 1 and 1.0 are the same value.
    if isinstance(item, float) and item.is_integer():
        item = int(item)
    try:
        return json.dumps(encode(item), sort_keys=True)
    except ValueError:
        return f"sensitive {id(item) if isinstance(item, Sensitive) else ''}"
