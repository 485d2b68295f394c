"""`job_queue` on this machine: an order in which runs get the capacity of a service environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planform.core.addresses import Address
from planform.core.resource import Planned
from planform.core.schemas import Misfit
from planform.core.state import Record
from planform.core.values import Object
from planform.providers.local import definitions
from planform.providers.local.files import queue_file, scheduling
from planform.providers.local.scheduler import cancel, schedule_locked, standing
from planform.resources.job_queue import service_environments

KIND = "job_queue"


@dataclass(frozen=True, slots=True)
class JobQueues:
    """Makes the job queues of one root module."""

    root: Path
    side_effects: bool = True

    def predict(self, desired: Object) -> Object:
        name = desired.get("name")
        computed: Object = {"status": "VALID", "status_reason": ""}
        return {"arn": definitions.arn(KIND, name), **computed} if isinstance(name, str) else computed

    def check(self, address: Address, desired: Object) -> list[Misfit]:
        places = desired.get("service_environment_order")
        path = ("service_environment_order",)
        if not isinstance(places, list):
            return []
        misfits = []
        if len(places) > 1:
            misfits.append(
                Misfit(
                    path,
                    "A queue of this machine has one service environment.",
                    suggestion="Keep one, and give it the capacity of all.",
                )
            )
        raw = [place.get("service_environment") if isinstance(place, dict) else place for place in places]
        misfits += [
            Misfit(path, f'"{place}" is not a service environment of this machine.', suggestion="Give its name or arn.")
            for place in raw
            if isinstance(place, str) and ":" in place and not place.startswith("planform:local:service_environment/")
        ]
        return misfits

    def read(self, records: Sequence[Record]) -> Mapping[Address, Object | None]:
        return definitions.found(records, self._place)

    def find(self, ids: Sequence[str]) -> Mapping[str, Object]:
        return definitions.find(ids, self._place)

    def create(self, planned: Planned) -> Object:
        computed, facts = self.predict(planned.object), _facts(planned.object)
        with scheduling(self.root):
            whole = definitions.create(KIND, planned, self._place(planned.object["name"]), computed, facts)
            schedule_locked(self.root)
        return whole

    def update(self, prior: Object, planned: Planned) -> Object:
        computed, facts = self.predict(planned.object), _facts(planned.object)
        with scheduling(self.root):
            whole = definitions.write(planned, self._place(planned.object["name"]), computed, facts)
            schedule_locked(self.root)  # another environment may have room
        return whole

    def delete(self, record: Record) -> None:
        name = record.object["name"]
        with scheduling(self.root):
            waiting = [entry for entry in standing(self.root).waiting if entry.queue == name]
            cancel(self.root, waiting, f'cancelled: job_queue "{name}" was deleted')
            self._place(name).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        return queue_file(self.root, name)


def _facts(body: Object) -> dict[str, str]:
    """What scheduling reads of a queue besides its attributes."""
    return {"service_environment": service_environments(body["service_environment_order"])[0]}
