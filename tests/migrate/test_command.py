"""The command around the conversion: where it writes, what it refuses, and that it runs nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]

TRAINS = """
from sagemaker.estimator import Estimator
Estimator("image:1", "role", 1, "ml.m5.large", base_job_name="{name}").fit("s3://bucket/{name}")
"""


def notebook(*cells: str, language: str = "python") -> str:
    form = [{"cell_type": "code", "source": cell.splitlines(True), "outputs": [], "metadata": {}} for cell in cells]
    return json.dumps({"nbformat": 4, "cells": form, "metadata": {"language_info": {"name": language}}})


def test_the_module_is_written_beside_the_file_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "train.py").write_text(TRAINS.format(name="one"))
    code, out, err = run("migrate", "jobs/train.py")
    assert (code, err) == (0, "")
    assert out.endswith("1 converted, 0 variables, 0 unsupported.\nWrote jobs/main.pf.yaml.\n")
    text = (tmp_path / "jobs" / "main.pf.yaml").read_text()
    assert "one:" in text
    (tmp_path / "jobs" / "train.py").write_text(TRAINS.format(name="two"))
    code, _, err = run("migrate", "jobs/train.py")
    assert code == 1
    assert "jobs/main.pf.yaml exists already; nothing was written." in err
    assert "--force" in err
    assert (tmp_path / "jobs" / "main.pf.yaml").read_text() == text
    assert run("migrate", "--force", "jobs/train.py")[0] == 0
    assert "two:" in (tmp_path / "jobs" / "main.pf.yaml").read_text()


def test_paths_lead_from_the_module_to_the_code(run: Run, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "train.py").write_text(
        "from sagemaker.pytorch import PyTorch\n"
        "PyTorch('t.py', '2.0.0', 'py310', source_dir='src', role='r', instance_count=1, instance_type='ml.m5.large')"
        ".fit({'a': 'file://data', 'b': 's3://bucket/b', 'c': '/abs/data'})\n"
    )
    assert run("migrate", "train.py", "--out", "infra/train")[0] == 0
    text = (tmp_path / "infra" / "train" / "main.pf.yaml").read_text()
    assert "source_dir: ../../src" in text
    assert "a: ../../data, b: s3://bucket/b, c: /abs/data" in text


def test_files_that_planform_reads_are_found_from_the_module(run: Run, tmp_path: Path) -> None:
    for name in ("conf", ".git"):  # files of the same repository may be read
        (tmp_path / name).mkdir()
    (tmp_path / "conf" / "hp.json").write_text('{"epochs": 3}')
    (tmp_path / "train.py").write_text(
        "import json\nfrom sagemaker.estimator import Estimator\n"
        "with open('conf/hp.json') as file:\n    hp = json.load(file)\n"
        "Estimator('image:1', 'role', 1, 'ml.m5.large', hyperparameters=hp).fit()\n"
    )
    assert run("migrate", "train.py", "--out", "infra")[0] == 0
    assert "${jsondecode(file('../conf/hp.json'))}" in (tmp_path / "infra" / "main.pf.yaml").read_text()


def test_what_cannot_be_a_key_is_told(run: Run, tmp_path: Path) -> None:
    program = "from sagemaker.estimator import Estimator\nEstimator('i', 'r', 1, 't', hyperparameters={{'a${{b}}': 1, 'c': 2}}).fit()\n"
    (tmp_path / "train.py").write_text(program.format())
    code, out, _ = run("migrate", "train.py")
    assert code == 0
    assert "the key 'a${b}'" in out
    assert "hyperparameters: {c: 2}" in (tmp_path / "main.pf.yaml").read_text()


def test_what_another_file_makes_is_told(run: Run, tmp_path: Path) -> None:
    """What is imported is not read: that a trainer is left out must be said."""
    (tmp_path / "helpers.py").write_text(
        "from sagemaker.estimator import Estimator\ndef make(): return Estimator('i')\n"
    )
    (tmp_path / "net.py").write_text("class Net: pass\n")
    (tmp_path / "train.py").write_text(
        "import helpers\nfrom helpers import make\nfrom net import Net\n"
        "make().fit()\nmine = helpers.make()\nmine.fit()\nNet().train()\n" + TRAINS.format(name="one")
    )
    code, out, _ = run("migrate", "train.py")
    assert code == 0
    assert "1 converted, 0 variables, 2 unsupported." in out
    assert "helpers.py, which is not read here: migrate that file" in " ".join(out.split())


def test_stdout_has_the_module_and_nothing_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINS.format(name="one"))
    code, out, err = run("migrate", "--stdout", "train.py")
    assert code == 0
    assert out.startswith("# Written by `planform migrate` from train.py.\n")
    assert "1 converted" in err
    assert list(tmp_path.glob("*.yaml")) == []


def test_files_of_one_folder_become_one_module(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        text = f"import os\nbucket = os.environ['{name.upper()}']\n" + TRAINS.format(name="digits")
        (tmp_path / f"{name}.py").write_text(text.replace('"s3://bucket/digits"', 'f"s3://{bucket}/digits"'))
    assert run("migrate", "a.py", "b.py")[0] == 0
    text = (tmp_path / "main.pf.yaml").read_text()
    assert "digits:" in text
    assert "digits_2:" in text
    assert "s3://${var.a}/digits" in text
    assert "s3://${var.b}/digits" in text
    assert run("validate")[0] == 0


def test_a_module_that_is_there_is_added_to(run: Run, tmp_path: Path) -> None:
    trainer = "{training_image: i, source_code: {command: x}, role: '${var.role}'}"
    (tmp_path / "project.pf.yaml").write_text(
        "# ours\nplanform: {name: team, default_provider: aws}\n"
        f"variable: {{role: {{type: string}}}}\nresource: {{trainer: {{one: {trainer}}}}}\n"
    )
    (tmp_path / "train.py").write_text(TRAINS.format(name="one").replace('"role"', "get_execution_role()"))
    assert run("migrate", "train.py")[0] == 0
    text = (tmp_path / "main.pf.yaml").read_text()
    assert "planform: {" not in text
    assert "one_2:" in text
    assert 'role: "${var.role_2}"' in text
    assert run("validate") == (0, "The files are valid.\n", "")


def test_what_is_not_valid_is_said_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "from sagemaker.estimator import Estimator\n"
        "Estimator('image:1', 'role', 1, 'ml.m5.large', max_wait=10, subnets=['subnet-1']).fit()\n"
    )
    code, out, err = run("migrate", "train.py")
    assert code == 1
    assert out.endswith("Wrote main.pf.yaml, which is not valid yet.\n")
    assert "max_wait_time_in_seconds is for spot training only." in err
    assert "subnets needs security_group_ids beside it." in err


def test_nothing_of_the_program_runs(run: Run, tmp_path: Path) -> None:
    leaves = f"open({str(tmp_path / 'ran')!r}, 'w')"
    (tmp_path / "config.py").write_text(leaves)
    text = f"import config\n{leaves}\nimport os; os.system('touch ran')\n[{leaves} for _ in (1, 2)]\n"
    (tmp_path / "train.py").write_text(text + TRAINS.format(name="one") + "assert False\n")
    (tmp_path / "train.ipynb").write_text(notebook("!touch ran", text, TRAINS.format(name="two")))
    assert run("migrate", "train.py", "train.ipynb")[0] == 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        pytest.param("gone.py", None, ["gone.py cannot be read: No such file or directory."], id="missing"),
        pytest.param("data.csv", "a,b", ["data.csv is no Python file and no notebook."], id="not a program"),
        pytest.param("bad.py", "x = (1,\ny = 2\n", ["bad.py:1:5", "x = (1,", "was never closed"], id="syntax"),
        pytest.param("two.py", "print 'hello'\n", ["two.py:1:1", "It is read as Python 3."], id="Python 2"),
        pytest.param("latin.py", b"# caf\xe9\n", ["latin.py:1:1", "not UTF-8"], id="encoding"),
        pytest.param("nul.py", b"x = 1\0\n", ["The code cannot be parsed"], id="null byte"),
        pytest.param("a.ipynb", "cells", ["a.ipynb:1:1", "it is no JSON"], id="no notebook"),
        pytest.param("a.ipynb", '{"worksheets": []}', ["it has no cells", "nbconvert"], id="an old notebook"),
        pytest.param("a.ipynb", notebook("x <- 1", language="R"), ["written in r, not in Python"], id="R"),
        pytest.param("a.ipynb", notebook("x = 1", "y = = 2"), ["a.ipynb:cell 2:1:5", "y = = 2"], id="a cell"),
        pytest.param(
            "other.py", "print('hello')\n", ["other.py: no training was found.", "ModelTrainer"], id="nothing"
        ),
        pytest.param("deep.py", "x = " + "+".join(["1"] * 20000), ["deep.py", "deeply|parsed"], id="deep"),
    ],
)
def test_wrong_input(run: Run, tmp_path: Path, name: str, text: str | bytes | None, says: list[str]) -> None:
    import re

    if text is not None:
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, err = run("migrate", name)
    assert (code, out) == (1, "")
    for part in says:
        assert re.search(part if "|" in part else re.escape(part), err), err
    assert not (tmp_path / "main.pf.yaml").exists()


def test_all_files_that_are_wrong_are_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("(")
    (tmp_path / "b.py").write_text(")")
    _, _, err = run("migrate", "a.py", "b.py", "c.py")
    assert all(name in err for name in ("a.py:1:1", "b.py:1:1", "c.py cannot be read", "3 errors."))


def test_a_program_without_a_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(
        "from sagemaker.predictor import Predictor\nPredictor('endpoint').predict([1])\n"
    )
    code, out, err = run("migrate", "serve.py")
    assert code == 1
    assert "serve.py:2  Predictor(...)" in out
    assert "Nothing of it has a place in a module; nothing was written." in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "There is nothing to migrate."),
        (["--stdout", "--out", "x", "a.py"], "--stdout writes no file"),
        (["--region", "us-west-2", "a.py"], "--region and --profile are for live objects"),
    ],
)
def test_wrong_options(run: Run, words: list[str], says: str) -> None:
    code, _, err = run("migrate", *words)
    assert code == 1
    assert says in err
