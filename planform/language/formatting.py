"""The one layout of a *.pf.yaml: order of blocks, indentation and quotes. Comments stay with what they are about.

The text is read into items (a key or list entry with the comments over, beside and after it), which are put in order
and printed. What was printed is read once more: a layout that says something else is never handed out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import yaml

from planform.core.configuration import SourceFile
from planform.core.errors import PlanformError
from planform.language.broken_yaml import Loader
from planform.language.documents import load_document, resolve

WIDTH = 120
BLOCKS = (
    *("planform", "provider", "variable", "locals", "defaults", "data", "resource", "module"),
    *("moved", "import", "removed", "check", "output"),
)
_RANKS: Mapping[str, int] = {"source": -3, "count": -2, "for_each": -2, "enabled": -2, "provider": -1, "region": -1}
_LAST: Mapping[str, int] = {"depends_on": 1, "lifecycle": 2}
_OF_THE_FILE = ("# yaml-language-server:", "#!", "# vim:", "# -*-")  # not about the block they stand over
# Line breaks and blanks that another layout could lose: what holds them is written on one line, escaped.
_FRAGILE = re.compile("[\x85\u2028\u2029]|\\\\[ \t]+(?:\n|$)")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s*(?:#[^\n]*\s*)*)+")
_TRAILING = re.compile(r"[ \t]*,?[ \t]*(#[^\n]*)")
_COLON = re.compile(r"\s*:")


def format_text(source: SourceFile, *, is_module: bool = True) -> str:
    """The text of a file in its one layout. Only in a module do blocks and meta-arguments have an order.

    Raises:
        Diagnosed: the file cannot be read.
    """
    source = SourceFile(source.path, source.text.replace("\r\n", "\n").replace("\r", "\n"))
    load_document(source)
    before = _Reader(source.text).document()
    if is_module:
        _put_in_order(before.root.value)
    text = "".join(f"{line}\n" for line in _document_lines(before))
    try:
        kept = _meaning(_Reader(text).document().root.value) == _meaning(before.root.value)
    except yaml.YAMLError:
        kept = False
    if not kept:
        raise PlanformError(f"{source.path} cannot be laid out without changing what it says; it is left as it is.")
    return text


@dataclass(slots=True)
class _Node:
    """A value. A scalar has its text in `lines`; a collection has `items`, and comments after the last of them."""

    kind: Literal["plain", "quoted", "block", "alias", "mapping", "list"]
    properties: str = ""
    value: str = ""
    lines: list[str] = field(default_factory=list)
    flow: bool = False
    items: list[_Item] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Item:
    """An entry of a mapping or a list; the whole document is one too. In comments "" is a blank line."""

    before: list[str]
    key: _Node | None
    value: _Node
    trailing: str


class _Document(NamedTuple):
    prologue: list[str]  # directives and ---
    root: _Item


class _Note(NamedTuple):
    """A comment between two tokens, or a blank line. `own`: nothing stands before it on its line."""

    column: int
    text: str
    own: bool
    end: int


# Reading


class _Reader:
    """Puts the events of a text and the comments between them together. `position`: what is before it was used."""

    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0
        self.events: Any = Loader(text)

    def next(self) -> Any:
        return self.events.get_event()

    def document(self) -> _Document:
        self.next()
        event = self.next()
        if type(event) is yaml.StreamEndEvent:
            tail = self.tail(len(self.text), 0)
            return _Document([], _Item(tail, None, _Node("plain"), ""))
        prologue: list[str] = []
        if event.explicit:
            self.position = event.end_mark.index
            prologue = [line.rstrip() for line in self.text[: self.position].split("\n")]
        event = self.next()
        if _is_block(event) and not _has_properties(event):
            root = _Item([], None, self.node(event, 0), "")
        else:
            root = self.item([], None, "", event, -1)
        root.value.tail += self.tail(len(self.text), 0)
        return _Document(prologue, root)

    def node(self, event: Any, column: int) -> _Node:
        """The value that begins with `event`. Comments further left than `column` are not about its inside."""
        kind = type(event)
        if kind is yaml.AliasEvent:
            self.position = event.end_mark.index
            return _Node("alias", value=event.anchor, lines=[f"*{event.anchor}"])
        properties = [f"&{event.anchor}"] if event.anchor is not None else []
        if event.tag is not None:
            properties.append(event.tag.replace("tag:yaml.org,2002:", "!!"))
        if kind is yaml.ScalarEvent:
            return self.scalar(event, " ".join(properties))
        is_mapping = kind is yaml.MappingStartEvent
        node = _Node("mapping" if is_mapping else "list", " ".join(properties), flow=bool(event.flow_style))
        if node.flow:
            self.position = self.begin(event) + 1
        else:
            column = max(column, event.start_mark.column)
        while type(event := self.next()) not in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            node.items.append(self.entry(event, column) if is_mapping else self.item([], None, "", event, column))
        if node.flow:
            node.tail = [note.text for note in self.notes(event.end_mark.index - 1)]
            self.position = max(self.position, event.end_mark.index)
        else:
            node.tail = self.tail(event.start_mark.index, column)
        return node

    def entry(self, event: Any, column: int) -> _Item:
        before = [note.text for note in self.notes(self.begin(event))]
        key = self.node(event, column)
        before += key.tail
        if colon := _COLON.match(self.text, self.position):
            self.position = colon.end()
        return self.item(before, key, self.trailing(), self.next(), column)

    def item(self, before: list[str], key: _Node | None, trailing: str, event: Any, column: int) -> _Item:
        """An entry whose value begins with `event`. Of several comments at ends of lines the last stays at one."""
        beside = [trailing]
        block = _is_block(event)
        if key is None or not block or _has_properties(event):
            notes = self.notes(event.start_mark.index if block else self.begin(event))
            before += [note.text for note in notes if note.own and (note.text or key is None)]
            beside += [note.text for note in notes if not note.own]
        if block and _has_properties(event):
            line = self.text[event.start_mark.index :].partition("\n")[0]
            self.position = event.start_mark.index + len(line.partition(" #")[0].rstrip())
            beside.append(self.trailing())
        value = self.node(event, column + 1)
        if value.kind == "block" or (value.flow and not value.items):
            beside, value.tail = beside + value.tail, []
        if not block:
            beside.append(self.trailing())
        if value.kind == "plain" and not value.value and key is not None:
            value.tail = self.tail(self.events.peek_event().start_mark.index, column + 1)
        beside = [text for text in beside if text]
        return _Item(before + beside[:-1], key, value, beside[-1] if beside else "")

    def scalar(self, event: Any, properties: str) -> _Node:
        raw, value = self.text[self.begin(event) : event.end_mark.index], event.value
        self.position = max(self.position, event.end_mark.index)  # nothing ends before a comment beside it
        if event.style in ("|", ">"):
            return self.block_scalar(event, raw, properties)
        kind: Literal["plain", "quoted"] = "quoted" if event.style else "plain"
        simple = '"' not in value and "\\" not in value
        if _FRAGILE.search(raw):
            raw = _quoted(value)
        elif event.style == "'" and simple:
            raw = '"' + raw[1:-1].replace("''", "'") + '"'
        elif kind == "plain" and ("${" in value or "%{" in value):
            kind, raw = "quoted", f'"{raw}"' if simple else f"'{raw}'" if "'" not in value else _quoted(value)
        first, *rest = raw.split("\n")
        return _Node(
            kind, properties, value, [first.rstrip(), *(line.strip(" \t") for line in rest)] if rest else [raw]
        )

    def block_scalar(self, event: Any, raw: str, properties: str) -> _Node:
        value = event.value
        header, _, content = raw.partition("\n")
        comment = [f"#{header.partition('#')[2]}".rstrip()] if "#" in header else []
        written = content.split("\n")
        width = _indentation(written) - _indentation(value.split("\n"))
        while written and not written[-1][width:]:
            written.pop()
        # Blank lines at the end belong to a text that ends with several, else to nobody.
        unused = 0 if value.endswith("\n\n") else len(content) - len("\n".join(written))
        self.position = event.end_mark.index - (unused or raw.endswith("\n"))
        if not value.strip() or _FRAGILE.search(value):
            return _Node("quoted", properties, value, [_quoted(value)], tail=comment)
        style = header[0]
        if style == ">" and not re.match(r">[-+]?\d", header):
            lines, indent = [line[width:] for line in written], ""
        else:
            style, lines = "|", value.rstrip("\n").split("\n")
            indent = "2" if re.match(r"\n* ", value) else ""
        # Told from the value, since a text that ends with the file may lack its line break.
        ends = len(value) - len(value.rstrip("\n"))
        lines = [f"{style}{indent}{('-', '', '+')[min(ends, 2)]}", *lines, *[""] * (ends - 1)]
        return _Node("block", properties, value, lines, tail=comment)

    def begin(self, event: Any) -> int:
        """Where a value begins, after its anchor and tag."""
        index: int = event.start_mark.index
        found = _PROPERTIES.match(self.text, index) if _has_properties(event) else None
        return min(found.end(), event.end_mark.index) if found else index

    def notes(self, until: int) -> list[_Note]:
        found = list(self.look(until))
        self.position = max(self.position, until)
        return found

    def look(self, until: int) -> Iterator[_Note]:
        begin = self.position
        lines = self.text[begin:until].split("\n")
        for number, line in enumerate(lines):
            code, hash_sign, comment = line.partition("#")
            fresh = begin == 0 or self.text[begin - 1] == "\n"
            if hash_sign:
                yield _Note(len(code), f"#{comment}".rstrip(), fresh and not code.strip(), begin + len(line))
            elif fresh and not line.strip() and number < len(lines) - 1:
                yield _Note(0, "", True, begin + len(line))
            begin += len(line) + 1

    def trailing(self) -> str:
        """The comment at the end of the line of the last token."""
        found = _TRAILING.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found[1].rstrip() if found else ""

    def tail(self, until: int, column: int) -> list[str]:
        """The comments that follow, as long as none stands further left than `column`."""
        notes, taken = list(self.look(until)), 0
        for number, note in enumerate(notes, 1):
            if note.text and note.column < column:
                break
            if note.text:
                taken = number
        if taken:
            self.position = notes[taken - 1].end
        return [note.text for note in notes[:taken]]


def _is_block(event: Any) -> bool:
    return type(event) in (yaml.MappingStartEvent, yaml.SequenceStartEvent) and not event.flow_style


def _has_properties(event: Any) -> bool:
    return type(event) is not yaml.AliasEvent and (event.anchor is not None or event.tag is not None)


def _indentation(lines: list[str]) -> int:
    """Of the first line that is not blank."""
    return next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" ")), 0)


def _quoted(value: str) -> str:
    """The value on one line, in double quotes."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


# Order


def _put_in_order(root: _Node) -> None:
    """Sort the blocks, and the meta-arguments of each resource; unless an alias would then mean another anchor."""
    sortable = [(root, _block_rank)] if root.kind == "mapping" else []
    for block in root.items:
        depth = {"data": 2, "resource": 2, "module": 1}.get(block.key.value if block.key else "", 0)
        level = [block.value] if depth else []
        for _ in range(depth):
            level = [item.value for node in level if node.kind == "mapping" for item in node.items]
        sortable += [(node, _argument_rank) for node in level if node.kind == "mapping"]
    meant, written = dict(_bindings(root, {})), [(node, node.items) for node, _ in sortable]
    for node, rank in sortable:
        node.items = sorted(node.items, key=lambda item: rank(item.key.value if item.key else ""))
    if dict(_bindings(root, {})) != meant:
        for node, items in written:
            node.items = items
        return
    for node, items in written:
        if node.items and node.items[0] is not items[0]:
            _exchange_tops(items[0], node.items[0], is_file=node is root)


def _block_rank(name: str) -> int:
    if name.startswith("x-"):
        return -1
    return BLOCKS.index(name) if name in BLOCKS else len(BLOCKS)


def _argument_rank(name: str) -> int:
    return -4 if name == "<<" else _RANKS.get(name, 0) or _LAST.get(name, 0)


def _bindings(node: _Node, anchors: dict[str, int]) -> Iterator[tuple[int, int]]:
    """Each alias with the anchor it stands for."""
    if node.kind == "alias":
        yield id(node), anchors.get(node.value, 0)
    for item in node.items:
        for inner in (item.key, item.value):
            if inner is not None:
                yield from _bindings(inner, anchors)
    if node.properties.startswith("&"):
        anchors[node.properties[1:].partition(" ")[0]] = id(node)


def _exchange_tops(old: _Item, new: _Item, is_file: bool) -> None:
    """What stands over the first item though it is not about it goes over the item that is first now."""
    blank = new.before[:1] == [""]
    new.before = new.before[blank:]
    if is_file:
        blank = blank or "" in old.before
        size = len(old.before) - old.before[::-1].index("") if "" in old.before else 0
        size = size or sum(text.startswith(_OF_THE_FILE) for text in old.before[:1])
        old.before, new.before = old.before[size:], old.before[:size] + new.before
    if blank:
        old.before.insert(0, "")


# Printing


def _document_lines(document: _Document) -> list[str]:
    root = document.root
    pad = "" if root.value.items else "  "
    lines = [*document.prologue, *root.before, *_value_lines(root.value, "", pad, root.trailing)]
    return lines if root.value.items else lines + root.value.tail


def _value_lines(node: _Node, head: str, pad: str, trailing: str) -> list[str]:
    """`head` and the value beside it; what needs lines of its own stands under them, after `pad`."""
    flat = _one_line(node) if node.flow else None
    if node.items and (flat is None or len(f"{head} {flat}") > WIDTH):
        first = " ".join(filter(None, (head, node.properties, trailing)))
        return [*([first] if first else []), *_item_lines(node, pad)]
    written = [flat or ""] if node.flow else node.lines or [""]
    properties = "" if node.flow else node.properties
    lines = [
        " ".join(filter(None, (head, properties, written[0]))),
        *(pad + line if line else "" for line in written[1:]),
    ]
    if trailing:
        end = 0 if node.kind == "block" else -1
        lines[end] = f"{lines[end]} {trailing}" if lines[end] else trailing
    return [*lines, *_comments(node.tail, pad, lines)] if head else [line for line in lines if line]


def _item_lines(node: _Node, pad: str) -> list[str]:
    lines: list[str] = []
    for item in node.items:
        lines += _comments(item.before, pad, lines)
        if item.key is not None:
            lines += _value_lines(item.value, f"{pad}{_key_text(item.key)}:", f"{pad}  ", item.trailing)
            continue
        first, *rest = _value_lines(item.value, f"{pad}-", f"{pad}  ", item.trailing)
        if item.value.items and rest and not item.value.properties:
            # A comment over the first entry goes over the dash, so that the entry can stand beside it.
            while rest[0].lstrip().startswith("#") or not rest[0]:
                lines.append(rest.pop(0)[2:])
            if first == f"{pad}-":
                first = f"{pad}- {rest.pop(0).lstrip()}"
        lines += [first, *rest]
    return lines + _comments(node.tail, pad, lines)


def _comments(texts: list[str], pad: str, above: list[str]) -> list[str]:
    """Comments and blank lines, no two blank ones in a row, none at the top."""
    lines: list[str] = []
    for text in texts:
        last = lines or above
        if text or (last and last[-1]):
            lines.append(pad + text if text else "")
    return lines


def _one_line(node: _Node) -> str | None:
    """The text of a value between brackets; None when comments need lines of their own."""
    if node.kind == "alias":
        return node.lines[0]
    if any(node.tail):
        return None
    if node.kind not in ("mapping", "list"):
        text = _quoted(node.value) if len(node.lines) > 1 else node.lines[0] or ("" if node.properties else "null")
    else:
        parts = []
        for item in node.items:
            part = _one_line(item.value)
            if part is None or item.trailing or any(item.before):
                return None
            parts.append(part if item.key is None else f"{_key_text(item.key)}: {part}".rstrip())
        text = ", ".join(parts)
        text = f"{{{text}}}" if node.kind == "mapping" else f"[{text}]"
    return " ".join(filter(None, (node.properties, text)))


def _key_text(key: _Node) -> str:
    if key.kind == "alias":
        return f"{key.lines[0]} "
    text = _quoted(key.value) if key.kind == "block" or len(key.lines) > 1 else key.lines[0] or '""'
    return " ".join(filter(None, (key.properties, text)))


def _meaning(node: _Node) -> str:
    """What a value says, whatever its layout and the order of its keys."""
    match node.kind:
        case "alias":
            return f"*{node.value}"
        case "mapping":
            pairs = sorted(f"{_word(item.key)}: {_meaning(item.value)}" for item in node.items)
            return f"{node.properties}{{{', '.join(pairs)}}}"
        case "list":
            return f"{node.properties}[{', '.join(_meaning(item.value) for item in node.items)}]"
        case "plain" if not node.properties.endswith(("!", "!!str")):
            return node.properties + repr(resolve(node.value))
        case _:
            return node.properties + repr(node.value)


def _word(key: _Node | None) -> str:
    """A key is the text that it is written as."""
    return "" if key is None else f"{key.properties}{key.kind == 'alias'}{key.value!r}"
