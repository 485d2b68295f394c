"""The JSON Schema of the language: what planform accepts passes, what it refuses is flagged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from planform.core.configuration import SourceFile
from planform.core.schemas import NUMBER, ObjectType, Type
from planform.language.documents import Expr, load_document
from planform.language.type_constraints import parse_type
from planform.render.language_schema import DRAFT, Tables, language_schema, variables_schema
from planform.resources import schemas
from planform.wiring import provider_settings

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [
        *ROOT.glob("examples/**/*.pf.yaml"),
        *ROOT.glob("modules/**/*.pf.yaml"),
        *ROOT.glob("tests/cases/plan/**/*.pf.yaml"),
    ]
)


def plain(value: Any) -> Any:
    """What an editor sees: expressions as the text they are written as."""
    if isinstance(value, Expr):
        return value.expression.text
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def document(text: str) -> Any:
    return plain(load_document(SourceFile("x.pf.yaml", text)).value)


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(language_schema(Tables(schemas(), provider_settings())))


def flagged(validator: jsonschema.Draft7Validator, text: str) -> list[str]:
    """The paths that are flagged."""
    return [".".join(map(str, error.absolute_path)) for error in validator.iter_errors(document(text))]


def test_it_is_a_schema_itself(validator: jsonschema.Draft7Validator) -> None:
    assert validator.schema["$schema"] == DRAFT
    jsonschema.Draft7Validator.check_schema(validator.schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_planform_accepts_passes(validator: jsonschema.Draft7Validator, path: Path) -> None:
    assert flagged(validator, path.read_text()) == []


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param("resurce: {}", "", id="block"),
        pytest.param("resource: {trainr: {a: {}}}", "resource", id="type"),
        pytest.param("resource: {job_queue: {a: {priorty: 1}}}", "resource.job_queue.a", id="argument"),
        pytest.param("data: {job_queue: {a: {nam: x}}}", "data.job_queue.a", id="argument of data"),
        pytest.param("module: {m: {inputs: {}}}", "module.m", id="required"),
        pytest.param(
            "resource: {job_queue: {a: {service_environment_order: [x], state: ON}}}",
            "resource.job_queue.a.state",
            id="value of a list",
        ),
        pytest.param(
            "resource: {job_queue: {a: {service_environment_order: [x], priority: high}}}",
            "resource.job_queue.a.priority",
            id="number",
        ),
        pytest.param(
            "resource: {job_queue: {a: {service_environment_order: [x], tags: [1]}}}",
            "resource.job_queue.a.tags",
            id="shape",
        ),
        pytest.param("moved: [{from: a.b}]", "moved.0", id="list"),
        pytest.param("variable: {a: {typ: string}}", "variable.a", id="variable"),
        pytest.param("provider: {local: {executr: process}}", "provider.local", id="provider"),
        pytest.param("planform: {backend: {locl: {}}}", "planform.backend", id="backend"),
    ],
)
def test_a_mistake_is_flagged_where_it_stands(validator: jsonschema.Draft7Validator, text: str, where: str) -> None:
    assert where in flagged(validator, text)


def test_an_expression_may_stand_anywhere(validator: jsonschema.Draft7Validator) -> None:
    text = """
resource:
  job_queue:
    a:
      count: "${var.n}"
      priority: "${1 + 1}"
      state: "${var.state}"
      service_environment_order: "${var.order}"
      tags: "${var.tags}"
      lifecycle: {prevent_destroy: "${var.keep}"}
"""
    assert flagged(validator, text) == []


def test_every_argument_of_every_type_is_there(validator: jsonschema.Draft7Validator) -> None:
    for name, schema in schemas().items():
        block, kind = ("data", name.removeprefix("data.")) if name.startswith("data.") else ("resource", name)
        known = validator.schema["properties"][block]["properties"][kind]["additionalProperties"]["properties"]
        settable = {key for key, item in schema.attributes.items() if not item.computed}
        assert settable <= set(known), name


def values(text: str) -> Type:
    return parse_type(text)


def test_values_of_variables_have_their_types() -> None:
    kind = values("object({a = number, b = optional(list(string))})")
    assert isinstance(kind, ObjectType)
    schema = variables_schema({"size": (NUMBER, "How many."), "shape": (kind, "")})
    jsonschema.Draft7Validator.check_schema(schema)
    check = jsonschema.Draft7Validator(schema)
    assert check.is_valid({"size": 1, "shape": {"a": 1}})
    assert not check.is_valid({"size": "many"})
    assert not check.is_valid({"shape": {"b": []}})
    assert not check.is_valid({"other": 1})
