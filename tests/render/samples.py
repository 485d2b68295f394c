"""Hand-made plans and runs for the render tests."""

from __future__ import annotations

from typing import Any

from planform.core.addresses import parse_address
from planform.core.errors import Diagnostic, Span
from planform.core.plan import Action, Change, Drift, Leaf, OutputChange, Plan, RunPlan, Step
from planform.core.state import Run
from planform.core.values import Sealed, Sensitive, Unknown, Value

FAST, SLOW = 'trainer.digits["fast"]', 'trainer.digits["slow"]'
HYPERPARAMETERS = {"epochs": 3, "learning_rate": 0.2}


def at(line: int) -> Span:
    return Span("main.pf.yaml", line, 5, 9)


def plan_of(*changes: Change, **fields: Any) -> Plan:
    values: dict[str, Any] = {
        "id": "9f3c2a",
        "planform_version": "0.1.0",
        "created_at": "2026-01-02T03:04:05Z",
        "name": "digits",
        "workspace": "default",
        "lineage": "8e1f",
        "serial": 1,
        "salt": "00",
        "fresh": False,
        "changes": changes,
        "steps": tuple(
            Step(f"{index}:create", change.address, "create", str(change.address))
            for index, change in enumerate(changes, start=1)
            if change.does_something
        ),
    }
    return Plan(**{**values, **fields})


def change(address: str, action: Action, before: Value = None, after: Value = None, **fields: Any) -> Change:
    return Change(parse_address(address), action, before, after, **{"provider": "local", **fields})


def first_plan() -> Plan:
    def trained(address: str, rate: float) -> Change:
        return change(
            address,
            Action.CREATE,
            None,
            {"hyperparameters": {**HYPERPARAMETERS, "learning_rate": rate}},
            span=at(31),
            run=RunPlan("new_run", 1, reason="first run", instance_hours=1 / 6, files=1, bytes=4100),
            notes=("image not used (process)",),
        )

    return plan_of(
        change("job_queue.main", Action.CREATE, None, {"priority": 1}, span=at(26)),
        change("service_environment.cpu", Action.CREATE, None, {"name": "cpu"}, span=at(21)),
        trained(FAST, 0.2),
        trained(SLOW, 0.01),
        outputs=(OutputChange("model", None, Unknown(f"{FAST}.model_artifacts")),),
    )


def mixed_plan() -> Plan:
    secret = {"TOKEN": Sealed("5ea1ed")}
    return plan_of(
        change("job_queue.main", Action.UPDATE, {"priority": 1}, {"priority": 5}, span=at(26),
               leaves=(Leaf(("priority",), 1, 5, at(27)),)),
        change("job_queue.q", Action.DELETE_THEN_CREATE, {"name": "old", "order": ["a", "b"]},
               {"name": "new", "order": ["a", "c"]}, span=at(40), reason="replace_because_cannot_update",
               leaves=(Leaf(("name",), "old", "new", at(41), "forces replacement"),
                       Leaf(("order", 1), "b", "c", at(42)))),
        change("planform_data.old", Action.DELETE, {"input": 1}, None, reason="delete_because_no_resource_config"),
        change("service_environment.cpu", Action.NO_OP, {"name": "cpu"}, {"name": "cpu"}, span=at(21)),
        change(FAST, Action.UPDATE,
               {"environment": secret, "hyperparameters": HYPERPARAMETERS, "model_artifacts": "runs/1/model"},
               {"environment": {"TOKEN": Sensitive("hunter2")},
                "hyperparameters": {**HYPERPARAMETERS, "learning_rate": 0.05},
                "model_artifacts": Unknown(f"{FAST}.model_artifacts")},
               span=at(31),
               leaves=(Leaf(("hyperparameters", "learning_rate"), 0.2, 0.05, at(37)),
                       Leaf(("environment", "TOKEN"), Sealed("5ea1ed"), Sealed("0ther"), at(38))),
               run=RunPlan("new_run", 2, job_name="digits-fast-ab12", reason="definition changed", instance_hours=12.5,
                           moved=("hyperparameters.learning_rate", "source"), leaves=1)),
        change(SLOW, Action.UPDATE, {}, {}, span=at(31), run=RunPlan("reuse", 1, metrics={"accuracy": 0.957})),
        change("trainer.x", Action.NO_OP, {}, {}, span=at(51), run=RunPlan("held", 2, reason="exit code 3")),
        change("trainer.y", Action.NO_OP, {}, {}, span=at(55), run=RunPlan("in_progress", 3)),
        change("trainer.z", Action.NO_OP, {}, {}, span=at(59), notes=("waits for trainer.x, which is held",)),
        outputs=(
            OutputChange("accuracy", {"fast": 0.95}, Unknown(f"{FAST}.metrics")),
            OutputChange("token", Sealed("a"), Sealed("b"), sensitive=True),
        ),
        drift=(Drift(parse_address("job_queue.main"), (Leaf(("priority",), 3, 1, note="changed outside"),)),),
        drift_unshown=2,
        targeted=True,
        warnings=(Diagnostic("Variable epochz is not used.", span=at(3), source="    epochz: 3", severity="warning"),),
    )  # fmt: skip


def run(address: str = FAST, number: int = 1, **fields: Any) -> Run:
    values: dict[str, Any] = {
        "id": f"{address}-{number}",
        "address": address,
        "number": number,
        "digest": "d" * 64,
        "components": {"image": '"sklearn"', "source": f"sha256:{'b' * 64}"},
        "job_name": "digits-fast-ab12",
        "job_arn": "",
        "provider": "local",
        "executor": "process",
        "status": "succeeded",
        "started_at": "2026-01-02T03:04:05Z",
        "ended_at": "2026-01-02T03:04:06.4Z",
        "hyperparameters": HYPERPARAMETERS,
        "metrics": {"accuracy": 0.9571, "loss": 0.13},
    }
    return Run(**{**values, **fields})
