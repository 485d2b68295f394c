"""Terraform's plan, state and event formats."""

from __future__ import annotations

import json
from typing import Any

import pytest

from planform.core.errors import Diagnostic
from planform.core.plan import Action, CheckResult, OutputChange, RunPlan, Step
from planform.core.state import Ledger, Record, Snapshot, State
from planform.core.values import Sealed, Sensitive, Set, Unknown, Value
from planform.render.events import JsonReporter
from planform.render.plan_json import plan_json
from planform.render.state_json import outputs_json, state_json
from planform.render.terraform_json import shape
from tests.render.samples import FAST, change, mixed_plan, plan_of, run


@pytest.mark.parametrize(
    ("value", "shown", "unknown", "sensitive"),
    [
        (1, 1, False, False),
        ({"a": Unknown(), "b": 1}, {"b": 1}, {"a": True}, {}),
        ([1, Unknown()], [1, None], [False, True], False),
        ({"a": [{"b": Sensitive("x")}]}, {"a": [{}]}, {}, {"a": [{"b": True}]}),
        (Set(["a"]), ["a"], False, False),
        ({"a": Sensitive(Unknown())}, {}, {"a": True}, {"a": True}),
        ({"a": Sealed("x")}, {}, {}, {"a": True}),
    ],
)
def test_shape(value: Value, shown: Any, unknown: Any, sensitive: Any) -> None:
    found = shape(value)
    assert (found.shown, found.unknown, found.sensitive) == (shown, unknown, sensitive)


def test_plan_envelope() -> None:
    document = plan_json(mixed_plan())
    assert document["format_version"] == "1.2"
    assert document["terraform_version"] == "1.11.4"
    assert {"planned_values", "resource_changes", "output_changes", "prior_state", "configuration"} <= document.keys()
    assert (document["applyable"], document["complete"], document["errored"]) == (True, False, False)
    assert "\n" not in json.dumps(document)


def test_no_secret_in_any_document() -> None:
    plan = plan_of(
        change("planform_data.a", Action.UPDATE, {"input": Sealed("5ea1ed")}, {"input": Sensitive("hunter2")}),
        outputs=(OutputChange("token", Sealed("5ea1ed"), Sensitive("hunter2"), True),),
        variables={"token": Sealed("5ea1ed"), "rate": 0.2},
    )
    events: list[str] = []
    JsonReporter(events.append, "0.1.0").reviewed(plan)
    text = json.dumps(plan_json(plan)) + "".join(events)
    assert "hunter2" not in text
    assert "5ea1ed" not in text
    assert plan_json(plan)["variables"] == {"rate": {"value": 0.2}, "token": {}}


ACTIONS = {
    "first run": (change(FAST, Action.CREATE, None, {}, run=RunPlan("new_run", 1)), ["create"], "run"),
    "new run": (change(FAST, Action.UPDATE, {}, {}, run=RunPlan("new_run", 2)), ["update"], "run"),
    "reuse": (change(FAST, Action.UPDATE, {}, {}, run=RunPlan("reuse", 1)), ["update"], "reuse"),
    "in progress": (change(FAST, Action.NO_OP, {}, {}, run=RunPlan("in_progress", 1)), ["no-op"], "in_progress"),
    "replace": (change("job_queue.a", Action.DELETE_THEN_CREATE, {}, {}), ["delete", "create"], "replace"),
    "replace, created first": (
        change("job_queue.a", Action.CREATE_THEN_DELETE, {}, {}),
        ["create", "delete"],
        "replace",
    ),
}


@pytest.mark.parametrize("case", ACTIONS)
def test_actions(case: str) -> None:
    planned, actions, kind = ACTIONS[case]
    (found,) = plan_json(plan_of(planned))["resource_changes"]
    assert found["change"]["actions"] == actions
    assert found["x_planform"]["kind"] == kind


def test_resource_change() -> None:
    plan = plan_of(
        change(
            'module.a["x"].job_queue.q[0]',
            Action.CREATE,
            None,
            {"priority": 1, "arn": Unknown("q.arn")},
            provider="aws",
        )
    )
    (found,) = plan_json(plan)["resource_changes"]
    assert found == {
        "address": 'module.a["x"].job_queue.q[0]',
        "module_address": 'module.a["x"]',
        "mode": "managed",
        "type": "job_queue",
        "name": "q",
        "index": 0,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": ["create"],
            "before": None,
            "after": {"priority": 1},
            "after_unknown": {"arn": True},
            "before_sensitive": False,
            "after_sensitive": {},
        },
        "x_planform": {"kind": "create", "provider": "aws"},
    }
    (module,) = plan_json(plan)["planned_values"]["root_module"]["child_modules"]
    assert module["address"] == 'module.a["x"]'
    assert module["resources"][0]["values"] == {"priority": 1}
    assert plan_json(plan)["configuration"]["provider_config"] == {
        "aws": {"name": "aws", "full_name": "registry.terraform.io/hashicorp/aws"}
    }


def test_checks_are_told_by_resource() -> None:
    results = (
        CheckResult("check", "check.health", "fail", ("not well",)),
        CheckResult("resource", 'module.a.job_queue.q["x"]', "pass"),
        CheckResult("resource", 'module.a.job_queue.q["x"]', "unknown"),
        CheckResult("resource", 'module.a.job_queue.q["y"]', "pass"),
    )
    assert plan_json(plan_of(checks=results))["checks"] == [
        {
            "address": {"kind": "check", "name": "health", "to_display": "check.health"},
            "status": "fail",
            "instances": [
                {"address": {"to_display": "check.health"}, "status": "fail", "problems": [{"message": "not well"}]}
            ],
        },
        {
            "address": {
                "kind": "resource", "mode": "managed", "type": "job_queue", "name": "q",
                "module": "module.a", "to_display": "module.a.job_queue.q",
            },
            "status": "unknown",
            "instances": [
                {"address": {"to_display": 'module.a.job_queue.q["x"]', "instance_key": "x"}, "status": "unknown"},
                {"address": {"to_display": 'module.a.job_queue.q["y"]', "instance_key": "y"}, "status": "pass"},
            ],
        },
    ]  # fmt: skip


def test_drift_goes_from_what_was_recorded_to_what_is_live() -> None:
    (found,) = plan_json(mixed_plan())["resource_drift"]
    assert found["address"] == "job_queue.main"
    assert (found["change"]["before"], found["change"]["after"]) == ({"priority": 3}, {"priority": 1})


def test_output_changes() -> None:
    changes = plan_json(mixed_plan())["output_changes"]
    assert changes["accuracy"]["after_unknown"] is True
    assert "after" not in changes["accuracy"]
    assert changes["token"]["before_sensitive"] is changes["token"]["after_sensitive"] is True


def test_deletes_and_replacements_say_why() -> None:
    found = {item["address"]: item for item in plan_json(mixed_plan())["resource_changes"]}
    assert found["planform_data.old"]["action_reason"] == "delete_because_no_resource_config"
    assert found["job_queue.q"]["change"]["replace_paths"] == [["name"]]
    assert "planform_data.old" not in json.dumps(plan_json(mixed_plan())["planned_values"])


def test_state() -> None:
    address = change(FAST, Action.NO_OP).address
    record = Record(address, "local", {"run_number": 1, "environment": {"TOKEN": Sealed("5ea1ed")}})
    state = State("8e1f", 4, "00", {address: record}, outputs={"rate": 0.2, "token": Sealed("5ea1ed")})
    document = state_json(Snapshot(state, Ledger({FAST: (run(),)})))
    (found,) = document["values"]["root_module"]["resources"]
    assert found["values"]["metrics"] == {"accuracy": 0.9571, "loss": 0.13}
    assert found["sensitive_values"] == {"environment": {"TOKEN": True}}
    assert document["values"]["outputs"] == {
        "rate": {"sensitive": False, "type": "number", "value": 0.2},
        "token": {"sensitive": True},
    }
    assert document["x_planform"]["runs"][FAST][0]["number"] == 1
    assert "5ea1ed" not in json.dumps(document)


def test_output_types() -> None:
    value = {"a": [1, "x", True], "b": {}}
    assert outputs_json({"o": value})["o"]["type"] == [
        "object",
        {"a": ["tuple", ["number", "string", "bool"]], "b": ["object", {}]},
    ]


def stream() -> tuple[list[dict[str, Any]], JsonReporter]:
    events: list[dict[str, Any]] = []
    return events, JsonReporter(lambda line: events.append(json.loads(line)), "0.1.0", clock=lambda: "now")


def test_planned_events() -> None:
    events, reporter = stream()
    reporter.reviewed(mixed_plan())
    assert events[0] | {"@message": ""} == {
        "@level": "info", "@message": "", "@module": "terraform.ui", "@timestamp": "now",
        "terraform": "1.11.4", "planform": "0.1.0", "ui": "1.2", "type": "version",
    }  # fmt: skip
    planned = {
        event["change"]["resource"]["addr"]: event["change"] for event in events if event["type"] == "planned_change"
    }
    assert {address: item["action"] for address, item in planned.items()} == {
        "job_queue.main": "update", "job_queue.q": "replace", "planform_data.old": "delete", FAST: "update",
        'trainer.digits["slow"]': "update", "trainer.x": "noop", "trainer.y": "noop", "trainer.z": "noop",
    }  # fmt: skip
    assert planned["job_queue.q"]["reason"] == "cannot_update"
    assert planned["planform_data.old"]["reason"] == "delete_because_no_resource_config"
    assert planned["job_queue.main"]["attributes"][0] == {
        "path": ["priority"], "before": 1, "after": 5, "range": "main.pf.yaml:27:5",
    }  # fmt: skip
    (counts,) = [event["changes"] for event in events if event["type"] == "change_summary"]
    assert (counts["add"], counts["change"], counts["remove"], counts["operation"]) == (1, 1, 2, "plan")
    assert [event["@level"] for event in events if event["type"] == "diagnostic"] == ["warn"]


def test_apply_events() -> None:
    events, reporter = stream()
    plan = mixed_plan()
    step = Step("1:create", plan.changes[0].address, "create", "a")
    reporter.started(step)
    reporter.progress(step, "pulling img:1")
    reporter.finished(step, 1.26)
    reporter.failed(step, 0.5, "denied")
    reporter.run_changed(run(status="running"))
    reporter.run_changed(run(status="running"))
    reporter.run_changed(run())
    reporter.applied(plan, ())
    reporter.diagnostics([Diagnostic("Broken.")])
    assert [event["type"] for event in events[1:]] == [
        "apply_start", "apply_progress", "apply_complete", "apply_errored", "run_status", "run_status", "change_summary", "diagnostic",
    ]  # fmt: skip
    assert events[2]["hook"]["detail"] == "pulling img:1"
    assert events[3]["hook"]["elapsed_seconds"] == 1.26
    assert events[6]["run"]["metrics"] == {"accuracy": 0.9571, "loss": 0.13}
    assert (events[7]["changes"]["add"], events[7]["changes"]["operation"]) == (1, "apply")
