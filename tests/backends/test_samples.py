"""The format's contract: samples of every version fit the schema, and this version of planform reads them."""

import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from planform.backends.local import LocalBackend
from planform.core.addresses import parse_address
from planform.core.errors import StateError
from planform.core.state import Intent
from planform.core.statefile import ledger_text, parse_document, parse_ledger, parse_state, state_text
from planform.core.values import Sealed, Set

STATE = Path(__file__).parents[2] / "state"
SCHEMA = Draft202012Validator(json.loads((STATE / "state.schema.json").read_text()))
VERSIONS = sorted((STATE / "samples").iterdir())


@pytest.fixture(params=VERSIONS, ids=lambda folder: folder.name)
def sample(request: pytest.FixtureRequest, tmp_path: Path) -> LocalBackend:
    for name, target in [("state.json", "main.json"), ("ledger.json", "main.ledger.json"), ("journal", "main.journal")]:
        shutil.copy(request.param / name, tmp_path / target)
    return LocalBackend(tmp_path / "main.json")


def test_the_schema_is_one_and_the_sample_fits_it(sample: LocalBackend) -> None:
    Draft202012Validator.check_schema(SCHEMA.schema)
    SCHEMA.validate(json.loads(sample.path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"serial": "1"}, id="a serial that is a string"),
        pytest.param({"terraform_version": "1.11.4"}, id="a field of another tool"),
        pytest.param({"outputs": {"token": {"$sealed": "in clear"}}}, id="a sealed leaf that is no digest"),
        pytest.param({"outputs": {"token": {"$mark": 1}}}, id="an unknown mark"),
        pytest.param({"records": [{"address": "a.b", "object": {}}]}, id="a record of no provider"),
    ],
)
def test_the_schema_refuses_what_the_code_would_not_write(change: dict[str, object]) -> None:
    document = json.loads((VERSIONS[-1] / "state.json").read_text())
    assert not SCHEMA.is_valid(document | change)


def test_a_state_as_written_now_fits_the_schema(sample: LocalBackend) -> None:
    document = parse_document(sample.path.read_text(), "sample")
    SCHEMA.validate(json.loads(state_text(document.state, document.uncertain, document.journal)))


def test_the_newest_sample_is_written_as_it_is_read() -> None:
    folder = VERSIONS[-1]
    text = (folder / "state.json").read_text()
    document = parse_document(text, "sample")
    assert state_text(document.state, document.uncertain, document.journal) == text
    text = (folder / "ledger.json").read_text()
    assert ledger_text(*parse_ledger(text, "sample")) == text


def test_a_sample_is_read_with_its_journal(sample: LocalBackend) -> None:
    alone = parse_state(sample.path.read_text(), "sample")
    note = parse_address('module.sweep["a \\"quoted\\" key"].planform_data.note[0]')
    assert alone.records[note].object["input"]["labels"] == Set(["a", "b"])
    assert alone.records[note].object["input"]["odd"] == {"$ref": "kept as it is"}

    snapshot = sample.read()
    assert note not in snapshot.state.records
    assert snapshot.state.serial == alone.serial + 1
    trainer = snapshot.state.records[parse_address("trainer.digits['fast']")]
    assert isinstance(trainer.object["environment"]["TOKEN"], Sealed)
    assert [run.status for run in snapshot.ledger.of('trainer.digits["fast"]')] == ["succeeded"]
    assert [run.status for run in snapshot.ledger.of('trainer.digits["slow"]')] == ["queued"]
    assert [type(item) for item in snapshot.uncertain] == [Intent, Intent]


def test_a_holder_folds_a_sample(sample: LocalBackend) -> None:
    before = sample.read()
    with sample.lock("apply") as session:
        folded = session.snapshot()
    assert folded.state.records == before.state.records
    after = sample.read()
    assert (after.state, after.uncertain) == (folded.state, folded.uncertain)
    assert ledger_text(after.ledger, "l") == ledger_text(before.ledger, "l")
    assert not sample.journal_path.exists()


def test_a_ledger_of_another_lineage_is_refused(sample: LocalBackend) -> None:
    ledger, _ = parse_ledger(sample.ledger_path.read_text(), "sample")
    sample.ledger_path.write_text(ledger_text(ledger, "another"))
    with pytest.raises(StateError, match="belongs to another state"):
        sample.read()
