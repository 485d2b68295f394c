"""Type constraints of variables."""

from __future__ import annotations

import pytest

from planform.core.schemas import ANY, BOOL, NUMBER, STRING, Collection, Field, ObjectType, TupleType, Type
from planform.language.expressions import ExpressionError
from planform.language.type_constraints import parse_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("string", STRING),
        (" number ", NUMBER),
        ("bool", BOOL),
        ("any", ANY),
        ("list(string)", Collection("list", STRING)),
        ("set(number)", Collection("set", NUMBER)),
        ("map(list(any))", Collection("map", Collection("list", ANY))),
        ("tuple([string, number])", TupleType((STRING, NUMBER))),
        ("tuple([])", TupleType(())),
        ("object({})", ObjectType({})),
        ("object({a = string, b = bool})", ObjectType({"a": Field(STRING), "b": Field(BOOL)})),
        ("object({\n  a = string\n  b : number\n})", ObjectType({"a": Field(STRING), "b": Field(NUMBER)})),
        ("object({a = optional(string)})", ObjectType({"a": Field(STRING, optional=True)})),
        ("object({a = optional(number, -3)})", ObjectType({"a": Field(NUMBER, True, -3)})),
        ("object({a = optional(number, '5')})", ObjectType({"a": Field(NUMBER, True, 5)})),
        (
            "object({a = optional(list(object({b = string})), [{b = 'x'}])})",
            ObjectType({"a": Field(Collection("list", ObjectType({"b": Field(STRING)})), True, [{"b": "x"}])}),
        ),
    ],
)
def test_type(text: str, expected: Type) -> None:
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    ("text", "underlined", "says"),
    [
        ("strin", "strin", 'Did you mean "string"?'),
        ("list(sting)", "sting", 'Did you mean "string"?'),
        ("lst(string)", "lst(string)", 'Did you mean "list"?'),
        ("list", "list", "Write list(string)."),
        ("object", "object", "Write object({name = string"),
        ("list(string, number)", "list(string, number)", "does not take these arguments"),
        ("'string'", "'string'", "Take away the quotes."),
        ("5", "5", "This is not a type."),
        ("optional(string)", "optional(string)", "stands only for an attribute"),
        ("object({a = optional()})", "optional()", "takes a type"),
        ("object({a = optional(number, 'x')})", "'x'", "a number is required"),
        ("object({a = optional(number, var.x)})", "var.x", "plain value"),
        ("object({a = optional(string, upper('x'))})", "upper('x')", "plain value"),
        ("object({a})", "}", 'Expected "=" or ":"'),
        ("list(string", "(", 'There is no ")"'),
    ],
)
def test_error(text: str, underlined: str, says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_type(text)
    error = caught.value
    assert text[error.offset : error.offset + error.length] == underlined
    assert says in f"{error.detail} {error.suggestion}"
