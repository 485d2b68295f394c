"""checkov and terraform-compliance read plans as they are."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_cases import run_planform

pytestmark = pytest.mark.external

MODULE = """
planform: {{name: team, default_provider: local}}
resource:
  service_environment:
    cpu: {{capacity_limits: [{{max_capacity: 2}}], tags: {{team: vision}}}}
  job_queue:
    main: {{priority: {priority}, service_environment_order: ["${{service_environment.cpu.arn}}"], tags: {{team: vision}}}}
module:
  inner: {{source: ./inner, for_each: {{a: 1}}}}
output:
  arn: {{value: "${{job_queue.main.arn}}"}}
"""
INNER = "resource: {planform_data: {x: {input: {a: 1, b: [1, 2]}}}}"
POLICY = """
metadata: {id: "PF_1", name: "queues leave room above them", category: "GENERAL_SECURITY"}
definition:
  cond_type: attribute
  resource_types: [job_queue]
  attribute: priority
  operator: less_than_or_equal
  value: 5
"""
FEATURE = """
Feature: queues
  Scenario: every queue has a low priority
    Given I have job_queue defined
    Then it must have priority
    And its value must be less than 6
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[int], Path]:
    def make(priority: int) -> Path:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "inner").mkdir(exist_ok=True)
        (tmp_path / "inner" / "main.pf.yaml").write_text(INNER)
        (tmp_path / "main.pf.yaml").write_text(MODULE.format(priority=priority))
        assert run_planform(capsys, "plan", "--out", "p.pfplan")[0] == 0
        code, out, _ = run_planform(capsys, "show", "--json", "p.pfplan")
        assert code == 0
        (tmp_path / "plan.json").write_text(out)
        return tmp_path

    return make


@pytest.mark.parametrize(("priority", "failed"), [(5, 0), (6, 1)])
def test_checkov(plan: Callable[[int], Path], tool: Callable[[str], Path], priority: int, failed: int) -> None:
    folder = plan(priority)
    checks = folder / "checks"
    checks.mkdir()
    (checks / "queue.yaml").write_text(POLICY)
    program = tool("checkov==3.3.30") / "checkov"
    words = ["-f", "plan.json", "--framework", "terraform_plan", "--external-checks-dir", str(checks), "-o", "json"]
    done = subprocess.run(
        [str(program), *words, "--skip-download", "--quiet"], cwd=folder, capture_output=True, text=True, check=False
    )
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    ours = [item for item in report["results"]["failed_checks"] if item["check_id"] == "PF_1"]
    assert [item["resource"] for item in ours] == ["job_queue.main"] * failed
    assert done.returncode == failed


@pytest.mark.parametrize(("priority", "code"), [(5, 0), (6, 1)])
def test_terraform_compliance(
    plan: Callable[[int], Path], tool: Callable[[str], Path], priority: int, code: int
) -> None:
    folder = plan(priority)
    (folder / "features").mkdir()
    (folder / "features" / "queues.feature").write_text(FEATURE)
    program = tool("terraform-compliance==1.16.0") / "terraform-compliance"
    done = subprocess.run(
        [str(program), "-f", "features", "-p", "plan.json", "--no-ansi"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "job_queue" in done.stdout
