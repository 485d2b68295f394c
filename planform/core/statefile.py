"""State, ledger and journal entries as JSON text, and back. The format is described in state/README.md.

One record, run or output is one line, so that two states can be compared with any diff. The checksum covers every byte
after its own line.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from planform.core.addresses import parse_address
from planform.core.errors import StateDamaged
from planform.core.state import (
    FORMAT,
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
    Snapshot,
    State,
    Trial,
    record_json,
)
from planform.core.values import decode, encode

T = TypeVar("T")

_dumps = json.JSONEncoder(check_circular=False).encode
_HEAD = re.compile(rf'\{{\n  "format": {FORMAT},\n  "checksum": "([0-9a-f]{{64}})",\n')


@dataclass(frozen=True, slots=True)
class StateDocument:
    """What a state file holds: the state, and how far the journal was folded into it."""

    state: State
    uncertain: tuple[Intent, ...] = ()
    journal: str = ""  # the last journal record contained, as its backend names it


def state_text(state: State, uncertain: Iterable[Intent] = (), journal: str = "") -> str:
    """The document of a state.

    Raises:
        ValueError: a sensitive leaf was not sealed.
    """
    return _document(_state_parts(state, uncertain, journal))


def pulled_text(snapshot: Snapshot) -> str:
    """The document of a whole snapshot, as `state pull` hands it out: it reads as a state and as a ledger."""
    parts = _state_parts(snapshot.state, snapshot.uncertain, "")
    return _document({**parts, "runs": _runs_list(snapshot.ledger)})


def _state_parts(state: State, uncertain: Iterable[Intent], journal: str) -> dict[str, str]:
    records = sorted(state.records.values(), key=lambda record: record.address.sort_key())
    return {
        "lineage": _dumps(state.lineage),
        "serial": str(state.serial),
        "salt": _dumps(state.salt),
        "written_by": _dumps(state.written_by),
        "written_at": _dumps(state.written_at),
        "journal": _dumps(journal),
        "uncertain": _list(_dumps(_intent_json(intent)) for intent in uncertain),
        "outputs": _object({name: encode(value) for name, value in state.outputs.items()}),
        "dependencies": _object({name: list(needs) for name, needs in state.dependencies.items()}),
        "records": _list(_dumps(record_json(record)) for record in records),
    }


def parse_pulled(text: str, where: str) -> Snapshot:
    """The snapshot in a document of `pulled_text`, or of a state alone.

    Raises:
        StateDamaged: the text is neither.
    """
    document = parse_document(text, where)
    ledger = parse_ledger(text, where)[0] if "runs" in json.loads(text) else Ledger()
    return Snapshot(document.state, ledger, document.uncertain)


def parse_document(text: str, where: str) -> StateDocument:
    """The document written in `text`; `where` is for messages.

    Raises:
        StateDamaged: the text is not one that `state_text` made.
    """

    def read(document: dict[str, Any]) -> StateDocument:
        # A mark of `encode` begins with "$"; without one in the whole text the JSON is the value.
        value = decode if '"$' in text else _itself
        records = (_record(item, value) for item in document["records"])
        return StateDocument(
            State(
                lineage=document["lineage"],
                serial=document["serial"],
                salt=document["salt"],
                records={record.address: record for record in records},
                dependencies={name: tuple(needs) for name, needs in document["dependencies"].items()},
                outputs={name: value(item) for name, item in document["outputs"].items()},
                written_by=document["written_by"],
                written_at=document["written_at"],
            ),
            tuple(_intent(item) for item in document["uncertain"]),
            document["journal"],
        )

    return _parsed(text, where, "state", read)


def parse_state(text: str, where: str) -> State:
    """The state written in `text`, without what a journal may have to add.

    Raises:
        StateDamaged: the text is not one that `state_text` made.
    """
    return parse_document(text, where).state


def ledger_text(ledger: Ledger, lineage: str) -> str:
    """The document of a ledger, which belongs to the state of that lineage."""
    return _document({"lineage": _dumps(lineage), "runs": _runs_list(ledger)})


def _runs_list(ledger: Ledger) -> str:
    runs = (run for address in sorted(ledger.runs) for run in ledger.runs[address])
    return _list(_dumps(run_json(run)) for run in runs)


def parse_ledger(text: str, where: str) -> tuple[Ledger, str]:
    """The ledger written in `text`, and the lineage of the state it belongs to.

    Raises:
        StateDamaged: the text is not one that `ledger_text` made.
    """

    def read(document: dict[str, Any]) -> tuple[Ledger, str]:
        runs: dict[str, list[Run]] = {}
        for item in document["runs"]:
            runs.setdefault(item["address"], []).append(parse_run(item))
        return Ledger({address: tuple(items) for address, items in runs.items()}), document["lineage"]

    return _parsed(text, where, "ledger", read)


def entry_line(entry: Entry) -> str:
    """One journal entry as one line of JSON, without the newline.

    Raises:
        ValueError: a sensitive leaf was not sealed.
    """
    match entry:
        case Intent():
            form: dict[str, Any] = {"intent": _intent_json(entry)}
        case Recorded(record, needs):
            form = {"recorded": record_json(record), "dependencies": needs}
        case Forgotten(address):
            form = {"forgotten": str(address)}
        case RunRecorded(run):
            form = {"run": run_json(run)}
        case RunDropped(run):
            form = {"run_dropped": run_json(run)}
        case OutputsRecorded(outputs):
            form = {"outputs": {name: encode(value) for name, value in outputs.items()}}
    return _dumps(form)


def parse_entry(line: str) -> Entry:
    """The entry that `entry_line` wrote.

    Raises:
        ValueError: it wrote no such line.
    """
    try:
        form = json.loads(line)
        value = decode if '"$' in line else _itself
        match next(iter(form)):
            case "intent":
                return _intent(form["intent"])
            case "recorded":
                return Recorded(_record(form["recorded"], value), tuple(form["dependencies"]))
            case "forgotten":
                return Forgotten(parse_address(form["forgotten"]))
            case "run":
                return RunRecorded(parse_run(form["run"]))
            case "run_dropped":
                return RunDropped(parse_run(form["run_dropped"]))
            case "outputs":
                return OutputsRecorded({name: value(item) for name, item in form["outputs"].items()})
    except (AttributeError, KeyError, StopIteration, TypeError) as error:
        raise ValueError(f"not a journal entry: {line[:60]}") from error
    raise ValueError(f"an entry of an unknown kind: {line[:60]}")


def _document(parts: Mapping[str, str]) -> str:
    content = ",\n".join(f'  "{name}": {text}' for name, text in parts.items()) + "\n}\n"
    return f'{{\n  "format": {FORMAT},\n  "checksum": "{_checksum(content)}",\n{content}'


def _list(lines: Iterable[str]) -> str:
    text = ",\n    ".join(lines)
    return f"[\n    {text}\n  ]" if text else "[]"


def _object(items: Mapping[str, Any]) -> str:
    text = ",\n    ".join(f"{_dumps(name)}: {_dumps(items[name])}" for name in sorted(items))
    return f"{{\n    {text}\n  }}" if text else "{}"


def _checksum(content: str) -> str:
    # A newline more or less at the end of a file is nobody's damage.
    return hashlib.sha256(content.rstrip().encode()).hexdigest()


def _parsed(text: str, where: str, kind: str, read: Callable[[dict[str, Any]], T]) -> T:
    if not text.strip():
        raise StateDamaged(f"The {kind} {where} is empty.", "Something emptied the file; planform never writes it so.")
    try:
        document = json.loads(text)
    except ValueError as error:
        cut = not text.rstrip().endswith("}")
        why = "it ends in the middle" if cut else f"it is not JSON: {error}"
        raise StateDamaged(f"The {kind} {where} is damaged: {why}.") from error
    _check_format(document, where, kind)
    head = _HEAD.match(text)
    if head is None or head[1] != _checksum(text[head.end() :]):
        raise StateDamaged(
            f"The {kind} {where} was altered: its checksum does not fit its content.",
            "A plan against an altered state could destroy what it should keep.",
        )
    try:
        return read(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StateDamaged(f"The {kind} {where} does not follow format {FORMAT}: {error!r}.") from error


def _check_format(document: Any, where: str, kind: str) -> None:
    if isinstance(document, dict) and "terraform_version" in document:
        raise StateDamaged(
            f"{where} is a Terraform state, not a planform {kind}.",
            "planform keeps a state of its own.",
            "Give the backend another path.",
        )
    found = document.get("format") if isinstance(document, dict) else None
    if type(found) is not int or "checksum" not in document:
        raise StateDamaged(f"{where} is not a planform {kind}.", "It has no format and checksum.")
    if found > FORMAT:
        raise StateDamaged(
            f"The {kind} {where} has format {found}; this planform knows formats up to {FORMAT}.",
            f"It was written by {document.get('written_by') or 'a newer planform'}.",
            "Use that version of planform, or a newer one.",
        )


def _itself(value: Any) -> Any:
    return value


def _record(form: dict[str, Any], value: Callable[[Any], Any]) -> Record:
    return Record(
        parse_address(form["address"]),
        form["provider"],
        value(form["object"]),
        form.get("coordinates", {}),
        form.get("schema_version", 1),
        form.get("prevent_destroy", False),
        form.get("keep", False),
    )


def _intent_json(intent: Intent) -> dict[str, str]:
    form = {"step": intent.step, "address": str(intent.address), "verb": intent.verb, "provider": intent.provider}
    return {**form, "name": intent.name} if intent.name else form


def _intent(form: dict[str, str]) -> Intent:
    return Intent(form["step"], parse_address(form["address"]), form["verb"], form["provider"], form.get("name", ""))


_REQUIRED = tuple(name for name in Run._fields if name not in Run._field_defaults)
_OPTIONAL = tuple(name for name in Run._fields if name not in (*_REQUIRED, "hyperparameters", "metrics", "trials"))


def run_json(run: Run) -> dict[str, Any]:
    """A run as the ledger and plans have it; what is not set is left out."""
    form = {name: getattr(run, name) for name in _REQUIRED}
    form |= {name: value for name in _OPTIONAL if (value := getattr(run, name))}
    if run.hyperparameters:
        form["hyperparameters"] = {name: encode(value) for name, value in run.hyperparameters.items()}
    if run.metrics:
        form["metrics"] = _metrics_json(run.metrics)
    if run.trials:
        form["trials"] = [_trial_json(trial) for trial in run.trials]
    return form


def _metrics_json(metrics: Mapping[str, float]) -> dict[str, float | str]:
    """JSON has no NaN and no infinity; a loss may well be one."""
    return {name: value if math.isfinite(value) else str(value) for name, value in metrics.items()}


def _trial_json(trial: Trial) -> dict[str, Any]:
    form = {name: value for name, value in trial._asdict().items() if value not in ("", None)}
    hyperparameters = {name: encode(value) for name, value in trial.hyperparameters.items()}
    return {**form, "hyperparameters": hyperparameters, "metrics": _metrics_json(trial.metrics)}


def parse_run(form: dict[str, Any]) -> Run:
    given = dict(form)
    if "hyperparameters" in given:
        given["hyperparameters"] = {name: decode(value) for name, value in given["hyperparameters"].items()}
    if "metrics" in given:
        given["metrics"] = _metrics(given["metrics"])
    if "trials" in given:
        given["trials"] = tuple(_trial(item) for item in given["trials"])
    return Run(**given)


def _metrics(form: Mapping[str, float | str]) -> dict[str, float]:
    return {name: float(value) if isinstance(value, str) else value for name, value in form.items()}


def _trial(form: dict[str, Any]) -> Trial:
    hyperparameters = {name: decode(value) for name, value in form["hyperparameters"].items()}
    return Trial(**{**form, "hyperparameters": hyperparameters, "metrics": _metrics(form["metrics"])})
