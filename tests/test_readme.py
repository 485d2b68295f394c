"""README and docs are held to the truth: their YAML is valid, and what they show is what planform prints.

The `$ ` lines of README's console blocks are run in order in one copy of the quickstart; `pytest --bless` writes what they
print now into README.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from planform.cli.group import DefaultGroup
from planform.cli.main import planform
from planform.core.configuration import SourceFile
from planform.language.documents import load_document
from planform.language.functions import NAMES
from planform.language.modules import load
from planform.resources import schemas

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
YAML = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}-{index}")
    for page in PAGES
    for index, text in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL), start=1)
]


@pytest.mark.parametrize("text", YAML)
def test_yaml_of_the_docs_is_valid(text: str, tmp_path: Path) -> None:
    load_document(SourceFile("page.pf.yaml", text))
    if text.startswith("planform:"):
        (tmp_path / "main.pf.yaml").write_text(text)
        load(str(tmp_path), schemas())


def test_the_docs_list_every_function() -> None:
    text = (ROOT / "docs" / "language.md").read_text()
    listed = text.partition("<!-- functions -->")[2].partition("<!-- end of functions -->")[0]
    assert re.findall(r"`(\w+)`", listed) == sorted(NAMES)


def steady(text: str) -> list[str]:
    """The lines without what differs from run to run; lines of steps that run side by side are put in order. A run may be
    over before anybody has seen it wait or work."""
    for pattern, mark in (
        (r"Plan id: \w{10}", "Plan id: ID"),
        (r"@(fast|slow)/(\d)-\w+", r"@\1/\2-RUN"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?", "TIME"),
        (r"\bin \d+\.\d s", "in N s"),
        (r" +\d+\.\d s\b", " N s"),
        (r"[\w.-]+@[\w.-]+(?=[.,])", "WHO"),
        (r"/\S*/planform-readme\S*?/", ""),
    ):
        text = re.sub(pattern, mark, text)
    lines: list[str] = []
    steps: list[str] = []
    for line in text.splitlines():
        if re.fullmatch(r"\S+: run \d (queued|running)", line):
            continue
        if re.match(r"\S+: (run \d|creat)", line):
            steps.append(line)
            continue
        lines += sorted(steps)
        steps = []
        lines.append(line.rstrip())
    return lines + sorted(steps)


SHOWN = [README, ROOT / "docs" / "index.md"]  # their console blocks are run in a copy of the quickstart


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.name)
def test_the_console_blocks_are_what_planform_prints(page: Path, tmp_path: Path, bless: bool) -> None:
    copy = tmp_path / "planform-readme"
    shutil.copytree(ROOT / "examples" / "quickstart", copy)
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "COLUMNS": "100", "NO_COLOR": "1"}
    text = page.read_text()
    shown: list[str] = []

    def run(block: re.Match[str]) -> str:
        answer = ""
        for command in re.findall(r"^\$ (.*)$", block[1], re.MULTILINE):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=copy,
                env=environment,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            output = done.stdout.rstrip("\n")
            answer += f"$ {command}\n" + (f"{output}\n\n" if output else "")
        shown.append(answer)
        return f"```console\n{answer.rstrip()}\n```"

    blessed = CONSOLE.sub(run, text)
    if bless:
        page.write_text(blessed)
        return
    for block, actual in zip(CONSOLE.findall(text), shown, strict=True):
        assert steady(actual.rstrip()) == steady(block.rstrip())


COMMAND = re.compile(r"^(?:\$ )?planform ([^#|&;>\n]*)", re.MULTILINE)
SHELL = re.compile(r"```(?:sh|console|bash)\n(.*?)```", re.DOTALL)
COMMANDS = [
    pytest.param(line.strip(), id=f"{page.relative_to(ROOT)}: {line.strip()[:60]}")
    for page in PAGES
    for block in SHELL.findall(page.read_text())
    for line in COMMAND.findall(block)
]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_docs_exist(line: str) -> None:
    """Every command that a page tells to type, with every option of it."""
    words = shlex.split(line)
    command: click.Command = planform
    context = click.Context(command, info_name="planform", **command.context_settings)
    options: set[str] = set(names_of(command, context))
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("-") and len(name) > 1:
            assert name in options or f"-{name}" in options, f"{context.command_path} has no {name}"
        elif isinstance(command, click.Group) and word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found is not None
            command, context = found, click.Context(found, parent=context, info_name=word)
            options |= set(names_of(command, context))
    assert command is not planform or words[:1] in ([], ["--help"]), f"there is no command: planform {line}"


def names_of(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        yield from (*parameter.opts, *parameter.secondary_opts)
    if isinstance(command, DefaultGroup):
        default = command.get_command(context, command.default)
        assert default is not None
        yield from names_of(default, context)


def test_every_page_is_in_the_site() -> None:
    """mkdocs.yml names each page that is not made by planform itself."""
    named = set(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").glob("*.md")}
    assert pages | {"reference/index.md", "reference/commands.md"} == named


def test_links_of_the_docs_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"


def test_figures_are_those_of_the_recorded_run() -> None:
    """README and the comparison say nothing that the page of benchmarks does not."""
    figure = r"\b[\d.]+ (?:s|MB)\b"
    recorded = set(re.findall(figure, (ROOT / "docs" / "benchmarks.md").read_text()))
    comparison = (ROOT / "docs" / "comparison.md").read_text().partition("## Terraform")[2].partition("The twins")[0]
    (told,) = re.findall(r"^10,000 separate resources: .*?\. \[", README.read_text(), re.MULTILINE | re.DOTALL)
    for text in (comparison, told):
        said = set(re.findall(figure, text))
        assert said
        assert said <= recorded


def test_every_row_of_the_fault_table_names_its_tests() -> None:
    from tests.stories.test_aws_everything import CHANGING

    page = (ROOT / "docs" / "aws.md").read_text().partition("## Faults")[2].partition("\n## ")[0]
    assert f"the {len(CHANGING)} by which planform changes something" in page
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    stories = "".join(path.read_text() for path in ROOT.glob("tests/stories/*.py"))
    there, before = set(re.findall(r"^def (test_\w+)", stories, re.MULTILINE)), set[str]()
    for row in rows:
        assert len(row) == 4, row
        named = before if row[3] == "the same" else set(re.findall(r"`(test_\w+)`", row[3]))
        assert named, row
        assert named <= there, row
        before = named
