"""Plan files: one gzipped JSON document with a checksum. Nothing sensitive is in it in clear (S6.1)."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

from planform.core.addresses import parse_address
from planform.core.configuration import SourceFile
from planform.core.errors import Diagnostic, PlanformError, Span
from planform.core.guards import Finding, Limit
from planform.core.plan import Action, Change, CheckResult, Drift, Leaf, OutputChange, Plan, RunPlan, Step
from planform.core.secrets import Seal, sealed, sealer
from planform.core.statefile import parse_run, run_json
from planform.core.values import Value, decode, encode

FORMAT = 1


def plan_bytes(plan: Plan) -> bytes:
    """The file of a plan."""
    body = json.dumps(_plan_json(plan))
    checksum = hashlib.sha256(body.encode()).hexdigest()
    text = f'{{"kind": "planform plan", "format": {FORMAT}, "checksum": "{checksum}", "plan": {body}}}\n'
    return gzip.compress(text.encode(), compresslevel=3, mtime=0)


def parse_plan(data: bytes, where: str) -> Plan:
    """The plan in a file.

    Raises:
        PlanformError: it is not a plan file, or a damaged or a newer one.
    """
    again = "Make a new one: planform plan --out FILE"
    try:
        text = gzip.decompress(data).decode()
        document = json.loads(text)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise PlanformError(f"{where} is not a plan file.", f"It could not be read: {error}.", again) from None
    if not isinstance(document, dict) or document.get("kind") != "planform plan":
        raise PlanformError(f"{where} is not a plan file.", "It lacks the mark of one.", again)
    if document.get("format") != FORMAT:
        raise PlanformError(
            f"{where} has plan format {document.get('format')}; this planform reads format {FORMAT}.", suggestion=again
        )
    body = text[text.index('"plan": ') + len('"plan": ') : text.rindex("}")]
    if hashlib.sha256(body.encode()).hexdigest() != document["checksum"]:
        raise PlanformError(f"{where} was altered after it was made: its checksum does not fit.", suggestion=again)
    return _plan(document["plan"])


def _plan_json(plan: Plan) -> dict[str, Any]:
    seal = sealer(plan.salt)
    return {
        "id": plan.id,
        "planform_version": plan.planform_version,
        "created_at": plan.created_at,
        "name": plan.name,
        "workspace": plan.workspace,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "salt": plan.salt,
        "fresh": plan.fresh,
        "changes": [_change_json(change, seal) for change in plan.changes],
        "steps": [
            [step.id, str(step.address), step.verb, step.gate, list(step.after), step.detached] for step in plan.steps
        ],
        "outputs": [
            [o.name, encode(o.before), encode(sealed(o.after, seal, ("output", o.name))), o.sensitive]
            for o in plan.outputs
        ],
        "drift": [
            {"address": str(d.address), "gone": d.gone, "leaves": [_leaf_json(leaf, seal) for leaf in d.leaves]}
            for d in plan.drift
        ],
        "drift_unshown": plan.drift_unshown,
        "sources": [[s.path, s.text] for s in plan.sources if s.path not in plan.private_sources],
        "private_sources": dict(plan.private_sources),
        "variables": {name: encode(sealed(value, seal, ("variable", name))) for name, value in plan.variables.items()},
        "ephemeral": list(plan.ephemeral),
        "data": {str(a): encode(sealed(item, seal, ("data", str(a)))) for a, item in plan.data.items()},
        "files": dict(plan.files),
        "trees": dict(plan.trees),
        "records": {str(address): digest for address, digest in plan.records.items()},
        "coordinates": {name: dict(value) for name, value in plan.coordinates.items()},
        "dependencies": {name: list(value) for name, value in plan.dependencies.items()},
        "moves": [[str(old), str(new)] for old, new in plan.moves.items()],
        "targeted": plan.targeted,
        "refresh_only": plan.refresh_only,
        "destroy": plan.destroy,
        "checks": [[c.kind, c.address, c.status, list(c.problems)] for c in plan.checks],
        "prices_as_of": plan.prices_as_of,
        "limits": [
            [limit.name, limit.maximum, limit.value, _span_json(limit.span), _plain(limit.largest), _plain(limit.open)]
            for limit in plan.limits
        ],
        "accepted": list(plan.accepted),
        "policies": list(plan.policies),
        "findings": [list(finding) for finding in plan.findings],
        "described": dict(plan.described),
        "warnings": [[w.summary, w.detail, _span_json(w.span), w.suggestion] for w in plan.warnings],
    }


def _change_json(change: Change, seal: Seal) -> dict[str, Any]:
    form: dict[str, Any] = {"address": str(change.address), "action": change.action.value, "provider": change.provider}
    if change.before is not None and change.action is not Action.NO_OP:
        form["before"] = encode(sealed(change.before, seal))
    if change.after is not None:
        form["after"] = encode(sealed(change.after, seal))
    if change.span is not None:
        form["span"] = _span_json(change.span)
    if change.leaves:
        form["leaves"] = [_leaf_json(leaf, seal) for leaf in change.leaves]
    if change.reason:
        form["reason"] = change.reason
    if change.notes:
        form["notes"] = list(change.notes)
    if change.moved_from is not None:
        form["moved_from"] = str(change.moved_from)
    if change.importing:
        form["importing"] = change.importing
    if change.purpose:
        form["purpose"] = change.purpose
    if change.adopts is not None:
        form["adopts"] = run_json(change.adopts)
    if change.origins:
        form["origins"] = [[list(path), origin] for path, origin in change.origins.items()]
    if change.run is not None:
        form["run"] = {name: _plain(getattr(change.run, name)) for name in RunPlan._fields}
    return form


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [list(item) if isinstance(item, tuple) else item for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _leaf_json(leaf: Leaf, seal: Seal) -> list[Any]:
    return [
        list(leaf.path),
        encode(sealed(leaf.before, seal, leaf.path)),
        encode(sealed(leaf.after, seal, leaf.path)),
        _span_json(leaf.span),
        leaf.note,
    ]


def _span_json(span: Span | None) -> list[Any] | None:
    return [span.file, span.line, span.column, span.end_column] if span is not None else None


def _span(form: list[Any] | None) -> Span | None:
    return Span(*form) if form is not None else None


def _leaf(form: list[Any]) -> Leaf:
    return Leaf(tuple(form[0]), decode(form[1]), decode(form[2]), _span(form[3]), form[4])


def _pairs(form: list[list[Any]]) -> tuple[tuple[Any, Any], ...]:
    return tuple((first, second) for first, second in form)


def _change(form: dict[str, Any]) -> Change:
    action = Action(form["action"])
    after: Value = decode(form["after"]) if "after" in form else None
    before: Value = after if action is Action.NO_OP else decode(form.get("before"))
    run = form.get("run")
    if run is not None:
        lists = {name: tuple(run.get(name, ())) for name in ("moved", "unpriced")}
        run = RunPlan(**{**run, **lists, "largest": _pairs(run["largest"])})
    return Change(
        address=parse_address(form["address"]),
        action=action,
        before=before,
        after=after,
        provider=form["provider"],
        span=_span(form.get("span")),
        leaves=tuple(map(_leaf, form.get("leaves", ()))),
        reason=form.get("reason", ""),
        run=run,
        notes=tuple(form.get("notes", ())),
        moved_from=parse_address(form["moved_from"]) if "moved_from" in form else None,
        origins={tuple(path): origin for path, origin in form.get("origins", ())},
        importing=form.get("importing", ""),
        purpose=form.get("purpose", ""),
        adopts=parse_run(form["adopts"]) if "adopts" in form else None,
    )


def _plan(form: dict[str, Any]) -> Plan:
    return Plan(
        id=form["id"],
        planform_version=form["planform_version"],
        created_at=form["created_at"],
        name=form["name"],
        workspace=form["workspace"],
        lineage=form["lineage"],
        serial=form["serial"],
        salt=form["salt"],
        fresh=form["fresh"],
        changes=tuple(map(_change, form["changes"])),
        steps=tuple(Step(s[0], parse_address(s[1]), s[2], s[3], tuple(s[4]), s[5]) for s in form["steps"]),
        outputs=tuple(
            OutputChange(name, decode(before), decode(after), mark) for name, before, after, mark in form["outputs"]
        ),
        drift=tuple(
            Drift(parse_address(d["address"]), tuple(map(_leaf, d["leaves"])), d["gone"]) for d in form["drift"]
        ),
        drift_unshown=form["drift_unshown"],
        sources=tuple(SourceFile(path, text) for path, text in form["sources"]),
        private_sources=form["private_sources"],
        variables={name: decode(value) for name, value in form["variables"].items()},
        ephemeral=tuple(form["ephemeral"]),
        data={parse_address(text): decode(item) for text, item in form["data"].items()},
        files=form["files"],
        trees=form["trees"],
        records={parse_address(text): digest for text, digest in form["records"].items()},
        coordinates=form["coordinates"],
        dependencies={name: tuple(value) for name, value in form["dependencies"].items()},
        moves={parse_address(old): parse_address(new) for old, new in form["moves"]},
        targeted=form["targeted"],
        refresh_only=form["refresh_only"],
        destroy=form["destroy"],
        checks=tuple(CheckResult(kind, address, status, tuple(said)) for kind, address, status, said in form["checks"]),
        prices_as_of=form.get("prices_as_of", ""),
        limits=tuple(
            Limit(name, maximum, value, Span(*span), _pairs(largest), _pairs(unbounded))
            for name, maximum, value, span, largest, unbounded in form.get("limits", ())
        ),
        accepted=tuple(form.get("accepted", ())),
        policies=tuple(form.get("policies", ())),
        findings=tuple(Finding(*item) for item in form.get("findings", ())),
        described=form["described"],
        warnings=tuple(
            Diagnostic(w[0], w[1], _span(w[2]), suggestion=w[3], severity="warning") for w in form["warnings"]
        ),
    )
