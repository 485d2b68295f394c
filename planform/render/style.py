"""How text is dressed: width, colour, and cutting a line to size."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_CODES = {
    "bold": "1", "dim": "2", "underline": "4",
    "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Style:
    """Where text goes: how wide it is, and whether it takes colour."""

    width: int = 100
    colour: bool = False

    def paint(self, text: str, *looks: str) -> str:
        """The text in these looks, or as it is where there is no colour."""
        if not self.colour or not text or not looks:
            return text
        return f"\x1b[{';'.join(_CODES[look] for look in looks)}m{text}\x1b[0m"


PLAIN = Style()


def columns(text: str) -> int:
    """How many columns a terminal gives the text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def pad(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def elide(text: str, limit: int) -> str:
    """The text in at most `limit` columns: its end gives way to three dots."""
    if columns(text) <= limit:
        return text
    while text and columns(text) > limit - 3:
        text = text[:-1]
    return text.rstrip() + "..."


def wrap(text: str, width: int, indent: str = "") -> str:
    """Paragraphs broken at words; a word that is too long stays whole, and indented lines stay as they are."""
    import textwrap

    lines: list[str] = []
    for paragraph in text.splitlines():
        if paragraph.startswith((" ", "\t")):
            lines.append(indent + paragraph)
        else:
            lines += textwrap.wrap(
                paragraph, max(width, 20), initial_indent=indent, subsequent_indent=indent,
                break_long_words=False, break_on_hyphens=False,
            ) or [""]  # fmt: skip
    return "\n".join(lines)


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def table(rows: list[list[str]], gap: str = "  ", right: frozenset[int] = frozenset()) -> list[str]:
    """Rows as lines with aligned columns; the columns in `right` are flush right."""
    if not rows:
        return []
    widths = [max(columns(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        gap.join(
            " " * (width - columns(cell)) + cell if index in right else pad(cell, width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
