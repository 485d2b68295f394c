"""`scheduling_policy` and `quota_share` on this machine: how a queue orders what waits in it.

Shares count what runs now; nothing is lent, borrowed or preempted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.resource import Planned
from planform.core.schemas import Misfit
from planform.core.state import Record
from planform.core.values import Object
from planform.providers.local import definitions
from planform.providers.local.files import HOME, local_name, policy_file, read_json, scheduling, share_file
from planform.providers.local.scheduler import schedule_locked


@dataclass(frozen=True, slots=True)
class Definitions:
    """Makes the objects of one type that are nothing but what they say."""

    root: Path
    kind: str
    place: Callable[[Path, str], Path]
    computed: Object
    side_effects: bool = True

    def predict(self, desired: Object) -> Object:
        name = desired.get("name")
        return (
            {"arn": definitions.arn(self.kind, name), **self.computed} if isinstance(name, str) else {**self.computed}
        )

    def check(self, address: Address, desired: Object) -> list[Misfit]:
        sharing = desired.get("resource_sharing_configuration")
        if isinstance(sharing, dict) and sharing.get("strategy") in ("LEND", "LEND_AND_BORROW"):
            return [
                Misfit(
                    ("resource_sharing_configuration", "strategy"),
                    "Quota shares of this machine lend and borrow nothing.",
                    suggestion="Set strategy: RESERVE, or let a variable of the workspace decide.",
                )
            ]
        return []

    def read(self, records: Sequence[Record]) -> Mapping[Address, Object | None]:
        return definitions.found(records, lambda name: self.place(self.root, name))

    def find(self, ids: Sequence[str]) -> Mapping[str, Object]:
        return definitions.find(ids, lambda name: self.place(self.root, name))

    def create(self, planned: Planned) -> Object:
        with scheduling(self.root):
            place = self.place(self.root, planned.object["name"])
            whole = definitions.create(self.kind, planned, place, self.predict(planned.object))
            schedule_locked(self.root)
        return whole

    def update(self, prior: Object, planned: Planned) -> Object:
        with scheduling(self.root):
            place = self.place(self.root, planned.object["name"])
            whole = definitions.write(planned, place, self.predict(planned.object))
            schedule_locked(self.root)
        return whole

    def delete(self, record: Record) -> None:
        name = record.object["name"]
        with scheduling(self.root):
            if self.kind == "scheduling_policy":
                queues = [(path, read_json(path)) for path in sorted((self.root / HOME / "queues").glob("*.json"))]
                users = [
                    path.stem
                    for path, item in queues
                    if item is not None and local_name(item["object"].get("scheduling_policy_arn") or "") == name
                ]
                if users:
                    raise ProviderError(
                        f'scheduling_policy "{name}" is still used by job_queue {", ".join(users)}',
                        suggestion="Destroy the queue first, or let it name another policy.",
                    )
            self.place(self.root, name).unlink(missing_ok=True)
            schedule_locked(self.root)


def policies(root: Path) -> Definitions:
    return Definitions(root, "scheduling_policy", policy_file, {})


def shares(root: Path) -> Definitions:
    return Definitions(root, "quota_share", share_file, {"status": "VALID"})
