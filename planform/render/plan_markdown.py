"""A plan as a comment on a pull request: never longer than a comment may be, what matters most first and never cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from planform.core.errors import Diagnostic
from planform.core.plan import Change, Plan
from planform.core.values import Unknown
from planform.render.diagnostics import diagnostics_text
from planform.render.guards import guards_markdown
from planform.render.headlines import headline, previous_text, shared_notes
from planform.render.plan_full import lines_to_review, remarks
from planform.render.plan_text import drift_section, outputs_section
from planform.render.rows import place_text
from planform.render.style import PLAIN, Style, count, elide
from planform.render.tally import Kind, kind_of, summary
from planform.render.values import change_text, path_text

# What a comment on GitHub may have; GitLab takes more.
LIMIT = 65_536

# The most important first; what is not here changes nothing. Those that destroy or cost are always named.
_NAMED: tuple[Kind, ...] = ("delete", "replace", "run")
_ORDER: tuple[Kind, ...] = (
    *_NAMED,
    *("forget", "held", "update", "reuse", "create", "import", "moved", "in_progress", "read"),
)
# What GitHub and GitLab colour in a block of differences: + green, - red, ! orange.
_SIGNS: dict[Kind, str] = {
    "create": "+", "delete": "-", "replace": "-/+", "forget": "-", "update": "!", "run": "+", "held": "!",
}  # fmt: skip
_VERBS: dict[Kind, str] = {
    "delete": "destroy", "replace": "replace", "forget": "forget", "run": "new run", "update": "change", "held": "held",
    "reuse": "reuse", "create": "create", "import": "import", "moved": "move", "in_progress": "in progress",
    "read": "record",
}  # fmt: skip
_WIDTH = Style(width=110)
_LINE = 300  # a line of a tree that is longer says no more
_LEFT_OUT = "*{} left out for length: `planform show --full PLAN` prints all.*\n"


def marker(root: str, workspace: str) -> str:
    """The hidden line by which a comment is found again: one for each root module and workspace."""
    # Two hyphens would end the comment that it is in.
    return f"<!-- planform:{quote(root, safe='/:').replace('--', '-%2D')}:{workspace} -->"


def markdown(plan: Plan, limit: int = 0, root: str = ".") -> str:
    """Markdown of GitHub and GitLab in at most `limit` characters, by default those of a comment on GitHub.

    What matters least is left out, and counted: first the attributes of what is created, at last the addresses of what
    is. What is destroyed or replaced and what runs is named in any case, up to where the names alone fill the comment.
    `root` is the folder of the root module in its repository.
    """
    limit = min(limit or LIMIT, LIMIT)
    head = _head(plan, root)
    said = body(plan, limit - len(head) - 1)
    return f"{head}\n{said}" if said else head


def unplanned_markdown(problems: Sequence[Diagnostic], limit: int, root: str, workspace: str) -> str:
    """In place of a plan that cannot be made: what is wrong. It is found like the plan, and takes its place."""
    limit = min(limit or LIMIT, LIMIT)
    where = f"workspace {workspace}" + (f", in `{root}`" if root != "." else "")
    head = f"{marker(root, workspace)}\n### planform plan: {where}\n\n**There is no plan.**\n"
    said = diagnostics_text(problems, PLAIN).rstrip("\n")
    room = limit - len(head) - 200
    return f"{head}\n{fenced(said if len(said) <= room else said[:room].rstrip() + ' ...')}"


def body(plan: Plan, limit: int) -> str:
    """What stands below the summary, in at most `limit` characters."""
    changes = [] if plan.refresh_only else sorted(filter(_is_shown, plan.changes), key=_importance)
    room = _Room(limit - len(_LEFT_OUT) - 30)
    parts = [_list(changes, room)]
    parts += [fenced(room.cut(diagnostics_text([item], PLAIN).rstrip("\n"))) for item in plan.warnings]
    folded = [
        ("Changed outside planform", drift_section(plan, _WIDTH).removeprefix("Changed outside planform:\n")),
        ("Outputs", outputs_section(plan.outputs, _WIDTH).removeprefix("Outputs:\n")),
    ]
    parts.append(_trees(changes, room, reserved=sum(min(len(said) + 90, 4000) for _, said in folded if said)))
    parts += [_folded(title, fenced(room.cut(said, 90)), plan.refresh_only) for title, said in folded if said]
    notes = "".join(room.take(f"- {_plain(note.removeprefix('Note: '))}\n") for note in shared_notes(plan))
    parts.append(_folded("Notes", notes) if notes else "")
    parts = list(filter(None, parts))
    # A fence grows with the backticks inside of it: what no longer fits then goes from the end.
    while len("\n".join(parts)) > limit - len(_LEFT_OUT) - 30 and len(parts) > 1:
        parts.pop()
        room.left_out += 1
    return "\n".join([*parts, *[_LEFT_OUT.format(count(room.left_out, "part"))] * bool(room.left_out)])


def _head(plan: Plan, root: str) -> str:
    where = f"{plan.name}, workspace {plan.workspace}" + (f", in `{root}`" if root != "." else "")
    lines = [marker(root, plan.workspace), f"### planform plan: {where}\n", f"**{_plain(summary(plan))}**\n"]
    if plan.targeted:
        lines.append("Only a part is planned: what `--target` and `--exclude` leave.\n")
    if not plan.is_empty:
        lines.append(f"Plan id: `{plan.id}`\n")
    guards = guards_markdown(plan).strip("\n")
    return "\n".join([*lines, *[f"{guards}\n"] * bool(guards)])


class _Room:
    """How many characters are left, and how many parts found no room."""

    def __init__(self, left: int) -> None:
        self.left, self.left_out = left, 0

    def take(self, text: str, frame: int = 0) -> str:
        """The text, or nothing where it does not fit."""
        if len(text) + frame + 1 > self.left:
            self.left_out += 1
            return ""
        self.left -= len(text) + frame + 1
        return text

    def cut(self, text: str, frame: int = 0, most: int = 0) -> str:
        """As many lines of the text as there is room for, but not more than `most` characters."""
        room = min(self.left - frame, most or self.left) - 50
        if len(text) <= room:
            return self.take(text, frame + 12)
        lines, taken = text.splitlines(), 0
        for number, line in enumerate(lines):
            taken += len(line) + 1
            if taken > room:
                more = f"... {count(len(lines) - number, 'more line')}"
                self.left_out += 1
                return self.take("\n".join([*lines[:number], more]), frame + 12) if number > 1 else ""
        return ""


def _is_shown(change: Change) -> bool:
    return kind_of(change) in _ORDER


def _importance(change: Change) -> int:
    return _ORDER.index(kind_of(change))


def _list(changes: Sequence[Change], room: _Room) -> str:
    """What happens, one line for each resource instance; where that is too much, instances share lines."""
    if not changes:
        return ""
    whole = room.left
    named = [change for change in changes if kind_of(change) in _NAMED]
    others = changes[len(named) :]
    detailed = [line for change in changes for line in (_line(change), *_leaves(change))]
    if _length(detailed) < whole // 3:
        return fenced("\n".join(map(room.take, detailed)), "diff")
    lines = [_line(change) for change in named]
    taken = _fitting(lines if _length(lines) < whole * 2 // 3 else [*_names(named)], room, len(named), whole)
    lines, most = [_line(change) for change in others], min(whole // 2, room.left)
    taken += _fitting(lines if _length(lines) < most else [*_names(others)], room, len(others), most)
    return fenced("\n".join(taken), "diff")


def _length(lines: Iterable[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _fitting(lines: Sequence[str], room: _Room, changes: int, most: int) -> list[str]:
    """The lines that fit into `most` characters of the room."""
    taken: list[str] = []
    start = room.left
    for number, line in enumerate(lines):
        if start - room.left + len(line) + 80 > most:
            room.left_out += len(lines) - number
            said = f"#   ... {len(lines) - number} of these {len(lines)} lines left out, for {count(changes, 'change')}"
            return [*taken, room.take(said)]
        taken.append(room.take(line))
    return taken


def _line(change: Change) -> str:
    place = f"  # {place_text(change.span)}" if change.span else ""
    line = f"{_SIGNS.get(kind_of(change), '#'):<3} {change.address}  {headline(change, 80)}{place}"
    measured = previous_text(change.run) if change.run is not None else ""
    return f"{line}\n      run {change.run.previous} {measured}" if change.run is not None and measured else line


def _leaves(change: Change) -> Iterator[str]:
    """What differs, shortly, under what is changed."""
    if change.before is None or kind_of(change) not in ("update", "replace", "run", "reuse"):
        return
    sign = "#" if kind_of(change) == "reuse" else "!"
    for leaf in change.leaves:
        # What is merely computed anew says nothing that the line above has not said.
        if isinstance(leaf.after, Unknown) and leaf.span is None and not leaf.note:
            continue
        note = f"  # {leaf.note}" if leaf.note in ("forces replacement", "takes effect at the next run") else ""
        yield f"{sign}       {path_text(leaf.path)}: {change_text(leaf.before, leaf.after, 80)}{note}"


def _names(changes: Iterable[Change]) -> Iterator[str]:
    """One line for the instances of a resource that fare alike: `-   planform_data.old[0-4999]  destroy 5000`."""
    alike: dict[tuple[Kind, str], list[Change]] = {}
    for change in changes:
        bare = str(change.address._replace(key=None))
        alike.setdefault((kind_of(change), bare), []).append(change)
    for (kind, bare), members in alike.items():
        if len(members) == 1:
            yield f"{_SIGNS.get(kind, '#'):<3} {members[0].address}  {_VERBS[kind]}"
            continue
        keys = _ranges(change.address.key for change in members)
        yield f"{_SIGNS.get(kind, '#'):<3} {bare}[{keys}]  {_VERBS[kind]} {len(members)}"


def _ranges(keys: Iterable[str | int | None]) -> str:
    """`0-4, 7, "a", "b"`: every key, neighbouring numbers as a range."""
    parts: list[str] = []
    ranges: list[list[int]] = []
    for key in keys:
        if not isinstance(key, int):
            parts.append(f'"{key}"')
        elif ranges and ranges[-1][1] == key - 1:
            ranges[-1][1] = key
        else:
            ranges.append([key, key])
    return ", ".join([*(str(low) if low == high else f"{low}-{high}" for low, high in ranges), *parts])


def _trees(changes: Iterable[Change], room: _Room, reserved: int) -> str:
    """Each change in full, folded. A change has its share of the room, so that a large one leaves some to others."""
    changes = [change for change in changes if kind_of(change) not in ("held", "in_progress", "moved", "forget")]
    room.left -= reserved + 120
    taken: list[str] = []
    for number, change in enumerate(changes):
        share = max(room.left // min(len(changes) - number, 8), 1500)
        tree = room.cut(_tree(change), 4, share)
        if tree:
            taken.append(tree)
        if room.left < 300:
            room.left_out += len(changes) - number - 1
            break
    room.left += reserved
    if not taken:
        return ""
    return _folded(f"{count(len(taken), 'change')} in full", fenced("\n\n".join(taken), "diff"))


def _tree(change: Change) -> str:
    """The change in full, each sign at the beginning of its line."""
    lines = [f"{_SIGNS.get(kind_of(change), '#'):<3} {change.address}"]
    lines += [f"    # {remark}" for remark in remarks(change)]
    lines += [f"{'!' if sign == '~' else sign}   {'  ' * depth}{text}" for sign, depth, text in lines_to_review(change)]
    return "\n".join(elide(line, _LINE) for line in lines)


def _folded(title: str, text: str, unfolded: bool = False) -> str:
    tag = "<details open>" if unfolded else "<details>"
    return f"{tag}<summary>{title}</summary>\n\n{text}\n</details>\n" if text else ""


def fenced(text: str, language: str = "") -> str:
    """The text in a code block whose fence is longer than any run of backticks inside."""
    if not text:
        return ""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"{fence}{language}\n{text}\n{fence}\n"


def _plain(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    return re.sub(r"([\\`*_<>\[\]|~])", r"\\\1", text)
