"""`planform schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options


@click.command()
@click.option("--out", metavar="FILE", help="Write it to a file, and say how editors find it.")
@click.option("--pfvars", is_flag=True, help="The schema of this project's *.pfvars.yaml, made from its variables.")
@project_options
def command(options: Options, out: str | None, pfvars: bool) -> None:
    """The JSON Schema of *.pf.yaml, by which editors complete, explain and check while one types."""
    screen: Screen = click.get_current_context().obj
    text = _text(_of_variables(options)) if pfvars else module_schema()
    if out is None:
        screen.out(text)
        return
    path = Path(out)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PlanformError(f"{path} cannot be written: {error.strerror}.") from None
    screen.success(f"Wrote {path}.")
    kind = "*.pfvars.yaml" if pfvars else "*.pf.yaml"
    screen.out(f"Editors with yaml-language-server find it by the first line of a {kind}:\n")
    screen.out(f"# yaml-language-server: $schema={path.as_posix()}\n")


def module_schema() -> str:
    """The schema of *.pf.yaml."""
    from planform.render.language_schema import Tables, language_schema
    from planform.resources import schemas
    from planform.wiring import provider_settings

    return _text(language_schema(Tables(schemas(), provider_settings())))


def _text(document: dict[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _of_variables(options: Options) -> dict[str, object]:
    from planform.project import open_recorded
    from planform.render.language_schema import variables_schema

    variables = open_recorded(options).evaluation.module.variables
    return variables_schema({name: (item.type, item.description) for name, item in variables.items()})
