"""What is wrong with text that is not YAML, in plain words. A repair is offered only if it gets the parser further."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from planform.core.configuration import SourceFile
from planform.core.errors import Diagnostic, Span
from planform.language.text import diagnostic_at, lines_of, source_line

DEPTH = 200  # how deep mappings and lists may be nested
TOO_DEEP = ("Nested too deeply", f"Mappings and lists may be nested {DEPTH} deep.")

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def explain(source: SourceFile, error: Exception) -> Diagnostic:
    """One diagnostic for the first place where reading the text failed."""
    unreadable = _unreadable(source)
    if unreadable is not None:
        return unreadable
    line, column = _place(error)
    if "maximum nesting depth" in str(error):  # libyaml has a limit of its own in front of ours
        span = Span(source.path, line, column, column + 1)
        return diagnostic_at(source, span, *TOO_DEEP)
    for number in dict.fromkeys((line, _line_before(source, line), _context_line(error))):
        if number:
            for summary, detail, repair in _REPAIRS:
                fixed = repair(source_line(source, number))
                if fixed and _gets_further(source, number, fixed[0], line):
                    text, start, end = fixed
                    span = Span(source.path, number, start + 1, end + 1)
                    return diagnostic_at(source, span, summary, detail, f"Write: {text.strip()}")
    return _structure(source, error, line, column)


# Repairs of one line: the new line, and the columns of what was changed.
Repaired = tuple[str, int, int] | None

_TAB = re.compile(r" *\t[ \t]*")
_NO_SPACE = re.compile(r"""^(\s*(?:- +)?(?:[\w.-]+|"[^"]*"|'[^']*')):(?=[^\s:/])""")
_VALUE = re.compile(r"^(\s*(?:- +)*(?:[\w.-]+: +)?)(?=\S)")


def _untab(line: str) -> Repaired:
    found = _TAB.match(line)
    return (found.group().replace("\t", "  ") + line[found.end() :], 0, found.end()) if found else None


def _inner_quotes(line: str) -> Repaired:
    """`"${x["y"]}"`: quotes inside an expression that end the string around it."""
    for outer, inner in (('"', "'"), ("'", '"')):
        # The last string that is broken is mended: what stands before it may be in order.
        end = line.rfind(f"}}{outer}")
        begin = line.rfind(f"{outer}${{", 0, end + 1)
        middle = line[begin + 3 : end]
        if 0 <= begin < end and outer in middle and inner not in middle:
            return line[: begin + 3] + middle.replace(outer, inner) + line[end:], begin, end + 2
    return None


def _quote_expressions(line: str) -> Repaired:
    """Each value with an unquoted `${` or `%{` in quotes."""
    changed: list[tuple[int, int]] = []
    result, position = "", 0
    for start, end, in_flow in _plain_values(line):
        text = line[start:end]
        if ("${" in text or "%{" in text) and not (in_flow and text[0] in "[{"):
            result += line[position:start] + _quoted(text)
            position = end
            changed.append((start, end))
    return (result + line[position:], changed[0][0], changed[-1][1]) if changed else None


def _plain_values(line: str) -> Iterator[tuple[int, int, bool]]:
    """Start, end and whether in brackets, of each unquoted value of a line that may hold expressions."""
    position, depth = 0, 0
    while position < len(line):
        character = line[position]
        if character in "\"'":
            position = _after_quote(line, position)
        elif character in "[{":
            depth, position = depth + 1, position + 1
        elif character in "]}":
            depth, position = depth - 1, position + 1
        elif (
            character.isspace()
            or character == ","
            or (character in "-?:" and line[position + 1 : position + 2] in ("", " "))
        ):
            position += 1
        elif character == "#":
            return
        else:
            end = _plain_end(line, position, depth > 0)
            yield position, end, depth > 0
            position = max(end, position + 1)


def _plain_end(line: str, position: int, in_flow: bool) -> int:
    """Where an unquoted value ends when its expressions are taken as wholes."""
    end = position
    while position < len(line):
        if line.startswith(("${", "%{"), position):
            position = end = _after_expression(line, position + 2)
            continue
        if in_flow and line[position] in ",]}":
            break
        at_colon = line[position] == ":" and line[position + 1 : position + 2] in ("", " ")
        if at_colon and (in_flow or "${" not in line[:position]):
            break
        if line.startswith(" #", position):
            break
        position += 1
        if not line[position - 1].isspace():
            end = position
    return end


def _after_expression(line: str, position: int) -> int:
    depth = 1
    while position < len(line) and depth:
        if line[position] in "\"'":
            position = _after_quote(line, position)
            continue
        depth += (line[position] == "{") - (line[position] == "}")
        position += 1
    return position


def _after_quote(line: str, position: int) -> int:
    quote, position = line[position], position + 1
    while position < len(line) and line[position] != quote:
        position += 2 if line[position] == "\\" and quote == '"' else 1
    return position + 1


def _quoted(text: str) -> str:
    if '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def _space_after_colon(line: str) -> Repaired:
    found = _NO_SPACE.match(line)
    return (f"{found[1]}: {line[found.end() :]}", len(found[1]), len(found[1]) + 1) if found else None


def _quote_value(line: str) -> Repaired:
    found = _VALUE.match(line)
    rest = line[found.end() :].rstrip() if found else ""
    if not found or not rest or rest[0] in "\"'[{&|>" or not found[1].strip():
        return None
    return found[1] + _quoted(rest), found.end(), found.end() + len(rest)


_REPAIRS: tuple[tuple[str, str, Callable[[str], Repaired]], ...] = (
    ("A tab in the indentation", "YAML is indented with spaces.", _untab),
    ("Quotes end this string too early", "The string ends at the first inner quote.", _inner_quotes),
    (
        "Quote this expression",
        "Without quotes YAML takes braces, brackets, colons and # for its own.",
        _quote_expressions,
    ),
    ("A space is missing after the colon", "Without it YAML takes the whole for one word.", _space_after_colon),
    (
        "Quote this text",
        "Unquoted text may not hold `: ` nor begin with a character that YAML uses itself.",
        _quote_value,
    ),
)


def _gets_further(source: SourceFile, number: int, repaired: str, line: int) -> bool:
    """Whether reading gets beyond `line` once line `number` is repaired."""
    lines = list(lines_of(source.text))
    lines[number - 1] = repaired
    try:
        next_event = Loader("\n".join(lines)).get_event
        while next_event() is not None:
            pass
    except yaml.YAMLError as error:
        return max(_place(error)[0], _context_line(error) or 0) > max(line, number) and _place(error)[0] <= len(lines)
    return True


# What no repair of one line mends.


def _structure(source: SourceFile, error: Exception, line: int, column: int) -> Diagnostic:
    problem, context = str(getattr(error, "problem", "") or ""), str(getattr(error, "context", "") or "")
    mark = getattr(error, "context_mark", None)
    here = Span(source.path, line, column, column + 1)
    opened = Span(source.path, mark.line + 1, mark.column + 1, mark.column + 2) if mark else here
    if "quoted scalar" in context and "end of stream" in problem:
        return _unclosed_quote(source, opened)
    scalar, bracket = _progress(source)
    if scalar is not None and scalar.style in ('"', "'") and scalar.end_mark.line > scalar.start_mark.line:
        start = scalar.start_mark
        return _unclosed_quote(source, Span(source.path, start.line + 1, start.column + 1, start.column + 2))
    if "escape character" in problem or "hexdecimal" in problem:
        return diagnostic_at(
            source,
            here,
            "Unknown escape",
            "In double quotes a backslash begins an escape.",
            r"Write \\ for a backslash.",
        )
    if bracket is not None:
        sign, other = ("[", "]") if isinstance(bracket, yaml.SequenceStartEvent) else ("{", "}")
        mark = bracket.start_mark
        opened = Span(source.path, mark.line + 1, mark.column + 1, mark.column + 2)
        if line > opened.line or not source_line(source, line)[column - 1 :].strip():
            detail = f"The {sign} that opens here is never closed."
            suggestion = f"Add {other}, and commas between the elements."
            return diagnostic_at(source, opened, f"Unclosed {sign}", detail, suggestion)
        detail = f"In the {sign} that opens at column {opened.column} a comma or {other} belongs before this."
        suggestion = "Quote text that holds brackets, braces, commas or colons."
        return diagnostic_at(source, here, f"Expected , or {other}", detail, suggestion)
    if "expected ':'" in problem:
        return diagnostic_at(
            source, opened, "Neither a key nor a list item", "This line has no colon.", "Write key: value, or - item."
        )
    if "mapping values are not allowed" in problem:
        before = source_line(source, _line_before(source, line)).strip()
        if before and ":" not in before:
            above = _line_before(source, line)
            start = len(source_line(source, above)) - len(source_line(source, above).lstrip()) + 1
            span = Span(source.path, above, start, start + len(before))
            return diagnostic_at(
                source, span, "A colon is missing", f'"{before}" has lines below it but no colon.', f"Write: {before}:"
            )
        detail = "This line is indented more than the one above, which already has its value."
        return diagnostic_at(source, here, "Wrong indentation", detail, "Align it with its neighbours.")
    if "block mapping" in context or "block collection" in context:
        text = source_line(source, line)
        if text[: column - 1].strip():
            detail = "The value before this is complete, so nothing may follow it on the same line."
            return diagnostic_at(source, here, "Text after the value", detail, "Quote the whole value.")
        detail = (
            f"Column {column} fits no block above; the innermost begins at line {opened.line}, column {opened.column}."
        )
        suggestion = "Indent it like its neighbours; keys and list items (-) cannot be mixed in one block."
        return diagnostic_at(source, here, "Wrong indentation", detail, suggestion)
    said = ": ".join(part for part in (context, problem) if part) or str(error)
    return diagnostic_at(
        source,
        here,
        "This is not YAML",
        f"The parser stopped here {said}.",
        "Quote text that holds special characters.",
    )


def _unclosed_quote(source: SourceFile, opened: Span) -> Diagnostic:
    quote = source_line(source, opened.line)[opened.column - 1 : opened.column]
    detail = f"The string that begins here has no closing {quote} on its line."
    return diagnostic_at(source, opened, "Unclosed quote", detail, f"Add {quote} where the string ends.")


_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _unreadable(source: SourceFile) -> Diagnostic | None:
    found = _FORBIDDEN.search(source.text.removeprefix("\ufeff"))
    if found is None:
        return None
    before = found.string[: found.start()]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    span = Span(source.path, line, column, column + 1)
    detail = f"The character U+{ord(found.group()):04X} stands here; YAML allows no control characters."
    shown = Diagnostic(
        "A character that cannot stand in YAML",
        detail,
        span,
        "",
        "Remove it, or write it as an escape in double quotes.",
    )
    return shown


def _progress(source: SourceFile) -> tuple[Any, Any]:
    """The scalar read last before reading fails, and the innermost bracket that was open then."""
    scalar = None
    opened: list[Any] = []
    try:
        next_event = Loader(source.text).get_event
        while (event := next_event()) is not None:
            if isinstance(event, yaml.ScalarEvent):
                scalar = event
            elif isinstance(event, yaml.CollectionStartEvent):
                opened.append(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                opened.pop()
    except yaml.YAMLError:
        return scalar, opened[-1] if opened and opened[-1].flow_style else None
    return None, None


def _place(error: Exception) -> tuple[int, int]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _context_line(error: Exception) -> int | None:
    mark = getattr(error, "context_mark", None)
    return mark.line + 1 if mark else None


def _line_before(source: SourceFile, line: int) -> int:
    """The nearest line above that says something; 0 when there is none."""
    while line > 1:
        line -= 1
        text = source_line(source, line).strip()
        if text and not text.startswith("#"):
            return line
    return 0
