"""Expressions: values, unknown and sensitive ones, references, and the text of YAML strings."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from planform.core.values import Sensitive, Set, Unknown, Value
from planform.language.expressions import Expression, ExpressionError, Scope, compile_expression, compile_string

Make = Callable[..., Scope]
QUEUE = Unknown("job_queue.main.arn")
SECRET = Sensitive("s3cr3t")
VAR = {"env": "qa", "size": 3, "list": [1, 2], "map": {"b": 1, "a": 2}, "null": None, "queue": QUEUE, "secret": SECRET}


def plain(value: Value) -> Any:
    """A value in a form that equality tells apart: unknowns by origin, marks, sets, and True from 1."""
    match value:
        case Unknown(origin=origin):
            return ("unknown", origin)
        case Sensitive(value=inner):
            return ("sensitive", plain(inner))
        case Set():
            return ("set", [plain(item) for item in value])
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return (type(value).__name__, value)


VALUES: list[tuple[str, Value]] = [
    # The text of YAML strings (S1.2)
    ("${var.size}", 3),
    ("${ var.size }", 3),
    ("${var.list}", [1, 2]),
    ("${var.map['a']}", 2),
    ('${var.map["a"]}', 2),
    ("${var.list[1]}", 2),
    ("${true}", True),
    ("${null}", None),
    (" ${var.size}", " 3"),
    ("${var.size}${var.size}", "33"),
    ("${1.0}-${true}-${0.0000001}", "1-true-0.0000001"),
    ("%{if var.size > 2}big%{else}small%{endif}", "big"),
    ("%{for x in var.list}<${x}>%{endfor}", "<1><2>"),
    # Two kinds of quotes
    ("${'a' == \"a\"}", True),
    ("${'it''s ${var.env}'}", "it's qa"),
    (r"${'\d'}", r"\d"),
    (r'${"\\d"}', r"\d"),
    # Numbers are decimal, and whole where they are whole
    ("${10 / 5}", 2),
    ("${1.1 - 1.0}", 0.1),
    ("${0.1 + 0.2}", 0.3),
    ("${1 / 3 * 3}", 1),
    ("${'5' * 2}", 10),
    # Only the chosen branch is looked at
    ("${var.size > 2 ? 'yes' : var.nope}", "yes"),
    ("${false && var.nope}", False),
    ("${true || var.nope}", True),
    ("${try(var.nope, var.map.zz, 'last')}", "last"),
    ("${can(var.nope)}", False),
    # Objects go by the order of their keys
    ("${[for k, v in var.map : '${k}${v}']}", ["a2", "b1"]),
    ("${{for k, v in var.map : v => k...}}", {"1": ["b"], "2": ["a"]}),
    ("${{\n  a = 1\n  b : 2, 'c' = 3\n}}", {"a": 1, "b": 2, "c": 3}),
    ("${toset(['b', 'a', 'b'])}", Set(["a", "b"])),
    ('${yamldecode("a: &x {b: 1, c: 2}\\nd: {<<: *x, c: 3}").d}', {"b": 1, "c": 3}),
    # Unknown
    ("${var.queue}", QUEUE),
    ("${var.queue.x[0]}", QUEUE),
    ("q-${var.queue}", QUEUE),
    ("${var.queue + 1}", QUEUE),
    ("${var.queue == 1}", QUEUE),
    ("${var.queue == null}", QUEUE),
    ("${!var.queue}", QUEUE),
    ("${var.queue ? 1 : 2}", QUEUE),
    ("${false && var.queue}", False),
    ("${var.queue && false}", False),
    ("${true && var.queue}", QUEUE),
    ("${var.queue || true}", True),
    ("${[1, var.queue] == [2, var.queue]}", False),
    ("${[1, var.queue] == [1, var.queue]}", QUEUE),
    ("${[var.queue]}", [QUEUE]),
    ("${{a = var.queue}.a}", QUEUE),
    ("${{(var.queue) = 1}}", QUEUE),
    ("${[for x in [var.queue, 1] : x]}", [QUEUE, 1]),
    ("${[for x in [1] : x if var.queue]}", QUEUE),
    ("${{for x in [var.queue] : x => 1}}", QUEUE),
    ("${var.list[var.queue]}", QUEUE),
    ("${var.queue[*].x}", QUEUE),
    ("${upper(var.queue)}", QUEUE),
    ("${jsonencode({a = [var.queue]})}", QUEUE),
    ("${length([var.queue, 1])}", 2),
    ("${keys({a = var.queue})}", ["a"]),
    ("${values({a = var.queue})}", [QUEUE]),
    ("${merge({a = var.queue}, {b = 1})}", {"a": QUEUE, "b": 1}),
    ("${concat([var.queue], [1])}", [QUEUE, 1]),
    ("${lookup({a = 1}, 'a', var.queue)}", 1),
    ("${element([var.queue, 1], 1)}", 1),
    ("${coalesce('x', var.queue)}", "x"),
    ("${coalesce(null, var.queue)}", QUEUE),
    ("${contains([var.queue, 1], 1)}", True),
    ("${contains([var.queue, 1], 2)}", QUEUE),
    ("${alltrue([false, var.queue])}", False),
    ("${anytrue([true, var.queue])}", True),
    ("${anytrue([false, var.queue])}", QUEUE),
    ("${toset([var.queue])}", QUEUE),
    ("${tolist([var.queue, 1])}", [QUEUE, 1]),
    ("${max([var.queue]...)}", QUEUE),
    ("${max(var.queue...)}", QUEUE),
    ("${can(regex('x', var.queue))}", QUEUE),
    ("${try(tonumber(var.queue), 0)}", QUEUE),
    ("${timestamp()}", Unknown("timestamp()")),
    ("${uuid()}", Unknown("uuid()")),
    ("${plantimestamp()}", "2026-01-02T03:04:05Z"),
    # Sensitive
    ("${var.secret}", SECRET),
    ("x-${var.secret}", Sensitive("x-s3cr3t")),
    ("${var.secret == 's3cr3t'}", Sensitive(True)),
    ("${var.secret != 1}", Sensitive(True)),
    ("${sensitive(2) * 3}", Sensitive(6)),
    ("${!sensitive(true)}", Sensitive(False)),
    ("${sensitive(true) && true}", Sensitive(True)),
    ("${sensitive(true) ? 1 : 2}", Sensitive(1)),
    ("${true ? var.secret : 2}", SECRET),
    ("${false ? var.secret : 2}", 2),
    ("${[var.secret]}", [SECRET]),
    ("${{a = var.secret}.a}", SECRET),
    ("${{(var.secret) = 1}}", Sensitive({"s3cr3t": 1})),
    ("${sensitive({a = 1}).a}", Sensitive(1)),
    ("${sensitive([1, 2])[0]}", Sensitive(1)),
    ("${var.list[sensitive(0)]}", Sensitive(1)),
    ("${[for x in sensitive([1]) : x]}", Sensitive([1])),
    ("${[for x in [1] : x if sensitive(true)]}", Sensitive([1])),
    ("${{for x in ['a'] : sensitive(x) => 1}}", Sensitive({"a": 1})),
    ("${sensitive([{a = 1}])[*].a}", Sensitive([1])),
    ("${upper(var.secret)}", Sensitive("S3CR3T")),
    ("${join(',', [var.secret])}", SECRET),
    ("${length([var.secret])}", 1),
    ("${length(var.secret)}", Sensitive(6)),
    ("${merge({a = var.secret}, {b = 1})}", {"a": SECRET, "b": 1}),
    ("${concat([var.secret], [1])}", [SECRET, 1]),
    ("${lookup({a = var.secret, b = 2}, 'b')}", 2),
    ("${contains([sensitive(1), 2], 2)}", Sensitive(True)),
    ("${coalesce(sensitive(''), 'x')}", Sensitive("x")),
    ("${toset([sensitive(1)])}", Sensitive(Set([1]))),
    ("${tolist([sensitive(1), 'a'])}", [Sensitive("1"), "a"]),
    ("${try(var.secret, 1)}", SECRET),
    ("${can(var.secret)}", True),
    ("${issensitive(var.secret)}", True),
    ("${issensitive([var.secret])}", False),
    ("${nonsensitive(var.secret)}", "s3cr3t"),
    ("${sensitive([var.secret])}", Sensitive(["s3cr3t"])),
    ("${sensitive(var.queue)}", Sensitive(QUEUE)),
    ("${var.secret}${var.queue}", Sensitive(QUEUE)),
    ("${var.secret == var.queue}", Sensitive(QUEUE)),
]


@pytest.mark.parametrize(("text", "expected"), VALUES, ids=[text for text, _ in VALUES])
def test_value(text: str, expected: Value, scope: Make) -> None:
    compiled = compile_string(text)
    assert isinstance(compiled, Expression)
    assert plain(compiled.evaluate(scope(var=VAR))) == plain(expected)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("plain", "plain"),
        ("$5 and 5% {x}", "$5 and 5% {x}"),
        ("$${var.x}", "${var.x}"),
        ("%%{if x}", "%{if x}"),
        ("a $${b} c", "a ${b} c"),
        ("", ""),
    ],
)
def test_text_without_expressions_stays_text(text: str, literal: str) -> None:
    assert compile_string(text) == literal


@pytest.mark.parametrize(
    ("text", "whole"), [("${var.a}", True), ("${1 + 1}", True), ("x${var.a}", False), ("${var.a}\n", False)]
)
def test_whole(text: str, whole: bool) -> None:
    compiled = compile_string(text)
    assert isinstance(compiled, Expression)
    assert compiled.whole is whole


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("${job_queue.main.arn}", [("job_queue", "main", "arn")]),
        ('${trainer.digits["fast"].model_artifacts}', [("trainer", "digits", "fast", "model_artifacts")]),
        ("${trainer.digits['fast'].x[0]}", [("trainer", "digits", "fast", "x", 0)]),
        ("${trainer.t[each.key].metrics}", [("trainer", "t", None, "metrics"), ("each", "key")]),
        ("${trainer.t[*].metrics}", [("trainer", "t", None, "metrics")]),
        ("${trainer.t.*.metrics}", [("trainer", "t", None, "metrics")]),
        ("a-${var.x}-${local.y.z}", [("var", "x"), ("local", "y", "z")]),
        ("${[for x in var.list : x.name if local.on]}", [("var", "list"), ("local", "on")]),
        ("${{for k, v in var.m : k => v[local.i]}}", [("var", "m"), ("local", "i")]),
        ("%{for x in var.list}${x}${var.y}%{endfor}", [("var", "list"), ("var", "y")]),
        ("${[for var in [1] : var]}", []),
        ("${'${var.a}' == (var.b).c}", [("var", "a"), ("var", "b", "c")]),
        ("${upper(var.a)}", [("var", "a")]),
        ("${module.m.out}", [("module", "m", "out")]),
        ("${true}", []),
        ("${{a = b.c}}", [("b", "c")]),
        ("${{(a.b) = 1}}", [("a", "b")]),
    ],
)
def test_references(text: str, parts: list[tuple[str | int | None, ...]]) -> None:
    compiled = compile_string(text)
    assert isinstance(compiled, Expression)
    assert [reference.parts for reference in compiled.references] == parts


def test_a_reference_knows_its_place() -> None:
    text = "a-${upper(var.x)}-${ local.y['k'] }"
    compiled = compile_string(text)
    assert isinstance(compiled, Expression)
    places = [text[item.offset : item.offset + item.length] for item in compiled.references]
    assert places == ["var.x", "local.y['k']"]


def test_a_namespace_computes_only_what_is_asked_for(scope: Make, lazy: Any) -> None:
    var = lazy(a=1, b=2)
    assert compile_expression("var.a + 1").evaluate(scope(var=var)) == 2
    assert var.asked == ["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("local", {"a": {"x": 1}, "b": 2}),
        ("local.a", {"x": 1}),
        ("local['a'].x", 1),
        ("local.a[var.key]", 1),
        ("[local.a]", [{"x": 1}]),
        ("keys(local)", ["a", "b"]),
        ("[for k, v in local : k]", ["a", "b"]),
        ("{for k in ['a'] : k => local[k].x}", {"a": 1}),
        ("length(local.a)", 1),
        ("local.a == {x = 1}", True),
        ("true ? local.a : null", {"x": 1}),
    ],
)
def test_a_namespace_becomes_an_object_where_a_value_is_wanted(
    text: str, expected: Value, scope: Make, lazy: Any
) -> None:
    local = lazy(b=2, a=lazy(x=1))
    assert compile_expression(text).evaluate(scope(local=local, var={"key": "x"})) == expected


@pytest.mark.parametrize(
    "text",
    [
        "(" * 2000 + "1" + ")" * 2000,
        "[" * 2000,
        "!" * 2000 + "true",
        "1" + "+1" * 2000,
        '"${' * 500,
        "true ? 1 : " * 500 + "2",
        "{a=" * 500,
        "upper(" * 500,
    ],
    ids=["parentheses", "brackets", "signs", "sum", "templates", "conditionals", "objects", "calls"],
)
def test_deep_nesting_is_a_clear_error(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"Expression is (nested too deeply|too long)"):
        compile_expression(text)


def test_a_bare_reference_is_fast(scope: Make) -> None:
    expression = compile_string("${each.value}")
    assert isinstance(expression, Expression)
    here = scope(each={"key": "a", "value": 1})
    start = time.process_time()
    for _ in range(100_000):
        expression.evaluate(here)
    assert time.process_time() - start < 0.3
