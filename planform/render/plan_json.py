"""`show --json PLAN`: Terraform's plan format 1.2, with what only planform knows under `x_planform`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from planform.core.addresses import module_text, parse_address, provider_kind
from planform.core.plan import Action, Change, CheckResult, Drift, Leaf, OutputChange, Plan, RunPlan
from planform.core.values import AttributePath, Value
from planform.render.guards import guards_json
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
    if plan.described.get("relevant_attributes"):
        form["relevant_attributes"] = plan.described["relevant_attributes"]
    if plan.checks:
        form["checks"] = _checks(plan.checks)
    form |= {
        "timestamp": plan.created_at,
        "applyable": not plan.is_empty and not plan.is_refused,
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
            **guards_json(plan),
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
    if change.importing:
        form["change"]["importing"] = {"id": change.importing}
    if change.reason and not change.address.deposed and change.reason not in ("lifecycle", "interrupted"):
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
    if change.purpose:
        extra["purpose"] = change.purpose
    if change.notes:
        extra["notes"] = list(change.notes)
    told = [{"path": list(path), "origin": text} for path, text in change.origins.items() if text != "default"]
    if told:
        extra["origins"] = told
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
        "previous_run": run.previous,
        "stops_run": run.cancels,
        "leaves_run": run.leaves,
        "instance_hours": run.instance_hours,
        "instance_hours_before": run.hours_before,
        "usd": run.usd,
        "usd_before": run.usd_before,
        "unpriced": list(run.unpriced),
        "unsized": run.unsized,
        "spot_at_on_demand_price": run.at_on_demand,
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
    before: Value = change.before if change and change.before else {}
    after = before
    for leaf in drift.leaves:
        before, after = _with(before, leaf.path, leaf.before), _with(after, leaf.path, leaf.after)
    form["change"] = _change(["delete" if drift.gone else "update"], before, None if drift.gone else after)
    form["x_planform"] = {"attributes": [leaf_json(leaf) for leaf in drift.leaves]}
    return form


def _with(value: Value, path: AttributePath, new: Value) -> Value:
    """The value with another one at `path`."""
    if not path:
        return new
    if isinstance(value, list) and isinstance(path[0], int):
        return [_with(item, path[1:], new) if index == path[0] else item for index, item in enumerate(value)]
    inner = value if isinstance(value, dict) else {}
    return {**inner, path[0]: _with(inner.get(path[0]), path[1:], new)}


def _configuration(plan: Plan) -> dict[str, Any]:
    """The configuration as the plan describes it, with every provider that makes something."""
    form = dict(plan.described.get("configuration", {"root_module": {}}))
    used = {change.provider: {"name": provider_kind(change.provider)} for change in plan.changes if change.provider}
    providers = {**used, **form.get("provider_config", {})}
    form["provider_config"] = {
        key: {**value, "full_name": provider_name(key)} for key, value in sorted(providers.items())
    }
    return form


def _checks(results: Iterable[CheckResult]) -> list[dict[str, Any]]:
    """One element for each resource, check or variable with conditions, its instances inside."""
    found: dict[str, dict[str, list[CheckResult]]] = {}
    for result in results:
        group = str(parse_address(result.address).resource) if result.kind == "resource" else result.address
        found.setdefault(group, {}).setdefault(result.address, []).append(result)
    return [
        {
            "address": _check_address(next(iter(instances.values()))[0]),
            "status": _worst(item for items in instances.values() for item in items),
            "instances": [_check_instance(address, items) for address, items in instances.items()],
        }
        for _, instances in sorted(found.items())
    ]


def _check_address(result: CheckResult) -> dict[str, Any]:
    if result.kind != "resource":
        name = result.address.rpartition(".")[2]
        return {"kind": result.kind, "name": name, "to_display": result.address}
    address = parse_address(result.address)
    form = {"kind": "resource", "mode": address.mode, "type": address.type, "name": address.name}
    module = {"module": module_text(address.module)} if address.module else {}
    return {**form, **module, "to_display": str(address._replace(key=None))}


def _check_instance(address: str, results: list[CheckResult]) -> dict[str, Any]:
    where: dict[str, Any] = {"to_display": address}
    key = parse_address(address).key if results[0].kind == "resource" else None
    if key is not None:
        where["instance_key"] = key
    form: dict[str, Any] = {"address": where, "status": _worst(results)}
    problems = [{"message": text} for result in results for text in result.problems]
    return {**form, "problems": problems} if problems else form


def _worst(results: Iterable[CheckResult]) -> str:
    return min((result.status for result in results), key=("fail", "unknown", "pass").index)
