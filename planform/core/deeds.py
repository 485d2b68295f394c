"""What a plan does, apart from when, by which serial and by which lines of which files.

From it come the id of a plan, and the answer whether two plans do the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from planform.core.differences import differing_leaves
from planform.core.plan import Action, Change, Plan, RunPlan
from planform.core.secrets import Seal, sealed, sealer
from planform.core.state import Run, run_attributes
from planform.core.values import AttributePath, Object, Unknown, Value, decode, encode, is_wholly_known, leaves

# What is done -> the text of it; equal texts are equal deeds.
Deeds: TypeAlias = Mapping[str, str]

_ENCODER = json.JSONEncoder(sort_keys=True)  # one for all: making one takes longer than a deed
_SEALED = re.compile(r'"\$sealed": "[0-9a-f]+"')
_NAMES = re.compile(r"(?<![a-z0-9])(?:[a-z2-7]{8}|[0-9a-f]{64})(?![a-z0-9])")
# What a run reads, as components of its definition; all other components stand in the trainer itself.
_CONTENTS = ("source", "input_data.", "distributed.")
# What a trainer exports follows from its run.
_EXPORTED = frozenset(run_attributes(Run("", "", 0, "", {}, "", "", "", "")))


class Part(NamedTuple):
    """What differs inside of something that two plans do otherwise; absent is None."""

    path: AttributePath  # begins with "after", "before", "action", "run" ...
    reviewed: Value
    now: Value


class Difference(NamedTuple):
    """Something that a plan does and the reviewed one does not, or does otherwise."""

    what: str  # an address, "output NAME", "provider NAME", or "expressions"
    how: Literal["added", "changed"]
    parts: tuple[Part, ...] = ()


def plan_id(plan: Plan) -> str:
    """The first ten digits of the digest of all that a plan does.

    A first plan mints a lineage and a salt, and with them the names of jobs and the digests of secrets: those are left
    out then, so that the same plan made twice has one id.
    """
    found = deeds(plan)
    if plan.fresh:
        found = {what: _SEALED.sub("SEALED", text) for what, text in _without_lineage(found, plan).items()}
    digest = hashlib.sha256(json.dumps([plan.name, plan.workspace, plan.destroy, plan.refresh_only]).encode())
    for what in sorted(found):
        digest.update(f"{len(what)} {len(found[what])} {what}{found[what]}".encode())
    return digest.hexdigest()[:10]


def deeds(plan: Plan, gates: Collection[str] | None = None) -> Deeds:
    """Everything that the plan does. Of what a step waits for only `gates` count; by default those that it opens."""
    seal = sealer(plan.salt)
    gates = {step.gate for step in plan.steps} if gates is None else gates
    steps: dict[str, list[Any]] = {}
    for step in plan.steps:
        waits = sorted(gate for gate in step.after if gate in gates)
        steps.setdefault(str(step.address), []).append([step.verb, waits, step.detached])
    done: dict[str, Any] = {address: {"steps": sorted(found)} for address, found in steps.items()}
    waiting = False
    for change in plan.changes:
        address = str(change.address)
        if change.does_something or address in done:
            done.setdefault(address, {}).update(_change(change, seal))
            waiting = waiting or _waits_for_others(change)
    for output in plan.outputs:
        if output.action is not Action.NO_OP:
            after = encode(sealed(output.after, seal, ("output", output.name)))
            done[f"output {output.name}"] = [output.action.value, after, output.sensitive]
    for old, new in plan.moves.items():
        done.setdefault(str(new), {})["moved"] = str(old)
    if waiting:
        # What becomes of a value that is not known yet is said by the files alone.
        done["expressions"] = hashlib.sha256(json.dumps(sorted(_expressions(plan))).encode()).hexdigest()
    return {what: _ENCODER.encode(deed) for what, deed in done.items()}


def differences(reviewed: Plan, plan: Plan) -> list[Difference]:
    """In what a plan does other than the reviewed one. What is no longer left to do is no difference."""
    gates = {step.gate for step in plan.steps}
    before, now = deeds(reviewed, gates), deeds(plan, gates)
    if reviewed.lineage != plan.lineage:
        # A first plan names jobs by a lineage of its own, which another first apply has replaced.
        before, now = _without_lineage(before, reviewed), _without_lineage(now, plan)
    found = [
        Difference(f"provider {name}", "changed", tuple(_parts(dict(reviewed.coordinates[name]), dict(where))))
        for name, where in plan.coordinates.items()
        if name in reviewed.coordinates and dict(reviewed.coordinates[name]) != dict(where)
    ]
    for what, text in now.items():
        if what not in before:
            found.append(Difference(what, "added"))
        elif before[what] != text:
            found.append(Difference(what, "changed", tuple(_parts(json.loads(before[what]), json.loads(text)))))
    return found


def _parts(reviewed: Value, now: Value) -> Iterator[Part]:
    yield from (Part(*leaf) for leaf in differing_leaves(decode(reviewed), decode(now)))


def _change(change: Change, seal: Seal) -> Object:
    run = change.run
    return {
        "action": change.action.value,
        "provider": change.provider,
        "before": _before(change, seal),
        "after": _after(change, seal),
        "importing": change.importing,
        "moved": str(change.moved_from or ""),
        "run": None if run is None else _run(run),
    }


def _run(run: RunPlan) -> Object:
    contents = {name: item for name, item in run.components.items() if name.startswith(_CONTENTS)}
    form = {"decision": run.decision, "number": run.number, "id": run.run_id, "definition": run.digest}
    return {**form, "stops": run.cancels, "contents": contents}


def _before(change: Change, seal: Seal) -> Any:
    """What a trainer exports of its run goes on changing until the run has ended; which run it is does not."""
    if change.before is None or change.action is Action.NO_OP:
        return None
    if change.run is not None:
        return {"run_number": change.before.get("run_number")}
    return encode(sealed(change.before, seal))


def _after(change: Change, seal: Seal) -> Any:
    if change.after is None or change.run is None:
        return encode(sealed(change.after, seal))
    return encode(sealed({name: item for name, item in change.after.items() if name not in _EXPORTED}, seal))


def _waits_for_others(change: Change) -> bool:
    """Whether a value of it is made of what only another resource's apply can tell."""
    if change.after is None or is_wholly_known(change.after):
        return False
    own = f"{change.address}."
    return any(isinstance(leaf, Unknown) and not leaf.origin.startswith(own) for leaf in leaves(change.after))


def _expressions(plan: Plan) -> Iterator[tuple[str, list[str]]]:
    for source in plan.sources:
        if source.path not in plan.private_sources:
            lines = (line.strip() for line in source.text.splitlines())
            yield source.path, [line for line in lines if line and not line.startswith("#")]
    for path, digest in plan.private_sources.items():
        yield path, [digest]


def _without_lineage(found: Deeds, plan: Plan) -> Deeds:
    """The deeds with what is named by the plan's lineage replaced: runs, their jobs, and their definitions, in which
    secrets count by digests."""
    runs = [change.run for change in plan.changes if change.run is not None]
    names = {run.run_id: "RUN" for run in runs} | {run.digest: "DEFINITION" for run in runs}

    def without(text: str) -> str:
        text = text.replace(plan.lineage, "LINEAGE")
        return _NAMES.sub(lambda name: names.get(name[0], name[0]), text) if names else text

    return {what: without(text) for what, text in found.items()}


__all__ = ["Deeds", "Difference", "Part", "deeds", "differences", "plan_id"]
