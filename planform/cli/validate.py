"""`planform validate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import Diagnostic, PlanformError
from planform.render.style import count

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print Terraform's validate JSON.")
@click.option("--all", "every", is_flag=True, help="Every root module in this folder and below it.")
@project_options
def command(options: Options, as_json: bool, every: bool) -> int:
    """Check the files: every problem at once, without asking anyone."""
    screen: Screen = click.get_current_context().obj
    if every and as_json:
        raise PlanformError("--json is about one root module.", suggestion="Leave --all or --json out.")
    if every:
        return _every(screen, options)
    problems = _problems(options)
    failed = _is_wrong(problems)
    if as_json:
        from planform.render.diagnostics import diagnostics_json

        screen.json(diagnostics_json(problems, texts_of(problems, options.folder)))
    else:
        screen.problems(problems)
        if not failed:
            screen.success("The files are valid.")
    return int(failed)


def _problems(options: Options) -> tuple[Diagnostic, ...]:
    from planform.project import open_recorded

    try:
        return open_recorded(options).warnings
    except PlanformError as error:
        return error.diagnostics()


def _is_wrong(problems: tuple[Diagnostic, ...]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _every(screen: Screen, options: Options) -> int:
    from planform.roots import root_folders

    folders, failed = root_folders(options.folder), 0
    for folder in folders:
        problems = _problems(replace(options, folder=folder))
        failed += _is_wrong(problems)
        if problems:
            name = folder.relative_to(options.folder.resolve()).as_posix()
            screen.err(screen.error_style.paint(name, "bold", "underline") + "\n")
            screen.problems(problems)
    if failed:
        screen.err(f"\n{failed} of {count(len(folders), 'root module')} not valid.\n")
        return 1
    screen.success(f"The files of {count(len(folders), 'root module')} are valid.")
    return 0


def texts_of(problems: tuple[Diagnostic, ...], folder: Path) -> dict[str, str]:
    """The files that problems point into, for byte offsets."""
    texts: dict[str, str] = {}
    for name in {problem.span.file for problem in problems if problem.span}:
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return texts
