"""State in files of this machine.

Beside the state `main.json` stand `main.ledger.json`, `main.journal`, `main.json.lock`, `main.json.backup` and, under
`backups/`, some older states. Whoever holds the lock appends to the journal while working and folds it when done:

    1. the ledger is replaced     runs are replayed by identity, so the journal may still be replayed over it
    2. the state is replaced      it names the last journal record it contains, so those are not replayed again
    3. the journal is removed     all of it is in the other two

Each file is written beside its place, synced and renamed into it, so a crash between any two operations leaves a whole
old or a whole new file. A journal is never there without the state it continues.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TypeVar

from planform.backends.encryption import PLAIN, Codec
from planform.backends.holder import held_text, holder_text, lives, new_holder, parse_holder
from planform.backends.journal import Journal, JournalFile, framed, header, parse_journal, sync, sync_folder, write_all
from planform.backends.snapshots import fits, fresh, onwards, results_of, results_text, signed
from planform.core.backend import Holder
from planform.core.errors import StateDamaged, StateError, StateLocked
from planform.core.state import (
    Entry,
    Intent,
    Ledger,
    Snapshot,
    State,
)
from planform.core.statefile import (
    ledger_text,
    parse_document,
    parse_ledger,
    parse_state,
    state_text,
)

T = TypeVar("T")

OLDER_BACKUPS = 5
POLL_SECONDS = 0.1
_EPOCH = "1970-01-01T00:00:00+00:00"


class LocalBackend:
    """The state of one workspace in the file `path`."""

    def __init__(self, path: Path, codec: Codec = PLAIN) -> None:
        self.path, self.location, self.codec = path, str(path), codec
        self.ledger_path = path.with_name(f"{path.stem}.ledger.json")
        self.journal_path = path.with_name(f"{path.stem}.journal")
        self.lock_path = path.with_name(f"{path.name}.lock")
        self.backup = str(backup_path(path))

    def read(self) -> Snapshot:
        """State and ledger with the journal replayed in memory; writes nothing."""
        folded, journal, contained = self._load()
        return onwards(folded, folded, journal.entries[contained:])

    @contextmanager
    def lock(self, operation: str, timeout: float = 0.0) -> Iterator[LocalSession]:
        """Hold the state for writing. What was appended is folded at the end, also when the work failed."""
        with self._held(operation, timeout):
            session = LocalSession(self)
            try:
                yield session
            except BaseException:
                # The error on its way says more; what was appended is safe in the journal.
                with suppress(StateError):
                    session.close()
                raise
            session.close()

    def holder(self) -> Holder | None:
        """Who holds the state now, by the kernel's word; what a dead process left in the file is nobody."""
        try:
            file = os.open(self.lock_path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return parse_holder(os.pread(file, 4096, 0)) or Holder("", "?", 0, "?", _EPOCH, "")
        finally:
            os.close(file)
        return None

    def force_unlock(self, lock_id: str) -> Holder:
        """Never possible, nor needed: the kernel takes the lock from a process that dies."""
        holder = self.holder()
        if holder is None:
            raise StateError(f"The state {self.path} is not locked.")
        raise StateError(
            f"The state {self.path} is locked by {held_text(holder)}.",
            "The kernel holds this lock for a living process, and frees it when that ends.",
            f"Wait for it, or end it: kill {holder.pid}",
        )

    def workspaces(self, probe: str) -> list[str]:
        before, found, end = self.path.name.partition(probe)
        if not found:
            return []
        names = [path.name for path in self.path.parent.glob("*")]
        return [name[len(before) : len(name) - len(end)] for name in names if fits(name, before, end)]

    def remove(self, operation: str) -> None:
        with self._held(operation, 0.0):
            for path in (self.ledger_path, self.path):
                if path.exists():
                    path.replace(backup_path(path))
            self.journal_path.unlink(missing_ok=True)
            sync_folder(self.path.parent)

    def _load(self) -> tuple[Snapshot, Journal, int]:
        """The folded snapshot, the journal, and how many of its entries the state already contains."""
        while True:
            before = self._identities()
            try:
                journal_data, state_text, ledger_text = map(_content, (self.journal_path, self.path, self.ledger_path))
            except OSError as error:
                raise StateError(f"The state {self.path} cannot be read: {_reason(error)}.") from error
            if self._identities() == before:  # else its holder folded meanwhile
                break
        journal = parse_journal(journal_data or b"", str(self.journal_path))
        if state_text is None:
            if ledger_text is not None or journal.id:
                raise self._missing()
            return fresh(), journal, 0
        document = self._trusted(state_text, self.path, parse_document)
        ledger, state = Ledger(), document.state
        if ledger_text is not None:
            ledger, lineage = self._trusted(ledger_text, self.ledger_path, parse_ledger)
            self._check_lineage(lineage, state, self.ledger_path, "ledger")
        if journal.id:
            self._check_lineage(journal.lineage, state, self.journal_path, "journal")
        name, _, count = document.journal.partition("/")
        contained = int(count) if journal.id and name == journal.id else 0
        return Snapshot(state, ledger, document.uncertain), journal, contained

    def _identities(self) -> list[tuple[int, int] | None]:
        found: list[tuple[int, int] | None] = []
        for path in (self.path, self.ledger_path):
            try:
                status = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_ino, status.st_mtime_ns))
        return found

    def _trusted(self, data: bytes, path: Path, parse: Callable[[str, str], T]) -> T:
        try:
            return parse(self.codec.text(data, str(path)), str(path))
        except StateDamaged as error:
            # A newer format or a foreign state says itself what to do; it must not be overwritten.
            raise StateDamaged(error.summary, error.detail, error.suggestion or self._way_back(path, parse)) from error

    def _missing(self) -> StateDamaged:
        left = [path for path in (self.ledger_path, self.journal_path) if path.exists()]
        return StateDamaged(
            f"The state {self.path} is missing, but {' and '.join(path.name for path in left)} of it is there.",
            "Without the state, everything it records would be made a second time.",
            f"{self._way_back(self.path, parse_state)}\nTo begin anew instead: {_command('rm', *left)}",
        )

    def _check_lineage(self, lineage: str, state: State, path: Path, kind: str) -> None:
        if lineage != state.lineage:
            raise StateDamaged(
                f"The {kind} {path} belongs to another state than {self.path}.",
                f"Its lineage is {lineage}, that of the state is {state.lineage}; one of them came from elsewhere.",
                f"Put back the one that belongs here, or set the {kind} aside: {_command('mv', path, f'{path}.other')}",
            )

    def _way_back(self, path: Path, parse: Callable[[str, str], object]) -> str:
        older = self.older_backups() if path == self.path else []
        for backup in (backup_path(path), *reversed(older)):
            try:
                parse(self.codec.text(backup.read_bytes(), str(backup)), str(backup))
                written = f"{datetime.fromtimestamp(backup.stat().st_mtime):%Y-%m-%d %H:%M:%S}"
            except (OSError, StateError):
                continue
            return f"The newest good backup is of {written}; to go back to it: {_command('cp', backup, path)}"
        return "There is no good backup beside it; restore the file from a copy of your own."

    def older_backups(self) -> list[Path]:
        """The states before the last backup, oldest first."""
        pattern = re.compile(re.escape(self.path.stem) + r"\.\d{8}T\d{6}\.\d{6}Z\.json")
        try:
            found = list((self.path.parent / "backups").iterdir())
        except OSError:
            return []
        return sorted(path for path in found if pattern.fullmatch(path.name))

    @contextmanager
    def _held(self, operation: str, timeout: float) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        try:
            deadline = time.monotonic() + timeout
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise self._locked(os.pread(file, 4096, 0)) from error
                    time.sleep(min(POLL_SECONDS, left))
                except OSError as error:
                    raise StateError(f"The state {self.path} cannot be locked: {_reason(error)}.") from error
            try:
                os.ftruncate(file, 0)
                os.pwrite(file, holder_text(new_holder(operation)).encode(), 0)
            except OSError as error:
                raise _unwritable(self.path, error) from error
            try:
                yield
            finally:
                os.ftruncate(file, 0)
        finally:
            os.close(file)

    def _locked(self, data: bytes) -> StateLocked:
        holder = parse_holder(data)
        if holder is None:
            return StateLocked(f"The state {self.path} is locked by a process that is just starting.", "", "Try again.")
        return StateLocked(
            f"The state {self.path} is locked by {held_text(holder)}.",
            {
                None: "It runs on another machine; whether it lives cannot be seen from here.",
                False: f"Process {holder.pid} is gone, but a process that it started still holds the lock.",
                True: f"Process {holder.pid} lives.",
            }[lives(holder)],
            "Wait for it, or give --lock-timeout 5m.",
        )


class LocalSession:
    """The state in the hands of the lock holder."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend
        self._base, journal, contained = backend._load()  # as the files have it
        self._current = self._base
        self._pending: list[Entry] = list(journal.entries[contained:])
        self._left_behind = f"{journal.id}/{len(journal.entries)}" if journal.id else ""
        self._journal: JournalFile | None = None
        self._failure: StateError | None = None
        self._recovery: tuple[Path, int] | None = None
        self._lost: list[str] = []  # addresses of results that the journal could not take
        self._mutex = Lock()
        self.fold()

    def snapshot(self) -> Snapshot:
        """State and ledger as of now, with everything appended so far."""
        with self._mutex:
            return self._replayed()

    def append(self, entries: Sequence[Entry], durable: bool = True) -> None:
        """Write entries to the journal; without `durable` they survive this process, but maybe not a power failure."""
        lines = [self._backend.codec.line(entry) for entry in entries]
        with self._mutex:
            if self._failure is not None:
                raise self._refusal(self._failure, entries, lines)
            # In memory first: a fold after an interrupt then contains at least what the journal does.
            self._pending.extend(entries)
            try:
                self._open_journal().append(lines, durable)
            except OSError as error:
                self._failure = _unwritable(self._backend.path, error)
                raise self._refusal(self._failure, entries, lines) from error

    def fold(self) -> None:
        """Write state and ledger with the journal in them, keep a backup, and empty the journal."""
        with self._mutex:
            if self._failure is not None:
                raise self._failure
            try:
                self._fold()
            except OSError as error:
                self._failure = _unwritable(self._backend.path, error, " All results are in its journal.")
                raise self._failure from error

    def write(self, state: State, ledger: Ledger) -> None:
        """Put this state and ledger in place of what is there: the lineage of a first plan, or `state push`."""
        self.fold()
        with self._mutex:
            try:
                if state.lineage != self._base.state.lineage:
                    _keep_backup(self._backend.ledger_path)
                    self._backend.ledger_path.unlink(missing_ok=True)
                self._back_up()
                self._write_state(state, (), "")
                if ledger.runs or self._backend.ledger_path.exists():
                    self._write(self._backend.ledger_path, ledger_text(ledger, state.lineage))
                sync_folder(self._backend.path.parent)
            except OSError as error:
                raise _unwritable(self._backend.path, error) from error
            self._base = self._current = Snapshot(state, ledger)

    def close(self) -> None:
        """Fold what was appended; after a failure that was told already, leave the journal to the next holder."""
        if self._failure is None:
            self.fold()
        elif self._journal is not None:
            self._journal.close()
            self._journal = None

    def _replayed(self) -> Snapshot:
        count = len(self._pending)
        if count:
            self._current = onwards(self._base, self._current, self._pending[:count])
            del self._pending[:count]
        return self._current

    def _open_journal(self) -> JournalFile:
        if self._journal is not None and not self._journal.whole:
            self._fold()
        if self._journal is None:
            state = self._base.state
            if not self._base.exists:
                self._write_state(state, (), "")
                self._base = self._base._replace(exists=True)
            self._journal = JournalFile(self._backend.journal_path, state.lineage, state.serial)
        return self._journal

    def _fold(self) -> None:
        before, now = self._base, self._replayed()
        backend, journal = self._backend, self._journal
        state = now.state
        if now.ledger != before.ledger:
            _keep_backup(backend.ledger_path)
            self._write(backend.ledger_path, ledger_text(now.ledger, state.lineage))
            sync_folder(backend.path.parent)
        if state.serial != before.state.serial or now.uncertain != before.uncertain:
            state = signed(state)
            if state.serial != before.state.serial:
                self._back_up()
            mark = f"{journal.id}/{journal.records}" if journal is not None else self._left_behind
            self._write_state(state, now.uncertain, mark)
        self._base = self._current = now._replace(state=state)
        self._left_behind = ""
        if journal is not None:
            self._journal = None
            journal.close()
        backend.journal_path.unlink(missing_ok=True)

    def _write_state(self, state: State, uncertain: Sequence[Intent], mark: str) -> None:
        self._write(self._backend.path, state_text(state, uncertain, mark))
        sync_folder(self._backend.path.parent)

    def _write(self, path: Path, text: str) -> None:
        _write(path, self._backend.codec.data(text))

    def _back_up(self) -> None:
        backup = backup_path(self._backend.path)
        if backup.exists():
            stamp = datetime.fromtimestamp(backup.stat().st_mtime, UTC)
            older = backup.parent / "backups" / f"{self._backend.path.stem}.{stamp:%Y%m%dT%H%M%S.%fZ}.json"
            older.parent.mkdir(exist_ok=True)
            os.replace(backup, older)
            for path in self._backend.older_backups()[:-OLDER_BACKUPS]:
                path.unlink()
        _keep_backup(self._backend.path)

    def _refusal(self, failure: StateError, entries: Sequence[Entry], lines: Sequence[str]) -> StateError:
        """The failure, with what happened to results that the journal could not take."""
        lost = results_of(entries)
        if not lost or not self._base.exists:  # nothing was done yet that could be forgotten
            return failure
        self._lost += lost
        results = results_text(self._lost)
        try:
            path = self._keep_elsewhere(lines)
        except OSError as error:
            detail = f"{failure.detail} {results} could not be kept elsewhere: {_reason(error)}."
            return StateError(failure.summary, detail, failure.suggestion)
        command = _command("cp", path, self._backend.journal_path)
        return StateError(failure.summary, f"{failure.detail} {results} are in {path}.", f"Make room, then: {command}")

    def _keep_elsewhere(self, lines: Sequence[str]) -> Path:
        """Append the lines to a complete journal in the temporary folder; copied into place, it loses nothing."""
        if self._recovery is None:
            import tempfile

            state = self._base.state
            if self._journal is not None:
                data, chain = self._journal.content()
            else:
                data, chain = framed((header(os.urandom(6).hex(), state.lineage, state.serial),))
            file, name = tempfile.mkstemp(prefix=f"planform-recovery-{self._backend.path.stem}-", suffix=".journal")
            path = Path(name)
        else:
            (path, chain), data = self._recovery, b""
            file = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            more, chain = framed(lines, chain)
            write_all(file, data + more)
            sync(file)
        except OSError:
            if self._recovery is None:
                path.unlink()
            raise
        finally:
            os.close(file)
        self._recovery = path, chain
        return path


def backup_path(path: Path) -> Path:
    """Where the file that stood at `path` before is kept."""
    return path.with_name(f"{path.name}.backup")


def _command(program: str, *arguments: Path | str) -> str:
    return shlex.join([program, *map(str, arguments)])


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, data: bytes) -> None:
    """Replace the file with all of the data, or leave it as it was."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        mode = 0o600
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            os.fchmod(file, mode)
            write_all(file, data)
            sync(file)
        finally:
            os.close(file)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def _keep_backup(path: Path) -> None:
    """Make the backup of the file what the file is now."""
    if not path.exists():
        return
    temporary = path.with_name(f"{path.name}.backup.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(path, temporary)
    except OSError:  # some file systems have no links
        import shutil

        shutil.copy2(path, temporary)
    os.replace(temporary, backup_path(path))
    # Two names of one file are not renamed into one.
    temporary.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "no space is left"
        case errno.EEXIST:  # only where a folder was to be made
            return "its folder is a file"
    return (error.strerror or str(error)).lower()


def _unwritable(path: Path, error: OSError, results: str = "") -> StateError:
    return StateError(
        f"The state {path} cannot be written: {_reason(error)}.",
        f"What stood there before is intact, and nothing more was started.{results}",
        "Make room, or make the folder writable, then run the command again.",
    )
