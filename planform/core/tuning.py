"""The training jobs of a tuning job are of one definition, or of several that have names."""

from __future__ import annotations

from typing import NamedTuple

from planform.core.values import AttributePath, Object, Sensitive, Value

DEFINITIONS = "training_job_definitions"


class Definition(NamedTuple):
    """What is trained, what is searched for, and in which ranges: {trainer, objective, parameter_ranges}."""

    name: str  # empty: the only one
    path: AttributePath  # where it stands in the tuning job
    body: Object

    @property
    def trainer(self) -> Object:
        return self.part("trainer")

    def part(self, name: str) -> Object:
        """A part of it; an empty one while it is unset or unknown."""
        return _object(self.body.get(name))


def is_tuning(desired: Object) -> bool:
    """Whether a definition of runs is that of a tuning job."""
    return "trainer" in desired or DEFINITIONS in desired


def definitions_of(tuning: Object) -> tuple[Definition, ...]:
    """The definitions of a tuning job in their order; none while they are unknown."""
    if tuning.get(DEFINITIONS) is None:
        return (Definition("", (), tuning),)
    several = _object(tuning[DEFINITIONS])
    return tuple(Definition(name, (DEFINITIONS, name), _object(body)) for name, body in several.items())


def _object(value: Value) -> Object:
    value = value.value if isinstance(value, Sensitive) else value
    return value if isinstance(value, dict) else {}
