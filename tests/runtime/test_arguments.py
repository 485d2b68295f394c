"""Hyperparameters on their way: as text, decoded, as arguments."""

import pytest

from planform.core.hyperparameters import decode as planned_decode
from planform.core.hyperparameters import wire_text
from planform.runtime.arguments import arguments, decode


@pytest.mark.parametrize(
    ("value", "wire", "argument", "decoded"),
    [
        pytest.param(1, "1", "1", 1, id="number"),
        pytest.param(5e-5, "5e-05", "5e-05", 5e-5, id="small number"),
        pytest.param(True, "true", "true", True, id="bool"),
        pytest.param(None, "null", "null", None, id="null"),
        pytest.param("Hello World", "Hello World", "Hello World", "Hello World", id="text"),
        pytest.param("it's", "it's", "it's", "it's", id="quote"),
        pytest.param("", "", "", "", id="empty"),
        pytest.param([1, 2], "[1, 2]", "[1, 2]", [1, 2], id="list"),
        pytest.param(
            {"a": {"b": False}}, '{"a": {"b": false}}', '{"a": {"b": false}}', {"a": {"b": False}}, id="object"
        ),
        pytest.param("007", "007", "007", "007", id="leading zeros"),
        pytest.param("True", "True", "True", "True", id="Python's True"),
        pytest.param("1.0", "1.0", "1.0", 1.0, id="text of a number"),
        pytest.param("true", "true", "true", True, id="text of a bool"),
        pytest.param("NaN", "NaN", "NaN", "NaN", id="NaN stays text"),
        pytest.param("1e999", "1e999", "1e999", "1e999", id="infinity stays text"),
        pytest.param("[" * 100_000, "[" * 100_000, "[" * 100_000, "[" * 100_000, id="bottomless"),
        pytest.param("ä", "ä", "ä", "ä", id="beyond ASCII"),
    ],
)
def test_a_hyperparameter_travels(value, wire, argument, decoded):
    assert wire_text(value) == wire
    assert arguments({"name": decode(wire)}) == ["--name", argument]
    for told in (decode(wire), planned_decode(value)):
        assert told == decoded
        assert type(told) is type(decoded)


def test_two_arguments_each_in_order():
    assert arguments({"b": 1, "a-b": "x y"}) == ["--b", "1", "--a-b", "x y"]
