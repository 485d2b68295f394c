"""`planform state`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.group import Group
from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.cli.selection import matching

if TYPE_CHECKING:
    from planform.project import Options


@click.group(cls=Group)
def command() -> None:
    """List and show recorded resources."""


@command.command("list")
@click.argument("pattern", required=False)
@project_options
def list_command(options: Options, pattern: str | None) -> None:
    """Addresses of recorded resources; PATTERN is an address or a glob."""
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    known = [str(address) for address in sorted(open_recorded(options).snapshot().state.records)]
    for address in matching(pattern, known, "recorded resource") if pattern else known:
        screen.out(f"{address}\n")


@command.command("show")
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@project_options
def show_command(options: Options, address: str, as_json: bool) -> None:
    """Every attribute of a recorded resource."""
    from planform.project import open_recorded
    from planform.render.state_json import record_form
    from planform.render.state_text import record_text

    screen: Screen = click.get_current_context().obj
    snapshot = open_recorded(options).snapshot()
    by_name = {str(record.address): record for record in snapshot.state.records.values()}
    chosen = [by_name[name] for name in matching(address, by_name, "recorded resource")]
    if as_json:
        for record in chosen:
            screen.json(record_form(record, snapshot.ledger))
    else:
        screen.out("\n".join(record_text(record, snapshot.ledger, screen.style) for record in chosen))
