"""Case folders: a program as people write it, the module that `planform migrate` makes of it, and its report.

`tests/migrate/cases/<case>/`: `input.py` or `input.ipynb` with the files beside it; `main.pf.yaml` and `report.txt` are
what is written and printed; `pytest --bless` rewrites both; review the difference like code.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


@pytest.mark.parametrize("case", [pytest.param(folder, id=folder.name) for folder in CASES])
def test_migrate(case: Path, run: Run, tmp_path: Path, bless: bool) -> None:
    shutil.copytree(case, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("main.pf.yaml", "report.txt"))
    source = next(path.name for path in case.iterdir() if path.stem == "input")
    code, out, err = run("migrate", source)
    assert (code, err) == (0, "")  # the module is valid
    module = (tmp_path / "main.pf.yaml").read_text()
    if bless:
        (case / "main.pf.yaml").write_text(module)
        (case / "report.txt").write_text(out)
    assert module == (case / "main.pf.yaml").read_text()
    assert out == (case / "report.txt").read_text()
    assert run("fmt", "--check") == (0, "", "")
    assert run("validate") == (0, "The files are valid.\n", "")
