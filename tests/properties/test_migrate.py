"""Programs made at random: what they say in the open is in the module, whatever way it is written, and it is valid."""

from __future__ import annotations

import ast
from keyword import iskeyword
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from planform.core.configuration import SourceFile
from planform.language.documents import load_document
from planform.language.formatting import format_text
from planform.migrate.document import Written, written
from planform.migrate.objects import is_secret
from planform.migrate.program import converted
from planform.migrate.sources import Script
from planform.project import Options, open_recorded

from .configurations import EXAMPLES

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NAME = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not iskeyword(name) and not is_secret(name)
)
NUMBER = st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False, width=32)
SCALAR = st.none() | st.booleans() | NUMBER | TEXT
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3), max_leaves=6
)


def module_of(program: str) -> Written:
    with TemporaryDirectory() as folder:
        script = Script(str(Path(folder) / "job.py"), ast.parse(program))
        return written([converted(script, folder)], "job", ["job.py"])


def trainer_of(module: Written) -> dict[str, Any]:
    """The body of the one trainer, as planform evaluates it."""
    with TemporaryDirectory() as folder:
        project = open_recorded(Options(Path(folder)), {"main.pf.yaml": module.text})
        (instance,) = project.configuration.instances.values()
        return project.evaluation.body(instance)


@st.composite
def written_down(draw: st.DrawFn, value: Any) -> str:
    """The code of an expression for a value: a literal, or something that comes to the same."""
    if isinstance(value, dict) and draw(st.booleans()):
        inner = ", ".join(f"{name}={draw(written_down(item))}" for name, item in value.items())
        return f"dict({inner})"
    if isinstance(value, dict) and value and draw(st.booleans()):
        return "{**" + repr(dict(list(value.items())[:1])) + ", **" + repr(dict(list(value.items())[1:])) + "}"
    if isinstance(value, str) and draw(st.booleans()):
        cut = draw(st.integers(0, len(value)))
        return draw(
            st.sampled_from(
                (
                    f"({value[:cut]!r} + {value[cut:]!r})",
                    "f" + '"{' + repr(value) + '}"' if not set(repr(value)) & set('"\\\\') else repr(value),
                    f"''.join([{value[:cut]!r}, {value[cut:]!r}])",
                    f"({value!r} if True else None)",
                    f"'{{}}{{}}'.format({value[:cut]!r}, {value[cut:]!r})",
                )
            )
        )
    if isinstance(value, list) and draw(st.booleans()):
        return "[" + ", ".join(draw(written_down(item)) for item in value) + "]"
    return repr(value)


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    hyperparameters = draw(st.dictionaries(NAME, VALUE, max_size=4))
    code = draw(written_down(hyperparameters))
    ways = (
        "{head}est = E('image:1', 'role', 1, 'ml.m5.large', hyperparameters={code})\nest.fit()\n",
        "{head}hp = {code}\nest = E('image:1', 'role', 1, 'ml.m5.large', hyperparameters=hp)\nest.fit()\n",
        "{head}def run(**kw):\n    E('image:1', 'role', 1, 'ml.m5.large', **kw).fit()\nrun(hyperparameters={code})\n",
        "{head}for hp in [{code}]:\n    E('image:1', 'role', 1, 'ml.m5.large', hyperparameters=hp).fit()\n",
        "{head}est = E('image:1', 'role', 1, 'ml.m5.large')\nest.set_hyperparameters(**{code})\nest.fit()\n",
        "{head}class L:\n    def go(self):\n        E('image:1', 'role', 1, 'ml.m5.large', hyperparameters={code}).fit()\n",
    )
    head = "from sagemaker.estimator import Estimator as E\n"
    return draw(st.sampled_from(ways)).format(head=head, code=code), hyperparameters


@EXAMPLES
@given(programs())
def test_what_is_written_down_arrives(program: tuple[str, dict[str, Any]]) -> None:
    code, hyperparameters = program
    module = module_of(code)
    assert format_text(SourceFile("main.pf.yaml", module.text)) == module.text
    found = trainer_of(module).get("hyperparameters") or {}
    assert found == hyperparameters
    assert {name: type(value) for name, value in found.items() if isinstance(value, bool)} == {
        name: bool for name, value in hyperparameters.items() if isinstance(value, bool)
    }


EXPRESSIONS = st.sampled_from(
    (
        "os.environ['X']",
        "os.environ.get('Y', 'y')",
        "get()",
        "args.z",
        "config.BUCKET",
        "x if x else y",
        "f's3://{b}/{c.d}'",
        "[a for a in b]",
        "{k: v for k, v in m.items()}",
        "lambda: 0",
        "await_()",
        "not x",
        "x[0]['y']",
        "a or b or 'c'",
        "1 / 0",
        "'%d' % x",
        "'a' * 10**12",
        "2 ** 10 ** 10",
        "object()",
        "...",
        "b'bytes'",
        "1j",
        "'${var.x} %{ if }'",
        "None",
        "{'a': {**b}}",
    )
)
FIELDS = st.sampled_from(
    (
        *("role", "instance_count", "instance_type", "volume_size", "max_run", "output_path", "tags", "environment"),
        *("hyperparameters", "subnets", "metric_definitions", "distribution", "use_spot_instances", "base_job_name"),
        *("entry_point", "source_dir", "dependencies", "image_uri", "model_uri", "instance_groups", "whatever"),
    )
)


@EXAMPLES
@given(
    st.dictionaries(FIELDS, EXPRESSIONS, max_size=6),
    EXPRESSIONS,
    st.sampled_from(("Estimator", "PyTorch", "HuggingFace")),
)
def test_anything_that_is_not_known_is_a_variable(fields: dict[str, str], inputs: str, kind: str) -> None:
    arguments = ", ".join(f"{name}={code}" for name, code in fields.items())
    module = module_of(f"import os\nfrom sagemaker import {kind}\n{kind}({arguments}).fit({inputs})\n")
    load_document(SourceFile("main.pf.yaml", module.text))
    assert len(module.drafts) == 1
    declared = {variable.name for variable in module.variables}
    assert all(f"${{var.{name}}}" in module.text or f"var.{name}" in module.text for name in declared)
