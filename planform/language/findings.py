"""What is wrong with a module, gathered while its blocks are read and checked by their tables."""

from __future__ import annotations

from collections.abc import Mapping

from planform.core.configuration import Body, Place
from planform.core.errors import Diagnostic, Problems, Span
from planform.core.schemas import Attribute, Collection, Misfit, Nested, Type, convert_body, describe
from planform.core.values import AttributePath, Object, Value
from planform.language.blocks import Leaf, misfit_summary, opaque, path_text
from planform.language.documents import Expr, locate
from planform.language.grammar import LITERAL, WRITTEN
from planform.language.text import diagnostic_at


class Findings:
    """The problems of a module and its child modules."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.complete = True  # all could be read, so that what is absent is really absent

    def incomplete(self, diagnostic: Diagnostic) -> None:
        self.problems.add(diagnostic)
        self.complete = False

    def body(self, place: Place, body: Body, table: Mapping[str, Attribute], address: str = "") -> Object | None:
        """A block's body checked by its table, expressions taken as unknown; None when it is no mapping."""
        if body is None:
            body = {}
        if not isinstance(body, dict):
            name = str(place.path[-1])
            self.problem(
                place, "Not a block", f"{name} is a mapping here, not {kind_of(body)}.", key=True, address=address
            )
            return None
        found: list[Leaf] = []
        misfits: list[Misfit] = []
        checked = convert_body(opaque(body, (), found), table, (), misfits)
        for misfit in misfits:
            self.misfit(place, misfit, table, address)
        for leaf in found:
            if leaf.path[0] in LITERAL and leaf.path[0] in table:
                detail = f'"{leaf.path[0]}" is read before anything is evaluated.'
                self.problem(place, "A literal is required", detail, "Write the value itself.", inner=leaf.path)
            elif leaf.path[0] in WRITTEN and len(leaf.path) < WRITTEN[leaf.path[0]]:
                detail = f'What stands under "{leaf.path[0]}" is written out; expressions may be inside.'
                self.problem(place, "Not computable", detail, inner=leaf.path)
        return checked

    def misfit(self, place: Place, misfit: Misfit, table: Mapping[str, Attribute], address: str = "") -> None:
        is_key = not _is_settable(table, misfit.path)
        summary = "Unsupported argument" if is_key else misfit_summary(misfit)
        detail = (
            f"{path_text(misfit.path).lstrip('.')}: {misfit.summary}"
            if len(misfit.path) > 1 and not is_key
            else misfit.summary
        )
        if misfit.detail:
            detail += f" {misfit.detail}"
        self.problem(
            place, summary, detail, misfit.suggestion, inner=misfit.path, key=is_key or not misfit.path, address=address
        )

    def problem(
        self,
        place: Place,
        summary: str,
        detail: str,
        suggestion: str = "",
        *,
        inner: AttributePath = (),
        key: bool = False,
        address: str = "",
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        """A problem at a path inside a block; without one, at the name of the block."""
        span = locate(place.source, (*place.path, *inner), key=key) if inner else place.span
        self.problems.add(
            diagnostic_at(place.source, span, summary, detail, suggestion, address=address, related=related)
        )


def kind_of(value: Value) -> str:
    """What a value is, in words."""
    return "an expression" if isinstance(value, Expr) else describe(value) if value is not None else "empty"


def _is_settable(table: Mapping[str, Attribute], path: AttributePath) -> bool:
    """Whether a path leads only through attributes that a configuration may set."""
    inner: Mapping[str, Attribute] | None = table
    kind: Type | None = None
    for part in path:
        if inner is not None and isinstance(part, str):
            found = inner.get(part)
            if found is None or found.computed:
                return False
            kind = found.type
        elif isinstance(kind, Collection):
            kind = kind.element
        else:
            return True
        inner = kind.attributes if isinstance(kind, Nested) else None
    return True
