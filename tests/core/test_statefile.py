"""States, ledgers and journal entries survive being written, and nothing else is taken for one."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planform.core.addresses import Address, ModuleStep
from planform.core.errors import StateDamaged
from planform.core.state import (
    Entry,
    Forgotten,
    Intent,
    Ledger,
    OutputsRecorded,
    Record,
    Recorded,
    Run,
    RunDropped,
    RunRecorded,
    State,
    Trial,
)
from planform.core.statefile import (
    entry_line,
    ledger_text,
    parse_document,
    parse_entry,
    parse_ledger,
    parse_state,
    state_text,
)
from planform.core.values import Object, Sealed, Sensitive, Set, same

RUN = Run("r1", "trainer.a", 1, "d" * 8, {"source": "s"}, "a-r1", "arn:a-r1", "local", "process")
TRIALS = (
    Trial(1, "a-r1-001", "succeeded", {"x": Set([1]), "opt": "sgd"}, {"acc": 0.5}, 0.5, "", "t0", "t1", "m.tar.gz"),
    Trial(2, "a-r1-002", "failed", {"x": None}, {"loss": math.inf}, None, "exit code 1"),
)
RECORD = Record(Address("queue", "a"), "local", {"name": "a", "size": 1})
STATE = State(
    "lineage", 4, "ab" * 32, {RECORD.address: RECORD}, {"queue.a": ()}, {"n": 1}, "planform", "2026-01-01T00:00:00Z"
)

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.builds(Sealed, st.text())
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(Set, st.lists(st.text() | st.integers(), max_size=3))
        | st.dictionaries(st.text() | st.sampled_from(["$set", "$sealed", "$object"]), inner, max_size=3)
    ),
    max_leaves=8,
)
keys = st.none() | st.integers(0) | st.text()
steps = st.builds(ModuleStep, st.sampled_from(["m", "n-1"]), keys)
paths = st.lists(steps, max_size=2).map(tuple)
addresses = st.builds(
    Address,
    st.sampled_from(["trainer", "data_", "x_1"]),
    st.sampled_from(["a", "b-c"]),
    keys,
    paths,
    st.just("managed"),
    st.sampled_from(["", "0a1b2c3d"]),
)
objects = st.dictionaries(st.text(), values, max_size=3)


@given(addresses, objects, objects, st.dictionaries(st.text(), st.text(), max_size=2), st.integers(1, 3), st.booleans())
def test_a_state_survives(
    address: Address, body: Object, outputs: Object, coordinates: dict[str, str], version: int, prevent: bool
) -> None:
    record = Record(address, "local", body, coordinates, version, prevent)
    state = State("l", 7, "00", {address: record, RECORD.address: RECORD}, {"queue.a": ("queue.b",)}, outputs)
    intent = Intent("create", address, "create", "local", "n")
    document = parse_document(state_text(state, [intent], "j/3"), "here")
    assert document.uncertain == (intent,)
    assert document.journal == "j/3"
    got = document.state
    assert same(got.records[address].object, body)
    assert same(got.outputs, outputs)
    assert got._replace(outputs=outputs, records=state.records) == state
    assert got.records[address]._replace(object=body) == record
    assert state_text(got, [intent], "j/3") == state_text(state, [intent], "j/3")


ENTRIES = [
    pytest.param(Intent("create a", RECORD.address, "create", "local"), id="intent"),
    pytest.param(Intent("create a", RECORD.address, "create", "local", "token"), id="intent with a name"),
    pytest.param(Recorded(RECORD, ("queue.b",)), id="recorded"),
    pytest.param(
        Recorded(RECORD._replace(object={"s": Sealed("00"), "t": Set([1])}, prevent_destroy=True)), id="marks"
    ),
    pytest.param(Forgotten(Address("queue", "a", 'k"]', (ModuleStep("m", 1),))), id="forgotten"),
    pytest.param(RunRecorded(RUN._replace(metrics={"loss": 0.5}, hyperparameters={"x": Set([1])})), id="run"),
    pytest.param(RunRecorded(RUN._replace(trials=TRIALS, best=1)), id="run with trials"),
    pytest.param(RunDropped(RUN), id="run dropped"),
    pytest.param(OutputsRecorded({"a": None, "$": {"$set": 1}}), id="outputs"),
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_survives_as_one_line(entry: Entry) -> None:
    line = entry_line(entry)
    assert "\n" not in line
    assert parse_entry(line) == entry


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "3", '{"recorded": 1}', '{"renamed": {}}', '{"run": {"id": "r"}}', '{"run"']
)
def test_what_is_no_entry_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_entry(line)


def test_a_ledger_survives_with_metrics_that_json_cannot_say() -> None:
    metrics = {"loss": math.nan, "best": math.inf, "worst": -math.inf, "accuracy": 0.9}
    ledger = Ledger(
        {"trainer.a": (RUN, RUN._replace(id="r2", number=2, status="failed", failure="user", metrics=metrics))}
    )
    text = ledger_text(ledger, "lineage")
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    got, lineage = parse_ledger(text, "here")
    assert lineage == "lineage"
    assert got.runs["trainer.a"][0] == RUN
    second = got.runs["trainer.a"][1]
    assert math.isnan(second.metrics["loss"])
    assert {**second.metrics, "loss": 0} == {**metrics, "loss": 0}


def test_records_stand_in_the_order_of_addresses_one_a_line() -> None:
    records = [RECORD._replace(address=Address("queue", "a", key)) for key in (10, 2, 1)]
    text = state_text(STATE._replace(records={record.address: record for record in records}))
    lines = [line for line in text.splitlines() if '"address"' in line]
    assert [json.loads(line.rstrip(","))["address"] for line in lines] == ["queue.a[1]", "queue.a[2]", "queue.a[10]"]


def test_a_secret_that_was_not_sealed_is_never_written() -> None:
    with pytest.raises(ValueError, match="cannot be written in clear"):
        state_text(STATE._replace(records={RECORD.address: RECORD._replace(object={"t": Sensitive("s3cret")})}))
    with pytest.raises(ValueError, match="cannot be written in clear"):
        entry_line(OutputsRecorded({"t": [Sensitive("s3cret")]}))


GOOD = state_text(STATE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "is empty", id="0 bytes"),
        pytest.param("\n \n", "is empty", id="white space"),
        pytest.param(GOOD[: len(GOOD) // 2], "ends in the middle", id="truncated"),
        pytest.param(GOOD.replace('"n": 1', '"n": 01'), "not JSON", id="not JSON"),
        pytest.param(GOOD.replace('"serial": 4', '"serial": 5'), "was altered", id="altered"),
        pytest.param(json.dumps(json.loads(GOOD)), "was altered", id="formatted anew"),
        pytest.param(GOOD.replace('"format": 1', '"format": 2'), "has format 2", id="newer"),
        pytest.param(
            '{"version": 4, "terraform_version": "1.11.4", "serial": 1}', "is a Terraform state", id="Terraform's"
        ),
        pytest.param('{"format": 1}', "is not a planform state", id="without checksum"),
        pytest.param('{"name": "x"}', "is not a planform state", id="other JSON"),
        pytest.param("null", "is not a planform state", id="null"),
        pytest.param("[1]", "is not a planform state", id="a list"),
        pytest.param(ledger_text(Ledger(), "l"), "does not follow format 1", id="a ledger"),
    ],
)
def test_what_is_no_state_is_refused(text: str, message: str) -> None:
    with pytest.raises(StateDamaged, match=message) as refusal:
        parse_state(text, "state/main.json")
    assert "state/main.json" in refusal.value.summary


@pytest.mark.parametrize("end", ["", "\n", "\n\n", " \n"])
def test_an_editor_may_change_the_end_of_the_file(end: str) -> None:
    assert parse_state(GOOD.rstrip() + end, "here") == STATE


def test_every_truncation_is_noticed() -> None:
    whole = GOOD.rstrip()
    for length in range(len(whole)):
        with pytest.raises(StateDamaged):
            parse_state(whole[:length], "here")


@given(st.integers(0, len(GOOD.rstrip()) - 1), st.characters(codec="ascii"))
def test_every_altered_character_is_noticed(position: int, character: str) -> None:
    text = GOOD[:position] + character + GOOD[position + 1 :]
    if text == GOOD:
        return
    with pytest.raises(StateDamaged):
        parse_state(text, "here")
