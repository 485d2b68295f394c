"""`planform images`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.group import Group
from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options
    from planform.training.images import Image


@click.group(cls=Group)
def command() -> None:
    """What `training_image: {framework, version}` may name, and the URI that it stands for."""


@command.command("list")
@click.argument("framework", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(framework: str | None, as_json: bool) -> None:
    """The frameworks, or the versions of one."""
    from planform.training.images import table, table_date

    screen: Screen = click.get_current_context().obj
    lines = [line for line in table() if framework in (None, line.framework)]
    if not lines:
        known = ", ".join(sorted({line.framework for line in table()}))
        raise PlanformError(f'The table of images knows no framework "{framework}".', suggestion=f"There is: {known}.")
    if as_json:
        screen.json({"date": table_date(), "images": [_form(line) for line in lines]})
        return
    if framework is None:
        names = sorted({line.framework for line in lines})
        rows = [["framework", "versions", "newest"]]
        for name in names:
            versions = [version for line in lines if line.framework == name for version in line.versions]
            rows.append([name, str(len(versions)), versions[-1]])
    else:
        rows = [["version", "python", "processors", "base", "regions"]]
        for line in lines:
            cells = [", ".join(line.pythons), ", ".join(line.processors), line.base, str(len(line.accounts))]
            rows += [[version, *cells] for version in line.versions]
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    text = "".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows)
    screen.out(text + f"\nThe table is of {table_date()}.\n")


@command.command("retrieve")
@click.argument("framework")
@click.argument("version", required=False)
@click.option("--py-version")
@click.option("--base-framework-version")
@click.option("--container-version")
@click.option("--region", required=True)
@click.option("--instance-type", default="ml.m5.xlarge", show_default=True)
def retrieve_command(region: str, instance_type: str, **image: str | None) -> None:
    """The URI of an image. Algorithms of AWS that come in one version need none."""
    from planform.training.images import image_uri

    screen: Screen = click.get_current_context().obj
    known = {name: value for name, value in image.items() if value is not None}
    screen.out(image_uri(known, region, instance_type) + "\n")


@command.command("pin")
@click.option("--upgrade", is_flag=True, help="Ask again for what is pinned already.")
@project_options
def pin_command(options: Options, upgrade: bool) -> None:
    """Write the digests of the images that runs use into .planform.lock.yaml: a tag that moves changes no run."""
    from planform.pins import pin_images
    from planform.project import open_project

    screen: Screen = click.get_current_context().obj
    lines = pin_images(open_project(options), upgrade=upgrade)
    screen.out("".join(f"{line}\n" for line in lines) or "No run uses an image by its tag.\n")


@command.command("refresh")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("images.json"), show_default=True)
def refresh_command(folder: Path, out: Path) -> None:
    """Make a table of images from the folder `image_uri_config` of an installed sagemaker-core.

    PLANFORM_IMAGES=FILE lays it over the table that comes with planform.
    """
    from datetime import UTC, datetime

    from planform.training.image_facts import document_text, facts

    screen: Screen = click.get_current_context().obj
    document = facts(
        folder, f"facts in {folder.name}, as published with sagemaker-core", f"{datetime.now(UTC):%Y-%m-%d}"
    )
    out.write_text(document_text(document))
    screen.out(f"Wrote {out}: {len(document['frameworks'])} frameworks. To use it: export PLANFORM_IMAGES={out}\n")


def _form(line: Image) -> dict[str, object]:
    form = line._asdict()
    return {name: sorted(value) if name == "accounts" else value for name, value in form.items() if value}
