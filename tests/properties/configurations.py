"""Random configurations: resources that refer to each other, repeated and in modules, as text and as a project."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from planform.project import Options, Project, open_project

Files: TypeAlias = Mapping[str, Any]  # path -> document
Block: TypeAlias = dict[str, Any]

# The same examples each time; more of them, and others, by e.g. PLANFORM_EXAMPLES=1000.
_MANY = int(os.environ.get("PLANFORM_EXAMPLES", "0"))
EXAMPLES = settings(
    max_examples=_MANY or 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not _MANY,
    database=None,
)

SINGLE, COUNTED, EACH = "single", "count", "for_each"


def _reference(kind: str, name: str, repetition: str, attribute: str) -> str:
    base = f"{kind}.{name}"
    if repetition == COUNTED:
        return f"${{{base}[0].{attribute}}}"
    return f"${{{base}['k'].{attribute}}}" if repetition == EACH else f"${{{base}.{attribute}}}"


@st.composite
def resources(draw: st.DrawFn, names: str) -> tuple[dict[str, dict[str, Block]], list[str]]:
    """A `resource` block, and an expression for each resource that others may refer to."""
    found: dict[str, dict[str, Block]] = {}
    values: list[str] = ["${var.size}", "${local.text}"]
    environments: list[str] = []
    for number in range(draw(st.integers(1, 5))):
        name = f"{names}{number}"
        kind = draw(st.sampled_from(["planform_data", "planform_data", "service_environment", "job_queue"]))
        if kind == "job_queue" and not environments:
            kind = "service_environment"
        body: Block
        if kind == "planform_data":
            body = {"input": draw(_inputs(values))}
            if draw(st.booleans()):
                body["triggers_replace"] = draw(st.sampled_from([[1], [2], ["${var.size}"]]))
        elif kind == "service_environment":
            body = {"capacity_limits": [{"max_capacity": draw(st.integers(1, 3))}]}
        else:
            body = {
                "priority": draw(st.integers(0, 9)),
                "service_environment_order": [draw(st.sampled_from(environments))],
            }
            if draw(st.booleans()):
                body["tags"] = {"size": "${var.size}"}
        repetition = draw(st.sampled_from([SINGLE, SINGLE, COUNTED, EACH, "enabled"]))
        if repetition == COUNTED:
            body["count"] = draw(st.integers(1, 3))
        elif repetition == EACH:
            body["for_each"] = draw(st.sampled_from([{"k": 1}, {"k": 1, "l": "${var.size}"}, "${local.each}"]))
        elif repetition == "enabled":
            body["enabled"] = draw(st.sampled_from([True, False, "${var.size > 1}"]))
        lifecycle = draw(_lifecycles(kind))
        if lifecycle:
            body["lifecycle"] = lifecycle
        found.setdefault(kind, {})[name] = body
        if repetition != "enabled":
            if kind == "service_environment":
                environments.append(_reference(kind, name, repetition, "arn"))
            values.append(_reference(kind, name, repetition, "output" if kind == "planform_data" else "name"))
    return found, values


def _inputs(values: list[str]) -> st.SearchStrategy[Any]:
    reference = st.sampled_from(values)
    return st.one_of(
        reference,
        st.integers(0, 3),
        st.lists(reference, max_size=2),
        st.fixed_dictionaries({"a": reference, "b": st.sampled_from([None, True, "x", 1.5])}),
        reference.map(lambda text: f"${{jsonencode({text[2:-1]})}}"),
    )


def _lifecycles(kind: str) -> st.SearchStrategy[Block]:
    choices: list[Block] = [{}, {}, {"replace_triggered_by": []}]
    if kind == "planform_data":
        choices += [{"create_before_destroy": True}, {"ignore_changes": ["input"]}]
    else:
        choices += [{"ignore_changes": ["tags"]}]
    return st.sampled_from(choices)


@st.composite
def configurations(draw: st.DrawFn) -> Files:
    """The files of a root module, perhaps with a child module that is called once or several times."""
    own, values = draw(resources("r"))
    outputs: dict[str, Any] = {
        f"o{number}": {"value": text, "sensitive": draw(st.booleans())}
        for number, text in enumerate(draw(st.lists(st.sampled_from(values), max_size=2)))
    }
    main: Block = {
        "planform": {"name": "p", "default_provider": "local"},
        "variable": {"size": {"type": "number", "default": draw(st.integers(1, 3))}},
        "locals": {"text": "size ${var.size}", "each": {"k": "${var.size}"}},
        "resource": own,
        "output": outputs,
    }
    if draw(st.booleans()):
        main["defaults"] = {"planform_data": {"triggers_replace": [draw(st.integers(0, 1))]}}
    if not draw(st.booleans()):
        return {"main.pf.yaml": main}
    inner, inside = draw(resources("i"))
    call: Block = {"source": "./child", "inputs": {"size": draw(st.sampled_from([1, 2, "${var.size}"]))}}
    if draw(st.booleans()):
        call["for_each"] = {"k": 1, "m": 2}
        main["output"]["child"] = {"value": "${{for key, one in module.child : key => one.x}}"}
    else:
        main["output"]["child"] = {"value": "${module.child.x}"}
    main["module"] = {"child": call}
    child = {
        "variable": {"size": {"type": "number"}},
        "locals": main["locals"],
        "resource": inner,
        "output": {"x": {"value": draw(st.sampled_from(inside))}},
    }
    return {"main.pf.yaml": main, "child/main.pf.yaml": child}


def text_of(document: Any) -> str:
    """JSON is YAML."""
    return json.dumps(document, indent=1)


@contextmanager
def folder_of(files: Files) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="planform-property-") as name:
        folder = Path(name)
        put(folder, files)
        yield folder


def put(folder: Path, files: Files) -> None:
    """Make these the files of the project; its state stays."""
    for old in [*folder.glob("*.pf.yaml"), *folder.glob("child")]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    for name, document in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(document if isinstance(document, str) else text_of(document))


def project_in(folder: Path) -> Project:
    return open_project(Options(folder))
