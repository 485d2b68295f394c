"""Which files belong to a tree, what its digest depends on, and what is refused with which words."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from planform.core.executor import TreeRead
from planform.training.source_tree import looks_secret, scan


def write(root, *names, content="x\n"):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def source(path, **how):
    return scan(TreeRead("source", "source", str(path), ("source_code", "source_dir"), **how))


def data(path):
    return scan(TreeRead("data", "data", str(path), ("input_data", "train")))


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True)


@pytest.fixture
def src(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "src"
    write(root, "train.py", "lib/model.py")
    return root


def test_every_file_outside_git(src):
    write(src, "notes.txt", "lib/__pycache__/model.pyc", ".DS_Store", ".git/config", "old.pyc", ".planform/runs/x")
    assert source(src).files == ("lib/model.py", "notes.txt", "train.py")


def test_sizes(src):
    write(src, "big.txt", content="x" * 1000)
    write(src, "small.txt", content="")
    tree = source(src)
    assert tree.bytes == 1004
    assert tree.largest == (("big.txt", 1000), ("lib/model.py", 2), ("train.py", 2))


@needs_git
def test_in_git_what_is_tracked_or_would_be(src):
    git(src.parent, "init")
    write(src, "new.py", "ignored.log", "gone.py", "forced.log")
    write(src.parent, "elsewhere.py")
    (src.parent / ".gitignore").write_text("*.log\n")
    git(src.parent, "add", "src/train.py", "src/gone.py")
    git(src.parent, "add", "--force", "src/forced.log")
    (src / "gone.py").unlink()
    assert source(src).files == ("forced.log", "lib/model.py", "new.py", "train.py")


@needs_git
def test_a_folder_that_git_ignores_is_taken_whole(src):
    git(src.parent, "init")
    (src.parent / ".gitignore").write_text("src/\n")
    assert source(src).files == ("lib/model.py", "train.py")


@needs_git
def test_git_of_another_question_is_not_asked(src, monkeypatch):
    git(src.parent, "init")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    (src / ".gitignore").write_text("lib\n")
    assert source(src).files == (".gitignore", "train.py")


@needs_git
def test_git_and_no_git_agree(src):
    before = source(src)
    git(src.parent, "init")
    git(src.parent, "add", ".")
    assert source(src) == before


@pytest.mark.parametrize(
    ("lines", "how", "files"),
    [
        pytest.param("lib/\n", {}, ("train.py",), id="ignore file"),
        pytest.param("", {"ignore": ("lib",)}, ("train.py",), id="ignore_patterns"),
        pytest.param("*.py\n!train.py\n", {}, ("train.py",), id="negated"),
        pytest.param("lib\n", {"include": ("lib/*.py",)}, ("lib/model.py", "train.py"), id="included again"),
    ],
)
def test_ignored(src, lines, how, files):
    (src / ".planformignore").write_text(lines)
    assert source(src, **how).files == files


def test_a_module_that_is_its_own_source_leaves_planforms_files_out(src):
    write(src, "main.pf.yaml", "dev.auto.pfvars.yaml", "a.pfplan", "state/default.json")
    assert source(src).files == ("lib/model.py", "train.py")


def test_state_is_an_ordinary_folder_elsewhere(src):
    write(src, "state/machine.py")
    assert "state/machine.py" in source(src).files


# --- the digest ---


def test_time_place_and_link_do_not_count(src, tmp_path):
    before = source(src)
    os.utime(src / "train.py", (1, 1))
    moved = src.rename(tmp_path / "elsewhere")
    link = tmp_path / "link"
    link.symlink_to(moved)
    assert source(moved) == before
    assert source(link) == before


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda src: (src / "train.py").write_text("y\n"), id="content"),
        pytest.param(lambda src: (src / "train.py").rename(src / "main.py"), id="name"),
        pytest.param(lambda src: (src / "train.py").chmod(0o755), id="executable bit"),
        pytest.param(lambda src: write(src, "more.py"), id="another file"),
        pytest.param(lambda src: (src / "lib" / "model.py").rename(src / "model.py"), id="folder"),
    ],
)
def test_what_changes_the_digest(src, edit):
    before = source(src)
    edit(src)
    assert source(src).digest != before.digest


def test_file_ends_do_not_blur(tmp_path):
    write(tmp_path / "one", "a", content="b")
    write(tmp_path / "two", "ab", content="")
    assert data(tmp_path / "one").digest != data(tmp_path / "two").digest


def test_a_link_inside_is_its_content(src):
    plain = source(src)
    (src / "lib" / "model.py").rename(src / "real.py")
    (src / "lib" / "model.py").symlink_to("../real.py")
    (src / "alias").symlink_to("lib")
    tree = source(src)
    assert tree.files == ("alias/model.py", "lib/model.py", "real.py", "train.py")
    (src / "alias").unlink()
    (src / "real.py").rename(src / "lib" / "model.py")
    assert source(src) == plain


# --- what is refused ---


@pytest.mark.parametrize(
    "name", [".env", ".env.production", "id_rsa", "keys/server.pem", "a.key", "credentials", ".netrc"]
)
def test_secrets_are_refused_by_name(src, name):
    write(src, name)
    (misfit,) = source(src)
    assert misfit.path == ("source_code", "source_dir")
    assert misfit.summary == f"src/{name} looks like a secret; it would be packaged with the source code."
    assert source(src, include=(name,)).files == tuple(sorted(["lib/model.py", "train.py", name]))
    (src / ".planformignore").write_text(name)
    assert source(src).files == ("lib/model.py", "train.py")


@pytest.mark.parametrize("name", [".env.example", "environment.py", "keyboard.py", "monkey", "credentials.py"])
def test_not_secret(name):
    assert not looks_secret(name)


def test_every_secret_is_named(src):
    write(src, ".env", "a.pem")
    assert [misfit.summary.split()[0] for misfit in source(src)] == ["src/.env", "src/a.pem"]


def make_outside_link(src):
    write(src.parent, "secret.txt")
    (src / "link").symlink_to("../secret.txt")


@pytest.mark.parametrize(
    ("make", "summary"),
    [
        pytest.param(make_outside_link, "src/link is a link to {root}/secret.txt, outside the tree.", id="outside"),
        pytest.param(
            lambda src: (src / "link").symlink_to("nothing"),
            "src/link cannot be read: No such file or directory.",
            id="dangling link",
        ),
        pytest.param(
            lambda src: (src / "link").symlink_to("link"),
            "src/link cannot be read: Too many levels of symbolic links.",
            id="link to itself",
        ),
        pytest.param(lambda src: os.mkfifo(src / "link"), "src/link is not a regular file.", id="pipe"),
    ],
)
def test_what_cannot_be_packaged(src, make, summary):
    make(src)
    assert [misfit.summary for misfit in source(src)] == [summary.format(root=src.parent)]
    (src / ".planformignore").write_text("link")
    assert source(src).files == ("lib/model.py", "train.py")


def test_a_circle_of_folders_ends(src):
    (src / "lib" / "up").symlink_to("..")
    (misfit,) = source(src)
    assert misfit.summary.endswith("is a link to a folder that it is in.")


@pytest.mark.parametrize(
    ("name", "how", "summary", "suggestion"),
    [
        pytest.param("scr", {}, "There is no folder scr.", 'Did you mean "src"?', id="folder"),
        pytest.param("a/b", {}, "There is no a/b, nor the folder a.", "", id="parent"),
        pytest.param("src/train.py", {}, "src/train.py is a file.", "Name the folder that it is in.", id="a file"),
        pytest.param(
            "src",
            {"requires": (("trian.py", ("source_code", "entry_script")),)},
            'There is no "trian.py" in src.',
            'Did you mean "train.py"?',
            id="script",
        ),
        pytest.param(
            "src", {"include": ("a.bin",)}, 'include: nothing in src matches "a.bin".', "", id="nothing included"
        ),
        pytest.param(
            "src",
            {"requires": (("train.py", ("source_code", "entry_script")),), "ignore": ("train.py",)},
            "src/train.py is there, but it is ignored, so it would not be packaged.",
            "Look at .gitignore, .planformignore and ignore_patterns, or list it in source_code.include.",
            id="ignored script",
        ),
    ],
)
def test_what_is_missing(src, name, how, summary, suggestion):
    (misfit,) = source(src.parent / name, **how)
    assert (misfit.summary, misfit.suggestion) == (summary, suggestion)


# --- data ---


def test_data_is_everything(src):
    write(src, ".env", "old.pyc")
    (src.parent / "link").symlink_to(src)
    assert data(src).files == (".env", "lib/model.py", "old.pyc", "train.py")
    assert data(src.parent / "link") == data(src)


def test_data_may_be_one_file(src):
    tree = data(src / "train.py")
    assert (tree.files, tree.bytes) == (("train.py",), 2)
    assert tree.digest != data(Path(src / "lib" / "model.py")).digest


@pytest.mark.parametrize(
    ("name", "summary", "suggestion"),
    [
        pytest.param("empty", "empty is empty: there is no data in it.", "", id="empty"),
        pytest.param("emtpy", "There is no file or folder emtpy.", 'Did you mean "empty"?', id="misspelt"),
    ],
)
def test_data_that_is_not_there(src, name, summary, suggestion):
    (src.parent / "empty").mkdir()
    (misfit,) = data(src.parent / name)
    assert (misfit.path, misfit.summary, misfit.suggestion) == (("input_data", "train"), summary, suggestion)
