"""State in a bucket, when the server, the network or another holder makes trouble."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from planform.backends import backend_for
from planform.backends.s3 import backend as s3_backend
from planform.backends.s3 import bucket, lease
from planform.backends.s3.backend import S3Backend
from planform.core.addresses import Address
from planform.core.errors import StateDamaged, StateError, StateLocked
from planform.core.state import Entry, Intent, Record, Recorded, Run, RunRecorded, Snapshot
from planform.core.statefile import parse_pulled
from tests.fakes.s3 import S3

# The children end by os._exit and never touch what another thread of the test runner may hold.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

JOURNAL = r"\.journal/"
STATE, LEDGER, LOCK = r"main\.json$", r"ledger\.json$", r"\.lock$"


@pytest.fixture
def backend(s3: S3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> S3Backend:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return another(s3)


def another(s3: S3, **settings: str) -> S3Backend:
    found = backend_for("s3", s3.settings(**settings), Path(), "default")
    assert isinstance(found, S3Backend)
    return found


def recorded(name: str, size: int = 1) -> Recorded:
    return Recorded(Record(Address("job_queue", name), "local", {"name": name, "padding": "x" * size}))


def intent(name: str) -> Intent:
    return Intent(f"create {name}", Address("job_queue", name), "create", "local", name)


def run(number: int) -> RunRecorded:
    return RunRecorded(Run(f"r{number}", "trainer.a", number, "d", {}, f"a-{number}", "arn", "local", "process"))


def names(snapshot: Snapshot) -> set[str]:
    return {address.name for address in snapshot.state.records}


def apply(backend: S3Backend, *entries: Entry) -> None:
    with backend.lock("apply") as session:
        session.append(entries)


def fault(method: str, key: str, do: str, times: int = 1) -> dict[str, Any]:
    return {"method": method, "key": key, "do": do, "times": times}


def lost_answers() -> list[Any]:
    writes = {"lock": LOCK, "epoch or journal": JOURNAL, "state": STATE, "ledger": LEDGER, "backup": r"backup$"}
    return [
        pytest.param(fault("PUT", key, do, 1), id=f"{name} {do}")
        for name, key in writes.items()
        for do in ("drop_after", "drop_before", "500", "503", "409")
    ] + [
        pytest.param(fault("DELETE", LOCK, "drop_after"), id="unlock drop_after"),
        pytest.param(fault("DELETE", LOCK, "409"), id="unlock 409"),
        pytest.param(fault("GET", STATE, "500"), id="read 500"),
        pytest.param(fault("POST", ".*", "500"), id="sweep 500"),
    ]


@pytest.mark.parametrize("trouble", lost_answers())
def test_trouble_that_passes_is_not_noticed(backend: S3Backend, s3: S3, trouble: dict[str, Any]) -> None:
    """Also a write that was stored and whose answer was lost: sent again it is refused, and found to be our own."""
    apply(backend, recorded("a"), run(1))
    s3.faults(trouble)
    with backend.lock("apply") as session:
        session.append([intent("b"), run(2)])
        session.append([recorded("b")])
    assert s3.faults_left() == 0
    snapshot = another(s3).read()
    assert names(snapshot) == {"a", "b"}
    assert (snapshot.state.serial, snapshot.uncertain, len(snapshot.ledger.of("trainer.a"))) == (2, (), 2)
    assert backend.holder() is None


def test_results_that_s3_does_not_take_are_kept_and_pushed_later(backend: S3Backend, s3: S3) -> None:
    apply(backend, recorded("before"))
    with pytest.raises(StateError) as refusal, backend.lock("apply") as session:  # noqa: PT012
        session.append([intent("a"), intent("b")])
        s3.faults(fault("PUT", ".*", "500", 100))
        with pytest.raises(StateError, match=r"journal/.* cannot be written: on order") as first:
            session.append([recorded("a")])
        assert "The results of job_queue.a are in" in first.value.detail
        session.append([recorded("b"), run(1)])
    s3.faults()
    detail, suggestion = refusal.value.detail, refusal.value.suggestion
    path = Path(detail.partition(" are in ")[2].rstrip("."))
    kept = parse_pulled(path.read_text(), str(path))
    assert names(kept) == {"before", "a", "b"}
    assert (kept.state.serial, kept.uncertain, len(kept.ledger.of("trainer.a"))) == (2, (), 1)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "planform force-unlock" in suggestion
    assert f"planform state push {path}" in suggestion
    assert names(backend.read()) == {"before"}
    assert backend.read().uncertain == (intent("a"), intent("b"))


def test_a_conflict_that_does_not_pass_is_a_sentence(
    backend: S3Backend, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(backend, recorded("before"))
    monkeypatch.setattr(bucket, "CONFLICT_TRIES", 2)
    s3.faults(fault("PUT", LOCK, "409", 100))
    with pytest.raises(StateError, match="is being written by others all the time"), backend.lock("apply"):
        pass
    s3.faults(fault("DELETE", LOCK, "409", 100))
    with pytest.raises(StateError, match="is being written by others all the time"), backend.lock("apply") as session:
        session.append([recorded("more")])
    s3.faults()
    assert names(backend.read()) == {"before", "more"}


def test_nothing_is_started_when_an_intent_cannot_be_written(backend: S3Backend, s3: S3) -> None:
    apply(backend, recorded("before"))
    with pytest.raises(StateError, match="cannot be written") as refusal, backend.lock("apply") as session:  # noqa: PT012
        s3.faults(fault("PUT", JOURNAL, "500", 100))
        session.append([intent("a")])
    assert "kept" not in refusal.value.detail
    s3.faults()
    assert backend.holder() is None
    assert names(backend.read()) == {"before"}


def test_a_holder_whose_lock_was_taken_writes_nothing_more(backend: S3Backend, s3: S3) -> None:
    apply(backend, recorded("a"))
    other = another(s3)
    with pytest.raises(StateError, match="was taken from this command") as refusal, backend.lock("apply") as old:  # noqa: PT012
        old.append([intent("mine")])
        holder = other.holder()
        assert holder is not None
        assert other.force_unlock(holder.id) == holder._replace(silent_for=holder.silent_for)
        with other.lock("destroy") as new:
            new.append([recorded("theirs")])
            with pytest.raises(StateError) as first:
                old.append([recorded("mine")])
            assert "(planform destroy, process" in first.value.detail
        old.append([intent("more")])
    assert "planform plan" in refusal.value.suggestion
    assert names(backend.read()) == {"a", "theirs"}
    assert backend.read().uncertain == (intent("mine"),)
    assert backend.holder() is None


@pytest.mark.parametrize("folds", [0, 1, 3])
def test_the_fence_holds_when_the_new_holder_is_long_gone(backend: S3Backend, s3: S3, folds: int) -> None:
    """The old holder's next number stays taken, also after later journals were folded and deleted."""
    apply(backend, recorded("a"))
    other = another(s3)
    with pytest.raises(StateError, match="was taken from this command"), backend.lock("apply") as old:  # noqa: PT012
        holder = other.holder()
        assert holder is not None
        other.force_unlock(holder.id)
        with other.lock("destroy"):
            pass
        for index in range(folds):
            apply(other, recorded(f"b{index}"))
        old.append([recorded("mine")])
    assert names(backend.read()) == {"a", *(f"b{index}" for index in range(folds))}


def test_what_the_old_holder_folds_while_the_new_one_works_is_no_loss(backend: S3Backend, s3: S3) -> None:
    apply(backend, recorded("a"))
    other = another(s3)
    guard = backend.lock("apply")
    old = guard.__enter__()
    old.append([recorded("b"), run(1)])
    holder = other.holder()
    assert holder is not None
    other.force_unlock(holder.id)
    with other.lock("destroy") as new:
        assert names(new.snapshot()) == {"a", "b"}
        with pytest.raises(StateError):
            guard.__exit__(None, None, None)  # it folds, and finds itself without the lock
        new.append([recorded("c"), run(2)])
    snapshot = backend.read()
    assert names(snapshot) == {"a", "b", "c"}
    assert len(snapshot.ledger.of("trainer.a")) == 2


def stopped_child(work: Callable[[Callable[[], None]], None]) -> int:
    """A forked process that stops itself in the middle of `work`, and is stopped when this returns."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(lambda: os.kill(os.getpid(), signal.SIGSTOP))
            status = 0
        except StateError:
            status = 9
        finally:
            os._exit(status)
    os.waitpid(child, os.WUNTRACED)
    return child


def test_a_holder_that_was_paused_goes_on_when_nobody_took_the_lock(
    backend: S3Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(backend, recorded("a"))
    monkeypatch.setattr(lease, "LATE_SECONDS", 0.0)  # it is late whenever it wakes up

    def work(pause: Callable[[], None]) -> None:
        with backend.lock("apply") as session:
            session.append([intent("b")])
            pause()
            session.append([recorded("b")])

    child = stopped_child(work)
    assert backend.read().uncertain == (intent("b"),)
    os.kill(child, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names(backend.read()) == {"a", "b"}


def test_a_paused_holder_stops_when_the_lock_was_taken(backend: S3Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(backend, recorded("a"))
    monkeypatch.setattr(lease, "LATE_SECONDS", 0.0)

    def work(pause: Callable[[], None]) -> None:
        with backend.lock("apply") as session:
            session.append([intent("b")])
            pause()
            session.append([intent("c")])

    child = stopped_child(work)
    with pytest.raises(StateLocked, match=f"process {child}") as refusal, backend.lock("apply"):
        pass
    assert refusal.value.detail == f"Process {child} lives."
    holder = backend.holder()
    assert holder is not None
    backend.force_unlock(holder.id)
    os.kill(child, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert backend.read().uncertain == (intent("b"),)


def test_a_dead_holder_is_named_with_the_command_that_frees_the_state(backend: S3Backend) -> None:
    apply(backend, recorded("a"))

    def work(pause: Callable[[], None]) -> None:
        with backend.lock("apply") as session:
            session.append([intent("b"), recorded("c")])
            pause()

    child = stopped_child(work)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with pytest.raises(StateLocked) as refusal, backend.lock("apply"):
        pass
    holder = backend.holder()
    assert holder is not None
    assert refusal.value.suggestion == f"It is dead: planform force-unlock {holder.id}"
    assert refusal.value.detail.startswith(f"Process {child} is gone.")
    with pytest.raises(StateError, match="is locked by") as wrong:
        backend.force_unlock("ffff")
    assert f"planform force-unlock {holder.id}" in wrong.value.suggestion
    backend.force_unlock(holder.id)
    with backend.lock("apply") as session:
        assert names(session.snapshot()) == {"a", "c"}
        assert session.snapshot().uncertain == (intent("b"),)


def test_a_lock_of_another_machine_is_judged_by_its_last_sign_of_life(backend: S3Backend, s3: S3) -> None:
    form = {"id": "77", "who": "ci@runner-9", "pid": 1, "operation": "apply", "since": "2026-01-01T00:00:00+00:00"}
    s3.client.put_object(Bucket=s3.bucket, Key="t/main.json.lock", Body=json.dumps(form))
    with pytest.raises(StateLocked, match=r"locked by ci@runner-9 \(planform apply, process 1\)") as refusal:
        backend.lock("apply").__enter__()
    assert refusal.value.detail.startswith("Its last sign of life is ")
    assert refusal.value.suggestion == "Wait for it, or give --lock-timeout 5m."
    s3.client.put_object(Bucket=s3.bucket, Key="t/main.json.lock", Body=b"?")
    with pytest.raises(StateLocked, match="does not say by whom"):
        backend.lock("apply").__enter__()


def test_a_lock_of_another_machine_that_is_silent_may_be_taken(
    backend: S3Backend, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LATE_SECONDS", -1.0)
    form = {"id": "77", "who": "ci@runner-9", "pid": 1, "operation": "apply", "since": "2026-01-01T00:00:00+00:00"}
    s3.client.put_object(Bucket=s3.bucket, Key="t/main.json.lock", Body=json.dumps(form))
    with pytest.raises(StateLocked) as refusal:
        backend.lock("apply").__enter__()
    assert refusal.value.suggestion == "If it is dead: planform force-unlock 77"


def test_a_heartbeat_keeps_the_lock_fresh(backend: S3Backend, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.01)
    with backend.lock("apply"):
        seen: set[int] = set()
        while len(seen) < 3:
            found = s3.client.get_object(Bucket=s3.bucket, Key="t/main.json.lock")
            seen.add(json.loads(found["Body"].read()).get("beat", 0))
    assert backend.holder() is None


def test_old_epochs_are_swept(backend: S3Backend, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(4):
        apply(backend, recorded(f"q{index}"))
    epochs = [key for key in s3.objects() if ".journal/" in key]
    assert len(epochs) == 3
    monkeypatch.setattr(s3_backend, "EPOCHS_KEPT", timedelta(0))
    apply(backend, recorded("more"))
    assert len([key for key in s3.objects() if ".journal/" in key]) == 1
    for _ in range(3):  # epochs that the state does not contain yet must stay, or the journal would have a hole
        with backend.lock("plan"):
            pass
    assert names(backend.read()) == {"q0", "q1", "q2", "q3", "more"}


def test_calls(backend: S3Backend, s3: S3) -> None:
    """What a look and an apply cost."""
    apply(backend, recorded("a"), run(1))
    s3.calls()
    backend.read()
    assert [call.split()[0] for call in s3.calls()] == ["GET"] * 3  # list, state, ledger
    with backend.lock("apply") as session:
        for index in range(5):
            session.append([intent(f"b{index}")])
            session.append([recorded(f"b{index}")])
    told = [call.replace(f"/{s3.bucket}/t/", "") for call in s3.calls()]
    kinds = [call.split(".journal/")[0].split("?")[0] for call in told]
    assert [kind for kind in kinds if kind.startswith(("PUT", "DELETE", "POST"))] == [
        "PUT main.json.lock",
        "PUT main.json",  # the epoch
        *(["PUT main.json"] * 10),  # one object an append
        "PUT main.json.backup",
        "PUT main.json",  # the state
        f"POST /{s3.bucket}",  # the sweep
        "DELETE main.json.lock",
    ]


def test_results_without_side_effects_share_objects(backend: S3Backend, s3: S3) -> None:
    apply(backend, recorded("a"))
    s3.calls()
    with backend.lock("apply") as session:
        for index in range(2000):
            session.append([recorded(f"b{index}")], durable=False)
    assert len([call for call in s3.calls() if call.startswith("PUT") and ".journal/" in call]) < 30
    assert len(backend.read().state.records) == 2001


DAMAGES = [
    pytest.param(lambda data: b"", "is empty", id="0 bytes"),
    pytest.param(lambda data: data[: len(data) // 2], "ends in the middle", id="truncated"),
    pytest.param(lambda data: data.replace(b'"name": "b"', b'"name": "x"'), "was altered", id="altered"),
    pytest.param(lambda data: data.replace(b'"format": 1', b'"format": 2'), "has format 2", id="newer"),
    pytest.param(lambda data: b'{"version": 4, "terraform_version": "1.9"}', "is a Terraform state", id="foreign"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_state_is_refused(backend: S3Backend, s3: S3, damage: Callable[[bytes], bytes], message: str) -> None:
    for name in "ab":
        apply(backend, recorded(name))
    before = s3.objects()
    s3.client.put_object(Bucket=s3.bucket, Key="t/main.json", Body=damage(before["t/main.json"]))
    with pytest.raises(StateDamaged, match=message) as refusal:
        backend.read()
    with pytest.raises(StateDamaged, match=message), backend.lock("apply"):
        pass
    assert backend.holder() is None
    if message not in ("has format 2", "is a Terraform state"):
        assert f"aws s3 cp s3://{s3.bucket}/t/main.json.backup s3://{s3.bucket}/t/main.json" in refusal.value.suggestion


def test_a_lost_state_is_not_taken_for_a_new_one(backend: S3Backend, s3: S3) -> None:
    apply(backend, recorded("a"), run(1))
    apply(backend, recorded("b"))
    s3.client.delete_object(Bucket=s3.bucket, Key="t/main.json")
    with pytest.raises(StateDamaged, match=r"is missing, but s3://.*ledger\.json of it is there") as refusal:
        backend.read()
    assert "main.json.backup" in refusal.value.suggestion


def journal_left_behind(backend: S3Backend, s3: S3) -> list[str]:
    """The keys of a journal whose holder died."""
    apply(backend, recorded("a"))

    def work(pause: Callable[[], None]) -> None:
        with backend.lock("apply") as session:
            for name in "bcd":
                session.append([recorded(name)])
            pause()

    child = stopped_child(work)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return sorted(key for key in s3.objects() if ".journal/" in key)


def test_a_hole_in_the_journal_is_refused(backend: S3Backend, s3: S3) -> None:
    keys = journal_left_behind(backend, s3)
    assert names(backend.read()) == {"a", "b", "c", "d"}
    s3.client.delete_object(Bucket=s3.bucket, Key=keys[2])
    with pytest.raises(StateDamaged, match="lacks its object 4"):
        backend.read()


def test_an_altered_journal_is_refused(backend: S3Backend, s3: S3) -> None:
    keys = journal_left_behind(backend, s3)
    data = s3.objects()[keys[2]]
    for bad in (data.replace(b'"c"', b'"x"'), b"", data[:-5]):
        s3.client.put_object(Bucket=s3.bucket, Key=keys[2], Body=bad)
        with pytest.raises(StateDamaged, match=keys[2]):
            backend.read()


def test_a_ledger_of_another_state_is_refused(backend: S3Backend, s3: S3) -> None:
    apply(backend, recorded("a"), run(1))
    with another(s3, key="t/other.json").lock("apply") as session:
        session.append([run(2)])
    s3.client.copy_object(Bucket=s3.bucket, Key="t/main.ledger.json", CopySource=f"{s3.bucket}/t/other.ledger.json")
    with pytest.raises(StateDamaged, match="belongs to another state"):
        backend.read()


@pytest.mark.parametrize(
    ("settings", "environment", "says", "next_step"),
    [
        ({"bucket": "no-such-bucket"}, {}, "The specified bucket does not exist", "Make the bucket first"),
        ({}, {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "Unable to locate credentials", "aws sso login"),
        ({"endpoint_url": "http://127.0.0.1:9"}, {}, "Could not connect to the endpoint", "Check the network"),
        ({"profile": "nobody"}, {}, "profile", "Check region, profile"),
    ],
)
def test_a_bucket_that_cannot_be_used(
    s3: S3,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    environment: dict[str, str],
    says: str,
    next_step: str,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in environment.items():
        monkeypatch.delenv(name) if not value else monkeypatch.setenv(name, value)
    backend = backend_for("s3", {**s3.settings(), **settings}, Path(), "default")
    with pytest.raises(StateError) as refusal:
        backend.read()
    assert says in refusal.value.summary
    assert next_step in refusal.value.suggestion


def test_a_refusal_is_a_sentence(backend: S3Backend, s3: S3) -> None:
    s3.faults(fault("GET", ".*", "403", 10))
    with pytest.raises(StateError, match="cannot be listed: on order") as refusal:
        backend.read()
    assert "s3:ListBucket" in refusal.value.suggestion
