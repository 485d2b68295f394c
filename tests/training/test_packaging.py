"""Archives: the same content makes the same bytes."""

import os
import tarfile

import pytest

from planform.core.errors import ProviderError
from planform.training.packaging import pack


@pytest.fixture
def model(tmp_path):
    root = tmp_path / "model"
    (root / "weights").mkdir(parents=True)
    (root / "model.json").write_text("{}")
    (root / "weights" / "a.bin").write_bytes(b"\0" * 100)
    (root / "run.sh").write_text("exit\n")
    (root / "run.sh").chmod(0o700)
    return root


def test_times_and_places_do_not_count(model, tmp_path):
    pack(tmp_path / "one.tar.gz", model)
    os.utime(model / "model.json", (1, 1))
    pack(tmp_path / "two.tar.gz", model.rename(tmp_path / "elsewhere"))
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_members(model, tmp_path):
    pack(tmp_path / "model.tar.gz", model)
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        members = archive.getmembers()
        assert [(item.name, item.mode, item.size) for item in members] == [
            ("model.json", 0o644, 2),
            ("run.sh", 0o755, 5),
            ("weights/a.bin", 0o644, 100),
        ]
        assert {(item.uid, item.gid, item.uname, item.mtime) for item in members} == {(0, 0, "", 0)}


def test_only_the_named_files(model, tmp_path):
    pack(tmp_path / "model.tar.gz", model, ["weights/a.bin"])
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        assert archive.getnames() == ["weights/a.bin"]


def test_names_beyond_ustar(model, tmp_path):
    name = "/".join(["ä" * 60] * 4)
    (model / name).parent.mkdir(parents=True)
    (model / name).write_text("x")
    pack(tmp_path / "model.tar.gz", model)
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        assert name in archive.getnames()


def test_nothing_half_written(model, tmp_path):
    with pytest.raises(ProviderError, match=r"gone\.bin: No such file"):
        pack(tmp_path / "model.tar.gz", model, ["model.json", "gone.bin"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]
