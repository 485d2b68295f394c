"""Whenever a process dies or a disk fills up, what was acknowledged is there, whole and once."""

import errno
import json
import os
import random
import resource
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from planform.backends.local import LocalBackend
from planform.core.addresses import Address
from planform.core.errors import StateError, StateLocked
from planform.core.state import Entry, Forgotten, Intent, Record, Recorded, Run, RunRecorded, Snapshot

# The children end by os._exit and never touch what another thread of the test runner may hold.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def address(name: str) -> Address:
    return Address("job_queue", name)


def recorded(name: str, size: int = 1) -> Recorded:
    return Recorded(Record(address(name), "local", {"name": name, "padding": "x" * size}))


def intent(name: str) -> Intent:
    return Intent(f"create {name}", address(name), "create", "local", name)


def run(number: int) -> RunRecorded:
    return RunRecorded(Run(f"r{number}", "trainer.a", number, "d", {}, f"a-{number}", "arn", "local", "process"))


def names(snapshot: Snapshot) -> set[str]:
    return {address.name for address in snapshot.state.records}


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    return LocalBackend(tmp_path / "state" / "main.json")


class Child:
    """A forked process that runs `work`; what it tells comes line by line."""

    def __init__(self, work: Callable[[Callable[[str], None], Callable[[], bytes]], None]) -> None:
        told, tell = os.pipe()
        asked, ask = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(told)
            os.close(ask)
            status = 1
            try:
                work(lambda line: write_line(tell, line), lambda: os.read(asked, 1))
                status = 0
            finally:
                os._exit(status)
        os.close(tell)
        os.close(asked)
        self.ask, self.lines = ask, os.fdopen(told)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> int:
        """Let it go on, and wait for its end."""
        os.close(self.ask)
        self.rest = self.lines.read().splitlines()
        self.lines.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


write = os.write  # the children below replace os.write, and must still be able to tell


def write_line(file: int, line: str) -> None:
    write(file, f"{line}\n".encode())


def test_kill_at_any_moment_loses_nothing_that_was_acknowledged(backend: LocalBackend) -> None:
    moments = random.Random(7)
    living: set[str] = set()
    open_intents: set[str] = set()
    runs, serial = 0, 0
    for trial in range(40):

        def work(tell: Callable[[str], None], wait: Callable[[], bytes], trial: int = trial, runs: int = runs) -> None:
            with backend.lock("apply") as session:
                for index in range(10_000):
                    name = f"q{trial}-{index}"
                    session.append([intent(name)])
                    tell(f"intent {name}")
                    session.append([run(runs + index + 1)], durable=False)
                    tell(f"run {runs + index + 1}")
                    session.append([recorded(name)])
                    tell(f"recorded {name}")
                    if index % 3 == 1:
                        session.append([Forgotten(address(name))])
                        tell(f"forgotten {name}")
                    if index % 4 == 3:
                        session.fold()

        child = Child(work)
        told = [child.lines.readline().split() for _ in range(moments.randrange(1, 40))]
        child.kill()
        assert child.end() == -signal.SIGKILL
        for verb, what in [*told, *map(str.split, child.rest)]:
            match verb:
                case "intent":
                    open_intents.add(what)
                case "run":
                    runs = int(what)
                case "recorded":
                    living.add(what)
                    open_intents.discard(what)
                case "forgotten":
                    living.discard(what)
        snapshot = backend.read()
        found, uncertain = names(snapshot), {item.address.name for item in snapshot.uncertain}
        # One entry may have been written and its acknowledgement not.
        assert len(found ^ living) <= 1, trial
        assert open_intents <= uncertain | found, trial
        assert len(snapshot.ledger.of("trainer.a")) in (runs, runs + 1), trial
        assert snapshot.state.serial >= serial
        living, open_intents, serial = found, uncertain, snapshot.state.serial
        runs = len(snapshot.ledger.of("trainer.a"))
    assert serial > 40


CALLS = ("replace", "fsync", "fdatasync", "link", "unlink", "write", "open", "ftruncate", "mkdir")


def die_at(count: int) -> None:
    """Let this process die before its call number `count` that changes files; of a write, half is done."""
    calls = iter(range(count))

    def deadly(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            if next(calls, None) is None:
                if function is write:
                    file, data = arguments
                    write(file, data[: len(data) // 2])  # type: ignore[arg-type,index]
                os._exit(9)
            return function(*arguments, **named)

        return call

    for name in CALLS:
        setattr(os, name, deadly(getattr(os, name)))


def test_a_crash_between_any_two_calls_leaves_a_whole_state(tmp_path: Path) -> None:
    template = LocalBackend(tmp_path / "template" / "main.json")
    with template.lock("apply") as session:
        session.append([recorded("z")])
    with template.lock("apply") as session:
        session.append([recorded("a"), run(1)])

    def leave(tell: Callable[[str], None], wait: Callable[[], bytes]) -> None:
        with template.lock("apply") as session:
            session.append([recorded("b"), intent("c"), run(2)])
            os._exit(9)

    Child(leave).end()
    assert template.read().state.serial == 3
    for count in range(200):
        backend = LocalBackend(tmp_path / str(count) / "main.json")
        shutil.copytree(template.path.parent, backend.path.parent)

        def work(
            tell: Callable[[str], None], wait: Callable[[], bytes], count: int = count, to: LocalBackend = backend
        ) -> None:
            die_at(count)
            with to.lock("apply") as session:  # folds b
                session.append([recorded("c"), run(3)])
                tell("c")
                session.fold()
                session.append([intent("d")])
                tell("d")

        child = Child(work)
        status = child.end()
        seen = backend.read()
        assert {"z", "a", "b"} <= names(seen), count
        if "c" in child.rest:
            assert "c" in names(seen), count
            assert len(seen.ledger.of("trainer.a")) == 3, count
        if "c" not in names(seen):
            assert seen.uncertain == (intent("c"),), count
        if "d" in child.rest:
            assert seen.uncertain == (intent("d"),), count
        assert seen.state.serial == (4 if "c" in names(seen) else 3), count
        with backend.lock("plan") as session:
            assert session.snapshot().state.records == seen.state.records, count
            assert session.snapshot().uncertain == seen.uncertain, count
            assert session.snapshot().ledger == seen.ledger, count
        assert backend.read().state.serial == seen.state.serial, count
        if status == 0:
            break
    assert status == 0
    assert count > 40


def test_readers_see_whole_states_while_another_folds(backend: LocalBackend) -> None:
    def work(tell: Callable[[str], None], wait: Callable[[], bytes]) -> None:
        with backend.lock("apply") as session:
            for index in range(10_000):
                session.append([recorded(f"q{index}"), run(index + 1)], durable=False)
                if index % 2:
                    session.fold()
                tell(str(index))

    child = Child(work)
    most = 0
    for _ in range(80):
        acknowledged = int(child.lines.readline()) + 1
        snapshot = backend.read()
        count = len(snapshot.state.records)
        assert count >= max(most, acknowledged)
        assert len(snapshot.ledger.of("trainer.a")) >= acknowledged
        assert names(snapshot) == {f"q{index}" for index in range(count)}
        most = count
    child.kill()
    child.end()


def holding(backend: LocalBackend) -> Child:
    def work(tell: Callable[[str], None], wait: Callable[[], bytes]) -> None:
        with backend.lock("apply") as session:
            session.append([recorded("held")])
            tell("held")
            wait()

    child = Child(work)
    assert child.lines.readline() == "held\n"
    return child


@pytest.mark.parametrize("timeout", [0.0, 0.02])
def test_who_holds_the_lock_is_said(backend: LocalBackend, timeout: float) -> None:
    child = holding(backend)
    with pytest.raises(StateLocked) as refusal, backend.lock("destroy", timeout):
        pass
    assert str(backend.path) in refusal.value.summary
    assert f"@{os.uname().nodename} (planform apply, process {child.pid}) since " in refusal.value.summary
    assert " ago." in refusal.value.summary
    assert refusal.value.detail == f"Process {child.pid} lives."
    assert child.end() == 0
    with backend.lock("destroy"):
        pass


def test_the_lock_of_a_killed_holder_is_free_at_once(backend: LocalBackend) -> None:
    child = holding(backend)
    child.kill()
    child.end()
    assert backend.lock_path.read_text()
    with backend.lock("destroy") as session:
        assert names(session.snapshot()) == {"held"}


def test_a_lock_kept_by_what_the_holder_started_is_told_apart(backend: LocalBackend) -> None:
    def work(tell: Callable[[str], None], wait: Callable[[], bytes]) -> None:
        with backend.lock("apply"):
            if os.fork() == 0:
                tell("held")
                wait()
            os._exit(0)

    child = Child(work)
    assert child.lines.readline() == "held\n"
    os.waitpid(child.pid, 0)
    with pytest.raises(StateLocked) as refusal, backend.lock("destroy"):
        pass
    assert refusal.value.detail == f"Process {child.pid} is gone, but a process that it started still holds the lock."
    os.close(child.ask)
    assert child.lines.read() == ""
    child.lines.close()
    with backend.lock("destroy", timeout=10):
        pass


@pytest.mark.parametrize(
    ("note", "summary", "detail"),
    [
        pytest.param("", "locked by a process that is just starting", "", id="nothing written yet"),
        pytest.param("{", "locked by a process that is just starting", "", id="half written"),
        pytest.param(
            json.dumps({"who": "ann@elsewhere", "pid": 1, "operation": "apply", "since": "2026-01-01T00:00:00+00:00"}),
            r"locked by ann@elsewhere \(planform apply, process 1\) since .* days ago",
            "another machine",
            id="another machine",
        ),
    ],
)
def test_a_lock_is_described_by_what_is_known(backend: LocalBackend, note: str, summary: str, detail: str) -> None:
    child = holding(backend)
    backend.lock_path.write_text(note)
    with pytest.raises(StateLocked, match=summary) as refusal, backend.lock("destroy"):
        pass
    assert detail in refusal.value.detail
    child.end()


def test_a_stale_lock_file_blocks_nobody(backend: LocalBackend) -> None:
    backend.path.parent.mkdir()
    backend.lock_path.write_text('{"who": "ghost@here", "pid": 1}')
    with backend.lock("apply"):
        assert json.loads(backend.lock_path.read_text())["pid"] == os.getpid()


def test_two_who_wait_for_each_other_both_get_their_work_done(backend: LocalBackend) -> None:
    def worker(name: str) -> Child:
        def work(tell: Callable[[str], None], wait: Callable[[], bytes]) -> None:
            for index in range(4):
                with backend.lock("apply", timeout=30) as session:
                    session.append([recorded(f"{name}{index}")])

        return Child(work)

    children = [worker("a"), worker("b")]
    assert [child.end() for child in children] == [0, 0]
    snapshot = backend.read()
    assert names(snapshot) == {f"{name}{index}" for name in "ab" for index in range(4)}
    assert snapshot.state.serial == 8


def fill(backend: LocalBackend, tell: Callable[[str], None], entries: Sequence[Entry]) -> None:
    """Append one by one until it fails, then once more; tell what was acknowledged and both errors."""
    acknowledged, errors = 0, []
    with backend.lock("apply") as session:
        for entry in entries:
            try:
                session.append([entry])
            except StateError as error:
                errors.append([error.summary, error.detail, error.suggestion])
                if len(errors) == 2:
                    break
            else:
                assert not errors
                acknowledged += 1
    tell(json.dumps({"acknowledged": acknowledged, "errors": errors}))


def test_a_file_that_may_not_grow_leaves_the_old_state(
    backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def work(tell: Callable[[str], None], wait: Callable[[], bytes]) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        fill(backend, tell, [recorded(f"q{index}", 500) for index in range(100)])

    child = Child(work)
    assert child.end() == 0
    told = json.loads(child.rest[0])
    first, second = told["errors"]
    assert first[0] == second[0] == f"The state {backend.path} cannot be written: file too large."
    # The recovery file may not grow either.
    assert "The results of job_queue.q" in first[1]
    assert "could not be kept elsewhere: file too large." in first[1]
    assert not list(tmp_path.glob("planform-recovery-*"))
    assert 20 < told["acknowledged"] < 40
    assert names(backend.read()) == {f"q{index}" for index in range(told["acknowledged"])}
    with backend.lock("apply") as session:
        session.append([recorded("more")])
    assert len(backend.read().state.records) == told["acknowledged"] + 1


def test_a_full_disk_leaves_the_old_state_and_keeps_results_elsewhere(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    backend = LocalBackend(small_disk / "state" / "main.json")
    child = Child(lambda tell, wait: fill(backend, tell, [recorded(f"q{index}", 500) for index in range(400)]))
    assert child.end() == 0
    told = json.loads(child.rest[0])
    count = told["acknowledged"]
    assert 40 < count < 120
    assert names(backend.read()) == {f"q{index}" for index in range(count)}
    for (summary, detail, _), lost in zip(
        told["errors"], (f"job_queue.q{count}", f"job_queue.q{count}, job_queue.q{count + 1}"), strict=True
    ):
        assert summary == f"The state {backend.path} cannot be written: no space is left."
        assert f"The results of {lost} are in {tmp_path}" in detail
    with pytest.raises(StateError, match="no space is left"), backend.lock("apply") as session:
        session.append([recorded("another", 5000)])
    subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
    command = told["errors"][-1][2].partition("Make room, then: ")[2]
    assert shlex.split(command)[0] == "cp"
    subprocess.run(command, shell=True, check=True)
    # The two results that did not fit are found again.
    assert names(backend.read()) == {f"q{index}" for index in range(count + 2)}


def test_results_of_calls_in_flight_are_kept_when_the_disk_is_full(
    backend: LocalBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, data: bytes) -> int:
        if os.path.samestat(os.fstat(file), backend.journal_path.stat()):
            write(file, data[:10])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with backend.lock("apply") as session:
        session.append([recorded("before")])
    with backend.lock("apply") as session:
        session.append([intent("a"), intent("b")])
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(StateError, match="no space is left") as refusal:
            session.append([intent("c")])
        assert "recovery" not in refusal.value.detail
        for name, so_far in (("a", "job_queue.a"), ("b", "job_queue.a, job_queue.b")):
            with pytest.raises(StateError) as refusal:
                session.append([recorded(name)])
            assert f"The results of {so_far} are in {tmp_path}/planform-recovery-main-" in refusal.value.detail
        with pytest.raises(StateError):
            session.fold()
    monkeypatch.undo()
    assert names(backend.read()) == {"before"}
    assert backend.read().uncertain == (intent("a"), intent("b"))
    subprocess.run(refusal.value.suggestion.partition("then: ")[2], shell=True, check=True)
    with backend.lock("apply") as session:
        assert names(session.snapshot()) == {"before", "a", "b"}
        assert session.snapshot().uncertain == ()
