"""`planform_data`: a value in the state, with an identity of its own."""

import pytest

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.resource import Planned
from planform.core.state import Record
from planform.core.values import Sensitive
from planform.providers.builtin import BuiltinProvider

ADDRESS = Address("planform_data", "a")


def planned(**attributes):
    return Planned(ADDRESS, attributes, "lineage", "default")


@pytest.fixture
def handler():
    return BuiltinProvider(lambda kind, config, folder: {}).handler("planform_data")


@pytest.mark.parametrize(
    "value", [None, 1, {"a": [1]}, Sensitive("s")], ids=["nothing", "number", "object", "sensitive"]
)
def test_output_is_the_input(handler, value):
    made = handler.create(planned(input=value, triggers_replace=[1]))
    assert made["output"] == value
    assert made["triggers_replace"] == [1]
    assert handler.predict({"input": value}) == {"output": value}


def test_the_id_is_kept_by_updates_and_new_for_each_object(handler):
    made = handler.create(planned(input=1))
    assert handler.update(made, planned(input=2)) == {"input": 2, "output": 2, "id": made["id"]}
    assert len(made["id"]) == 32
    assert handler.create(planned(input=1))["id"] != made["id"]


def test_what_is_recorded_is_what_is_there(handler):
    record = Record(ADDRESS, "planform", {"input": 1, "id": "x", "output": 1})
    assert handler.read([record]) == {ADDRESS: record.object}
    assert not handler.side_effects


def test_the_provider_has_no_place_and_runs_nothing():
    provider = BuiltinProvider(lambda kind, config, folder: {})
    assert (provider.name, provider.coordinates(), provider.handler("trainer")) == ("planform", {}, None)
    with pytest.raises(ProviderError, match="runs no trainers"):
        provider.executor({})
