"""`service_environment` on this machine: a limit on how many instances run at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.resource import Planned
from planform.core.schemas import Misfit
from planform.core.state import Record
from planform.core.values import Object
from planform.providers.local import definitions
from planform.providers.local.files import HOME, environment_file, read_json, scheduling
from planform.providers.local.scheduler import schedule_locked

KIND = "service_environment"


@dataclass(frozen=True, slots=True)
class ServiceEnvironments:
    """Makes the service environments of one root module."""

    root: Path
    side_effects: bool = True

    def predict(self, desired: Object) -> Object:
        name = desired.get("name")
        computed: Object = {"status": "VALID"}
        return {"arn": definitions.arn(KIND, name), **computed} if isinstance(name, str) else computed

    def check(self, address: Address, desired: Object) -> list[Misfit]:
        return []  # instances of all types are counted alike

    def read(self, records: Sequence[Record]) -> Mapping[Address, Object | None]:
        return definitions.found(records, self._place)

    def find(self, ids: Sequence[str]) -> Mapping[str, Object]:
        return definitions.find(ids, self._place)

    def create(self, planned: Planned) -> Object:
        with scheduling(self.root):
            whole = definitions.create(KIND, planned, self._place(planned.object["name"]), self.predict(planned.object))
            schedule_locked(self.root)
        return whole

    def update(self, prior: Object, planned: Planned) -> Object:
        with scheduling(self.root):
            whole = definitions.write(planned, self._place(planned.object["name"]), self.predict(planned.object))
            schedule_locked(self.root)  # there may be more room now
        return whole

    def delete(self, record: Record) -> None:
        name = record.object["name"]
        with scheduling(self.root):
            queues = sorted((self.root / HOME / "queues").glob("*.json"))
            users = [path.stem for path in queues if (read_json(path) or {}).get("service_environment") == name]
            if users:
                raise ProviderError(
                    f'service_environment "{name}" is still used by job_queue {", ".join(users)}',
                    suggestion="Destroy the queue first, or let it name another environment.",
                )
            self._place(name).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        return environment_file(self.root, name)
