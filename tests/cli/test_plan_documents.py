"""What plan and show print for tools and for pull requests, and the options that say what is planned."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planform.cli.main import main

ROOT = """\
planform: {name: docs}
provider: {local: {executor: process}}
variable:
  token: {type: string, default: hunter2, sensitive: true, description: A secret.}
  rate: {type: number, default: 0.2, validation: [{condition: "${var.rate > 0}", error_message: positive}]}
locals: {prefix: p}
resource:
  service_environment:
    cpu: {capacity_limits: [{max_capacity: 2}]}
  planform_data:
    first: {input: "${local.prefix}-${var.rate}"}
    secret: {input: "${var.token}"}
    many: {for_each: {a: 1, b: 2}, input: "${each.key} ${planform_data.first.id}", depends_on: [planform_data.secret]}
    plain: {input: {a: [1, x]}, lifecycle: {precondition: [{condition: "${var.rate < 1}", error_message: small}]}}
module:
  inner: {source: ./inner, inputs: {rate: "${var.rate}", secret: hunter3, word: w}}
check:
  health: {assert: [{condition: "${planform_data.plain.input.a[0] == 2}", error_message: it is not two}]}
output:
  first: {value: "${planform_data.first.id}"}
  inner: {value: "${module.inner.said}", description: From inside.}
  secret: {value: "${var.token}", sensitive: true}
"""
INNER = """\
variable: {rate: {type: number}, secret: {type: string, sensitive: true}, word: {type: string}}
resource:
  planform_data:
    x: {count: 2, input: "${var.word}${count.index}"}
    y: {input: "${var.secret}"}
output:
  said: {value: "${planform_data.x[0].output}"}
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command in the project's folder; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner").mkdir()
    (tmp_path / "main.pf.yaml").write_text(ROOT)
    (tmp_path / "inner" / "main.pf.yaml").write_text(INNER)

    def command(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(words)
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return command


@pytest.fixture
def document(run: Run) -> dict[str, Any]:
    """The plan's JSON, from the plan file alone."""
    assert run("plan", "--out", "p")[0] == 0
    Path("main.pf.yaml").unlink()
    code, out, err = run("show", "--json", "p")
    assert (code, err) == (0, "")
    assert out.endswith("}\n")
    assert out.count("\n") == 1  # some consumers read one line only
    found: dict[str, Any] = json.loads(out)
    return found


def test_configuration_holds_constants_and_references(document: dict[str, Any]) -> None:
    root = document["configuration"]["root_module"]
    resources = {item["address"]: item for item in root["resources"]}
    assert resources["planform_data.many"] == {
        "address": "planform_data.many", "mode": "managed", "type": "planform_data", "name": "many",
        "provider_config_key": "planform", "schema_version": 0,
        "expressions": {"input": {"references": ["each.key", "planform_data.first.id", "planform_data.first"]}},
        "for_each_expression": {"constant_value": {"a": 1, "b": 2}},
        "depends_on": ["planform_data.secret"],
    }  # fmt: skip
    assert resources["planform_data.plain"]["expressions"] == {"input": {"constant_value": {"a": [1, "x"]}}}
    assert resources["planform_data.first"]["expressions"]["input"] == {"references": ["local.prefix", "var.rate"]}
    assert resources["service_environment.cpu"]["expressions"] == {
        "capacity_limits": [{"max_capacity": {"constant_value": 2}}]
    }
    assert resources["service_environment.cpu"]["provider_config_key"] == "local"
    assert root["variables"] == {
        "rate": {"default": 0.2},
        "token": {"description": "A secret.", "sensitive": True},
    }
    assert root["outputs"]["inner"] == {
        "expression": {"references": ["module.inner.said", "module.inner"]},
        "description": "From inside.",
    }
    call = root["module_calls"]["inner"]
    assert call["source"] == "./inner"
    assert call["expressions"] == {
        "rate": {"references": ["var.rate"]}, "secret": {}, "word": {"constant_value": "w"},
    }  # fmt: skip
    assert call["module"]["resources"][0]["count_expression"] == {"constant_value": 2}
    assert call["module"]["outputs"]["said"]["expression"]["references"] == [
        "planform_data.x[0].output", "planform_data.x[0]", "planform_data.x",
    ]  # fmt: skip
    assert document["configuration"]["provider_config"]["local"] == {
        "name": "local",
        "full_name": "planform.io/builtin/local",
        "expressions": {"executor": {"constant_value": "process"}},
    }


def test_plan_json_has_what_consumers_need(document: dict[str, Any]) -> None:
    assert document["format_version"] == "1.2"
    assert document["terraform_version"].startswith("1.11.")
    changes = document["resource_changes"]
    assert [item["address"] for item in changes] == [
        "planform_data.first", 'planform_data.many["a"]', 'planform_data.many["b"]', "planform_data.plain",
        "planform_data.secret", "service_environment.cpu",
        "module.inner.planform_data.x[0]", "module.inner.planform_data.x[1]", "module.inner.planform_data.y",
    ]  # fmt: skip
    for item in changes:
        assert item.keys() >= {"address", "mode", "type", "name", "provider_name", "change"}
        assert item["change"].keys() >= {
            "actions", "before", "after", "after_unknown", "before_sensitive", "after_sensitive",
        }  # fmt: skip
    (inner,) = document["planned_values"]["root_module"]["child_modules"]
    assert inner["address"] == "module.inner"
    for resource in document["planned_values"]["root_module"]["resources"]:
        assert resource.keys() >= {"address", "mode", "type", "name", "values"}
    assert document["prior_state"]["values"] == {"outputs": {}, "root_module": {}}
    assert document["variables"] == {"rate": {"value": 0.2}, "token": {}}
    assert {"resource": "planform_data.first", "attribute": ["id"]} in document["relevant_attributes"]
    assert [(item["address"]["to_display"], item["status"]) for item in document["checks"]] == [
        ("check.health", "fail"), ("planform_data.plain", "pass"), ("var.rate", "pass"),
    ]  # fmt: skip
    assert document["checks"][0]["instances"][0]["problems"] == [{"message": "it is not two"}]


def test_no_document_holds_a_secret(document: dict[str, Any], run: Run) -> None:
    assert "hunter" not in json.dumps(document)
    assert "hunter" not in run("show", "--format", "markdown", "p")[1]
    assert "hunter" not in run("show", "--full", "p")[1]


def test_plan_prints_the_same_document_as_show(run: Run) -> None:
    code, out, _ = run("plan", "--format", "json", "--out", "p")
    assert code == 0
    assert json.loads(out) == json.loads(run("show", "p", "--format", "json")[1])


def test_markdown_of_a_plan(run: Run) -> None:
    code, out, _ = run("plan", "--format", "markdown", "--max-chars", "1000")
    assert code == 0
    assert out.startswith(
        "<!-- planform:.:default -->\n### planform plan: docs, workspace default\n\n**Plan: 9 to create"
    )
    assert len(out) <= 1000


def test_a_page_of_a_plan(run: Run) -> None:
    code, page, _ = run("plan", "--format", "html", "--out", "p")
    assert code == 0
    assert page.startswith("<!doctype html>")
    shown = run("show", "--format", "html", "p")[1]
    assert shown.partition("<h2>Changes")[2] == page.partition("<h2>Changes")[2] != ""
    assert "hunter" not in page
    assert run("show", "--format", "html")[0] == 1  # a state


def test_events_go_into_a_file_beside_the_text(run: Run) -> None:
    code, out, _ = run("plan", "--json-into", "plan.jsonl")
    assert code == 0
    assert "Plan: 9 to create" in out
    events = [json.loads(line) for line in Path("plan.jsonl").read_text().splitlines()]
    assert [event["type"] for event in events[:2]] == ["version", "planned_change"]
    assert {"change_summary", "outputs", "diagnostic"} <= {event["type"] for event in events}
    code, out, _ = run("apply", "-y", "--json-into", "apply.jsonl")
    assert code == 0
    assert "Outputs:" in out
    kinds = [json.loads(line)["type"] for line in Path("apply.jsonl").read_text().splitlines()]
    assert kinds.count("apply_complete") == 9
    assert kinds[-1] == "outputs"


def test_errors_are_events_too(run: Run) -> None:
    Path("main.pf.yaml").write_text("resource: {planform_data: {a: {input: '${var.x}'}}}")
    assert run("plan", "--json-into", "plan.jsonl")[0] == 1
    events = [json.loads(line) for line in Path("plan.jsonl").read_text().splitlines()]
    assert events[-1]["diagnostic"]["summary"] == "Reference to undeclared input variable"


def test_lists_of_addresses_come_from_files(run: Run) -> None:
    Path("only.txt").write_text("# what matters\nplanform_data.*   # all of them\n\nservice_environment.cpu\n")
    Path("not.txt").write_text("planform_data.many\n")
    code, out, _ = run("plan", "--target-file", "only.txt", "--exclude-file", "not.txt", "--summary")
    assert code == 0
    assert out.splitlines()[:4] == [
        "  + planform_data.first",
        "  + planform_data.plain",
        "  + planform_data.secret",
        "  + service_environment.cpu",
    ]


def test_refresh_only_exits_with_2_on_drift_that_is_managed(run: Run) -> None:
    assert run("apply", "-y")[0] == 0
    assert run("plan", "--refresh-only", "--detailed-exitcode")[0] == 0
    Path(".planform/environments/docs-default-cpu.json").unlink()
    code, out, _ = run("plan", "--refresh-only", "--detailed-exitcode")
    assert code == 2
    assert "service_environment.cpu  is gone" in out
    assert run("apply", "--refresh-only", "-y")[0] == 0
    assert run("plan", "--refresh-only", "--detailed-exitcode")[0] == 0
    assert "service_environment.cpu  create" in run("plan")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("plan --refresh-only --refresh=false", "--refresh-only cannot be combined with --refresh=false."),
        ("plan --refresh-only --destroy --replace a.b", "--refresh-only cannot be combined with --destroy, --replace."),
        ("plan --json --json-into f", "--json already prints the event stream."),
        ("plan --json --format json", "--json already prints the event stream."),
        ("plan --max-chars 2000", "--max-chars cuts only markdown."),
        ("plan --terraform-names", "--terraform-names is about plans in JSON."),
        ("plan --full --format markdown", "--full is a form of text"),
        ("plan --target-file nowhere", "The list of addresses nowhere cannot be read"),
        ("plan --exclude planform_data.zzz", "--exclude planform_data.zzz matches nothing."),
        ("plan --json-into nowhere/f", "No such file or directory: nowhere/f."),
        ("show --format markdown", "A state has no markdown form."),
    ],
)
def test_options_that_do_not_fit_are_refused(run: Run, words: str, said: str) -> None:
    code, _, err = run(*words.split())
    assert code == 1
    assert said in " ".join(err.split())
    assert "Traceback" not in err


def test_terraform_names(run: Run) -> None:
    """Rules for the types of Terraform's providers find their twins; values and other types stay as they are."""
    plain, named = (json.loads(run("plan", "--format", "json", *words)[1]) for words in ([], ["--terraform-names"]))
    types = {item["address"]: item["type"] for item in named["resource_changes"]}
    assert types["terraform_data.first"] == "terraform_data"
    assert types["service_environment.cpu"] == "service_environment"
    assert not any("planform_data" in address for address in types)
    many = next(item for item in named["configuration"]["root_module"]["resources"] if item["name"] == "many")
    assert many["address"] == "terraform_data.many"
    assert "terraform_data.first.id" in many["expressions"]["input"]["references"]
    assert [step["after"] for step in named["x_planform"]["steps"] if step["after"]] == [
        [gate.replace("planform_data", "terraform_data") for gate in step["after"]]
        for step in plain["x_planform"]["steps"]
        if step["after"]
    ]
    assert [item["change"]["after"] for item in named["resource_changes"]] == [
        item["change"]["after"] for item in plain["resource_changes"]
    ]
