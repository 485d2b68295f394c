"""Errors of expressions: what they say, where they point, and which values they show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from planform.core.values import Sensitive, Unknown
from planform.language.errors import Unsuitable
from planform.language.expressions import Expression, ExpressionError, Scope, compile_string

VAR = {"env": "qa", "list": [1, 2], "secret": Sensitive("x"), "queue": Unknown("q.arn"), "null": None}
LOCAL = {"m": {"small": 1, "big": 2}, "secrets": {"token": Sensitive("s3cr3t")}}

# text, summary, what is underlined, a part of detail or suggestion
ERRORS = [
    # Names
    ("${var.envv}", "Reference to undeclared input variable", "var.envv", 'Did you mean "env"?'),
    ("${local.mm}", "Reference to undeclared local value", "local.mm", 'Did you mean "m"?'),
    ("x ${upper(var.zzz)}", "Reference to undeclared input variable", "var.zzz", "There is: env, list,"),
    ("${varr.env}", "Invalid reference", "varr", 'Did you mean "var"?'),
    ("${local.m.smal}", "Unsupported attribute", "local.m.smal", 'Did you mean "small"?'),
    ('${local.m["xyz"]}', "Invalid index", 'local.m["xyz"]', "There is: big, small."),
    ("${local.m[var.env]}", "Invalid index", "local.m[var.env]", 'There is no element with the key "qa".'),
    ("${var.list[2]}", "Invalid index", "var.list[2]", "It has 2 elements, counted from 0."),
    ("${var.list['a']}", "Invalid index", "var.list['a']", "a number is required"),
    ("${var.list.a}", "Unsupported attribute", "var.list.a", "[*].a for all of them"),
    ("${var.env.x}", "Unsupported attribute", "var.env.x", "primitive-typed value (string)"),
    ("${var.null.x}", "Attempt to get attribute from null value", "var.null.x", "This value is null"),
    ("${toset(['a'])[0]}", "Invalid index", "toset(['a'])[0]", "tolist(...)"),
    ("${lokup(local.m, 'a')}", "Call to unknown function", "lokup", 'Did you mean "lookup"?'),
    # Operators
    ("${1 + var.env}", "Invalid operand", "var.env", "right operand: a number is required"),
    ("${var.list * 2}", "Invalid operand", "var.list", "left operand: number required, but this is a list."),
    ("${1 < null}", "Invalid operand", "null", "must not be null"),
    ("${-var.env}", "Invalid operand", "var.env", "a number is required"),
    ("${true && 'yes'}", "Invalid operand", "'yes'", "bool required"),
    ("${10 / 0}", "Division by zero", "10 / 0", "The divisor is zero."),
    ("${var.env ? 1 : 2}", "Incorrect condition type", "var.env", "A condition is true or false"),
    # Templates
    ("a${var.list}", "Invalid template interpolation value", "var.list", "jsonencode(...)"),
    ("a${local.m}", "Invalid template interpolation value", "local.m", "object with 2 attributes"),
    ("a${var.null}", "Invalid template interpolation value", "var.null", "null has no text"),
    ("${var.list}\n", "Invalid template interpolation value", "var.list", "To keep its type"),
    ("%{if true}x", "Unclosed or misplaced template directive", "%{", "no %{endif}"),
    ("%{endfor}", "Unclosed or misplaced template directive", "%{", "no open %{for}"),
    ("%{when x}", "Invalid template directive", "%{when", '"when" is not a directive'),
    ("a ${var.env", "Unclosed template interpolation sequence", "${", 'Write $${ for a literal "${".'),
    # for
    ("${[for x in 5 : x]}", "Iteration over non-iterable value", "5", "type number"),
    ("${[for x in null : x]}", "Iteration over null value", "null", "no elements"),
    ("${{for x in ['a', 'a'] : x => 1}}", "Duplicate object key", "x", 'the key "a"'),
    ("${[for x in [1] : x if 1]}", "Incorrect condition type", "1", "bool required"),
    ("${max('a'...)}", "Invalid expanding argument value", "'a'", "list, tuple or set"),
    # Functions
    ("${lookup(local.m)}", "Error in function call", "lookup(local.m)", "lookup(map, key, default?)"),
    ("${upper('a', 'b')}", "Error in function call", "upper('a', 'b')", "takes 1 argument, got 2"),
    ("${upper(var.list)}", "Invalid function argument", "var.list", "string required, but this is a list"),
    ("${upper(null)}", "Invalid function argument", "null", "must not be null"),
    ("${join(',', [1, null])}", "Invalid function argument", "[1, null]", "element 1: it must not be null"),
    ("${range(0, 2000)}", "Error in function call", "range(0, 2000)", "more than 1024"),
    ("${file('nope')}", "Invalid function argument", "'nope'", 'there is no file "nope"'),
    ("${jsondecode('{')}", "Invalid function argument", "'{'", "line 1, column 2"),
    ("${tobool('yes')}", "Invalid function argument", "'yes'", 'Only true, false, "true" and "false"'),
    # Grammar
    ("${1 +}", "Invalid expression", "}", "a value"),
    ("${}", "Invalid expression", "}", "a value"),
    ("${(1}", "Invalid expression", "}", 'Expected ")"'),
    ("${[1, 2}", "Invalid expression", "}", 'Expected "]"'),
    ("${upper('a'}", "Invalid expression", "}", '")" to end the arguments of upper'),
    ("${var.env == 'a}", "Unclosed string", "'", "no closing '"),
    ('${var.env == "a\n"}', "Unclosed string", "\n", "stays on one line"),
    (r'${"\d"}', "Invalid escape sequence", r"\d", "single quotes"),
    ("${var.a = 1}", "Invalid expression", "=", "Write == to compare."),
    ("${true & false}", "Invalid character", "&", "Write && for a logical and."),
    ("${a ? b}", "Invalid expression", "}", '":" between the two results'),
    ("${var.}", "Invalid expression", "}", "a name after the dot"),
    ("${1e9999}", "Invalid number", "1e9999", "more than 1000 digits"),
    ("${<<EOT\nx}", "Unclosed heredoc", "<<EOT", "no line with only EOT"),
]


def failure(text: str, scope: Callable[..., Scope], **roots: Any) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, scope(**(roots or {"var": VAR, "local": LOCAL})))
    return caught.value


def evaluate(text: str, here: Scope) -> None:
    compiled = compile_string(text)
    assert isinstance(compiled, Expression)
    compiled.evaluate(here)


@pytest.mark.parametrize(("text", "summary", "underlined", "says"), ERRORS, ids=[case[0] for case in ERRORS])
def test_error(text: str, summary: str, underlined: str, says: str, scope: Callable[..., Scope]) -> None:
    error = failure(text, scope)
    assert error.summary == summary
    assert text[error.offset : error.offset + error.length] == underlined
    assert says in f"{error.detail} {error.suggestion}"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("${1 + var.env}", ('var.env is "qa"',)),
        ("${local.m.smal}", ("local.m is object with 2 attributes",)),
        ("${var.list[local.m.big]}", ("var.list is list with 2 elements", "local.m.big is 2")),
        ("${var.envv}", ()),
        ("${file(join('', [var.env, var.secret]))}", ('var.env is "qa"', "var.secret is (sensitive value)")),
        ("${setproduct(var.list, var.env, [var.queue])}", ('var.env is "qa"',)),
        ("${[for x in var.list : x.y]}", ("x is 1",)),
        ("a${local.secrets}", ("local.secrets is object with 1 attribute",)),
        ("${local.secrets.tokn}", ("local.secrets is object with 1 attribute",)),
        ("${[var.queue, 1][5]}", ("var.queue is known only after apply",)),
    ],
)
def test_values_shown(text: str, values: tuple[str, ...], scope: Callable[..., Scope]) -> None:
    shown = failure(text, scope).values
    assert all(value in shown for value in values)
    assert not any("s3cr3t" in value or '"x"' in value for value in shown)


def test_the_error_of_a_template_file_names_its_line(tmp_path: Any, scope: Callable[..., Scope]) -> None:
    (tmp_path / "run.tftpl").write_text("one\n${nmae}\n")
    error = failure("${templatefile('run.tftpl', {name = 1})}", scope, module_folder=str(tmp_path))
    assert "run.tftpl:2: Invalid reference" in error.detail
    assert error.suggestion == 'Did you mean "name"?'


def test_a_namespace_may_say_more_and_the_place_is_added(scope: Callable[..., Scope]) -> None:
    class Instances:
        def attribute(self, name: str) -> Any:
            raise Unsuitable(
                'trainer.digits has "for_each" set.', 'Write trainer.digits["fast"].', "Missing instance key"
            )

        def names(self) -> list[str]:
            return ["fast"]

    text = "x-${trainer.digits.run}"
    error = failure(text, scope, trainer={"digits": Instances()})
    assert (error.summary, text[error.offset : error.offset + error.length]) == (
        "Missing instance key",
        "trainer.digits.run",
    )
