"""The file of prices: what an hour of an instance costs, by region and type, and of which day that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TypeAlias

from planform.core.configuration import Configuration, SourceFile
from planform.core.errors import Diagnosed, PlanformError, Problems
from planform.core.guards import Prices
from planform.core.schemas import (
    ANY,
    STRING,
    Attribute,
    Misfit,
    attributes,
    convert_body,
    describe,
    map_of,
    number_text,
)
from planform.core.values import Value
from planform.language.blocks import misfit_summary
from planform.language.documents import Expr, load_document, locate
from planform.language.environment import Files
from planform.language.text import diagnostic_at

FILE = "planform.prices.yaml"
HEAD = """\
# US dollars for an hour of an instance, by region; `local` is this machine. `planform prices refresh` writes this file
# anew, but for what stands under `local` and `spot`, which is yours to write.
"""
Tables: TypeAlias = Mapping[str, Mapping[str, float]]
_TABLE = attributes(
    as_of=Attribute(STRING, "The date of the prices, YYYY-MM-DD.", required=True),
    on_demand=Attribute(map_of(map_of(ANY))),
    spot=Attribute(map_of(map_of(ANY))),
)


def read_prices(configuration: Configuration, files: Files) -> Prices | None:
    """The prices of a project, read through the plan's snapshot; None where it has no file of them.

    Raises:
        Diagnosed: the file that the planform block names is not there, or what is wrong with it.
    """
    setting, folder = configuration.prices, configuration.folder
    path = setting.path if setting is not None else FILE
    try:
        if setting is None and not files.exists(path, folder):
            return None
        text = files.read(path, folder).decode()
    except (OSError, UnicodeDecodeError, PlanformError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        summary, suggestion = f"The prices in {path} cannot be read: {said}.", "Write them: planform prices refresh"
        if setting is None:
            raise PlanformError(summary, suggestion=suggestion) from None
        raise Diagnosed([diagnostic_at(setting.source, setting.span, summary, suggestion=suggestion)]) from None
    return parse_prices(SourceFile(path, text))


def prices_text(as_of: str, on_demand: Tables, spot: Tables) -> str:
    """A file of prices."""
    lines = [HEAD, f'as_of: "{as_of}"\n']
    for name, tables in (("on_demand", on_demand), ("spot", spot)):
        lines += [f"{name}:\n"] * bool(tables)
        for region, prices in sorted(tables.items()):
            lines.append(f"  {region}:\n")
            lines += [f"    {kind}: {number_text(price)}\n" for kind, price in sorted(prices.items())]
    return "".join(lines)


def parse_prices(source: SourceFile) -> Prices:
    """The prices in a file.

    Raises:
        Diagnosed: what is wrong with it, at its places.
    """
    value, misfits = load_document(source).value, list[Misfit]()
    if not isinstance(value, dict):
        value = {}
        misfits.append(Misfit((), "Prices are a mapping with as_of, on_demand and spot."))
    checked = convert_body(value, _TABLE, (), misfits)
    misfits += _wrong_date(checked.get("as_of"))
    for table in ("on_demand", "spot"):
        misfits += _wrong_prices(checked.get(table), table)
    problems = Problems()
    for misfit in misfits:
        span = locate(source, misfit.path, key=misfit.summary.endswith("is not expected here."))
        detail = " ".join(filter(None, (misfit.summary, misfit.detail)))
        problems.add(diagnostic_at(source, span, misfit_summary(misfit), detail, misfit.suggestion))
    problems.raise_if_any()
    return Prices(source.path, checked["as_of"], _table(checked, "on_demand"), _table(checked, "spot"))


def _table(checked: Mapping[str, Value], name: str) -> dict[str, dict[str, float]]:
    return {region: dict(prices or {}) for region, prices in (checked.get(name) or {}).items()}


def _wrong_date(text: Value) -> Iterator[Misfit]:
    if not isinstance(text, str):
        return
    try:
        if len(text) != 10:
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        yield Misfit(("as_of",), f"{describe(text)} is not a date.", suggestion='Write it as "2026-11-01".')


def _wrong_prices(table: Value, name: str) -> Iterator[Misfit]:
    for region, prices in table.items() if isinstance(table, dict) else ():
        for kind, price in prices.items() if isinstance(prices, dict) else ():
            shown = "an expression" if isinstance(price, Expr) else describe(price)
            if isinstance(price, bool) or not isinstance(price, (int, float)):
                yield Misfit((name, region, kind), f"A price is a number of US dollars an hour, not {shown}.")
            elif not 0 <= price < float("inf"):
                yield Misfit((name, region, kind), f"A price is not negative and not endless: {shown}.")
