"""`planform ci`: the workflows it writes, the comment it keeps, the reviewed plan it fetches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.fakes.forge import TOKEN, Forge, served
from tests.test_cases import run_planform

Capture = pytest.CaptureFixture[str]
PLAN = "<!-- planform:models/a:default -->\n### planform plan\n"
SHA, HEAD = "abcd" * 10, "1234" * 10


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    root = tmp_path / "models" / "a"
    root.mkdir(parents=True)
    (root / "main.pf.yaml").write_text("planform: {name: a}\n")
    monkeypatch.chdir(root)
    return tmp_path


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with served() as forge:
        (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
        github = {
            "GITHUB_ACTIONS": "true", "GITHUB_API_URL": forge.url, "GITHUB_REPOSITORY": "team/models",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_SHA": SHA, "GITHUB_TOKEN": TOKEN,
        }  # fmt: skip
        gitlab = {
            "GITLAB_CI": "true", "CI_API_V4_URL": f"{forge.url}/api/v4", "CI_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_IID": "7", "CI_COMMIT_SHA": SHA, "PLANFORM_GITLAB_TOKEN": TOKEN,
        }  # fmt: skip
        for name, value in (github if request.param == "github" else gitlab).items():
            monkeypatch.setenv(name, value)
        yield forge


@pytest.mark.parametrize("every", [[], ["--all"]], ids=["one root", "all roots"])
@pytest.mark.parametrize("folder", [".", "models/a"])
def test_workflows_pin_what_they_use_and_ask_for_little(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, folder: str, every: list[str]
) -> None:
    (repository / "main.pf.yaml").write_text("planform: {name: top}\n")
    monkeypatch.chdir(repository / folder)
    code, out, _ = run_planform(capsys, "ci", "init", "github", *every)
    assert code == 0
    suffix = "" if folder == "." else "-models-a"
    paths = sorted((repository / ".github" / "workflows").iterdir())
    assert [path.name for path in paths] == [f"planform-{name}{suffix}.yml" for name in ("apply", "drift", "plan")]
    assert "permissions plan" in out
    for path in paths:
        text = path.read_text()
        assert not any("@" in line for line in text.splitlines() if "uses:" not in line)  # each word is filled in
        flow = yaml.safe_load(text)
        assert flow["permissions"] == {}
        assert flow["concurrency"]["group"].startswith("planform-")
        (job,) = flow["jobs"].values()
        assert job["defaults"]["run"]["working-directory"] == folder
        for step in job["steps"]:
            if "uses" in step:
                assert len(step["uses"].partition("@")[2]) == 40
        writes = {name for name, level in job["permissions"].items() if level == "write"}
        more = {"plan": "pull-requests", "drift": "issues"}.get(
            path.name.split(suffix or ".")[0].split("-")[1].split(".")[0]
        )
        assert writes == {"id-token", more} - {None}
        assert not any("secrets." in str(step) for step in job["steps"])
        assert set(flow[True]) <= {
            "pull_request",
            "push",
            "schedule",
            "workflow_dispatch",
        }  # `on` is a boolean of YAML 1.1


def test_workflows_work_in_the_workspace_that_they_were_written_in(repository: Path, capsys: Capture) -> None:
    for forge in ("github", "gitlab"):
        assert run_planform(capsys, "ci", "init", forge)[0] == 0
        assert run_planform(capsys, "-w", "cloud", "ci", "init", forge)[0] == 0
    folder = repository / ".github" / "workflows"
    for name in ("apply", "drift", "plan"):
        for suffix, workspace in (("models-a", "default"), ("models-a-cloud", "cloud")):
            flow = yaml.safe_load((folder / f"planform-{name}-{suffix}.yml").read_text())
            (job,) = flow["jobs"].values()
            assert job["env"] == {"PLANFORM_WORKSPACE": workspace}
            assert ("workspace cloud" in flow["name"]) is (workspace == "cloud")
    jobs = yaml.safe_load((repository / ".gitlab" / "planform-models-a-cloud.yml").read_text())
    assert jobs[".planform-models-a-cloud"]["variables"] == {"PLANFORM_WORKSPACE": "cloud"}


def test_nothing_is_overwritten_unasked(repository: Path, capsys: Capture) -> None:
    assert run_planform(capsys, "ci", "init", "github")[0] == 0
    path = repository / ".github" / "workflows" / "planform-plan-models-a.yml"
    path.write_text("mine")
    code, _, err = run_planform(capsys, "ci", "init", "github")
    assert code == 1
    assert "nothing was written" in " ".join(err.split())
    assert path.read_text() == "mine"
    assert run_planform(capsys, "ci", "init", "github", "--force", "--branch", "release/1.0")[0] == 0
    assert 'branches: ["release/1.0"]' in path.read_text()


def test_a_pipeline_that_is_there_is_left_alone(repository: Path, capsys: Capture) -> None:
    assert run_planform(capsys, "ci", "init", "gitlab")[0] == 0
    main = repository / ".gitlab-ci.yml"
    assert yaml.safe_load(main.read_text()) == {"include": [{"local": ".gitlab/planform-models-a.yml"}]}
    jobs = yaml.safe_load((repository / ".gitlab" / "planform-models-a.yml").read_text())
    assert list(jobs) == [
        f"{name}-models-a" for name in (".planform", "planform-plan", "planform-apply", "planform-drift")
    ]
    main.write_text("stages: [test]\n")
    code, out, _ = run_planform(capsys, "ci", "init", "gitlab", "--force")
    assert code == 0
    assert "Add to .gitlab-ci.yml: include: [{local: .gitlab/planform-models-a.yml}]" in out
    assert main.read_text() == "stages: [test]\n"


def test_a_state_that_no_job_finds_is_said(repository: Path, capsys: Capture) -> None:
    assert "where no job finds it" in run_planform(capsys, "ci", "init", "github")[1]
    Path("main.pf.yaml").write_text("planform: {name: a, backend: {s3: {bucket: team, key: k, region: eu-west-1}}}\n")
    assert "where no job finds it" not in run_planform(capsys, "ci", "init", "github", "--force")[1]


@pytest.mark.parametrize(
    ("folder", "words", "said"),
    [
        (".", ["github"], "There is no root module in this folder."),
        ("models/a", ["github", "--branch", 'x"; echo'], "characters that workflow files cannot carry"),
        ("models/a", ["bitbucket"], "'bitbucket' is not one of 'github', 'gitlab'"),
    ],
)
def test_what_cannot_be_written(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, folder: str, words: list[str], said: str
) -> None:
    monkeypatch.chdir(repository / folder)
    code, _, err = run_planform(capsys, "ci", "init", *words)
    assert code == 1
    assert said in " ".join(err.split())
    assert not (repository / ".github").exists()


def test_one_comment_is_updated(forge: Forge, capsys: Capture) -> None:
    # More than a page of others' comments, and one of another root module.
    forge.comments[7] = {key: f"nice {key}" for key in range(120)} | {500: PLAN.replace("models/a", "models/b")}
    Path("plan.md").write_text(PLAN + "first")
    assert run_planform(capsys, "ci", "comment", "plan.md")[0] == 0
    Path("plan.md").write_text(PLAN + "second")
    code, out, _ = run_planform(capsys, "ci", "comment", "plan.md")
    assert code == 0
    assert "of pull request #7" in out or "of merge request !7" in out
    ours = [text for text in forge.comments[7].values() if text.startswith(PLAN)]
    assert ours == [PLAN + "second"]
    assert len(forge.comments[7]) == 122
    before = len([call for call in forge.calls if not call.startswith("GET")])
    assert run_planform(capsys, "ci", "comment", "plan.md")[0] == 0  # nothing new: nothing is written
    assert len([call for call in forge.calls if not call.startswith("GET")]) == before


def test_what_is_no_plan_is_no_comment(forge: Forge, capsys: Capture) -> None:
    Path("plan.md").write_text("Hello")
    code, _, err = run_planform(capsys, "ci", "comment", "plan.md")
    assert code == 1
    assert "does not begin with the mark of a plan" in err
    assert "nowhere.md cannot be read" in run_planform(capsys, "ci", "comment", "nowhere.md")[2]


def test_the_newest_plan_of_the_merged_change_is_fetched(forge: Forge, capsys: Capture) -> None:
    forge.merged[SHA] = (7, HEAD)
    forge.keep("planform-plan", HEAD, {"plan.pfplan": b"old"})
    forge.keep("planform-plan", HEAD, {"plan.pfplan": b"new", "plan.html": b"<p>", "models/b/plan.pfplan": b"b"})
    forge.keep("planform-plan", "9999" * 10, {"plan.pfplan": b"of another change"})
    code, out, _ = run_planform(capsys, "ci", "reviewed", "--out", "kept")
    assert code == 0
    assert Path("kept/plan.pfplan").read_bytes() == b"new"
    assert Path("kept/models/b/plan.pfplan").read_bytes() == b"b"
    assert not Path("kept/plan.html").exists()
    assert "plan.pfplan" in out
    assert forge.leaked == []  # the token does not go where the archive lies


@pytest.mark.parametrize("forge", ["gitlab"], indirect=True)
def test_a_plan_before_the_last_is_not_what_was_reviewed(forge: Forge, capsys: Capture) -> None:
    forge.merged[SHA] = (7, HEAD)
    forge.keep("planform-plan", HEAD, {"plan.pfplan": b"old"})
    forge.keep("planform-plan", HEAD, {}, expired=True)  # the last job failed
    code, _, err = run_planform(capsys, "ci", "reviewed", "--out", "kept")
    assert code == 1
    assert 'The newest job "planform-plan" of its pipelines has kept none' in " ".join(err.split())


def test_one_issue_is_kept_as_long_as_there_is_something_to_say(forge: Forge, capsys: Capture) -> None:
    forge.issues = {key: {"title": "t", "body": "something else", "state": "open"} for key in range(1000, 1120)}
    page = Path("drift.md")
    page.write_text(PLAN + "12 -> 2")
    assert run_planform(capsys, "ci", "issue", "--close", "drift.md")[:2] == (0, "There is no issue to close.\n")
    code, out, _ = run_planform(capsys, "ci", "issue", "drift.md")
    assert code == 0
    page.write_text(PLAN + "12 -> 3")
    assert run_planform(capsys, "ci", "issue", "--title", "drift", "drift.md")[1] == out
    (number,) = [key for key, item in forge.issues.items() if item["body"].startswith(PLAN)]
    assert out == f"Wrote issue #{number}.\n"
    assert forge.issues[number] == {"title": "planform plan", "body": PLAN + "12 -> 3", "state": "open"}
    assert run_planform(capsys, "ci", "issue", "--close", "drift.md")[1] == f"Closed issue #{number}.\n"
    assert [key for key, item in forge.issues.items() if item["state"] == "closed"] == [number]
    assert run_planform(capsys, "ci", "issue", "drift.md")[1] != out  # a new story
    assert run_planform(capsys, "ci", "issue", "--close", "--title", "x", "drift.md")[0] == 1


def test_without_review_there_is_nothing_to_fetch(forge: Forge, capsys: Capture) -> None:
    code, _, err = run_planform(capsys, "ci", "reviewed", "--out", "kept")
    assert code == 1
    assert "so nobody reviewed its plan" in " ".join(err.split())
    forge.merged[SHA] = (7, HEAD)
    forge.keep("planform-plan", HEAD, {"plan.pfplan": b"x"}, expired=True)
    code, _, err = run_planform(capsys, "ci", "reviewed", "--out", "kept")
    assert code == 1
    assert "No plan was kept for" in " ".join(err.split())


@pytest.mark.parametrize("forge", ["github"], indirect=True)
def test_a_fork_keeps_no_plan(forge: Forge, capsys: Capture) -> None:
    forge.merged[SHA] = (7, HEAD)
    forge.keep("planform-plan", HEAD, {"plan.pfplan": b"x"}, fork=True)
    assert run_planform(capsys, "ci", "reviewed", "--out", "kept")[0] == 1


@pytest.mark.parametrize("name", ["../out.pfplan", "/tmp/out.pfplan"])
def test_an_archive_stays_in_its_folder(forge: Forge, capsys: Capture, name: str, tmp_path: Path) -> None:
    forge.merged[SHA] = (7, HEAD)
    forge.keep("planform-plan", HEAD, {name: b"x"})
    code, _, err = run_planform(capsys, "ci", "reviewed", "--out", str(tmp_path / "kept"))
    assert code == 1
    assert "which is outside of" in " ".join(err.split())


def test_a_refused_token_is_explained(forge: Forge, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "PLANFORM_GITLAB_TOKEN"):
        monkeypatch.setenv(name, "wrong")
    Path("plan.md").write_text(PLAN)
    code, _, err = run_planform(capsys, "ci", "comment", "plan.md")
    assert code == 1
    assert "was refused: 401 Bad credentials." in " ".join(err.split())
    for name in ("GITHUB_TOKEN", "PLANFORM_GITLAB_TOKEN"):
        monkeypatch.delenv(name)
    assert "TOKEN is not set" in run_planform(capsys, "ci", "comment", "plan.md")[2]


def test_outside_of_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    Path("plan.md").write_text(PLAN)
    assert "This is no job of GitHub Actions or GitLab CI." in run_planform(capsys, "ci", "comment", "plan.md")[2]


@pytest.mark.parametrize("forge", ["gitlab"], indirect=True)
@pytest.mark.parametrize("every", [[], ["--all"]], ids=["one root", "all roots"])
def test_the_pipeline_of_gitlab_plans_and_applies(
    forge: Forge, tmp_path: Path, capsys: Capture, every: list[str]
) -> None:
    """The scripts of its jobs, but for what installs planform."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.pf.yaml").write_text("planform: {name: a}\nresource: {planform_data: {x: {input: 1}}}\n")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-C", str(project)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "first"], check=True)
    base = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert run_planform(capsys, "--chdir", str(project), "ci", "init", "gitlab", *every)[0] == 0
    jobs = yaml.safe_load((project / ".gitlab" / "planform.yml").read_text())
    before = [
        line for line in jobs[".planform"]["before_script"] if "apt-get" not in line and "pip install" not in line
    ]

    def run(name: str, **more: str) -> subprocess.CompletedProcess[str]:
        given = {"CI_PROJECT_DIR": str(project), "CI_JOB_NAME": name, "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, **more}
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join([*before, *jobs[name]["script"]])],
            cwd=project, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **given},
        )  # fmt: skip

    planned = run("planform-plan")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    (comment,) = forge.comments[7].values()
    assert "+   planform_data.x  create" in comment
    kept = project / ".planform-ci"
    assert (kept / "plan.html").read_text().startswith("<!doctype html>")
    forge.merged[SHA] = (7, HEAD)
    files = {path.relative_to(project).as_posix(): path.read_bytes() for path in kept.rglob("*.*")}
    forge.keep("planform-plan", HEAD, files)
    applied = run("planform-apply")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "This is what was reviewed." in applied.stdout
    drift = run("planform-drift")
    assert drift.returncode == 0, drift.stdout + drift.stderr
    assert "There is no issue to close." in drift.stdout
    # An issue that cannot be written changes nothing of what was found.
    alone = run("planform-drift", PLANFORM_GITLAB_TOKEN="wrong")
    assert alone.returncode == 0
    assert "The issue about it could not be written." in alone.stdout

    # What is wrong takes the place of the plan.
    (project / "main.pf.yaml").write_text("planform: {name: a}\nresource: {planform_dat: {x: {}}}\n")
    wrong = run("planform-plan")
    assert wrong.returncode == 1
    (comment,) = forge.comments[7].values()
    assert "planform_dat" in comment
    assert "+   planform_data.x  create" not in comment
