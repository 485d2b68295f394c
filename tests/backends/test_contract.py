"""What every backend promises: the same tests against files and against a bucket of S3."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from planform.backends import backend_for
from planform.core.addresses import Address
from planform.core.backend import Backend
from planform.core.errors import StateError, StateLocked
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

RUN = Run("r1", "trainer.a", 1, "d", {}, "a-r1", "arn:a-r1", "local", "process")

# The children end by os._exit and never touch what another thread of the test runner may hold.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@pytest.fixture(params=["local", "s3"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "local":
        return backend_for("local", {"path": "state/main.json"}, tmp_path, "default")
    return backend_for("s3", request.getfixturevalue("s3").settings(), tmp_path, "default")


def queue(name: str, priority: int = 1) -> Record:
    return Record(Address("job_queue", name), "local", {"name": name, "priority": priority})


def intent(name: str, verb: str = "create") -> Intent:
    return Intent(f"{verb} {name}", Address("job_queue", name), verb, "local", name)


def names(snapshot: Snapshot) -> set[str]:
    return {address.name for address in snapshot.state.records}


def apply(backend: Backend, *entries: Entry) -> Snapshot:
    with backend.lock("apply") as session:
        session.append(entries)
        return session.snapshot()


def test_a_place_without_state_is_fresh_and_a_look_leaves_it_so(backend: Backend) -> None:
    first = backend.read()
    assert not first.exists
    with backend.lock("plan"):
        pass
    assert not backend.read().exists
    assert backend.read().state.lineage != first.state.lineage


def test_what_was_appended_is_there_before_and_after_the_fold(backend: Backend) -> None:
    with backend.lock("apply") as session:
        lineage = session.snapshot().state.lineage
        session.append(
            [Recorded(queue("a"), ("service_environment.x",)), RunRecorded(RUN), OutputsRecorded({"o": [1]})]
        )
        unfolded = backend.read()
        assert unfolded == session.snapshot()
        session.fold()
        folded = backend.read()
        session.append([Recorded(queue("b"))])
        assert names(backend.read()) == {"a", "b"}
    assert unfolded.state.lineage == folded.state.lineage == backend.read().state.lineage == lineage
    assert unfolded.state.records == folded.state.records == {queue("a").address: queue("a")}
    assert folded.state.dependencies == {"job_queue.a": ("service_environment.x",)}
    assert folded.state.outputs == {"o": [1]}
    assert folded.ledger.of("trainer.a") == (RUN,)
    assert names(backend.read()) == {"a", "b"}


def test_the_serial_counts_changes_not_entries_folds_or_looks(backend: Backend) -> None:
    with backend.lock("apply") as session:
        for name in "abc":
            session.append([Recorded(queue(name))])
            assert session.snapshot().state.serial == 1
        session.fold()
        session.fold()
        session.append([Forgotten(queue("c").address)])
        assert session.snapshot().state.serial == 2
    assert backend.read().state.serial == 2


def test_an_intent_without_result_stays_until_its_result_comes(backend: Backend) -> None:
    apply(backend, intent("a"), intent("b"), Recorded(queue("a")))
    assert backend.read().uncertain == (intent("b"),)
    serial = backend.read().state.serial
    apply(backend, RunRecorded(RUN))
    assert backend.read().uncertain == (intent("b"),)
    assert backend.read().state.serial == serial
    apply(backend, Forgotten(queue("b").address))
    assert backend.read().uncertain == ()


def test_a_failed_apply_keeps_what_it_did(backend: Backend) -> None:
    def work() -> None:
        with backend.lock("apply") as session:
            session.append([Recorded(queue("a"))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert names(backend.read()) == {"a"}
    assert backend.holder() is None


def test_the_progress_of_runs_is_no_change(backend: Backend) -> None:
    apply(backend, Recorded(queue("a")), RunRecorded(RUN))
    apply(backend, RunRecorded(RUN._replace(status="running")))
    apply(backend, RunRecorded(RUN._replace(id="r2", number=2)), RunDropped(RUN._replace(id="r2", number=2)))
    assert [run.status for run in backend.read().ledger.of("trainer.a")] == ["running"]
    assert backend.read().state.serial == 1


def test_the_next_holder_folds_what_a_dead_one_left(backend: Backend) -> None:
    apply(backend, Recorded(queue("a")))
    child = os.fork()
    if child == 0:
        with backend.lock("apply") as session:
            session.append([Recorded(queue("b")), intent("c"), RunRecorded(RUN)])
            os._exit(9)
    os.waitpid(child, 0)
    seen = backend.read()
    assert names(seen) == {"a", "b"}
    holder = backend.holder()
    if holder is not None:  # the kernel frees its locks; others are taken away on purpose
        assert (holder.pid, holder.operation) == (child, "apply")
        backend.force_unlock(holder.id)
    with backend.lock("plan") as session:
        now = session.snapshot()
    assert now.state.records == seen.state.records
    assert (now.state.serial, now.uncertain, now.ledger) == (2, (intent("c"),), seen.ledger)
    assert backend.read() == now


def test_write_brings_the_lineage_of_a_first_plan(backend: Backend) -> None:
    planned = backend.read().state
    with backend.lock("apply") as session:
        assert not session.snapshot().exists
        session.write(planned, Ledger())
        assert session.snapshot() == Snapshot(planned, Ledger())
        session.append([Recorded(queue("a"))])
    after = backend.read().state
    assert (after.lineage, after.salt, after.serial) == (planned.lineage, planned.salt, 1)


def test_write_replaces_another_lineage(backend: Backend) -> None:
    apply(backend, Recorded(queue("a")), RunRecorded(RUN))
    pushed = State("pushed", 1, "00" * 32, {queue("p").address: queue("p")}, {"job_queue.p": ()})
    with backend.lock("state push") as session:
        session.write(pushed, Ledger())
        assert session.snapshot() == Snapshot(pushed, Ledger())
    assert backend.read() == Snapshot(pushed, Ledger())
    runs = Ledger({"trainer.a": (RUN,)})
    with backend.lock("state push") as session:
        session.write(pushed, runs)
        session.append([Recorded(queue("q"))])
    assert names(backend.read()) == {"p", "q"}
    assert backend.read().ledger == runs


def test_a_removed_state_is_a_place_without_state(backend: Backend) -> None:
    apply(backend, Recorded(queue("a")), RunRecorded(RUN))
    backend.remove("workspace delete")
    assert not backend.read().exists
    apply(backend, Recorded(queue("b")))
    assert names(backend.read()) == {"b"}


def test_one_holder_at_a_time(backend: Backend) -> None:
    assert backend.holder() is None
    with backend.lock("apply"):
        holder = backend.holder()
        assert holder is not None
        assert (holder.operation, holder.pid) == ("apply", os.getpid())
        with pytest.raises(StateLocked, match=r"is locked by .* \(planform apply, process \d+\)"), backend.lock("plan"):
            pass
        with pytest.raises(StateLocked), backend.lock("plan", timeout=0.01):
            pass
        with pytest.raises(StateLocked):
            backend.remove("workspace delete")
    assert backend.holder() is None
    with pytest.raises(StateError, match="is not locked"):
        backend.force_unlock("x")


def test_two_who_race_both_get_their_work_done(backend: Backend) -> None:
    children = []
    for name in "ab":
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for index in range(3):
                    with backend.lock("apply", timeout=60) as session:
                        session.append([Recorded(queue(f"{name}{index}"))])
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    snapshot = backend.read()
    assert names(snapshot) == {f"{name}{index}" for name in "ab" for index in range(3)}
    assert snapshot.state.serial == 6
