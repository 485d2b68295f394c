"""A running S3, and what tests ask of it."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from planform.core.values import Object
from tests.fakes.serving import served

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class S3:
    """One bucket on a server of ours."""

    bucket = "team-state"

    def __init__(self, url: str) -> None:
        self.url = url
        import boto3

        self.client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t"
        )
        self.client.create_bucket(Bucket=self.bucket)

    def kms_key(self) -> str:
        """A key of the KMS on the same server."""
        import boto3

        kms = boto3.client(
            "kms", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t"
        )
        return str(kms.create_key()["KeyMetadata"]["KeyId"])

    def settings(self, key: str = "t/main.json", **more: str) -> Object:
        return {"bucket": self.bucket, "key": key, "endpoint_url": self.url, **more}

    def objects(self) -> dict[str, bytes]:
        listed = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        keys = [item["Key"] for page in listed for item in page.get("Contents", ())]
        return {key: self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def faults(self, *rules: dict[str, Any]) -> None:
        request = urllib.request.Request(f"{self.url}/__faults__", json.dumps(rules).encode(), method="POST")
        urllib.request.urlopen(request).close()

    def faults_left(self) -> int:
        with urllib.request.urlopen(f"{self.url}/__faults__") as answer:
            return sum(rule.get("times", 1) for rule in json.load(answer))

    def tell_victim(self) -> None:
        """Let the fault `kill` kill the process group of who calls this."""
        urllib.request.urlopen(f"{self.url}/__victim__?{os.getpgid(0)}").close()

    def stalled(self) -> int:
        with urllib.request.urlopen(f"{self.url}/__stalled__") as answer:
            return int(answer.read())

    def calls(self) -> list[str]:
        with urllib.request.urlopen(f"{self.url}/__calls__") as answer:
            return list(json.load(answer))

    def empty(self) -> None:
        self.faults()
        for key in self.objects():
            self.client.delete_object(Bucket=self.bucket, Key=key)
        self.calls()


@contextmanager
def serving() -> Iterator[S3]:
    with served("tests.fakes.s3_server", CREDENTIALS) as url:
        yield S3(url)
