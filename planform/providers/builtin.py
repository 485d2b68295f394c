"""The provider `planform`, built in: `planform_data`, a value that lives in the state and nowhere else; and the outputs
of other states."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from planform.core.addresses import Address
from planform.core.errors import PlanformError, ProviderError
from planform.core.executor import Document, DocumentRead, Executor, Tell, Tree, TreeRead, silent
from planform.core.plan import Change
from planform.core.resource import DataSource, Handler, Planned, Query, SelfContained
from planform.core.schemas import Misfit
from planform.core.state import Record
from planform.core.values import Object

# Kind of backend, its settings, and the folder that paths in them start from -> outputs; raises PlanformError.
OutputsOf: TypeAlias = Callable[[str, Object, Path], Object]


@dataclass(frozen=True, slots=True)
class PlanformData:
    """Makes `planform_data`: what is recorded is all there is."""

    side_effects: bool = False

    def predict(self, desired: Object) -> Object:
        return {"output": desired.get("input")}

    def check(self, address: Address, desired: Object) -> list[Misfit]:
        return []

    def read(self, records: Sequence[Record]) -> Mapping[Address, Object | None]:
        return {record.address: record.object for record in records}

    def find(self, ids: Sequence[str]) -> Mapping[str, Object]:
        return {}

    def create(self, planned: Planned) -> Object:
        return {**planned.object, "output": planned.object.get("input"), "id": uuid.uuid4().hex}

    def update(self, prior: Object, planned: Planned) -> Object:
        return {**planned.object, "output": planned.object.get("input"), "id": prior["id"]}

    def delete(self, record: Record) -> None:
        return None


@dataclass(frozen=True, slots=True)
class RemoteStates:
    """Reads `remote_state`."""

    outputs_of: OutputsOf

    def read(self, queries: Sequence[Query]) -> Sequence[Object | Misfit]:
        return [self._read(*query) for query in queries]

    def _read(self, arguments: Object, folder: str) -> Object | Misfit:
        try:
            found = self.outputs_of(arguments["backend"], arguments["config"], Path(folder))
        except PlanformError as error:
            return Misfit(("config", "path"), error.summary, error.detail, error.suggestion)
        return {"outputs": {**(arguments.get("defaults") or {}), **found}}


@dataclass(frozen=True, slots=True)
class BuiltinProvider(SelfContained):
    """What needs no account and no machine."""

    outputs_of: OutputsOf
    name: str = "planform"

    def coordinates(self) -> Mapping[str, str]:
        return {}

    def documents(self, reads: Sequence[DocumentRead]) -> Mapping[DocumentRead, Document | Misfit]:
        return {}

    def review(self, changes: Mapping[Address, Change]) -> list[tuple[Address, Misfit, Address]]:
        return []

    def handler(self, type_name: str, tell: Tell = silent) -> Handler | None:
        return PlanformData() if type_name == "planform_data" else None

    def data_source(self, type_name: str) -> DataSource | None:
        return RemoteStates(self.outputs_of) if type_name == "remote_state" else None

    def listing(self, read: TreeRead) -> Tree | list[Misfit]:
        return [Misfit(read.attribute, f"Provider {self.name} cannot list {read.path}.")]

    def executor(self, desired: Object) -> Executor:
        raise ProviderError("provider planform runs no trainers", suggestion="Use provider: local or provider: aws.")
