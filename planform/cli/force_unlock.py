"""`planform force-unlock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.applying import confirmed
from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("lock_id", metavar="ID")
@click.option("-f", "--force", is_flag=True, help="Do not ask.")
@project_options
def command(options: Options, lock_id: str, force: bool) -> int:
    """Take the lock of the state from a holder that is dead. ID is in the message that says who holds it.

    Should it live, it can write nothing more: it stops at its next step.
    """
    from planform.backends.holder import held_text
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    backend = open_recorded(options).backend
    holder = backend.holder()
    if holder is None:
        raise PlanformError(f"The state {backend.location} is not locked.")
    if holder.id == lock_id and not force:
        screen.out(f"{backend.location} is locked by {held_text(holder)}.\n")
        if not confirmed(screen, "Take the lock away?", instead="Add --force."):
            return 1
    backend.force_unlock(lock_id)
    screen.success(f"{backend.location} is free. What its holder had begun is looked up by the next command.")
    return 0
