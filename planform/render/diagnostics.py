"""Problems as people read them and as `validate -json` writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from planform.core.errors import Diagnostic, Span
from planform.render.style import PLAIN, Style, columns, count, wrap


def diagnostics_text(diagnostics: Sequence[Diagnostic], style: Style = PLAIN) -> str:
    """Every problem, one after another, and how many errors there are when there is more than one."""
    blocks = [diagnostic_text(diagnostic, style) for diagnostic in diagnostics]
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    if errors > 1:
        blocks.append(style.paint(count(errors, "error") + ".", "bold") + "\n")
    return "\n".join(blocks)


def diagnostic_text(diagnostic: Diagnostic, style: Style = PLAIN) -> str:
    """One problem: what, where, the line with the place marked, the values involved, why, and what next."""
    word, hue = ("Error", "red") if diagnostic.severity == "error" else ("Warning", "yellow")
    lines = [wrap(f"{word}: {diagnostic.summary}", style.width)]
    lines[0] = style.paint(f"{word}:", "bold", hue) + style.paint(lines[0][len(word) + 1 :], "bold")
    place = str(diagnostic.span) if diagnostic.span else ""
    if place or diagnostic.address:
        lines.append("  " + ", in ".join(filter(None, (place, diagnostic.address))))
    if diagnostic.span and diagnostic.source.strip():
        lines += _source(diagnostic.span, diagnostic.source, style, hue)
    lines += [f"       | {value}" for value in diagnostic.values]
    if diagnostic.detail:
        lines.append(wrap(diagnostic.detail, style.width - 2, "  "))
    lines += [f"  {span}: {what}" for span, what in diagnostic.related]
    if diagnostic.suggestion:
        lines.append(style.paint(wrap(diagnostic.suggestion, style.width - 2, "  "), "cyan"))
    return "\n".join(lines) + "\n"


def _source(span: Span, source: str, style: Style, hue: str) -> list[str]:
    line = source.rstrip("\r\n").replace("\t", " ")
    start = min(max(span.column - 1, 0), len(line))
    end = min(span.end_column - 1, len(line)) if span.end_column > span.column else start + 1
    # A long line (a flow mapping, a data URI) is shown around its place.
    room = max(style.width - 10, 40)
    if len(line) > room and end > room:
        cut = max(min(start - 15, len(line) - room + 3), 0)
        line, start, end = "..." + line[cut:], start - cut + 3, end - cut + 3
    if len(line) > room:
        line = line[: room - 3] + "..."
        end = max(min(end, len(line)), start + 1)
    marks = " " * columns(line[:start]) + style.paint("^" * max(columns(line[start:end]), 1), "bold", hue)
    return [f"{span.line:6} | {line}", f"       | {marks}"]


def diagnostics_json(diagnostics: Sequence[Diagnostic], texts: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The document of `validate --json`. `texts` are the files by name; without them byte offsets are 0."""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    return {
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": len(diagnostics) - errors,
        "diagnostics": [diagnostic_json(diagnostic, texts or {}) for diagnostic in diagnostics],
    }


def diagnostic_json(diagnostic: Diagnostic, texts: Mapping[str, str]) -> dict[str, Any]:
    """One problem in Terraform's form."""
    related = [f"{span}: {what}" for span, what in diagnostic.related]
    form: dict[str, Any] = {
        "severity": diagnostic.severity,
        "summary": diagnostic.summary,
        "detail": "\n".join(filter(None, (diagnostic.detail, *related, diagnostic.suggestion))),
    }
    if diagnostic.address:
        form["address"] = diagnostic.address
    span = diagnostic.span
    if span is None:
        return form
    end = max(span.end_column, span.column + 1)
    text = texts.get(span.file, "")
    form["range"] = {
        "filename": span.file,
        "start": {"line": span.line, "column": span.column, "byte": _byte(text, span.line, span.column)},
        "end": {"line": span.line, "column": end, "byte": _byte(text, span.line, end)},
    }
    if diagnostic.source:
        code = diagnostic.source.rstrip("\r\n")
        form["snippet"] = {
            "context": diagnostic.address or None,
            "code": code,
            "start_line": span.line,
            "highlight_start_offset": _bytes(code[: span.column - 1]),
            "highlight_end_offset": _bytes(code[: end - 1]),
            "values": [
                {"traversal": traversal, "statement": f"is {statement}"}
                for traversal, _, statement in (value.partition(" is ") for value in diagnostic.values)
            ],
        }
    return form


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _byte(text: str, line: int, column: int) -> int:
    lines = text.splitlines(keepends=True)
    if line > len(lines):
        return 0
    return sum(map(_bytes, lines[: line - 1])) + _bytes(lines[line - 1][: column - 1])
