"""`planform docs`: a page for each resource type, data source and block, made from the tables that check them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from planform.core.schemas import Attribute, Collection, Nested, OneOf, Schema, Type
from planform.render.language_schema import BLOCKS, META, TITLES
from planform.render.style import PLAIN, Style, wrap
from planform.render.values import value_text

_CHANGES = {
    "digest": "a change means a new run",
    "live": "changed in place",
    "next_run": "takes effect at the next run",
    "replace": "a change replaces the object",
}
_EXECUTORS = {
    "process": "on this machine as a process",
    "docker": "on this machine in a container",
    "process-tuning": "on this machine as processes",
    "docker-tuning": "on this machine in containers",
    "sagemaker-tuning": "in a tuning job of SageMaker",
}


class Row(NamedTuple):
    """One argument or attribute: its path, its type, what is to be known of it, and what it is for."""

    path: str
    type: str
    about: tuple[str, ...]
    doc: str


class Page(NamedTuple):
    """What there is to say of one type or block."""

    name: str  # trainer, data.job_queue, lifecycle
    doc: str
    example: str
    arguments: tuple[Row, ...]
    exported: tuple[Row, ...] = ()


def pages(types: Mapping[str, Schema]) -> list[Page]:
    """Every page: resource types, then data sources, then the blocks of the language."""
    resources = sorted(name for name in types if not name.startswith("data."))
    data = sorted(name for name in types if name.startswith("data."))
    found = [_type_page(name, types[name]) for name in (*resources, *data)]
    found += [Page(name, TITLES[name], "", tuple(_rows(table))) for name, table in BLOCKS.items()]
    repeated = {name: item for name, item in META.items() if name != "lifecycle"}
    found.append(Page("meta-arguments", "Arguments that every resource takes.", "", tuple(_rows(repeated))))
    lifecycle = META["lifecycle"]
    if isinstance(lifecycle.type, Nested):
        found.append(Page("lifecycle", lifecycle.doc, "", tuple(_rows(lifecycle.type.attributes))))
    return found


def _type_page(name: str, schema: Schema) -> Page:
    settable = {key: item for key, item in schema.attributes.items() if not item.computed}
    computed = {key: item for key, item in schema.attributes.items() if item.computed or item.optional_computed}
    return Page(name, schema.doc, schema.example, tuple(_rows(settable)), tuple(_rows(computed, given=False)))


def _rows(table: Mapping[str, Attribute], prefix: str = "", *, given: bool = True) -> Iterator[Row]:
    for name, item in table.items():
        path = f"{prefix}{name}"
        yield Row(path, type_text(item.type), tuple(_about(item)) if given else (), item.doc)
        if given:
            yield from _inside(item.type, path)


def _inside(kind: Type, path: str) -> Iterator[Row]:
    match kind:
        case Nested(table, whole) if whole is None:  # another type's body has a page of its own
            yield from _rows(table, f"{path}.")
        case Collection("map", element):
            yield from _inside(element, f"{path}.NAME")
        case Collection(_, element):
            yield from _inside(element, f"{path}[]")
        case OneOf(kinds):
            for inner in kinds:
                yield from _inside(inner, path)


def type_text(kind: Type) -> str:
    """A type in a few words: `list(object)`, `a or b`."""
    match kind:
        case Collection(name, element):
            return f"{name}({type_text(element)})"
        case OneOf(kinds):
            return " or ".join(dict.fromkeys(map(type_text, kinds)))
        case _:
            return str(kind)


def _about(item: Attribute) -> Iterator[str]:
    if item.required:
        yield "required"
    if item.default is not None:
        yield f"default {value_text(item.default)}"
    if item.change in _CHANGES:
        yield _CHANGES[item.change]
    if item.minimum is not None and item.maximum is not None:
        yield f"{item.minimum:g} to {item.maximum:g}"
    elif item.minimum is not None:
        yield f"at least {item.minimum:g}"
    if item.pattern_hint:
        yield item.pattern_hint
    for executor, note in item.ignored_by.items():
        yield f"{_EXECUTORS.get(executor, executor)}: {note}"
    for executor, note in item.refused_by.items():
        yield f"refused {_EXECUTORS.get(executor, executor)}: {note}"


# For terminals


def index_text(found: list[Page], style: Style = PLAIN) -> str:
    """What there are pages about, each with its sentence."""
    width = max(len(page.name) for page in found)
    lines = [f"{style.paint(page.name.ljust(width), 'bold')}  {page.doc}" for page in found]
    return "\n".join(lines) + "\n\nOne page: planform docs NAME\n"


def page_text(page: Page, style: Style = PLAIN) -> str:
    """A page to read."""
    parts = [f"{style.paint(page.name, 'bold')}\n\n{wrap(page.doc, style.width)}"]
    if page.example:
        parts.append(f"{style.paint('Example', 'bold')}\n\n" + _indented(page.example))
    parts.append(f"{style.paint('Arguments', 'bold')}\n\n" + "\n".join(_row_text(row, style) for row in page.arguments))
    if page.exported:
        rows = "\n".join(_row_text(row, style) for row in page.exported)
        parts.append(f"{style.paint('Exported', 'bold')}\n\n{rows}")
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


def _row_text(row: Row, style: Style) -> str:
    head = f"  {style.paint(row.path, 'cyan')}  {', '.join((row.type, *row.about))}"
    return f"{head}\n{wrap(row.doc, style.width - 6, '      ') if row.doc else ''}".rstrip()


# For documentation


def index_markdown(found: list[Page]) -> str:
    """The table of contents of all pages."""
    lines = [f"| [`{page.name}`]({page.name}.md) | {_cell(page.doc)} |" for page in found]
    head = "# Reference\n\nMade by `planform docs --out FOLDER` from the tables that check what is written.\n"
    return "\n".join([head, "| | |", "|---|---|", *lines]) + "\n"


def page_markdown(page: Page) -> str:
    """A page for a documentation site."""
    parts = [f"# {page.name}\n\n{page.doc}"]
    if page.example:
        parts.append(f"```yaml\n{page.example}```")
    rows = [
        f"| `{row.path}` | {_cell(', '.join((row.type, *row.about)))} | {_cell(row.doc)} |" for row in page.arguments
    ]
    parts.append("\n".join(["## Arguments\n", "| argument | type | |", "|---|---|---|", *rows]))
    if page.exported:
        rows = [f"| `{row.path}` | {row.type} | {_cell(row.doc)} |" for row in page.exported]
        parts.append("\n".join(["## Exported\n", "| attribute | type | |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
