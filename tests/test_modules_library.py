"""The modules that ship with planform: each example plans as its `plan.txt` says."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from planform.language.sources import library_names
from tests.fake_aws import ACCOUNT, REGION
from tests.test_cases import compare, run_planform, steady

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.parent for path in (ROOT / "modules").glob("*/main.pf.yaml"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_example_plans(
    module: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
    bless: bool,
) -> None:
    folder = tmp_path / "case"
    shutil.copytree(module / "example", folder)
    monkeypatch.chdir(folder)
    if "default_provider: aws" in (folder / "main.pf.yaml").read_text():
        request.getfixturevalue("aws")
    code, out, err = run_planform(capsys, "plan")
    assert (code, err) == (0, "")
    compare(steady(out), module / "example" / "plan.txt", bless)


# Modules whose examples need what may not be here, torch or an engine of Docker: they are applied as their examples on AWS.
ON_AWS = ("distributed-pytorch", "jumpstart-finetune", "xgboost")
AWS = f'  aws: {{region: {REGION}, role: "arn:aws:iam::{ACCOUNT}:role/train", poll_interval_in_seconds: 0.01}}'


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_example_applies_once(
    module: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    folder = tmp_path / "case"
    shutil.copytree(module / "example", folder)
    monkeypatch.chdir(folder)
    if module.name in ON_AWS:
        aws = request.getfixturevalue("aws")
        aws.set(log=["sum=4"])
        aws.client("s3").create_bucket(Bucket="team", CreateBucketConfiguration={"LocationConstraint": REGION})
        aws.client("s3").put_object(Bucket="team", Key="reviews/a.csv", Body=b"1,2\n")
        text = (folder / "main.pf.yaml").read_text().replace("default_provider: local", "default_provider: aws")
        text = re.sub(r"^provider:\n(  .*\n)+", "", text, flags=re.MULTILINE)
        (folder / "main.pf.yaml").write_text(f"{text}provider:\n{AWS}\n")
    code, out, err = run_planform(capsys, "apply", "-y")
    assert (code, err) == (0, ""), out + err
    code, out, _ = run_planform(capsys, "plan", "--detailed-exitcode")
    assert (code, out.startswith("No changes.")) == (0, True), out


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_it_is_laid_out_and_described(module: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_planform(capsys, "fmt", "--check", "--recursive", str(module))[:2] == (0, "")
    assert f"| [`{module.name}`]({module.name}/README.md) |" in (ROOT / "modules" / "README.md").read_text()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_its_page_is_of_the_module(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page shows the example as it is, and what `planform docs --module --into README.md` makes of the module."""
    page = (module / "README.md").read_text()
    assert f"```yaml\n{(module / 'example' / 'main.pf.yaml').read_text()}```" in page
    shutil.copytree(module, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    assert run_planform(capsys, "docs", "--module", "--into", "README.md")[0] == 0
    assert (tmp_path / "copy" / "README.md").read_text() == page
    tables = page.partition("### Resources")[0]
    assert not re.search(r"^\| `\w+` .*\|  \|$", tables, re.MULTILINE), "a variable or output without a description"


def test_a_wheel_carries_them() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "modules" in wheel["only-include"]
    assert wheel["sources"]["modules"] == "planform/_modules"
    assert library_names() == [module.name for module in MODULES]
