"""What must hold: preconditions before an object is planned or made, postconditions after, checks at the end.

A condition that is not known at plan is looked at again by apply.
"""

from __future__ import annotations

from typing import Literal

from planform.core.addresses import module_text
from planform.core.configuration import Configuration, Instance
from planform.core.errors import Diagnostic, Problems
from planform.core.plan import CheckResult, Status
from planform.core.values import Object
from planform.language.scope import Evaluation, Verdict


def check_before(evaluation: Evaluation, instance: Instance, problems: Problems) -> list[CheckResult]:
    """Preconditions that do not hold become problems."""
    conditions = instance.block.lifecycle.preconditions
    if not conditions:
        return []
    summary = "Resource precondition failed"
    verdict = evaluation.failing(conditions, instance.block.place, summary, instance=instance)
    return [_result("resource", str(instance.address), verdict, problems)]


def check_after(
    evaluation: Evaluation, instance: Instance, item: Object | None, problems: Problems
) -> list[CheckResult]:
    """Postconditions that do not hold become problems; `self` is the object."""
    conditions = instance.block.lifecycle.postconditions
    if not conditions or item is None:
        return []
    summary = "Resource postcondition failed"
    verdict = evaluation.failing(conditions, instance.block.place, summary, instance=instance, itself=item)
    return [_result("resource", str(instance.address), verdict, problems)]


def run_checks(configuration: Configuration, evaluation: Evaluation, problems: Problems) -> list[CheckResult]:
    """The `check` blocks; assertions that do not hold become warnings."""
    results = []
    for check in configuration.checks:
        summary = f'Check "{check.name}" failed'
        verdict = evaluation.failing(check.asserts, check.place, summary, module=check.module, warning=True)
        prefix = f"{module_text(check.module)}." if check.module else ""
        results.append(_result("check", f"{prefix}check.{check.name}", verdict, problems))
    return results


def failing_checks(configuration: Configuration, evaluation: Evaluation) -> list[Diagnostic]:
    """Warnings of the `check` blocks whose assertions do not hold."""
    problems = Problems()
    run_checks(configuration, evaluation, problems)
    return problems.items


def _result(kind: Literal["resource", "check"], address: str, verdict: Verdict, problems: Problems) -> CheckResult:
    problems.items += verdict.said
    status: Status = "fail" if verdict.said else "unknown" if verdict.is_open else "pass"
    return CheckResult(kind, address, status, tuple(item.detail for item in verdict.said))
