"""Modules from git and from planform itself: real repositories, in this machine's files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from planform.core.errors import Diagnosed, PlanformError
from planform.language.blocks import Module
from planform.language.lock import LOCK_FILE
from planform.language.modules import load
from planform.language.sources import ModuleSources, Repository, parse_git, read_pins
from planform.resources import schemas


class Repo:
    """A git repository with one module in `queue`, and another that it calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("queue/main.pf.yaml", 'module: {inner: {source: "../inner"}}\nlocals: {version: 1}')
        self.write("inner/main.pf.yaml", "locals: {a: 1}")
        self.first = self.commit("first")
        self.git("tag", "v1")

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        done = subprocess.run(
            ["git", *identity, *words], cwd=self.folder, capture_output=True, text=True, check=True, env=_environment()
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD")

    def url(self, inside: str = "queue", ref: str = "") -> str:
        return f"git::file://{self.folder}//{inside}" + (f"?ref={ref}" if ref else "")


def _environment() -> dict[str, str]:
    return {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "modules.git")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def called(root: Path, source: str, *, upgrade: bool = False) -> Module:
    (root / "main.pf.yaml").write_text(f'module: {{m: {{source: "{source}"}}}}')
    return load(str(root), schemas(), modules=ModuleSources(str(root), upgrade=upgrade))


def version(module: Module) -> object:
    return module.calls["m"].module.locals["version"].value


def refused(root: Path, source: str) -> str:
    with pytest.raises(Diagnosed) as stopped:
        called(root, source)
    (problem,) = stopped.value.problems
    assert str(problem.span).startswith("main.pf.yaml:1:")
    return f"{problem.summary}: {problem.detail} {problem.suggestion}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param("git::https://h/o/r.git", (Repository("https://h/o/r.git", ""), ""), id="plain"),
        pytest.param("git::https://h/o/r.git//a/b?ref=v1", (Repository("https://h/o/r.git", "v1"), "a/b"), id="folder"),
        pytest.param("git::ssh://git@h/o/r.git?ref=x", (Repository("ssh://git@h/o/r.git", "x"), ""), id="ssh"),
        pytest.param("git::git@h:o/r.git//a", (Repository("git@h:o/r.git", ""), "a"), id="scp"),
        pytest.param("https://h/o/r.git//a?ref=v1", (Repository("https://h/o/r.git", "v1"), "a"), id="https"),
        pytest.param("https://h/o/r", None, id="an URL of what may be anything"),
        pytest.param("hashicorp/consul/aws", None, id="a registry"),
    ],
)
def test_what_a_source_names(source: str, found: object) -> None:
    assert parse_git(source) == found


def test_a_module_of_a_repository_may_call_its_neighbours(repo: Repo, root: Path) -> None:
    module = called(root, repo.url())
    assert module.calls["m"].module.calls["inner"].module.locals["a"].value == 1


@pytest.mark.parametrize("ref", ["main", "v1", "commit"])
def test_a_ref_is_a_branch_a_tag_or_a_commit(repo: Repo, root: Path, ref: str) -> None:
    repo.write("queue/main.pf.yaml", "locals: {version: 2}")
    repo.commit("second")
    module = called(root, repo.url(ref=repo.first if ref == "commit" else ref))
    assert version(module) == (2 if ref == "main" else 1)


def test_the_commit_is_pinned_until_it_is_upgraded(repo: Repo, root: Path) -> None:
    source = repo.url(ref="main")
    called(root, source)
    assert read_pins(str(root)) == {f"file://{repo.folder}?ref=main": repo.first}
    repo.write("queue/main.pf.yaml", "locals: {version: 2}")
    second = repo.commit("second")
    assert version(called(root, source)) == 1
    (root / ".planform" / "modules").rename(root / "away")  # another checkout: only the lock file came along
    assert version(called(root, source)) == 1
    assert version(called(root, source, upgrade=True)) == 2
    assert second in (root / LOCK_FILE).read_text()


def test_two_refs_of_one_repository_stand_side_by_side(repo: Repo, root: Path) -> None:
    repo.write("queue/main.pf.yaml", "locals: {version: 2}")
    repo.commit("second")
    (root / "main.pf.yaml").write_text(
        f'module: {{m: {{source: "{repo.url(ref="v1")}"}}, n: {{source: "{repo.url(ref="main")}"}}}}'
    )
    module = load(str(root), schemas())
    assert [module.calls[name].module.locals["version"].value for name in "mn"] == [1, 2]
    assert len(read_pins(str(root))) == 2


def test_with_checkout_and_pin_nothing_is_asked(
    repo: Repo, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called(root, repo.url())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert version(called(root, repo.url())) == 1


@pytest.mark.parametrize(
    ("inside", "ref", "told"),
    [
        pytest.param("queue", "v9", 'has no "v9". ref names a branch, a tag or a commit.', id="no such ref"),
        pytest.param("queue", "--help", 'has no "--help".', id="an option as ref"),
        pytest.param("quue", "", 'Did you mean "queue"?', id="no such folder"),
        pytest.param("../..", "", "is outside the repository.", id="outside"),
    ],
)
def test_what_a_repository_does_not_have(repo: Repo, root: Path, inside: str, ref: str, told: str) -> None:
    assert told in refused(root, repo.url(inside, ref))


def test_a_pinned_commit_that_is_gone(repo: Repo, root: Path) -> None:
    called(root, repo.url())
    lock = root / LOCK_FILE
    lock.write_text(lock.read_text().replace(repo.first, "0" * 40))
    assert f"has no commit {'0' * 40}. planform init -upgrade takes the newest" in refused(root, repo.url())


def test_a_repository_that_is_not_there(root: Path, tmp_path: Path) -> None:
    told = refused(root, f"git::file://{tmp_path}/nowhere.git")
    assert told.startswith("Module cannot be fetched: file://")
    assert "Try the same by hand: git clone" in told
    assert list((root / ".planform" / "modules").iterdir()) == []


def test_without_git(repo: Repo, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs the command git, which is not there. Install git." in refused(root, repo.url())


@pytest.mark.parametrize("text", ["modules: [1]", "nothing", "modules: {a: 1}"])
def test_a_lock_file_that_says_something_else(root: Path, text: str) -> None:
    (root / LOCK_FILE).write_text(text)
    with pytest.raises(PlanformError, match="cannot be read"):
        read_pins(str(root))


def test_a_half_fetched_checkout_is_not_used(repo: Repo, root: Path) -> None:
    """What a killed process left is a folder without its commit."""
    called(root, repo.url())
    (checkout,) = (root / ".planform" / "modules").iterdir()
    (checkout / ".planform-commit").unlink()
    (checkout / "queue" / "main.pf.yaml").write_text("locals: {version: 3}")
    assert version(called(root, repo.url())) == 1


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param("planform:swep", 'No module "swep" ships with planform. Did you mean "sweep"?', id="library"),
        pytest.param("consul/aws", "is neither a local path, nor a module of planform, nor a git repository", id="any"),
    ],
)
def test_sources_that_name_nothing(root: Path, source: str, told: str) -> None:
    assert told in refused(root, source)
