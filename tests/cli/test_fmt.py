"""`planform fmt` on real files."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from planform.cli.main import main

UGLY, NEAT = "output: {a: {value:   1}}\nplanform:   {name: x}\n", "planform: {name: x}\noutput: {a: {value: 1}}\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def planform(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["--no-color", "fmt", *words])
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return planform


def test_files_are_laid_out_once(run: Run, tmp_path: Path) -> None:
    for name in ("a.pf.yaml", "b.pf.yaml", "inner/c.pf.yaml", ".hidden/d.pf.yaml", "other.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(UGLY)
    (tmp_path / "b.pf.yaml").write_text(NEAT)
    (tmp_path / "workspaces").mkdir()
    (tmp_path / "workspaces" / "cloud.pfvars.yaml").write_text("b:   1\na: 2\n")
    (tmp_path / "a.pf.yaml").chmod(0o640)
    assert run() == (0, "a.pf.yaml\nworkspaces/cloud.pfvars.yaml\n", "")
    assert (tmp_path / "a.pf.yaml").read_text() == NEAT
    assert (tmp_path / "a.pf.yaml").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "workspaces" / "cloud.pfvars.yaml").read_text() == "b: 1\na: 2\n"
    assert run() == (0, "", "")
    assert run("-recursive") == (0, "inner/c.pf.yaml\n", "")
    assert (tmp_path / ".hidden" / "d.pf.yaml").read_text() == (tmp_path / "other.yaml").read_text() == UGLY


def test_check_and_diff(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.pf.yaml"
    file.write_text(UGLY)
    assert run("--check") == (3, "a.pf.yaml\n", "")
    code, out, _ = run("--check", "--diff", "a.pf.yaml")
    assert code == 3
    assert "-planform:   {name: x}\n" in out
    assert "+planform: {name: x}\n" in out
    assert file.read_text() == UGLY
    file.write_bytes(b"\xef\xbb\xbf" + NEAT.replace("\n", "\r\n").encode())
    assert run("--check")[0] == 3
    assert run() == (0, "a.pf.yaml\n", "")
    assert file.read_bytes() == NEAT.encode()
    assert run("--check") == (0, "", "")


def test_stdin(run: Run) -> None:
    assert run("-", stdin=UGLY) == (0, NEAT, "")
    assert run("-", "--check", stdin=UGLY) == (3, "", "")
    assert run("-", "--check", stdin=NEAT) == (0, "", "")


def test_a_broken_file_stays_and_the_others_are_done(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.pf.yaml").write_text("a: [1\n")
    (tmp_path / "b.pf.yaml").write_text("planform:\n\tname: x\n")
    (tmp_path / "c.pf.yaml").write_text(UGLY)
    (tmp_path / "d.pf.yaml").write_bytes(b"a: \xff\n")
    code, out, err = run()
    assert (code, out) == (1, "c.pf.yaml\n")
    assert "a.pf.yaml:" in err
    assert "b.pf.yaml:2:1" in err
    assert "d.pf.yaml:1" in err
    assert (tmp_path / "a.pf.yaml").read_text() == "a: [1\n"
    assert sorted(os.listdir(tmp_path)) == ["a.pf.yaml", "b.pf.yaml", "c.pf.yaml", "d.pf.yaml"]


def test_a_link_stays_a_link(run: Run, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.pf.yaml").write_text(UGLY)
    (tmp_path / "a.pf.yaml").symlink_to("real/a.pf.yaml")
    assert run("a.pf.yaml")[0] == 0
    assert (tmp_path / "a.pf.yaml").is_symlink()
    assert (tmp_path / "real" / "a.pf.yaml").read_text() == NEAT


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.pf.yaml"], "There is no file or folder none.pf.yaml"),
        (["notes.txt"], "notes.txt is no file of a project"),
        (["-", "a.pf.yaml"], "- stands alone"),
    ],
)
def test_wrong_paths(run: Run, tmp_path: Path, words: list[str], says: str) -> None:
    (tmp_path / "notes.txt").write_text("")
    code, out, err = run(*words)
    assert (code, out) == (1, "")
    assert says in err
