"""Variables: which value wins, conversion, rules, and what is said when one is missing or wrong."""

from __future__ import annotations

import pytest

from planform.core.errors import Diagnosed
from planform.core.values import Sensitive
from planform.language.variables import variable_values
from tests.language.helpers import expanded, load_text, told, write

ALL = {
    "environment": {"PLANFORM_VAR_x": "from environment"},
    "planform.pfvars.yaml": "x: from planform.pfvars.yaml",
    "a.auto.pfvars.yaml": "x: from a.auto",
    "b.auto.pfvars.yaml": "x: from b.auto",
    "workspaces/cloud.pfvars.yaml": "x: from the workspace",
    "one.pfvars.yaml": "x: from --var-file one",
    "two.pfvars.yaml": "x: from --var-file two",
    "option": "x=from --var",
}
IN_ORDER = list(ALL)


@pytest.mark.parametrize("last", IN_ORDER)
def test_later_sources_win(tmp_path, monkeypatch, last):
    given = {name: ALL[name] for name in IN_ORDER[: IN_ORDER.index(last) + 1]}
    module = load_text(tmp_path, "variable: {x: {type: string}}")
    write(tmp_path, {name: text for name, text in given.items() if name.endswith(".yaml")})
    monkeypatch.chdir(tmp_path)
    files = [name for name in ("one.pfvars.yaml", "two.pfvars.yaml") if name in given]
    options = [given["option"]] if "option" in given else []
    values, warnings = variable_values(module, str(tmp_path), "cloud", files, options, given["environment"])
    assert not warnings
    expected = (
        given[last]["PLANFORM_VAR_x"] if last == "environment" else given[last].split(": ")[-1].removeprefix("x=")
    )
    assert values == {"x": expected}


def test_another_workspace_reads_another_file(tmp_path):
    module = load_text(tmp_path, "variable: {x: {default: 1}}")
    write(tmp_path, {"workspaces/cloud.pfvars.yaml": "x: 2"})
    assert variable_values(module, str(tmp_path), "default")[0] == {"x": 1}
    assert variable_values(module, str(tmp_path), "cloud")[0] == {"x": 2}


@pytest.mark.parametrize(
    ("declared", "option", "value"),
    [
        ("type: string", "5", "5"),
        ("type: string", "true", "true"),
        ("type: number", "5", 5),
        ("type: number", "1e-3", 0.001),
        ("type: bool", "true", True),
        ("type: list(string)", "[a, 1]", ["a", "1"]),
        ("type: map(number)", '{"a": 1}', {"a": 1}),
        ("type: 'object({a = number, b = optional(string, \"x\")})'", "{a: 1}", {"a": 1, "b": "x"}),
        ("{}", "5", 5),
        ("{}", "a: b", {"a": "b"}),
        ("{}", "[broken", "[broken"),
        ("{}", "${var.y}", "${var.y}"),
        ("type: string", "", ""),
        ("type: number", "null", None),
        ("{type: number, nullable: false, default: 3}", "null", 3),
        ("{type: string, sensitive: true}", "s3cr3t", Sensitive("s3cr3t")),
    ],
)
def test_options_are_read_by_the_declared_type(tmp_path, declared, option, value):
    block = declared if declared.startswith("{") else f"{{{declared}}}"
    module = load_text(tmp_path, f"variable:\n  x: {block}")
    assert variable_values(module, str(tmp_path), "default", (), [f"x={option}"])[0] == {"x": value}


def problems(folder, main, *options, environment=None, files=(), **texts):
    module = load_text(folder, main)
    write(folder, {name.replace("__", "/").replace("_", ".") + ".pfvars.yaml": text for name, text in texts.items()})
    with pytest.raises(Diagnosed) as caught:
        variable_values(module, str(folder), "default", files, options, environment or {})
    return told(caught.value)


X = "variable:\n  x: {type: 'map(number)', description: Sizes.}"

WRONG = [
    pytest.param(
        X,
        {},
        (
            "main.pf.yaml:2 x",
            "No value for required variable x",
            "Give it with --var x=..., in planform.pfvars.yaml, or as PLANFORM_VAR_x.",
        ),
        id="missing: how to give it",
    ),
    pytest.param(
        "variable: {x: {}, y: {}}",
        {"planform": "y: 1"},
        ("main.pf.yaml:1 x", "No value for required variable x", "Searched PLANFORM_VAR_x, planform.pfvars.yaml."),
        id="missing: which files were searched",
    ),
    pytest.param(
        X,
        {"planform": "x: {a: 1, b: [2]}"},
        (
            "planform.pfvars.yaml:1 [2]",
            "Invalid value for input variable",
            "var.x.b: a number is required, not list with 1 element.",
        ),
        id="wrong inside a file",
    ),
    pytest.param(
        X,
        {"options": ["x={a: b}"]},
        (
            "main.pf.yaml:2 x",
            "Invalid value for input variable",
            'var.x.a: a number is required, not "b". (from --var x)',
        ),
        id="wrong in an option",
    ),
    pytest.param(
        X,
        {"environment": {"PLANFORM_VAR_x": "["}},
        ("main.pf.yaml:2 x", "Invalid value for input variable", "PLANFORM_VAR_x is no map(number)"),
        id="unreadable",
    ),
    pytest.param(
        "variable: {queue: {default: 1}}",
        {"options": ["queu=1"]},
        ("", "Value for undeclared variable", 'Did you mean "queue"?'),
        id="undeclared in an option",
    ),
    pytest.param("locals:", {"options": ["x"]}, ("", "Invalid --var option", "Write --var name=value."), id="no value"),
    pytest.param("locals:", {"files": ["none.yaml"]}, ("", "Failed to read variables file", "none.yaml"), id="no file"),
    pytest.param(
        "variable: {x: {}}",
        {"planform": "x: '${var.y}'"},
        ("planform.pfvars.yaml:1 '${var.y}'", "Variables not allowed", "$${"),
        id="an expression in a file",
    ),
    pytest.param(
        "variable: {x: {default: 1}}",
        {"planform": "[x]"},
        ("planform.pfvars.yaml:1 [x]", "Not a mapping", "list"),
        id="a list",
    ),
    pytest.param(
        "variable: {x: {default: 1}}", {"a_auto": "x: ["}, ("a.auto.pfvars.yaml:1 [", "Unclosed [", "]"), id="broken"
    ),
    pytest.param(
        "variable: {x: {nullable: false}}",
        {"planform": "x:"},
        ("planform.pfvars.yaml:1 x", "Invalid value for input variable", "null"),
        id="null",
    ),
]


@pytest.mark.parametrize(("main", "given", "expected"), WRONG)
def test_what_is_wrong_with_values(tmp_path, main, given, expected):
    given = dict(given)
    options, environment, files = given.pop("options", ()), given.pop("environment", None), given.pop("files", ())
    found = problems(tmp_path, main, *options, environment=environment, files=files, **given)
    place, summary, said = found[0]
    assert (place, summary) == expected[:2]
    assert expected[2] in said


def test_all_missing_variables_at_once(tmp_path):
    assert len(problems(tmp_path, "variable: {x: {}, y: {}, z: {default: 1}}")) == 2


def test_undeclared_values_in_files_are_warnings(tmp_path):
    module = load_text(tmp_path, "variable: {queue: {default: 1}}")
    write(tmp_path, {"planform.pfvars.yaml": "queu: 2"})
    values, (warning,) = variable_values(module, str(tmp_path), "default")
    assert values == {"queue": 1}
    assert (warning.severity, warning.suggestion) == ("warning", 'Did you mean "queue"?')


def test_a_sensitive_value_is_never_shown(tmp_path):
    main = "variable: {x: {type: number, sensitive: true}}"
    module = load_text(tmp_path, main)
    write(tmp_path, {"planform.pfvars.yaml": "x: s3cr3t"})
    with pytest.raises(Diagnosed) as caught:
        variable_values(module, str(tmp_path), "default")
    assert "s3cr3t" not in repr(caught.value.problems)
    with pytest.raises(Diagnosed) as caught:
        variable_values(module, str(tmp_path), "default", (), ["x=s3cr3t"])
    assert "s3cr3t" not in repr(caught.value.problems)


RULE = """
variable:
  env:
    type: string
    {extra}validation:
      - condition: "${{contains(['prod', 'dev'], var.env)}}"
        error_message: "env is prod or dev, not ${{var.env}}"
"""


@pytest.mark.parametrize(
    ("extra", "value", "shown"),
    [("", "qa", 'var.env is "qa"'), ("sensitive: true\n    ", Sensitive("qa"), "var.env is (sensitive value)")],
    ids=["shown", "sensitive"],
)
def test_rules_show_the_value_and_their_place(tmp_path, extra, value, shown):
    with pytest.raises(Diagnosed) as caught:
        expanded(tmp_path, RULE.format(extra=extra), {"env": value})
    (found,) = caught.value.problems
    assert found.summary == "Invalid value for variable"
    assert found.values == (shown,)
    assert ("qa" in found.detail) is (not extra)
    ((place, text),) = found.related
    assert text == "checked by this rule"
    assert place.line == (7 if extra else 6)


@pytest.mark.parametrize(
    ("condition", "said"),
    [("${var.x}", "true or false, not 5"), ("${var.x.y.z}", "primitive"), ("${var.x > var.y}", "at most 3")],
)
def test_rules_that_fail_or_are_no_rule(tmp_path, condition, said):
    rule = f"{{condition: '{condition}', error_message: at most 3}}"
    main = f"variable:\n  y: {{default: 7}}\n  x: {{default: 5, validation: [{rule}]}}"
    with pytest.raises(Diagnosed) as caught:
        expanded(tmp_path, main)
    assert said in told(caught.value)[0][2]


def test_rules_of_a_child_module_point_at_the_call(tmp_path):
    with pytest.raises(Diagnosed) as caught:
        expanded(tmp_path, "module: {m: {source: ./m, inputs: {env: qa}}}", m__main=RULE.format(extra=""))
    ((place, summary, said),) = told(caught.value)
    assert (place, summary) == ("main.pf.yaml:1 qa", "Invalid value for variable")
    assert "[m/main.pf.yaml:6" in said
