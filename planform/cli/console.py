"""`planform console`: expressions against the configuration and what is recorded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@project_options
def command(options: Options) -> int:
    """Evaluate expressions, one a line: typed at a prompt, or piped in. Nothing is changed."""
    from planform.project import open_recorded
    from planform.render.state_text import value_block

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    evaluation = project.recorded_evaluation()
    asking = sys.stdin.isatty()
    failed = 0
    if asking:
        import readline  # noqa: F401  -- gives the prompt its history

        screen.out("Expressions, such as var.x or length([1, 2]); exit ends.\n")
    while True:
        try:
            line = input("> ") if asking else sys.stdin.readline()
        except EOFError:
            screen.out("\n")
            break
        if not asking and not line:
            break
        text = line.strip()
        if text in ("exit", "quit"):
            break
        if not text:
            continue
        try:
            screen.out(value_block(evaluation.evaluate_string(text)).lstrip("\n") + "\n")
        except PlanformError as error:
            screen.problems(error.diagnostics())
            failed = 1
    return 0 if asking else failed
