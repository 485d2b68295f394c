"""`planform import`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("address")
@click.argument("object_id", metavar="ID")
@project_options
def command(options: Options, address: str, object_id: str) -> None:
    """Record an object that exists already as ADDRESS, which the files declare. ID is its name or ARN.

    It is done at once, without a plan; an `import` block does the same as part of a reviewed plan.
    """
    from planform.project import open_project

    screen: Screen = click.get_current_context().obj
    record = open_project(options).import_object(address, object_id)
    screen.success(f"Imported {record.address} as it is; planform plan shows where the files differ from it.")
