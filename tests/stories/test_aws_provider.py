"""As whom, where and under which endpoint planform works on AWS: what the AWS configuration says, and what the provider says."""

from __future__ import annotations

import pytest

from tests.fake_aws import ACCOUNT, REGION, FakeAws

from .conftest import User

OTHER = "999999999999"
MAIN = """
planform: {name: team, default_provider: aws}
provider:
  aws:
    poll_interval_in_seconds: 0.01
    region: us-west-2
resource:
  service_environment: {cpu: {capacity_limits: [{max_capacity: 2}]}}
"""
CONFIG = f"""
[profile ml]
region = eu-central-1
aws_access_key_id = t
aws_secret_access_key = t
[profile other]
region = us-west-2
role_arn = arn:aws:iam::{OTHER}:role/ops
source_profile = base
[profile base]
aws_access_key_id = t
aws_secret_access_key = t
"""


@pytest.fixture
def team(user: User, aws: FakeAws) -> User:
    user.write(MAIN)
    user.write(CONFIG, "aws-config")
    user.environment = {"AWS_CONFIG_FILE": str(user.folder / "aws-config")}
    return user


def arn(region: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:batch:{region}:{account}:service-environment/team-default-cpu"


def test_region_and_profile(team: User, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider's region, else that of the environment, else the profile's; without any it is asked for."""
    assert arn(REGION) in team.run("plan", "--full")
    team.edit("    region: us-west-2", "    profile: ml")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    assert arn("ap-south-1") in team.run("plan", "--full")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert arn("eu-central-1") in team.run("plan", "--full")
    team.edit("profile: ml", "profile: base")
    assert "No AWS region is configured." in team.run("plan", code=1)
    team.edit("profile: base", "profile: nobody")
    said = team.run("plan", code=1)
    assert "nobody" in said
    assert "aws configure list-profiles" in said


def test_a_role_is_worked_in(team: User, aws: FakeAws) -> None:
    role = f"{{role_arn: 'arn:aws:iam::{OTHER}:role/ops', session_name: ann, external_id: team}}"
    team.edit("    region:", f"    assume_role: {role}\n    region:")
    assert arn(REGION, OTHER) in team.run("plan", "--full")
    assert aws.calls()["sts.AssumeRole"] == 1
    team.edit("    region:", f"    allowed_account_ids: ['{ACCOUNT}']\n    region:")
    said = team.run("plan", code=1)
    assert f"These credentials are of account {OTHER}, which is not allowed here." in said
    assert "assumed-role/ops/ann" in said


def test_a_plan_of_one_account_is_not_applied_in_another(
    team: User, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Account and region are part of a plan and of what is recorded, and are compared before anything is touched."""
    team.run("plan", "--out", "p")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    team.environment |= {"AWS_PROFILE": "other"}
    aws.calls()
    said = team.run("apply", "p", code=1)
    assert ACCOUNT in said
    assert OTHER in said
    assert aws.changes() == []


def test_an_endpoint_where_nobody_answers(team: User) -> None:
    team.environment |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    assert "GetCallerIdentity: AWS could not be asked" in team.run("plan", code=1)
