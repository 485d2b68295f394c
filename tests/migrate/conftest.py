"""`planform` in this process, in a folder of the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from planform.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, stdout and stderr of one command."""
    monkeypatch.chdir(tmp_path)

    def planform(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["--no-color", *words])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        assert "(a bug)" not in printed.err
        return int(stopped.value.code or 0), printed.out, printed.err

    return planform
