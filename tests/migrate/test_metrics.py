"""Regular expressions of metrics come over with the one group that SageMaker reads."""

from __future__ import annotations

import re

import pytest

from planform.migrate.metrics import one_group


@pytest.mark.parametrize(
    ("regex", "expected", "line", "number"),
    [
        pytest.param("acc=([0-9.]+)", "acc=([0-9.]+)", "acc=0.5", "0.5", id="one already"),
        pytest.param(
            r"'loss': ([0-9]+(.|e\-)[0-9]+),?",
            r"'loss': ([0-9]+(?:.|e\-)[0-9]+),?",
            "'loss': 1e-5,",
            "1e-5",
            id="inside",
        ),
        pytest.param(r"\(a\)=([0-9]+)( s)?", r"\(a\)=([0-9]+)(?: s)?", "(a)=3 s", "3", id="escaped"),
        pytest.param(r"[(]x=(\d+)([)(])", r"[(]x=(\d+)(?:[)(])", "(x=7)", "7", id="in a class"),
        pytest.param(r"(?:a|b)=(\d)(\d)?", r"(?:a|b)=(\d)(?:\d)?", "b=12", "1", id="one that only groups"),
        pytest.param(r"(\d)(\d)\1", r"(\d)(\d)\1", "121", "1", id="refers back"),
    ],
)
def test_one_group(regex: str, expected: str, line: str, number: str) -> None:
    assert one_group(regex) == expected
    found = re.search(expected, line)
    assert found is not None
    assert found[1] == number


def test_what_is_no_expression_stays() -> None:
    assert one_group("(a)(") == "(a)("
