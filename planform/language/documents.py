"""One YAML document as plain values: YAML 1.2 core scalars, compiled expressions, and places to point at.

Values are built straight from libyaml's events, which needs no tree of nodes. Only the places of the outer keys and of
expressions are kept; `locate` finds any other when a message needs it.
"""

from __future__ import annotations

import gc
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from planform.core.configuration import Body, Place, SourceFile
from planform.core.errors import Diagnosed, Diagnostic, Problems, Span, did_you_mean
from planform.core.values import AttributePath, Value
from planform.language.broken_yaml import DEPTH, TOO_DEEP, Loader, explain
from planform.language.errors import ExpressionError
from planform.language.expressions import Expression, compile_string
from planform.language.text import diagnostic_at, lines_of, starts_of

NODES = 1_000_000
KEYS = 3  # outer keys whose places are kept: resource, its type, its name

_CONSTANTS: Mapping[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((sign + word for sign in ("", "+") for word in (".inf", ".Inf", ".INF")), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]+)|0o(?P<oct>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
)
SHOWN_DUPLICATES = 20  # of one file; each takes a look at the whole of it
_LONGEST_NUMBER = 400  # characters; what is longer is text to everyone


@dataclass(frozen=True, slots=True)
class Expr:
    """A leaf that is evaluated later: the expression, and where its text begins. One that stands in another block than
    the body it is part of, under `defaults`, says where."""

    expression: Expression
    line: int
    column: int
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One file, understood. `keys` holds the line and column of each outer key by its path."""

    source: SourceFile
    value: Body
    keys: Mapping[AttributePath, tuple[int, int]]
    problems: tuple[Diagnostic, ...] = ()  # repeated keys, expressions that cannot be read

    def place(self, *path: str | int) -> Place:
        """The place of an outer key, or of the nearest one that is known."""
        line, column = self.keys.get(path, (0, 0))
        if not line:
            span = locate(self.source, path, key=True)
            line, column = span.line, span.column
        return Place(self.source, path, line, column)


@contextmanager
def collection_paused() -> Iterator[None]:
    """Garbage collection off: building many small objects that all stay is what it is worst at."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.freeze()  # what was built stays to the end: no later collection needs to look at it
            gc.enable()


def load_document(source: SourceFile) -> Document:
    """The document in `source`; an empty file is None.

    Raises:
        Diagnosed: the text is not YAML, repeats a key, or holds an expression that cannot be read.
    """
    document = read_document(source)
    if document.problems:
        raise Diagnosed(document.problems)
    return document


def read_document(source: SourceFile) -> Document:
    """As `load_document`, but what can be understood around a problem is there, and the problems beside it.

    Raises:
        Diagnosed: the text is not YAML.
    """
    with collection_paused():
        builder = _Builder(source)
        value = builder.document()
    return Document(source, value, builder.keys, tuple(builder.problems.items))


def resolve(text: str) -> Value:
    """What a plain scalar stands for by the core schema of YAML 1.2."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "0123456789+-." or len(text) > _LONGEST_NUMBER:
        return text
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    match found.lastgroup:
        case "int":
            return int(text)
        case "oct":
            return int(found["oct"], 8)
        case "hex":
            return int(found["hex"], 16)
        case _:
            return float(text)


class _Builder:
    """Turns the events of one text into values."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.problems = Problems()
        self.keys: dict[AttributePath, tuple[int, int]] = {}
        self.anchors: dict[str, tuple[Value, int]] = {}
        self.open_anchors: set[str] = set()
        self.compiled: dict[str, Expression | str] = {}
        self.count = self.duplicates = 0
        try:
            self.next = Loader(source.text).get_event
        except (yaml.YAMLError, UnicodeError) as error:
            raise Diagnosed([explain(source, error)]) from None

    def document(self) -> Value:
        try:
            self.next()
            event = self.next()
            if type(event) is yaml.StreamEndEvent:
                return None
            value = self.node(self.next(), 0, ())
            self.next()
            event = self.next()
        except (yaml.YAMLError, UnicodeError) as error:
            raise Diagnosed([explain(self.source, error)]) from None
        if self.duplicates > SHOWN_DUPLICATES:
            self.problem(event, f"{self.duplicates - SHOWN_DUPLICATES} more duplicate keys", "They are not listed.")
        if type(event) is not yaml.StreamEndEvent:
            summary = "Only one document a file"
            detail = "A second YAML document begins here; the files of a folder are read together anyway."
            self.problem(event, summary, detail, "Remove the ---, or move what follows to another *.pf.yaml.", length=3)
        return value

    def node(self, event: Any, depth: int, path: AttributePath | None) -> Value:
        """The value that begins with `event`. `path` is None below the outer keys."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self.count += 1
            value = self.scalar(event)
            if event.anchor is not None:
                self.anchors[event.anchor] = (value, 1)
            return value
        if kind is yaml.AliasEvent:
            return self.alias(event)
        if depth >= DEPTH:
            self.stop(event, *TOO_DEEP)
        if event.tag is not None:
            self.tag(event)
        anchor, before = event.anchor, self.count
        if anchor is not None:
            self.open_anchors.add(anchor)
        value = self.mapping(event, depth + 1, path) if kind is yaml.MappingStartEvent else self.sequence(depth + 1)
        self.count += 1
        if self.count > NODES:
            self.stop(event, "Too many values", f"With aliases written out this file holds more than {NODES:,} values.")
        if anchor is not None:
            self.open_anchors.discard(anchor)
            self.anchors[anchor] = (value, self.count - before)
        return value

    def sequence(self, depth: int) -> list[Value]:
        items: list[Value] = []
        event = self.next()
        while type(event) is not yaml.SequenceEndEvent:
            items.append(self.node(event, depth, None))
            event = self.next()
        return items

    def mapping(self, start: Any, depth: int, path: AttributePath | None) -> dict[str, Value]:
        result: dict[str, Value] = {}
        merged: list[dict[str, Value]] = []
        event = self.next()
        while type(event) is not yaml.MappingEndEvent:
            key = self.key(event, depth)
            inner: AttributePath | None = None
            if path is not None and key is not None:
                inner = (*path, key)
                mark = event.start_mark
                self.keys.setdefault(inner, (mark.line + 1, mark.column + 1))
                if depth >= KEYS:
                    inner = None
            following = self.next()
            if key == "<<" and type(event) is yaml.ScalarEvent and not event.style:
                merged += self.merge(following, depth)
            else:
                value = self.node(following, depth, inner)
                if key in result:
                    self.duplicate(start, event, key)
                elif key is not None:
                    result[key] = value
            event = self.next()
        for other in merged:
            for name, value in other.items():
                result.setdefault(name, value)
        return result

    def key(self, event: Any, depth: int) -> str | None:
        """The text of a key as written; None when it is none, which is reported."""
        if type(event) is yaml.ScalarEvent:
            text: str = event.value
            if event.anchor is not None:
                self.anchors[event.anchor] = (text, 1)
            if "${" in text or "%{" in text:
                alone = re.fullmatch(r"\$\{([^{}]*)\}", text)
                key = f"({alone[1]})" if alone else f'"{text}"'
                self.problem(
                    event,
                    "An expression cannot be a key",
                    "Keys are taken as they are written.",
                    f"Write the whole mapping as one expression: '${{{{{key} = ...}}}}'.",
                )
            return text
        jinja = self.source.text.startswith("{{", max(0, event.start_mark.index - 1))
        value = self.node(event, depth, None)
        if isinstance(value, str):
            return value
        if jinja:
            self.problem(
                event, "Not an expression", "Double braces mean nothing here.", 'Expressions are written "${var.name}".'
            )
        else:
            self.problem(
                event, "A key must be text", "Here a mapping or a list stands where a key belongs.", "Quote it."
            )
        return None

    def merge(self, event: Any, depth: int) -> list[dict[str, Value]]:
        value = self.node(event, depth, None)
        sources = value if isinstance(value, list) else [value]
        if all(isinstance(item, dict) for item in sources):
            return sources
        self.problem(
            event,
            "Nothing to merge",
            "<< takes a mapping, or a list of mappings.",
            "Write <<: *name for an anchor &name.",
        )
        return []

    def alias(self, event: Any) -> Value:
        name = event.anchor
        if name in self.open_anchors:
            self.stop(event, "An anchor inside itself", f"*{name} stands inside &{name}: that value would never end.")
        found = self.anchors.get(name)
        if found is None:
            detail = f"No anchor &{name} stands above. Text that begins with * needs quotes."
            self.problem(event, "Unknown alias", detail, did_you_mean(name, self.anchors), length=len(name) + 1)
            return None
        value, size = found
        self.count += size
        if self.count > NODES:
            self.stop(event, "Too many values", f"With aliases written out this file holds more than {NODES:,} values.")
        return value

    def scalar(self, event: Any) -> Value:
        text: str = event.value
        if event.tag is not None:
            if event.tag not in ("!", "tag:yaml.org,2002:str"):
                self.tag(event)
        elif not event.style and (not text or text[0] != "$"):
            value = resolve(text)
            if type(value) is not str:
                return value
        if "${" not in text and "%{" not in text:
            return text
        compiled = self.compiled.get(text)
        if compiled is None:
            try:
                compiled = self.compiled[text] = compile_string(text)
            except ExpressionError as error:
                self.problems.add(self.unreadable(event, error))
                compiled = compile_string("${null}")  # stands for a value of any kind, so that checking can go on
        if isinstance(compiled, str):
            return compiled
        mark = event.start_mark
        return Expr(compiled, mark.line + 1, mark.column + 1)

    def unreadable(self, event: Any, error: ExpressionError) -> Diagnostic:
        mark = event.start_mark
        span = span_in_scalar(self.source, mark.line + 1, mark.column + 1, error.offset, error.length)
        suggestion = error.suggestion
        line = lines_of(self.source.text)[event.end_mark.line] if not event.style else ""
        if line[event.end_mark.column :].lstrip().startswith("#"):
            suggestion = "Quote this expression: without quotes YAML takes everything after # for a comment."
        return diagnostic_at(self.source, span, error.summary, error.detail, suggestion, values=error.values)

    def duplicate(self, start: Any, event: Any, key: str) -> None:
        self.duplicates += 1
        if self.duplicates > SHOWN_DUPLICATES:
            return
        first = _first_key(_tree(self.source), start.start_mark.index, key)
        place = self.span(event, len(key))
        detail = f'"{key}" was already given' + (f" at {first.line}:{first.column}." if first else ".")
        earlier = Span(self.source.path, first.line, first.column, first.column + len(key)) if first else None
        related = ((earlier, f'"{key}" first stands here'),) if earlier else ()
        self.problems.add(
            diagnostic_at(self.source, place, f'Duplicate key "{key}"', detail, "Keep one of them.", related=related)
        )

    def tag(self, event: Any) -> None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        if tag not in ("!!map", "!!seq"):
            self.problem(
                event,
                "YAML tags are not used here",
                f"{tag} has no meaning.",
                "Remove it; quote what must be text.",
                len(tag),
            )

    def span(self, event: Any, length: int = 1) -> Span:
        mark = event.start_mark
        return Span(self.source.path, mark.line + 1, mark.column + 1, mark.column + 1 + length)

    def problem(self, event: Any, summary: str, detail: str, suggestion: str = "", length: int = 0) -> None:
        start, end = event.start_mark, event.end_mark
        size = length or (max(1, end.column - start.column) if start.line == end.line else 1)
        self.problems.add(diagnostic_at(self.source, self.span(event, size), summary, detail, suggestion))

    def stop(self, event: Any, summary: str, detail: str) -> None:
        """Report and go no further."""
        self.problem(event, summary, detail)
        raise Diagnosed(self.problems.items)


# Places, found on demand.


@lru_cache(maxsize=8)
def _tree(source: SourceFile) -> Any:
    with collection_paused():
        try:
            return yaml.compose(source.text, Loader=Loader)
        except yaml.YAMLError:  # an alias without its anchor, which is reported on its own
            return None


@dataclass(frozen=True, slots=True)
class _Found:
    line: int
    column: int


def _first_key(root: Any, index: int, key: str) -> _Found | None:
    """Where `key` first stands in the mapping that begins at `index` of the text."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, yaml.MappingNode):
            if node.start_mark.index == index:
                marks = [name.start_mark for name, _ in node.value if name.value == key]
                return _Found(marks[0].line + 1, marks[0].column + 1) if marks else None
            stack.extend(item for pair in node.value for item in pair)
        elif isinstance(node, yaml.SequenceNode):
            stack.extend(node.value)
    return None


def locate(source: SourceFile, path: AttributePath, *, key: bool = False) -> Span:
    """The place of the value at `path`, or of its key. Where the path ends early, the place of what there is."""
    node, name = _tree(source), None
    for index, part in enumerate(path):
        found = _step(_layer(node, path[index:]), part)
        if found is None:
            key = True
            break
        name, node = found
    if node is None:
        return Span(source.path, 1, 1)
    # A block mapping begins with its first key, and an empty value nowhere: a message about them is about their key.
    empty = node.start_mark.index == node.end_mark.index
    spread = not isinstance(node, yaml.ScalarNode) and not node.flow_style
    if name is not None and (key or spread or empty):
        node = name
    start, end = node.start_mark, node.end_mark
    last = end.column + 1 if end.line == start.line else len(lines_of(source.text)[start.line].rstrip()) + 1
    return Span(source.path, start.line + 1, start.column + 1, max(last, start.column + 2))


def _layer(node: Any, path: AttributePath) -> Any:
    """Of layers, a list where names are asked for, the last that has all of the path; anything else as it is."""
    if not isinstance(node, yaml.SequenceNode) or not isinstance(path[0], str):
        return node
    return next((item for item in reversed(node.value) if _has(item, path)), node)


def _has(node: Any, path: AttributePath) -> bool:
    for part in path:
        found = _step(node, part)
        if found is None:
            return False
        node = found[1]
    return True


def _step(node: Any, part: str | int) -> tuple[Any, Any] | None:
    """The key and value nodes of one step down; an item of a list has no key."""
    if isinstance(node, yaml.SequenceNode):
        return (None, node.value[part]) if isinstance(part, int) and part < len(node.value) else None
    if not isinstance(node, yaml.MappingNode):
        return None
    merged: list[Any] = []
    for name, value in node.value:
        if name.value == part:
            return name, value
        if name.value == "<<":
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
    return next((found for other in merged if (found := _step(other, part))), None)


_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_FOLD = re.compile(r"[ \t]*(?:\r\n|[\n\r])\s*")
_ESCAPED_BREAK = re.compile(r"\\(?:\r\n|[\n\r])[ \t]*")
_ESCAPE_LENGTHS = {"x": 4, "u": 6, "U": 10}
_BLOCK = re.compile(r"[|>][^\n]*\n(?:[ \t]*\n)*(?P<indent>[ ]*)")


def span_in_scalar(source: SourceFile, line: int, column: int, offset: int, length: int = 1) -> Span:
    """The place of a character of a scalar's value, in the text of the file. The scalar begins at `line`, `column`."""
    text, starts = source.text, starts_of(source.text)
    begin = starts[line - 1] + column - 1
    start, end = (_raw_index(text, begin, offset + size) for size in (0, max(1, length)))
    row = bisect_right(starts, start) - 1
    width = max(1, min(end - start, len(lines_of(text)[row]) - (start - starts[row])))
    first = start - starts[row] + 1
    return Span(source.path, row + 1, first, first + width)


def _raw_index(text: str, index: int, offset: int) -> int:
    """Where the character `offset` of a scalar's value stands in the text, undoing escapes, folding and indentation."""
    index = _properties_end(text, index)
    style = text[index : index + 1]
    if style in ("|", ">") and (block := _BLOCK.match(text, index)):
        return _raw_in_block(text, block.end(), len(block["indent"]), offset)
    if style in ('"', "'"):
        index += 1
    while offset > 0 and index < len(text):
        if fold := _FOLD.match(text, index):
            breaks = fold.group().count("\n") or 1
            taken = max(1, breaks - 1)
            if offset < taken:
                return index
            offset -= taken
            index = fold.end()
            continue
        if style == '"' and text[index] == "\\":
            if broken := _ESCAPED_BREAK.match(text, index):
                index = broken.end()
                continue
            index += _ESCAPE_LENGTHS.get(text[index + 1 : index + 2], 2)
        elif style == "'" and text.startswith("''", index):
            index += 2
        else:
            index += 1
        offset -= 1
    if style == '"' and (broken := _ESCAPED_BREAK.match(text, index)):
        index = broken.end()
    return min(index, len(text) - 1)


def _properties_end(text: str, index: int) -> int:
    found = _PROPERTIES.match(text, index)
    return found.end() if found else index


def _raw_in_block(text: str, index: int, indent: int, offset: int) -> int:
    while offset > 0 and index < len(text):
        if text[index] == "\n":
            index += 1
            blank = 0
            while index < len(text) and blank < indent and text[index] == " ":
                index, blank = index + 1, blank + 1
        else:
            index += 1
        offset -= 1
    return min(index, len(text) - 1)
