"""Runs on this machine: how they end, what they leave, and what a crash does to them."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from planform.core.errors import ProviderError
from planform.core.executor import MetricDefinition
from planform.core.state import RunStatus
from planform.providers.local import runs
from planform.providers.local.files import open_up, read_json
from planform.providers.local.scheduler import schedule

BASE = "import os, sys; base = os.environ['SAGEMAKER_BASE_DIR']; "
FOREVER = "import signal; print('up', flush=True); signal.pause()"
LAUNCH = """
import os, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from conftest import Machine
machine = Machine(Path({root!r}))
"""


def launcher(root, text):
    """Another process that launches runs."""
    program = LAUNCH.format(tests=str(Path(__file__).parent), root=str(root)) + text
    return subprocess.Popen([sys.executable, "-c", program])


def test_a_run_that_succeeds_leaves_model_output_log_metrics_and_record(machine):
    code = BASE + (
        "print('acc=0.5'); print('acc=0.75 done');"
        "open(base + '/model/weights', 'w').write('w'); open(base + '/output/data/report', 'w').write('r')"
    )
    run = machine.launch(code, metric_definitions=(MetricDefinition("accuracy", "acc=([0-9.]+)"),))
    (status,) = machine.ended(run)
    assert status == RunStatus(
        "succeeded",
        started_at=status.started_at,
        ended_at=status.ended_at,
        metrics={"accuracy": 0.75},
        model_artifacts=".planform/runs/trainer.a/1-a/model/model.tar.gz",
        output_path=".planform/runs/trainer.a",
        billable_seconds=1,
    )
    assert status.started_at < status.ended_at
    with tarfile.open(machine.root / status.model_artifacts) as model:
        assert model.getnames() == ["weights"]
    assert (machine.folder(run) / "output" / "report").read_text() == "r"
    assert list(runs.logs(machine.root, machine.host, run, None, False)) == [
        ("algo-1", "acc=0.5"),
        ("algo-1", "acc=0.75 done"),
    ]
    history = runs.metric_history(machine.root, run)
    assert [value for _, value in history["accuracy"]] == [0.5, 0.75]
    assert not (machine.folder(run) / "nodes").exists()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(
            "raise ValueError('no data')",
            r"exit code 1: ValueError: no data\n\nTraceback .*ValueError: no data",
            id="traceback",
        ),
        pytest.param("raise SystemExit(3)", r"exit code 3", id="exit code"),
        pytest.param("import os; os.kill(os.getpid(), 11)", r"killed by SIGSEGV", id="signal"),
        pytest.param(
            BASE + "open(base + '/output/failure', 'w').write('my own words'); sys.exit(1)",
            r"my own words",
            id="failure file",
        ),
    ],
)
def test_a_run_that_fails_by_its_own_code_says_why(machine, code, reason):
    (status,) = machine.ended(machine.launch(code))
    assert (status.status, status.failure, status.model_artifacts) == ("failed", "user", "")
    assert re.fullmatch(reason, status.reason, re.DOTALL)


def test_the_runtime_limit_stops_a_run_that_ignores_sigterm(machine):
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile 1: signal.pause()"
    run = machine.launch(code, max_runtime_in_seconds=0.3, grace=0.1)
    (status,) = machine.ended(run)
    assert (status.status, status.reason, status.failure) == ("stopped", "MaxRuntimeExceeded", "")
    assert read_json(machine.folder(run) / "run.json")["exit_codes"] == {"algo-1": -signal.SIGKILL}


def test_the_first_node_that_fails_stops_the_others(machine):
    gate = machine.gate("gate")
    code = (
        f"import os, signal; gate = {str(gate)!r}\n"
        "if os.environ['NODE'] == '2': open(gate).read(); exit(4)\n"
        "open(gate, 'w'); signal.pause()"
    )
    run = machine.launch(code, instance_count=2)
    (status,) = machine.ended(run)
    assert (status.status, status.reason) == ("failed", "exit code 4")
    assert read_json(machine.folder(run) / "run.json")["exit_codes"] == {"algo-1": -signal.SIGTERM, "algo-2": 4}


def test_nodes_models_and_outputs_come_together(machine):
    code = BASE + (
        "n = os.environ['NODE']; open(f'{base}/model/part{n}', 'w').write(n); open(f'{base}/model/same', 'w').write(n);"
        "os.mkdir(f'{base}/output/data/d'); open(f'{base}/output/data/d/{n}', 'w').write(n)"
    )
    run = machine.launch(code, instance_count=2)
    (status,) = machine.ended(run)
    with tarfile.open(machine.root / status.model_artifacts) as model:
        assert model.getnames() == ["part1", "part2", "same"]
        assert model.extractfile("same").read() == b"1"
    assert sorted(path.name for path in (machine.folder(run) / "output" / "d").iterdir()) == ["1", "2"]


def test_progress_is_told_while_a_run_is_running(machine):
    gate = machine.gate("gate")
    run = machine.launch(
        f"print('loss=3', flush=True); open({str(gate)!r}).read(); print('loss=2')",
        metric_definitions=(MetricDefinition("loss", "loss=([0-9.]+)"),),
    )
    told = []

    def changed(run, status):
        told.append((status.status, dict(status.metrics)))
        if status.metrics == {"loss": 3.0}:
            gate.write_text("go")

    runs.watch(machine.root, machine.host, [run._replace(status="queued")], changed, lambda: False)
    assert told[-2:] == [("running", {"loss": 3.0}), ("succeeded", {"loss": 2.0})]


def test_logs_are_followed_to_the_end(machine):
    gate = machine.gate("gate")
    run = machine.launch(
        f"print('one', flush=True); open({str(gate)!r}).read(); print('two'); print('no newline', end='')"
    )
    lines = []
    for line in runs.logs(machine.root, machine.host, run, None, True):
        lines.append(line)
        if line == ("algo-1", "one"):
            gate.write_text("go")
    assert lines == [("algo-1", "one"), ("algo-1", "two"), ("algo-1", "no newline")]


def test_a_running_run_stops_on_request(machine):
    run = machine.launch(FOREVER)
    machine.until(lambda: "up" in machine.log(run))
    runs.stop(machine.root, machine.host, run)
    (status,) = machine.ended(run)
    assert (status.status, status.reason) == ("stopped", "stop requested")


def test_a_run_stops_also_when_asked_before_its_supervisor_is_up(machine):
    run = machine.launch(FOREVER)
    runs.stop(machine.root, machine.host, run)
    (status,) = machine.ended(run)
    assert (status.status, status.reason) == ("stopped", "stop requested")


def test_a_stopped_run_keeps_the_model_it_had(machine):
    run = machine.launch(BASE + "open(base + '/model/part', 'w').write('p');" + FOREVER)
    machine.until(lambda: "up" in machine.log(run))
    runs.stop(machine.root, machine.host, run)
    (status,) = machine.ended(run)
    assert (machine.root / status.model_artifacts).is_file()


def test_an_ended_run_is_left_alone(machine):
    run = machine.launch("pass")
    before = machine.ended(run)
    runs.stop(machine.root, machine.host, run)
    assert machine.ended(run) == before


def test_launching_again_finds_the_run_that_is_there(machine):
    gate = machine.gate("gate")
    code = f"print('once'); open({str(gate)!r}).read()"
    first = machine.launch(code)
    again = machine.launch(code)
    gate.write_text("go")
    machine.ended(first)
    after = machine.launch(code)
    assert (again.folder, after.folder, after.status) == (first.folder, first.folder, "succeeded")
    assert machine.log(first) == "once\n"


def test_a_launch_cut_short_never_was_and_can_be_repeated(machine):
    folder = machine.root / ".planform/runs/trainer.a/1-a"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"status": "queued"}')
    (folder / "job.json").write_text("{}")
    run = machine.launch("pass", "b")._replace(id="a", address="trainer.a", folder="", status="launching")
    assert machine.status(run).missing
    machine.ended(machine.launch("pass"))
    assert machine.status(run).status == "succeeded"


def test_a_run_outlives_its_launcher(machine):
    process = launcher(machine.root, "machine.launch('print(1)'); os.kill(os.getpid(), 9)")
    assert process.wait() == -signal.SIGKILL
    run = machine.launch("pass", "other")._replace(id="a", address="trainer.a", folder="")
    assert [status.status for status in machine.ended(run)] == ["succeeded"]
    assert machine.log(run) == "1\n"


GRANDCHILD = (
    "import subprocess, sys, signal;"
    "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'], start_new_session=True);"
    "print(child.pid, flush=True); signal.pause()"
)


def processes_of(machine, run):
    machine.until(lambda: machine.log(run).strip(), "the grandchild")
    supervisor = machine.pid(run)
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return supervisor, [int(child) for child in children], int(machine.log(run))


def test_a_killed_supervisor_is_a_failure_of_infrastructure_and_leaves_nothing_running(machine):
    run = machine.launch(GRANDCHILD)
    supervisor, children, grandchild = processes_of(machine, run)
    os.kill(supervisor, signal.SIGKILL)
    (status,) = machine.ended(run)
    assert (status.status, status.failure, status.reason) == ("failed", "infrastructure", "the supervisor died")
    machine.until(lambda: all(map(machine.gone, [*children, grandchild])), "its processes to end")
    assert (read_json(machine.folder(run) / "run.json"))["status"] == "failed"


def test_the_queue_goes_on_after_a_killed_supervisor(machine):
    first = machine.launch(FOREVER, instance_count=4)
    second = machine.launch("pass", "b")
    machine.until(lambda: "up" in machine.log(first))
    assert second.status == "queued"
    os.kill(machine.pid(first), signal.SIGKILL)
    machine.until(lambda: machine.status(second).status == "succeeded", "the second run")


def test_what_nobody_is_left_to_tell_is_seen_at_once_and_tidied_by_the_next_command(machine):
    run = machine.launch(GRANDCHILD, instance_count=1)
    waiting = machine.launch("pass", "b", instance_count=4)
    supervisor, children, grandchild = processes_of(machine, run)
    for child in [*children, supervisor]:  # the guard is one of them
        os.kill(child, signal.SIGKILL)
    machine.until(lambda: machine.status(run).status == "failed")
    assert (machine.status(run).failure, machine.status(run).reason) == ("infrastructure", "the supervisor died")
    assert read_json(machine.folder(run) / "run.json")["status"] == "running"
    assert machine.status(waiting).stalled
    schedule(machine.root)
    record = read_json(machine.folder(run) / "run.json")
    assert (record["status"], record["failure"]) == ("failed", "infrastructure")
    assert not (machine.folder(run) / "job.json").exists()
    machine.until(lambda: machine.gone(grandchild))
    assert machine.ended(waiting)[0].status == "succeeded"


@pytest.mark.parametrize("full", ["logs", "everything"])
def test_a_full_disk_is_a_failure_of_infrastructure_and_keeps_what_the_nodes_wrote(machine, full):
    blocker = machine.launch(FOREVER, "first", instance_count=4)
    run = machine.launch(BASE + "open(base + '/model/part', 'w').write('p'); print('x')")
    (machine.folder(run) / "logs").mkdir()
    (machine.folder(run) / "logs" / "algo-1.log").symlink_to("/dev/full")
    if full == "everything":
        (machine.folder(run) / "supervisor.log").symlink_to("/dev/full")
    runs.stop(machine.root, machine.host, blocker)
    (status,) = machine.ended(run)
    assert (status.status, status.failure) == ("failed", "infrastructure")
    assert status.reason == "What the run makes cannot be kept: No space left on device"
    assert (machine.folder(run) / "nodes/algo-1/model/part").read_text() == "p"
    if full == "logs":
        assert "Traceback" in (machine.folder(run) / "supervisor.log").read_text()


def test_what_a_job_has_closed_is_opened_again(tmp_path, monkeypatch):
    """By who runs planform; root needs no leave."""
    monkeypatch.chdir(tmp_path)
    model = Path("model")
    for place in ("closed", "read-only/deep"):
        (model / place).mkdir(parents=True)
        (model / place / "file").write_text("x")
        (model / place / "file").chmod(0)
    (model / "link").symlink_to("/nowhere")
    for place, mode in (("closed", 0), ("read-only", 0o555), (".", 0o555)):
        (model / place).chmod(mode)
    root = os.geteuid() == 0
    for path in (tmp_path, model, *model.rglob("*")) if root else ():
        os.chown(path, 12345, 12345, follow_symlinks=False)
    child, status = os.fork(), 1
    if child == 0:
        try:
            if root:
                os.setresuid(12345, 12345, 12345)
            open_up(model)
            (model / "read-only" / "deep").rename(model / "moved")
            status = [(model / place / "file").read_text() for place in ("closed", "moved")] != ["x", "x"]
        finally:
            os._exit(status)
    assert os.waitpid(child, 0) == (child, 0)


def test_no_secret_is_left_in_any_file(machine):
    code = BASE + "open(base + '/output/failure', 'w').write('bad token ' + 'hunter2-' * 2); sys.exit(1)"
    run = machine.launch(code, redact=("hunter2-hunter2-",))
    (status,) = machine.ended(run)
    assert status.reason == "bad token (sensitive value)"
    files = [path for path in machine.root.rglob("*") if path.is_file()]
    assert [path for path in files if b"hunter2-hunter2" in path.read_bytes()] == []


def test_secrets_stand_in_private_files_only_while_the_run_is_active(machine):
    run = machine.launch(FOREVER)
    assert (machine.folder(run) / "job.json").stat().st_mode & 0o777 == 0o600
    runs.stop(machine.root, machine.host, run)
    machine.ended(run)
    assert not (machine.folder(run) / "job.json").exists()


def test_a_run_of_another_host_stays_as_it_was_recorded(machine):
    run = machine.launch("pass")._replace(coordinates={"host": "elsewhere"}, status="running", metrics={"a": 1.0})
    status = machine.status(run)
    assert (status.status, status.reason, status.metrics, status.missing) == (
        "running",
        "recorded on host elsewhere",
        {"a": 1.0},
        False,
    )
    with pytest.raises(ProviderError, match="on host elsewhere"):
        runs.stop(machine.root, machine.host, run)


def test_artifacts_that_were_removed_are_missed(machine):
    run = machine.launch("pass")
    (status,) = machine.ended(run)
    recorded = run._replace(status="succeeded", model_artifacts=status.model_artifacts)
    assert machine.status(recorded).artifacts_exist
    (machine.root / status.model_artifacts).unlink()
    assert not machine.status(recorded).artifacts_exist


def test_a_module_in_the_users_folder_does_not_stand_in_for_the_standard_library(machine):
    (machine.root / "json.py").write_text("raise SystemExit('wrong json')")
    assert [status.status for status in machine.ended(machine.launch("pass"))] == ["succeeded"]


def test_a_supervisor_is_quick(machine):
    """It loads nothing heavy before the nodes are started."""
    program = "import sys, planform.providers.local.supervisor; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {"dataclasses", "planform.core.executor", "shutil", "tarfile", "ctypes"} & set(loaded) == set()


def test_records_are_json_that_others_can_read(machine):
    run = machine.launch("pass")
    machine.ended(run)
    record = json.loads((machine.folder(run) / "run.json").read_text())
    assert record.keys() >= {"run_id", "number", "address", "status", "started_at", "ended_at", "exit_codes"}
    assert "environment" not in record
