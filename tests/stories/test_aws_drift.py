"""Each attribute of each type that AWS Batch has: changed by hand it is shown and put back, left out it goes, and an object
that somebody made with it is imported as it is. What is asked of which attribute comes from the schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planform.resources import schemas
from tests.fake_aws import ACCOUNT, REGION, FakeAws
from tests.test_cases import run_planform

HEAD = f"""
planform: {{name: team, default_provider: aws}}
provider: {{aws: {{region: {REGION}, poll_interval_in_seconds: 0.01, default_tags: {{cost-centre: "42"}}}}}}
"""
FULL = """
resource:
  scheduling_policy:
    fair: {fair_share_policy: {share_decay_seconds: 60, compute_reservation: 5, share_distribution: [{share_identifier: lab, weight_factor: 0.3}]}, tags: {owner: vision}}
    spare: {fair_share_policy: {}}
    quotas: {quota_share_policy: {}, tags: {owner: vision}}
  service_environment:
    cpu: {capacity_limits: [{max_capacity: 2}], state: ENABLED, tags: {owner: vision}}
    gpu: {capacity_limits: [{max_capacity: 4, capacity_unit: ml.g5.xlarge}]}
  job_queue:
    main:
      priority: 5
      state: ENABLED
      scheduling_policy_arn: "${scheduling_policy.fair.arn}"
      service_environment_order: ["${service_environment.cpu.arn}"]
      job_state_time_limit_actions: [{reason: "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", max_time_seconds: 3600}]
      tags: {owner: vision}
    shared: {scheduling_policy_arn: "${scheduling_policy.quotas.arn}", service_environment_order: ["${service_environment.gpu.arn}"]}
  quota_share:
    vision:
      job_queue: "${job_queue.shared.arn}"
      capacity_limits: [{max_capacity: 1, capacity_unit: ml.g5.xlarge}]
      resource_sharing_configuration: {strategy: LEND_AND_BORROW, borrow_limit: 50}
      preemption_configuration: {in_share_preemption: ENABLED}
      state: ENABLED
      tags: {owner: vision}
"""
# Address -> attribute -> what somebody makes of it, as Batch has it.
BY_HAND: dict[str, dict[str, Any]] = {
    "service_environment.cpu": {
        "capacity_limits": {"capacityLimits": [{"maxCapacity": 9, "capacityUnit": "NUM_INSTANCES"}]},
        "state": {"state": "DISABLED"},
        "tags": {"tags": {"owner": "somebody"}},
    },
    "scheduling_policy.fair": {
        "fair_share_policy": {"fairsharePolicy": {"shareDecaySeconds": 61, "computeReservation": 5}},
        "tags": {"tags": {}},
    },
    "scheduling_policy.quotas": {"quota_share_policy": None},  # it has one value
    "job_queue.main": {
        "priority": {"priority": 9},
        "state": {"state": "DISABLED"},
        "service_environment_order": {
            "serviceEnvironmentOrder": [
                {
                    "order": 1,
                    "serviceEnvironment": f"arn:aws:batch:{REGION}:{ACCOUNT}:service-environment/team-default-gpu",
                }
            ]
        },
        "scheduling_policy_arn": {
            "schedulingPolicyArn": f"arn:aws:batch:{REGION}:{ACCOUNT}:scheduling-policy/team-default-spare"
        },
        "job_state_time_limit_actions": {"jobStateTimeLimitActions": []},
        "tags": {"tags": {"owner": "vision", "cost-centre": "43"}},
    },
    "quota_share.vision": {
        "capacity_limits": {"capacityLimits": [{"maxCapacity": 2, "capacityUnit": "ml.g5.xlarge"}]},
        "resource_sharing_configuration": {"resourceSharingConfiguration": {"strategy": "LEND", "borrowLimit": -1}},
        "preemption_configuration": {"preemptionConfiguration": {"inSharePreemption": "DISABLED"}},
        "state": {"state": "DISABLED"},
        "tags": {"tags": {"owner": "vision", "theirs": "yes"}},
    },
}
FIXED = {"name", "job_queue"}  # an object with another one would be another object
Run = Callable[..., str]


@pytest.fixture
def planform(tmp_path: Path, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, in a folder with everything in it, applied."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.pf.yaml").write_text(HEAD + FULL)

    def run(*words: str, code: int = 0) -> str:
        found, out, err = run_planform(capsys, *words)
        assert found == code, out + err
        return out + err

    run("apply", "-y")
    return run


def name_of(address: str) -> tuple[str, str]:
    kind, _, name = address.partition(".")
    return kind, f"team-default-{name}"


def test_each_attribute_changed_by_hand_is_put_back(planform: Run, aws: FakeAws) -> None:
    assert planform("plan").startswith("No changes.")
    for kind, schema in schemas().items():
        managed = {name for name, attribute in schema.attributes.items() if not attribute.computed}
        tried = {name for address, hand in BY_HAND.items() if address.startswith(f"{kind}.") for name in hand}
        if tried:
            assert tried == managed - FIXED, kind
    for address, hand in BY_HAND.items():
        kind, name = name_of(address)
        for attribute, members in hand.items():
            if members is None:
                continue
            before = aws.objects(kind)[name]
            kept = {tag: value for tag, value in before["tags"].items() if tag.startswith("planform:")}
            changed = {**members, "tags": {**kept, **members["tags"]}} if "tags" in members else members
            aws.alter(kind, name, **changed)
            plan = json.loads(planform("plan", "--format", "json"))
            drift = {item["address"]: item["x_planform"]["attributes"] for item in plan.get("resource_drift", ())}
            assert {str(item["path"][0]) for item in drift.get(address, ())} == {attribute}, (address, attribute)
            planform("apply", "-y")
            after = aws.objects(kind)[name]
            assert {key: after[key] for key in changed} == {key: before[key] for key in changed}
            assert planform("plan").startswith("No changes."), (address, attribute)


OPTIONAL = [
    ("service_environment", ", tags: {owner: vision}}\n    gpu", "}\n    gpu"),
    (
        "job_queue",
        '      job_state_time_limit_actions: [{reason: "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", max_time_seconds: 3600}]\n',
        "",
    ),
    ("job_queue", "      priority: 5\n      state: ENABLED\n", ""),
    ("scheduling_policy", ", share_distribution: [{share_identifier: lab, weight_factor: 0.3}]", ""),
    ("scheduling_policy", "share_decay_seconds: 60, compute_reservation: 5", ""),
    ("quota_share", ", borrow_limit: 50", ""),
    ("quota_share", "      resource_sharing_configuration: {strategy: LEND_AND_BORROW}\n", ""),
    ("quota_share", "      preemption_configuration: {in_share_preemption: ENABLED}\n", ""),
]


def test_what_is_taken_out_of_the_files_goes(planform: Run, aws: FakeAws, tmp_path: Path) -> None:
    for kind, old, new in OPTIONAL:
        text = (tmp_path / "main.pf.yaml").read_text()
        assert old in text
        (tmp_path / "main.pf.yaml").write_text(text.replace(old, new))
        assert "1 to change" in planform("plan"), (kind, old)
        planform("apply", "-y")
        assert planform("plan").startswith("No changes."), (kind, old)
    assert not aws.objects("job_queue")["team-default-main"].get("jobStateTimeLimitActions")
    assert aws.objects("quota_share")["team-default-vision"]["resourceSharingConfiguration"]["strategy"] == "RESERVE"


@pytest.mark.parametrize("by", ["name", "arn"])
def test_each_type_is_imported_as_it_is(planform: Run, aws: FakeAws, tmp_path: Path, by: str) -> None:
    """By its name or its ARN; nothing is changed but the tags by which it is known again."""
    shown = json.loads(planform("show", "--json"))["values"]["root_module"]["resources"]
    ids = {item["address"]: item["values"][by] for item in shown}
    assert {address.partition(".")[0] for address in ids} == {
        "service_environment",
        "scheduling_policy",
        "job_queue",
        "quota_share",
    }
    if by == "name":  # a share's name says nothing without its queue
        arn = next(item["values"]["arn"] for item in shown if item["type"] == "quota_share")
        ids["quota_share.vision"] = arn
    (tmp_path / "state" / "default.json").unlink()
    blocks = ", ".join(f'{{to: {address}, id: "{found}"}}' for address, found in ids.items())
    (tmp_path / "imports.pf.yaml").write_text(f"import: [{blocks}]\n")
    aws.calls()
    said = planform("plan")
    assert f"{len(ids)} to import" in said
    assert "0 to create, 0 to change, 0 to destroy" in said
    assert aws.changes() == []
    planform("apply", "-y")
    assert planform("plan").startswith("No changes.")
    assert {name for name in aws.changes() if not re.search("Tag", name)} == set()
