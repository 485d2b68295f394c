"""What holds for every configuration: apply makes the plan empty, saved or not, in whatever order it is written."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

from hypothesis import given

from planform.core.plan import Plan
from planform.core.statefile import state_text
from planform.project import Options
from planform.render.plan_text import concise
from planform.saved import open_saved, read_plan, write_plan
from tests.properties.configurations import EXAMPLES, Files, configurations, folder_of, project_in, put


def applied(folder: Path, *, destroy: bool = False) -> Plan:
    project = project_in(folder)
    plan = project.plan(destroy=destroy)
    outcome = project.apply(plan)
    assert outcome.ok, outcome.failures
    return plan


@given(first=configurations(), second=configurations())
@EXAMPLES
def test_after_apply_the_plan_is_empty(first: Files, second: Files) -> None:
    with folder_of(first) as folder:
        applied(folder)
        again = project_in(folder).plan()
        assert again.is_empty, concise(again)
        put(folder, second)
        applied(folder)
        again = project_in(folder).plan()
        assert again.is_empty, concise(again)
        applied(folder, destroy=True)
        assert project_in(folder).snapshot().state.records == {}


@given(first=configurations(), second=configurations())
@EXAMPLES
def test_a_saved_plan_does_what_apply_does(first: Files, second: Files) -> None:
    with folder_of(first) as folder, folder_of(first) as other:
        for files in (first, second):
            put(folder, files)
            put(other, files)
            applied(folder)
            write_plan(project_in(other).plan(), other / "p.pfplan")
            plan = read_plan(other / "p.pfplan")
            assert open_saved(plan, Options(other)).apply(plan).ok
        assert recorded(folder) == recorded(other)


def recorded(folder: Path) -> str:
    """The state, without what is made up anew each time."""
    state = project_in(folder).snapshot().state
    text = state_text(state._replace(lineage="", salt="", serial=0, written_at=""))
    return re.sub(r'"\$sealed": "[^"]*"', "sealed", re.sub(r"[0-9a-f]{32,64}", "id", text))


@given(files=configurations())
@EXAMPLES
def test_the_order_of_what_is_written_means_nothing(files: Files) -> None:
    with folder_of(files) as folder:
        before = meaning(project_in(folder).plan())
        put(folder, shuffled(files, random.Random(7)))
        assert meaning(project_in(folder).plan()) == before


def meaning(plan: Plan) -> object:
    steps = {(str(step.address), step.verb, step.gate, frozenset(step.after)) for step in plan.steps}
    changes = {str(change.address): (change.action, change.before, change.after) for change in plan.changes}
    # Each first plan mints a salt, and with it other digests of what is sensitive.
    return steps, changes, {item.name: item.sensitive or item.after for item in plan.outputs}


def shuffled(files: Files, order: random.Random) -> Files:
    """The same blocks in another order, those of the root module in two files."""
    found: dict[str, Any] = {}
    for name, document in files.items():
        mixed = _shuffled(document, order)
        if name == "main.pf.yaml":
            half = {key: mixed.pop(key) for key in list(mixed)[::2]}
            found["zebra.pf.yaml"] = half
        found[name] = mixed
    return found


def _shuffled(value: Any, order: random.Random) -> Any:
    if not isinstance(value, dict):
        return value
    keys = list(value)
    order.shuffle(keys)
    return {key: _shuffled(value[key], order) for key in keys}
