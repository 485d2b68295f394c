"""Small schemas, modules made of texts, and diagnostics as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from planform.core.configuration import Configuration
from planform.core.errors import Diagnosed, Diagnostic, PlanformError
from planform.core.schemas import (
    ANY,
    NUMBER,
    STRING,
    Attribute,
    Misfit,
    Nested,
    Schema,
    attributes,
    list_of,
    map_of,
    set_of,
)
from planform.core.values import Object, Value
from planform.language.blocks import Module
from planform.language.expand import expand
from planform.language.files import DiskFiles
from planform.language.modules import load
from planform.language.scope import Evaluation
from planform.language.variables import variable_values

NOW = "2026-01-02T03:04:05Z"


def _no_b(body: Object) -> list[Misfit]:
    return [Misfit(("a",), "a and b exclude each other.")] if "a" in body and "b" in body else []


SCHEMAS = {
    schema.type: schema
    for schema in (
        Schema(
            "trainer",
            "A training definition.",
            attributes(
                queue=Attribute(STRING),
                compute=Attribute(
                    Nested(
                        attributes(
                            instance_type=Attribute(STRING, required=True),
                            instance_count=Attribute(NUMBER, default=1, minimum=1, maximum=8),
                        )
                    )
                ),
                hyperparameters=Attribute(map_of(ANY)),
                tags=Attribute(map_of(STRING)),
                model_artifacts=Attribute(STRING, computed=True),
                job_name=Attribute(STRING, computed=True),
            ),
        ),
        Schema(
            "job_queue",
            "A queue.",
            attributes(
                priority=Attribute(NUMBER, required=True, doc="Higher goes first."),
                order=Attribute(list_of(STRING)),
                shares=Attribute(set_of(STRING)),
                arn=Attribute(STRING, computed=True),
            ),
        ),
        Schema(
            "planform_data",
            "A value.",
            attributes(input=Attribute(ANY), output=Attribute(ANY, computed=True), id=Attribute(STRING, computed=True)),
        ),
        Schema("pair", "Either or.", attributes(a=Attribute(ANY), b=Attribute(ANY)), check=_no_b),
    )
}


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def load_text(folder: Path, main: str, **files: str) -> Module:
    """The module of `main`; the other files are named by path, with `__` for a slash and no suffix."""
    named = {name.replace("__", "/") + ".pf.yaml": text for name, text in files.items()}
    return load(str(write(folder, {"main.pf.yaml": main, **named})), SCHEMAS)


def expanded(
    folder: Path, main: str, variables: Mapping[str, Value] | None = None, **files: str
) -> tuple[Configuration, Evaluation]:
    module = load_text(folder, main, **files)
    values = variable_values(module, str(folder), "default")[0] if variables is None else dict(variables)
    return expand(module, values, "default", DiskFiles(str(folder)), NOW)


def underlined(diagnostic: Diagnostic) -> str:
    """The text at the place of a diagnostic."""
    span = diagnostic.span
    return diagnostic.source[span.column - 1 : span.end_column - 1] if span else ""


def told(error: PlanformError) -> list[tuple[str, str, str]]:
    """Place with underlined text, summary, and all the rest of each diagnostic of an error."""
    assert isinstance(error, Diagnosed)
    return [
        (
            f"{item.span.file}:{item.span.line} {underlined(item)}" if item.span else "",
            item.summary,
            " ".join(
                (item.detail, item.suggestion, *item.values, *(f"[{place}: {text}]" for place, text in item.related))
            ),
        )
        for item in error.problems
    ]
