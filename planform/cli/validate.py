"""`planform validate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import Diagnosed, Diagnostic

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print Terraform's validate JSON.")
@project_options
def command(options: Options, as_json: bool) -> int:
    """Check the files: every problem at once, without asking anyone."""
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    problems: tuple[Diagnostic, ...]
    try:
        problems = open_recorded(options).warnings
    except Diagnosed as error:
        problems = error.problems
    failed = any(problem.severity == "error" for problem in problems)
    if as_json:
        from planform.render.diagnostics import diagnostics_json

        screen.json(diagnostics_json(problems, texts_of(problems, options.folder)))
    else:
        screen.problems(problems)
        if not failed:
            screen.success("The files are valid.")
    return int(failed)


def texts_of(problems: tuple[Diagnostic, ...], folder: Path) -> dict[str, str]:
    """The files that problems point into, for byte offsets."""
    texts: dict[str, str] = {}
    for name in {problem.span.file for problem in problems if problem.span}:
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return texts
