"""Values are made to fit types as Terraform does it, and every misfit is said."""

import re

import pytest

from planform.core.schemas import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    Attribute,
    Collection,
    Enum,
    Field,
    Misfit,
    Nested,
    ObjectType,
    OneOf,
    Schema,
    TupleType,
    Type,
    attributes,
    convert,
    convert_body,
    describe,
    list_of,
    map_of,
    number_text,
    parse_number,
    set_of,
    walk_attributes,
)
from planform.core.values import UNKNOWN, Sensitive, Set, Value, same

PERSON = ObjectType(
    {
        "name": Field(STRING),
        "age": Field(NUMBER, optional=True, default=18),
        "tags": Field(list_of(STRING), optional=True),
    }
)
POINT = Nested(attributes(x=Attribute(NUMBER, required=True), y=Attribute(NUMBER, default=0)))
SOURCE = OneOf((STRING, POINT), "a path or a point")


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        pytest.param("5", NUMBER, 5, id="string to number"),
        pytest.param("-5", NUMBER, -5, id="negative"),
        pytest.param("0.5", NUMBER, 0.5, id="string to float"),
        pytest.param("1e-3", NUMBER, 0.001, id="exponent"),
        pytest.param(5, STRING, "5", id="number to string"),
        pytest.param(5.0, STRING, "5", id="no trailing zero"),
        pytest.param(0.1, STRING, "0.1", id="float to string"),
        pytest.param(True, STRING, "true", id="bool to string"),
        pytest.param("false", BOOL, False, id="string to bool"),
        pytest.param({"a": 1}, ANY, {"a": 1}, id="any"),
        pytest.param(None, NUMBER, None, id="null fits all"),
        pytest.param(UNKNOWN, NUMBER, UNKNOWN, id="unknown fits all"),
        pytest.param(Sensitive("5"), NUMBER, Sensitive(5), id="sensitive stays so"),
        pytest.param(["1", 2], list_of(NUMBER), [1, 2], id="list"),
        pytest.param([2, 1, "1"], set_of(NUMBER), Set([1, 2]), id="list to set"),
        pytest.param(Set([2, 1]), list_of(STRING), ["1", "2"], id="set to list"),
        pytest.param([UNKNOWN, 1], set_of(NUMBER), [UNKNOWN, 1], id="a set with unknowns is not yet one"),
        pytest.param({"a": 1}, map_of(STRING), {"a": "1"}, id="map"),
        pytest.param(["1", 2], TupleType((NUMBER, STRING)), [1, "2"], id="tuple"),
        pytest.param("a", Enum(("a", "b")), "a", id="enum"),
        pytest.param(
            {"name": 1, "x": 2},
            PERSON,
            {"name": "1", "age": 18, "tags": None},
            id="object: defaults, and others dropped",
        ),
        pytest.param(
            {"name": None, "age": "3"}, PERSON, {"name": None, "age": 3, "tags": None}, id="object: null is given"
        ),
        pytest.param({"x": "1"}, POINT, {"x": 1, "y": 0}, id="nested"),
        pytest.param("a/b", SOURCE, "a/b", id="one of: the first"),
        pytest.param({"x": 1}, SOURCE, {"x": 1, "y": 0}, id="one of: the second"),
    ],
)
def test_what_fits_is_converted(value: Value, wanted: Type, expected: Value) -> None:
    misfits: list[Misfit] = []
    assert same(convert(value, wanted, (), misfits), expected)
    assert misfits == []


@pytest.mark.parametrize(
    ("value", "wanted", "path", "message"),
    [
        pytest.param("x", NUMBER, (), 'a number is required, not "x"', id="no number"),
        pytest.param("", NUMBER, (), 'a number is required, not ""', id="empty string"),
        pytest.param("-", NUMBER, (), "a number is required", id="a lone minus"),
        pytest.param("--5", NUMBER, (), "a number is required", id="two minuses"),
        pytest.param(True, NUMBER, (), "a number is required, not true", id="a bool is no number"),
        pytest.param(1, BOOL, (), "a bool is required, not 1", id="a number is no bool"),
        pytest.param("yes", BOOL, (), 'a bool is required, not "yes"', id="yes is no bool"),
        pytest.param([], STRING, (), "a string is required, not list with 0 elements", id="list for a string"),
        pytest.param(
            {"a": 1},
            list_of(STRING),
            (),
            r"a list\(string\) is required, not object with 1 attribute\.",
            id="object for a list",
        ),
        pytest.param([1, "x"], list_of(NUMBER), (1,), 'a number is required, not "x"', id="element"),
        pytest.param({"k": []}, map_of(NUMBER), ("k",), "a number is required", id="value of a map"),
        pytest.param([1], TupleType((NUMBER, NUMBER)), (), "a tuple", id="too few"),
        pytest.param("c", Enum(("aa", "ab")), (), '"c" is not one of aa, ab', id="enum"),
        pytest.param([], Enum(("a",)), (), "is not one of a", id="a list for an enum"),
        pytest.param({}, PERSON, (), 'attribute "name" is required', id="required"),
        pytest.param({"y": 1}, POINT, (), '"x" is required here', id="nested required"),
        pytest.param({"x": 1, "xx": 1}, POINT, ("xx",), '"xx" is not expected here', id="nested unknown"),
        pytest.param(
            {"x": "a"}, SOURCE, ("x",), 'a number is required, not "a"', id="one of: an object means the object form"
        ),
        pytest.param([1], SOURCE, (), "a path or a point is required, not list with 1 element", id="one of: neither"),
        pytest.param(Sensitive("s3cret"), NUMBER, (), "a number is required, not .sensitive value", id="a secret"),
        pytest.param(
            Sensitive({"k": "s3cret"}), map_of(NUMBER), (), r"a map\(number\) is required", id="inside a secret"
        ),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(
    value: Value, wanted: Type, path: tuple[str | int, ...], message: str
) -> None:
    misfits: list[Misfit] = []
    convert(value, wanted, ("at",), misfits)
    assert [misfit.path for misfit in misfits] == [("at", *path)]
    assert re.search(message, misfits[0].summary)
    assert "s3cret" not in misfits[0].summary


BODY = attributes(
    name=Attribute(STRING, required=True, pattern="[a-z]+", pattern_hint="small letters"),
    size=Attribute(NUMBER, default=1, minimum=1, maximum=10),
    note=Attribute(STRING),
    arn=Attribute(STRING, computed=True),
    role=Attribute(STRING, optional_computed=True),
    points=Attribute(Collection("list", POINT)),
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"name": "a"}, {"name": "a", "size": 1}, id="defaults are filled in, the rest left out"),
        pytest.param({"name": "a", "size": None, "note": None}, {"name": "a", "size": 1}, id="null is not set"),
        pytest.param(
            {"name": "a", "size": "10", "role": "r"}, {"name": "a", "size": 10, "role": "r"}, id="all that may be set"
        ),
        pytest.param({"name": UNKNOWN, "size": UNKNOWN}, {"name": UNKNOWN, "size": UNKNOWN}, id="unknown is set"),
    ],
)
def test_a_body_that_fits(body: dict[str, Value], expected: dict[str, Value]) -> None:
    misfits: list[Misfit] = []
    assert same(convert_body(body, BODY, (), misfits), expected)
    assert misfits == []


def test_all_misfits_of_a_body_are_said_at_once() -> None:
    misfits: list[Misfit] = []
    body = {"nmae": "a", "size": 11, "arn": "x", "points": [{"x": 1}, {"x": "b", "z": 0}]}
    convert_body(body, BODY, (), misfits)
    assert {misfit.path: misfit.summary for misfit in misfits} == {
        ("nmae",): '"nmae" is not expected here.',
        ("size",): "11 is too large: at most 10.",
        ("arn",): '"arn" is set by planform, not by configuration.',
        ("points", 1, "x"): 'a number is required, not "b".',
        ("points", 1, "z"): '"z" is not expected here.',
        (): '"name" is required here.',
    }
    assert misfits[0].suggestion == 'Did you mean "name"?'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({"name": "a", "size": 0}, "0 is too small: at least 1.", id="minimum"),
        pytest.param(
            {"name": "a", "size": Sensitive(0)}, "(sensitive value) is too small: at least 1.", id="of a secret"
        ),
        pytest.param({"name": "A"}, '"A" is not allowed: small letters.', id="pattern"),
        pytest.param({"name": Sensitive("A")}, "(sensitive value) is not allowed: small", id="pattern of a secret"),
        pytest.param({"name": None}, '"name" is required here.', id="null is not given"),
    ],
)
def test_bounds(body: dict[str, Value], message: str) -> None:
    misfits: list[Misfit] = []
    convert_body(body, BODY, (), misfits)
    assert [misfit.summary.startswith(message) for misfit in misfits] == [True]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (-2.0, "-2"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e20, "100000000000000000000"),
        (10.0, "10"),
    ],
)
def test_numbers_as_text(number: float, text: str) -> None:
    assert number_text(number) == text
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "-", "x", "1x", "inf", "nan", "-inf", "0x10", "1 2", "e5", "²"])
def test_what_is_no_number(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ("x" * 70, '"' + "x" * 57 + '..."'),
        (True, "true"),
        (None, "null"),
        (1.5, "1.5"),
        ([1], "list with 1 element"),
        (Set([1, 2]), "set with 2 elements"),
        ({}, "object with 0 attributes"),
        (Sensitive("s"), "(sensitive value)"),
        (UNKNOWN, "unknown value"),
    ],
)
def test_describe(value: Value, text: str) -> None:
    assert describe(value) == text


def test_every_attribute_is_walked() -> None:
    assert [path for path, _ in walk_attributes(BODY)] == [
        "name",
        "size",
        "note",
        "arn",
        "role",
        "points",
        "points.x",
        "points.y",
    ]
    assert set(Schema("thing", "", BODY).computed()) == {"arn", "role"}
