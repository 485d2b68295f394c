"""The provider `planform`, built in: `planform_data`, a value that lives in the state and nowhere else."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.executor import Executor
from planform.core.resource import Handler, Planned
from planform.core.schemas import Misfit
from planform.core.state import Record
from planform.core.values import Object


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

    def create(self, planned: Planned) -> Object:
        return {**planned.object, "output": planned.object.get("input"), "id": uuid.uuid4().hex}

    def update(self, prior: Object, planned: Planned) -> Object:
        return {**planned.object, "output": planned.object.get("input"), "id": prior["id"]}

    def delete(self, record: Record) -> None:
        return None


@dataclass(frozen=True, slots=True)
class BuiltinProvider:
    """What needs no account and no machine."""

    name: str = "planform"

    def coordinates(self) -> Mapping[str, str]:
        return {}

    def review(self, objects: Mapping[Address, Object]) -> list[tuple[Address, Misfit, Address]]:
        return []

    def handler(self, type_name: str) -> Handler | None:
        return PlanformData() if type_name == "planform_data" else None

    def executor(self, desired: Object) -> Executor:
        raise ProviderError("provider planform runs no trainers", suggestion="Use provider: local or provider: aws.")
