"""`planform refresh`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.options import parallelism_option, project_options
from planform.cli.screen import Screen

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@parallelism_option
@project_options
def command(options: Options) -> None:
    """Record what is live now: objects changed outside planform, and how runs have gone on."""
    from planform.project import open_recorded
    from planform.render.state_text import refreshed_text

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    before = project.snapshot()
    with screen.progress() as progress:
        after = project.refresh(progress)
    screen.out(refreshed_text(before, after, screen.style))
