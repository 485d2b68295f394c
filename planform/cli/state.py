"""`planform state`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.group import Group
from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.cli.selection import matching
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options


@click.group(cls=Group)
def command() -> None:
    """What is recorded: list, show, move, forget, take out and put in."""


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


@command.command("mv")
@click.argument("source")
@click.argument("target")
@click.option("--dry-run", is_flag=True, help="Only say what would move.")
@project_options
def mv_command(options: Options, source: str, target: str, dry_run: bool) -> None:
    """Give what is recorded as SOURCE (an instance, a resource or a module) the address TARGET.

    Nothing else changes: names stay, runs go along. A `moved` block does the same as part of a reviewed plan.
    """
    from planform.engine.moves import move_entries
    from planform.engine.state_edits import moved_addresses
    from planform.project import open_recorded
    from planform.resources import schemas

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    if dry_run:
        moves = moved_addresses(project.snapshot(), source, target, schemas())
    else:
        with project.locked("state mv") as session:
            moves = moved_addresses(session.snapshot(), source, target, schemas())
            session.append(move_entries(session.snapshot(), moves))
            session.fold()
    for old, new in moves.items():
        screen.out(f"{'Would move' if dry_run else 'Moved'} {old} to {new}\n")
    if not dry_run:
        screen.out(f"The state before is {project.backend.backup}; planform plan shows what the files say of it.\n")


@command.command("rm")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@project_options
def rm_command(options: Options, addresses: tuple[str, ...], dry_run: bool) -> None:
    """Forget what is recorded as ADDRESS (also a module or a glob). It goes on existing; its runs stay listed."""
    from planform.engine.state_edits import removed_entries
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)

    def chosen(known: list[str]) -> list[str]:
        return list(dict.fromkeys(found for item in addresses for found in matching(item, known, "recorded resource")))

    if dry_run:
        gone = chosen([str(address) for address in sorted(project.snapshot().state.records)])
    else:
        with project.locked("state rm") as session:
            gone = chosen([str(address) for address in sorted(session.snapshot().state.records)])
            session.append(removed_entries(gone))
            session.fold()
    for address in gone:
        screen.out(f"{'Would forget' if dry_run else 'Forgot'} {address}\n")
    if not dry_run:
        screen.out(f"The state before is {project.backend.backup}.\n")


@command.command("pull")
@project_options
def pull_command(options: Options) -> None:
    """Print the whole state with its runs, as one document that `state push` takes."""
    from planform.core.statefile import pulled_text
    from planform.project import open_recorded

    screen: Screen = click.get_current_context().obj
    snapshot = open_recorded(options).snapshot()
    if not snapshot.exists:
        raise PlanformError("There is no state yet.", suggestion="planform apply makes one.")
    screen.out(pulled_text(snapshot))


@command.command("push")
@click.argument("file")
@click.option("--force", is_flag=True, help="Even over a state of another lineage, or a newer one.")
@project_options
def push_command(options: Options, file: str, force: bool) -> None:
    """Put the state in FILE (- for standard input) in place of the one that is there."""
    from planform.core.statefile import parse_pulled
    from planform.engine.state_edits import pushed_snapshot
    from planform.project import open_recorded, replace_state

    screen: Screen = click.get_current_context().obj
    pushed = parse_pulled(_text_of(file), file)
    project = open_recorded(options)
    with project.locked("state push") as session:
        current = session.snapshot()
        replace_state(session, pushed_snapshot(current, pushed, force=force))
    records = len(pushed.state.records)
    screen.success(f"{project.backend.location} holds {records} resource{'s' * (records != 1)} now.")
    if current.exists:
        screen.out(f"The state before is {project.backend.backup}.\n")


def _text_of(file: str) -> str:
    import sys
    from pathlib import Path

    from planform.backends.encryption import unwrapped

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return unwrapped(data, file).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise PlanformError(f"The state {file} cannot be read: {reason}.") from None
