"""What users do to a state by hand, and taking it to another backend: in files and in a bucket."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from planform.backends import backend_for
from planform.core.backend import Backend
from tests.fakes.s3 import S3

from .conftest import User, until

FILES = """
planform:
  name: commands
  default_provider: local
  backend: BACKEND
resource:
  planform_data:
    a: {input: 1}
    b: {for_each: {x: 1, y: 2}, input: "${each.value}"}
  trainer:
    t: {training_image: img, source_code: {command: "true"}}
module:
  m: {source: ./m}
"""
MODULE = "resource: {planform_data: {inner: {input: 1}}}\n"
LOCAL = '{local: {path: "state/${planform.workspace}.json"}}'


def in_bucket(s3: S3) -> str:
    return f'{{s3: {{bucket: {s3.bucket}, key: "t/${{planform.workspace}}.json", endpoint_url: "{s3.url}"}}}}'


@pytest.fixture(params=["local", "s3"])
def applied(request: pytest.FixtureRequest, user: User) -> User:
    backend = LOCAL if request.param == "local" else in_bucket(request.getfixturevalue("s3"))
    user.write(FILES.replace("BACKEND", backend))
    user.write(MODULE, "m/main.pf.yaml")
    user.run("apply", "-y")
    return user


def test_mv_renames_what_is_recorded_and_nothing_else(applied: User) -> None:
    serial = json.loads(applied.run("state", "pull"))["serial"]
    assert applied.run("state", "mv", "planform_data.a", "planform_data.first", "--dry-run") == (
        "Would move planform_data.a to planform_data.first\n"
    )
    assert json.loads(applied.run("state", "pull"))["serial"] == serial
    said = applied.run("state", "mv", "planform_data.a", "planform_data.first")
    assert said.startswith("Moved planform_data.a to planform_data.first\nThe state before is ")
    applied.run("state", "mv", "planform_data.b", "planform_data.many")
    applied.run("state", "mv", 'planform_data.many["y"]', 'planform_data.many["z"]')
    applied.run("state", "mv", "module.m", "module.n")
    applied.run("state", "mv", "trainer.t", "trainer.u")
    assert applied.run("state", "list").split() == [
        "planform_data.first",
        'planform_data.many["x"]',
        'planform_data.many["z"]',
        "trainer.u",
        "module.n.planform_data.inner",
    ]
    text = (applied.folder / "main.pf.yaml").read_text()
    text = text.replace("    a:", "    first:").replace(
        "    b: {for_each: {x: 1, y: 2}", "    many: {for_each: {x: 1, z: 2}"
    )
    applied.write(text.replace("    t:", "    u:").replace("  m: {", "  n: {"))
    assert applied.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert "trainer.u" in applied.run("runs")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["planform_data.aa", "planform_data.c"], 'Did you mean "planform_data.a"?'),
        (["planform_data.a", 'planform_data.b["x"]'], "is recorded already"),
        (["planform_data.a", "job_queue.a"], "a planform_data is no job_queue"),
        (["planform_data.a", "planform_dat.a"], 'Did you mean "planform_data"?'),
        (["planform_data.a", "nonsense"], "is no address of a resource"),
        (["planform_data.b", 'planform_data.c["k"]'], "has instances"),
    ],
)
def test_mv_refuses(user: User, words: list[str], says: str) -> None:
    user.write(FILES.replace("BACKEND", LOCAL))
    user.write(MODULE, "m/main.pf.yaml")
    user.run("apply", "-y", "--target", "planform_data.*")
    before = (user.folder / "state" / "default.json").read_bytes()
    assert says in user.run("state", "mv", *words, code=1)
    assert (user.folder / "state" / "default.json").read_bytes() == before


def test_rm_forgets_and_a_backup_brings_it_back(applied: User, tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_text(applied.run("state", "pull"))
    assert "Would forget planform_data.a\n" in applied.run("state", "rm", "planform_data.*", "--dry-run")
    said = applied.run("state", "rm", "planform_data.a", "module.m")
    assert said.startswith("Forgot planform_data.a\nForgot module.m.planform_data.inner\nThe state before is ")
    assert "2 to create" in applied.run("plan")
    refused = applied.run("state", "push", str(tmp_path / "kept.json"), code=1)
    assert "This state is older" in refused
    assert "--force" in refused
    applied.run("state", "push", "--force", str(tmp_path / "kept.json"))
    assert applied.run("plan", "--detailed-exitcode").startswith("No changes.")
    pulled = json.loads(applied.run("state", "pull"))
    assert pulled["serial"] == json.loads((tmp_path / "kept.json").read_text())["serial"] + 2


def test_push_refuses_what_does_not_belong_here(applied: User, tmp_path: Path) -> None:
    from planform.core.statefile import parse_pulled, pulled_text

    here = parse_pulled(applied.run("state", "pull"), "here")
    path = tmp_path / "pushed.json"

    def push(**changes: object) -> str:
        path.write_text(pulled_text(here._replace(state=here.state._replace(**changes))))
        return applied.run("state", "push", str(path), code=1)

    assert "of another lineage" in push(lineage="other")
    assert "and another content" in push(outputs={"x": 1})
    path.write_text(pulled_text(here).replace('"input": 1', '"input": 2'))
    assert "was altered" in applied.run("state", "push", str(path), code=1)
    assert "cannot be read" in applied.run("state", "push", "nowhere.json", code=1)
    path.write_text(pulled_text(here))
    assert "holds 5 resources now" in applied.run("state", "push", str(path))
    assert applied.run("state", "pull") == pulled_text(here)


def test_there_and_back_to_another_backend(user: User, s3: S3) -> None:
    user.write(FILES.replace("BACKEND", LOCAL))
    user.write(MODULE, "m/main.pf.yaml")
    user.run("apply", "-y")
    user.run("-w", "blue", "apply", "-y", "--target", "planform_data.a")
    user.edit(LOCAL, in_bucket(s3))
    refused = " ".join(user.run("plan", code=1).split())
    assert "The backend changed: this folder worked with " in refused
    assert "planform init --migrate-state" in refused
    assert user.run("state", "list", code=1).startswith("Error: The backend changed")
    user.run("validate")
    moved = user.run("init", "--migrate-state")
    assert f"Workspace default: 5 resources went from {user.folder}/state/default.json to s3://{s3.bucket}/t/" in moved
    assert "Workspace blue: 1 resource went from " in moved
    assert not (user.folder / "state" / "default.json").exists()
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert user.run("workspace", "list") == "  blue\n* default\n"
    assert user.run("-w", "blue", "state", "list") == "planform_data.a\n"
    assert "trainer.t" in user.run("runs")
    user.edit(in_bucket(s3), LOCAL)
    user.run("init", "--migrate-state")
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    assert "t/default.json" not in s3.objects()
    assert "t/default.json.backup" in s3.objects()


def test_a_state_is_not_migrated_over_another(user: User, s3: S3) -> None:
    user.write(FILES.replace("BACKEND", in_bucket(s3)))
    user.write(MODULE, "m/main.pf.yaml")
    user.run("apply", "-y", "--target", "planform_data.a")
    (user.folder / ".planform" / "backends.json").unlink()
    user.edit(in_bucket(s3), LOCAL)
    user.run("apply", "-y")
    user.edit(LOCAL, in_bucket(s3))
    refused = user.run("init", "--migrate-state", code=1)
    assert "is another state already, with 1 resources" in refused
    user.run("init", "--reconfigure")
    assert user.run("state", "list") == "planform_data.a\n"
    assert (user.folder / "state" / "default.json").exists()


def backend_of(user: User) -> Backend:
    kind, settings = json.loads((user.folder / ".planform" / "backends.json").read_text())["default"].values()
    return backend_for(kind, settings, user.folder, "default")


def test_locks_are_shown_and_a_dead_holder_is_taken_away(applied: User) -> None:
    assert applied.run("locks").splitlines()[1].split() == ["default", "(free)"]
    backend = backend_of(applied)
    with backend.lock("apply"):
        shown = applied.run("locks").splitlines()[1]
        assert f"({os.getpid()})" in shown
        assert " yes " in shown
        (told,) = json.loads(applied.run("locks", "--json"))["locks"]
        assert (told["locked"], told["operation"], told["lives"]) == (True, "apply", True)
        refused = applied.run("force-unlock", "ffff", code=1)
    if "s3://" in backend.location:
        assert f"That lock has the id {told['id']}, not ffff." in refused
    else:
        assert "frees it when that ends" in refused
    assert "is not locked" in applied.run("force-unlock", "x", code=1)


def test_a_runner_dies_and_another_goes_on(user: User, s3: S3) -> None:
    """With its state in a bucket, a project is finished by whoever comes next."""
    environments = "".join(f"    e{index}: {{capacity_limits: [{{max_capacity: 1}}]}}\n" for index in range(30))
    user.write(
        f"planform: {{name: runner, default_provider: local, backend: {in_bucket(s3)}}}\n"
        f"resource:\n  service_environment:\n{environments}"
    )
    s3.faults({"method": "PUT", "key": r"journal/.*/0*5$", "do": "stall", "times": 1000})
    process = user.start("apply", "-y", "--parallelism", "3")
    until(s3.stalled, "the middle of the apply")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    s3.faults()
    made = len(user.run("state", "list").split())
    assert 0 < made < 30
    locked = " ".join(user.run("apply", "-y", code=1).split())
    assert f"Process {process.pid} is gone." in locked
    lock_id = locked.partition("planform force-unlock ")[2]
    assert "Add --force." in user.run("force-unlock", lock_id, code=1)
    user.run("force-unlock", "--force", lock_id)
    said = user.run("apply", "-y")
    assert "30 created" not in said
    assert len(user.run("state", "list").split()) == 30
    assert user.run("plan", "--detailed-exitcode").startswith("No changes.")
    user.run("destroy", "-y")
    assert user.run("state", "list") == ""


def test_outputs_of_a_state_in_a_bucket(user: User, s3: S3) -> None:
    user.write(
        f"planform: {{name: up, backend: {in_bucket(s3)}}}\n"
        "variable: {token: {type: string, default: x, sensitive: true}}\n"
        'output: {shared: {value: [1, 2]}, token: {value: "${var.token}", sensitive: true}}\n'
    )
    user.run("apply", "-y")
    terraform = {"version": 4, "terraform_version": "1.9.0", "outputs": {"vpc": {"value": "vpc-1", "type": "string"}}}
    s3.client.put_object(Bucket=s3.bucket, Key="tf.tfstate", Body=json.dumps(terraform))
    user.write(
        "planform: {name: down, backend: {local: {path: state/down.json}}}\n"
        "data:\n  remote_state:\n"
        f'    up: {{backend: s3, config: {{bucket: {s3.bucket}, key: t/default.json, endpoint_url: "{s3.url}"}}}}\n'
        f'    tf: {{backend: s3, config: {{bucket: {s3.bucket}, key: tf.tfstate, endpoint_url: "{s3.url}"}}}}\n'
        "output:\n"
        '  sum: {value: "${sum(data.remote_state.up.outputs.shared)}"}\n'
        '  vpc: {value: "${data.remote_state.tf.outputs.vpc}"}\n'
    )
    user.run("init", "--reconfigure")
    user.run("apply", "-y")
    assert user.run("output", "--raw", "sum").strip() == "3"
    assert user.run("output", "--raw", "vpc").strip() == "vpc-1"
    user.edit("key: tf.tfstate", "key: nothing.tfstate")
    assert "There is no state s3://team-state/nothing.tfstate" in user.run("plan", code=1)
