"""Packed source code stays in its folder."""

from __future__ import annotations

import importlib
import io
import sys
import tarfile
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[2] / "planform" / "runtime"


@pytest.mark.parametrize("filtered", [True, False], ids=["with a filter", "as an old Python"])
@pytest.mark.parametrize("name", ["../outside.py", "/tmp/outside.py", "link"])
def test_nothing_is_unpacked_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, filtered: bool
) -> None:
    monkeypatch.syspath_prepend(str(RUNTIME))
    archive = importlib.import_module("archive")
    if not filtered:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    folder = tmp_path / "code"
    folder.mkdir()
    with tarfile.open(folder / "x.tar.gz", "w:gz") as packed:
        member = tarfile.TarInfo(name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "../../outside"
        packed.addfile(member, io.BytesIO())
    if name.startswith("/") and filtered:
        archive.unpacked(str(folder), "x.tar.gz")  # made relative, as tar does
    else:
        with pytest.raises(ValueError, match=r"outside|cannot be unpacked"):
            archive.unpacked(str(folder), "x.tar.gz")
    sys.modules.pop("archive")
    assert not (tmp_path / "outside.py").exists()
    assert not Path("/tmp/outside.py").exists()
    assert not (folder / "link").is_symlink()
