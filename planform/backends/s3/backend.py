"""State in a bucket: read without a lock, written by whoever holds the lease."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from threading import Lock
from time import monotonic
from typing import NamedTuple

from planform.backends.encryption import PLAIN, Codec, entry_of
from planform.backends.holder import held_text, new_holder
from planform.backends.journal import framed, parse_lines
from planform.backends.s3 import lease as leases
from planform.backends.s3.bucket import Bucket, Found, Listed, Taken
from planform.backends.snapshots import fits, fresh, onwards, results_of, results_text, signed
from planform.core.backend import Holder
from planform.core.errors import StateDamaged, StateError
from planform.core.state import Entry, Ledger, Snapshot, State
from planform.core.statefile import (
    StateDocument,
    ledger_text,
    parse_document,
    parse_ledger,
    pulled_text,
    state_text,
)
from planform.core.values import Object

READ_TRIES = 10
FLUSH_SECONDS, FLUSH_LINES = 0.5, 500  # how long results that may be lost with the process wait for company
EPOCHS_KEPT = timedelta(days=7)  # longer than any process sleeps between two calls
_DIGITS = 12


class S3Backend:
    """The state of one workspace at `key` of a bucket. Settings are those of `backend: {s3: ...}`."""

    def __init__(self, settings: Object, codec: Codec = PLAIN) -> None:
        self.bucket, self.codec = Bucket(settings), codec
        self.key = str(settings["key"])
        stem = re.sub(r"\.json$", "", self.key)
        self.ledger_key, self.lock_key = f"{stem}.ledger.json", f"{self.key}.lock"
        self.journal_prefix, self.backup_key = f"{self.key}.journal/", f"{self.key}.backup"
        self.location, self.backup = self.bucket.url(self.key), self.bucket.url(self.backup_key)

    def read(self) -> Snapshot:
        """State and ledger with the journal replayed in memory; writes nothing."""
        stored = self.load()
        return onwards(stored.snapshot, stored.snapshot, stored.entries)

    @contextmanager
    def lock(self, operation: str, timeout: float = 0.0) -> Iterator[S3Session]:
        """Hold the state for writing. What was appended is folded at the end, also when the work failed."""
        lease = leases.take(self.bucket, self.lock_key, new_holder(operation), timeout)
        try:
            session = S3Session(self, lease)
            try:
                yield session
            except BaseException:
                # The error on its way says more; what was appended is safe in the journal.
                with suppress(StateError):
                    session.close()
                raise
            session.close()
        except BaseException:
            with suppress(StateError):
                lease.release()
            raise
        lease.release()

    def holder(self) -> Holder | None:
        found = leases.current(self.bucket, self.lock_key)
        return found[0] if found else None

    def force_unlock(self, lock_id: str) -> Holder:
        """Take the lock away; the journal's next epoch then stops its holder, should it live."""
        found = leases.current(self.bucket, self.lock_key)
        if found is None:
            raise StateError(f"The state {self.location} is not locked.")
        holder, lock = found
        if holder.id != lock_id:
            raise StateError(
                f"The state {self.location} is locked by {held_text(holder)}.",
                f"That lock has the id {holder.id}, not {lock_id}.",
                f"If its holder is dead: planform force-unlock {holder.id}",
            )
        if not self.bucket.delete(self.lock_key, lock.etag):
            raise StateError(
                f"The lock of {self.location} changed just now: its holder lives.",
                f"It is {held_text(holder)}.",
                "Wait for it, or stop it and try again.",
            )
        return holder

    def workspaces(self, probe: str) -> list[str]:
        before, found, end = self.key.partition(probe)
        if not found:
            return []
        keys = [item.key for item in self.bucket.list(before)]
        return [key[len(before) : len(key) - len(end)] for key in keys if fits(key, before, end)]

    def remove(self, operation: str) -> None:
        lease = leases.take(self.bucket, self.lock_key, new_holder(operation), 0.0)
        try:
            if self.bucket.get(self.key) is not None:
                self.bucket.copy(self.key, self.backup_key)
            keys = [item.key for item in self.bucket.list(self.journal_prefix)]
            self.bucket.delete_all([*keys, self.ledger_key, self.key])
        finally:
            lease.release()

    def load(self) -> Stored:
        """Everything as it is stored, read so that what a holder folds meanwhile is neither lost nor counted twice:
        first which journal objects there are, then the state, which knows of those that are gone by then.

        Raises:
            StateDamaged: it is there but cannot be trusted.
        """
        for _ in range(READ_TRIES):
            stored = self._load()
            if stored is not None:
                return stored
        raise StateError(f"The state {self.location} changes faster than it can be read.", "", "Try again.")

    def _load(self) -> Stored | None:
        listed = list(self.bucket.list(self.journal_prefix))
        state, ledger = self.bucket.get(self.key), self.bucket.get(self.ledger_key)
        if state is None:
            if ledger is not None or listed:
                raise self._missing(ledger, listed)
            return Stored(fresh(), (), None, None, 0, 0, ())
        document = self._document(state)
        runs = self._ledger(ledger, document.state.lineage)
        lineage, _, number = document.journal.partition("/")
        contained = int(number) if lineage == document.state.lineage else 0
        numbers = {
            number_of(item.key): item for item in listed if item.key.startswith(self._prefix(document.state.lineage))
        }
        entries: list[Entry] = []
        last = max(numbers, default=0)
        for expected in range(contained + 1, last + 1):
            found = self.bucket.get(self.journal_key(document.state.lineage, expected))
            if found is None:
                if self._moved_on(state):
                    return None
                raise StateDamaged(
                    f"The journal of {self.location} lacks its object {expected}.",
                    f"There are later ones, up to {last}; what it recorded is not known.",
                    f"Restore {self.bucket.url(self.journal_key(document.state.lineage, expected))} from its versions.",
                )
            entries += parse_object(found.data, self.bucket.url(found.key))
        return Stored(
            Snapshot(document.state, runs, document.uncertain),
            tuple(entries),
            state.etag,
            ledger.etag if ledger is not None else None,
            contained,
            max(last, contained),
            tuple(listed),
        )

    def _moved_on(self, state: Found) -> bool:
        now = self.bucket.get(self.key)
        return now is None or now.etag != state.etag

    def _document(self, state: Found) -> StateDocument:
        try:
            return parse_document(self.codec.text(state.data, self.location), self.location)
        except StateDamaged as error:
            raise StateDamaged(error.summary, error.detail, error.suggestion or self._way_back()) from None

    def _ledger(self, ledger: Found | None, lineage: str) -> Ledger:
        if ledger is None:
            return Ledger()
        where = self.bucket.url(self.ledger_key)
        runs, owner = parse_ledger(self.codec.text(ledger.data, where), where)
        if owner != lineage:
            raise StateDamaged(
                f"The ledger {where} belongs to another state than {self.location}.",
                f"Its lineage is {owner}, that of the state is {lineage}; one of them came from elsewhere.",
                f"Set the ledger aside: aws s3 mv {where} {where}.other",
            )
        return runs

    def _missing(self, ledger: Found | None, listed: Sequence[Listed]) -> StateDamaged:
        left = self.ledger_key if ledger is not None else listed[0].key
        return StateDamaged(
            f"The state {self.location} is missing, but {self.bucket.url(left)} of it is there.",
            "Without the state, everything it records would be made a second time.",
            self._way_back(),
        )

    def _way_back(self) -> str:
        backup = self.bucket.get(self.backup_key)
        if backup is not None:
            with suppress(StateError):
                parse_document(self.codec.text(backup.data, self.backup), self.backup)
                return f"To go back to its backup: aws s3 cp {self.bucket.url(self.backup_key)} {self.location}"
        versions = f"aws s3api list-object-versions --bucket {self.bucket.name} --prefix {self.key}"
        return f"Restore it from its versions: {versions}"

    def _prefix(self, lineage: str) -> str:
        return f"{self.journal_prefix}{lineage}/"

    def journal_key(self, lineage: str, number: int) -> str:
        return f"{self._prefix(lineage)}{number:0{_DIGITS}d}"


class Stored(NamedTuple):
    """What the bucket holds: the folded snapshot, the entries after it, and what conditions need."""

    snapshot: Snapshot
    entries: tuple[Entry, ...]
    state_etag: str | None
    ledger_etag: str | None
    contained: int  # number of the last journal object that the state contains
    number: int  # of the last journal object there is
    listed: tuple[Listed, ...]


class S3Session:
    """The state in the hands of the lock holder."""

    def __init__(self, backend: S3Backend, lease: leases.Lease) -> None:
        self._backend, self._bucket, self._lease = backend, backend.bucket, lease
        self._buffer: list[str] = []
        self._flushed = 0.0
        self._failure: StateError | None = None
        self._recovery: Path | None = None
        self._lost: list[str] = []  # addresses of results that the journal could not take
        self._mutex = Lock()
        while True:
            stored = backend.load()
            self._base = self._current = stored.snapshot
            self._pending: list[Entry] = list(stored.entries)
            self._state_etag, self._ledger_etag = stored.state_etag, stored.ledger_etag
            self._contained, self._number = stored.contained, stored.number
            self._last_entry = max(map(_entry_number, self._of_lineage(stored.listed)), default=0)
            if not self._base.exists or self._begin_epoch():
                break
        self._sweepable = self._outlived(stored)
        self.fold()

    def snapshot(self) -> Snapshot:
        """State and ledger as of now, with everything appended so far."""
        with self._mutex:
            return self._replayed()

    def append(self, entries: Sequence[Entry], durable: bool = True) -> None:
        """Write entries to the journal as one object; without `durable` they may wait for the next ones."""
        lines = [self._backend.codec.line(entry) for entry in entries]
        with self._mutex:
            try:
                if self._failure is None:
                    self._lease.check()
                    self._begin_state()
                # In memory first: a fold after an interrupt then contains at least what the journal does.
                self._pending.extend(entries)
                if self._failure is not None:
                    raise self._failure
                self._buffer += lines
                if durable or monotonic() - self._flushed > FLUSH_SECONDS or len(self._buffer) >= FLUSH_LINES:
                    self._flush()
            except StateError as error:
                self._failure = self._failure or error
                raise self._refusal(self._failure, entries) from error

    def fold(self) -> None:
        """Write state and ledger with the journal in them, keep a backup, and empty the journal."""
        with self._mutex:
            if self._failure is not None:
                raise self._failure
            try:
                self._fold()
            except StateError as error:
                self._failure = error
                raise

    def write(self, state: State, ledger: Ledger) -> None:
        """Put this state and ledger in place of what is there: the lineage of a first plan, or `state push`."""
        self.fold()
        with self._mutex:
            backend, other = self._backend, state.lineage != self._base.state.lineage
            self._lease.check()
            if other and self._ledger_etag is not None:
                self._bucket.delete_all([backend.ledger_key])
                self._ledger_etag = None
            if self._base.exists:
                self._bucket.copy(backend.key, backend.backup_key)
            if other:
                self._number = self._last_entry = self._contained = 0
            self._put_state(state, Snapshot(state, ledger))
            if ledger.runs or self._ledger_etag is not None:
                self._ledger_etag = self._replace(
                    backend.ledger_key, ledger_text(ledger, state.lineage), self._ledger_etag
                )
            self._base = self._current = Snapshot(state, ledger)
            if other and not self._begin_epoch():
                raise self._overtaken()

    def close(self) -> None:
        """Fold what was appended; after a failure that was told already, leave the journal to the next holder."""
        if self._failure is None:
            self.fold()

    def _replayed(self) -> Snapshot:
        count = len(self._pending)
        if count:
            self._current = onwards(self._base, self._current, self._pending[:count])
            del self._pending[:count]
        return self._current

    def _begin_epoch(self) -> bool:
        """Take the next number of the journal, so that no former holder can. False: one has just taken it."""
        key = self._backend.journal_key(self._base.state.lineage, self._number + 1)
        try:
            self._bucket.put(key, object_text(self._lease.holder.id, self._number + 1, ()), None)
        except Taken:
            return False
        self._number += 1
        return True

    def _begin_state(self) -> None:
        """A journal is never there without the state it continues."""
        if self._base.exists:
            return
        self._put_state(self._base.state, self._base)
        self._base = self._current = self._current._replace(exists=True)

    def _flush(self) -> None:
        if not self._buffer:
            return
        lines, self._buffer = self._buffer, []
        # The number is ours from now on: what an interrupted write leaves is contained in the next fold.
        self._number += 1
        self._last_entry = self._number
        key = self._backend.journal_key(self._base.state.lineage, self._number)
        self._sweepable.append(key)
        try:
            self._bucket.put(key, object_text(self._lease.holder.id, self._number, lines), None)
        except Taken:
            self._lease.check(now=True)
            raise self._overtaken() from None
        self._flushed = monotonic()

    def _overtaken(self) -> StateError:
        return StateError(
            f"Another command writes to the journal of {self._backend.location}.",
            "Nothing more is started; what was done and acknowledged is in the journal.",
            "Look at what remains: planform plan",
        )

    def _fold(self) -> None:
        self._flush()
        before, now = self._base, self._replayed()
        state, changed = now.state, now.state.serial != before.state.serial
        if now.ledger != before.ledger:
            self._lease.check()
            text = ledger_text(now.ledger, state.lineage)
            self._ledger_etag = self._replace(self._backend.ledger_key, text, self._ledger_etag)
        if changed or now.uncertain != before.uncertain:
            self._lease.check()
            state = signed(state)
            if changed and before.exists:
                self._bucket.copy(self._backend.key, self._backend.backup_key)
            self._put_state(state, now)
        elif self._last_entry > self._contained:
            self._put_state(state, now)  # with the number of what is swept now
        self._base = self._current = now._replace(state=state)
        gone, self._sweepable = self._sweepable, []
        with suppress(StateError):  # the state names the last object it contains; the rest is tidiness
            self._bucket.delete_all(gone)

    def _put_state(self, state: State, snapshot: Snapshot) -> None:
        mark = f"{state.lineage}/{self._number}" if self._number else ""
        text = state_text(state, snapshot.uncertain, mark)
        self._state_etag = self._replace(self._backend.key, text, self._state_etag)
        self._contained = self._number

    def _replace(self, key: str, text: str, etag: str | None) -> str:
        """Write over what we know is there. What a former holder wrote just before it lost the lock is contained in
        what we write: we have replayed its journal."""
        data = self._backend.codec.data(text)
        for _ in range(READ_TRIES):
            try:
                return self._bucket.put(key, data, etag)
            except Taken as taken:
                self._lease.check(now=True)
                etag = taken.found.etag if taken.found is not None else None
        raise StateError(f"{self._bucket.url(key)} is being written by others all the time.", "", "Try again.")

    def _of_lineage(self, listed: Iterable[Listed]) -> Iterator[Listed]:
        prefix = self._backend.journal_key(self._base.state.lineage, 0)[:-_DIGITS]
        return (item for item in listed if item.key.startswith(prefix))

    def _outlived(self, stored: Stored) -> list[str]:
        """The journal objects that nobody needs once the state is folded: all with entries, and those of other
        lineages. Epochs stay for a while, because they are the fence."""
        long_ago = datetime.now(UTC) - EPOCHS_KEPT
        fence = {
            item.key
            for item in self._of_lineage(stored.listed)
            if not _entry_number(item) and (item.modified > long_ago or number_of(item.key) > stored.contained)
        }
        return [item.key for item in stored.listed if item.key not in fence]

    def _refusal(self, failure: StateError, entries: Sequence[Entry]) -> StateError:
        """The failure, with what happened to results that the journal could not take."""
        lost = results_of(entries)
        if not lost or not self._base.exists:
            return failure
        self._lost += lost
        results = results_text(self._lost)
        try:
            path = self._keep_elsewhere()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            return StateError(
                failure.summary,
                f"{failure.detail} {results} could not be kept elsewhere: {reason}.".lstrip(),
                failure.suggestion,
            )
        return StateError(
            failure.summary,
            f"{failure.detail} {results} are in {path}.".lstrip(),
            failure.suggestion
            if self._lease.lost
            else f"Once S3 answers: planform force-unlock {self._lease.holder.id}, then planform state push {path}",
        )

    def _keep_elsewhere(self) -> Path:
        """Write the whole state with its ledger into the temporary folder, for `state push`."""
        import tempfile

        if self._recovery is None:
            stem = PurePosixPath(self._backend.key).stem
            file, name = tempfile.mkstemp(prefix=f"planform-recovery-{stem}-", suffix=".json")
            os.close(file)
            self._recovery = Path(name)
        now = self._replayed()
        partial = self._recovery.with_suffix(".partial")
        partial.write_bytes(self._backend.codec.data(pulled_text(now._replace(state=signed(now.state)))))
        partial.chmod(0o600)
        partial.replace(self._recovery)
        return self._recovery


def object_text(holder: str, number: int, lines: Sequence[str]) -> bytes:
    """A journal object: the header, which says whose it is, and its entries, framed as in a file."""
    return framed((json.dumps({"format": 1, "holder": holder, "number": number}), *lines))[0]


def parse_object(data: bytes, where: str) -> list[Entry]:
    """The entries of a journal object.

    Raises:
        StateDamaged: it is not what was written.
    """
    lines = parse_lines(data, where)
    try:
        if not lines or not data.endswith(b"\n") or json.loads(lines[0])["format"] != 1:
            raise ValueError("it has no header of format 1")
        return [entry_of(line) for line in lines[1:]]
    except (KeyError, TypeError, ValueError) as error:
        raise StateDamaged(f"The journal {where} cannot be read by this version of planform: {error}.") from error


def _entry_number(item: Listed) -> int:
    """The number of a journal object that holds entries; 0 for an epoch, which is a header and nothing else."""
    number = number_of(item.key)
    return 0 if item.size == len(object_text("0" * 16, number, ())) else number


def number_of(key: str) -> int:
    """The number of a journal object; 0 for anything else that lies there."""
    text = key.rpartition("/")[2]
    return int(text) if text.isdigit() else 0
