"""One root module with everything that planform makes on AWS, from its first plan to its end: under each fault, page by page,
and with no more rights than `planform permissions` says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.fake_aws import ACCOUNT, BUCKET, REGION, FakeAws
from tests.test_cases import run_planform

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
MAIN = f"""
planform: {{name: all, default_provider: aws}}
provider:
  aws:
    region: {REGION}
    role: train
    kms_key_id: {KEY}
    default_tags: {{team: vision}}
    poll_interval_in_seconds: 0.01
variable:
  round: {{type: number, default: 1}}
locals:
  tags: '${{{{"round-${{var.round}}" = "yes"}}}}'
data:
  s3_object: {{words: {{bucket: team-data, key: words.txt}}}}
  training_job: {{theirs: {{name: theirs}}}}
  jumpstart_model: {{bert: {{model_id: huggingface-tc-bert-base-cased}}}}
"""
QUEUES = """
resource:
  scheduling_policy:
    fair: {fair_share_policy: {share_distribution: [{share_identifier: lab, weight_factor: "${var.round}"}]}, tags: "${local.tags}"}
    quotas: {quota_share_policy: {}}
  service_environment:
    cpu: {capacity_limits: [{max_capacity: 1}], tags: "${local.tags}"}
    gpu: {capacity_limits: [{max_capacity: "${3 + var.round}", capacity_unit: ml.g5.xlarge}]}
  job_queue:
    main:
      priority: "${var.round}"
      scheduling_policy_arn: "${scheduling_policy.fair.arn}"
      service_environment_order: ["${service_environment.cpu.arn}"]
    shared: {scheduling_policy_arn: "${scheduling_policy.quotas.arn}", service_environment_order: ["${service_environment.gpu.arn}"]}
  quota_share:
    vision: {job_queue: "${job_queue.shared.arn}", capacity_limits: [{max_capacity: "${var.round}", capacity_unit: ml.g5.xlarge}]}
"""
JOBS = """
resource:
  trainer:
    queued:
      count: 2
      queue: "${job_queue.main.arn}"
      share_identifier: lab
      priority: "${var.round}"
      training_image: img
      source_code: {source_dir: src, entry_script: train.py}
      input_data: {train: data, words: "${data.s3_object.words.uri}"}
      hyperparameters: {seed: "${count.index}"}
      tags: "${local.tags}"
    quota:
      queue: "${job_queue.shared.arn}"
      quota_share: "${quota_share.vision.name}"
      training_image: img
      compute: {instance_type: ml.g5.xlarge}
    direct:
      training_image: img
      compute: {keep_alive_period_in_seconds: "${60 * var.round}"}
      metric_definitions: [{name: acc, regex: "acc=([0-9.]+)"}]
      tags: "${local.tags}"
  tuning_job:
    search:
      trainer: {training_image: img, metric_definitions: [{name: acc, regex: "acc=([0-9.]+)"}]}
      strategy: Random
      objective: {metric_name: acc}
      parameter_ranges: {continuous: {lr: {min_value: 0.1, max_value: 0.9}}}
      resource_limits: {max_number_of_training_jobs: 3, max_parallel_training_jobs: 3}
      tags: "${local.tags}"
"""
# Every operation by which planform changes something in an account; uploads in parts have a story of their own.
CHANGING = [
    *(
        f"Batch.{verb}{kind}"
        for verb in ("Create", "Update", "Delete")
        for kind in ("ServiceEnvironment", "SchedulingPolicy", "JobQueue", "QuotaShare")
    ),
    *("Batch.TagResource", "Batch.UntagResource"),
    *("Batch.SubmitServiceJob", "Batch.UpdateServiceJob", "Batch.TerminateServiceJob"),
    *("SageMaker.CreateTrainingJob", "SageMaker.UpdateTrainingJob", "SageMaker.StopTrainingJob"),
    *("SageMaker.CreateHyperParameterTuningJob", "SageMaker.StopHyperParameterTuningJob"),
    *("SageMaker.AddTags", "SageMaker.DeleteTags"),
    *("s3.CreateBucket", "s3.PutBucketEncryption", "s3.PutBucketTagging", "s3.PutPublicAccessBlock", "s3.PutObject"),
]
KINDS = ("service_environment", "scheduling_policy", "job_queue", "quota_share")
Run = Callable[..., str]


@pytest.fixture
def planform(tmp_path: Path, aws: FakeAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    for name, text in {"main.pf.yaml": MAIN, "queues.pf.yaml": QUEUES, "jobs.pf.yaml": JOBS}.items():
        (tmp_path / name).write_text(text)
    for name, text in {"src/train.py": "print('acc=0.5')\n", "data/digits.csv": "1,2\n"}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)

    def run(*words: str, code: int = 0) -> str:
        found, out, err = run_planform(capsys, *words)
        assert found == code, out + err
        return out + err

    return run


def account(aws: FakeAws, **settings: object) -> None:
    """An account in which others have worked; its jobs take long."""
    aws.reset(bucket=False, training_seconds=100_000.0, tick=1.0, **settings)
    s3 = aws.client("s3")
    for name in ("team-data", "team-state"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="team-data", Key="words.txt", Body=b"512")
    aws.client("iam").create_role(RoleName="train", AssumeRolePolicyDocument="{}")
    aws.client("sagemaker").create_training_job(
        TrainingJobName="theirs",
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/train",
        AlgorithmSpecification={"TrainingImage": "img", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://team-data/theirs"},
        ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    aws.calls()


def live(planform: Run, aws: FakeAws) -> None:
    """All is made and launched, changed in place, and taken away while the jobs run."""
    planform("apply", "-y", "--detach")
    assert "\nNo changes." in planform("plan")
    second = ("--var", "round=2")
    said = planform("plan", *second)
    assert "new run" not in said
    planform("apply", "-y", "--detach", *second)
    assert "\nNo changes." in planform("plan", *second)
    for kind in KINDS:
        assert len(aws.objects(kind)) == (1 if kind == "quota_share" else 2)
    assert sorted(job["jobName"] for job in aws.objects("service_job").values()) == sorted(
        {job["jobName"] for job in aws.objects("service_job").values()}
    )
    assert len(aws.objects("service_job")) == 3
    assert len(aws.objects("tuning_job")) == 1
    jobs = [job for name, job in aws.objects("training_job").items() if name != "theirs"]
    (direct,) = (job for job in jobs if job["_tags"].get("planform:address") == "trainer.direct")
    assert direct["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 120
    assert {key for key in direct["_tags"] if not key.startswith("planform:")} == {"team", "round-2"}
    waiting = [job["schedulingPriority"] for job in aws.objects("service_job").values() if job["status"] == "RUNNABLE"]
    assert waiting == [2]
    planform("destroy", "-y", *second)
    assert not any(aws.objects(kind) for kind in KINDS)
    assert all(job["status"] == "FAILED" for job in aws.objects("service_job").values())
    ended = [job["TrainingJobStatus"] for name, job in aws.objects("training_job").items() if name != "theirs"]
    assert set(ended) == {"Stopped"}


@pytest.mark.parametrize("do", ["throttle", "500", "500_after", "drop", "drop_after"])
def test_each_operation_meets_each_fault(planform: Run, aws: FakeAws, do: str) -> None:
    """Nothing lost, nothing twice, no false error."""
    account(aws)
    aws.faults(*({"op": name.partition(".")[2], "do": do} for name in CHANGING))
    live(planform, aws)
    assert aws.pending() == []
    assert set(aws.changes()) == set(CHANGING)


def test_pages_of_one(planform: Run, aws: FakeAws) -> None:
    account(aws, page=1)
    live(planform, aws)


ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
}
# What the policies allow beside the operations that planform calls: what those need of others.
BESIDE = {"iam:PassRole", "iam:CreateServiceLinkedRole", "kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKey"}
BESIDE |= {"s3:AbortMultipartUpload"}  # of an upload in parts that fails


Action = tuple[str, str]  # of IAM, and the bucket that it is about


def used(aws: FakeAws) -> set[Action]:
    """What was needed since this was last asked."""
    plain = {re.sub(r"^\w+", lambda found: found[0].lower(), name).replace(".", ":") for name in aws.calls()}
    actions = {(name, "") for name in plain if not name.startswith(("sts:", "s3:"))}
    return actions | {(ACTIONS.get(f"s3:{name}", f"s3:{name}"), bucket) for name, bucket in aws.buckets()}


def statements(planform: Run, role: str) -> list[dict[str, Any]]:
    return list(json.loads(planform("permissions", role))["Statement"])


def refused(wanted: set[Action], policy: list[dict[str, Any]]) -> set[Action]:
    """Those that no statement allows."""

    def allows(statement: dict[str, Any], action: str, bucket: str) -> bool:
        places = [text.removeprefix("arn:aws:s3:::").partition("/")[0] for text in statement["Resource"]]
        return action in statement["Action"] and (not bucket or any(fnmatchcase(bucket, place) for place in places))

    return {item for item in wanted if not any(allows(statement, *item) for statement in policy)}


def test_policies_allow_what_is_done_and_no_more(planform: Run, aws: FakeAws, tmp_path: Path) -> None:
    account(aws)
    state = f"backend: {{s3: {{bucket: team-state, key: all.json, region: {REGION}}}}}"
    (tmp_path / "main.pf.yaml").write_text(MAIN.replace("default_provider: aws", f"default_provider: aws, {state}"))
    policies = {role: statements(planform, role) for role in ("plan", "apply")}
    used(aws)
    planned, second = set(), ("--var", "round=2")
    planform("plan")
    planned |= used(aws)
    planform("apply", "-y", "--detach")
    applied = used(aws)
    planform("plan", *second)
    planned |= used(aws)
    planform("apply", "-y", "--detach", *second)
    applied |= used(aws)
    planform("stop", "trainer.direct")
    planform("stop", "tuning_job.search")
    aws.advance(200_000)
    for _ in range(3):
        planform("refresh", *second)
    planform("logs", "trainer.quota")
    planform("runs", "download", "trainer.quota", "--to", "here")
    planform("runs", *second)
    planform("destroy", "-y", *second)
    applied |= used(aws)
    assert refused(planned, policies["plan"]) == set()
    assert refused(applied, policies["apply"]) == set()
    reads = re.compile(r"\w+:(Describe|List|Get|Head)")
    told = {role: {action for item in policy for action in item["Action"]} for role, policy in policies.items()}
    assert all(map(reads.match, told["plan"]))
    writes = {action for action in told["apply"] if not reads.match(action)}
    assert writes - {action for action, _ in applied} - BESIDE == set()
    assert BUCKET in {item["Name"] for item in aws.client("s3").list_buckets()["Buckets"]}
