"""What `terraform console` answers, planform answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from planform.core.values import Value
from planform.language.expressions import ExpressionError, Scope, compile_expression

ERROR = "(error)"
EXPRESSIONS = [line for line in (Path(__file__).parent / "terraform_console.txt").read_text().splitlines() if line]


def terraform_answers(folder: Path, expressions: list[str]) -> list[Value]:
    """All answers from one process."""
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not on PATH, so its answers cannot be compared")
    lines = [
        f"  answer{index} = try(jsonencode({text}), {json.dumps(ERROR)})" for index, text in enumerate(expressions)
    ]
    (folder / "main.tf").write_text("locals {\n" + "\n".join(lines) + "\n}\n")
    (folder / "terraformrc").touch()
    answers = ", ".join(f"local.answer{index}" for index in range(len(expressions)))
    done = subprocess.run(
        [terraform, "console", "-no-color"],
        input=f"jsonencode([{answers}])\n",
        cwd=folder,
        env={"TF_CLI_CONFIG_FILE": str(folder / "terraformrc"), "HOME": str(folder), "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answered: list[Value] = json.loads(json.loads(done.stdout))
    return answered


def test_answers_as_terraform_does(tmp_path: Path, scope: Callable[..., Scope]) -> None:
    (tmp_path / "note.txt").write_text("grüße\n")
    (tmp_path / "greeting.tftpl").write_text("%{ for name in names ~}\nhello ${name}\n%{ endfor ~}\n")
    here = scope(module_folder=str(tmp_path))
    theirs = terraform_answers(tmp_path, EXPRESSIONS)
    ours = [answer(f"jsonencode({text})", here) for text in EXPRESSIONS]
    different = [pair for pair in zip(EXPRESSIONS, ours, theirs, strict=True) if pair[1] != pair[2]]
    assert different == []


def answer(text: str, here: Scope) -> Value:
    try:
        return compile_expression(text).evaluate(here)
    except ExpressionError:
        return ERROR
