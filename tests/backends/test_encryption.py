"""States and plans that are encrypted at rest: with a passphrase, and with a key of KMS."""

from __future__ import annotations

from pathlib import Path

import pytest

from planform.backends import backend_for
from planform.backends.encryption import MARK, Codec, _key_of, unwrapped
from planform.core.addresses import Address
from planform.core.backend import Backend
from planform.core.errors import StateError
from planform.core.state import Record, Recorded, Run, RunRecorded
from planform.core.values import Object
from tests.fakes.s3 import S3

SECRET = "a value of no concern to others"


@pytest.fixture(params=["passphrase", "kms"])
def settings(request: pytest.FixtureRequest, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Object:
    _key_of.cache_clear()
    if request.param == "kms":
        return {"kms_key_id": s3.kms_key(), "endpoint_url": s3.url, "region": "us-east-1"}
    monkeypatch.setenv("TEAM_PASSPHRASE", "correct horse")
    return {"passphrase_env": "TEAM_PASSPHRASE"}


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, s3: S3) -> tuple[str, Object]:
    return ("local", {"path": "main.json"}) if request.param == "local" else ("s3", s3.settings("main.json"))


def stored(folder: Path, s3: S3) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}
    return {**files, **{key: data for key, data in s3.objects().items() if not key.endswith(".lock")}}


def recorded(name: str) -> Recorded:
    return Recorded(Record(Address("job_queue", name), "local", {"name": name, "note": SECRET}))


def test_all_that_is_stored_is_encrypted(tmp_path: Path, s3: S3, place: tuple[str, Object], settings: Object) -> None:
    backend = backend_for(*place, tmp_path, "default", Codec(settings))
    for name in "ab":
        with backend.lock("apply") as session:
            session.append([recorded(name), RunRecorded(Run("r", SECRET, 1, "d", {}, "j", "arn", "local", "process"))])
            for key, data in stored(tmp_path, s3).items():
                assert SECRET.encode() not in data, key
    assert {address.name for address in backend.read().state.records} == {"a", "b"}
    found = stored(tmp_path, s3)
    assert found["main.json"].startswith(MARK)
    assert not any(SECRET.encode() in data for data in found.values())
    # Reading needs no setting.
    assert backend_for(*place, tmp_path, "default").read() == backend.read()


def test_it_can_be_turned_on_and_off(tmp_path: Path, s3: S3, place: tuple[str, Object], settings: Object) -> None:
    def apply(name: str, codec: Codec) -> Backend:
        backend = backend_for(*place, tmp_path, "default", codec)
        with backend.lock("apply") as session:
            session.append([recorded(name)])
        return backend

    apply("a", Codec())
    apply("b", Codec(settings))
    assert stored(tmp_path, s3)["main.json"].startswith(MARK)
    backend = apply("c", Codec())
    assert SECRET.encode() in stored(tmp_path, s3)["main.json"]
    assert {address.name for address in backend.read().state.records} == {"a", "b", "c"}


def test_another_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_PASSPHRASE", "correct horse")
    backend = backend_for("local", {}, tmp_path, "default", Codec({"passphrase_env": "TEAM_PASSPHRASE"}))
    with backend.lock("apply") as session:
        session.append([recorded("a")])
    before = (tmp_path / "state" / "default.json").read_bytes()
    monkeypatch.setenv("TEAM_PASSPHRASE", "battery staple")
    _key_of.cache_clear()
    with pytest.raises(StateError, match="cannot be decrypted") as refusal:
        backend.read()
    assert "TEAM_PASSPHRASE" in refusal.value.suggestion
    monkeypatch.delenv("TEAM_PASSPHRASE")
    _key_of.cache_clear()
    with pytest.raises(StateError, match="TEAM_PASSPHRASE is not set"), backend.lock("apply"):
        pass
    assert (tmp_path / "state" / "default.json").read_bytes() == before


def test_altered(monkeypatch: pytest.MonkeyPatch, settings: Object) -> None:
    data = Codec(settings).wrapped(b"text")
    assert unwrapped(data, "it") == b"text"
    for bad in (data[:-8] + b"AAAAAAA=", data[:40], MARK + b"e30=:AAAA", MARK + b"?:?"):
        with pytest.raises(StateError, match=r"it .*(cannot be decrypted|is encrypted and damaged)"):
            unwrapped(bad, "it")


def test_a_key_that_is_not_there(s3: S3) -> None:
    codec = Codec({"kms_key_id": "alias/nothing", "endpoint_url": s3.url, "region": "us-east-1"})
    with pytest.raises(StateError, match="KMS gives no key"):
        codec.data("text")
