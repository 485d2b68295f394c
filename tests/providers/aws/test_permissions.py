"""The policies name what the files need: no more types, buckets and roles than there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_cases import run_planform

MODULE = """
planform: {name: team, default_provider: aws, backend: {s3: {bucket: team-state, key: a.json, region: us-west-2}}}
provider: {aws: {region: us-west-2, role: trainer}}
resource:
  service_environment: {cpu: {capacity_limits: [{max_capacity: 2}]}}
  job_queue: {main: {service_environment_order: ["${service_environment.cpu.arn}"]}}
  trainer:
    t:
      queue: "${job_queue.main.arn}"
      training_image: img
      source_code: {command: ./run}
      input_data: {train: "s3://data/train/"}
      secrets: {TOKEN: {ssm: /team/token}}
"""


def actions(policy: str) -> dict[str, list[str]]:
    return {action: item["Resource"] for item in json.loads(policy)["Statement"] for action in item["Action"]}


def test_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.pf.yaml").write_text(MODULE)
    told = {role: actions(run_planform(capsys, "permissions", role)[1]) for role in ("plan", "apply", "job")}
    reads = ("Describe", "List", "Get")
    assert all(action.split(":")[1].startswith(reads) for action in told["plan"])
    assert "batch:DescribeSchedulingPolicies" not in told["plan"]
    assert told["apply"]["iam:PassRole"] == ["arn:aws:iam::*:role/trainer"]
    assert {"batch:CreateJobQueue", "batch:SubmitServiceJob", "s3:PutObject"} <= told["apply"].keys()
    assert not any("SchedulingPolicy" in action or "QuotaShare" in action for action in told["apply"])
    assert told["job"]["ssm:GetParameter"] == ["arn:aws:ssm:*:*:parameter/team/token"]
    assert "secretsmanager:GetSecretValue" not in told["job"]
    assert not any(action.startswith(("batch:", "sagemaker:", "ec2:")) for action in told["job"])
    (tmp_path / "main.pf.yaml").write_text(MODULE.replace("region: us-west-2, role", "region: cn-north-1, role"))
    inland = run_planform(capsys, "permissions", "apply")[1]
    assert '"arn:aws-cn:iam::*:role/trainer"' in inland
    assert "arn:aws:" not in inland
    network = "role: trainer, networking: {subnets: [subnet-1], security_group_ids: [sg-1]}"
    (tmp_path / "main.pf.yaml").write_text(MODULE.replace("role: trainer", network))
    inside = actions(run_planform(capsys, "permissions", "job")[1]).keys() - told["job"].keys()
    assert {"ec2:CreateNetworkInterfacePermission", "ec2:DescribeVpcs", "ec2:DescribeDhcpOptions"} <= inside
    assert all(action.startswith("ec2:") for action in inside)
    (tmp_path / "main.pf.yaml").write_text("planform: {name: here, default_provider: local}\n")
    code, _, err = run_planform(capsys, "permissions", "plan")
    assert code == 1
    assert "Nothing in these files is made on AWS." in err


def test_what_is_only_looked_up_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.pf.yaml").write_text("""
planform: {name: team, default_provider: aws}
provider: {aws: {region: us-west-2}}
data:
  job_queue: {shared: {name: team-queue}}
  s3_object: {words: {bucket: team-data, key: words.txt}}
  training_job: {teacher: {name: teacher}}
""")
    told = actions(run_planform(capsys, "permissions", "apply")[1])
    assert told == {
        "batch:DescribeJobQueues": ["*"],
        "sagemaker:DescribeTrainingJob": ["*"],
        "s3:GetObject": ["arn:aws:s3:::team-data/words.txt"],
    }
