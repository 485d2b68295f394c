"""Problems as text and as validate's JSON."""

from __future__ import annotations

import pytest

from planform.core.errors import Diagnostic, Span
from planform.render.diagnostics import diagnostic_text, diagnostics_json, diagnostics_text
from planform.render.style import Style

TYPO = Diagnostic(
    '"learning_rat" is not expected here.',
    span=Span("main.pf.yaml", 31, 7, 19),
    source="      learning_rat: 0.1",
    address="trainer.digits",
    suggestion='Did you mean "learning_rate"?',
)
RULE = Diagnostic(
    "Invalid value for variable env.",
    "env must be one of prod or dev.",
    Span("main.pf.yaml", 3, 3, 6),
    "  env: {type: string}",
    values=('var.env is "qa"',),
    related=((Span("main.pf.yaml", 4, 13), "checked by this rule"),),
)
WARNING = Diagnostic("Nothing uses local.a.", severity="warning")

TEXT = """\
Error: "learning_rat" is not expected here.
  main.pf.yaml:31:7, in trainer.digits
    31 |       learning_rat: 0.1
       |       ^^^^^^^^^^^^
  Did you mean "learning_rate"?

Error: Invalid value for variable env.
  main.pf.yaml:3:3
     3 |   env: {type: string}
       |   ^^^
       | var.env is "qa"
  env must be one of prod or dev.
  main.pf.yaml:4:13: checked by this rule

Warning: Nothing uses local.a.

2 errors.
"""


def test_several_problems() -> None:
    assert diagnostics_text([TYPO, RULE, WARNING]) == TEXT


def test_one_problem_is_not_counted() -> None:
    assert diagnostics_text([TYPO]).endswith('"learning_rate"?\n')
    assert diagnostics_text([]) == ""


def test_colour_marks_without_moving_anything() -> None:
    import re

    coloured = diagnostics_text([TYPO, RULE, WARNING], Style(colour=True))
    assert "\x1b[1;31mError:\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == TEXT


@pytest.mark.parametrize(
    ("source", "span", "marked"),
    [
        ("\tkey: 1", Span("f", 1, 2, 5), "key"),
        ("日本: 1", Span("f", 1, 5, 6), "1"),
        ("short", Span("f", 1, 40, 44), ""),
        ("a: {" + "x: 1, " * 60 + "bad: 2}", Span("f", 1, 365, 368), "bad"),
        ("key: 1", Span("f", 1, 1), "k"),
    ],
)
def test_the_mark_stands_below_its_place(source: str, span: Span, marked: str) -> None:
    from planform.render.style import columns

    lines = diagnostic_text(Diagnostic("x", span=span, source=source)).splitlines()
    text, marks = lines[2], lines[3]
    start = marks.index("^")
    found = [letter for index, letter in enumerate(text) if start <= columns(text[:index]) < len(marks)]
    assert "".join(found) == marked


def test_json() -> None:
    document = diagnostics_json([TYPO, WARNING], {"main.pf.yaml": "é\n" * 30 + "      learning_rat: 0.1\n"})
    assert (document["format_version"], document["valid"]) == ("1.0", False)
    assert (document["error_count"], document["warning_count"]) == (1, 1)
    assert document["diagnostics"][0] == {
        "severity": "error",
        "summary": '"learning_rat" is not expected here.',
        "detail": 'Did you mean "learning_rate"?',
        "address": "trainer.digits",
        "range": {
            "filename": "main.pf.yaml",
            "start": {"line": 31, "column": 7, "byte": 96},
            "end": {"line": 31, "column": 19, "byte": 108},
        },
        "snippet": {
            "context": "trainer.digits",
            "code": "      learning_rat: 0.1",
            "start_line": 31,
            "highlight_start_offset": 6,
            "highlight_end_offset": 18,
            "values": [],
        },
    }
    assert document["diagnostics"][1] == {"severity": "warning", "summary": "Nothing uses local.a.", "detail": ""}


def test_json_names_the_values_involved() -> None:
    (found,) = diagnostics_json([RULE])["diagnostics"]
    assert found["snippet"]["values"] == [{"traversal": "var.env", "statement": 'is "qa"'}]
    assert found["detail"] == "env must be one of prod or dev.\nmain.pf.yaml:4:13: checked by this rule"


def test_json_is_valid_without_errors() -> None:
    assert diagnostics_json([WARNING])["valid"] is True
