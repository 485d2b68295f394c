"""The edge where objects are made real: a provider hands out one handler per resource type it can make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.executor import Document, DocumentRead, Executor, Tell, Tree, TreeRead, silent
from planform.core.plan import Change
from planform.core.schemas import Misfit
from planform.core.state import Record
from planform.core.values import Object


@dataclass(frozen=True, slots=True)
class Planned:
    """An object to be made or changed: Sensitive marks are still on; `reveal` takes them off at the last moment."""

    address: Address
    object: Object
    lineage: str
    workspace: str


class Handler(Protocol):
    """How one provider makes one resource type real. Reading is plural by nature: one call for many objects."""

    @property
    def side_effects(self) -> bool:
        """False: apply only records; no intent, no thread (planform_data)."""

    def predict(self, desired: Object) -> Object:
        """Computed attributes that follow from the configuration alone, such as ARNs. Pure."""

    def check(self, address: Address, desired: Object) -> list[Misfit]:
        """What this provider refuses of a desired object, and why. Pure."""

    def read(self, records: Sequence[Record]) -> Mapping[Address, Object | None]:
        """The live objects, None for those that are gone; fields this provider does not report are left out."""

    def find(self, ids: Sequence[str]) -> Mapping[str, Object]:
        """The live objects that have these names or ARNs, whoever made them; what is not there is left out (S2.5)."""

    def create(self, planned: Planned) -> Object:
        """Make it and return every attribute. Adopts an object that an interrupted apply of this lineage made."""

    def update(self, prior: Object, planned: Planned) -> Object:
        """Change it in place and return every attribute."""

    def delete(self, record: Record) -> None:
        """Take it away; already gone is success."""


class Query(NamedTuple):
    """One data source to be read: its arguments, and the folder that relative paths in them start from."""

    arguments: Object
    folder: str


class DataSource(Protocol):
    """How one provider looks something up."""

    def read(self, queries: Sequence[Query]) -> Sequence[Object | Misfit]:
        """What each query exports, beside its arguments, or why there is no answer."""


class Prerequisite(NamedTuple):
    """What jobs need that no block declares and no state owns, such as a bucket of the account. Where it is not there a
    step of the plan makes it; it stays when the jobs are gone."""

    address: Address
    object: Object
    purpose: str
    notes: tuple[str, ...] = ()


class Provider(Protocol):
    """One entry under `provider:`, configured."""

    @property
    def name(self) -> str: ...

    def coordinates(self) -> Mapping[str, str]:
        """Which account and region, or which host. May read; apply compares it before the first write (S4.3)."""

    def handler(self, type_name: str, tell: Tell = silent) -> Handler | None:
        """The handler of a type, or None when this provider cannot make it. `tell` hears what takes long."""

    def data_source(self, type_name: str) -> DataSource | None:
        """Who reads data of a type, or None when this provider cannot."""

    def documents(self, reads: Sequence[DocumentRead]) -> Mapping[DocumentRead, Document | Misfit]:
        """The documents of models, or why they cannot be had; a misfit's path is one in `jumpstart`."""

    def review(self, changes: Mapping[Address, Change]) -> list[tuple[Address, Misfit, Address]]:
        """What cannot work between planned objects: whose field, why, and the other object of the matter. Pure."""

    def listing(self, read: TreeRead) -> Tree | list[Misfit]:
        """What lies at a URI: by names, sizes and marks of its content, without reading it."""

    def prerequisites(self, jobs: Mapping[Address, Object]) -> Mapping[Address, Prerequisite | Misfit]:
        """Of jobs to be launched, those that need what is not there yet, and what that is. Reads."""

    def provide(self, address: Address) -> None:
        """Make a prerequisite; that it is there meanwhile is success."""

    def remains(self, objects: Sequence[Object]) -> str:
        """What stays when these trainers are destroyed; empty: nothing beside their runs. Pure."""

    def executor(self, desired: Object) -> Executor:
        """Who runs a trainer with this definition: its `executor`, else what the provider's settings say."""


class SelfContained:
    """What a provider answers whose jobs need nothing made before them and leave nothing behind."""

    __slots__ = ()

    def prerequisites(self, jobs: Mapping[Address, Object]) -> Mapping[Address, Prerequisite | Misfit]:
        return {}

    def provide(self, address: Address) -> None:
        raise ProviderError(f"This provider cannot make {address}.")

    def remains(self, objects: Sequence[Object]) -> str:
        return ""
