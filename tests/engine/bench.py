"""A small world for the engine: a provider in memory, with the real language and the real state around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planform.backends.local import LocalBackend
from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.executor import Executor, Tell, Tree, TreeRead, silent
from planform.core.plan import Change, Plan
from planform.core.reporter import Reporter
from planform.core.resource import DataSource, Handler, Planned, Query, SelfContained
from planform.core.schemas import ANY, STRING, Attribute, Misfit, Schema
from planform.core.state import Record
from planform.core.values import Object
from planform.engine.applier import Outcome, apply
from planform.engine.edges import Edges
from planform.engine.observe import observe
from planform.engine.planner import PlanOptions, plan
from planform.language.expand import expand
from planform.language.files import DiskFiles
from planform.language.modules import load
from planform.training.rules import RULES

THING = Schema(
    "thing",
    "Something that can be made.",
    {
        "size": Attribute(ANY),
        "kind": Attribute(STRING, change="replace"),
        "id": Attribute(STRING, computed=True, unknown_when=("replace",)),
        "arn": Attribute(STRING, computed=True),
    },
)


NAMED = THING._replace(
    type="named", named=True, attributes={**THING.attributes, "name": Attribute(STRING, optional_computed=True)}
)
SIZES = Schema(
    "sizes",
    "Looks sizes up.",
    {"of": Attribute(STRING, required=True), "size": Attribute(ANY, computed=True)},
)
TYPES = {"thing": THING, "named": NAMED, "data.sizes": SIZES}


@dataclass
class Workshop(SelfContained):
    """A provider that makes things in memory, and does to them what a test asks."""

    name: str = "local"
    made: dict[Address, Object] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    sabotage: Mapping[str, Callable[[Object], Object]] = field(default_factory=dict)
    together: threading.Barrier | None = None
    side_effects: bool = True
    others: dict[str, Object] = field(default_factory=dict)  # named objects that somebody else made
    sizes: dict[str, object] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)  # what data sources were asked, call by call

    def coordinates(self) -> Mapping[str, str]:
        return {"host": "here"}

    def handler(self, type_name: str, tell: Tell = silent) -> Handler | None:
        return self if type_name in ("thing", "named") else None

    def data_source(self, type_name: str) -> DataSource | None:
        return Sizes(self) if type_name == "sizes" else None

    def review(self, changes: Mapping[Address, Change]) -> list[tuple[Address, Misfit, Address]]:
        return []

    def listing(self, read: TreeRead) -> Tree | list[Misfit]:
        return [Misfit(read.attribute, f"Provider {self.name} cannot list {read.path}.")]

    def executor(self, desired: Object) -> Executor:
        raise ProviderError("no runs here")

    def predict(self, desired: Object) -> Object:
        return {"arn": f"arn:{desired.get('kind')}"}

    def check(self, address: Address, desired: Object) -> list[Misfit]:
        return []

    def read(self, records: Sequence[Record]) -> Mapping[Address, Object | None]:
        return {record.address: self.made.get(record.address) for record in records}

    def find(self, ids: Sequence[str]) -> Mapping[str, Object]:
        return {name: self.others[name] for name in ids if name in self.others}

    def create(self, planned: Planned) -> Object:
        self.calls.append(f"create {planned.address}")
        if self.together is not None:
            self.together.wait(timeout=10)
        item = {**planned.object, "id": f"id-{planned.address.name}", "arn": f"arn:{planned.object.get('kind')}"}
        item = self.sabotage.get(str(planned.address), lambda same: same)(item)
        self.made[planned.address] = item
        return item

    def update(self, prior: Object, planned: Planned) -> Object:
        self.calls.append(f"update {planned.address}")
        self.made[planned.address] = {**planned.object, "id": prior["id"]}
        return self.made[planned.address]

    def delete(self, record: Record) -> None:
        self.calls.append(f"delete {record.address}")
        self.made.pop(record.address, None)


@dataclass
class Sizes:
    workshop: Workshop

    def read(self, queries: Sequence[Query]) -> Sequence[Object | Misfit]:
        names = [query.arguments["of"] for query in queries]
        self.workshop.asked.append(names)
        known = self.workshop.sizes
        return [{"size": known[name]} if name in known else Misfit(("of",), f"No {name} here.") for name in names]


@dataclass
class Bench:
    folder: Path
    workshop: Workshop = field(default_factory=Workshop)

    def plan(self, text: str, options: PlanOptions | None = None, *, refresh: bool = True) -> Plan:
        (self.folder / "main.pf.yaml").write_text(f"planform: {{name: p, default_provider: local}}\n{text}")
        self.edges = Edges(TYPES, lambda name: self.workshop, RULES)
        module = load(str(self.folder), TYPES)
        self.configuration, self.evaluation = expand(
            module, {}, "default", DiskFiles(str(self.folder)), "2026-01-01T00:00:00Z"
        )
        self.backend = LocalBackend(self.folder / "state.json")
        snapshot = self.backend.read()
        seen = observe(
            self.configuration, self.evaluation.fresh(), snapshot, self.edges, refresh=refresh, reporter=Reporter()
        )
        return plan(
            self.configuration,
            self.evaluation.fresh(),
            snapshot,
            seen,
            self.edges,
            options or PlanOptions(),
            version="0",
            created_at="",
            reporter=Reporter(),
        )

    def apply(self, planned: Plan, parallelism: int = 10, stop: Callable[[], bool] = lambda: False) -> Outcome:
        return apply(
            planned,
            self.configuration,
            self.evaluation.fresh(),
            self.backend,
            self.edges,
            Reporter(),
            parallelism=parallelism,
            stop=stop,
        )

    def recorded(self) -> list[str]:
        return sorted(map(str, self.backend.read().state.records))
