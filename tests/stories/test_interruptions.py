"""planform is killed, interrupted or run twice: runs go on, nothing is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import random
import re
import signal
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from planform.backends.local import LocalBackend
from planform.providers.local.files import scheduling

from .conftest import User, open_gate, until


def is_running(user: User) -> bool:
    return any(
        '"running"' in (folder / "run.json").read_text()
        for folder in user.run_folders()
        if (folder / "run.json").exists()
    )


def test_a_run_outlives_the_planform_that_launched_it(gated: User) -> None:
    process = gated.start("apply", "-y")
    until(lambda: "run 1 running" in process.stdout.readline(), "the launch")  # type: ignore[union-attr]
    process.kill()
    process.communicate()
    plan = gated.run("plan", "--detailed-exitcode")
    assert "run 1 in progress" in plan
    open_gate(gated)
    gated.run("runs", "wait", "--timeout", "30")
    assert "+ acc  {acc: 0.5}" in gated.run("plan", "--detailed-exitcode", code=2)  # the output can be recorded now
    gated.run("apply", "-y")
    assert gated.run("plan", "--detailed-exitcode") == "No changes. 1 run is as the files say.\n"
    assert json.loads(gated.run("output", "--json"))["acc"]["value"] == {"acc": 0.5}
    assert len(gated.run_folders()) == 1


def test_ctrl_c_leaves_the_run_alone(gated: User) -> None:
    process = gated.start("apply", "-y")
    until(lambda: "run 1 running" in process.stdout.readline(), "the launch")  # type: ignore[union-attr]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert "planform runs" in out + err
    assert is_running(gated)
    open_gate(gated)
    gated.run("runs", "wait", "--timeout", "30")


def test_ctrl_c_while_planform_is_loaded_prints_no_traceback(gated: User) -> None:
    """Wherever it comes in it; what Python does before planform begins is its own matter."""
    for moment in range(12):
        process = gated.start("plan")
        Event().wait(moment * 0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert f"{os.sep}planform{os.sep}cli" not in out + err
        assert process.returncode in (0, 1, 130, -signal.SIGINT)


def test_the_second_ctrl_c_leaves_at_once(gated: User) -> None:
    """The first lets a call under way end; the second does not wait, and what is uncertain is looked at later."""
    with scheduling(gated.folder):  # the launch cannot go on
        process = gated.start("apply", "-y")
        journal = gated.folder / "state" / "default.journal"
        until(lambda: journal.exists() and "trainer.t" in journal.read_text(), "the intent to launch")
        process.send_signal(signal.SIGINT)
        until(lambda: "Press Ctrl-C again" in process.stderr.readline(), "the answer")  # type: ignore[union-attr]
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert "Interrupted." in process.stderr.read()  # type: ignore[union-attr]
    open_gate(gated)
    gated.run("apply", "-y")
    assert gated.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert len(gated.run_folders()) == 1


def test_a_clock_that_was_set_back_confuses_nothing(gated: User) -> None:
    """Files and runs from what is now the future: nothing is taken for stale, lost or of negative length."""
    gated.run("apply", "-y", "--detach")
    until(lambda: is_running(gated), "the run")
    for path in [*gated.folder.glob("state/*"), *gated.folder.glob(".planform/**/*.json")]:
        if path.name == "run.json":
            path.write_text(re.sub(r"\b20\d\d-(?=\d\d-\d\dT)", "2099-", path.read_text()))
        os.utime(path, (4_070_908_800, 4_070_908_800))
    assert "run 1 in progress" in gated.run("plan", "--detailed-exitcode")
    assert " -" not in gated.run("runs").splitlines()[1]
    open_gate(gated)
    gated.run("runs", "wait", "--timeout", "30")
    gated.run("apply", "-y")
    assert gated.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert " -" not in gated.run("runs").splitlines()[1]


def test_a_second_apply_is_refused_while_the_first_changes_things(user: User) -> None:
    user.write("planform: {name: two}\nresource:\n  planform_data: {a: {input: 1}}\n")
    backend = LocalBackend(user.folder / "state" / "default.json")
    with backend.lock("apply"):
        refused = user.run("apply", "-y", code=1)
        waiting = user.start("apply", "-y", "--lock-timeout", "30s")
        assert "Plan: 1 to create" in user.run("plan")  # looking needs no lock
    said = " ".join(refused[refused.index("Error:") :].replace(str(user.folder), "<folder>").split())
    assert re.sub(r"\S+@\S+", "<who>", re.sub(r"[\d:]*\d+", "0", said.replace(" second ago", " seconds ago"))) == (
        "Error: The state <folder>/state/default.json is locked by <who> (planform apply, process 0) since 0, 0 seconds ago. "
        "Process 0 lives. Wait for it, or give --lock-timeout 0m."
    )
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")


def test_the_lock_is_free_while_training(gated: User) -> None:
    first = gated.start("apply", "-y")
    until(lambda: "run 1 running" in first.stdout.readline(), "the launch")  # type: ignore[union-attr]
    gated.edit("output:", "  planform_data: {other: {input: 1}}\noutput:")
    assert "1 created" in gated.run("apply", "-y", "--target", "planform_data.other")
    open_gate(gated)
    first.communicate(timeout=30)
    assert first.returncode == 0
    assert gated.run("state", "list") == "planform_data.other\ntrainer.t\n"


def test_killed_at_any_moment_nothing_is_lost_and_nothing_done_twice(user: User) -> None:
    """Kills at random moments of an apply that makes values, queues and a run; then plan and apply finish the job."""
    data = "".join(f"    d{index}: {{input: {index}}}\n" for index in range(150))
    queues = "".join(f"    e{index}: {{capacity_limits: [{{max_capacity: 1}}]}}\n" for index in range(20))
    text = f"planform: {{name: kill, default_provider: local}}\nresource:\n  planform_data:\n{data}  service_environment:\n{queues}"
    trainer = "  trainer:\n    t: {training_image: img, source_code: {command: echo done}}\n"
    chance = random.Random(7)
    for trial in range(12):
        user.write(
            text + trainer + f"      \n    t{trial}: {{training_image: img, source_code: {{command: echo {trial}}}}}\n"
        )
        process = user.start("apply", "-y")
        delay = chance.uniform(0.15, 0.9)
        try:
            process.wait(timeout=delay)
        except Exception:
            process.kill()
        process.communicate()
        user.run("state", "list")
        user.run("apply", "-y")
        assert user.run("plan", "--detailed-exitcode").startswith("No changes."), trial
        assert len(user.run_folders()) == len({folder.parent for folder in user.run_folders()}), (
            "a run was launched twice"
        )


def power_cut(user: User) -> None:
    """SIGKILL to all that a user's folder has to do with, at once and again until there is nothing left."""

    def ours() -> list[int]:
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended meanwhile
                words = (place / "cmdline").read_bytes() + b"\0" + (place / "environ").read_bytes()
                if os.fsencode(user.folder) in words and int(place.name) != os.getpid():
                    found.append(int(place.name))
        return found

    while found := ours():
        for number in found:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        for process in user.started:
            process.poll()  # none of them stays as a zombie


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in /proc")
@pytest.mark.parametrize("executor", ["process", pytest.param("docker", marks=pytest.mark.docker)])
def test_after_a_reboot_the_queue_goes_on(user: User, executor: str, request: pytest.FixtureRequest) -> None:
    image = request.getfixturevalue("docker_image") if executor == "docker" else "img"
    user.write(
        f"""
planform: {{name: boot, default_provider: local}}
provider: {{local: {{executor: {executor}, max_instances: 1, docker: {{pull: never}}}}}}
resource:
  trainer:
    first: {{training_image: "{image}", source_code: {{source_dir: src, command: "echo up; sleep 1000"}}}}
    second: {{training_image: "{image}", source_code: {{source_dir: src, command: "echo done"}}, depends_on: [trainer.first]}}
"""
    )
    user.write("x", "src/x")
    user.run("apply", "-y", "--detach", "--target", "trainer.first")
    until(lambda: list(user.folder.glob(".planform/runs/trainer.first/*/logs/*.log")), "the start")
    user.edit(", depends_on: [trainer.first]", "")
    user.run("apply", "-y", "--detach")
    power_cut(user)

    assert "run 1 in progress, stalled: the next apply starts it, or planform runs resume" in user.run("plan")
    user.run("runs", "resume")
    user.run("runs", "wait", "trainer.second", "--timeout", "30")
    runs = {run["address"]: run for run in json.loads(user.run("runs", "--json"))["runs"]}
    assert (runs["trainer.first"]["status"], runs["trainer.first"]["reason"]) == ("failed", "the supervisor died")
    assert runs["trainer.second"]["status"] == "succeeded"
    assert "Nothing waits." in user.run("runs", "resume")
