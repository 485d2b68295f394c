"""Addresses are read as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planform.core.addresses import Address, ModuleStep, ResourceAddress, module_text, parse_address

identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
types = identifiers.filter(lambda name: name not in ("module", "data"))
keys = st.none() | st.integers(0, 10**9) | st.text()
deposed = st.just("") | st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
steps = st.lists(st.builds(ModuleStep, identifiers, keys), max_size=3).map(tuple)
addresses = st.builds(Address, types, identifiers, keys, steps, st.sampled_from(["managed", "data"]), deposed)


@given(addresses)
def test_every_address_is_read_as_it_is_written(address: Address) -> None:
    assert parse_address(str(address)) == address


@given(addresses, addresses)
def test_text_tells_addresses_apart(left: Address, right: Address) -> None:
    assert (str(left) == str(right)) == (left == right)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param("queue.a", Address("queue", "a"), id="plain"),
        pytest.param("queue.a[0]", Address("queue", "a", 0), id="number"),
        pytest.param('queue.a["x"]', Address("queue", "a", "x"), id="key"),
        pytest.param("queue.a['x']", Address("queue", "a", "x"), id="single quotes"),
        pytest.param('queue.a["0"]', Address("queue", "a", "0"), id="a number as key"),
        pytest.param('queue.a[""]', Address("queue", "a", ""), id="empty key"),
        pytest.param(r'queue.a["say \"hi\""]', Address("queue", "a", 'say "hi"'), id="quotes"),
        pytest.param(r'queue.a["\\"]', Address("queue", "a", "\\"), id="backslash"),
        pytest.param('queue.a["a.b[0]"]', Address("queue", "a", "a.b[0]"), id="an address as key"),
        pytest.param('queue.a["größe ✓"]', Address("queue", "a", "größe ✓"), id="unicode"),
        pytest.param(r'queue.a["a\nb"]', Address("queue", "a", "a\nb"), id="newline"),
        pytest.param("data.image.a", Address("image", "a", mode="data"), id="data"),
        pytest.param("module.m.queue.a", Address("queue", "a", module=(ModuleStep("m"),)), id="module"),
        pytest.param(
            'module.m["k"].module.n[1].data.image.a["x"]',
            Address("image", "a", "x", (ModuleStep("m", "k"), ModuleStep("n", 1)), "data"),
            id="all of it",
        ),
        pytest.param(
            "module.module.queue.a", Address("queue", "a", module=(ModuleStep("module"),)), id="a module called module"
        ),
    ],
)
def test_parse_address(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "queue", "queue.", ".a", "queue.a.", "queue..a", "queue.a.b", "queue.a[", "queue.a[]", "queue.a[x]",
        "queue.a[-1]", "queue.a[0", "queue.a[0]]", "queue.a[0]x", 'queue.a["x]', "queue.a[\"x']", "queue[0].a",
        "module.m", "module.m.queue", "data.image", "1.a", "queue.1", "queue .a", "queue.a\n",
        r'queue.a["\x"]', "queue.a['it's']",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        parse_address(text)


def test_addresses_order_as_people_read() -> None:
    texts = [
        "queue.a", "queue.a[2]", "queue.a[10]", 'queue.a["10"]', 'queue.a["b"]', "queue.b", "trainer.a",
        "module.m.queue.a", "module.m[2].queue.a", "module.m[10].queue.a", 'module.m["k"].queue.a',
    ]  # fmt: skip
    assert list(map(str, sorted(map(parse_address, reversed(texts))))) == texts


def test_the_resource_of_an_instance_has_no_keys() -> None:
    address = parse_address('module.m["k"].module.n[1].data.image.a["x"]')
    assert address.resource == ResourceAddress("image", "a", ("m", "n"), "data")
    assert str(address.resource) == "module.m.module.n.data.image.a"
    assert module_text(address.module) == 'module.m["k"].module.n[1]'
