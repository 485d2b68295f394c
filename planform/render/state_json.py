"""`show --json` of a state: Terraform's state format 1.0, with runs under `x_planform`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planform.core.state import Ledger, Record, Snapshot, run_attributes
from planform.core.values import Object, Value
from planform.render.runs_json import run_json
from planform.render.terraform_json import TERRAFORM_VERSION, output_json, values_json


def state_json(snapshot: Snapshot) -> dict[str, Any]:
    """The document of a whole state."""
    state = snapshot.state
    return {
        "format_version": "1.0",
        "terraform_version": TERRAFORM_VERSION,
        "values": {
            "outputs": outputs_json(state.outputs),
            "root_module": values_json(
                (record.address, record.provider, full_object(record, snapshot.ledger))
                for record in state.records.values()
            ),
        },
        "x_planform": {
            "lineage": state.lineage,
            "serial": state.serial,
            "runs": {
                address: [run_json(run) for run in runs] for address, runs in sorted(snapshot.ledger.runs.items())
            },
        },
    }


def outputs_json(outputs: Mapping[str, Value]) -> dict[str, Any]:
    """Every recorded output; a sensitive one without its value."""
    return {name: output_json(value) for name, value in sorted(outputs.items())}


def record_form(record: Record, ledger: Ledger) -> dict[str, Any]:
    """One resource alone, as `values` has it."""
    module: dict[str, Any] = values_json([(record.address, record.provider, full_object(record, ledger))])
    while "resources" not in module:
        module = module["child_modules"][0]
    form: dict[str, Any] = module["resources"][0]
    return form


def full_object(record: Record, ledger: Ledger) -> Object:
    """A record with what its current run exports."""
    runs = ledger.of(record.address)
    number = record.object.get("run_number")
    current = next((run for run in runs if run.number == number), None)
    return {**record.object, **run_attributes(current, runs)} if current else record.object
