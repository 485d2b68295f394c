"""`--all`: every root module below a folder, in the order in which they read each other's states."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from planform.changes import touched_since
from planform.project import Options
from planform.roots import find_roots

from .conftest import User, until

NETWORK = """
planform: {name: network}
variable: {size: {type: number, default: 1}}
resource: {planform_data: {subnet: {input: "${var.size}"}}}
output: {size: {value: "${planform_data.subnet.output}"}}
"""
READER = """
planform: {name: %s}
data: {remote_state: {up: {backend: local, config: {path: "../%s/state/default.json"}}}}
resource: {planform_data: {x: {input: "${data.remote_state.up.outputs.size + 1}"}}}
output: {size: {value: "${planform_data.x.output}"}}
"""
LONE = """
planform: {name: lone}
module: {m: {source: ../shared, inputs: {text: "${file('note.txt')}"}}}
"""
SHARED = "variable: {text: {type: string}}\nresource: {planform_data: {y: {input: '${var.text}'}}}\n"


@pytest.fixture
def many(user: User) -> User:
    """a-last reads middle, middle reads network, lone reads none; shared is no root module."""
    user.write(NETWORK, "network/main.pf.yaml")
    user.write(READER % ("middle", "network"), "middle/main.pf.yaml")
    user.write(READER % ("last", "middle"), "a-last/main.pf.yaml")
    user.write(LONE, "lone/main.pf.yaml")
    user.write("hello", "lone/note.txt")
    user.write(SHARED, "shared/main.pf.yaml")
    return user


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def value(user: User, root: str) -> int:
    return int(user.run("--chdir", root, "output", "--raw", "size"))


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line in ("network", "middle", "a-last", "lone")]


def test_all_are_applied_in_order_each_planned_after_what_it_reads(many: User) -> None:
    done = many.run("apply", "--all", "-y")
    assert value(many, "a-last") == 3
    assert done.rstrip().endswith("4 root modules: all is as the files say.")
    assert many.run("plan", "--all", "--detailed-exitcode").splitlines()[-1] == "No changes in 4 root modules."
    many.edit("default: 1", "default: 5", "network/main.pf.yaml")
    plan = many.run("plan", "--all", "--detailed-exitcode", code=2)
    assert headings(plan) == ["lone", "network", "middle", "a-last"]
    assert plan.splitlines()[-1].startswith("1 root module of 4 with changes: 0 to create, 1 to change, 0 to destroy;")
    done = many.run("apply", "--all", "-y")
    assert "network | planform_data.subnet: changed\n" in done
    assert value(many, "a-last") == 7


def test_what_fails_keeps_what_reads_it_from_being_tried(many: User) -> None:
    many.run("apply", "--all", "-y")
    many.edit("planform_data.subnet.output", "planform_data.subne.output", "network/main.pf.yaml")
    many.write("hello again", "lone/note.txt")
    said = many.run("plan", "--all", "--detailed-exitcode", code=1)
    assert "subne" in said
    assert "Not planned: it reads the state of network, which could not be planned." in said
    assert "3 without a plan: network, middle, a-last." in said
    assert "1 to change" in said  # lone
    applied = many.run("apply", "--all", "-y", code=1)
    assert "3 of 4 root modules not applied: network (it cannot be planned); middle (it waits for network);" in applied
    assert "a-last (it waits for middle)." in applied
    assert many.run("--chdir", "lone", "plan", "--detailed-exitcode").startswith("No changes.")


def test_plans_of_all_are_saved_shown_and_applied_as_reviewed(many: User) -> None:
    many.run("apply", "--all", "-y")
    many.edit("default: 1", "default: 5", "network/main.pf.yaml")
    many.write("hello again", "lone/note.txt")
    many.run("plan", "--all", "--out", "plans")
    assert len(list((many.folder / "plans").rglob("plan.pfplan"))) == 4
    comment = many.run("show", "--format", "markdown", "plans")
    assert comment.startswith("<!-- planform:.:all:default -->\n### planform plan: 4 root modules, workspace default\n")
    assert "#### network" in comment
    assert "!       input: 1 -> 5" in comment
    assert "No changes: `middle`, `a-last`" in comment
    page = many.run("show", "--format", "html", "plans")
    assert page.count("<section data-root") == 4
    document = json.loads(many.run("plan", "--all", "--format", "json"))
    assert [(root["path"], root["needs"]) for root in document["roots"]] == [
        ("lone", []), ("network", []), ("middle", ["network"]), ("a-last", ["middle"]),
    ]  # fmt: skip
    assert document["roots"][1]["plan"]["resource_changes"][0]["change"]["actions"] == ["update"]
    # What reads the network would now change too, which nobody reviewed.
    said = many.run("apply", "--all", "--if-same-as", "plans", code=1)
    assert "2 of 4 root modules not applied: middle (its apply failed); a-last (it waits for middle)." in said
    assert "planform_data.x: not in the reviewed plan" in said
    assert value(many, "network") == 5
    assert value(many, "middle") == 2


def test_only_what_changed_since_a_branch_left(many: User) -> None:
    many.write(".planform/\nstate/\n", ".gitignore")
    git(many.folder, "init", "--quiet", "--initial-branch", "main")
    git(many.folder, "add", "--all")
    git(many.folder, "commit", "--quiet", "-m", "first")
    many.run("apply", "--all", "-y")
    none = many.run("plan", "--all", "--changed-since", "main", "--format", "markdown", "--out", ".planform/none")
    assert none.splitlines()[-1] == "**No root module is planned.**"
    assert many.run("show", ".planform/none") == "No root module is planned.\n"
    assert many.run("apply", "--all", "--if-same-as", ".planform/none") == "There is nothing to apply.\n"
    for path, text, roots in (
        ("middle/README.md", "its own folder", ["middle"]),
        ("shared/main.pf.yaml", SHARED + "# a module that it uses\n", ["lone"]),
        ("elsewhere.txt", "nobody's", []),
    ):
        many.write(text, path)
        assert headings(many.run("plan", "--all", "--changed-since", "main")) == roots, path
        git(many.folder, "stash", "--include-untracked", "--quiet")
    many.edit("../shared", "../shared/", "lone/main.pf.yaml")
    git(many.folder, "checkout", "--quiet", "-b", "change")
    git(many.folder, "commit", "--quiet", "--all", "-m", "second")
    assert headings(many.run("plan", "--all", "--changed-since", "main")) == ["lone"]
    assert "git cannot say what changed" in many.run("plan", "--all", "--changed-since", "nowhere", code=1)


# Everything that a root module may be made of, outside of its own folder.
MODEL = """
planform: {name: t, default_provider: local, prices: ../common/prices.yaml, policies: [../common/rules]}
resource:
  trainer:
    t:
      training_image: i
      source_code: {source_dir: ../code, entry_script: train.py, requirements: pip/needs.txt}
      input_data: {train: ../data}
      hyperparameters: [../common/base.yaml, {x: "${file('../common/lr.txt')}"}, "${yamldecode(file('../common/more.yaml'))}"]
  planform_data: {l: {input: "${join(',', fileset('../listed', '*.csv'))}"}, s: {input: "${file('linked.txt')}"}}
module: {m: {source: ../linked}}
"""
ELSEWHERE = {
    "data/a.csv": "1\n",
    "code/train.py": "pass\n",
    "code/pip/needs.txt": "# none\n",
    "common/base.yaml": "lr: 1\n",
    "common/more.yaml": "a: 1\n",
    "common/lr.txt": "1\n",
    "common/prices.yaml": 'as_of: "2026-11-01"\non_demand: {local: {ml.m5.xlarge: 1}}\n',
    "common/linked.txt": "1\n",
    "common/second.pf.yaml": "locals: {x: 1}\n",
    "common/vision.yaml": "{}\n",
    "listed/a.csv": "1\n",
    "real/module/main.pf.yaml": "locals: {x: 1}\n",
}
LINKS = {
    "model/linked.txt": "../common/linked.txt",
    "model/second.pf.yaml": "../common/second.pf.yaml",
    "linked": "real/module",
}


@pytest.fixture
def elsewhere(user: User) -> User:
    user.write(MODEL, "model/main.pf.yaml")
    user.write(".planform/\nstate/\n", ".gitignore")
    user.write('package planform\n\ndeny contains msg if {\n\tfalse\n\tmsg := "no"\n}\n', "common/rules/a.rego")
    for path, text in ELSEWHERE.items():
        user.write(text, path)
    for link, target in LINKS.items():
        (user.folder / link).symlink_to(target)
    git(user.folder, "init", "--quiet", "--initial-branch", "main")
    git(user.folder, "add", "--all")
    git(user.folder, "commit", "--quiet", "-m", "first")
    return user


def touched(user: User, ref: str, *var_files: str) -> frozenset[str]:
    options = Options(user.folder, var_files=var_files)
    return touched_since(find_roots(user.folder, options), user.folder, ref)


def test_what_a_root_module_is_made_of_elsewhere_counts(elsewhere: User) -> None:
    user = elsewhere
    assert touched(user, "main") == frozenset()
    assert user.run("plan", "--all", "--changed-since", "main") == "No root module is planned.\n"
    for path in (*ELSEWHERE, "common/rules/a.rego", "code/new.py", "listed/new.csv"):
        if path == "common/vision.yaml":
            continue
        before = (user.folder / path).read_text() if (user.folder / path).exists() else None
        user.write((before or "") + "# more\n", path)
        assert touched(user, "main") == {"model"}, path
        if before is None:
            (user.folder / path).unlink()
        else:
            user.write(before, path)
    for path in ("common/base.yaml", "code/pip/needs.txt", "data/a.csv"):
        text = (user.folder / path).read_text()
        (user.folder / path).unlink()
        assert touched(user, "main") == {"model"}, f"{path} deleted"
        user.write(text, path)
    user.write("{} # nobody's\n", "common/vision.yaml")
    assert touched(user, "main") == frozenset()
    assert touched(user, "main", str(user.folder / "common" / "vision.yaml")) == {"model"}
    git(user.folder, "checkout", "--quiet", "--", ".")
    (user.folder / "linked").unlink()
    (user.folder / "linked").symlink_to("common")
    assert touched(user, "main") == {"model"}, "the link itself"


def test_secrets_reach_all(user: User) -> None:
    for name in ("a", "b"):
        user.write(
            f"planform: {{name: {name}}}\nvariable: {{token: {{type: string, sensitive: true}}}}\n"
            'resource: {planform_data: {x: {input: "${var.token}"}}}\n',
            f"{name}/main.pf.yaml",
        )
    done = user.run("apply", "--all", "-y", "--var", "token=hunter2")
    assert done.endswith("2 root modules: all is as the files say.\n")
    assert "hunter2" not in done


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("plan --changed-since main", "--changed-since chooses among all root modules."),
        ("plan --all --target planform_data.x", "--target cannot be used with --all"),
        ("plan --all --json", "The event stream is of one root module."),
        ("apply --all p.pfplan", "A plan file and the event stream are of one root module."),
        ("apply --all", "Approval is needed, and there is no terminal to ask for it."),
        ("apply --all --if-same-as nowhere", "There are no plans in nowhere: it has no plans.json."),
        ("--chdir shared plan --all", "There is no root module in"),
    ],
)
def test_what_does_not_go_together(many: User, words: str, said: str) -> None:
    assert said in many.run(*words.split(), code=1)


def test_a_circle_is_refused(many: User) -> None:
    many.edit("../network/", "../a-last/", "middle/main.pf.yaml")
    assert "read each other's states in a circle: " in many.run("plan", "--all", code=1)


def test_modules_of_all_are_fetched(many: User) -> None:
    assert many.run("init", "--all").endswith("4 root modules are ready.\n")


def test_what_is_wrong_in_one_keeps_no_other_from_being_made_ready(many: User) -> None:
    many.edit("name: middle", "nam: middle", "middle/main.pf.yaml")
    said = many.run("init", "--all", code=1)
    assert "nam" in said
    assert said.endswith("1 of 4 root modules not ready: middle.\n")
    assert (many.folder / "network" / ".planform" / "planform.schema.json").exists()


ACROSS = """
planform: {name: across, backend: {local: {path: "../states/across/${planform.workspace}.json"}}}
variable: {size: {type: number, default: 1}}
resource: {planform_data: {x: {input: "${var.size}"}}}
output: {size: {value: "${planform_data.x.output}"}}
"""
READS_ITS_OWN = """
planform: {name: b}
data: {remote_state: {up: {backend: local, config: {path: "../states/across/%s.json"}, defaults: {size: 0}}}}
resource: {planform_data: {x: {input: "${data.remote_state.up.outputs.size}"}}}
output: {size: {value: "${planform_data.x.output}"}}
"""


def test_one_workspace_is_that_of_all(user: User) -> None:
    """`a` reads the state of the same workspace of `z`, `c` always that of the default one."""
    user.write(ACROSS, "z/main.pf.yaml")
    user.write("size: 7\n", "z/workspaces/cloud.pfvars.yaml")
    user.write(READS_ITS_OWN % "${planform.workspace}", "a/main.pf.yaml")
    user.write(READS_ITS_OWN % "default", "c/main.pf.yaml")
    user.run("apply", "--all", "-y")
    user.run("-w", "cloud", "apply", "--all", "-y")
    assert [user.run("--chdir", root, "output", "--raw", "size") for root in "zac"] == ["1", "1", "1"]
    assert [user.run("--chdir", root, "-w", "cloud", "output", "--raw", "size") for root in "zac"] == ["7", "7", "1"]
    needs = {}
    for workspace in ("default", "cloud"):
        document = json.loads(user.run("-w", workspace, "plan", "--all", "--format", "json"))
        needs[workspace] = {root["path"]: root["needs"] for root in document["roots"]}
    assert needs == {"default": {"z": [], "a": ["z"], "c": ["z"]}, "cloud": {"z": [], "a": ["z"], "c": []}}


def test_another_workspace_selected_in_a_root_module_is_named(user: User) -> None:
    for name in ("a", "b"):
        user.write(f"planform: {{name: {name}}}\n", f"{name}/main.pf.yaml")
    user.run("--chdir", "b", "workspace", "new", "cloud")
    process = user.start("plan", "--all")
    out, err = process.communicate(timeout=60)
    assert out.endswith("No changes in 2 root modules.\n")
    assert 'The workspace of all is "default", though others are selected: "cloud" in b.' in err
    said = user.start("-w", "default", "plan", "--all").communicate(timeout=60)
    assert "Warning" not in "".join(said)


def test_a_policy_judges_all(many: User) -> None:
    many.write('package planform\n\ndeny contains "not today" if true\n', "rules/no.rego")
    said = many.run("apply", "--all", "-y", "--policy", "rules", code=1)
    assert "not today" in said
    assert "lone (its apply failed)" in said


GATED = """
planform: {name: g, default_provider: local}
resource:
  trainer:
    t: {training_image: i, source_code: {command: "while [ ! -e %s ]; do sleep 0.02; done"}}
output: {job: {value: "${trainer.t.job_name}"}}
"""
AFTER = """
planform: {name: after}
data: {remote_state: {up: {backend: local, config: {path: "../first/state/default.json"}}}}
"""


def test_ctrl_c_passes_on_and_says_what_was_not_applied(user: User) -> None:
    gate = user.folder / "gate"
    user.write(GATED % gate, "first/main.pf.yaml")
    user.write(AFTER, "after/main.pf.yaml")
    process = user.start("apply", "--all", "-y")
    until(lambda: "run 1 running" in process.stdout.readline(), "the launch")  # type: ignore[union-attr]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Traceback" not in out + err
    assert "first | Stopping: calls under way are finished, runs go on." in out
    assert "2 of 2 root modules not applied: first (it was interrupted); after (it waits for first)." in err
    gate.touch()
    user.run("--chdir", "first", "runs", "wait", "--timeout", "30")
    user.run("apply", "--all", "-y")


def test_a_plan_of_all_is_interrupted_at_once(user: User) -> None:
    """Its commands end with it, and what they would have written is not taken for a plan."""
    user.write(
        "planform: {name: slow}\nresource: {planform_data: {x: {count: 20000, input: 1}}}\n", "slow/main.pf.yaml"
    )
    process = user.start("plan", "--all", "--out", "plans")
    until(lambda: (user.folder / "plans" / "slow").exists(), "the plan to begin")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("Interrupted.\n")
    assert not (user.folder / "plans" / "plans.json").exists()


def test_a_root_module_that_cannot_be_read_is_not_overlooked(user: User) -> None:
    user.write("planform: {name: a}\n", "a/main.pf.yaml")
    (user.folder / "b").mkdir()
    (user.folder / "b" / "main.pf.yaml").symlink_to("nowhere")
    (user.folder / "c").mkdir()
    (user.folder / "c" / "main.pf.yaml").write_bytes(b"planform: {name: \xff}\n")
    said = user.run("validate", "--all", code=1)
    assert "main.pf.yaml: No such file or directory" in said
    assert "not UTF-8" in said
    assert said.endswith("2 of 3 root modules not valid.\n")


def test_all_are_taken_away_in_the_other_order(many: User) -> None:
    many.run("apply", "--all", "-y")
    many.run("plan", "--all", "--destroy", "--out", "plans")
    many.run("apply", "--all", "--if-same-as", "plans")
    for root in ("network", "middle", "a-last", "lone"):
        assert many.run("--chdir", root, "state", "list") == ""
