"""What is defined on this machine: one small file for each service environment and queue, replaced in one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.resource import Handler, Planned, Query
from planform.core.schemas import Misfit
from planform.core.state import Record
from planform.core.values import Object, decode, encode, reveal
from planform.providers.local.files import read_json, write_json
from planform.resources import short_name

PlaceOf = Callable[[str], Path]


def arn(kind: str, name: str) -> str:
    return f"planform:local:{kind}/{name}"


def found(records: Sequence[Record], place: PlaceOf) -> dict[Address, Object | None]:
    """The objects that are there, None for those that are gone."""
    live: dict[Address, Object | None] = {}
    for record in records:
        stored = read_json(place(record.object["name"]))
        live[record.address] = None if stored is None else decode(stored["object"])
    return live


def find(ids: Sequence[str], place: PlaceOf) -> dict[str, Object]:
    """The objects with these names or ARNs, by what they were asked for."""
    live: dict[str, Object] = {}
    for wanted in ids:
        name = str(short_name(wanted))
        stored = read_json(place(name)) if name == Path(name).name else None
        if stored is not None:
            live[wanted] = decode(stored["object"])
    return live


@dataclass(frozen=True, slots=True)
class Lookup:
    """Reads data about objects of one type, by name."""

    type_name: str
    objects: Handler

    def read(self, queries: Sequence[Query]) -> Sequence[Object | Misfit]:
        names = [query.arguments["name"] for query in queries]
        found = self.objects.find(names)
        return [found[name] if name in found else self._missing(name) for name in names]

    def _missing(self, name: str) -> Misfit:
        return Misfit(
            ("name",),
            f'There is no {self.type_name} "{name}" on this machine.',
            suggestion="Apply the project that makes it first, or declare it here as a resource.",
        )


def create(kind: str, planned: Planned, path: Path, computed: Object, facts: Mapping[str, str] | None = None) -> Object:
    """Define an object, or take over the one that an interrupted apply of this lineage made for the same address."""
    stored = read_json(path)
    if stored is not None and (stored["lineage"], stored["address"]) != (planned.lineage, str(planned.address)):
        raise ProviderError(
            f'{kind} "{path.stem}" already exists on this machine, made for {stored["address"]}',
            f"It belongs to state lineage {stored['lineage']}, which is not this one."
            if stored["lineage"] != planned.lineage
            else "It belongs to the same state.",
            "Choose another name, or destroy it where it was made.",
        )
    return write(planned, path, computed, facts)


def write(planned: Planned, path: Path, computed: Object, facts: Mapping[str, str] | None = None) -> Object:
    """Store an object; `facts` is what scheduling reads of it."""
    whole = {**planned.object, **computed}
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "lineage": planned.lineage,
        "address": str(planned.address),
        "workspace": planned.workspace,
        **(facts or {}),
        "object": encode(reveal(whole)),
    }
    write_json(path, document)
    return whole
