"""`planform prices`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import click

from planform.cli.group import Group
from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.core.guards import Prices
    from planform.project import Options

Where: TypeAlias = tuple[str, str]  # region and instance type


@click.group(cls=Group)
def command() -> None:
    """What an hour of an instance costs: the file by which plans tell costs."""


@command.command("refresh")
@click.option("--region", "regions", multiple=True, metavar="REGION", help="Also for this region.")
@click.option("--instance-type", "types", multiple=True, metavar="TYPE", help="Also for this type of instance.")
@project_options
def refresh_command(options: Options, regions: tuple[str, ...], types: tuple[str, ...]) -> None:
    """Write today's prices on demand into the file of prices, from the Price List API of AWS.

    They are those of the instances that trainers on AWS use, of --region and --instance-type, and of what the file has
    already. Its section `local` and prices of spot instances, which AWS does not publish, stay as they are.
    """
    from planform.language.prices import prices_text
    from planform.project import open_recorded
    from planform.providers.aws.pricing import prices_of
    from planform.wiring import settings_of

    screen: Screen = click.get_current_context().obj
    project = open_recorded(options)
    path, before = project.prices_file()
    wanted = _wanted(project.priced_instances(), before, regions, types)
    found = prices_of(settings_of(project.configuration, "aws"), wanted)
    on_demand = {"local": before.on_demand["local"]} if before and "local" in before.on_demand else {}
    table: dict[str, dict[str, float]] = {}
    for (region, kind), price in found.items():
        screen.out(f"{region}  {kind}  {_told(price, _known(before, region, kind))}\n")
        if price is not None:
            table.setdefault(region, {})[kind] = price
    if not table:
        raise PlanformError(
            "AWS publishes no price of any of these.", suggestion="Check the names of the regions and types."
        )
    text = prices_text(f"{datetime.now(UTC):%Y-%m-%d}", {**on_demand, **table}, before.spot if before else {})
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    partial.replace(path)
    screen.out(f"\nWrote {path.relative_to(options.folder)}. It belongs into version control.\n")


def _wanted(used: set[Where], before: Prices | None, regions: tuple[str, ...], types: tuple[str, ...]) -> list[Where]:
    """What to ask for: what is used, what the file has, and each given region with each given type.

    Raises:
        PlanformError: that is nothing.
    """
    known = {
        (region, kind)
        for region, prices in (before.on_demand if before else {}).items()
        for kind in prices
        if region != "local"
    }
    wanted = used | known
    if regions or types:
        wanted |= {
            (region, kind)
            for region in regions or {region for region, _ in wanted}
            for kind in types or {kind for _, kind in wanted}
        }
    if not wanted:
        raise PlanformError(
            "There is nothing to look up prices of: no trainer of these files runs on AWS.",
            suggestion="Say what: planform prices refresh --region us-west-2 --instance-type ml.m5.xlarge",
        )
    return sorted(wanted)


def _known(prices: Prices | None, region: str, kind: str) -> float | None:
    return prices.on_demand.get(region, {}).get(kind) if prices is not None else None


def _told(price: float | None, before: float | None) -> str:
    was = f" (was ${before:g})" if before not in (None, price) else ""
    return f"${price:g} an hour{was}" if price is not None else f"no price is published{was}"
