"""`data.remote_state` reads what planform and Terraform keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planform.backends.local import LocalBackend
from planform.backends.remote import remote_outputs
from planform.core.errors import PlanformError
from planform.core.resource import Query
from planform.core.schemas import Misfit
from planform.core.state import OutputsRecorded
from planform.core.values import Sealed, Sensitive, reveal
from planform.providers.builtin import BuiltinProvider


def test_outputs_of_planform(tmp_path: Path) -> None:
    with LocalBackend(tmp_path / "other" / "default.json").lock("test") as session:
        session.append([OutputsRecorded({"queue": "arn:q", "token": Sealed("ab")})])
        session.fold()
    assert remote_outputs("local", {"path": "other/default.json"}, tmp_path) == {"queue": "arn:q"}


def test_outputs_of_terraform(tmp_path: Path) -> None:
    outputs = {"subnets": {"value": ["a"], "type": ["tuple", ["string"]]}, "token": {"value": "x", "sensitive": True}}
    document = {"version": 4, "terraform_version": "1.11.4", "outputs": outputs}
    (tmp_path / "t.tfstate").write_text(json.dumps(document))
    found = remote_outputs("local", {"path": "t.tfstate"}, tmp_path)
    assert found["subnets"] == ["a"]
    assert isinstance(found["token"], Sensitive)
    assert reveal(found["token"]) == "x"


@pytest.mark.parametrize("text", ["", "hello", "{}", '{"format": 1}'])
def test_what_is_no_state(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(PlanformError):
        remote_outputs("local", {"path": "t.json"}, tmp_path)


def test_defaults_stand_for_outputs_that_are_not_there(tmp_path: Path) -> None:
    source = BuiltinProvider(lambda kind, config, folder: {"a": 1}).data_source("remote_state")
    assert source is not None
    arguments = {"backend": "local", "config": {"path": "x"}, "defaults": {"a": 0, "b": 2}}
    assert source.read([Query(arguments, str(tmp_path))]) == [{"outputs": {"a": 1, "b": 2}}]


def test_a_state_that_cannot_be_read_is_a_misfit_of_its_path(tmp_path: Path) -> None:
    source = BuiltinProvider(remote_outputs).data_source("remote_state")
    assert source is not None
    (answer,) = source.read([Query({"backend": "local", "config": {"path": "none"}}, str(tmp_path))])
    assert isinstance(answer, Misfit)
    assert (answer.path, answer.summary) == (
        ("config", "path"),
        "The state none cannot be read: No such file or directory.",
    )
