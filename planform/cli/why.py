"""`planform why`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.cli.selection import matching
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@project_options
def command(options: Options, address: str, as_json: bool) -> None:
    """What a trainer's definition is made of, and what moved since its last run."""
    from planform.core.addresses import parse_address
    from planform.project import open_project
    from planform.render.runs_json import why_json
    from planform.render.runs_text import why_text

    screen: Screen = click.get_current_context().obj
    project = open_project(options)
    trainers = [str(item) for item in project.configuration.instances if project.edges.schemas[item.type].has_runs]
    snapshot = project.snapshot()
    for index, name in enumerate(sorted(matching(address, trainers, "trainer"))):
        components = project.current_components(parse_address(name))
        if components is None:
            raise PlanformError(
                f"What {name} is made of is known only after apply.", suggestion="planform plan shows why."
            )
        runs = snapshot.ledger.of(name)
        record = snapshot.state.records.get(parse_address(name))
        current = record.object.get("run_number") if record else None
        previous = next((run for run in runs if run.number == current), runs[-1] if runs else None)
        if as_json:
            screen.json(why_json(name, components, previous))
        else:
            screen.out("\n" * bool(index) + why_text(name, components, previous, screen.style))
