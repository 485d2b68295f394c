"""The local backend: what is written is read, by whoever comes next."""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from planform.backends import backend_for
from planform.backends.local import OLDER_BACKUPS, LocalBackend, backup_path
from planform.core.addresses import Address
from planform.core.errors import PlanformError, StateDamaged, StateError
from planform.core.state import (
    Entry,
    Forgotten,
    Intent,
    Ledger,
    OutputsRecorded,
    Record,
    Recorded,
    Run,
    RunDropped,
    RunRecorded,
    Snapshot,
    State,
)
from planform.core.statefile import parse_document

RUN = Run("r1", "trainer.a", 1, "d", {}, "a-r1", "arn:a-r1", "local", "process")


def queue(name: str, priority: int = 1) -> Record:
    return Record(Address("job_queue", name), "local", {"name": name, "priority": priority})


def intent(name: str, verb: str = "create") -> Intent:
    return Intent(f"{verb} {name}", Address("job_queue", name), verb, "local", name)


def names(snapshot: Snapshot) -> set[str]:
    return {address.name for address in snapshot.state.records}


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    return LocalBackend(tmp_path / "state" / "main.json")


def files(backend: LocalBackend) -> set[str]:
    folder = backend.path.parent
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} if folder.exists() else set()


def apply(backend: LocalBackend, *entries: Entry) -> Snapshot:
    with backend.lock("apply") as session:
        session.append(entries)
        return session.snapshot()


def test_a_place_without_state_is_fresh_and_reading_leaves_it_so(backend: LocalBackend) -> None:
    first, second = backend.read(), backend.read()
    assert not first.exists
    assert (first.state.serial, len(bytes.fromhex(first.state.salt))) == (0, 32)
    assert first.state.lineage != second.state.lineage
    assert first.state.salt != second.state.salt
    assert not backend.path.parent.exists()


def test_a_lock_that_changes_nothing_writes_nothing(backend: LocalBackend) -> None:
    with backend.lock("plan"):
        pass
    assert files(backend) == {"main.json.lock"}
    assert not backend.read().exists


def test_what_was_appended_is_there_before_and_after_the_fold(backend: LocalBackend) -> None:
    with backend.lock("apply") as session:
        lineage = session.snapshot().state.lineage
        session.append(
            [Recorded(queue("a"), ("service_environment.x",)), RunRecorded(RUN), OutputsRecorded({"o": [1]})]
        )
        unfolded = backend.read()
        assert unfolded == session.snapshot()
        session.fold()
        folded = backend.read()
        session.append([Recorded(queue("b"))], durable=False)
        assert names(backend.read()) == {"a", "b"}
    assert unfolded.state.lineage == folded.state.lineage == backend.read().state.lineage == lineage
    assert unfolded.state.records == folded.state.records == {queue("a").address: queue("a")}
    assert folded.state.dependencies == {"job_queue.a": ("service_environment.x",)}
    assert folded.state.outputs == {"o": [1]}
    assert folded.ledger.of("trainer.a") == (RUN,)
    assert names(backend.read()) == {"a", "b"}
    assert files(backend) >= {"main.json", "main.ledger.json", "main.json.backup", "main.json.lock"}
    assert not backend.journal_path.exists()


def test_the_progress_of_runs_changes_the_ledger_alone(backend: LocalBackend) -> None:
    apply(backend, Recorded(queue("a")), RunRecorded(RUN))
    before = backend.path.read_bytes()
    apply(backend, RunRecorded(RUN._replace(status="running")))
    apply(backend, RunRecorded(RUN._replace(id="r2", number=2)), RunDropped(RUN._replace(id="r2", number=2)))
    assert backend.path.read_bytes() == before
    assert [run.status for run in backend.read().ledger.of("trainer.a")] == ["running"]


def test_the_next_holder_folds_what_is_left(backend: LocalBackend) -> None:
    apply(backend, Recorded(queue("a")))
    child = os.fork()
    if child == 0:
        with backend.lock("apply") as session:
            session.append([Recorded(queue("b")), intent("c"), RunRecorded(RUN)])
            os._exit(9)
    os.waitpid(child, 0)
    assert backend.journal_path.exists()
    seen = backend.read()
    assert names(seen) == {"a", "b"}
    assert backend.journal_path.exists()
    with backend.lock("plan") as session:
        assert not backend.journal_path.exists()
        now = session.snapshot()
    assert now.state.records == seen.state.records
    assert (now.state.serial, now.uncertain, now.ledger) == (2, (intent("c"),), seen.ledger)


def test_a_journal_that_the_state_contains_is_not_counted_again(backend: LocalBackend, tmp_path: Path) -> None:
    with backend.lock("apply") as session:
        session.append([Recorded(queue("a")), intent("b")])
        shutil.copy(backend.journal_path, tmp_path / "kept")
    folded = backend.read()
    shutil.copy(tmp_path / "kept", backend.journal_path)
    assert backend.read() == folded
    with backend.lock("apply") as session:
        assert session.snapshot() == folded


def test_a_read_that_a_fold_overtakes_begins_again(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    read_bytes = Path.read_bytes
    reads: list[Path] = []

    with backend.lock("apply") as session:
        session.append([Recorded(queue("a")), Recorded(queue("b"))])

        def overtaken(path: Path) -> bytes:
            data = read_bytes(path)
            reads.append(path)
            if reads == [backend.journal_path]:
                session.fold()
                session.append([Forgotten(queue("a").address)])
                session.fold()
            return data

        monkeypatch.setattr(Path, "read_bytes", overtaken)
        snapshot = backend.read()
    assert names(snapshot) == {"b"}
    assert reads == [backend.journal_path, backend.path, backend.path]


def test_an_interrupted_append_is_made_good(backend: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def interrupted(file: int, data: bytes) -> int:
        write(file, data[:20])
        raise KeyboardInterrupt

    with backend.lock("apply") as session:
        session.append([Recorded(queue("a"))])
        monkeypatch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.append([Recorded(queue("b"))])
        monkeypatch.undo()
        assert names(backend.read()) == {"a"}
        session.append([Recorded(queue("c"))])
        assert names(backend.read()) == {"a", "b", "c"}


def test_write_brings_the_lineage_of_a_first_plan(backend: LocalBackend) -> None:
    planned = backend.read().state
    with backend.lock("apply") as session:
        assert not session.snapshot().exists
        session.write(planned, Ledger())
        assert session.snapshot() == Snapshot(planned, Ledger())
        session.append([Recorded(queue("a"))])
    after = backend.read().state
    assert (after.lineage, after.salt, after.serial) == (planned.lineage, planned.salt, 1)
    assert not backend.ledger_path.exists()


def test_write_replaces_another_lineage_and_keeps_it_as_backup(backend: LocalBackend) -> None:
    apply(backend, Recorded(queue("a")), RunRecorded(RUN))
    old = backend.path.read_bytes(), backend.ledger_path.read_bytes()
    pushed = State("pushed", 1, "00" * 32, {queue("p").address: queue("p")}, {"job_queue.p": ()})
    with backend.lock("state push") as session:
        session.write(pushed, Ledger())
        assert session.snapshot() == Snapshot(pushed, Ledger())
    assert backend.read() == Snapshot(pushed, Ledger())
    assert (backup_path(backend.path).read_bytes(), backup_path(backend.ledger_path).read_bytes()) == old
    runs = Ledger({"trainer.a": (RUN,)})
    with backend.lock("state push") as session:
        session.write(pushed, runs)
    assert backend.read() == Snapshot(pushed, runs)


def test_backups_are_the_states_before_and_only_some_are_kept(backend: LocalBackend) -> None:
    for priority in range(OLDER_BACKUPS + 5):
        apply(backend, Recorded(queue("a", priority)))
    kept = [parse_document(path.read_text(), str(path)).state.serial for path in backend.older_backups()]
    last = OLDER_BACKUPS + 5
    assert parse_document(backup_path(backend.path).read_text(), "backup").state.serial == last - 1
    assert kept == list(range(last - 1 - OLDER_BACKUPS, last - 1))


def test_the_backups_of_a_workspace_are_its_own(backend: LocalBackend) -> None:
    other = LocalBackend(backend.path.with_name("main.blue.json"))
    for priority in range(3):
        apply(backend, Recorded(queue("a", priority)))
        apply(other, Recorded(queue("b", priority)))
    assert len(backend.older_backups()) == len(other.older_backups()) == 2
    assert not set(backend.older_backups()) & set(other.older_backups())


def test_who_may_read_the_state_is_kept(backend: LocalBackend) -> None:
    apply(backend, Recorded(queue("a")))
    assert backend.path.stat().st_mode & 0o777 == 0o600
    backend.path.chmod(0o664)
    apply(backend, Recorded(queue("b")))
    assert backend.path.stat().st_mode & 0o777 == 0o664


DAMAGES = [
    pytest.param(lambda data: b"", "is empty", id="0 bytes"),
    pytest.param(lambda data: data[: len(data) // 2], "ends in the middle", id="truncated"),
    pytest.param(lambda data: data.replace(b'"priority": 3', b'"priority": 4'), "was altered", id="altered"),
    pytest.param(lambda data: b"\0" * len(data), "is damaged", id="zeros"),
    pytest.param(lambda data: b"\xff\xfe" + data, "is damaged", id="not text"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_state_is_refused_with_the_way_back(backend, damage, message) -> None:  # type: ignore[no-untyped-def]
    for priority in range(1, 4):
        apply(backend, Recorded(queue("a", priority)))
    damaged = damage(backend.path.read_bytes())
    backend.path.write_bytes(damaged)
    with pytest.raises(StateDamaged, match=message) as refusal:
        backend.read()
    with pytest.raises(StateDamaged, match=message), backend.lock("apply"):
        pass
    assert backend.path.read_bytes() == damaged
    _, _, command = refusal.value.suggestion.partition("to go back to it: ")
    assert shlex.split(command) == ["cp", str(backup_path(backend.path)), str(backend.path)]
    subprocess.run(command, shell=True, check=True)
    assert backend.read().state.serial == 2


def test_a_damaged_backup_is_not_proposed(backend: LocalBackend) -> None:
    for priority in range(1, 5):
        apply(backend, Recorded(queue("a", priority)))
    backend.path.write_bytes(b"")
    backup_path(backend.path).write_bytes(b"")
    with pytest.raises(StateDamaged) as refusal:
        backend.read()
    newest = backend.older_backups()[-1]
    assert f"cp {newest} {backend.path}" in refusal.value.suggestion
    for path in backend.older_backups():
        path.write_text("{")
    with pytest.raises(StateDamaged) as refusal:
        backend.read()
    assert "There is no good backup" in refusal.value.suggestion


def test_a_newer_format_is_not_to_be_overwritten(backend: LocalBackend) -> None:
    apply(backend, Recorded(queue("a")))
    apply(backend, Recorded(queue("b")))
    backend.path.write_text(backend.path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(StateDamaged, match="has format 2") as refusal:
        backend.read()
    assert "cp" not in shlex.split(refusal.value.suggestion)


def test_a_lost_state_is_not_taken_for_a_new_one(backend: LocalBackend) -> None:
    apply(backend, Recorded(queue("a")), RunRecorded(RUN))
    apply(backend, Recorded(queue("b")))
    backend.path.unlink()
    with pytest.raises(StateDamaged, match=r"is missing, but main\.ledger\.json of it is there") as refusal:
        backend.read()
    assert f"cp {backup_path(backend.path)} {backend.path}" in refusal.value.suggestion
    subprocess.run(refusal.value.suggestion.partition("anew instead: ")[2], shell=True, check=True)
    assert not backend.read().exists


def test_a_damaged_ledger_is_refused_with_the_way_back(backend: LocalBackend) -> None:
    apply(backend, RunRecorded(RUN))
    apply(backend, RunRecorded(RUN._replace(status="running")))
    backend.ledger_path.write_bytes(b"")
    with pytest.raises(StateDamaged, match=r"The ledger .* is empty") as refusal:
        backend.read()
    subprocess.run(refusal.value.suggestion.partition("to go back to it: ")[2], shell=True, check=True)
    assert backend.read().ledger.of("trainer.a") == (RUN,)


def test_a_journal_that_belongs_elsewhere_is_refused(backend: LocalBackend, tmp_path: Path) -> None:
    other = LocalBackend(tmp_path / "other" / "main.json")
    apply(backend, Recorded(queue("a")))
    with other.lock("apply") as session:
        session.append([Recorded(queue("b"))])
        shutil.copy(other.journal_path, backend.journal_path)
    with pytest.raises(StateDamaged, match="belongs to another state") as refusal:
        backend.read()
    subprocess.run(refusal.value.suggestion.partition("aside: ")[2], shell=True, check=True)
    assert names(backend.read()) == {"a"}


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    backend = LocalBackend(tmp_path / "file" / "main.json")
    with pytest.raises(StateError, match="cannot be written: its folder is a file"), backend.lock("apply"):
        pass
    with pytest.raises(StateError, match="cannot be read: not a directory"):
        backend.read()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_sentence(backend: LocalBackend) -> None:
    apply(backend, Recorded(queue("a")))
    backend.lock_path.unlink()
    backend.path.parent.chmod(0o500)
    with pytest.raises(StateError, match="cannot be written: permission denied"), backend.lock("apply"):
        pass
    assert names(backend.read()) == {"a"}


def test_an_append_writes_its_entries_and_no_more(backend: LocalBackend) -> None:
    def size_after(count: int) -> int:
        before = backend.journal_path.stat().st_size
        for index in range(count):
            session.append([Recorded(queue(f"r{index:04}"))], durable=False)
        return backend.journal_path.stat().st_size - before

    with backend.lock("apply") as session:
        session.append([intent("a")])
        assert size_after(100) * 20 == size_after(2000)


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        pytest.param({}, "state/blue.json", id="by default"),
        pytest.param({"path": "elsewhere/x.json"}, "elsewhere/x.json", id="relative to the root module"),
        pytest.param({"path": "/var/states/x.json"}, "/var/states/x.json", id="absolute"),
    ],
)
def test_backend_for_local(settings: dict[str, object], path: str, tmp_path: Path) -> None:
    assert backend_for("local", settings, tmp_path, "blue").location == str(tmp_path / path)


@pytest.mark.parametrize(
    ("kind", "settings", "message", "help"),
    [
        pytest.param("lokal", {}, 'no backend "lokal"', "local", id="unknown kind"),
        pytest.param("local", {"pfad": "x"}, 'no setting "pfad"', "path", id="unknown setting"),
        pytest.param("local", {"path": 3}, "must be a string", "state/main.json", id="path of a wrong type"),
    ],
)
def test_backend_for_refuses(kind: str, settings: dict[str, object], message: str, help: str, tmp_path: Path) -> None:
    with pytest.raises(PlanformError, match=message) as refusal:
        backend_for(kind, settings, tmp_path, "default")
    assert help in refusal.value.suggestion
