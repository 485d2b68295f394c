"""Runs a workflow of GitHub Actions as far as ours go: its `run` steps in bash, its `uses` steps by what a test says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

# What a `uses` step does here, by the name of the action.
Actions = Mapping[str, Callable[[Mapping[str, str]], None]]


class Done(NamedTuple):
    code: int
    output: str
    summary: str


def run_workflow(
    path: Path, checkout: Path, temp: Path, context: Mapping[str, str], environment: Mapping[str, str], actions: Actions
) -> Done | None:
    """The only job of the workflow; None when its condition does not hold. `context`: expression -> value."""
    (job,) = yaml.safe_load(path.read_text())["jobs"].values()
    temp.mkdir(parents=True, exist_ok=True)
    context = {"runner.temp": str(temp), **context}
    summary = temp / "summary.md"
    summary.write_text("")
    if not _holds(job.get("if"), context):
        return None
    folder = checkout / job.get("defaults", {}).get("run", {}).get("working-directory", ".")
    output = ""
    for step in job["steps"]:
        if not _holds(step.get("if"), context) or step.get("name") == "Install planform":
            continue
        given = {name: _filled(text, context) for name, text in step.get("with", {}).items()}
        if "uses" in step:
            actions[step["uses"].partition("@")[0]](given)
            continue
        more = {name: _filled(text, context) for name, text in step.get("env", {}).items()}
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"PATH": programs, "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(temp)}
        own |= {"GITHUB_STEP_SUMMARY": str(summary), "COLUMNS": "100"}
        assert "${{" not in step["run"]  # what others write must not become a part of a script
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder, env={**os.environ, **own, **environment, **more}, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        )  # fmt: skip
        output += f"## {step['name']}\n{done.stdout}"
        if done.returncode:
            return Done(done.returncode, output, summary.read_text())
    return Done(0, output, summary.read_text())


def _filled(text: Any, context: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: context[found[1]], str(text))


def _holds(condition: str | None, context: Mapping[str, str]) -> bool:
    if condition is None:
        return True
    left, sign, right = condition.split()
    values = [item[1:-1] if item.startswith("'") else context[item] for item in (left, right)]
    return (values[0] == values[1]) is (sign == "==")
