"""Documents: YAML 1.2 scalars, expressions, places, and what is said about text that is not YAML."""

from __future__ import annotations

import gc
import math
import time
from typing import Any

import pytest

from planform.core.configuration import SourceFile
from planform.core.errors import Diagnosed
from planform.language.documents import Expr, load_document, locate, span_in_scalar
from planform.language.text import source_line
from tests.language.helpers import told, underlined


def load(text: str) -> Any:
    return load_document(SourceFile("main.pf.yaml", text)).value


def problems(text: str) -> list[tuple[str, str, str]]:
    with pytest.raises(Diagnosed) as caught:
        load(text)
    return told(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("--- 1\n...\n", 1),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("nUll", "nUll"),
        ("a:", {"a": None}),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("no", "no"),
        ("0", 0),
        ("010", 10),
        ("-7", -7),
        ("+7", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1e-3", 0.001),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5e3", -500.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("1.2.3", "1.2.3"),
        ("-", [None]),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("{1: a, true: b, ~: c, 1.5: d}", {"1": "a", "true": "b", "~": "c", "1.5": "d"}),
        ("a: $${x}", {"a": "${x}"}),
        ("x: &k {a: 1}\ny: *k", {"x": {"a": 1}, "y": {"a": 1}}),
        ("x: &k {a: 1, b: 2}\ny: {<<: *k, b: 3}", {"x": {"a": 1, "b": 2}, "y": {"b": 3, "a": 1}}),
        (
            "p: &p {a: 1}\nq: &q {a: 2, b: 2}\ny:\n  <<: [*p, *q]",
            {"p": {"a": 1}, "q": {"a": 2, "b": 2}, "y": {"a": 1, "b": 2}},
        ),
        ("'<<': {a: 1}", {"<<": {"a": 1}}),
        ("9" * 500, "9" * 500),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_scalars_and_collections(text, value):
    assert load(text) == value
    assert type(load(text)) is type(value)


def test_not_a_number():
    assert math.isnan(load(".nan"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: ${var.x}", (1, 4)),
        ('a: "x ${var.x}"', (1, 4)),
        ("a:\n  - '${var.x}'", (2, 5)),
        ("a: >-\n  %{ if true }x%{ endif }\n", (1, 4)),
    ],
)
def test_expressions_know_their_place(text, place):
    value = load(text)["a"]
    leaf = value[0] if isinstance(value, list) else value
    assert isinstance(leaf, Expr)
    assert (leaf.line, leaf.column) == place


# text, place and underlined text, headline, a part of the rest
BROKEN = [
    ("a: [${b}]", "1 ${b}", "Quote this expression", 'Write: a: ["${b}"]'),
    ("a: {x: ${b.c}, y: 1}", "1 ${b.c}", "Quote this expression", 'Write: a: {x: "${b.c}", y: 1}'),
    ("a: ${b ? c : d}", "1 ${b ? c : d}", "Quote this expression", 'Write: a: "${b ? c : d}"'),
    ('a: ${f("x: y")}', '1 ${f("x: y")}', "Quote this expression", "Write: a: '${f(\"x: y\")}'"),
    ("a: ${var.x}: y", "1 ${var.x}: y", "Quote this expression", 'Write: a: "${var.x}: y"'),
    ("a: %{ if x }y%{ endif }", "1 %{ if x }y%{ endif }", "Quote this expression", "Write: a: "),
    ("a: [{x: ${b}}, ${c}]", "1 ${b}}, ${c}", "Quote this expression", 'Write: a: [{x: "${b}"}, "${c}"]'),
    ('a: "${x["y"]}"', '1 "${x["y"]}"', "Quotes end this string too early", "Write: a: \"${x['y']}\""),
    ("a:\n\tb: 1", "2 \t", "A tab in the indentation", "Write: b: 1"),
    ("a:b\nc: d", "1 :", "A space is missing after the colon", "Write: a: b"),
    ("a: x: y", "1 x: y", "Quote this text", 'Write: a: "x: y"'),
    ("a: @x", "1 @x", "Quote this text", 'Write: a: "@x"'),
    ('a: "x', '1 "', "Unclosed quote", 'Add "'),
    ('a: "x\nb: "y"\nc: 1', '1 "', "Unclosed quote", 'Add "'),
    ("a: 'x\nb: 'y'\n", "1 '", "Unclosed quote", "Add '"),
    ("a: [1, 2\nb: 3\n", "1 [", "Unclosed [", "Add ]"),
    ("a: {x: 1\nb: 3\n", "1 {", "Unclosed {", "Add }"),
    ("a: {x: [1, 2}\n", "1 }", "Expected , or ]", "column 8"),
    ("k:\n  - a\n  b: 1", "3 b", "Wrong indentation", "cannot be mixed"),
    ("k:\n   a: 1\n  b: 2", "3 b", "Wrong indentation", "neighbours"),
    ("a: 1\n b: 2", "2 :", "Wrong indentation", "Align"),
    ('a: "x" y', "1 y", "Text after the value", "Quote the whole value"),
    ("x: 1\ny\nz: 2", "2 y", "Neither a key nor a list item", "key: value"),
    ("resource:\n  trainer\n    x: 1", "2 trainer", "A colon is missing", "Write: trainer:"),
    ('a: "\\u12"', "1 1", "Unknown escape", "backslash"),
    ("a: \x07", "1 ", "A character that cannot stand in YAML", "U+0007"),
    ("a: {,}", "1 ,", "Expected , or }", "column 4"),
    ("a: [", "1 [", "Unclosed [", "Add ]"),
    ("%FOO\na: 1", "1 ", "This is not YAML", "unknown directive"),
    # Fine for YAML, not here
    ("a: {{ x }}", "1 {", "Not an expression", "${var.name}"),
    ("a: {[1]: x}", "1 [", "A key must be text", "Quote it"),
    ("a: 1\n---\nb: 2", "2 ---", "Only one document a file", "Remove the ---"),
    ("a: *x", "1 *x", "Unknown alias", "&x"),
    ("a: &x [*x]", "1 *x", "An anchor inside itself", "never end"),
    ("a: !foo x", "1 !foo", "YAML tags are not used here", "!foo"),
    ("${a}: 1", "1 ${a}", "An expression cannot be a key", "'${{(a) = ...}}'"),
    ('"a-${b}": 1', '1 "a-${b}"', "An expression cannot be a key", "'${{\"a-${b}\" = ...}}'"),
    ("a: {<<: 1}", "1 1", "Nothing to merge", "<<: *name"),
    ("a: 1\nb: 2\na: 3", "3 a", 'Duplicate key "a"', "[main.pf.yaml:1:1: "),
    ("x:\n  a: {b: 1, b: 2}", "2 b", 'Duplicate key "b"', "[main.pf.yaml:2:7: "),
    # Expressions that cannot be read, at their place inside the scalar
    ("a: ${1 +}", "1 }", "Invalid expression", "Expected a value"),
    ('a: "x\\ty ${1 +}"', "1 }", "Invalid expression", "Expected a value"),
    ("a: 'it''s ${1 +}'", "1 }", "Invalid expression", "Expected a value"),
    ("a: |\n  foo\n  ${bar +}\n", "3 }", "Invalid expression", "Expected a value"),
    ("a: ${f(x #y)}", "1 (", "Unclosed arguments of f", "Quote this expression"),
]


@pytest.mark.parametrize(("text", "place", "summary", "rest"), BROKEN, ids=[repr(case[0]) for case in BROKEN])
def test_one_plain_message_for_broken_text(text, place, summary, rest):
    ((where, headline, said),) = problems(text)
    assert where == f"main.pf.yaml:{place}"
    assert headline == summary
    assert rest in said


def test_all_problems_of_a_document_at_once():
    assert [summary for _, summary, _ in problems("a: 1\na: 2\nb: ${1 +}\nc: *x")] == [
        'Duplicate key "a"',
        "Invalid expression",
        "Unknown alias",
    ]


def test_aliases_may_not_explode():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    ((_, summary, _),) = problems("\n".join(lines))
    assert summary == "Too many values"


@pytest.mark.parametrize("text", ["[" * 100_000, "".join(f"{' ' * i}a:\n" for i in range(400))], ids=["flow", "block"])
def test_deep_nesting_ends_early(text):
    started = time.process_time()
    ((_, summary, _),) = problems(text)
    assert summary == "Nested too deeply"
    assert time.process_time() - started < 1


TEXT = """\
resource:
  trainer:
    digits: {tags: {team: a}, count: 2}
    plain: &base
      queue: "main"
      list:
        - one
        - {x: 1}
    other:
      <<: *base
      more: |
        text
"""


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        pytest.param(("resource", "trainer", "digits", "tags", "team"), False, "3 a", id="scalar"),
        pytest.param(("resource", "trainer", "digits", "tags", "team"), True, "3 team", id="its key"),
        pytest.param(("resource", "trainer", "digits", "tags"), False, "3 {team: a}", id="mapping in braces"),
        pytest.param(("resource", "trainer", "plain", "list"), False, "6 list", id="block: its key"),
        pytest.param(("resource", "trainer", "plain", "list", 0), False, "7 one", id="item"),
        pytest.param(("resource", "trainer", "plain", "list", 1, "x"), False, "8 1", id="inside an item"),
        pytest.param(("resource", "trainer", "other", "queue"), False, '5 "main"', id="merged: where it is written"),
        pytest.param(("resource", "trainer", "digits", "nope", "deep"), False, "3 digits", id="absent: what holds it"),
        pytest.param(("resource", "trainer", "plain", "list", 7), False, "6 list", id="absent item"),
        pytest.param(("resource", "trainer", "other", "more"), False, "11 |", id="block text"),
        pytest.param((), False, "1 resource:", id="the document"),
    ],
)
def test_locate(path, key, place):
    source = SourceFile("f", TEXT)
    span = locate(source, path, key=key)
    assert f"{span.line} {source_line(source, span.line)[span.column - 1 : span.end_column - 1]}" == place


@pytest.mark.parametrize(
    ("text", "value_offset", "found"),
    [
        ("a: xyz", 2, "1:6"),
        ("a: &k xyz", 1, "1:8"),
        ('a: "x\\u00e9z"', 2, "1:12"),
        ('a: "x\n  yz"', 3, "2:4"),
        ("a: 'x''y'", 2, "1:8"),
        ("a: x\n   y z", 4, "2:6"),
        ("a: |\n  x\n\n  yz\n", 4, "4:4"),
        ("a: >\n    x\n    yz\n", 3, "3:6"),
        ('a: "x\\\n   y"', 1, "2:4"),
    ],
)
def test_places_inside_scalars(text, value_offset, found):
    span = span_in_scalar(SourceFile("f", text), 1, 4, value_offset)
    assert f"{span.line}:{span.column}" == found


def test_large_documents_are_fast_and_collection_comes_back():
    text = "resource:\n  planform_data:\n" + "".join(
        f"    r{i}:\n      input: {{name: job-{i}, value: value-{i}, tags: {{team: t1, env: prod}}}}\n"
        for i in range(10_000)
    )
    started = time.process_time()
    assert len(load(text)["resource"]["planform_data"]) == 10_000
    assert time.process_time() - started < 2
    assert gc.isenabled()


def test_underlining_stays_on_the_line():
    with pytest.raises(Diagnosed) as caught:
        load("a: |\n  ${f(\n  1\n")
    (found,) = caught.value.problems
    assert underlined(found)
