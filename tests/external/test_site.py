"""The documentation as a site: mkdocs-material builds it, and finds every page and link."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.external
ROOT = Path(__file__).parents[2]


def test_the_site_is_built(tool: Callable[[str], Path], tmp_path: Path) -> None:
    mkdocs = tool("mkdocs-material") / "mkdocs"
    done = subprocess.run(
        [mkdocs, "build", "--strict", "--config-file", ROOT / "mkdocs.yml", "--site-dir", tmp_path / "site"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Five minutes" in (tmp_path / "site" / "index.html").read_text()
    assert (tmp_path / "site" / "reference" / "commands" / "index.html").exists()
