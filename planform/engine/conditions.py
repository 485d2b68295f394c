"""What must hold: preconditions before an object is planned or made, postconditions after, checks at the end.

A condition that is not known at plan is looked at again by apply.
"""

from __future__ import annotations

from planform.core.configuration import Configuration, Instance
from planform.core.errors import Diagnostic, Problems
from planform.core.values import Object
from planform.language.scope import Evaluation


def check_before(evaluation: Evaluation, instance: Instance, problems: Problems) -> None:
    """Preconditions that do not hold become problems."""
    conditions = instance.block.lifecycle.preconditions
    if conditions:
        place = instance.block.place
        problems.items += evaluation.failing(conditions, place, "Resource precondition failed", instance=instance)


def check_after(evaluation: Evaluation, instance: Instance, item: Object | None, problems: Problems) -> None:
    """Postconditions that do not hold become problems; `self` is the object."""
    conditions = instance.block.lifecycle.postconditions
    if conditions and item is not None:
        place = instance.block.place
        problems.items += evaluation.failing(
            conditions, place, "Resource postcondition failed", instance=instance, itself=item
        )


def failing_checks(configuration: Configuration, evaluation: Evaluation) -> list[Diagnostic]:
    """Warnings of the `check` blocks whose assertions do not hold."""
    return [
        warning
        for check in configuration.checks
        for warning in evaluation.failing(
            check.asserts, check.place, f'Check "{check.name}" failed', module=check.module, warning=True
        )
    ]
