"""`planform permissions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options

ROLES = ("plan", "apply", "job")


@click.command()
@click.argument("role", type=click.Choice(ROLES))
@project_options
def command(options: Options, role: str) -> None:
    """The IAM policy that planning, applying or the jobs themselves need, and no more.

    `plan` only reads; `apply` makes and changes what the files declare; `job` is for the execution role of trainers.
    """
    from planform.project import open_project

    screen: Screen = click.get_current_context().obj
    project = open_project(options)
    policy = project.permissions(role)
    if policy is None:
        raise PlanformError(
            "Nothing in these files is made on AWS.", suggestion="Choose the workspace or the provider that is."
        )
    screen.out(policy)
