"""What guards a plan: what its runs may cost, limits, policies, and objects that may not be destroyed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.fake_aws import ACCOUNT, REGION, FakeAws

from .conftest import User

CLOUD = f"""
planform: {{name: paid, default_provider: aws}}
provider:
  aws: {{region: {REGION}, role: "arn:aws:iam::{ACCOUNT}:role/train", poll_interval_in_seconds: 0.01}}
resource:
  trainer:
    small: &trainer
      training_image: 123456789012.dkr.ecr.us-west-2.amazonaws.com/t:1
      source_code: {{command: "true"}}
      compute: {{instance_type: ml.m5.xlarge, instance_count: 2}}
      stopping_condition: {{max_runtime_in_seconds: 3600}}
    large:
      <<: *trainer
      compute: {{instance_type: ml.p4d.24xlarge, instance_count: 1}}
"""
PRICES = """
as_of: 2026-11-01
on_demand:
  us-west-2: {ml.m5.xlarge: 0.23, ml.p4d.24xlarge: 37.6885}
"""


@pytest.fixture
def cloud(user: User, aws: FakeAws) -> User:
    user.write(CLOUD)
    user.write(PRICES, "planform.prices.yaml")
    return user


def plan_json(user: User, *words: str) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(user.run("plan", "--format", "json", *words))
    return form


def squeezed(text: str) -> str:
    """Without what aligns columns."""
    return re.sub(" +", " ", text)


def limits(user: User, text: str) -> None:
    """Say so in the planform block."""
    user.edit("default_provider:", f"limits: {text}, default_provider:")


# Cost


def test_a_plan_says_what_each_new_run_may_cost_and_all_of_them(cloud: User) -> None:
    said = squeezed(cloud.run("plan"))
    assert "cost at most 2 instance-hours, $0.46\n" in said
    assert "cost at most 1 instance-hour, $37.69\n" in said
    assert "2 new runs (at most 3 instance-hours, $38.15 at prices of 2026-11-01)." in said
    assert "# at most 2 instance-hours, $0.46\n" in cloud.run("plan", "--full")
    assert "$38.15 at prices of 2026-11-01" in cloud.run("plan", "--summary")
    assert "$38.15 at prices of 2026-11-01" in cloud.run("plan", "--format", "markdown")
    form = plan_json(cloud)
    assert form["x_planform"]["cost"] == {
        **{"instance_hours": 3.0, "instance_hours_before": 0, "unbounded_runs": 0},
        **{"currency": "USD", "prices_as_of": "2026-11-01", "usd": 38.1485, "usd_before": 0, "unpriced_runs": 0},
    }
    runs = {item["address"]: item["x_planform"]["run"] for item in form["resource_changes"]}
    assert (runs["trainer.small"]["instance_hours"], runs["trainer.small"]["usd"]) == (2.0, 0.46)


def test_a_type_without_a_price_is_named_and_the_others_are_summed(cloud: User) -> None:
    cloud.edit("ml.p4d.24xlarge: 37.6885", "ml.p5.48xlarge: 98.32", "planform.prices.yaml")
    said = cloud.run("plan")
    assert "at most 1 instance-hour, no price for ml.p4d.24xlarge in us-west-2" in said
    assert "(at most 3 instance-hours, $0.46 at prices of 2026-11-01, 1 without a price)" in said
    assert plan_json(cloud)["x_planform"]["cost"]["unpriced_runs"] == 1


def test_spot_counts_at_its_own_price_or_at_the_one_on_demand(cloud: User) -> None:
    cloud.edit("instance_count: 2", "instance_count: 2, enable_managed_spot_training: true")
    cloud.edit("<<: *trainer", "<<: *trainer\n      stopping_condition: {max_runtime_in_seconds: 60}")
    cloud.edit("3600}", "3600, max_wait_time_in_seconds: 3600}")
    assert "at most 2 instance-hours, $0.46, spot at the price on demand" in cloud.run("plan")
    cloud.write(PRICES + "spot:\n  us-west-2: {ml.m5.xlarge: 0.07}\n", "planform.prices.yaml")
    assert "at most 2 instance-hours, $0.14\n" in cloud.run("plan")


def test_a_queue_tries_a_job_again_and_each_attempt_has_all_the_time(cloud: User) -> None:
    retries = "retry_strategy: {maximum_retry_attempts: 2}"
    cloud.edit("_seconds: 3600}", f"_seconds: 3600}}\n      {retries}")
    assert "at most 2 instance-hours, $0.46" in cloud.run("plan")  # SageMaker counts the time of all attempts together
    cloud.edit(retries, f"{retries}\n      queue: team")
    cloud.write(
        "resource:\n  job_queue:\n    team: {name: team, priority: 1, service_environment_order: [cpu]}\n"
        "  service_environment:\n    cpu: {name: cpu, capacity_limits: [{max_capacity: 9, capacity_unit: NUM_INSTANCES}]}\n",
        "queue.pf.yaml",
    )
    cloud.edit("queue: team", 'queue: "${job_queue.team.arn}"')
    assert "at most 6 instance-hours, $1.38" in cloud.run("plan")


def test_a_changed_trainer_shows_what_a_run_cost_before(user: User) -> None:
    user.write(
        "planform: {name: p}\nresource:\n  trainer:\n    t:\n      training_image: img\n      source_code: {command: 'true'}\n"
        "      compute: {instance_count: 1}\n      stopping_condition: {max_runtime_in_seconds: 1800}\n"
    )
    assert "cost" not in user.run("plan")  # nobody sends a bill for this machine
    user.write('as_of: "2026-11-01"\non_demand: {local: {ml.m5.xlarge: 0.5}}\n', "planform.prices.yaml")
    user.run("apply", "-y")
    user.edit("_seconds: 1800", "_seconds: 3600")
    user.edit("command: 'true'", "command: 'true # anew'")
    said = squeezed(user.run("plan"))
    assert "cost at most 0.5 -> 1 instance-hour, $0.25 -> $0.50\n" in said
    cost = plan_json(user)["x_planform"]["cost"]
    assert (cost["instance_hours_before"], cost["usd_before"], cost["usd"]) == (0.5, 0.25, 0.5)


def test_a_saved_plan_is_stale_when_the_prices_it_read_change(cloud: User) -> None:
    cloud.run("plan", "--out", "p.pfplan")
    cloud.edit("0.23", "0.24", "planform.prices.yaml")
    said = cloud.run("apply", "p.pfplan", code=1)
    assert "planform.prices.yaml changed after the plan was made" in said
    assert "$38.15 at prices of 2026-11-01" in cloud.run("show", "p.pfplan")


def test_prices_that_are_wrong_are_refused_at_their_places(cloud: User) -> None:
    cloud.write(
        "as_of: yesterday\non_demand:\n  us-west-2:\n    ml.m5.xlarge: -1\n    ml.c5.xlarge: ${var.price}\nspott: {}\n",
        "planform.prices.yaml",
    )
    said = cloud.run("plan", code=1)
    for place, what in {
        "1:8": '"yesterday" is not a date.',
        "4:19": "A price is not negative and not endless: -1.",
        "5:19": "A price is a number of US dollars an hour, not an expression.",
        "6:1": '"spott" is not expected here.',
    }.items():
        assert f"planform.prices.yaml:{place}" in said
        assert what in said
    assert 'Did you mean "spot"?' in said
    assert "4 errors." in said


def test_a_file_of_prices_that_is_named_must_be_there(cloud: User) -> None:
    cloud.edit("default_provider:", "prices: costs.yaml, default_provider:")
    said = cloud.run("plan", code=1)
    assert "The prices in costs.yaml cannot be read: No such file or directory." in said
    assert "main.pf.yaml:2:32" in said
    (cloud.folder / "planform.prices.yaml").rename(cloud.folder / "costs.yaml")
    assert "$38.15" in cloud.run("plan")


def test_prices_refresh_asks_aws_for_what_the_files_use(cloud: User, aws: FakeAws) -> None:
    aws.set(page=1)  # several pages
    cloud.write(
        "as_of: 2020-01-01\non_demand:\n  local: {mac: 0.01}\nspot:\n  us-west-2: {ml.m5.xlarge: 0.07}\n",
        "planform.prices.yaml",
    )
    said = cloud.run("prices", "refresh")
    assert "us-west-2  ml.m5.xlarge  $0.23 an hour\n" in said
    assert "us-west-2  ml.p4d.24xlarge  $37.6885 an hour\n" in said
    text = (cloud.folder / "planform.prices.yaml").read_text()
    assert text.partition("as_of")[2].split("\n", 1)[1] == (
        "on_demand:\n  local:\n    mac: 0.01\n  us-west-2:\n    ml.m5.xlarge: 0.23\n    ml.p4d.24xlarge: 37.6885\n"
        "spot:\n  us-west-2:\n    ml.m5.xlarge: 0.07\n"
    )
    assert {name for name in aws.calls() if not name.startswith("s3")} == {"Pricing.GetProducts"}
    assert "$38.15 at prices of 20" in cloud.run("plan")


def test_prices_refresh_keeps_what_the_file_has_and_adds_what_is_given(cloud: User, aws: FakeAws) -> None:
    said = cloud.run("prices", "refresh", "--region", "eu-west-3", "--instance-type", "ml.m5.xlarge")
    assert "eu-west-3  ml.m5.xlarge  $0.269 an hour\n" in said
    cloud.edit("0.269", "0.3", "planform.prices.yaml")
    said = cloud.run("prices", "refresh", "--instance-type", "ml.m9.huge")
    assert "eu-west-3  ml.m5.xlarge  $0.269 an hour (was $0.3)\n" in said
    assert "us-west-2  ml.m9.huge  no price is published\n" in said
    assert "ml.m9.huge" not in (cloud.folder / "planform.prices.yaml").read_text()


def test_prices_refresh_without_anything_to_look_up_says_how(user: User, aws: FakeAws) -> None:
    user.write("planform: {name: p}\nresource: {planform_data: {a: {input: 1}}}\n")
    assert "--region us-west-2 --instance-type ml.m5.xlarge" in user.run("prices", "refresh", code=1)


# Limits


@pytest.fixture
def pair(user: User) -> User:
    """Two trainers of this machine, and an object, at most one new run and nothing destroyed."""
    user.write(
        """
planform:
  name: pair
  limits:
    max_new_runs: "${var.runs}"
    max_destroy: 0
variable: {runs: {type: number, default: 1}}
resource:
  planform_data: {a: {input: 1}}
  trainer:
    t:
      for_each: {short: 600, long: 1200}
      training_image: img
      source_code: {command: echo done}
      stopping_condition: {max_runtime_in_seconds: "${each.value}"}
"""
    )
    return user


def test_a_plan_over_a_limit_is_shown_and_saved_and_not_applied(pair: User) -> None:
    said = pair.run("plan", "--out", "p.pfplan")
    assert "Over max_new_runs: 2 new runs, allowed is 1  (main.pf.yaml:5)\n    trainer.t[" in said
    assert "Apply refuses this plan without --accept-limit max_new_runs.\n" in said
    assert "Plan: 1 to create, 0 to change, 0 to destroy; 2 new runs (at most 0.5 instance-hours)." in said
    assert "planform apply --accept-limit max_new_runs p.pfplan" in said
    pair.run("plan", "--detailed-exitcode", code=2)
    for words in (("apply", "p.pfplan"), ("apply", "-y"), ("apply", "-y", "--json")):
        said = pair.run(*words, code=1)
        assert "This plan is over max_new_runs: 2 new runs, allowed is 1." in said
        assert "main.pf.yaml:5:19" in said or '"line":5,"column":19' in said
        assert (
            'trainer.t[\\"long\\"]; trainer.t[\\"short\\"]' in said or 'trainer.t["long"]; trainer.t["short"]' in said
        )
    assert not (pair.folder / "state").exists()
    assert not pair.run_folders()
    pair.run("apply", "--accept-limit", "max_new_runs", "p.pfplan")
    assert len(pair.run_folders()) == 2


def test_an_acceptance_is_part_of_a_saved_plan(pair: User) -> None:
    said = pair.run("plan", "--accept-limit", "max_new_runs", "--accept-limit", "max_destroy", "--out", "p.pfplan")
    assert "Over max_new_runs, accepted: 2 new runs" in said
    assert "Warning: --accept-limit max_destroy changes nothing.\n  The plan is within it." in said
    assert "Apply refuses" not in said
    assert "**Over" not in (text := pair.run("show", "--format", "markdown", "p.pfplan"))
    assert "- `max_new_runs` `main.pf.yaml:5`: 2 new runs, allowed is 1: accepted\n" in text
    form = json.loads(pair.run("show", "--json", "p.pfplan"))
    assert form["applyable"] is True
    assert form["x_planform"]["limits"] == [
        {
            **{"name": "max_new_runs", "maximum": 1, "value": 2, "exceeded": True, "accepted": True},
            **{"range": "main.pf.yaml:5:19", "unbounded": []},
            "largest": [{"address": f'trainer.t["{key}"]', "value": 1} for key in ("long", "short")],
        },
        {
            **{"name": "max_destroy", "maximum": 0, "value": 0, "exceeded": False, "accepted": False},
            **{"range": "main.pf.yaml:6:18", "largest": [], "unbounded": []},
        },
    ]
    pair.run("apply", "p.pfplan")


def test_limits_follow_variables_and_unknown_names_are_errors(pair: User) -> None:
    assert "Over" not in pair.run("plan", "--var", "runs=2")
    said = pair.run("plan", "--var", "runs=-1", code=1)
    assert "main.pf.yaml:5:19" in said
    assert "-1 is too small: at least 0." in said
    assert 'Did you mean "max_new_runs"?' in pair.run("apply", "-y", "--accept-limit", "max_runs", code=1)
    pair.edit("max_destroy: 0", "max_destroyed: 0")
    said = pair.run("validate", code=1)
    assert '"max_destroyed" is not expected here.' in said
    assert "main.pf.yaml:6:5" in said


def test_what_is_destroyed_and_replaced_counts(pair: User) -> None:
    pair.run("apply", "-y", "--accept-limit", "max_new_runs")
    said = pair.run("destroy", "-y", code=1)
    assert "This plan is over max_destroy: 3 to destroy, allowed is 0." in said
    assert "planform_data.a" in said
    assert "Over max_destroy: 1 to destroy" in pair.run("plan", "--replace", "planform_data.a")
    pair.run("destroy", "-y", "--accept-limit", "max_destroy")


def test_a_run_without_a_price_is_over_the_limit_of_cost(cloud: User) -> None:
    limits(cloud, "{max_cost_usd: 50, max_instance_hours: 2}")
    (cloud.folder / "planform.prices.yaml").unlink()
    said = cloud.run("plan")
    assert "Over max_cost_usd: 2 runs without a bound, allowed is $50.00" in said
    assert "trainer.large: there are no prices\n" in said
    cloud.write(PRICES.replace(", ml.p4d.24xlarge: 37.6885", ""), "planform.prices.yaml")
    said = cloud.run("apply", "-y", "--accept-limit", "max_instance_hours", code=1)
    assert "over max_cost_usd: $0.46 and 1 run without a bound, allowed is $50.00." in said
    assert "The most of it: trainer.large: no price for ml.p4d.24xlarge in us-west-2; trainer.small $0.46." in said
    assert "planform prices refresh" in said
    assert "Over max_instance_hours, accepted: 3 instance-hours, allowed is 2" in said
    cloud.run("prices", "refresh")
    assert "max_cost_usd" not in cloud.run("plan")


def test_limits_stay_in_a_comment_that_is_cut(pair: User) -> None:
    text = pair.run("plan", "--format", "markdown", "--max-chars", "1000")
    assert len(text) <= 1000
    assert "- `max_new_runs` `main.pf.yaml:5`: 2 new runs, allowed is 1: **over the limit**\n" in text
    assert "**Apply refuses this plan without --accept-limit max_new_runs.**" in text


# Policies

POLICY = """package planform

deny contains {"msg": msg, "address": change.address} if {
	some change in input.resource_changes
	change.type == "trainer"
	change.change.after.stopping_condition.max_runtime_in_seconds > 1000
	msg := sprintf("%s may run for more than 1000 s", [change.address])
}

warn contains "half an hour of instances" if input.x_planform.cost.instance_hours >= 0.5
"""
DENIED = 'trainer.t["long"] may run for more than 1000 s'


@pytest.fixture
def judged(pair: User) -> User:
    pytest.importorskip("regopy")
    limits_off = "planform: {name: pair, policies: [policy]}\nvariable"
    text = (pair.folder / "main.pf.yaml").read_text()
    pair.write(limits_off + text.partition("variable")[2])
    pair.write(POLICY, "policy/time.rego")
    pair.write("package planform\n\ntest_nothing if false\n", "policy/time_test.rego")
    return pair


def test_a_policy_denies_a_plan_and_warns(judged: User) -> None:
    said = judged.run("plan", "--out", "p.pfplan")
    assert "Policies warn:\n  policy/time.rego: half an hour of instances\n" in said
    assert f'Policies deny this plan:\n  policy/time.rego: trainer.t["long"]: {DENIED}\n' in said
    assert "Apply refuses this plan: a policy denies it." in said
    assert "It is for review only: apply refuses it." in said
    for words in (("apply", "p.pfplan"), ("apply", "-y"), ("apply", "-y", "--accept-limit", "max_cost_usd")):
        said = judged.run(*words, code=1)
        assert f"A policy denies this plan: {DENIED}" in said
        assert "The rule is in policy/time.rego." in said
    assert not judged.run_folders()
    assert "- **denied by policy**: `policy/time.rego: trainer" in judged.run(
        "show", "--format", "markdown", "p.pfplan"
    )
    form = json.loads(judged.run("show", "--json", "p.pfplan"))
    assert form["applyable"] is False
    policies = form["x_planform"]["policies"]
    assert policies["deny"] == [{"message": DENIED, "address": 'trainer.t["long"]', "file": "policy/time.rego"}]
    assert policies["warn"] == [{"message": "half an hour of instances", "file": "policy/time.rego"}]
    assert list(policies["files"]) == ["policy/time.rego"]
    judged.edit("long: 1200", "long: 900")
    judged.run("apply", "-y")
    assert len(judged.run_folders()) == 2


def test_a_saved_plan_keeps_its_verdict_while_the_policies_are_the_same(judged: User) -> None:
    judged.edit("long: 1200", "long: 900")
    judged.run("plan", "--out", "p.pfplan")
    judged.write(POLICY.replace("1000", "100"), "policy/time.rego")
    assert "policy/time.rego changed after the plan was made" in judged.run("apply", "p.pfplan", code=1)
    judged.write(POLICY, "policy/time.rego")
    judged.write('package planform\n\ndeny contains "no" if true\n', "policy/more.rego")
    assert "fileset:**/*.rego in policy changed" in judged.run("apply", "p.pfplan", code=1)
    (judged.folder / "policy" / "more.rego").unlink()
    judged.environment["PYTHONPATH"] = hidden(judged, "regopy")  # applying what was judged needs no interpreter
    judged.run("apply", "p.pfplan")


def hidden(user: User, package: str) -> str:
    """A path for Python on which a package cannot be imported."""
    folder = user.folder.parent / "hidden"
    folder.mkdir(exist_ok=True)
    (folder / f"{package}.py").write_text(f"raise ModuleNotFoundError('No module named {package}')\n")
    return str(folder)


def test_policies_of_the_command_line_may_stand_outside_the_repository(judged: User) -> None:
    judged.edit(", policies: [policy]", "")
    (judged.folder / "policy").rename(judged.folder.parent / "shared")
    (judged.folder / ".git").mkdir()
    assert "Policies" not in judged.run("plan")
    said = judged.run("plan", "--policy", "../shared", "--out", "p.pfplan")
    assert f'../shared/time.rego: trainer.t["long"]: {DENIED}' in said
    assert "A policy denies this plan" in judged.run("apply", "p.pfplan", code=1)
    assert "A policy denies this plan" in judged.run("apply", "-y", "--policy", "../shared/time.rego", code=1)
    assert "--policy cannot be used with a plan file" in judged.run("apply", "p.pfplan", "--policy", "x", code=1)


def test_each_message_is_of_the_file_whose_rule_says_it(judged: User) -> None:
    judged.write('package planform\n\ndeny contains lib\n\nlib := "from old"\n', "policy/old.rego")
    judged.write("package lib\n\nbig(n) if n > 1000\n", "policy/lib.rego")
    judged.edit("change.change.after.stopping_condition.max_runtime_in_seconds > 1000",
                "data.lib.big(change.change.after.stopping_condition.max_runtime_in_seconds)", "policy/time.rego")  # fmt: skip
    said = judged.run("plan")
    assert "  policy/old.rego: from old\n" in said
    assert f'  policy/time.rego: trainer.t["long"]: {DENIED}\n' in said


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        pytest.param("package planform\n\ndeny contains msg if {\n", "policy/time.rego:3:", id="not Rego"),
        pytest.param(
            POLICY.replace("sprintf", "sprintff"), "The policies in policy/time.rego cannot be", id="function"
        ),
        pytest.param(
            POLICY + "\ndeny[msg] { msg := 1 }\n", "Rules of one name contradict each other", id="both styles"
        ),
        pytest.param(POLICY.replace("package planform", "package main"), "These policies say nothing", id="package"),
        pytest.param("package planform\n\ndeny contains 3 if true\n", "A policy's rule deny gives 3.", id="shape"),
    ],
)
def test_a_policy_that_cannot_be_evaluated_stops_the_plan(judged: User, policy: str, says: str) -> None:
    judged.write(policy, "policy/time.rego")
    assert says in judged.run("plan", code=1)


def test_policies_that_are_not_there_and_an_interpreter_that_is_not_there(judged: User) -> None:
    judged.edit("policies: [policy]", "policies: [rules]")
    said = judged.run("plan", code=1)
    assert "main.pf.yaml:1:35" in said
    assert "The policy rules cannot be read: No such file or directory." in said
    (judged.folder / "rules").mkdir()
    assert "rules holds no policy." in judged.run("plan", code=1)
    judged.edit("policies: [rules]", "policies: [policy]")
    judged.environment["PYTHONPATH"] = hidden(judged, "regopy")
    said = judged.run("plan", code=1)
    assert "Policies need the package regopy." in said
    assert "pip install 'planform[policy]'" in said
    judged.run("why", 'trainer.t["long"]')  # asks no policy


# Checks


def test_how_checks_came_out_stands_in_every_form(pair: User) -> None:
    pair.write(
        """
check:
  good: {assert: [{condition: "${var.runs > 0}", error_message: none}]}
  bad: {assert: [{condition: "${var.runs > 5}", error_message: "only ${var.runs}"}]}
  later: {assert: [{condition: "${planform_data.a.id != ''}", error_message: none}]}
""",
        "checks.pf.yaml",
    )
    told = "Checks: 1 passed, 1 failed, 1 known after apply."
    for words in (("--full",), ("--summary",), ("--format", "markdown")):
        assert told in pair.run("plan", *words), words
    statuses = {item["address"]["to_display"]: item["status"] for item in plan_json(pair)["checks"]}
    assert statuses == {"check.good": "pass", "check.bad": "fail", "check.later": "unknown"}


# The page about guards

PAGE = Path(__file__).parents[2] / "docs" / "guards.md"


def test_the_page_shows_what_planform_prints(user: User, aws: FakeAws, bless: bool) -> None:
    """The files and commands of docs/guards.md, in order; what they print is what stands there."""
    pytest.importorskip("regopy")
    text = PAGE.read_text()
    module, prices = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    user.write(module)
    user.write(prices, "planform.prices.yaml")
    user.write(re.findall(r"```rego\n(.*?)```", text, re.DOTALL)[0], "policy/study.rego")
    user.environment["COLUMNS"] = "100"

    def shown(block: re.Match[str]) -> str:
        command = block[1].partition("\n")[0]
        words = command.removeprefix("planform ").split()
        said = user.run(*words, code=int(words[0] == "apply"))
        return f"```console\n$ {command}\n{steady(said)}```"

    actual = re.sub(r"```console\n\$ (.*?)```", shown, text, flags=re.DOTALL)
    if bless:
        PAGE.write_text(actual)
        return
    assert actual == text


def steady(text: str) -> str:
    text = re.sub(r"Plan id: \w{10}", "Plan id: 6681399546", text)
    return re.sub(r"(prices\s+of\s+)\d{4}-\d\d-\d\d", r"\g<1>2026-11-01", text)
