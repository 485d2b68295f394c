"""`planform output`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import PlanformError, did_you_mean

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--raw", is_flag=True, help="Print a string, number or boolean as it is, for scripts; needs NAME.")
@project_options
def command(options: Options, name: str | None, as_json: bool, raw: bool) -> None:
    """Print outputs as they were last applied."""
    from planform.project import open_recorded
    from planform.render.state_json import outputs_json
    from planform.render.state_text import outputs_text, value_block

    screen: Screen = click.get_current_context().obj
    if raw and not name:
        raise PlanformError("--raw prints one output: give its NAME.", suggestion="planform output --raw NAME")
    outputs = open_recorded(options).snapshot().state.outputs
    if name is None:
        if as_json:
            screen.json(outputs_json(outputs))
        else:
            screen.out(outputs_text(outputs) or "No outputs are recorded. `planform apply` records them.\n")
        return
    if name not in outputs:
        raise PlanformError(
            f'There is no output "{name}" in the state.',
            "An output is recorded when it has been applied." if not outputs else "",
            did_you_mean(name, outputs) if outputs else "",
        )
    value = outputs[name]
    found = outputs_json({name: value})[name]
    if "value" not in found and (as_json or raw):
        raise PlanformError(f'The value of output "{name}" is sensitive: the state does not hold it.')
    if as_json:
        import json

        screen.out(json.dumps(found["value"], ensure_ascii=False) + "\n")
    elif raw:
        if isinstance(found["value"], (dict, list)) or found["value"] is None:
            raise PlanformError(f'Output "{name}" is not a string, number or boolean.', suggestion="Use --json.")
        from planform.render.values import value_text

        screen.out(found["value"] if isinstance(found["value"], str) else value_text(found["value"]))
    else:
        screen.out(value_block(value) + "\n")
