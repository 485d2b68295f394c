"""`planform locks`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.backend import Backend, Holder

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@project_options
def command(options: Options, as_json: bool) -> None:
    """Who holds the state of each workspace, since when, and whether they live."""
    from planform.cli.workspaces import known
    from planform.project import open_recorded
    from planform.render.style import table

    screen: Screen = click.get_current_context().obj
    backends = {name: open_recorded(replace(options, workspace=name)).backend for name in known(options)}
    holders = {name: backend.holder() for name, backend in backends.items()}
    if as_json:
        screen.json({"locks": [_form(name, backends[name], holder) for name, holder in holders.items()]})
        return
    rows = [["workspace", "holder", "does", "for", "lives", "id"]]
    for name, holder in holders.items():
        rows.append([name, *(_cells(holder) if holder is not None else ["(free)", "", "", "", ""])])
    screen.out("\n".join(table(rows)) + "\n")


def _cells(holder: Holder) -> list[str]:
    from planform.backends.holder import age, span_text

    alive = _alive(holder)
    seen = f"seen {span_text(holder.silent_for)} ago" if holder.silent_for is not None else "?"
    lives = seen if alive is None else "yes" if alive else f"no, {seen}"
    return [f"{holder.who} ({holder.pid})", holder.operation, span_text(age(holder)), lives, holder.id]


def _form(workspace: str, backend: Backend, holder: Holder | None) -> dict[str, object]:
    form: dict[str, object] = {"workspace": workspace, "state": backend.location, "locked": holder is not None}
    return form | ({**holder._asdict(), "lives": _alive(holder)} if holder is not None else {})


def _alive(holder: Holder) -> bool | None:
    from planform.backends.holder import lives

    return lives(holder)
