"""`planform workspace`: several states and runs for one set of files."""

from __future__ import annotations

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.cli.workspaces import check_name, known, remember, selected
from planform.core.errors import PlanformError, did_you_mean
from planform.project import Options, open_recorded


@click.group()
def command() -> None:
    """List, choose, make and delete workspaces."""


@command.command("list")
@project_options
def list_workspaces(options: Options) -> None:
    """All workspaces; the selected one is marked."""
    screen: Screen = click.get_current_context().obj
    for name in known(options):
        screen.out(f"{'*' if name == options.workspace else ' '} {name}\n")


@command.command()
def show() -> None:
    """The name of the selected workspace."""
    screen: Screen = click.get_current_context().obj
    screen.out(f"{screen.workspace}\n")


@command.command()
@click.argument("name")
@project_options
def new(options: Options, name: str) -> None:
    """Make a workspace and select it."""
    check_name(name)
    if name in known(options):
        raise PlanformError(f'There is a workspace "{name}" already.', suggestion=f"planform workspace select {name}")
    remember(options.folder, name, new=True)
    screen: Screen = click.get_current_context().obj
    screen.success(f'Made and selected the workspace "{name}": it has no state and no runs yet.')


@command.command()
@click.argument("name")
@project_options
def select(options: Options, name: str) -> None:
    """Use another workspace from now on, when -w does not say otherwise."""
    names = known(options)
    if name not in names:
        suggestion = f"{did_you_mean(name, names)} Make it: planform workspace new {name}"
        raise PlanformError(f'There is no workspace "{name}".', suggestion=suggestion)
    remember(options.folder, name)
    screen: Screen = click.get_current_context().obj
    screen.success(f'Selected the workspace "{name}".')


@command.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Even if resources are recorded in it; they are lost from sight.")
@project_options
def delete(options: Options, name: str, force: bool) -> None:
    """Delete the state of a workspace. What it made is not touched: destroy that before."""
    from dataclasses import replace

    if name not in known(options):
        raise PlanformError(f'There is no workspace "{name}".', suggestion=did_you_mean(name, known(options)))
    if name == "default":
        raise PlanformError('The workspace "default" always exists.')
    if name == selected(options.folder):
        raise PlanformError(
            f'The workspace "{name}" is the selected one.', suggestion="planform workspace select default"
        )
    project = open_recorded(replace(options, workspace=name))
    records = project.snapshot().state.records
    if records and not force:
        raise PlanformError(
            f'{len(records)} resources are recorded in the workspace "{name}".',
            suggestion=f"planform -w {name} destroy, or --force to lose them from sight.",
        )
    project.backend.remove("workspace delete")
    remember(options.folder, name, gone=True)
    screen: Screen = click.get_current_context().obj
    screen.success(f'Deleted the workspace "{name}".')
