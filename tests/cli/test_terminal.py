"""What only a terminal or a signal shows: the question, the live picture, Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = """\
planform: {name: small, default_provider: local}
provider: {local: {executor: process}}
resource:
  trainer:
    t:
      training_image: {framework: sklearn, version: "1.4-2"}
      source_code: {source_dir: src, entry_script: train.py}
      compute: {instance_type: ml.m5.xlarge, instance_count: 1}
      stopping_condition: {max_runtime_in_seconds: 60}
      metric_definitions: [{name: loss, regex: "loss=([0-9.]+)"}]
"""


def project(folder: Path, script: str) -> Path:
    (folder / "main.pf.yaml").write_text(PROJECT)
    (folder / "src").mkdir()
    (folder / "src" / "train.py").write_text(script)
    return folder


def on_terminal(folder: Path, answer: str, *words: str, **environment: str) -> tuple[int, str]:
    """Exit code and screen of a command run on a terminal of its own, on which `answer` is typed."""
    ours, theirs = pty.openpty()
    variables = {key: value for key, value in os.environ.items() if key not in ("CI", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "planform", *words], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**variables, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    screen = b""
    try:
        while chunk := os.read(ours, 4096):
            screen += chunk
    except OSError:  # Linux says EIO when the other side is closed.
        pass
    os.close(ours)
    return process.wait(timeout=60), screen.decode()


def plain(screen: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen).replace("\r", "")


def test_yes_applies_and_the_end_of_each_run_stays(tmp_path: Path) -> None:
    code, screen = on_terminal(project(tmp_path, "print('loss=0.5')\n"), "yes", "apply")
    assert code == 0
    assert "Make these changes? Only 'yes' is accepted:" in plain(screen)
    assert re.search(r"✓ trainer\.t  run 1 succeeded in \d\.\d s, loss 0\.5", plain(screen))
    assert "Applied in" in plain(screen)
    assert "\x1b[36m  >\x1b[0m" in screen
    assert "Reading" not in plain(screen).splitlines()[-1]


@pytest.mark.parametrize("answer", ["no", "y", ""])
def test_anything_but_yes_changes_nothing(answer: str, tmp_path: Path) -> None:
    code, screen = on_terminal(project(tmp_path, ""), answer, "apply")
    assert code == 1
    assert "Nothing was changed." in screen
    assert not (tmp_path / ".planform" / "runs").exists()


def test_each_level_of_all_is_asked_about_and_what_was_not_approved_is_said(tmp_path: Path) -> None:
    reads = "data: {remote_state: {up: {backend: local, config: {path: ../first/state/default.json}}}}\n"
    for name, more in (("first", ""), ("second", reads)):
        (tmp_path / name).mkdir()
        text = f"planform: {{name: {name}}}\nresource: {{planform_data: {{x: {{input: 1}}}}}}\n{more}"
        (tmp_path / name / "main.pf.yaml").write_text(text)
    code, screen = on_terminal(tmp_path, "yes\nno", "apply", "--all")
    assert code == 1
    assert "Make these changes in first? Only 'yes' is accepted:" in plain(screen)
    assert "Make these changes in second? Only 'yes' is accepted:" in plain(screen)
    assert "1 of 2 root modules not applied: second (it was not approved)." in plain(screen)
    assert (tmp_path / "first" / "state" / "default.json").exists()
    code, screen = on_terminal(tmp_path, "no", "apply", "--all")
    assert "1 of 2 root modules not applied: second (it was not approved)." in plain(screen)


def test_no_color_on_a_terminal(tmp_path: Path) -> None:
    _, screen = on_terminal(project(tmp_path, ""), "", "plan", NO_COLOR="1")
    assert re.search(r"\x1b\[\d+m", screen) is None


def test_the_first_interrupt_leaves_the_run_alone(tmp_path: Path) -> None:
    project(tmp_path, "import signal\nprint('loss=0.5', flush=True)\nsignal.pause()\n")
    command = [sys.executable, "-m", "planform"]
    apply = subprocess.Popen([*command, "apply", "-y"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert apply.stdout is not None
    lines = []
    with apply.stdout:
        for line in apply.stdout:
            lines.append(line)
            if "run 1 running" in line:
                apply.send_signal(signal.SIGINT)
    assert apply.wait(timeout=60) == 130
    told = "".join(lines)
    assert "1 run still active. To follow:\n    planform runs\n    planform logs -f trainer.t\n" in told

    def planform(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert planform("runs", "wait", "--timeout", "0").returncode == 3
    assert ". trainer.t  run 1 in progress" in planform("plan").stdout
    assert planform("stop", "trainer.t").stdout == "trainer.t: run 1 is asked to stop\n"
    waited = planform("runs", "wait")
    assert waited.returncode == 1
    assert waited.stdout.splitlines()[-1].startswith("trainer.t: run 1 stopped")


def test_detached(tmp_path: Path) -> None:
    project(tmp_path, "print('loss=0.5')\n")
    command = [sys.executable, "-m", "planform"]
    done = subprocess.run(
        [*command, "apply", "-y", "--detach"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 run launched" in done.stdout
    assert subprocess.run([*command, "runs", "wait"], cwd=tmp_path, capture_output=True, timeout=60).returncode == 0


def test_a_table_of_trials_while_a_search_goes_on(tmp_path: Path) -> None:
    (tmp_path / "main.pf.yaml").write_text(
        """
planform: {name: search, default_provider: local}
resource:
  tuning_job:
    t:
      trainer:
        training_image: img
        source_code: {command: "echo acc=$SM_HP_X; sleep 0.6"}
        metric_definitions: [{name: acc, regex: "acc=([0-9]+)"}]
      strategy: Grid
      objective: {metric_name: acc}
      parameter_ranges: {categorical: {x: [7, 9, 8]}}
      resource_limits: {max_parallel_training_jobs: 3}
"""
    )
    code, screen = on_terminal(tmp_path, "yes", "apply")
    said = plain(screen)
    assert code == 0, said
    assert re.search(r"trial  status +x  acc", said)
    assert re.search(r" 2  running +9 +9", said)  # while it goes on,
    assert re.search(r"\* +2  succeeded  9 +9 +\d\.\d s", said)  # and at the end
    assert "best of 3: trial 2 (x=9)" in said
