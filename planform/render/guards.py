"""What guards a plan, in words: what its runs may cost, limits, checks and policies; and why apply refuses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from planform.core.errors import Diagnostic
from planform.core.guards import Finding, Limit
from planform.core.plan import Plan, RunPlan
from planform.render.style import Style, count, elide, wrap
from planform.render.tally import hours_text, kind_of, money_text, tally


def tells_cost(run: RunPlan) -> bool:
    """Whether the cost of a run says more than the sum of all does: money, a change, or that nothing is known."""
    return bool(run.usd or run.unpriced or run.unsized) or run.hours_before not in (None, run.instance_hours)


def cost_text(run: RunPlan) -> str:
    """`at most 0.5 -> 1 instance-hour, $0.12 -> $0.23`."""
    if run.unsized:
        return f"without a bound: {run.unsized}"
    before = run.hours_before
    text = f"at most {hours_text(run.instance_hours)}"
    if before is not None and before != run.instance_hours:
        text = f"at most {hours_text(before).partition(' ')[0]} -> {hours_text(run.instance_hours)}"
    if run.usd:
        was = run.usd_before
        text += f", {money_text(was)} -> " if was is not None and was != run.usd else ", "
        text += money_text(run.usd) + ", spot at the price on demand" * run.at_on_demand
    return ", ".join([text, *run.unpriced])


def amount_text(limit: Limit, value: float) -> str:
    """A value of a limit in its unit."""
    match limit.name:
        case "max_cost_usd":
            return money_text(value)
        case "max_instance_hours":
            return hours_text(value)
        case "max_new_runs":
            return count(int(value), "new run")
        case "max_destroy":
            return f"{int(value)} to destroy"


def over_text(limit: Limit) -> str:
    """`$3.84 and 1 run without a bound, allowed is $1.00`."""
    reached = [amount_text(limit, limit.value)] if limit.value or not limit.open else []
    reached += [f"{count(len(limit.open), 'run')} without a bound"] * bool(limit.open)
    maximum = limit.maximum
    allowed = money_text(maximum) if limit.name == "max_cost_usd" else hours_text(maximum).partition(" ")[0]
    return f"{' and '.join(reached)}, allowed is {allowed}"


def contributors(limit: Limit) -> Iterator[str]:
    """The addresses that matter most: what nothing bounds, then what contributes most."""
    yield from (f"{address}: {why}" for address, why in limit.open[:3])
    if len(limit.open) > 3:
        yield f"{len(limit.open) - 3} more without a bound"
    counted = limit.name in ("max_new_runs", "max_destroy")
    yield from (address if counted else f"{address} {amount_text(limit, value)}" for address, value in limit.largest)


def guards_sections(plan: Plan, style: Style) -> Iterator[str]:
    """Below every form of a plan: its checks, what policies say, and the limits that it is over."""
    yield _checks(plan)
    yield from verdicts(plan, style)


def verdicts(plan: Plan, style: Style) -> Iterator[str]:
    """What policies say of a plan, the limits that it is over, and what becomes of it."""
    for kind, title, hue in (("warn", "Policies warn:", "yellow"), ("deny", "Policies deny this plan:", "red")):
        found = [item for item in plan.findings if item.kind == kind]
        if found:
            yield "\n".join(
                [style.paint(title, "bold", hue), *(wrap(finding_text(item), style.width - 2, "  ") for item in found)]
            )
    for limit in plan.exceeded:
        accepted = limit.name in plan.accepted
        head = f"Over {limit.name}{', accepted' * accepted}: {over_text(limit)}"
        lines = [
            style.paint(head, "bold", "yellow" if accepted else "red") + f"  ({limit.span.file}:{limit.span.line})"
        ]
        yield "\n".join([*lines, *(f"    {text}" for text in contributors(limit))])
    if plan.is_refused:
        yield style.paint(wrap(verdict(plan), style.width), "bold", "red")


def verdict(plan: Plan) -> str:
    """What a plan that is refused needs: a sentence."""
    if plan.denials:
        return "Apply refuses this plan: a policy denies it."
    names = [limit.name for limit in plan.exceeded if limit.name not in plan.accepted]
    return f"Apply refuses this plan without {' '.join(f'--accept-limit {name}' for name in names)}."


def finding_text(finding: Finding) -> str:
    """`policy/cost.rego: trainer.a: no p5 here`."""
    return ": ".join(filter(None, (finding.file, finding.address, finding.message)))


def _checks(plan: Plan) -> str:
    """How the `check` blocks came out."""
    statuses = [result.status for result in plan.checks if result.kind == "check"]
    words = {"pass": "passed", "fail": "failed", "unknown": "known after apply"}
    parts = [f"{statuses.count(status)} {word}" for status, word in words.items() if status in statuses]
    return f"Checks: {', '.join(parts)}." if parts else ""


def refusals(plan: Plan) -> list[Diagnostic]:
    """Why apply does not take the plan; nothing when it does."""
    texts = {source.path: source.text.splitlines() for source in plan.sources}
    found = []
    for limit in plan.exceeded:
        if limit.name in plan.accepted:
            continue
        lines = texts.get(limit.span.file, [])
        largest = "; ".join(contributors(limit))
        found.append(
            Diagnostic(
                f"This plan is over {limit.name}: {over_text(limit)}.",
                f"The most of it: {largest}." if largest else "",
                limit.span,
                lines[limit.span.line - 1] if limit.span.line <= len(lines) else "",
                f"{_way_out(limit)}Plan less, or accept it: --accept-limit {limit.name}",
            )
        )
    for finding in plan.denials:
        found.append(
            Diagnostic(
                f"A policy denies this plan: {finding.message}",
                f"The rule is in {finding.file}.",
                address=finding.address,
                suggestion="Change what it objects to, then plan again; a denial cannot be accepted.",
            )
        )
    return found


def _way_out(limit: Limit) -> str:
    priced = limit.name == "max_cost_usd" and any("price" in why for _, why in limit.open)
    return "To look up prices: planform prices refresh. " if priced else ""


def guards_markdown(plan: Plan) -> str:
    """The part of a pull request's comment that stays whatever its length: limits exceeded and policies, or nothing."""
    lines = []
    for limit in plan.exceeded:
        mark = "accepted" if limit.name in plan.accepted else "**over the limit**"
        lines.append(f"- `{limit.name}` `{limit.span.file}:{limit.span.line}`: {over_text(limit)}: {mark}")
        lines += [f"  - {_code(text)}" for text in contributors(limit)]
    words = {"deny": "**denied by policy**", "warn": "policy warns"}
    lines += [f"- {words[item.kind]}: {_code(finding_text(item))}" for item in plan.findings[:20]]
    if len(plan.findings) > 20:
        lines.append(f"- and {len(plan.findings) - 20} more findings of policies")
    checks = _checks(plan)
    lines += [f"- {checks}"] * bool(checks)
    if plan.is_refused:
        lines += ["", f"**{verdict(plan)}**"]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def _code(text: str) -> str:
    """Text of others as code of Markdown, on one line that is not endless."""
    line = elide(" ".join(text.split()), 300)
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def guards_json(plan: Plan) -> dict[str, Any]:
    """Members of `x_planform`: cost, limits and policies, each where there is something to say."""
    numbers = tally(plan.changes)
    form: dict[str, Any] = {}
    if numbers.run:
        runs = [change.run for change in plan.changes if change.run is not None and kind_of(change) == "run"]
        form["cost"] = {
            "instance_hours": round(numbers.instance_hours, 6),
            "instance_hours_before": round(sum(run.hours_before or 0.0 for run in runs), 6),
            "unbounded_runs": numbers.unsized,
        }
        if plan.prices_as_of:
            form["cost"] |= {
                "currency": "USD",
                "prices_as_of": plan.prices_as_of,
                "usd": round(numbers.usd, 6),
                "usd_before": round(sum(run.usd_before or 0.0 for run in runs), 6),
                "unpriced_runs": numbers.unpriced,
            }
    if plan.limits:
        form["limits"] = [_limit_json(limit, limit.name in plan.accepted) for limit in plan.limits]
    if plan.policies:
        form["policies"] = {
            "files": {name: plan.files.get(name, "") for name in plan.policies},
            **{kind: [_finding_json(item) for item in plan.findings if item.kind == kind] for kind in ("deny", "warn")},
        }
    return form


def _limit_json(limit: Limit, accepted: bool) -> dict[str, Any]:
    return {
        "name": limit.name,
        "maximum": limit.maximum,
        "value": round(limit.value, 6),
        "exceeded": limit.is_exceeded,
        "accepted": accepted,
        "range": str(limit.span),
        "largest": [{"address": address, "value": value} for address, value in limit.largest],
        "unbounded": [{"address": address, "reason": why} for address, why in limit.open],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    form = {"message": finding.message, "address": finding.address, "file": finding.file}
    return {name: text for name, text in form.items() if text}
