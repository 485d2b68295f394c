"""The table beside the SDK's local mode, in docs/containers.md: each line names the tests that show it, and they are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_each_line_of_the_table_is_shown_by_a_test() -> None:
    text = (TESTS.parent / "docs" / "containers.md").read_text().partition("## Beside the SDK's local mode")[2]
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    there = {name for path in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}
    assert len(lines) > 20
    named = {line: re.findall(r"`(test_\w+)`", line) for line in lines}
    assert [line for line in lines if not named[line]] == []
    assert {name for names in named.values() for name in names} - there == set()
