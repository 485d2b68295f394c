"""What AWS would refuse of queues, shares and jobs, refused by plan where it stands: one rule a case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fake_aws import ACCOUNT, REGION, FakeAws
from tests.test_cases import run_planform

MAIN = f"""
planform: {{name: team, default_provider: aws}}
provider:
  aws:
    region: {REGION}
    role: arn:aws:iam::{ACCOUNT}:role/train
resource:
  scheduling_policy:
    fair:
      fair_share_policy:
        share_distribution: [{{share_identifier: lab}}]
    quotas:
      quota_share_policy: {{}}
  service_environment:
    cpu:
      capacity_limits: [{{max_capacity: 2}}]
    gpu:
      capacity_limits: [{{max_capacity: 4, capacity_unit: ml.g5.xlarge}}]
  job_queue:
    main:
      scheduling_policy_arn: "${{scheduling_policy.fair.arn}}"
      service_environment_order: ["${{service_environment.cpu.arn}}"]
    shared:
      scheduling_policy_arn: "${{scheduling_policy.quotas.arn}}"
      service_environment_order: ["${{service_environment.gpu.arn}}"]
  quota_share:
    vision:
      job_queue: "${{job_queue.shared.arn}}"
      capacity_limits: [{{max_capacity: 1, capacity_unit: ml.g5.xlarge}}]
  trainer:
    t:
      queue: "${{job_queue.main.arn}}"
      share_identifier: lab
      training_image: img
      hyperparameters: {{lr: 0.1}}
"""
TRAINER = "      training_image: img\n"
# What is written instead of what, and what plan says of it.
CASES = {
    "a tag of AWS": (
        "      training_image",
        "      tags: {'aws:x': y}\n      training_image",
        'cannot begin with "aws:"',
    ),
    "a tag of planform": (
        "      capacity_limits: [{max_capacity: 2}]",
        "      capacity_limits: [{max_capacity: 2}]\n      tags: {'planform:x': y}",
        'cannot begin with "planform:"',
    ),
    "default tags of AWS": (
        "    role:",
        "    default_tags: {'aws:x': y}\n    role:",
        "provider.aws.default_tags has it",
    ),
    "many tags of a queue": (
        '      service_environment_order: ["${service_environment.cpu.arn}"]',
        '      service_environment_order: ["${service_environment.cpu.arn}"]\n'
        '      tags: "${{for n in range(48) : tostring(n) => tostring(n)}}"',
        "48 tags are too many: AWS takes 50, and 3 of them are planform's",
    ),
    "capacity in parts": ("[{max_capacity: 2}]", "[{max_capacity: 2.5}]", "2.5 is not a whole number"),
    "decay in parts": (
        "        share_distribution",
        "        share_decay_seconds: 1.5\n        share_distribution",
        "1.5 is not a whole number",
    ),
    "priority in parts": (
        "      training_image",
        "      priority: 1.5\n      training_image",
        "1.5 is not a whole number",
    ),
    "priority too high": ("      training_image", "      priority: 10000\n      training_image", "at most 9999"),
    "priority of a queue": ("    shared:\n", "    shared:\n      priority: 1001\n", "at most 1000"),
    "too short a wait": (
        "    main:\n",
        "    main:\n      job_state_time_limit_actions: [{reason: x, max_time_seconds: 599}]\n",
        "at least 600",
    ),
    "cancel": (
        "    main:\n",
        "    main:\n      job_state_time_limit_actions: [{reason: x, max_time_seconds: 600, action: CANCEL}]\n",
        "only takes TERMINATE",
    ),
    "two environments": (
        '["${service_environment.cpu.arn}"]',
        '["${service_environment.cpu.arn}", "${service_environment.gpu.arn}"]',
        "takes one service environment for each queue, not 2",
    ),
    "an environment for two": (
        '["${service_environment.cpu.arn}"]',
        '["${service_environment.gpu.arn}"]',
        "job_queue.shared manages quotas, and job_queue.main has the same service environment",
    ),
    "a quota in a fair queue": ("${job_queue.shared.arn}", "${job_queue.main.arn}", "it has no quota shares"),
    "a quota of instances": (
        "[{max_capacity: 1, capacity_unit: ml.g5.xlarge}]",
        "[{max_capacity: 1, capacity_unit: NUM_INSTANCES}]",
        "A quota counts an instance type",
    ),
    "what reserves borrows": (
        "    vision:\n",
        "    vision:\n      resource_sharing_configuration: {strategy: RESERVE, borrow_limit: 5}\n",
        "borrows nothing",
    ),
    "21 quotas": ("    vision:\n", "    vision:\n      count: 21\n", "more quota shares than AWS Batch takes: 20"),
    "51 environments": (
        "    cpu:\n",
        "    more: {count: 49, capacity_limits: [{max_capacity: 1}]}\n    cpu:\n",
        "51 of",
    ),
    "501 shares": (
        "[{share_identifier: lab}]",
        "\"${[for n in range(501) : {share_identifier = format('s%04d', n)}]}\"",
        "501 shares are too many",
    ),
    "overlapping shares": (
        "[{share_identifier: lab}]",
        "[{share_identifier: lab}, {share_identifier: 'la*'}]",
        '"la*" overlaps with "lab"',
    ),
    "weight": ("{share_identifier: lab}", "{share_identifier: lab, weight_factor: 1000}", "at most 999.9999"),
    "two kinds of policy": (
        "      quota_share_policy: {}",
        "      quota_share_policy: {}\n      fair_share_policy: {}",
        "cannot stand beside",
    ),
    "preemption in a fair queue": (
        TRAINER,
        f"{TRAINER}      preemption_configuration: {{preemption_retries_before_termination: 1}}\n",
        "Only jobs of a quota share make room for others",
    ),
    "short attempts": (TRAINER, f"{TRAINER}      timeout: {{attempt_duration_seconds: 59}}\n", "at least 60"),
    "eleven attempts": (
        TRAINER,
        f"{TRAINER}      retry_strategy: {{maximum_retry_attempts: 10}}\n",
        "AWS Batch tries a job ten times at the most",
    ),
    "a group that is not there": (
        TRAINER,
        f"""{TRAINER}      compute: {{instance_groups: [{{instance_group_name: big, instance_type: ml.m5.xlarge, instance_count: 1}}]}}
      input_data: {{d: {{data_source: {{s3_data_source: {{s3_uri: s3://a/b, instance_group_names: [bigg]}}}}}}}}\n""",
        'there is no instance group "bigg"',
    ),
    "a group twice": (
        TRAINER,
        f"""{TRAINER}      compute:
        instance_groups:
          - {{instance_group_name: big, instance_type: ml.m5.xlarge, instance_count: 1}}
          - {{instance_group_name: big, instance_type: ml.m5.xlarge, instance_count: 1}}\n""",
        'Instance group "big" is there twice',
    ),
    "gzip in File mode": (
        TRAINER,
        f"{TRAINER}      input_data: {{d: {{data_source: s3://a/b, compression_type: Gzip}}}}\n",
        "compression_type is for Pipe mode only, not for File mode",
    ),
    "records in FastFile mode": (
        TRAINER,
        f"{TRAINER}      input_data: {{d: {{data_source: s3://a/b, record_wrapper_type: RecordIO, input_mode: FastFile}}}}\n",
        "record_wrapper_type is for Pipe mode only, not for FastFile mode",
    ),
    "19 channels": (
        TRAINER,
        f"{TRAINER}      input_data: \"${{{{for n in range(19) : format('c%d', n) => 's3://a/b'}}}}\"\n",
        "19 channels are too many: at most 18",
    ),
    "a channel of planform": (TRAINER, f"{TRAINER}      input_data: {{code: s3://a/b}}\n", '"code" is taken'),
    "a channel's name": (TRAINER, f"{TRAINER}      input_data: {{'a b': s3://a/b}}\n", "cannot name a channel"),
    "a long value": ("lr: 0.1", "lr: \"${format('%02501d', 1)}\"", "at most 2500"),
    "a wait without spot": (
        TRAINER,
        f"{TRAINER}      stopping_condition: {{max_wait_time_in_seconds: 7200}}\n",
        "for spot training only",
    ),
    "four weeks": (
        TRAINER,
        f"{TRAINER}      stopping_condition: {{max_runtime_in_seconds: 2419201}}\n",
        "at most 2419200",
    ),
    "warm too long": (TRAINER, f"{TRAINER}      compute: {{keep_alive_period_in_seconds: 21601}}\n", "at most 21600"),
    "a subnet alone": (
        TRAINER,
        f"{TRAINER}      networking: {{subnets: [subnet-1]}}\n",
        "needs security_group_ids beside",
    ),
    "long tags": (
        TRAINER,
        f"""{TRAINER}      environment: '${{{{for n in range(9) : format("V%d", n) => replace(format("%0500d", 0), "0", "\\"")}}}}'
      tags: '${{{{for n in range(40) : format("%0128d", n) => format("%0256d", n)}}}}'\n""",
        "With its tags the job is",
    ),
    "a role": (TRAINER, f"{TRAINER}      role: 'arn:aws:iam::1:role/x'\n", "SageMaker would refuse RoleArn"),
    "a name of the environment": (
        TRAINER,
        f"{TRAINER}      environment: {{'a-b': c}}\n",
        "cannot name an environment variable",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_by_plan_where_it_stands(
    case: str, tmp_path: Path, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, says = CASES[case]
    assert MAIN.count(old) >= 1
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.pf.yaml").write_text(MAIN.replace(old, new, 1))
    code, out, err = run_planform(capsys, "plan")
    assert code == 1, out
    assert says in re.sub(r"\s+", " ", out + err)
    assert re.search(r"main\.pf\.yaml:\d+:\d+", out + err)
    assert aws.changes() == []


def test_without_those_it_is_fine(
    tmp_path: Path, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.pf.yaml").write_text(MAIN)
    assert run_planform(capsys, "plan")[0] == 0
