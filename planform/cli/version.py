"""`planform version`."""

from __future__ import annotations

import click

from planform import __version__


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Print the version."""
    if as_json:
        import json
        import platform

        document = {"planform_version": __version__, "platform": f"{platform.system()}_{platform.machine()}".lower()}
        click.echo(json.dumps(document))
    else:
        click.echo(f"planform {__version__}")
