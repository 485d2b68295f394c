"""Version constraints, as Terraform writes them: `>= 0.1, < 2`, `~> 1.4`."""

from __future__ import annotations

import re

_CONSTRAINT = re.compile(r"\s*(>=|<=|!=|~>|>|<|=)?\s*v?(\d+(?:\.\d+)*)\s*")
_LEADING = re.compile(r"\d+(?:\.\d+)*")


def allows(constraints: str, version: str) -> bool:
    """Whether `version` fits all of the comma-separated constraints.

    Raises:
        ValueError: a constraint cannot be read.
    """
    found = _LEADING.match(version)
    have = _numbers(found.group() if found else "0")
    return all(_fits(part, have) for part in constraints.split(","))


def _fits(constraint: str, have: tuple[int, ...]) -> bool:
    found = _CONSTRAINT.fullmatch(constraint)
    if found is None:
        raise ValueError(f'"{constraint.strip()}" is not a version constraint.')
    given = found[2].count(".") + 1
    wanted = _numbers(found[2])
    match found[1]:
        case ">=":
            return have >= wanted
        case "<=":
            return have <= wanted
        case "!=":
            return have != wanted
        case ">":
            return have > wanted
        case "<":
            return have < wanted
        case "~>":
            # The last number given may grow, those before it may not.
            fixed = max(1, given - 1)
            return have >= wanted and have[:fixed] == wanted[:fixed]
        case _:
            return have == wanted


def _numbers(text: str) -> tuple[int, ...]:
    parts = [int(part) for part in text.split(".")]
    return tuple(parts + [0] * (4 - len(parts)))
