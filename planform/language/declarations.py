"""The blocks that the documents of one folder declare, by kind and name, before any is looked into."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from planform.core.addresses import parse_address
from planform.core.configuration import Body, Place
from planform.core.errors import Diagnostic, did_you_mean
from planform.core.schemas import Schema
from planform.core.values import Object, Value
from planform.language.blocks import NAME
from planform.language.documents import Document, locate
from planform.language.findings import Findings, kind_of
from planform.language.grammar import BLOCKS, LISTED
from planform.language.text import diagnostic_at


class Declarations:
    """Gathers the blocks of documents; what is misplaced, misnamed or there twice is reported."""

    def __init__(self, findings: Findings, schemas: Mapping[str, Schema]) -> None:
        self.findings, self.schemas = findings, schemas
        self.lost: set[str] = set()  # names of resources whose type does not exist

    def blocks(self, documents: list[Document]) -> dict[str, list[tuple[str, Place, Body]]]:
        """Every named block of all files by kind: its name, place and body. Duplicates are reported."""
        found: dict[str, list[tuple[str, Place, Body]]] = {kind: [] for kind in BLOCKS}
        seen: dict[tuple[str, str], Place] = {}
        for document in documents:
            if document.value is None:
                continue
            if not isinstance(document.value, dict):
                span = locate(document.source, ())
                detail = f"A module is a mapping of blocks, not {kind_of(document.value)}."
                self.findings.incomplete(
                    diagnostic_at(document.source, span, "Not a module", detail, f"There is: {', '.join(BLOCKS)}.")
                )
                continue
            for kind, content in document.value.items():
                if kind.startswith("x-"):
                    continue
                place = document.place(kind)
                if kind not in found:
                    detail = f'Blocks of type "{kind}" are not expected here.'
                    self.findings.problem(place, "Unsupported block type", detail, did_you_mean(kind, BLOCKS), key=True)
                elif kind == "planform":
                    self.add(found, seen, kind, "", place, content)
                elif content is None:
                    continue
                elif kind in LISTED:
                    self.listed(found, document, kind, content)
                elif not isinstance(content, dict):
                    self.wrong_shape(place, kind, content)
                else:
                    for name, body in content.items():
                        self.named(found, seen, document, kind, name, body)
        return found

    def listed(
        self, found: dict[str, list[tuple[str, Place, Body]]], document: Document, kind: str, content: Body
    ) -> None:
        if not isinstance(content, list):
            detail = f"Under {kind} stands a list; this is {kind_of(content)}."
            self.findings.problem(
                document.place(kind), "A list is required", detail, f"Write {kind}: [{{from: ...}}].", key=True
            )
            return
        for index, body in enumerate(content):
            span = locate(document.source, (kind, index))
            place = Place(document.source, (kind, index), span.line, span.column)
            before = len(self.findings.problems.items)
            checked = self.findings.body(place, body, LISTED[kind])
            if checked is None or len(self.findings.problems.items) > before:
                continue
            problem = address_problem(place, checked)
            if problem is None and kind == "import":
                problem = self.import_problem(place, checked["to"])
            if problem is not None:
                self.findings.problems.add(problem)
            else:
                found[kind].append(("", place, body))

    def import_problem(self, place: Place, target: Value) -> Diagnostic | None:
        """Why nothing can be imported to an address: only what has a name can be found by it."""
        kind = _moved_kind(target) if isinstance(target, str) else ""
        schema = self.schemas.get(kind)
        if not kind or (schema is not None and (schema.named or schema.has_runs)):
            return None
        can = ", ".join(sorted(item.type for item in self.schemas.values() if item.named or item.has_runs))
        span = locate(place.source, (*place.path, "to"))
        detail = f"{target} is a {kind}, of which there is nothing outside that could be found by a name."
        return diagnostic_at(place.source, span, "Not importable", detail, f"These can be imported: {can}.")

    def named(
        self,
        found: dict[str, list[tuple[str, Place, Body]]],
        seen: dict[tuple[str, str], Place],
        document: Document,
        kind: str,
        name: str,
        body: Body,
    ) -> None:
        if kind not in ("resource", "data", "defaults"):
            self.add(found, seen, kind, name, document.place(kind, name), body)
            return
        types = self.types("data" if kind == "data" else "managed")
        word = "data source" if kind == "data" else "resource type"
        if name not in types:
            self.findings.problem(
                document.place(kind, name),
                f"Invalid {word}",
                f'There is no {word} "{name}".',
                did_you_mean(name, types),
                key=True,
            )
            self.lost.update(body if isinstance(body, dict) else ())
        elif kind == "defaults":
            self.add(found, seen, kind, name, document.place(kind, name), body)
        elif body is None:
            return
        elif not isinstance(body, dict):
            self.wrong_shape(document.place(kind, name), f'{word} "{name}"', body)
        else:
            for inner, content in body.items():
                self.add(found, seen, kind, f"{name}.{inner}", document.place(kind, name, inner), content)

    def types(self, mode: str) -> dict[str, Schema]:
        """The resource types, or the types of data sources."""
        return {item.type: item for name, item in self.schemas.items() if name.startswith("data.") == (mode == "data")}

    def add(
        self,
        found: dict[str, list[tuple[str, Place, Body]]],
        seen: dict[tuple[str, str], Place],
        kind: str,
        name: str,
        place: Place,
        body: Body,
    ) -> None:
        last = str(place.path[-1])
        if kind != "provider" and not NAME.fullmatch(last):
            detail = f'"{last}" cannot be a name: it begins with a letter or _, then letters, digits, _ and -.'
            self.findings.problem(place, "Invalid name", detail, key=True)
            return
        first = seen.setdefault((kind, name), place)
        if first is not place:
            title = {
                "resource": f"resource {name}",
                "data": f"data.{name}",
                "locals": f"local.{name}",
                "planform": "planform block",
            }.get(kind, f"{kind} {name}")
            detail = f"It is already declared at {first.span}. " + (
                "Resource names must be unique per type in each module."
                if kind == "resource"
                else "There can be one in a module."
            )
            related = ((first.span, "first declared here"),)
            self.findings.problem(
                place, f"Duplicate {title}", detail, "Rename or remove one of them.", key=True, related=related
            )
            return
        found[kind].append((name, place, body))

    def wrong_shape(self, place: Place, kind: str, content: Value) -> None:
        detail = f"Under {kind} stand names, each with its block; this is {kind_of(content)}."
        self.findings.problem(
            place, "Names are missing", detail, f"Write {kind}: {{name: ...}}." if " " not in kind else "", key=True
        )


def address_problem(place: Place, body: Object) -> Diagnostic | None:
    """What is wrong with the addresses of a moved, removed or import block, as far as they are known."""
    kinds = []
    for name in ("from", "to"):
        text = body.get(name)
        if not isinstance(text, str):
            continue
        span = locate(place.source, (*place.path, name))
        try:
            kinds.append(_moved_kind(text))
        except ValueError as error:
            return diagnostic_at(place.source, span, "Invalid address", f"{error}.")
        if len(set(kinds)) > 1:
            detail = f"{body['from']} is a {kinds[0]}, {body['to']} a {kinds[1]}: an object keeps its type."
            return diagnostic_at(place.source, span, "Not the same kind", detail)
    return None


def _moved_kind(text: str) -> str:
    """What an address in a moved or removed block names: a resource type, or "module".

    Raises:
        ValueError: it names neither.
    """
    try:
        return parse_address(text).type
    except ValueError:
        # A module has the form of a resource once something is named inside.
        with suppress(ValueError):
            if parse_address(f"{text}.a.b").module:
                return "module"
        raise
