"""Hyperparameters between a configuration and a script: all travel as text, and text that is JSON arrives decoded."""

from __future__ import annotations

import json
import math

from planform.core.values import Sensitive, Value


def wire_text(value: Value) -> str:
    """The text a hyperparameter travels as: a string unchanged, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def decode(value: Value) -> Value:
    """What a script sees of a hyperparameter: "1.0" arrives as a number, "true" as a bool, "007" as text."""
    if isinstance(value, Sensitive):
        return Sensitive(decode(value.value))
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # NaN equals nothing, not even itself, and is no JSON: it stays text
        raise ValueError(text)
    return number
