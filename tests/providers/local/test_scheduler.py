"""The queue of this machine: who starts next, and that capacity is never exceeded."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.resource import Planned
from planform.core.state import Record
from planform.providers.local import runs
from planform.providers.local.files import address_name, read_json
from planform.providers.local.job_queue import JobQueues
from planform.providers.local.scheduler import Entry, Queue, never_fits, queue_named, schedule, startable
from planform.providers.local.service_environment import ServiceEnvironments


def entry(name, instances=1, queue="q", priority=0):
    """Named by its order of submission: "1", "2", ..."""
    return Entry(name, f"runs/{name}", queue, priority, instances, 4, int(name))


def trial(name):
    """One of a tuning job that runs two at once, in the implicit queue."""
    return replace(entry(name, queue=""), group="search", most_of_group=2)


QUEUES = {
    "q": Queue("q", 1, "env", 2),
    "high": Queue("high", 9, "env", 2),
    "other": Queue("other", 1, "other", 1),
    "off": Queue("off", 1, "off", 2, starts=False),
    "": Queue("", 0, "", 4),
}


@pytest.mark.parametrize(
    ("waiting", "running", "starts"),
    [
        pytest.param([], [], "", id="nothing to do"),
        pytest.param([entry("1"), entry("2"), entry("3")], [], "12", id="as many as fit, in order of submission"),
        pytest.param([entry("1"), entry("2", priority=5)], [entry("3")], "2", id="priority of the job"),
        pytest.param([entry("1", priority=9), entry("2", queue="high")], [entry("3")], "2", id="priority of the queue"),
        pytest.param([entry("1", 2), entry("2")], [entry("3")], "", id="who does not fit is not passed by"),
        pytest.param([entry("1", 2), entry("2", queue="high")], [entry("3")], "2", id="not by its own queue, that is"),
        pytest.param([entry("1")], [entry("2", 2, queue="high")], "", id="queues of one environment share it"),
        pytest.param([entry("1"), entry("2", queue="other")], [entry("3", 2)], "2", id="environments do not"),
        pytest.param([entry("1", queue="off")], [], "", id="a disabled environment starts nothing"),
        pytest.param([entry("1", 4, queue="")], [entry("2", 2)], "1", id="the implicit queue has its own capacity"),
        pytest.param(
            [trial("1"), trial("2"), trial("3"), entry("4", queue="")], [], "124", id="so many of a group at once"
        ),
        pytest.param([trial("1"), entry("2", queue="")], [trial("3"), trial("4")], "2", id="others pass them by"),
    ],
)
def test_who_starts_next(waiting, running, starts):
    assert "".join(item.run_id for item in startable(waiting, running, QUEUES)) == starts


def test_what_can_never_fit_is_named_with_both_places():
    assert never_fits(2, 2) == ""
    assert never_fits(3, 2, "main", "cpu") == (
        '3 instances never fit: service environment "cpu" of queue "main" runs at most 2 at once'
    )
    assert "this machine (max_instances)" in never_fits(3, 2)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("trainer.digits", "trainer.digits"),
        ('trainer.digits["fast"]', "trainer.digits@fast"),
        ('module.a["x"].trainer.b[0]', "module.a@x.trainer.b@0"),
        ('trainer.a["../../etc/passwd"]', "trainer.a@.._.._etc_passwd"),
        ('trainer.a["größe"]', "trainer.a@gr__e"),
    ],
)
def test_an_address_as_a_file_name(address, name):
    assert address_name(address) == name


def planned(kind, name, lineage="lineage", **attributes):
    return Planned(Address(kind, name), {"name": name, "state": "ENABLED", **attributes}, lineage, "default")


def limits(capacity):
    return [{"max_capacity": capacity, "capacity_unit": "NUM_INSTANCES"}]


def define(root, queue="main", capacity=1, priority=1, environment="cpu"):
    ServiceEnvironments(root).create(planned("service_environment", environment, capacity_limits=limits(capacity)))
    order = [f"planform:local:service_environment/{environment}"]
    return JobQueues(root).create(planned("job_queue", queue, priority=priority, service_environment_order=order))


def intervals(machine, some):
    return [(status.started_at, status.ended_at) for status in machine.ended(*some)]


def most_at_once(spans):
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_capacity_one_runs_one_after_another_by_priority(machine):
    queue = define(machine.root)["arn"]
    gate = machine.gate("gate")
    first = machine.launch(f"open({str(gate)!r}).read()", "first", queue=queue)
    later = [machine.launch("pass", f"p{level}", queue=queue, priority=level) for level in (0, 5, 2)]
    assert [run.status for run in (first, *later)] == ["running", "queued", "queued", "queued"]
    assert not any(machine.status(run).stalled for run in later)
    gate.write_text("go")
    spans = intervals(machine, [first, later[1], later[2], later[0]])
    assert spans == sorted(spans)
    assert most_at_once(spans) == 1


def test_two_processes_that_launch_at_once_never_exceed_capacity(machine):
    define(machine.root, capacity=2)
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\nfrom conftest import Machine\n"
        f"machine = Machine(Path({str(machine.root)!r}))\n"
        "for number in range(4): machine.launch('pass', f'{sys.argv[1]}{number}', queue='main')\n"
    )
    others = [subprocess.Popen([sys.executable, "-c", program, name]) for name in "xy"]
    assert [other.wait() for other in others] == [0, 0]
    anchor = machine.launch("pass", "last", queue="main")
    names = [f"{name}{number}" for name in "xy" for number in range(4)]
    some = [anchor._replace(id=name, address=f"trainer.{name}", folder="") for name in names]
    spans = intervals(machine, [*some, anchor])
    assert len(spans) == 9
    assert most_at_once(spans) <= 2


def test_a_queued_run_is_cancelled_without_ever_starting(machine):
    queue = define(machine.root)["arn"]
    first = machine.launch("import signal; signal.pause()", "first", queue=queue)
    second = machine.launch("print('never')", "second", queue=queue)
    runs.stop(machine.root, machine.host, second)
    status = machine.status(second)
    assert (status.status, status.reason, status.started_at) == ("stopped", "cancelled while queued", "")
    assert machine.log(second) == ""
    assert not (machine.folder(second) / "nodes").exists()
    assert machine.status(first).status == "running"


def test_a_queue_that_nothing_will_start_is_stalled_until_resumed(machine):
    environments = ServiceEnvironments(machine.root)
    queue = define(machine.root)["arn"]
    off = planned("service_environment", "cpu", capacity_limits=limits(1), state="DISABLED")
    environments.update({}, off)
    run = machine.launch("pass", queue=queue)
    status = machine.status(run)
    assert (status.status, status.stalled, status.reason) == (
        "queued",
        True,
        'service environment "cpu" is disabled',
    )
    # As after a reboot: there is room now, and nobody there to notice.
    path = machine.root / ".planform/environments/cpu.json"
    path.write_text(path.read_text().replace("DISABLED", "ENABLED"))
    assert machine.status(run).reason == "there is room, but nobody has started it"
    schedule(machine.root)
    assert machine.ended(run)[0].status == "succeeded"


def test_more_capacity_starts_what_waits(machine):
    queue = define(machine.root)["arn"]
    machine.launch("import signal; signal.pause()", "first", queue=queue)
    second = machine.launch("pass", "second", queue=queue)
    assert machine.status(second).status == "queued"
    ServiceEnvironments(machine.root).update({}, planned("service_environment", "cpu", capacity_limits=limits(2)))
    assert machine.ended(second)[0].status == "succeeded"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"instance_count": 2}, 'service environment "cpu" of queue "main" runs at most 1', id="too large"),
        pytest.param({"instance_count": 5, "queue": "theirs"}, "max_instances", id="too large for an unowned queue"),
    ],
)
def test_a_run_that_can_never_fit_is_refused_and_leaves_nothing(machine, change, message):
    define(machine.root)
    with pytest.raises(ProviderError, match=message.replace("(", r"\(")):
        machine.launch("pass", **{"queue": "main", **change})
    assert not (machine.root / ".planform/runs").exists()


def test_a_disabled_queue_accepts_nothing(machine):
    define(machine.root)
    body = planned("job_queue", "main", priority=1, service_environment_order=["cpu"], state="DISABLED")
    JobQueues(machine.root).update({}, body)
    with pytest.raises(ProviderError, match='queue "main" is disabled'):
        machine.launch("pass", queue="main")


def record(kind, name, **attributes):
    return Record(Address(kind, name), "local", {"name": name, **attributes})


def test_definitions_are_read_in_bulk_and_none_when_gone(machine):
    define(machine.root, priority=3)
    handler = JobQueues(machine.root)
    known, lost = record("job_queue", "main"), record("job_queue", "lost")
    live = handler.read([known, lost])
    assert live[lost.address] is None
    assert live[known.address] == {
        "name": "main",
        "state": "ENABLED",
        "priority": 3,
        "service_environment_order": ["planform:local:service_environment/cpu"],
        "arn": "planform:local:job_queue/main",
        "status": "VALID",
        "status_reason": "",
    }


def test_an_interrupted_create_is_taken_over_and_another_lineage_refused(machine):
    handler = ServiceEnvironments(machine.root)
    body = planned("service_environment", "cpu", capacity_limits=limits(1))
    assert handler.create(body) == handler.create(body)
    with pytest.raises(ProviderError, match='"cpu" already exists on this machine') as refusal:
        handler.create(replace(body, lineage="another"))
    assert "lineage lineage" in refusal.value.detail


def test_an_environment_in_use_is_not_deleted(machine):
    define(machine.root)
    environments, queues = ServiceEnvironments(machine.root), JobQueues(machine.root)
    with pytest.raises(ProviderError, match='"cpu" is still used by job_queue main'):
        environments.delete(record("service_environment", "cpu"))
    queues.delete(record("job_queue", "main"))
    environments.delete(record("service_environment", "cpu"))
    environments.delete(record("service_environment", "cpu"))
    assert environments.read([record("service_environment", "cpu")]) == {Address("service_environment", "cpu"): None}


def test_deleting_a_queue_cancels_what_waits_in_it(machine):
    define(machine.root)
    first = machine.launch("import signal; signal.pause()", "first", queue="main")
    second = machine.launch("pass", "second", queue="main")
    JobQueues(machine.root).delete(record("job_queue", "main"))
    assert machine.status(second).reason == 'cancelled: job_queue "main" was deleted'
    assert machine.status(first).status == "running"


@pytest.mark.parametrize(
    ("handler", "desired", "problems"),
    [
        pytest.param(ServiceEnvironments, {"capacity_limits": limits(2)}, [], id="instances"),
        pytest.param(
            ServiceEnvironments,
            {"capacity_limits": [{"max_capacity": 1, "capacity_unit": "ml.m5.xlarge"}]},
            [],
            id="instance types",
        ),
        pytest.param(JobQueues, {"service_environment_order": ["cpu"]}, [], id="by name"),
        pytest.param(
            JobQueues, {"service_environment_order": ["planform:local:service_environment/cpu"]}, [], id="by arn"
        ),
        pytest.param(
            JobQueues,
            {"service_environment_order": ["a", "b"]},
            [(("service_environment_order",), "A queue of this machine has one service environment.")],
            id="two environments",
        ),
        pytest.param(
            JobQueues,
            {
                "service_environment_order": [
                    {"order": 1, "service_environment": "arn:aws:batch:x:1:service-environment/cpu"}
                ]
            },
            [
                (
                    ("service_environment_order",),
                    '"arn:aws:batch:x:1:service-environment/cpu" is not a service environment of this machine.',
                )
            ],
            id="an environment on AWS",
        ),
    ],
)
def test_what_this_machine_refuses(tmp_path, handler, desired, problems):
    misfits = handler(tmp_path).check(Address("any", "a"), desired)
    assert [(misfit.path, misfit.summary) for misfit in misfits] == problems


def test_predictions_hold(machine):
    queue = define(machine.root)
    for key, value in JobQueues(machine.root).predict({"name": "main"}).items():
        assert queue[key] == value
    stored = read_json(machine.root / ".planform/queues/main.json")
    assert (stored["lineage"], stored["address"]) == ("lineage", "job_queue.main")


def test_an_unowned_queue_is_an_implicit_one(tmp_path):
    assert queue_named(tmp_path, "theirs", 3) == Queue("theirs", 0, "", 3)


@pytest.mark.parametrize(
    ("waiting", "running", "starts"),
    [
        # a lower factor may have more: lab has half the weight of web
        ("lab lab lab web web", "", "lab web lab"),
        ("web web lab", "web", "lab web"),
        ("lab web", "lab lab", "web"),
        ("other lab", "other", "lab other"),  # a share that is not listed weighs 1
    ],
)
def test_shares_by_weight(waiting: str, running: str, starts: str) -> None:
    queue = Queue("q", 1, "pool", 3, weights=(("lab", 0.5), ("web*", 1.0)))

    def entries(words: str, first: int) -> list[Entry]:
        return [
            Entry(f"{word}{number}", "", "q", 0, 1, 1, number, word) for number, word in enumerate(words.split(), first)
        ]

    found = startable(entries(waiting, 10), entries(running, 1), {"q": queue})
    room = 3 - len(running.split())
    assert [entry.share for entry in found] == starts.split()[:room]


def test_a_quota_that_is_used_up_keeps_only_its_own_jobs() -> None:
    queue = Queue("q", 1, "pool", 4, quotas={"a": 1, "b": 2})
    waiting = [Entry(f"r{number}", "", "q", 0, 1, 1, number, share) for number, share in enumerate("aabbbc")]
    assert [entry.run_id for entry in startable(waiting, [], {"q": queue})] == ["r0", "r2", "r3"]
