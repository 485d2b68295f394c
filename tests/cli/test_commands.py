"""Commands one after another in a small project on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from planform.cli.main import main

DATA = """\
planform: {name: small}
variable:
  greeting: {type: string, default: hello}
resource:
  planform_data:
    a: {input: "${var.greeting}"}
    b: {input: "${planform_data.a.output} again"}
output:
  said: {value: "${planform_data.b.output}"}
  table: {value: {x: 1}}
  secret: {value: "${sensitive('hunter2')}", sensitive: true}
"""

TRAINER = """\
planform: {name: small, default_provider: local}
provider: {local: {executor: process}}
resource:
  trainer:
    t:
      for_each: {good: 0, bad: 3}
      training_image: {framework: sklearn, version: "1.4-2"}
      source_code: {source_dir: src, entry_script: train.py}
      compute: {instance_type: ml.m5.xlarge, instance_count: 1}
      hyperparameters: {code: "${each.value}"}
      stopping_condition: {max_runtime_in_seconds: 60}
      metric_definitions: [{name: loss, regex: "loss=([0-9.]+)"}]
"""

SCRIPT = "import sys\nprint('loss=0.5')\nprint('loss=0.25')\nsys.exit(int(sys.argv[sys.argv.index('--code') + 1]))\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command in the project folder; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(words)
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return command


def test_data_from_plan_to_destroy(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.pf.yaml").write_text(DATA)
    assert run("validate") == (0, "The files are valid.\n", "")
    code, out, _ = run("plan", "-detailed-exitcode", "-out=first.pfplan")
    assert code == 2
    assert "Plan: 2 to create, 0 to change, 0 to destroy." in out
    assert out.endswith("\nSaved as first.pfplan. To do exactly this: planform apply first.pfplan\n")
    assert "hunter2" not in out
    code, out, _ = run("show", "--json", "first.pfplan")
    assert len(out.splitlines()) == 1
    assert json.loads(out)["format_version"] == "1.2"

    code, out, err = run("apply", "first.pfplan")
    assert (code, err) == (0, "")
    assert 'said: "hello again"' in out
    assert "secret: (sensitive)" in out
    assert run("plan", "-detailed-exitcode")[:2] == (0, "No changes. 2 resources are as the files say.\n")
    code, _, err = run("apply", "first.pfplan")
    assert code == 1
    assert err.startswith("Error: ")

    assert run("output", "said") == (0, '"hello again"\n', "")
    assert run("output", "-raw", "said") == (0, "hello again", "")
    assert run("output", "-json", "table") == (0, '{"x": 1}\n', "")
    assert json.loads(run("output", "-json")[1])["secret"] == {"sensitive": True}
    assert run("output", "-raw", "secret")[0] == 1
    assert run("output", "-raw", "table")[0] == 1
    assert 'Did you mean "said"?' in run("output", "sad")[2]

    assert run("state", "list")[1] == "planform_data.a\nplanform_data.b\n"
    assert run("state", "list", "planform_data.?")[1] == "planform_data.a\nplanform_data.b\n"
    assert 'input: "hello"' in run("state", "show", "planform_data.a")[1]
    assert json.loads(run("state", "show", "--json", "planform_data.a")[1])["values"]["input"] == "hello"
    assert 'Did you mean "planform_data.a"?' in run("state", "show", "planform_date.a")[2]
    assert run("show")[1].startswith("planform_data.a")
    assert json.loads(run("show", "-json")[1])["format_version"] == "1.0"
    assert run("refresh") == (0, "Everything is as it was recorded.\n", "")

    code, out, _ = run("destroy", "-auto-approve")
    assert code == 0
    assert "Plan: 0 to create, 0 to change, 2 to destroy." in out
    assert run("state", "list")[1] == ""


def test_changes_need_approval(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.pf.yaml").write_text(DATA)
    code, out, err = run("apply", "--var", "greeting=hi")
    assert code == 1
    assert "Plan: 2 to create" in out
    assert err.startswith("Error: Approval is needed, and there is no terminal to ask for it.")
    assert run("state", "list")[1] == ""
    assert run("apply", "--json")[2].startswith("Error: apply --json cannot ask for approval.")
    assert run("apply", "--target", "planform_data.a", "x.pfplan")[2].startswith("Error: --target cannot be used")


def test_event_streams(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.pf.yaml").write_text(DATA)
    types = [json.loads(line)["type"] for line in run("plan", "-json")[1].splitlines()]
    assert types == ["version", "planned_change", "planned_change", "change_summary", "outputs"]
    code, out, _ = run("apply", "-json", "-auto-approve")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {"apply_start", "apply_complete"} <= {event["type"] for event in events}
    assert events[-1]["outputs"]["said"] == {"sensitive": False, "type": "string", "value": "hello again"}
    assert "hunter2" not in out
    code, out, err = run("plan", "-json", "-target", "planform_data.zz")
    assert code == 1
    assert json.loads(out.splitlines()[-1])["diagnostic"]["severity"] == "error"
    assert "matches nothing" in err


def test_validate_looks_into_what_a_variable_without_a_value_turns_on(run: Run, tmp_path: Path) -> None:
    switched = (
        "variable: {{on: {{type: bool}}}}\nresource: {{planform_data: {{a: {{enabled: '${{var.on}}', {field}: 1}}}}}}\n"
    )
    head = "planform: {name: switched, default_provider: local}\n"
    (tmp_path / "main.pf.yaml").write_text(head + switched.format(field="input"))
    assert run("validate") == (0, "The files are valid.\n", "")
    assert "No value for required variable" in run("plan")[2]
    (tmp_path / "main.pf.yaml").write_text(head + switched.format(field="inptu"))
    assert 'Did you mean "input"?' in run("validate")[2]


def test_validate_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.pf.yaml").write_text(DATA.replace("input:", "inptu:"))
    code, out, _ = run("validate", "-json")
    document = json.loads(out)
    assert code == 1
    assert document["error_count"] == len(document["diagnostics"]) > 0
    assert document["diagnostics"][0]["range"]["start"]["byte"] > 0


def test_runs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "main.pf.yaml").write_text(TRAINER)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(SCRIPT)
    assert run("runs")[1] == "No runs yet.\n"
    code, out, _ = run("apply", "-y")
    assert code == 1
    assert 'trainer.t["good"]: run 1 succeeded' in out
    assert 'trainer.t["bad"]: run 1 failed' in out
    assert "planform apply --retry 'trainer.t[\"bad\"]'" in out

    rows = run("runs")[1].splitlines()
    assert [row.split()[:3] for row in rows[1:]] == [
        ['trainer.t["bad"]', "1", "failed"], ['trainer.t["good"]', "1", "succeeded"],
    ]  # fmt: skip
    assert len(json.loads(run("runs", "trainer.t", "--json")[1])["runs"]) == 2
    assert run("runs", "wait", "trainer.t['good']")[0] == 0
    assert run("runs", "wait", "--timeout", "5s")[0] == 1
    assert run("logs", "trainer.t['good']")[1] == "[algo-1] loss=0.5\n[algo-1] loss=0.25\n"
    assert run("logs", "trainer.t['good']", "--node", "algo-1", "--run", "1")[1] == "loss=0.5\nloss=0.25\n"
    both = run("logs", "trainer.t")[1].splitlines()
    assert '[trainer.t["good"]/1 algo-1] loss=0.5' in both
    assert any(line.startswith('[trainer.t["bad"]/1 algo-1]') for line in both)
    assert sorted(run("logs", "-f", "trainer.t")[1].splitlines()) == sorted(both)
    fetched = run("runs", "download", "trainer.t['good']", "--to", str(tmp_path / "here"))[1].split()
    assert str(tmp_path / "here" / "model") in fetched
    assert (tmp_path / "here" / "logs" / "algo-1.log").read_text() == "loss=0.5\nloss=0.25\n"
    assert run("runs", "resume")[1] == "Nothing waits.\n"
    assert "There is no run 7" in run("logs", "trainer.t['good']", "--run", "7")[2]
    assert run("metrics")[1].splitlines()[0].split() == ["trainer", "run", "status", "code", "loss", "took"]
    assert "█▁" in run("metrics", "trainer.t['good']")[1]
    history = json.loads(run("metrics", "trainer.t['good']", "--json")[1])["runs"][0]["history"]
    assert [value for _, value in history["loss"]] == [0.5, 0.25]
    assert run("stop", "trainer.t")[1] == "trainer.t has no active run.\n"
    assert "is defined as in run 1" in run("why", "trainer.t['good']")[1]
    assert 'Did you mean "trainer.t"?' in run("why", "trainer.x")[2]

    held = run("plan")[1]
    assert '! trainer.t["bad"]' in held
    (tmp_path / "src" / "train.py").write_text(SCRIPT + "# changed\n")
    assert "source" in run("why", "trainer.t['good']")[1].splitlines()[0]
    assert "2 new runs" in run("plan")[1]


@pytest.mark.parametrize("words", [[], ["--example", "digits"]])
def test_init_writes_a_project_that_plans(words: list[str], run: Run, tmp_path: Path) -> None:
    code, out, _ = run("init", *words, "first")
    assert code == 0
    assert out.endswith(
        "Next:\n    cd first\n    planform plan     # shows what would happen\n    planform apply    # does it\n"
    )
    assert (tmp_path / "first" / ".gitignore").exists()
    before = (tmp_path / "first" / "main.pf.yaml").read_text()
    assert "Plan: " in run("-chdir=first", "plan")[1]
    code, out, err = run("-chdir", str(tmp_path), "init", *words, "first")
    if words:
        assert code == 1
        assert "exists already; nothing was written" in err
    else:
        assert (code, out) == (0, "The project is ready.\n")
    assert (tmp_path / "first" / "main.pf.yaml").read_text() == before


def test_init_of_an_unknown_example(run: Run) -> None:
    assert 'Did you mean "digits"?' in run("init", "--example", "digit")[2]
