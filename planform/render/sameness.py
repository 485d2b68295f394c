"""In what a plan does other than the reviewed one, in lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from planform.core.deeds import Difference, Part
from planform.render.values import NOT_SET, path_text, value_text

MOST_PARTS = 6
_EXPRESSIONS = (
    "The files changed, and a value that is known only after apply is made by them; what it will be cannot be compared."
)


def differences_text(found: Iterable[Difference]) -> Iterator[str]:
    """A line for each thing that is done otherwise, and one for each part of it."""
    for item in found:
        if item.what == "expressions":
            yield _EXPRESSIONS
            continue
        yield f"{item.what}: {'not in the reviewed plan' if item.how == 'added' else 'not as reviewed'}"
        yield from map(_part, item.parts[:MOST_PARTS])
        if len(item.parts) > MOST_PARTS:
            yield f"    ... {len(item.parts) - MOST_PARTS} more"


def _part(part: Part) -> str:
    side, *inner = part.path or ("",)
    path = path_text(tuple(inner))
    name = {"after": path, "before": f"recorded {path}".rstrip()}.get(str(side), path_text(part.path))
    reviewed, now = (NOT_SET if item is None else value_text(item, 60) for item in (part.reviewed, part.now))
    return f"    {name or 'all of it'}: reviewed {reviewed}, now {now}"
