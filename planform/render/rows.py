"""Aligned lines: a mark, a name, what is said of it and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planform.core.errors import Span
from planform.render.style import Style, columns, pad


@dataclass(frozen=True, slots=True)
class Row:
    """One line; `text` is made once the room for it is known."""

    head: str
    text: Callable[[int], str]
    place: str = ""
    symbol: str = ""
    hue: str = ""


def place_text(span: Span | None) -> str:
    if span is None:
        return ""
    place = f"{span.file}:{span.line}"
    return place if len(place) <= 28 else "..." + place[-25:]


def aligned(rows: Sequence[Row], style: Style) -> str:
    """Rows with their columns aligned and fitted to the width; texts are cut where they must be, addresses never."""
    if not rows:
        return ""
    head = max((size for row in rows if (size := columns(row.head)) <= max(style.width // 2, 24)), default=0)
    places: list[str] = []
    texts: list[str] = []
    for row in rows:
        room = style.width - 6 - max(head, columns(row.head))
        # A place is worth less than the text it would cut short.
        places.append(row.place if row.place and room - 2 - columns(row.place) >= 24 else "")
        texts.append(row.text(max(room - 2 - columns(places[-1]) if places[-1] else room, 16)))
    natural = max((columns(text) for text, place in zip(texts, places, strict=True) if place), default=0)
    middle = min(natural, style.width - 8 - head - max(map(columns, places)))
    lines: list[str] = []
    for row, text, place in zip(rows, texts, places, strict=True):
        over = max(columns(row.head) - head, 0)
        body = pad(text, middle - over)
        looks = (row.hue,) if row.hue else ()
        line = style.paint(f"{row.symbol:>3}", *looks) + " "
        line += style.paint(row.head, *(["bold"] if row.symbol else [])) + " " * (head + over - columns(row.head))
        line += "  " + (style.paint(text, *looks) if row.symbol else _leaf_colours(text, style))
        if place:
            line += " " * (columns(body) - columns(text)) + "  " + style.paint(place, "dim")
        lines.append(line.rstrip())
    return "\n".join(lines)


def _leaf_colours(text: str, style: Style) -> str:
    return text.replace("forces replacement", style.paint("forces replacement", "magenta"))
