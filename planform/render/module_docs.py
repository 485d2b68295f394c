"""`planform docs --module`: what a module takes, makes and gives, for its README."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from planform.core.values import Value
from planform.render.values import value_text

BEGIN, END = "<!-- planform docs -->", "<!-- end of planform docs -->"


class VariableRow(NamedTuple):
    name: str
    type: str
    default: Value
    required: bool
    about: str  # what it is for
    sensitive: bool = False


class ModuleFacts(NamedTuple):
    """What is to be known of one module. Pairs are (name, text)."""

    variables: Sequence[VariableRow]
    outputs: Sequence[tuple[str, str]]
    resources: Sequence[tuple[str, str]]  # address, the first line of its block's place
    modules: Sequence[tuple[str, str]]  # name, source


def module_markdown(facts: ModuleFacts) -> str:
    """Tables; a table without rows is left out."""
    variables = [
        [f"`{row.name}`", f"`{row.type}`", _default(row), row.about + " (sensitive)" * row.sensitive]
        for row in facts.variables
    ]
    parts = [
        _table("Variables", ["name", "type", "default", ""], variables),
        _table("Outputs", ["name", ""], [[f"`{name}`", about] for name, about in facts.outputs]),
        _table("Resources", ["address", "where"], [[f"`{name}`", place] for name, place in facts.resources]),
        _table("Modules", ["name", "source"], [[f"`{name}`", f"`{source}`"] for name, source in facts.modules]),
    ]
    return "\n".join(filter(None, parts)) or "This module declares nothing.\n"


def _default(row: VariableRow) -> str:
    if row.required:
        return "**required**"
    return "(sensitive)" if row.sensitive else f"`{value_text(row.default, 60)}`"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    shown = "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)
    return f"### {title}\n\n{shown}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()


def with_docs(text: str, docs: str) -> str:
    """The text with the docs between their marks; without marks, at its end."""
    block = f"{BEGIN}\n\n{docs}\n{END}"
    marked = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if marked.search(text):
        return marked.sub(lambda _: block, text, count=1)
    return f"{text.rstrip()}\n\n{block}\n" if text.strip() else f"{block}\n"
