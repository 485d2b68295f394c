"""Values: equality, order, marks, and their JSON form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planform.core.values import (
    UNKNOWN,
    Sealed,
    Sensitive,
    Set,
    Unknown,
    Value,
    decode,
    encode,
    first_unknown,
    has_sensitive,
    is_wholly_known,
    leaves,
    reveal,
    same,
    sort_key,
    type_name,
)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
marks = st.builds(Sealed, st.text()) | st.builds(Unknown, st.text())
names = st.text() | st.sampled_from(["$unknown", "$sealed", "$set", "$object", "$"])
values = st.recursive(
    scalars | marks,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(Set, st.lists(inner, max_size=3))
        | st.dictionaries(names, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values)
def test_a_value_survives_its_json_form(value: Value) -> None:
    assert same(decode(json.loads(json.dumps(encode(value)))), value)


@given(values)
def test_a_value_is_the_same_as_itself(value: Value) -> None:
    assert same(value, decode(encode(value)))
    assert not same([value], value)


@given(values, values)
def test_sameness_is_that_of_the_json_form_but_for_numbers(left: Value, right: Value) -> None:
    assert same(left, right) == same(right, left)
    if json.dumps(encode(left), sort_keys=True) == json.dumps(encode(right), sort_keys=True):
        assert same(left, right)


@given(st.lists(scalars))
def test_a_set_has_one_order(items: list[Value]) -> None:
    assert same(Set(items), Set(reversed(items)))
    assert len(Set([*items, *items])) == len(Set(items))
    assert sorted(Set(items), key=sort_key) == list(Set(items))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        pytest.param(1, 1.0, True, id="an integer and a float"),
        pytest.param(1, True, False, id="one is not true"),
        pytest.param(0, False, False, id="zero is not false"),
        pytest.param([1], [True], False, id="nor inside a list"),
        pytest.param({"a": 0}, {"a": False}, False, id="nor inside an object"),
        pytest.param("1", 1, False, id="a string and a number"),
        pytest.param(None, "", False, id="null and an empty string"),
        pytest.param(None, False, False, id="null and false"),
        pytest.param([1, 2], [2, 1], False, id="lists have an order"),
        pytest.param([1, 2], [1, 2, 3], False, id="a longer list"),
        pytest.param(Set([1, 2]), Set([2, 1]), True, id="sets have none"),
        pytest.param(Set([1]), [1], False, id="a set is not a list"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, True, id="objects have none"),
        pytest.param({"a": None}, {}, False, id="null is not absent"),
        pytest.param({"a": 1}, {"b": 1}, False, id="other keys"),
        pytest.param({}, [], False, id="an object is not a list"),
        pytest.param(Unknown("a"), Unknown("b"), True, id="unknowns"),
        pytest.param(Unknown("a"), None, False, id="unknown and null"),
        pytest.param(Sensitive(1), Sensitive(1.0), True, id="sensitive by value"),
        pytest.param(Sensitive(1), 1, False, id="the mark counts"),
        pytest.param(Sealed("a"), Sealed("a"), True, id="sealed by digest"),
        pytest.param(Sealed("a"), Sealed("b"), False, id="another digest"),
    ],
)
def test_same(left: Value, right: Value, expected: bool) -> None:
    assert same(left, right) is expected
    assert same(right, left) is expected


@pytest.mark.parametrize(
    ("value", "form"),
    [
        pytest.param({"a": [1, None, "x"]}, {"a": [1, None, "x"]}, id="plain"),
        pytest.param(Unknown("q.arn"), {"$unknown": "q.arn"}, id="unknown"),
        pytest.param(Sensitive(Unknown("q.arn")), {"$unknown": "q.arn"}, id="sensitive and unknown"),
        pytest.param(Sealed("ab"), {"$sealed": "ab"}, id="sealed"),
        pytest.param(Set([2, 1]), {"$set": [1, 2]}, id="set"),
        pytest.param({"$set": [1]}, {"$object": {"$set": [1]}}, id="a user's own, that looks like a mark"),
        pytest.param({"$ref": "x"}, {"$object": {"$ref": "x"}}, id="a user's own, of any such key"),
        pytest.param({"$ref": 1, "b": 2}, {"$ref": 1, "b": 2}, id="two keys are no mark"),
    ],
)
def test_encode(value: Value, form: object) -> None:
    assert encode(value) == form


@pytest.mark.parametrize("value", [Sensitive("x"), {"a": [Sensitive("x")]}, [Sensitive(None)]])
def test_a_secret_has_no_json_form(value: Value) -> None:
    with pytest.raises(ValueError, match="cannot be written in clear"):
        encode(value)


@pytest.mark.parametrize(
    ("value", "known", "sensitive", "revealed", "kind"),
    [
        pytest.param("x", True, False, "x", "string", id="string"),
        pytest.param(1.5, True, False, 1.5, "number", id="number"),
        pytest.param(None, True, False, None, "null", id="null"),
        pytest.param(UNKNOWN, False, False, UNKNOWN, "unknown value", id="unknown"),
        pytest.param(Sensitive("x"), True, True, "x", "string", id="sensitive"),
        pytest.param(Sensitive(UNKNOWN), False, True, UNKNOWN, "unknown value", id="sensitive and unknown"),
        pytest.param(Sealed("a"), True, True, Sealed("a"), "sealed value", id="sealed"),
        pytest.param([1, {"a": UNKNOWN}], False, False, [1, {"a": UNKNOWN}], "list", id="unknown inside"),
        pytest.param({"a": [Sensitive({"b": 1})]}, True, True, {"a": [{"b": 1}]}, "object", id="sensitive inside"),
        pytest.param(Set([True]), True, False, Set([True]), "set", id="set"),
    ],
)
def test_marks_are_found_and_taken_off(value: Value, known: bool, sensitive: bool, revealed: Value, kind: str) -> None:
    assert is_wholly_known(value) is known
    assert has_sensitive(value) is sensitive
    assert same(reveal(value), revealed)
    assert type_name(value) == kind
    assert (first_unknown(value) is None) is known


def test_leaves_are_found_through_marks() -> None:
    assert list(leaves({"a": [1, Sensitive([2, UNKNOWN])], "b": Set(["x"]), "c": {}})) == [1, 2, UNKNOWN, "x"]


def test_secrets_do_not_nest_and_do_not_show() -> None:
    twice = Sensitive(Sensitive("s3cret"))
    assert twice.value == "s3cret"
    assert "s3cret" not in repr(twice)


def test_an_unknown_decides_nothing() -> None:
    with pytest.raises(TypeError, match="no truth"):
        bool(UNKNOWN)
