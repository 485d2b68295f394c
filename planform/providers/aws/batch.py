"""Objects of AWS Batch: one handler for all types.

Batch has no tokens for its Create calls, no waiters, and two classes of errors whose meaning is in the message, so an
object is made by asking for it, looking, and comparing; an answer that was lost is found by name and tags (S4.2).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.executor import Tell, silent
from planform.core.resource import Planned
from planform.core.schemas import Misfit
from planform.core.state import Record
from planform.core.values import Object, reveal, same
from planform.providers.aws.batch_types import GONE, Kind, Raw
from planform.providers.aws.clients import AwsError, Clients, Where
from planform.providers.aws.tags import OWN_TAGS, ours, own_tags, tag_misfits, tags_of
from planform.resources import short_name

DESCRIBED_AT_ONCE = 100
# A new object may not be described at once, and what was undone may still be seen: for so long that is no error.
SETTLING_SECONDS = 60.0
TOLD_AFTER = 3  # looks: what is there by then is not worth a word

_EXISTS = re.compile(r"already exists", re.I)
_BUSY = re.compile(r"being modified|existing JobQueue relationship|is in use|being used|associated", re.I)


@dataclass(frozen=True, slots=True)
class BatchObjects:
    """Makes the objects of one type in one account and region."""

    kind: Kind
    clients: Clients
    tell: Tell = silent
    side_effects: bool = True

    def predict(self, desired: Object) -> Object:
        computed: Object = {"status": "VALID"} if self.kind.settles else {}
        name = desired.get("name")
        if self.kind.predictable and isinstance(name, str):
            computed["arn"] = self._arn(name, self.clients.where())
        return computed

    def check(self, address: Address, desired: Object) -> list[Misfit]:
        return tag_misfits(self.clients.settings, desired, OWN_TAGS)

    def read(self, records: Sequence[Record]) -> Mapping[Address, Object | None]:
        by_id = {self._id(record): record for record in records}
        live: dict[Address, Object | None] = {record.address: None for record in records}
        for raw in self._described(list(by_id)):
            record = by_id.get(raw[self.kind.arn]) or by_id.get(raw[self.kind.label])
            if record is not None:
                live[record.address] = self._object(raw, record.object)
        return live

    def find(self, ids: Sequence[str]) -> Mapping[str, Object]:
        where = self.clients.where()
        wanted = {
            text if text.startswith("arn:") else self._arn(text, where): text
            for text in ids
            if text.startswith("arn:") or self.kind.predictable
        }
        return {wanted[raw[self.kind.arn]]: self._object(raw, {}) for raw in self._described(list(wanted))}

    def create(self, planned: Planned) -> Object:
        body, kind = reveal(planned.object), self.kind
        tags = {**tags_of(self.clients.settings, body), **own_tags(planned)}
        given = {name: value for name, value in kind.to_request(body).items() if value != []}
        request = {**kind.fixed(body), **given, "tags": tags}
        for _ in self._patiently(f"create {body['name']}"):
            try:
                answer = self.clients.call("batch", f"create_{kind.operation}", **request)
            except ProviderError as error:
                arn = self._what_is_there(body, planned, error)
                if arn:
                    return self._adopt(arn, planned)
                continue
            return self._made(self._settled(answer[kind.arn]), planned.object)
        raise AssertionError("unreachable")

    def update(self, prior: Object, planned: Planned) -> Object:
        arn = str(prior.get("arn") or self._arn(planned.object["name"], self.clients.where()))
        return self._adopt(arn, planned)

    def delete(self, record: Record) -> None:
        kind, arn = self.kind, self._id(record)
        raw = self._look(arn)
        if raw is None:
            return
        arn = raw[kind.arn]
        if kind.settles and raw.get("state") != "DISABLED":
            self._change(arn, {"state": "DISABLED", **_kept_policy(kind, raw)})
        for _ in self._patiently(f"delete {raw[kind.label]}"):
            try:
                self.clients.call("batch", f"delete_{kind.operation}", **{kind.identity: arn})
            except AwsError as error:
                if GONE.search(error.message):
                    return
                if not _BUSY.search(error.message):
                    raise
                continue
            break
        seen: list[Raw] = []
        for _ in self._patiently(f"delete {raw[kind.label]}: it is still there", seen):
            raw = self._look(arn)
            if raw is None:
                return
            seen.append(raw)

    # The steps of these

    def _adopt(self, arn: str, planned: Planned) -> Object:
        """Make the object with this ARN what is planned, with no more calls than that needs."""
        kind, body, raw = self.kind, reveal(planned.object), self._settled(arn)
        now = self._object(raw, body)
        normal = kind.schema.normalise or (lambda item: item)
        wanted, there = normal({name: body.get(name) for name in now}), normal(now)
        if any(not same(wanted.get(name), there.get(name)) for name in now if name not in (*_COMPUTED, "tags")):
            self._change(raw[kind.arn], {**_kept_policy(kind, raw), **kind.to_request(body)})
        tags = {**tags_of(self.clients.settings, body), **own_tags(planned)}
        present = {key: value for key, value in (raw.get("tags") or {}).items() if not key.startswith("aws:")}
        gone = [key for key in present if key not in tags]
        if gone:
            self.clients.call("batch", "untag_resource", resourceArn=raw[kind.arn], tagKeys=gone)
        changed = {key: value for key, value in tags.items() if present.get(key) != value}
        if changed:
            self.clients.call("batch", "tag_resource", resourceArn=raw[kind.arn], tags=changed)
        return self._made(self._settled(raw[kind.arn], tags), planned.object)

    def _change(self, arn: str, request: Mapping[str, Any]) -> None:
        """One update, when nothing else is under way; it is done when this returns."""
        for _ in self._patiently(f"update {short_name(arn)}"):
            try:
                self.clients.call("batch", f"update_{self.kind.operation}", **{self.kind.identity: arn, **request})
            except AwsError as error:
                if not _BUSY.search(error.message):
                    raise
                continue
            break
        self._settled(arn)

    def _what_is_there(self, body: Object, planned: Planned, error: ProviderError) -> str:
        """After a create that failed: the ARN of what we made before, or "" when it is worth another try.

        Raises:
            ProviderError: somebody else's object has the name, or Batch does not want this one.
        """
        refused = isinstance(error, AwsError) and not error.code.startswith("Server")
        exists = isinstance(error, AwsError) and _EXISTS.search(error.message) is not None
        if refused and not exists:
            if isinstance(error, AwsError) and _BUSY.search(error.message):
                return ""
            raise error
        found = self._named(body)
        if found is None:
            if exists:
                return ""  # it is being deleted, or cannot be seen yet
            raise error
        if found.get("status") == "DELETING":
            return ""
        if ours(found.get("tags") or {}, planned):
            return str(found[self.kind.arn])
        made_for = (found.get("tags") or {}).get("planform:address", "")
        raise ProviderError(
            f'{self.kind.schema.type} "{body["name"]}" already exists{f", made for {made_for}" if made_for else ""}.',
            f"It is {found[self.kind.arn]}, and not of this state.",
            f"Choose another name, or take it over: planform import '{planned.address}' {found[self.kind.arn]}",
        ) from None

    def _named(self, body: Object) -> Raw | None:
        if self.kind.predictable:
            return self._look(self._arn(body["name"], self.clients.where()))
        queue = body["job_queue"]
        return next(
            (
                self.clients.call("batch", "describe_quota_share", quotaShareArn=item["quotaShareArn"])
                for item in self.clients.pages("batch", "list_quota_shares", "quotaShares", jobQueue=queue)
                if item["quotaShareName"] == body["name"]
            ),
            None,
        )

    def _look(self, arn: str) -> Raw | None:
        found = next(iter(self.kind.described(self.clients, [arn])), None)
        return None if found is None or found.get("status") == "DELETED" else found

    def _settled(self, arn: str, tags: Mapping[str, str] | None = None) -> Raw:
        """The object once nothing is under way any more, and, where they are given, with these tags.

        Raises:
            ProviderError: it became INVALID, or takes too long.
        """
        begun, seen = time.monotonic(), list[Raw]()
        for _ in self._patiently(f"make {short_name(arn)} valid", seen):
            raw = self._look(arn)
            if raw is None:
                if time.monotonic() - begun > SETTLING_SECONDS:
                    raise ProviderError(f"{arn} is not there.", suggestion="Make a new plan: planform plan")
                continue
            seen.append(raw)
            if raw.get("status") == "INVALID":
                reason = raw.get("statusReason") or "Batch gives no reason"
                raise ProviderError(
                    f"{short_name(arn)} is INVALID: {reason}.", suggestion="Correct it and apply again, or destroy it."
                )
            settled = raw.get("status", "VALID") == "VALID"
            if settled and (tags is None or tags.items() <= (raw.get("tags") or {}).items()):
                return raw
        raise AssertionError("unreachable")

    def _patiently(self, what: str, seen: Sequence[Raw] = ()) -> Iterator[int]:
        """Tries, with the pause between them that the provider's settings say, until its time is up. How the object was
        last `seen` is told."""
        pause = float(self.clients.settings.get("poll_interval_in_seconds", 5))
        limit = float(self.clients.settings.get("timeout_in_seconds", 600))
        begun, count = time.monotonic(), 0
        while time.monotonic() - begun <= limit:
            yield count
            count += 1
            if seen and count >= TOLD_AFTER:
                self.tell(_standing(seen[-1]))
            time.sleep(min(pause, 0.25 * 2 ** min(count, 10)))
        raise ProviderError(
            f"AWS Batch did not {what} within {limit:.0f} seconds.",
            f"It is {_standing(seen[-1])}." if seen else "",
            "Apply again to go on; provider.aws.timeout_in_seconds sets how long it may take.",
        )

    def _described(self, ids: Sequence[str]) -> Iterator[Raw]:
        for first in range(0, len(ids), DESCRIBED_AT_ONCE):
            for raw in self.kind.described(self.clients, ids[first : first + DESCRIBED_AT_ONCE]):
                if raw.get("status") not in ("DELETING", "DELETED"):
                    yield raw

    def _id(self, record: Record) -> str:
        return str(record.object.get("arn") or self._arn(str(record.object["name"]), self.clients.where()))

    def _arn(self, name: str, where: Where) -> str:
        return where.arn("batch", f"{self.kind.resource}/{name}")

    def _object(self, raw: Raw, known: Object) -> Object:
        """A description as an object: without the tags that planform and the provider's settings put on everything."""
        found = self.kind.to_object(raw)
        defaults = self.clients.settings.get("default_tags") or {}
        mine = known.get("tags") or {}
        tags = {
            key: value
            for key, value in (raw.get("tags") or {}).items()
            if not key.startswith(("planform:", "aws:")) and (key in mine or defaults.get(key) != value)
        }
        if tags or "tags" in known:
            found["tags"] = tags
        return found

    def _made(self, raw: Raw, planned: Object) -> Object:
        """What is there now, in the words of the plan wherever they mean the same."""
        now, normal = self._object(raw, planned), self.kind.schema.normalise or (lambda item: item)
        left, right = normal(reveal(planned)), normal(now)
        return {
            **planned,
            **{name: value for name, value in now.items() if name not in left or not same(left[name], right[name])},
        }


def _standing(raw: Raw) -> str:
    """`CREATING`, or with the reason that Batch gives."""
    return ": ".join(filter(None, (raw.get("status", "VALID"), raw.get("statusReason", ""))))


_COMPUTED = ("arn", "status", "status_reason")


def _kept_policy(kind: Kind, raw: Raw) -> dict[str, Any]:
    """A queue with a scheduling policy is told it again at each update; one without may not be told any."""
    policy = raw.get("schedulingPolicyArn")
    return {"schedulingPolicyArn": policy} if kind.operation == "job_queue" and policy else {}
