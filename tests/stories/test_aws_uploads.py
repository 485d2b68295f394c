"""Code and data on their way to S3: in parts, never whole in memory, once, and with word of how far they are."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.fake_aws import ACCOUNT, BUCKET, REGION, FakeAws

from .conftest import User

MAIN = f"""
planform: {{name: team, default_provider: aws}}
provider: {{aws: {{region: {REGION}, role: "arn:aws:iam::{ACCOUNT}:role/train", poll_interval_in_seconds: 0.01}}}}
resource:
  trainer:
    t:
      count: 3
      training_image: img
      source_code: {{source_dir: src, command: ./train}}
      input_data: {{train: data}}
      hyperparameters: {{seed: "${{count.index}}"}}
"""
PART, HALF = 16 << 20, 64 << 20  # what is larger than the second is sent in parts of the first


@pytest.fixture
def team(user: User, aws: FakeAws) -> User:
    user.write(MAIN)
    user.write("", "src/train")
    user.write("1,2\n", "data/digits.csv")
    return user


def of_size(place: Path, size: int) -> None:
    with place.open("wb") as file:
        file.truncate(size)


def memory(user: User, *words: str) -> int:
    """The most memory that a command took, in bytes."""
    process = user.start(*words)
    assert process.stdout is not None
    assert process.stderr is not None
    said = process.stdout.read() + process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said
    return used.ru_maxrss * 1024


def test_large_data_is_told_of_and_sent_in_parts_once(team: User, aws: FakeAws) -> None:
    of_size(team.folder / "data" / "large.bin", HALF + 1)
    said = team.run("apply", "-y")
    assert said.count("uploaded data: 2 files, 67.1 MB") == 1  # for three trainers
    assert "uploaded source code" not in said  # too little for a line
    parts = [size for operation, _, size in aws.sizes() if operation == "UploadPart"]
    assert len(parts) == 5
    assert max(parts) < PART + 4096  # a part and its checksum
    assert aws.calls()["s3.CompleteMultipartUpload"] == 1
    job = next(iter(aws.objects("training_job").values()))
    uri = next(item for item in job["InputDataConfig"] if item["ChannelName"] == "train")["DataSource"]
    key = uri["S3DataSource"]["S3Uri"].removeprefix(f"s3://{BUCKET}/")
    assert aws.client("s3").head_object(Bucket=BUCKET, Key=f"{key}large.bin")["ContentLength"] == HALF + 1


def test_tools_hear_how_far_an_upload_is(team: User, aws: FakeAws) -> None:
    of_size(team.folder / "src" / "weights.bin", HALF)
    events = [json.loads(line) for line in team.run("apply", "-y", "--json").splitlines()]
    told = [event["hook"]["detail"] for event in events if event["type"] == "apply_progress"]
    assert told[0].startswith("uploading source code: ")
    assert told[0].endswith(" of 67.1 MB")
    assert told[-1] == "uploaded source code: 2 files, 67.1 MB"


def test_many_small_files(team: User, aws: FakeAws) -> None:
    for number in range(150):
        team.write("1,2\n", f"data/part-{number}.csv")
    assert "uploaded data: 151 files, 0.0 MB" in team.run("apply", "-y")
    assert sum(path.endswith(".csv") for _, path, _ in aws.sizes()) == 151


def test_no_file_is_ever_whole_in_memory(team: User, aws: FakeAws) -> None:
    """Neither to digest it nor to send it, in one piece (60 MB) or in parts (200 MB)."""
    little = memory(team, "apply", "-y", "--target", "trainer.t[0]")
    of_size(team.folder / "data" / "one.bin", 60 << 20)
    of_size(team.folder / "data" / "parts.bin", 200 << 20)
    much = memory(team, "apply", "-y", "--target", "trainer.t[0]")
    assert sum(size for _, _, size in aws.sizes()) > 260 << 20
    assert much - little < 40 << 20, f"{(much - little) >> 20} MB more for 260 MB of data"


@pytest.mark.parametrize("do", ["throttle", "500", "500_after", "drop", "drop_after"])
def test_faults_of_uploads(team: User, aws: FakeAws, do: str) -> None:
    """Every request of an upload meets the fault: what arrives is whole, and the jobs find it."""
    of_size(team.folder / "data" / "large.bin", HALF + 1)
    operations = ("HeadObject", "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload")
    aws.faults(*({"op": name, "do": do, "times": 2} for name in operations))
    team.run("apply", "-y")
    assert len(aws.objects("training_job")) == 3
    s3 = aws.client("s3")
    found = {
        item["Key"]: item["Size"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="planform/data/")["Contents"]
    }
    assert sorted(found.values()) == [0, 4, HALF + 1]  # the mark that it is whole, and the two files
    sent = len(aws.sizes())
    team.run("apply", "-y", "--replace", "trainer.t[0]")
    assert len(aws.sizes()) == sent  # it is there


def test_what_lies_in_s3_counts_where_it_is_tracked(team: User, aws: FakeAws) -> None:
    """By its listing: another key, size or ETag is another definition, and the old one is gone back to."""
    s3 = aws.client("s3")
    team.edit("{train: data}", f"{{train: {{data_source: s3://{BUCKET}/in/, track: listing}}}}")
    said = team.run("plan", code=1)
    assert f"There is nothing at s3://{BUCKET}/in/." in said
    assert "main.pf.yaml:10:" in said
    s3.put_object(Bucket=BUCKET, Key="in/a.csv", Body=b"1")
    team.run("plan", "--out", "p")
    s3.put_object(Bucket=BUCKET, Key="in/a.csv", Body=b"2")
    assert f"s3://{BUCKET}/in/ changed after the plan was made" in team.run("apply", "p", code=1)
    aws.calls()
    team.run("apply", "-y")
    # By plan and by apply, for three trainers; and whether code and runtime are there.
    assert aws.calls()["s3.ListObjectsV2"] == 2 + 2
    assert team.run("plan").startswith("No changes.")
    s3.put_object(Bucket=BUCKET, Key="in/b.csv", Body=b"3")
    said = team.run("plan")
    assert "3 new runs" in said
    assert re.search(r"input_data.train +content changed", said)
    s3.delete_object(Bucket=BUCKET, Key="in/b.csv")
    assert team.run("plan").startswith("No changes.")
    assert json.loads(team.run("permissions", "plan"))["Statement"][1] == {
        "Sid": "Listed",
        "Effect": "Allow",
        "Action": ["s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{BUCKET}"],
    }
