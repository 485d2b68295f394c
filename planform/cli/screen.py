"""Where a command's words go: results to stdout, problems and progress to stderr, both dressed for what they are."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from planform.core.errors import Diagnostic
from planform.render.style import Style

if TYPE_CHECKING:
    from planform.core.reporter import Reporter

INTERRUPTED = 130  # the exit code of what Ctrl-C ended: 128 and SIGINT


@dataclass(frozen=True, slots=True)
class Screen:
    """The two streams with their styles, and the workspace the command line names."""

    workspace: str
    style: Style
    error_style: Style

    @staticmethod
    def of_terminal(workspace: str, colour: bool | None) -> Screen:
        """Colour where there is a terminal, unless NO_COLOR, TERM=dumb or `colour` says otherwise."""
        return Screen(workspace, _style(sys.stdout, colour), _style(sys.stderr, colour))

    def out(self, text: str) -> None:
        _write(sys.stdout, text)

    def err(self, text: str) -> None:
        _write(sys.stderr, text)

    def json(self, document: Mapping[str, Any]) -> None:
        """One line, as tools made for Terraform want it."""
        self.out(one_line(document))

    def problems(self, diagnostics: Iterable[Diagnostic]) -> None:
        from planform.render.diagnostics import diagnostics_text

        self.err(diagnostics_text(list(diagnostics), self.error_style))

    def success(self, text: str) -> None:
        self.out(self.style.paint(text, "bold", "green") + "\n")

    @contextmanager
    def progress(self) -> Iterator[Reporter]:
        """Shows how far reading and planning have come, on a terminal only; nothing of it stays."""
        from planform.core.reporter import Reporter

        if not sys.stderr.isatty():
            yield Reporter()
            return
        from planform.cli.progress import Progress

        progress = Progress(self.err)
        try:
            yield progress
        finally:
            progress.clear()

    @property
    def is_live(self) -> bool:
        """Whether stdout is a terminal that can redraw itself."""
        return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def one_line(document: Mapping[str, Any]) -> str:
    """JSON as tools made for Terraform want it: on one line."""
    import json

    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _style(stream: TextIO, colour: bool | None) -> Style:
    terminal = stream.isatty()
    if colour is None:
        wanted = terminal and os.environ.get("TERM") != "dumb"
        colour = not os.environ.get("NO_COLOR") and (wanted or bool(os.environ.get("FORCE_COLOR")))
    width = shutil.get_terminal_size((100, 24)).columns if terminal or os.environ.get("COLUMNS") else 100
    return Style(max(width, 40), colour)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
