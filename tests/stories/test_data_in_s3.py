"""Code and data in S3 reach runs of this machine: fetched once for each content, whole or not at all."""

from __future__ import annotations

import io
import tarfile

import pytest

from tests.fake_aws import BUCKET, FakeAws
from tests.stories.conftest import User

MODULE = """
planform: {{name: fetched, default_provider: local}}
resource:
  trainer:
    t:
      training_image: {{framework: sklearn, version: "1.4-2"}}
      source_code: {{source_dir: {code}, entry_script: train.py}}
      input_data: {{train: {data}}}
      hyperparameters: {{n: 1}}
"""
SCRIPT = """\
import os
place = os.environ["SM_CHANNEL_TRAIN"]
for folder, _, names in sorted(os.walk(place)):
    for name in sorted(names):
        path = os.path.join(folder, name)
        print(os.path.relpath(path, place), open(path).read())
"""


@pytest.fixture
def bucket(aws: FakeAws) -> FakeAws:
    s3 = aws.client("s3")
    for key, body in {
        "digits/a.csv": "1",
        "digits/deep/b.csv": "2",
        "digits/deep/": "",
        "digits/../outside.csv": "3",
        "digits2/c.csv": "4",
        "code/train.py": SCRIPT,
    }.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("train.py")
        member.size = len(SCRIPT)
        archive.addfile(member, io.BytesIO(SCRIPT.encode()))
    s3.put_object(Bucket=BUCKET, Key="packed/code.tar.gz", Body=packed.getvalue())
    aws.calls()
    return aws


@pytest.mark.parametrize("code", ["src", f"s3://{BUCKET}/code", f"s3://{BUCKET}/packed/code.tar.gz"])
def test_a_process_gets_them(user: User, bucket: FakeAws, code: str) -> None:
    user.write(SCRIPT, "src/train.py")
    user.write(MODULE.format(code=code, data=f"s3://{BUCKET}/digits"))
    assert f"fetching {code if '://' in code else f's3://{BUCKET}/digits'}: " in user.run("apply", "-y")
    assert user.run("logs", "trainer.t").splitlines()[-2:] == ["[algo-1] a.csv 1", "[algo-1] deep/b.csv 2"]
    assert not list(user.folder.rglob("outside.csv"))
    before = bucket.calls()["s3.GetObject"]
    user.edit("{n: 1}", "{n: 2}")
    user.run("apply", "-y")
    assert bucket.calls()["s3.GetObject"] < before  # listed again, not loaded again


def test_one_object_and_the_full_form(user: User, bucket: FakeAws) -> None:
    user.write(SCRIPT, "src/train.py")
    whole = f"{{data_source: {{s3_data_source: {{s3_uri: s3://{BUCKET}/digits2/c.csv, s3_data_distribution_type: ShardedByS3Key}}}}}}"
    user.write(MODULE.format(code="src", data=whole))
    assert "Note: ShardedByS3Key not used: every node gets all data (process): trainer.t" in user.run("apply", "-y")
    assert "c.csv 4" in user.run("logs", "trainer.t")


def test_what_a_killed_fetch_left_is_replaced(user: User, bucket: FakeAws) -> None:
    user.write(SCRIPT, "src/train.py")
    user.write(MODULE.format(code="src", data=f"s3://{BUCKET}/digits2"))
    user.run("apply", "-y")
    cache = user.folder / ".planform" / "cache"
    (fetched,) = (path for path in cache.iterdir() if path.is_dir())
    fetched.rename(fetched.with_suffix(".partial"))
    (fetched.with_suffix(".partial") / "half.csv").write_text("half")
    user.edit("{n: 1}", "{n: 2}")
    user.run("apply", "-y")
    assert [path.name for path in fetched.iterdir()] == ["c.csv"]
    assert sorted(path for path in cache.iterdir() if path.is_dir()) == [fetched]


def test_what_cannot_be_had_is_said(user: User, bucket: FakeAws) -> None:
    user.write(SCRIPT, "src/train.py")
    user.write(MODULE.format(code="src", data=f"s3://{BUCKET}/nothing"))
    assert f"There is nothing at s3://{BUCKET}/nothing" in user.run("apply", "-y", code=1)
    user.edit(f"s3://{BUCKET}/nothing", "s3://of-somebody-else/x")
    assert "ListObjectsV2" in user.run("apply", "-y", code=1)
    user.edit("s3://of-somebody-else/x", "hdfs://cluster/x")
    said = user.run("plan", code=1)
    assert "Only local paths and s3:// URIs are read on this machine." in said
    assert "main.pf.yaml:8:" in said
