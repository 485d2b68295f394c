"""Completion as the shells do it, with the scripts that `planform completion` prints."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from planform.language.outline import outline

FILES = """\
planform: {name: shells}
variable: {learning_rate: {default: 0.1}, layers: {type: number, default: 2}}
resource:
  planform_data:
    one: {input: 1}
    each: {for_each: {slow: 1, "odd key": 2}, input: "${each.value}"}
    few: {count: 2, input: 0}
  trainer:
    t: {for_each: {a.b: 1}, training_image: i, source_code: {command: "true"}}
module:
  inner: {source: ./inner}
output: {first: {value: 1}}
"""
INNER = "resource: {planform_data: {deep: {input: 1}}}\n"
# What bash would offer: the words that stand before the cursor, the last one begun.
BASH = """
source <(planform completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
compopt() { :; }
_planform
printf '%s\\n' "${COMPREPLY[@]}"
"""
# zsh's own functions tell what they are given.
ZSH = """
compadd() { while [[ $1 == -* ]]; do [[ $1 == -a ]] && { print -rl -- ${(P)2}; return }; [[ $1 == -S ]] && shift; shift; done; print -rl -- "$@" }
_describe() { [[ $1 == -o ]] && shift; print -rl -- ${${(P)2}%%:*} }
_files() { print -r -- FILES }
compset() { :; }
source <(planform completion zsh)
words=("$@") CURRENT=$#
_planform
"""

Complete = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "main.pf.yaml").write_text(INNER)
    (tmp_path / "main.pf.yaml").write_text(FILES)
    (tmp_path / "workspaces").mkdir()
    (tmp_path / "workspaces" / "cloud.pfvars.yaml").write_text("layers: 3\n")
    return tmp_path


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": "/nonexistent"}


@pytest.fixture(params=["bash", "zsh", "fish"])
def complete(request: pytest.FixtureRequest, folder: Path) -> Complete:
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")

    def asked(*words: str) -> list[str]:
        if shell == "fish":
            line = " ".join(words)
            script = f"planform completion fish | source; complete -C {line!r}"
            command = ["fish", "--no-config", "-c", script]
        else:
            plain = ["bash", "--norc"] if shell == "bash" else ["zsh", "-f"]
            command = [*plain, "-c", BASH if shell == "bash" else ZSH, shell, *words]
        done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
        assert done.stderr == ""
        found = [line.partition("\t")[0].replace("\\", "") for line in done.stdout.splitlines()]
        # zsh itself chooses among all; the others were told what was begun.
        return [item for item in found if item and (shell != "zsh" or item == "FILES" or item.startswith(words[-1]))]

    return asked


def test_commands_and_what_is_below_them(complete: Complete) -> None:
    assert {"plan", "apply", "state", "workspace"} <= set(complete("planform", ""))
    assert complete("planform", "wo") == ["workspace"]
    assert {"list", "show", "mv", "rm", "pull", "push"} <= set(complete("planform", "state", ""))
    assert "words" not in complete("planform", "completion", "")


def test_options_and_their_values(complete: Complete) -> None:
    assert {"--target", "--target-file"} <= set(complete("planform", "plan", "--tar"))
    assert "--auto-approve" in complete("planform", "apply", "--au")
    assert complete("planform", "plan", "--format", "h") == ["html"]
    assert complete("planform", "plan", "--parallelism", "") == []


def test_addresses(complete: Complete) -> None:
    found = complete("planform", "plan", "--target", "planform_data.")
    assert set(found) == {
        "planform_data.one", "planform_data.each", 'planform_data.each["slow"]', 'planform_data.each["odd key"]',
        "planform_data.few", "planform_data.few[0]", "planform_data.few[1]",
    }  # fmt: skip
    assert complete("planform", "state", "show", "module.inner.") == ["module.inner.planform_data.deep"]
    assert complete("planform", "state", "show", "planform_data.o") == ["planform_data.one"]


def test_what_has_runs(complete: Complete) -> None:
    for words in (("logs",), ("runs", "compare"), ("apply", "--retry")):
        assert set(complete("planform", *words, "")) - {"--help"} == {"trainer.t", 'trainer.t["a.b"]'}
    assert complete("planform", "apply", "--accept-limit", "max_c") == ["max_cost_usd"]


def test_workspaces_variables_and_outputs(complete: Complete) -> None:
    assert complete("planform", "-w", "") == ["cloud", "default"]
    assert complete("planform", "workspace", "select", "c") == ["cloud"]
    assert sorted(complete("planform", "plan", "--var", "l")) == ["layers=", "learning_rate="]
    assert complete("planform", "output", "f") == ["first"]


def test_another_folder(complete: Complete) -> None:
    assert complete("planform", "--chdir", "inner", "plan", "--target", "planform_data.") == ["planform_data.deep"]


def test_what_is_recorded_is_offered_too(folder: Path) -> None:
    run = [sys.executable, "-m", "planform"]
    subprocess.run([*run, "apply", "-y"], cwd=folder, check=True, capture_output=True)
    (folder / "main.pf.yaml").write_text("planform: {name: shells}\n")
    done = subprocess.run(
        [*run, "completion", "words", "addresses"], cwd=folder, check=True, capture_output=True, text=True
    )
    assert 'planform_data.each["slow"]\n' in done.stdout


def test_words_take_little_and_ask_nobody(folder: Path) -> None:
    script = (
        "import sys; from planform.cli.main import main\n"
        "try: main(['completion', 'words', 'addresses'])\n"
        "finally: print(sorted({'boto3', 'docker', 'jinja2', 'rich', 'planform.project', 'planform.engine',"
        " 'planform.language.expand'} & set(sys.modules)), file=sys.stderr)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stderr == "[]\n"
    # 150 ms is what one does not notice; the rest is for a machine that others use too.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.45


@pytest.mark.parametrize(
    "text", ["a: [", "- 1", "resource: 3", "module: {m: {source: .}}", "\x00", "resource: {a: [1]}"]
)
def test_an_outline_of_what_is_being_written(tmp_path: Path, text: str) -> None:
    """Half a file is the usual case while one types."""
    (tmp_path / "main.pf.yaml").write_text(text)
    (tmp_path / "other.pf.yaml").write_text("resource: {planform_data: {whole: {input: 1}}}\n")
    assert "planform_data.whole" in outline(tmp_path).addresses
