"""`apply --if-same-as PLAN` plans afresh and does only what was reviewed (S2.7)."""

from __future__ import annotations

import json

import pytest

from .conftest import User, open_gate, until

FILES = """
planform: {name: same}
variable:
  size: {type: number, default: 1}
  token: {type: string, sensitive: true, default: ""}
resource:
  service_environment:
    cpu: {provider: local, capacity_limits: [{max_capacity: 2}]}
  planform_data:
    a: {input: {size: "${var.size}"}}
    b: {input: "b of ${planform_data.a.id}"}
    c: {input: "${var.token}"}
output:
  size: {value: "${planform_data.a.output.size}"}
"""


@pytest.fixture
def team(user: User) -> User:
    user.write(FILES)
    user.environment["PLANFORM_VAR_token"] = "hunter2"
    return user


def test_a_first_plan_is_made_again_and_applied(team: User) -> None:
    team.run("plan", "--out", "p.pfplan")
    done = team.run("apply", "--if-same-as", "p.pfplan")
    assert "This is what was reviewed." in done
    assert "4 created" in done
    assert team.run("plan", "--detailed-exitcode").startswith("No changes.")


def test_what_is_applied_already_is_a_success(team: User) -> None:
    team.run("plan", "--out", "p.pfplan")
    team.run("apply", "p.pfplan")
    done = team.run("apply", "--if-same-as", "p.pfplan")
    assert "No changes." in done
    assert "of the reviewed plan" in done


def test_other_lines_and_other_changes_that_were_applied_meanwhile_do_not_matter(team: User) -> None:
    """As when two pull requests are merged one after the other."""
    team.run("apply", "-y")
    team.edit("default: 1}", "default: 5}")
    team.run("plan", "--out", "p.pfplan")
    team.edit("default: 5}", "default: 1}")
    team.edit("planform: {name: same}", "# The other team's.\nplanform: {name: same}\n")
    team.edit("max_capacity: 2", "max_capacity: 7")
    team.run("apply", "-y")
    team.edit("default: 1}", "default: 5}")
    done = team.run("apply", "--if-same-as", "p.pfplan")
    assert "This is what was reviewed." in done
    assert "1 changed" in done


def test_what_differs_is_named_and_nothing_is_done(team: User) -> None:
    team.run("apply", "-y")
    team.run("plan", "--var", "size=5", "--out", "p.pfplan")
    team.edit("max_capacity: 2", "max_capacity: 7")
    serial = json.loads(team.run("state", "pull"))["serial"]
    refused = team.run("apply", "--if-same-as", "p.pfplan", "--var", "size=6", code=1)
    assert "This is not what was reviewed, so nothing was done." in refused
    assert "| planform_data.a: not as reviewed" in refused
    assert "|     input.size: reviewed 5, now 6" in refused
    assert "| service_environment.cpu: not in the reviewed plan" in refused
    assert "| output size: not as reviewed" in refused
    assert json.loads(team.run("state", "pull"))["serial"] == serial
    told = team.run("apply", "--json", "--if-same-as", "p.pfplan", "--var", "size=6", code=1)
    events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert "This is not what was reviewed" in events[-1]["diagnostic"]["summary"]


def test_an_object_that_was_changed_by_hand_is_not_as_reviewed(team: User) -> None:
    team.run("apply", "-y")
    team.edit("max_capacity: 2", "max_capacity: 7")
    team.run("plan", "--out", "p.pfplan")
    path = team.folder / ".planform/environments/same-default-cpu.json"
    path.write_text(path.read_text().replace('"max_capacity": 2', '"max_capacity": 3'))
    refused = team.run("apply", "--if-same-as", "p.pfplan", code=1)
    assert "recorded capacity_limits[0].max_capacity: reviewed 2, now 3" in refused


def test_a_secret_that_is_another_is_not_as_reviewed(team: User) -> None:
    team.run("apply", "-y")
    team.environment["PLANFORM_VAR_token"] = "hunter3"
    team.run("plan", "--out", "p.pfplan")
    team.environment["PLANFORM_VAR_token"] = "hunter4"
    refused = team.run("apply", "--if-same-as", "p.pfplan", code=1)
    assert "input: reviewed (sensitive), now (sensitive)" in refused
    assert "hunter" not in refused
    team.environment["PLANFORM_VAR_token"] = "hunter3"
    team.run("apply", "--if-same-as", "p.pfplan")


def test_an_expression_whose_value_is_not_known_yet_must_be_as_reviewed(team: User) -> None:
    team.run("plan", "--out", "p.pfplan")
    team.edit("b of ${", "another of ${")
    assert "a value that is known only after apply" in team.run("apply", "--if-same-as", "p.pfplan", code=1)
    assert team.run("state", "list") == ""


def test_what_is_left_of_a_plan_may_be_done(team: User) -> None:
    team.run("apply", "-y", "--target", "planform_data.a")
    team.run("plan", "--out", "p.pfplan")
    team.run("apply", "-y", "--target", "service_environment.cpu")
    done = team.run("apply", "--if-same-as", "p.pfplan")
    assert "All of this was reviewed, in plan " in done
    assert team.run("plan", "--detailed-exitcode").startswith("No changes.")


def test_a_destroy_is_made_again_as_a_destroy(team: User) -> None:
    team.run("apply", "-y")
    team.run("plan", "--destroy", "--out", "p.pfplan")
    assert "4 destroyed" in team.run("apply", "--if-same-as", "p.pfplan")


def test_runs_go_on_between_review_and_merge(gated: User) -> None:
    """The run under way gets metrics and ends; that it does is no change of what was reviewed."""
    gated.run("apply", "-y", "--detach")
    until(lambda: "running" in gated.run("runs"), "run 1 running")
    gated.edit("default: 1}", "default: 2}")
    gated.run("plan", "--out", "p.pfplan")
    open_gate(gated)
    gated.run("runs", "wait")
    done = gated.run("apply", "--if-same-as", "p.pfplan")
    assert "This is what was reviewed." in done
    assert "run 2 succeeded" in done


def test_it_is_not_combined_with_a_plan_file(team: User) -> None:
    team.run("plan", "--out", "p.pfplan")
    assert "--if-same-as plans afresh" in team.run("apply", "p.pfplan", "--if-same-as", "p.pfplan", code=1)
