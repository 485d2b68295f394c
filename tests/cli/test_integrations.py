"""What this repository offers to others' jobs and hooks: action.yml and .pre-commit-hooks.yaml."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.fakes.forge import TOKEN, served
from tests.test_cases import run_planform
from tests.workflow import Done, run_steps

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
MODULE = 'planform: {name: a}\nvariable: {size: {type: number, default: 2, description: "How | many."}}\nresource: {planform_data: {x: {input: "${var.size}"}}}\n'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "main.pf.yaml").write_text(MODULE.replace("name: a", f"name: {name}"))
    return folder


def act(repository: Path, temp: Path, url: str, kept: list[set[str]], **inputs: str) -> Done:
    def keep(given: Mapping[str, str]) -> None:
        assert given["name"] == "planform-plan"
        kept.append({path.relative_to(given["path"]).as_posix() for path in Path(given["path"]).rglob("*.*")})

    given = {name: item.get("default", "") for name, item in ACTION["inputs"].items()} | {"token": TOKEN} | inputs
    event = temp.parent / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    environment = {"GITHUB_API_URL": url, "GITHUB_REPOSITORY": "team/models", "GITHUB_EVENT_PATH": str(event)}
    context = {f"inputs.{name}": value for name, value in given.items()} | {"github.event_name": "pull_request"}
    actions = {"actions/setup-python": lambda given: None, "actions/upload-artifact": keep}
    return run_steps(ACTION["runs"]["steps"], repository, temp, context, environment, actions)


def test_the_action_plans_comments_and_keeps_the_plan(repository: Path, tmp_path: Path) -> None:
    kept: list[set[str]] = []
    with served() as forge:
        one = act(repository, tmp_path / "1", forge.url, kept, **{"working-directory": "a", "args": "--var size=3"})
        every = act(repository, tmp_path / "2", forge.url, kept, args="--all")
        quiet = act(repository, tmp_path / "3", forge.url, kept, args="--all", comment="false")
        first, second = forge.comments[7].values()
        wrong = act(repository, tmp_path / "4", forge.url, kept, args="--var nothing=1", **{"working-directory": "a"})
        instead, still = forge.comments[7].values()
    assert (one.code, every.code, quiet.code, wrong.code) == (0, 0, 0, 1)
    assert one.outputs["steps.plan.outputs.changes"] == "true"
    assert first.startswith("<!-- planform:a:default -->")
    assert "input: 3" in first
    assert second.startswith("<!-- planform:.:all:default -->")
    assert kept[:2] == [{"plan.pfplan", "plan.html"}, {"a/plan.pfplan", "b/plan.pfplan", "plans.json", "plan.html"}]
    assert "Value for undeclared variable" in wrong.output
    assert "Value for undeclared variable" in instead  # the old plan does not stand there any more
    assert still == second
    assert len(kept) == 3


def test_every_output_of_the_action_is_set() -> None:
    text = (ROOT / "action.yml").read_text()
    assert set(re.findall(r'echo "(\w+)=', text)) == {"changes", "folder"}
    assert all(len(sha) == 40 for sha in re.findall(r"uses: \S+@(\w+)", text))


def hook(name: str, folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    words = [*shlex.split(HOOKS[name]["entry"])[1:], *HOOKS[name].get("args", [])]
    return subprocess.run(
        [sys.executable, "-m", "planform", *words, *(files if HOOKS[name].get("pass_filenames", True) else ())],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_hooks_bring_into_layout_check_and_document(repository: Path) -> None:
    assert set(HOOKS) == {"planform-fmt", "planform-validate", "planform-docs"}
    assert all(re.search(item["files"], "models/main.pf.yaml") for item in HOOKS.values())
    path = repository / "a" / "main.pf.yaml"
    path.write_text("resource: {planform_data: {x: {input: 1}}}\nplanform: {name: a}\n")
    assert hook("planform-fmt", repository, "a/main.pf.yaml", "b/main.pf.yaml").returncode == 0
    assert path.read_text().startswith("planform:")
    assert hook("planform-validate", repository).returncode == 0
    path.write_text("planform: {name: a}\nresource: {planform_date: {}}\n")
    done = hook("planform-validate", repository)
    assert done.returncode == 1
    assert "planform_data" in done.stderr
    assert "1 of 2 root modules not valid." in done.stderr


def test_the_tables_of_a_readme_follow_the_files(repository: Path) -> None:
    folder = repository / "b"
    (folder / "README.md").write_text("# B\n\nWhat it is for.\n")
    assert hook("planform-docs", folder).returncode == 0
    text = (folder / "README.md").read_text()
    assert text.startswith("# B\n\nWhat it is for.\n\n<!-- planform docs -->\n")
    assert "| `size` | `number` | `2` | How \\| many. |" in text
    assert "| `planform_data.x` | main.pf.yaml |" in text
    (folder / "README.md").write_text(text + "\nThe end.\n")
    (folder / "more.pf.yaml").write_text("variable: {token: {type: string, sensitive: true, default: hunter2}}\n")
    assert hook("planform-docs", folder).returncode == 0
    text = (folder / "README.md").read_text()
    assert text.endswith("\nThe end.\n")
    assert text.count("<!-- planform docs -->") == 1
    assert "| `token` | `string` | (sensitive) | (sensitive) |" in text
    assert "hunter2" not in text
    before = (folder / "README.md").stat().st_mtime_ns
    assert hook("planform-docs", folder).stdout == ""
    assert (folder / "README.md").stat().st_mtime_ns == before


def test_docs_of_a_module_are_printed(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository / "a")
    code, out, _ = run_planform(capsys, "docs", "--module")
    assert code == 0
    assert out.startswith("### Variables\n\n| name | type | default |  |\n")
    assert run_planform(capsys, "docs", "trainer", "--module")[0] == 1
    assert run_planform(capsys, "docs", "--into", "x")[0] == 1
