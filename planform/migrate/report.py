"""What became of a program, counted: what was converted, what became a variable, what has no place and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from planform.migrate.document import Written

WIDTH = 100


def report_text(written: Written) -> str:
    """The report; a section that is empty is left out."""
    unsupported = [finding for finding in written.findings if finding.kind == "unsupported"]
    notes = [finding for finding in written.findings if finding.kind == "note"]
    blocks = [
        _section("Converted", _converted(written)),
        _section("Variables", _variables(written)),
        _section("Unsupported", [(str(item.place), item.what, item.why) for item in unsupported]),
        _section("To know", [(str(item.place), item.what, item.why) for item in notes]),
        ", ".join(
            (
                f"{len(written.drafts)} converted",
                f"{len(written.variables)} variable{'s' * (len(written.variables) != 1)}",
                f"{len(unsupported)} unsupported",
            )
        )
        + ".\n",
    ]
    return "\n".join(filter(None, blocks))


def _converted(written: Written) -> list[tuple[str, str, str]]:
    return [
        (
            str(draft.place),
            f"{draft.source} -> {draft.type}.{draft.name}",
            f"{draft.settings} setting{'s' * (draft.settings != 1)}",
        )
        for draft in written.drafts
    ]


def _variables(written: Written) -> list[tuple[str, str, str]]:
    rows = []
    for variable in written.variables:
        kind = "secret" if variable.is_secret else "required" if variable.is_required else "with its default"
        place = variable.unknown.place
        rows.append((str(place) if place.file else "-", f"var.{variable.name} ({kind})", variable.unknown.code))
    return rows


def _section(title: str, rows: Sequence[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    return f"{title}:\n" + "".join(f"  {line}\n" for line in _lines(rows))


def _lines(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Columns, where they fit; else the third is under the others."""
    first = max(len(place) for place, _, _ in rows)
    second = max(len(what) for _, what, _ in rows)
    wide = any(first + second + len(why) + 6 > WIDTH for _, _, why in rows)
    for place, what, why in rows:
        if wide:
            yield f"{place.ljust(first)}  {what}"
            yield from wrap(why, WIDTH, initial_indent=" " * (first + 6), subsequent_indent=" " * (first + 6))
        else:
            yield f"{place.ljust(first)}  {what.ljust(second)}  {why}".rstrip()
