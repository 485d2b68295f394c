"""`planform docs` and `planform schema`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planform.core.configuration import SourceFile
from planform.language.documents import load_document
from planform.language.expand import expand
from planform.language.files import DiskFiles
from planform.language.modules import load
from planform.resources import schemas
from tests.test_cases import run_planform

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
EXAMPLES = [pytest.param(schema.example, id=name) for name, schema in schemas().items()]


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_module(example: str, tmp_path: Path) -> None:
    (tmp_path / "main.pf.yaml").write_text(f"planform: {{name: p}}\n{example}")
    configuration, _ = expand(
        load(str(tmp_path), schemas()), {"release": "v1"}, "default", DiskFiles(str(tmp_path)), ""
    )
    assert configuration.instances or configuration.data


def test_the_list_names_every_type(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run_planform(capsys, "docs")
    assert code == 0
    assert [name for name in schemas() if f"\n{name} " not in f"\n{out}"] == []


def test_a_page_tells_every_argument_and_what_its_change_means(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run_planform(capsys, "docs", "trainer")
    assert [name for name in schemas()["trainer"].attributes if f"\n  {name}  " not in out] == []
    assert "compute.instance_count  number, default 1, a change means a new run" in out
    assert "queue  string, takes effect at the next run" in out


def test_a_page_about_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run_planform(capsys, "docs", "trainr")
    assert (code, err) == (1, 'Error: There is no page about trainr.\n  Did you mean "trainer"?\n')


def test_the_reference_is_what_docs_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bless: bool
) -> None:
    folder = REFERENCE if bless else tmp_path
    assert run_planform(capsys, "docs", "--out", str(folder))[0] == 0
    written = {path.name: path.read_text() for path in folder.iterdir()}
    assert written == {path.name: path.read_text() for path in REFERENCE.iterdir()}


def test_pages_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("")
    code, _, err = run_planform(capsys, "docs", "--out", str(tmp_path / "taken"))
    assert code == 1
    assert "File exists" in " ".join(err.split())


# schema


def test_the_schema_goes_into_a_file_and_says_how_editors_find_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run_planform(capsys, "schema", "--out", str(tmp_path / "a" / "planform.json"))
    assert code == 0
    assert out.endswith(f"# yaml-language-server: $schema={tmp_path}/a/planform.json\n")
    assert json.loads((tmp_path / "a" / "planform.json").read_text())["title"] == "planform"


def test_the_schema_of_variable_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "main.pf.yaml").write_text(
        "variable: {rate: {type: number, description: How fast.}, sizes: {type: list(string)}}"
    )
    monkeypatch.chdir(tmp_path)
    code, out, _ = run_planform(capsys, "schema", "--pfvars")
    assert code == 0
    properties = json.loads(out)["properties"]
    assert properties["rate"]["description"] == "How fast."
    assert set(properties) == {"rate", "sizes"}


def test_the_schema_into_a_place_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = run_planform(capsys, "schema", "--out", str(tmp_path / "file" / "s.json"))
    assert code == 1
    assert "File exists" in " ".join(err.split())


def test_examples_are_laid_out() -> None:
    from planform.language.formatting import format_text

    for name, schema in schemas().items():
        source = SourceFile(f"{name}.pf.yaml", schema.example)
        assert load_document(source).value
        assert sorted(format_text(source).splitlines()) == sorted(schema.example.splitlines()), name


def test_a_new_project_has_the_schema_and_its_first_line_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_planform(capsys, "init", "new")[0] == 0
    first = (tmp_path / "new" / "main.pf.yaml").read_text().splitlines()[0]
    name = first.removeprefix("# yaml-language-server: $schema=")
    schema = tmp_path / "new" / name
    assert json.loads(schema.read_text()) == json.loads(run_planform(capsys, "schema")[1])
    assert ".planform/" in (tmp_path / "new" / ".gitignore").read_text()
    # Whoever clones the project, or has another planform now, makes it ready by the same command.
    schema.write_text("of an older planform")
    monkeypatch.chdir(tmp_path / "new")
    assert run_planform(capsys, "init")[0] == 0
    assert json.loads(schema.read_text())["title"] == "planform"


def test_a_build_makes_the_schema_with_the_standard_library_alone(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[2]
    script = (
        f"import runpy, pathlib; print(runpy.run_path('hatch_build.py')['schema_text'](pathlib.Path({str(root)!r})))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == json.loads(run_planform(capsys, "schema")[1])
