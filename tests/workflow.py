"""Runs a workflow of GitHub Actions as far as ours go: its `run` steps in bash, its `uses` steps by what a test says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml

# What a `uses` step does here, by the name of the action.
Actions = Mapping[str, Callable[[Mapping[str, str]], None]]


class Done(NamedTuple):
    code: int
    output: str
    summary: str
    outputs: Mapping[str, str] = MappingProxyType({})  # of steps with an id


def run_workflow(
    path: Path, checkout: Path, temp: Path, context: Mapping[str, str], environment: Mapping[str, str], actions: Actions
) -> Done | None:
    """The only job of the workflow; None when its condition does not hold. `context`: expression -> value."""
    (job,) = yaml.safe_load(path.read_text())["jobs"].values()
    if not _holds(job.get("if"), context):
        return None
    folder = checkout / job.get("defaults", {}).get("run", {}).get("working-directory", ".")
    return run_steps(job["steps"], folder, temp, context, {**job.get("env", {}), **environment}, actions)


def run_steps(
    steps: Sequence[Mapping[str, Any]],
    folder: Path,
    temp: Path,
    context: Mapping[str, str],
    environment: Mapping[str, str],
    actions: Actions,
) -> Done:
    """One after another, until one fails; then only those that ask to be run anyway."""
    temp.mkdir(parents=True, exist_ok=True)
    # The environment in which an action installs planform is the one that tests run in.
    (temp / "planform-venv").symlink_to(sys.prefix)
    context = {"runner.temp": str(temp), **context}
    summary, outputs = temp / "summary.md", temp / "outputs"
    summary.write_text("")
    output, code = "", 0
    for step in steps:
        condition = step.get("if")
        if code and "!cancelled()" not in str(condition):
            continue
        if not _holds(condition, context) or step.get("name") == "Install planform":
            continue
        if "uses" in step:
            actions[step["uses"].partition("@")[0]](
                {name: _filled(text, context) for name, text in step.get("with", {}).items()}
            )
            continue
        outputs.write_text("")
        more = {name: _filled(text, context) for name, text in step.get("env", {}).items()}
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"PATH": programs, "CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_TEMP": str(temp), "COLUMNS": "100"}
        own |= {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs)}
        assert "${{" not in step["run"]  # what others write must not become a part of a script
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder / _filled(step.get("working-directory", "."), context),
            env={**os.environ, **own, **environment, **more}, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        )  # fmt: skip
        output += f"## {step['name']}\n{done.stdout}"
        code = code or done.returncode
        if "id" in step:
            context = {**context, f"steps.{step['id']}.outcome": "failure" if done.returncode else "success"}
            for line in outputs.read_text().splitlines():
                name, _, value = line.partition("=")
                context = {**context, f"steps.{step['id']}.outputs.{name}": value}
    told = {name: value for name, value in context.items() if name.startswith("steps.")}
    return Done(code, output, summary.read_text(), told)


def _filled(text: Any, context: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: context[found[1]], str(text))


def _holds(condition: str | None, context: Mapping[str, str]) -> bool:
    if condition is None:
        return True
    for part in condition.removeprefix("${{ ").removesuffix(" }}").split(" && "):
        if part == "!cancelled()":
            continue
        left, sign, right = part.split()
        values = [item[1:-1] if item.startswith("'") else context[item] for item in (left, right)]
        if (values[0] == values[1]) is not (sign == "=="):
            return False
    return True
