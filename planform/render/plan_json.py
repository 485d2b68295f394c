"""`show --json PLAN`: Terraform's plan format 1.2, with what only planform knows under `x_planform`."""

from __future__ import annotations

from typing import Any

from planform.core.plan import Action, Change, Drift, Leaf, OutputChange, Plan, RunPlan
from planform.core.values import Value
from planform.render.tally import kind_of
from planform.render.terraform_json import (
    FORMAT_VERSION,
    TERRAFORM_VERSION,
    address_json,
    output_json,
    provider_name,
    shape,
    type_json,
    values_json,
)


def plan_json(plan: Plan) -> dict[str, Any]:
    """The document. Consumers want it on one line."""
    form: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "planform_version": plan.planform_version,
        "variables": {name: _variable(value) for name, value in sorted(plan.variables.items()) if value is not None},
        "planned_values": {
            "outputs": {item.name: _planned_output(item) for item in plan.outputs if item.after is not None},
            "root_module": values_json(
                (change.address, change.provider, change.after)
                for change in plan.changes
                if change.after is not None and change.action not in (Action.DELETE, Action.FORGET)
            ),
        },
    }
    if plan.drift:
        form["resource_drift"] = [_drift_json(item, plan) for item in plan.drift]
    form["resource_changes"] = [change_json(change) for change in sorted(plan.changes, key=lambda item: item.address)]
    form["output_changes"] = {output.name: _output_change(output) for output in plan.outputs}
    form["prior_state"] = {
        "format_version": "1.0",
        "terraform_version": TERRAFORM_VERSION,
        "values": {
            "outputs": {
                item.name: output_json(item.before, item.sensitive) for item in plan.outputs if item.before is not None
            },
            "root_module": values_json(
                (change.address, change.provider, change.before) for change in plan.changes if change.before is not None
            ),
        },
    }
    form["configuration"] = _configuration(plan)
    form |= {
        "timestamp": plan.created_at,
        "applyable": not plan.is_empty,
        "complete": not plan.targeted,
        "errored": False,
        "x_planform": {
            "id": plan.id,
            "name": plan.name,
            "workspace": plan.workspace,
            "lineage": plan.lineage,
            "serial": plan.serial,
            "coordinates": {provider: dict(where) for provider, where in plan.coordinates.items()},
            "drift_unshown": plan.drift_unshown,
            "steps": [
                {"id": step.id, "address": str(step.address), "verb": step.verb, "after": list(step.after)}
                for step in plan.steps
            ],
        },
    }
    return form


def change_json(change: Change) -> dict[str, Any]:
    """One element of `resource_changes`."""
    form = address_json(change.address)
    form["provider_name"] = provider_name(change.provider)
    form["change"] = _change(change.action.value.split(","), change.before, change.after)
    paths = [list(leaf.path) for leaf in change.leaves if leaf.note == "forces replacement"]
    if paths:
        form["change"]["replace_paths"] = paths
    if change.moved_from is not None:
        form["previous_address"] = str(change.moved_from)
    if change.reason:
        form["action_reason"] = change.reason
    extra: dict[str, Any] = {"kind": kind_of(change)}
    if change.provider:
        extra["provider"] = change.provider
    if change.span:
        extra["range"] = str(change.span)
    if change.run is not None:
        extra["run"] = run_plan_json(change.run)
    if change.leaves:
        extra["attributes"] = [leaf_json(leaf) for leaf in change.leaves]
    if change.notes:
        extra["notes"] = list(change.notes)
    form["x_planform"] = extra
    return form


def run_plan_json(run: RunPlan) -> dict[str, Any]:
    """What happens to a trainer's runs; empty fields are left out."""
    fields: dict[str, Any] = {
        "decision": run.decision,
        "number": run.number,
        "run_id": run.run_id,
        "job_name": run.job_name,
        "digest": run.digest,
        "reason": run.reason,
        "moved": list(run.moved),
        "metrics": dict(run.metrics),
        "stops_run": run.cancels,
        "leaves_run": run.leaves,
        "instance_hours": run.instance_hours,
        "files": run.files,
        "bytes": run.bytes,
    }
    return {key: value for key, value in fields.items() if value or key == "decision"}


def leaf_json(leaf: Leaf) -> dict[str, Any]:
    """One differing attribute: `before` and `after` where they can be shown."""
    form: dict[str, Any] = {"path": list(leaf.path)}
    before, after = shape(leaf.before), shape(leaf.after)
    if not before.absent:
        form["before"] = before.shown
    if not after.absent:
        form["after"] = after.shown
    if after.unknown:
        form["after_unknown"] = after.unknown
    if before.sensitive or after.sensitive:
        form["sensitive"] = True
    if leaf.note:
        form["note"] = leaf.note
    if leaf.span:
        form["range"] = str(leaf.span)
    return form


def _change(actions: list[str], before: Value, after: Value) -> dict[str, Any]:
    old, new = shape(before), shape(after)
    form: dict[str, Any] = {"actions": actions, "before": old.shown}
    if not new.absent:
        form["after"] = new.shown
    form["after_unknown"] = new.unknown or ({} if isinstance(after, dict) or after is None else False)
    form["before_sensitive"] = old.sensitive if before is not None else False
    form["after_sensitive"] = new.sensitive if after is not None else False
    return form


def _output_change(output: OutputChange) -> dict[str, Any]:
    form = _change([output.action.value], output.before, output.after)
    if not isinstance(output.after, dict):
        form["after_unknown"] = form["after_unknown"] or False
    if output.sensitive:
        form.pop("after", None)
        form |= {
            "before": None,
            "before_sensitive": output.before is not None,
            "after_sensitive": output.after is not None,
        }
    return form


def _planned_output(output: OutputChange) -> dict[str, Any]:
    parts = shape(output.after)
    sensitive = output.sensitive or bool(parts.sensitive)
    form: dict[str, Any] = {"sensitive": sensitive}
    if not sensitive and not parts.unknown:
        form |= {"type": type_json(output.after), "value": parts.shown}
    return form


def _variable(value: Value) -> dict[str, Any]:
    parts = shape(value)
    return {} if parts.absent else {"value": parts.shown}


def _drift_json(drift: Drift, plan: Plan) -> dict[str, Any]:
    change = next((change for change in plan.changes if change.address == drift.address), None)
    form = address_json(drift.address)
    form["provider_name"] = provider_name(change.provider if change else "")
    recorded = change.before if change and change.before else {}
    before, after = {**recorded}, {**recorded}
    for leaf in drift.leaves:
        if len(leaf.path) == 1 and isinstance(leaf.path[0], str):
            before[leaf.path[0]], after[leaf.path[0]] = leaf.before, leaf.after
    form["change"] = _change(["delete" if drift.gone else "update"], before, None if drift.gone else after)
    form["x_planform"] = {"attributes": [leaf_json(leaf) for leaf in drift.leaves]}
    return form


def _configuration(plan: Plan) -> dict[str, Any]:
    """What of the configuration a plan still knows: which resources there are and what they depend on."""
    resources: dict[str, dict[str, Any]] = {}
    modules: dict[str, Any] = {}
    for change in plan.changes:
        if change.action in (Action.DELETE, Action.FORGET):
            continue
        resource = change.address.resource
        if str(resource) in resources:
            continue
        resources[str(resource)] = form = {
            "address": f"{resource.type}.{resource.name}",
            "mode": resource.mode,
            "type": resource.type,
            "name": resource.name,
            "provider_config_key": change.provider or "planform",
            "expressions": {},
            "schema_version": 0,
        }
        needs = plan.dependencies.get(str(resource), ())
        if needs:
            form["depends_on"] = list(needs)
        place = modules
        for name in resource.module:
            call = place.setdefault("module_calls", {}).setdefault(name, {"source": name, "module": {}})
            place = call["module"]
        place.setdefault("resources", []).append(form)
    providers = sorted({change.provider for change in plan.changes if change.provider})
    return {
        "provider_config": {key: {"name": key.partition(".")[0], "full_name": provider_name(key)} for key in providers},
        "root_module": modules,
    }
