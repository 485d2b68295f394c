"""A root module that is gone: what it left behind, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from planform.core.abandoned import Abandoned, LeftState
from planform.core.errors import Diagnostic
from planform.render.diagnostics import diagnostic_text
from planform.render.style import count

MOST_SHOWN = 20


def abandoned_text(item: Abandoned, workspace: str) -> str:
    """An error, or in a sentence that nothing is left behind. `workspace`: of commands without -w."""
    if item.is_harmless:
        return f"This root module is gone. {' '.join(map(_nothing, item.states))}\n"
    number, uncertain = sum(len(state.addresses) for state in item.states), _is_uncertain(item)
    what = f"{count(number, 'resource')} still recorded in its state" if number else "what it left behind is not known"
    return diagnostic_text(
        Diagnostic(
            f"The root module {item.name} is gone: {what}.",
            "Nothing here manages what it made, and nothing takes it away."
            if not uncertain
            else "Its state cannot be read, and may hold resources that nothing manages any more.",
            values=(item.problem,) if item.problem else tuple(_values(item.states)),
            suggestion=_what_next(item, workspace),
        )
    )


def _is_uncertain(item: Abandoned) -> bool:
    return bool(item.problem) or any(state.problem for state in item.states)


def _nothing(state: LeftState) -> str:
    said = "holds nothing any more" if state.exists else "is not there"
    return f"Its state {state.location} (workspace {state.workspace}) {said}."


def _values(states: Sequence[LeftState]) -> Iterator[str]:
    for state in states:
        if state.problem or state.addresses:
            yield f"{state.location} (workspace {state.workspace})"
        if state.problem:
            yield f"    {state.problem}"
        yield from (f"    {address}" for address in state.addresses[:MOST_SHOWN])
        if len(state.addresses) > MOST_SHOWN:
            yield f"    ... {len(state.addresses) - MOST_SHOWN} more"
        if state.active:
            yield f"    {count(state.active, 'run')} of it still active"


def _what_next(item: Abandoned, workspace: str) -> str:
    place = shlex.quote(item.name)
    files = "':(glob)*.pf.yaml'" if item.name == "." else place
    there = "" if item.name == "." else f" --chdir {place}"
    full = [state.workspace for state in item.states if state.addresses or state.problem] or [workspace]
    words = [f"    planform{there}{'' if name == workspace else f' -w {name}'} destroy" for name in full]
    steps = [f"    git checkout {item.commit[:12]} -- {files}", *words]
    moved = [f"If {item.successor} has taken its place, let its backend name that state instead."]
    return "\n".join(
        [
            "Bring its files back, destroy what they made, and delete the files then:",
            *steps,
            *moved * bool(item.successor),
        ]
    )


def abandoned_json(item: Abandoned) -> dict[str, Any]:
    """As a value of a document, and of the index of saved plans."""
    states = [
        {
            "workspace": state.workspace,
            "location": state.location,
            "resources": list(state.addresses),
            "active_runs": state.active,
            "exists": state.exists,
            **({"error": state.problem} if state.problem else {}),
        }
        for state in item.states
    ]
    more = {"error": item.problem, "successor": item.successor}
    return {"commit": item.commit, "states": states, **{name: text for name, text in more.items() if text}}


def parse_abandoned(name: str, form: Mapping[str, Any]) -> Abandoned:
    """Raises KeyError or TypeError for what `abandoned_json` did not write."""
    states = tuple(
        LeftState(
            state["workspace"], state["location"], tuple(state["resources"]),
            state["active_runs"], state["exists"], state.get("error", ""),
        )
        for state in form["states"]
    )  # fmt: skip
    return Abandoned(name, form["commit"], states, form.get("error", ""), form.get("successor", ""))
