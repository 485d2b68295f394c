"""Values on one line: short, printable, never a secret."""

from __future__ import annotations

import pytest

from planform.core.values import AttributePath, Sealed, Sensitive, Set, Unknown, Value
from planform.render.values import change_text, path_text, value_text

ARN = "arn:aws:batch:us-west-2:123456789012:job-queue/digits-default-"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (3.0, "3"),
        (1e-05, "0.00001"),
        ('say "hi"\n', '"say \\"hi\\"\\n"'),
        ("é 日本", '"é 日本"'),
        ("\x1b[31mred\x9b0m\u202e", '"\\u001b[31mred\\u009b0m\\u202e"'),
        ([1, "a"], '[1, "a"]'),
        (Set(["b", "a"]), '["a", "b"]'),
        ({"a": 1, "b c": []}, '{a: 1, "b c": []}'),
        (Unknown("job_queue.main.arn"), "(known after apply: job_queue.main.arn)"),
        (Unknown(), "(known after apply)"),
        (Sensitive("hunter2"), "(sensitive)"),
        ({"token": Sealed("5ea1ed")}, "{token: (sensitive)}"),
    ],
)
def test_value(value: Value, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        ("x" * 50, 20, '"xxxxx...xxxxxxxxxx"'),
        (list(range(100)), 40, "[0, 1, 2, 3, 4, 5, 6, 7, ... 92 more]"),
        (["y" * 60], 30, f'["{"y" * 9}...{"y" * 16}"]'),
        ({"a": 1}, 30, "{a: 1}"),
    ],
)
def test_a_long_value_is_cut(value: Value, limit: int, text: str) -> None:
    assert value_text(value, limit) == text


@pytest.mark.parametrize(
    ("before", "after", "limit", "text"),
    [
        (0.2, 0.05, 0, "0.2 -> 0.05"),
        (None, "x", 0, '(not set) -> "x"'),
        ("x", None, 0, '"x" -> (not set)'),
        (Sealed("a"), Sensitive("b"), 0, "(sensitive) changed"),
        (1, Unknown("a.b.c"), 0, "1 -> (known after apply: a.b.c)"),
        (f"{ARN}slow", f"{ARN}fast", 50, '"...efault-slow" -> "...efault-fast"'),
    ],
)
def test_change(before: Value, after: Value, limit: int, text: str) -> None:
    assert change_text(before, after, limit) == text


@pytest.mark.parametrize("limit", [30, 50, 80])
def test_two_long_strings_keep_what_differs(limit: int) -> None:
    text = change_text(f"{ARN}slow/{'z' * 40}", f"{ARN}fast/{'z' * 40}", limit)
    assert "slow" in text
    assert "fast" in text
    assert len(text) <= limit


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("hyperparameters", "learning_rate"), "hyperparameters.learning_rate"),
        (("capacity_limits", 0, "max_capacity"), "capacity_limits[0].max_capacity"),
        (("tags", "a.b c"), 'tags["a.b c"]'),
    ],
)
def test_path(path: AttributePath, text: str) -> None:
    assert path_text(path) == text
