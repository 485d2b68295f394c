"""What exists already, what is only looked up, and what is never stored."""

from __future__ import annotations

import gzip
import json

from tests.stories.conftest import User

POOL = """
planform: {name: team, default_provider: local}
resource:
  service_environment:
    pool: {name: pool, capacity_limits: [{max_capacity: 2}]}
"""


def test_an_object_of_another_state_is_imported(user: User) -> None:
    user.write(POOL)
    user.run("apply", "--auto-approve")
    told = user.run("-w", "two", "plan", code=1)
    assert "service_environment.pool already exists: import it." in told
    assert "There is no" not in told
    refused = user.run("-w", "two", "import", "service_environment.pol", "pool", code=1)
    assert 'Did you mean "service_environment.pool"?' in refused
    refused = user.run("-w", "two", "import", "service_environment.pool", "nobody", code=1)
    assert 'Provider local knows no service_environment "nobody".' in refused
    user.run("-w", "two", "import", "service_environment.pool", "planform:local:service_environment/pool")
    assert "No changes." in user.run("-w", "two", "plan")
    refused = user.run("-w", "two", "import", "service_environment.pool", "pool", code=1)
    assert "service_environment.pool is recorded already." in refused


def test_an_import_block_as_plan_suggests_it(user: User) -> None:
    user.write(POOL)
    user.run("apply", "--auto-approve")
    told = user.run("-w", "two", "plan", code=1)
    block = next(line.strip() for line in told.splitlines() if "import: [" in line)
    entry = block.removeprefix("Add to the files: ").partition("]")[0] + "]"
    user.write(f"{POOL}\n{entry}\n")
    assert "1 to import" in user.run("-w", "two", "plan", "--out", "p")
    user.run("-w", "two", "apply", "p")
    assert "No changes." in user.run("-w", "two", "plan")
    assert "No changes." in user.run("plan")  # recorded here already: the entry asks for nothing


SECRET = """
planform: {name: team}
variable:
  token: {type: string, ephemeral: true}
data:
  remote_state:
    other: {backend: local, config: {path: other.tfstate}}
resource:
  planform_data:
    a:
      input: "${data.remote_state.other.outputs.password}"
      lifecycle: {precondition: [{condition: "${var.token != ''}", error_message: needed}]}
"""


def test_a_saved_plan_has_neither_ephemeral_values_nor_secrets_of_data(user: User) -> None:
    other = {"version": 4, "terraform_version": "1.11.4"}
    outputs = {"password": {"value": "hunter2-hunter2", "type": "string", "sensitive": True}}
    user.write(json.dumps({**other, "outputs": outputs}), "other.tfstate")
    user.write(SECRET)
    user.environment["PLANFORM_VAR_token"] = "tok-tok-tok"
    user.run("plan", "--out", "p")
    del user.environment["PLANFORM_VAR_token"]
    assert "No value for required variable" in user.run("apply", "p", code=1)
    user.environment["PLANFORM_VAR_token"] = "another-one"
    user.run("apply", "p")
    assert "No changes." in user.run("plan")
    (user.folder / "other.tfstate").unlink()
    for path in user.folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if path.name == "p":
            data = gzip.decompress(data)
            assert b"remote_state" in data
        assert b"hunter2" not in data, path
        assert b"tok-tok" not in data, path


def test_secrets_of_data_that_changed_make_a_saved_plan_stale(user: User) -> None:
    def store(password: str) -> None:
        outputs = {"password": {"value": password, "type": "string", "sensitive": True}}
        document = {"version": 4, "terraform_version": "1.11.4", "outputs": outputs}
        user.write(json.dumps(document), "other.tfstate")

    store("one")
    user.write(SECRET)
    user.environment["PLANFORM_VAR_token"] = "t"
    user.run("plan", "--out", "p")
    store("two")
    told = user.run("apply", "p", code=1)
    assert "What data.remote_state.other says changed after the plan was made." in told
    assert "No changes." not in user.run("plan")


def test_what_is_kept_outlives_its_block(user: User) -> None:
    user.write(POOL.replace("[{max_capacity: 2}]", "[{max_capacity: 2}], lifecycle: {destroy: false}"))
    user.run("apply", "--auto-approve")
    user.write("planform: {name: team, default_provider: local}")
    assert "1 to forget" in user.run("plan")
    user.run("apply", "--auto-approve")
    assert (user.folder / ".planform" / "environments" / "pool.json").exists()
    assert user.run("state", "list") == ""
