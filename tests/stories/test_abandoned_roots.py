"""A change that deletes the folder of a root module, and what its states still hold."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.fake_aws import BUCKET, REGION, FakeAws

from .conftest import User, open_gate, until
from .test_many_roots import git
from .test_pull_requests import compare

KEPT = "planform: {name: kept}\nresource: {planform_data: {x: {input: 1}}}\n"
# Its state is told by a variable and locals; its other files are of no matter to that.
OLD = """
planform: {name: old, backend: {local: {path: "${local.place}/${planform.workspace}.json"}}}
variable: {team: {type: string, validation: [{condition: "${length(data.s3_object.x.body) > 0}", error_message: no}]}}
locals: {place: "../states/${local.who}", who: "${var.team}", gone: "${module.m.x}"}
data: {s3_object: {x: {bucket: b, key: k}}}
module: {m: {source: "git::https://example.com/gone.git"}}
"""
PLAIN = "planform: {name: old}\nresource: {planform_data: {a: {input: 1}, b: {input: 2}}}\n"


@pytest.fixture
def repository(user: User) -> User:
    user.write(".planform/\nstate/\nstates/\n", ".gitignore")
    user.write(KEPT, "kept/main.pf.yaml")
    git(user.folder, "init", "--quiet", "--initial-branch", "main")
    return user


def commit(user: User) -> None:
    git(user.folder, "add", "--all")
    git(user.folder, "commit", "--quiet", "-m", "one more")


def delete(user: User, root: str) -> None:
    """What git tracks of it, on a branch; its state stays."""
    git(user.folder, "checkout", "--quiet", "-B", "change")
    git(user.folder, "rm", "-r", "--quiet", root)
    commit(user)


def since_main(user: User, *words: str, code: int = 0) -> str:
    return user.run("plan", "--all", "--changed-since", "main", *words, code=code)


def test_what_a_deleted_root_module_made_is_named_until_it_is_destroyed(repository: User) -> None:
    repository.write(PLAIN, "models/old/main.pf.yaml")
    commit(repository)
    repository.run("apply", "--all", "-y")
    delete(repository, "models/old")

    said = since_main(repository, "--detailed-exitcode", code=1)
    assert "Error: The root module models/old is gone: 2 resources still recorded in its state.\n" in said
    state = repository.folder / "models" / "old" / "state" / "default.json"
    assert f"       | {state} (workspace default)\n       |     planform_data.a\n       |     planform_data.b\n" in said
    assert said.rstrip().endswith("1 gone that may have left resources behind: models/old.")
    markdown = repository.start(
        "plan", "--all", "--changed-since", "main", "--format", "markdown", "--out", ".planform/p"
    )
    comment = markdown.communicate(timeout=60)[0]
    assert markdown.returncode == 1
    assert "**1 gone that may have left resources behind: models/old.**" in comment
    assert "#### models/old\n" in comment
    assert "planform_data.a" in comment
    assert "The root module models/old is gone" in repository.run("show", ".planform/p")
    assert "models/old is gone" in repository.run("show", "--format", "html", ".planform/p")
    applied = repository.run("apply", "--all", "--changed-since", "main", "-y", code=1)
    assert "models/old (its files are gone, not what they made)" in applied
    reviewed = repository.run("apply", "--all", "--if-same-as", ".planform/p", code=1)
    assert "models/old (its files are gone, not what they made)" in reviewed

    form = repository.start("plan", "--all", "--changed-since", "main", "--format", "json")
    (root,) = json.loads(form.communicate(timeout=60)[0])["roots"]
    (left,) = root["removed"]["states"]
    assert left["resources"] == ["planform_data.a", "planform_data.b"]
    assert (left["workspace"], left["location"], root["path"]) == ("default", str(state), "models/old")

    # As it says: the files back, destroy, and away with them.
    restore, destroy = (
        line.split() for line in said.splitlines() if line.startswith(("      git ", "      planform "))
    )
    git(repository.folder, *restore[1:])
    repository.run(*destroy[1:], "-y")
    git(repository.folder, "reset", "--quiet", "--hard")
    told = since_main(repository, "--detailed-exitcode")
    assert f"This root module is gone. Its state {state} (workspace default) holds nothing any more." in told
    assert told.rstrip().endswith("1 gone with nothing left behind: models/old.")
    assert "There is nothing to apply." in repository.run("apply", "--all", "--changed-since", "main", "-y")


def test_the_states_of_all_its_workspaces_count(repository: User) -> None:
    repository.write(PLAIN, "old/main.pf.yaml")
    commit(repository)
    repository.run("--chdir", "old", "-w", "cloud", "apply", "-y")
    delete(repository, "old")
    said = since_main(repository, code=1)
    assert "(workspace cloud)" in said
    assert "(workspace default)" not in said
    assert "    planform --chdir old -w cloud destroy\n" in said


def test_where_its_state_lives_is_told_by_its_settings_alone(repository: User) -> None:
    repository.write(OLD, "old/main.pf.yaml")
    repository.write("team: vision\n", "old/planform.pfvars.yaml")
    repository.write("planform: {backend: {local: {path: ../states/vision/default.json}}}\n" + PLAIN.partition("\n")[2],
                     "maker/main.pf.yaml")  # fmt: skip
    repository.run("--chdir", "maker", "apply", "-y")
    shutil.rmtree(repository.folder / "maker")
    commit(repository)
    delete(repository, "old")
    said = since_main(repository, code=1)
    assert f"{repository.folder}/states/vision/default.json (workspace default)" in said
    assert "2 resources still recorded" in said


def test_a_root_module_that_moved_with_its_state_is_not_gone(repository: User) -> None:
    text = "planform: {name: old, backend: {local: {path: ../states/x.json}}}\n" + PLAIN.partition("\n")[2]
    repository.write(text, "old/main.pf.yaml")
    commit(repository)
    repository.run("apply", "--all", "-y")
    git(repository.folder, "checkout", "--quiet", "-b", "change")
    git(repository.folder, "mv", "old", "new")
    commit(repository)
    assert since_main(repository).splitlines()[-1] == "No changes in 1 root module."


def test_a_root_module_that_moved_without_its_state_is_told_how_to_take_it_along(repository: User) -> None:
    repository.write(PLAIN, "old/main.pf.yaml")
    commit(repository)
    repository.run("apply", "--all", "-y")
    git(repository.folder, "checkout", "--quiet", "-b", "change")
    git(repository.folder, "mv", "old/main.pf.yaml", "new.pf.yaml")
    repository.write((repository.folder / "new.pf.yaml").read_text(), "new/main.pf.yaml")
    (repository.folder / "new.pf.yaml").unlink()
    commit(repository)
    assert "If new has taken its place, let its backend name that state instead." in since_main(repository, code=1)
    backend = "name: old, backend: {local: {path: ../old/state/default.json}}"
    repository.edit("name: old", backend, "new/main.pf.yaml")
    assert since_main(repository).splitlines()[-1] == "No changes in 1 root module."


def test_a_state_that_cannot_be_read_is_not_taken_for_empty(repository: User) -> None:
    repository.write(PLAIN, "old/main.pf.yaml")
    repository.write(
        "planform: {name: odd, backend: {local: {path: '${var.x}'}}}\nvariable: {x: {}}\n", "odd/a.pf.yaml"
    )
    commit(repository)
    repository.run("--chdir", "old", "apply", "-y")
    repository.write("{}", "old/state/default.json")
    git(repository.folder, "checkout", "--quiet", "-b", "change")
    git(repository.folder, "rm", "-r", "--quiet", "old", "odd")
    commit(repository)
    said = since_main(repository, code=1)
    assert "Error: The root module old is gone: what it left behind is not known.\n" in said
    assert "Error: The root module odd is gone: what it left behind is not known.\n" in said
    assert "var.x" in said


def test_a_run_that_goes_on_is_named(repository: User, gated: User) -> None:
    repository.write((repository.folder / "main.pf.yaml").read_text(), "old/main.pf.yaml")
    (repository.folder / "main.pf.yaml").unlink()
    commit(repository)
    repository.run("--chdir", "old", "apply", "-y", "--detach")
    delete(repository, "old")
    said = since_main(repository, code=1)
    assert "       |     trainer.t\n       |     1 run of it still active\n" in said
    gate = repository.folder / "old"
    open_gate(User(gate))
    record = next(gate.glob(".planform/runs/*/*/run.json"))
    until(lambda: '"succeeded"' in record.read_text(), "the end of the run")


def test_the_last_root_module_and_one_that_lost_its_block(user: User) -> None:
    user.write("planform: {name: only}\nresource: {planform_data: {x: {input: 1}}}\n")
    user.write(".planform/\nstate/\n", ".gitignore")
    git(user.folder, "init", "--quiet", "--initial-branch", "main")
    commit(user)
    user.run("apply", "-y")
    user.edit("planform: {name: only}\n", "")
    said = since_main(user, code=1)
    assert "The root module . is gone: 1 resource still recorded in its state." in said
    assert "-- ':(glob)*.pf.yaml'\n      planform destroy\n" in said


def test_on_s3(repository: User, aws: FakeAws, bless: bool) -> None:
    backend = f"backend: {{s3: {{bucket: {BUCKET}, key: 'old/${{planform.workspace}}.json', region: {REGION}}}}}"
    repository.write(PLAIN.replace("name: old", f"name: old, {backend}"), "old/main.pf.yaml")
    commit(repository)
    repository.run("apply", "--all", "-y")
    shutil.rmtree(repository.folder / "old")
    said = since_main(repository, code=1)
    assert f"       | s3://{BUCKET}/old/default.json (workspace default)\n       |     planform_data.a\n" in said
    compare({"deleted": said}, bless)


def test_texts_and_names_that_are_no_unicode(repository: User) -> None:
    (repository.folder / "odd").mkdir()
    (repository.folder / "odd" / "main.pf.yaml").write_bytes(b"planform: {name: '\xff'}\n")
    Path(os.fsdecode(os.fsencode(repository.folder / "odd") + b"/\xff.txt")).write_text("")
    commit(repository)
    delete(repository, "odd")
    told = since_main(repository)
    assert "odd\nThis root module is gone. Its state " in told


def test_names_with_spaces_are_quoted(repository: User) -> None:
    repository.write(PLAIN, "an old one/main.pf.yaml")
    commit(repository)
    repository.run("apply", "--all", "-y")
    delete(repository, "an old one")
    assert "    planform --chdir 'an old one' destroy\n" in since_main(repository, code=1)


def test_git_that_is_no_repository(user: User) -> None:
    user.write(KEPT)
    assert f"{user.folder} is in no git repository" in since_main(user, code=1)
