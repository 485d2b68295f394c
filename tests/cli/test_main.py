"""The program as a process: what it imports, what it prints, how it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from planform import __version__
from planform.cli import main as program
from planform.cli.main import COMMANDS, main

HEAVY = ("boto3", "docker", "deepdiff", "rich", "jinja2", "yaml")
# Not needed before a command does something.
LATE = ("asyncio", "logging", "subprocess", "importlib.metadata", "concurrent.futures", "planform.project")


def planform(*words: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "planform", *words],
        cwd=folder, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("words", [["version"], ["--help"], ["version", "--json"]])
def test_quick_commands_import_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys\nfrom planform.cli.main import main\ntry:\n    main(sys.argv[1:])\n"
        f"except SystemExit:\n    print(sorted(set(sys.modules) & set({(*HEAVY, *LATE)!r})), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "[]"


def test_version() -> None:
    assert planform("version").stdout == f"planform {__version__}\n"
    assert json.loads(planform("version", "-json").stdout)["planform_version"] == __version__


def test_help_lists_every_command() -> None:
    text = planform("--help").stdout
    assert [name for section in COMMANDS.values() for name in section if f"  {name} " not in text] == []


@pytest.mark.parametrize("name", [name for section in COMMANDS.values() for name in section])
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "-h"])
    assert not stopped.value.code
    assert capsys.readouterr().out.startswith(f"Usage: planform {name}")


def test_a_bug_is_one_sentence_and_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fails(**_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(program.planform, "main", fails)
    with pytest.raises(SystemExit) as stopped:
        main(["plan", "--var", "token=hunter2"])
    told = capsys.readouterr().err
    assert stopped.value.code == 1
    assert told.startswith("Error: planform failed on its own: ZeroDivisionError: division by zero (a bug).")
    assert "Traceback" not in told
    (crash,) = tmp_path.glob("planform-crash-*.txt")
    assert str(crash) in told.replace("\n  ", "")
    assert "Traceback" in crash.read_text()
    assert "hunter2" not in crash.read_text()


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "Interrupted."),
        (OSError(28, "No space left on device"), 1, "Error: No space left on device.\n  The disk is full."),
        (PermissionError(13, "Permission denied", "state"), 1, "Error: Permission denied: state."),
    ],
)  # fmt: skip
def test_what_the_system_refuses(
    error: BaseException, code: int, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise error

    monkeypatch.setattr(program.planform, "main", fails)
    with pytest.raises(SystemExit) as stopped:
        main(["plan"])
    assert stopped.value.code == code
    assert told in capsys.readouterr().err


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "planform", "version"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(writer)
    assert done.stderr == ""


def test_colour_only_when_it_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "main.pf.yaml").write_text("planform: {name: t}\nnonsense: 1\n")
    assert "\x1b[" not in planform("validate", folder=tmp_path, FORCE_COLOR="").stderr
    assert "\x1b[" in planform("validate", folder=tmp_path, FORCE_COLOR="1").stderr
    assert "\x1b[" not in planform("validate", folder=tmp_path, FORCE_COLOR="1", NO_COLOR="1").stderr
    assert "\x1b[" not in planform("validate", "-no-color", folder=tmp_path, FORCE_COLOR="1").stderr
