"""A plan as a comment on a pull request: the summary, what is destroyed first, then the rest as room allows."""

from __future__ import annotations

import re
from collections.abc import Iterable

from planform.core.plan import Change, Plan
from planform.render.diagnostics import diagnostics_text
from planform.render.guards import guards_markdown
from planform.render.headlines import headline, shared_notes
from planform.render.plan_full import attribute_lines, remarks
from planform.render.plan_text import drift_section, outputs_section
from planform.render.rows import place_text
from planform.render.style import PLAIN, Style, count
from planform.render.tally import Kind, kind_of, summary

# The most important first; what is not here changes nothing.
_ORDER: tuple[Kind, ...] = (
    *("delete", "replace", "forget", "update", "run", "reuse"),
    *("held", "in_progress", "create", "import", "moved", "read"),
)
# What GitHub colours in a block of differences: + green, - red, ! orange.
_SIGNS: dict[Kind, str] = {
    "create": "+", "delete": "-", "replace": "-/+", "forget": "-", "update": "!", "run": "+", "held": "!",
}  # fmt: skip
_WIDTH = Style(width=110)
# Room for tags and the remark on what was left out; and for the fence around each text.
_FRAME, _FENCE = 240, 12


def markdown(plan: Plan, limit: int = 0) -> str:
    """GitHub's Markdown. With a limit in characters, what matters least is left out, and counted."""
    changes = sorted((change for change in plan.changes if kind_of(change) in _ORDER), key=_importance)
    head = f"### planform plan: {plan.name}, workspace {plan.workspace}\n\n**{summary(plan)}**\n"
    head += guards_markdown(plan)
    if plan.targeted:
        head += "\nOnly a part is planned: what `--target` and `--exclude` leave.\n"
    budget = _Budget(limit - len(head) - _FRAME if limit else None)
    lines = budget.take(_line(change) for change in changes)
    warnings = budget.take([diagnostics_text([item], PLAIN).rstrip("\n") for item in plan.warnings])
    sections = budget.take(filter(None, [drift_section(plan, _WIDTH), outputs_section(plan.outputs, _WIDTH)]))
    trees = budget.take(_tree(change) for change in changes)
    notes = budget.take(f"- {_plain(note)}\n" for note in shared_notes(plan))
    parts = [head, _fenced(lines, "diff")]
    parts += [_fenced([text]) for text in (*warnings, *sections)]
    if trees:
        body = _fenced(trees, "diff", "\n\n")
        parts.append(f"<details><summary>{count(len(trees), 'change')} in full</summary>\n\n{body}\n</details>\n")
    parts.append("".join(notes))
    if budget.left_out:
        parts.append(f"*{count(budget.left_out, 'part')} left out for length; `planform show --full` prints all.*\n")
    return "\n".join(filter(None, parts))


class _Budget:
    """How many characters are left; once something does not fit, nothing of less importance is taken either."""

    def __init__(self, room: int | None) -> None:
        self.room, self.left_out = room, 0

    def take(self, texts: Iterable[str]) -> list[str]:
        taken: list[str] = []
        for text in texts:
            if self.room is not None:
                self.room -= len(text) + _FENCE
                if self.room < 0:
                    self.left_out += 1
                    continue
            taken.append(text)
        return taken


def _importance(change: Change) -> int:
    return _ORDER.index(kind_of(change))


def _line(change: Change) -> str:
    place = f"  # {place_text(change.span)}" if change.span else ""
    return f"{_SIGNS.get(kind_of(change), '#'):<3} {change.address}  {headline(change, 80)}{place}"


def _tree(change: Change) -> str:
    """The change in full, each sign at the beginning of its line."""
    lines = [f"{_SIGNS.get(kind_of(change), '#'):<3} {change.address}"]
    lines += [f"    # {remark}" for remark in remarks(change)]
    lines += [f"{'!' if sign == '~' else sign}   {'  ' * depth}{text}" for sign, depth, text in attribute_lines(change)]
    return "\n".join(lines)


def _fenced(texts: Iterable[str], language: str = "", between: str = "\n") -> str:
    """The texts in a code block whose fence is longer than any run of backticks inside."""
    body = between.join(texts)
    if not body:
        return ""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", body)), 3)
    return f"{fence}{language}\n{body}\n{fence}\n"


def _plain(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    return re.sub(r"([\\`*_<>\[\]|~])", r"\\\1", text)
