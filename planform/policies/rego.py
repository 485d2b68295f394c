"""Policies in Rego over the JSON of a plan, in this process: the rules `deny` and `warn` of `package planform`.

The interpreter, regopy, is an extra package and loaded only where there are policies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from planform.core.errors import Diagnosed, Diagnostic, PlanformError, Span
from planform.core.guards import Finding

Kind: TypeAlias = Literal["deny", "warn"]
KINDS: tuple[Kind, ...] = ("deny", "warn")
_PACKAGE = re.compile(r"^\s*package\s+planform\s*(#.*)?$", re.MULTILINE)
_PLACE = re.compile(r"\(error \d+:(?P<file>.*?)\|(?P<start>\d+)\|\d+\s*\(errormsg \d+:(?P<what>[^\n]*?)\)\s", re.DOTALL)


def judge(policies: Mapping[str, str], plan: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What policies (name of the file -> text) say of a plan in its JSON form.

    Raises:
        PlanformError: regopy is not installed, or a policy cannot be evaluated.
    """
    if not any(_rules(kind).search(text) for kind in KINDS for text in _own(policies).values()):
        raise PlanformError(
            "These policies say nothing of plans.",
            f"No rule deny or warn stands in `package planform` in {', '.join(policies)}.",
            "Begin the file with `package planform`, and write rules: deny contains msg if { ... }",
        )
    said = _evaluated(policies, plan)
    return tuple(
        Finding(kind, message, _origin(kind, (message, address), policies, plan), address)
        for kind in KINDS
        for message, address in _messages(said.get(kind), kind)
    )


def _evaluated(policies: Mapping[str, str], plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """The package `planform` with its rules evaluated.

    Raises:
        PlanformError: regopy is not installed, or a policy cannot be evaluated.
    """
    try:
        from regopy import Interpreter, LogLevel, RegoError
    except ImportError:
        raise PlanformError("Policies need the package regopy.", suggestion="pip install 'planform[policy]'") from None
    interpreter = Interpreter()
    interpreter.log_level = LogLevel.NONE
    try:
        for name, text in policies.items():
            interpreter.add_module(name, text)
        # As a term, not by set_input: only then quotes inside are what they are in the policies, and in the answer.
        interpreter.set_input_term(json.dumps(plan, ensure_ascii=False))
        results = interpreter.query("data.planform").results
    except RegoError as error:
        raise Diagnosed(_problems(str(error), policies)) from None
    except json.JSONDecodeError:
        raise _unevaluated(policies, "A rule calls a function, or names a package, that does not exist.") from None
    if not results:
        raise _unevaluated(
            policies, "Rules of one name contradict each other, such as `deny contains` and `deny[msg]`."
        )
    found: dict[str, Any] = results[0].expressions[0]
    return found


def _unevaluated(policies: Mapping[str, str], why: str) -> PlanformError:
    what = f"The policies in {', '.join(policies)} cannot be evaluated."
    return PlanformError(what, why, "To find the place: opa check FILE")


def _problems(text: str, policies: Mapping[str, str]) -> list[Diagnostic]:
    """The errors of the interpreter, at their places."""
    found = []
    for match in _PLACE.finditer(text):
        source = policies.get(match["file"], "")
        start = int(match["start"])
        line, column = source.count("\n", 0, start) + 1, start - source.rfind("\n", 0, start)
        lines = source.splitlines()
        found.append(
            Diagnostic(
                "A policy cannot be read",
                f"{match['what']}.",
                Span(match["file"], line, column),
                lines[line - 1] if line <= len(lines) else "",
            )
        )
    return found or [Diagnostic("A policy cannot be read", text)]


def _messages(value: Any, kind: Kind) -> list[tuple[str, str]]:
    """Message and address of each element: of a set or list, of the keys of `{text: true}`, or of one alone.

    Raises:
        PlanformError: an element is no text and no object with `msg`.
    """
    if isinstance(value, dict) and "msg" not in value and all(item is True for item in value.values()):
        value = list(value)
    items = value if isinstance(value, list) else [] if value is None else [value]
    found = []
    for item in items:
        message = item.get("msg") if isinstance(item, dict) else item
        address = item.get("address", "") if isinstance(item, dict) else ""
        if not isinstance(message, str) or not isinstance(address, str):
            raise PlanformError(
                f"A policy's rule {kind} gives {item!r}.",
                "Each of its elements is a text, or an object with `msg` and, if it is about a resource, `address`.",
            )
        found.append((message, address))
    return found


def _origin(kind: Kind, said: tuple[str, str], policies: Mapping[str, str], plan: Mapping[str, Any]) -> str:
    """The files whose rule says it: those without which it is not said."""
    candidates = [name for name, text in _own(policies).items() if _rules(kind).search(text)]
    if len(candidates) > 1:
        needed = [name for name in candidates if not _says(kind, said, policies, plan, without=name)]
        candidates = needed or candidates
    return ", ".join(candidates)


def _says(
    kind: Kind, said: tuple[str, str], policies: Mapping[str, str], plan: Mapping[str, Any], *, without: str
) -> bool:
    try:
        rest = _evaluated({name: text for name, text in policies.items() if name != without}, plan)
        return said in _messages(rest.get(kind), kind)
    except PlanformError:  # others need what this file defines
        return True


def _own(policies: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in policies.items() if _PACKAGE.search(text)}


def _rules(kind: Kind) -> re.Pattern[str]:
    return re.compile(rf"^\s*(default\s+)?{kind}\b", re.MULTILINE)
