"""What is stored of a secret says whether it changed, and nothing else."""

import json

import pytest

from planform.core.secrets import sealed, sealer
from planform.core.values import UNKNOWN, Sealed, Sensitive, Set, Unknown, Value, encode, same

SALT = "5a" * 32


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANFORM_STATE_KEY", raising=False)


def digest(value: Value, path: tuple[str | int, ...] = ("token",), salt: str = SALT) -> str:
    return sealer(salt)(value, path)


def test_a_digest_is_the_same_for_the_same_and_another_for_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert digest("s3cret") == digest("s3cret")
    others = [
        digest("s3cres"),
        digest("s3cret", ("other",)),
        digest("s3cret", ("token", 0)),
        digest("s3cret", salt="5b" * 32),
    ]
    monkeypatch.setenv("PLANFORM_STATE_KEY", "key")
    others.append(digest("s3cret"))
    monkeypatch.setenv("PLANFORM_STATE_KEY", "another")
    others.append(digest("s3cret"))
    monkeypatch.delenv("PLANFORM_STATE_KEY")
    assert len({digest("s3cret"), *others}) == 7


@pytest.mark.parametrize(
    ("left", "right"),
    [("1", 1), (None, "null"), (True, "true"), (["a"], "a"), ({"a": 1}, {"a": "1"})],
)
def test_a_digest_tells_types_apart(left: Value, right: Value) -> None:
    assert digest(left) != digest(right)


def test_the_order_of_an_object_does_not_matter() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_only_sensitive_leaves_are_sealed() -> None:
    seal = sealer(SALT)
    value = {"open": [1, "x"], "token": Sensitive("s3cret"), "list": [0, Sensitive({"deep": Sensitive("s3cret")})]}
    result = sealed(value, seal)
    assert result["open"] == [1, "x"]
    assert result["token"] == Sealed(seal("s3cret", ("token",)))
    assert result["list"] == [0, Sealed(seal({"deep": "s3cret"}, ("list", 1)))]
    assert "s3cret" not in json.dumps(encode(result))


def test_what_is_not_known_yet_stays_unknown() -> None:
    result = sealed({"a": Sensitive(Unknown("q.arn")), "b": UNKNOWN}, sealer(SALT))
    assert isinstance(result["a"], Unknown)
    assert result["a"].origin == "q.arn"
    assert same(result["b"], UNKNOWN)


def test_a_set_of_plain_values_stays_as_it_is() -> None:
    assert same(sealed(Set([2, 1]), sealer(SALT)), Set([1, 2]))
