"""What differs between two values: leaves of objects, items of lists."""

from __future__ import annotations

import pytest

from planform.core.differences import differing_leaves, list_items
from planform.core.values import Sealed, Sensitive, Set, Unknown, Value


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [("b",)]),
        ({"a": {"x": 1}}, {"a": {"y": 1}}, [("a", "x"), ("a", "y")]),
        ({"a": 1}, {"a": 1.0}, []),
        (["v1"], ["v2"], [(0,)]),
        (["a", "b"], ["a", "c"], [()]),
        ([{"n": 1}, {"n": 2}], [{"n": 1}, {"n": 3}], [(1, "n")]),
        ([{"n": 1}], [{"n": 1}, {"n": 3}], [()]),
        (Set(["a"]), Set(["b"]), [()]),
        (1, Unknown("x.y"), [()]),
        ({"a": Sealed("1")}, {"a": Sealed("1")}, []),
    ],
)
def test_leaves(before: Value, after: Value, paths: list[tuple[str | int, ...]]) -> None:
    assert [path for path, _, _ in differing_leaves(before, after)] == paths


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("abc", "acd", " a,-b, c,+d"),
        ("abc", "cab", "+c*, a, b,-c*"),
        ("", "a", "+a"),
        ("aa", "a", " a,-a"),
    ],
)
def test_items_of_lists(before: str, after: str, text: str) -> None:
    signs = {"kept": " ", "added": "+", "removed": "-"}
    items = list_items(list(before), list(after))
    assert ",".join(f"{signs[item.fate]}{item.value}{'*' * item.moved}" for item in items) == text


def test_numbers_are_compared_by_value_and_secrets_by_nothing_in_clear() -> None:
    assert [item.fate for item in list_items([1, Sensitive("a")], [1.0, Sensitive("b")])] == [
        "kept",
        "removed",
        "added",
    ]


@pytest.mark.parametrize("grown", [0, 1])
def test_long_texts_that_differ_everywhere_take_no_longer_than_their_length(grown: int) -> None:
    """A difference of 100,000 lines is not the least one, but all of it: minutes would be too long to wait for."""
    before = [f"line {number}" for number in range(100_000)]
    after = [f"line {number + number % 2}" for number in range(100_000 + grown)]
    items = list_items(before, after)
    assert [item.value for item in items if item.fate != "removed"] == after
    assert sorted(item.value for item in items if item.fate != "added") == sorted(before)
    assert items[0].fate == "kept"
