"""Hyperparameters as a script gets them: decoded, and as command-line arguments."""

from __future__ import annotations

import json
import math
from typing import Any

# What SageMaker adds to the hyperparameters of a tuning job's training jobs, or planform so that they start at all.
OF_THE_SERVICE = ("_tuning_objective_metric", "sagemaker_program", "sagemaker_submit_directory")


def decode(text: str) -> Any:
    """The value that a hyperparameter's text spells in JSON, else the text."""
    try:
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError):
        return text


def text_of(value: Any) -> str:
    """A decoded value as text: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def arguments(hyperparameters: dict[str, Any]) -> list[str]:
    """`--name value`, always two arguments, in the order of the file."""
    return [token for name, value in hyperparameters.items() for token in (f"--{name}", text_of(value))]


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):  # no JSON; it stays text
        raise ValueError(text)
    return number
