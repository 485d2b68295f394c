"""Policies in Rego over the JSON of a plan, in this process: the rules `deny` and `warn` of `package planform`.

The interpreter, regopy, is an extra package and loaded only where there are policies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple, TypeAlias

from planform.core.errors import Diagnosed, Diagnostic, PlanformError, Span
from planform.core.guards import Finding

Kind: TypeAlias = Literal["deny", "warn"]
AFFORDABLE = 4_000_000  # characters of plans to read again; about two seconds
KINDS: tuple[Kind, ...] = ("deny", "warn")


class Said(NamedTuple):
    """One message of a rule."""

    kind: Kind
    message: str
    address: str


_PACKAGE = re.compile(r"^\s*package\s+planform\s*(#.*)?$", re.MULTILINE)
_PLACE = re.compile(r"\(error \d+:(?P<file>.*?)\|(?P<start>\d+)\|\d+\s*\(errormsg \d+:(?P<what>[^\n]*?)\)\s", re.DOTALL)


def judge(policies: Mapping[str, str], plan: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What policies (name of the file -> text) say of a plan in its JSON form.

    Raises:
        PlanformError: regopy is not installed, or a policy cannot be evaluated.
    """
    rules = {kind: [name for name, text in policies.items() if _has_rule(text, kind)] for kind in KINDS}
    if not any(rules.values()):
        raise PlanformError(
            "These policies say nothing of plans.",
            f"No rule deny or warn stands in `package planform` in {', '.join(policies)}.",
            "Begin the file with `package planform`, and write rules: deny contains msg if { ... }",
        )
    term = json.dumps(plan, ensure_ascii=False)
    said = _said(policies, term)

    @cache
    def without(name: str) -> frozenset[Said]:
        try:
            return frozenset(_said({other: text for other, text in policies.items() if other != name}, term))
        except PlanformError:  # others need what this file defines
            return frozenset(said)

    def origin(item: Said) -> str:
        """The files whose rules say it: those without which it is not said; in a plan so large that it would take too
        long to find out, all that may."""
        candidates = rules[item.kind]
        if not 1 < len(candidates) <= AFFORDABLE / len(term):
            return " or ".join(candidates)
        needed = [name for name in candidates if item not in without(name)]
        return ", ".join(needed) or " or ".join(candidates)

    return tuple(Finding(item.kind, item.message, origin(item), item.address) for item in said)


def _said(policies: Mapping[str, str], term: str) -> list[Said]:
    found = _evaluated(policies, term)
    return [item for kind in KINDS for item in _messages(found.get(kind), kind)]


def _evaluated(policies: Mapping[str, str], term: str) -> Mapping[str, Any]:
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
        # As a term: set_input rounds numbers, and takes quotes inside of text for other ones than those in policies.
        interpreter.set_input_term(term)
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


def _messages(value: Any, kind: Kind) -> list[Said]:
    """What each element says: of a set or list, of the keys of `{text: true}`, or of one alone.

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
        found.append(Said(kind, message, address))
    return found


def _has_rule(text: str, kind: Kind) -> bool:
    return bool(_PACKAGE.search(text) and re.search(rf"^\s*(default\s+)?{kind}\b", text, re.MULTILINE))
