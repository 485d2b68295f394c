"""Workspaces, expressions at a prompt, and the drawing of dependencies."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from planform.cli.main import main

FILES = """
planform:
  name: w
  backend: {local: {path: "states/${planform.workspace}/main.json"}}
variable:
  size: {type: number, default: 1}
  token: {type: string, default: x, sensitive: true}
resource:
  planform_data:
    a: {input: "${var.size}"}
    b: {for_each: {x: 1}, input: "${planform_data.a.output}"}
module:
  m: {source: ./m}
"""


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.pf.yaml").write_text(FILES)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "main.pf.yaml").write_text("resource:\n  planform_data:\n    inner: {input: 1}\n")

    def planform(*words: str, stdin: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["--no-color", *words])
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out + printed.err

    return planform


def test_workspaces(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    assert run("workspace", "list") == (0, "* default\n")
    run("apply", "-y")
    assert run("workspace", "new", "cloud")[0] == 0
    assert run("workspace", "show") == (0, "cloud\n")
    assert "3 to create" in run("plan")[1]
    (tmp_path / "workspaces").mkdir()
    (tmp_path / "workspaces" / "cloud.pfvars.yaml").write_text("size: 7\n")
    run("apply", "-y")
    assert "output: 7" in run("state", "show", "planform_data.a")[1]
    assert "output: 1" in run("-w", "default", "state", "show", "planform_data.a")[1]
    assert run("workspace", "list") == (0, "* cloud\n  default\n")
    assert run("workspace", "delete", "cloud")[0] == 1
    run("workspace", "select", "default")
    code, said = run("workspace", "delete", "cloud")
    assert code == 1
    assert "3 resources are recorded" in said
    run("-w", "cloud", "destroy", "-y")
    assert run("workspace", "delete", "cloud")[0] == 0
    (tmp_path / "workspaces" / "cloud.pfvars.yaml").unlink()
    assert run("workspace", "list") == (0, "* default\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-w", "../x", "plan"], '"../x" cannot name a workspace'),
        (["workspace", "new", "a b"], '"a b" cannot name a workspace'),
        (["workspace", "new", "default"], 'There is a workspace "default" already'),
        (["workspace", "select", "defalt"], 'Did you mean "default"?'),
        (["workspace", "delete", "default"], "always exists"),
        (["workspace", "delete", "none"], 'There is no workspace "none"'),
    ],
)
def test_wrong_workspaces(run: Callable[..., tuple[int, str]], words: list[str], says: str) -> None:
    code, said = run(*words)
    assert code == 1
    assert says in said


def test_console(run: Callable[..., tuple[int, str]]) -> None:
    run("apply", "-y")
    code, said = run("console", stdin="planform_data.b[\"x\"].output + 1\n\nvar.token\nupper('a')\n")
    assert (code, said) == (0, '2\n(sensitive)\n"A"\n')
    code, said = run("console", stdin="lokup(1)\n1 + 1\n")
    assert code == 1
    assert "2\n" in said
    assert 'Did you mean "lookup"?' in said


def test_graph(run: Callable[..., tuple[int, str]]) -> None:
    run("plan", "--out", "p.pfplan")
    assert run("graph", "--format", "mermaid", "--plan", "p.pfplan") == (
        0,
        """flowchart RL
  n1["planform_data.a"]
  n2["planform_data.b (1)"]
  subgraph module_m[module.m]
    n0["planform_data.inner"]
  end
  n2 --> n1
  classDef create stroke:#2da44e,stroke-width:2px
  class n0,n1,n2 create
""",
    )
    code, drawn = run("graph")
    assert code == 0
    assert '"planform_data.b" -> "planform_data.a";' in drawn
    assert 'subgraph "cluster_module.m" {' in drawn
