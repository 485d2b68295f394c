"""The default bucket of an account, a step of the plan that first needs it; nobody's object, so nobody destroys it."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from tests.fake_aws import ACCOUNT, BUCKET, REGION, FakeAws

from .conftest import User, until

ADDRESS = f"s3_bucket.{BUCKET}"
MAIN = f"""
planform: {{name: team, default_provider: aws}}
provider: {{aws: {{region: {REGION}, role: "arn:aws:iam::{ACCOUNT}:role/train", poll_interval_in_seconds: 0.01}}}}
variable: {{lr: {{type: number, default: 0.1}}}}
resource:
  trainer:
    t:
      count: 2
      training_image: img
      source_code: {{command: ./train}}
      hyperparameters: {{lr: "${{var.lr}}", seed: "${{count.index}}"}}
"""


@pytest.fixture
def team(user: User, aws: FakeAws) -> User:
    aws.reset(bucket=False)
    user.write(MAIN)
    return user


def buckets(aws: FakeAws) -> list[str]:
    return [item["Name"] for item in aws.client("s3").list_buckets()["Buckets"]]


def test_it_is_a_step_of_the_plan_that_needs_it_and_of_no_other(team: User, aws: FakeAws) -> None:
    said = team.run("plan", "--out", "p")
    assert f"+ {ADDRESS}  create (default bucket for code, data and artifacts of jobs)" in said
    assert "Plan: 1 to create, 0 to change, 0 to destroy; 2 new runs" in said
    assert f"+   {ADDRESS}  create" in team.run("plan", "--format", "markdown")
    assert ADDRESS in team.run("plan", "--format", "html")
    assert f'+ bucket: "{BUCKET}"' in team.run("show", "p", "--full")
    shown = json.loads(team.run("show", "--json", "p"))
    change = next(item for item in shown["resource_changes"] if item["address"] == ADDRESS)
    assert change["change"]["actions"] == ["create"]
    waits = {step["address"]: step["after"] for step in shown["x_planform"]["steps"] if step["verb"] == "launch"}
    assert waits == {f"trainer.t[{number}]": [ADDRESS] for number in range(2)}
    renamed = json.loads(team.run("show", "--json", "--terraform-names", "p"))["resource_changes"]
    assert any(item["type"] == "aws_s3_bucket" for item in renamed)
    assert aws.changes() == []

    said = team.run("apply", "p")
    assert f"{ADDRESS}: creating..." in said
    assert "1 created, 2 runs launched" in said
    order = [name for name in aws.calls() if re.search("CreateBucket|PutObject|PutPublic", name)]
    assert order == ["s3.CreateBucket", "s3.PutPublicAccessBlock", "s3.PutObject"]
    s3 = aws.client("s3")
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == REGION
    assert all(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    assert "s3_bucket" not in team.run("state", "list")
    assert json.loads((team.folder / "state" / "default.json").read_text())["uncertain"] == []

    aws.calls()
    assert team.run("plan").startswith("No changes.")
    assert not any(name.startswith("s3.") for name in aws.calls())  # what launches nothing does not ask
    assert ADDRESS not in team.run("plan", "--var", "lr=0.2")
    said = team.run("destroy", "-y")
    assert f"Note: s3://{BUCKET} stays, with the code, data and artifacts in it" in said
    assert buckets(aws) == [BUCKET]


def test_it_has_the_settings_of_the_provider(team: User, aws: FakeAws) -> None:
    """In us-east-1 there is no LocationConstraint: S3 would refuse it."""
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    team.edit(f"region: {REGION}", f"region: us-east-1, kms_key_id: '{key}', default_tags: {{team: vision}}")
    team.run("apply", "-y")
    s3, bucket = aws.client("s3"), f"sagemaker-us-east-1-{ACCOUNT}"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "team", "Value": "vision"}]
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}


def test_one_step_for_two_providers_of_one_place(team: User, aws: FakeAws) -> None:
    team.edit("provider: {aws:", "provider: {aws.other: {region: us-west-2, role: r/x}, aws:")
    team.edit(
        "    t:", "    u: {provider: aws.other, role: 'arn:aws:iam::123456789012:role/x', training_image: img}\n    t:"
    )
    assert "Plan: 1 to create, 0 to change, 0 to destroy; 3 new runs" in team.run("plan")
    team.run("apply", "-y")
    assert aws.calls()["s3.CreateBucket"] == 1


def test_a_job_that_names_other_places_needs_none(team: User, aws: FakeAws) -> None:
    team.edit("source_code: {command: ./train}", "output_data: {s3_output_path: s3://theirs/out}")
    assert "0 to create" in team.run("plan")
    assert "s3.HeadBucket" not in aws.calls()


@pytest.mark.parametrize("do", ["throttle", "500", "500_after", "drop", "drop_after"])
def test_faults_make_one_bucket(team: User, aws: FakeAws, do: str) -> None:
    aws.faults(*({"op": name, "do": do} for name in ("HeadBucket", "CreateBucket", "PutPublicAccessBlock")))
    team.run("apply", "-y")
    assert buckets(aws) == [BUCKET]
    assert all(aws.client("s3").get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    assert len(aws.objects("training_job")) == 2


def test_killed_while_it_is_made(team: User, aws: FakeAws) -> None:
    """kill -9 after S3 made the bucket and before its answer: the next plan sees it there and goes on with the jobs."""
    aws.faults({"op": "CreateBucket", "do": "hold_after"})
    process = team.start("apply", "-y")
    until(lambda: buckets(aws), "the bucket")
    process.kill()
    process.communicate()
    aws.release()
    assert "Plan: 0 to create, 0 to change, 0 to destroy; 2 new runs" in team.run("plan")
    team.run("apply", "-y")
    assert len(aws.objects("training_job")) == 2
    assert team.run("plan").startswith("No changes.")


def test_it_comes_and_goes_between_plan_and_apply(team: User, aws: FakeAws) -> None:
    """Made meanwhile by somebody of the account, it is left as it is; gone meanwhile, it is not made unseen."""
    team.run("plan", "--out", "p")
    place = {"LocationConstraint": REGION}
    aws.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    team.run("apply", "p")
    assert not {"s3.PutPublicAccessBlock", "s3.CreateBucket"} & (aws.calls() - Counter({"s3.CreateBucket": 1})).keys()

    aws.reset()
    team.run("plan", "--var", "lr=0.2", "--out", "q")
    aws.client("s3").delete_bucket(Bucket=BUCKET)
    said = team.run("apply", "q", code=1)
    assert f"There is no bucket {BUCKET} any more" in said
    assert buckets(aws) == []
    team.run("apply", "-y", "--var", "lr=0.2")


def test_a_reviewed_plan_does_not_make_it_unseen(team: User, aws: FakeAws) -> None:
    """A merge applies what was reviewed: a bucket more is another plan, a bucket less is not."""
    team.run("plan", "--out", "with")
    aws.reset()
    team.run("plan", "--out", "without")
    aws.reset(bucket=False)
    assert f"{ADDRESS}" in team.run("apply", "--if-same-as", "without", "-y", code=1)
    assert buckets(aws) == []
    aws.reset()
    team.run("apply", "--if-same-as", "with", "-y")
    assert aws.calls()["s3.CreateBucket"] == 0


def test_the_bucket_of_another_account_is_refused(team: User, aws: FakeAws) -> None:
    """Its name can be guessed: code and data must not go to whoever took it first."""
    aws.reset(foreign=[BUCKET])
    said = team.run("plan", code=1)
    assert f"The bucket {BUCKET} belongs to another account than {ACCOUNT}." in said
    assert "main.pf.yaml:7:" in said
    assert "default_bucket" in said


def test_who_may_not_look_is_told(team: User, aws: FakeAws) -> None:
    aws.set(hidden=[BUCKET])
    said = team.run("plan")
    assert "whether it is there cannot be seen with these credentials (s3:ListBucket)" in said
    assert f"{ADDRESS}  create" in said
    # It turns out to be another account's: nothing was sent there.
    aws.set(foreign=[BUCKET])
    assert "belongs to another account" in team.run("apply", "-y", code=1)
    assert not aws.sizes()
    aws.set(foreign=[])
    team.run("apply", "-y")
    assert buckets(aws) == [BUCKET]


def test_a_bucket_that_is_named_must_be_there(team: User, aws: FakeAws) -> None:
    team.edit("region:", "default_bucket: team-data, region:")
    said = team.run("plan", code=1)
    assert "There is no bucket team-data, where code, data and artifacts of jobs go." in said
    assert "aws s3 mb s3://team-data --region us-west-2" in said
    assert aws.changes() == []
    aws.client("s3").create_bucket(Bucket="team-data", CreateBucketConfiguration={"LocationConstraint": REGION})
    team.run("apply", "-y")
    assert aws.sizes()[0][1].startswith("/team-data/planform/")
