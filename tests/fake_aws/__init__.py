"""An AWS to test against, over HTTP: Batch and SageMaker of our own, strict and with a clock of their own; the rest is
moto's. It runs in a process of its own, so that planform can be a process too."""

from __future__ import annotations

import json
import re
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fakes.s3 import CREDENTIALS
from tests.fakes.serving import served

REGION, ACCOUNT = "us-west-2", "123456789012"
BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"


class FakeAws:
    """The server, and what tests ask of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.environment = {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": url}

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id="t", aws_secret_access_key="t"
        )

    def reset(self, **settings: Any) -> None:
        """An account with an empty default bucket. Settings: see `World`."""
        self._tell("reset", settings)

    def set(self, **settings: Any) -> None:
        self._tell("set", settings)

    def faults(self, *rules: dict[str, Any]) -> None:
        """`{"op": "CreateJobQueue", "do": "500_after", "times": 1}`; `do`: throttle, 500, 500_after, drop, drop_after, and
        hold_after: no answer before `release`."""
        self._tell("faults", list(rules))

    def pending(self) -> list[str]:
        """The operations of faults that have yet to strike."""
        return list(self._tell("pending", None))

    def release(self) -> None:
        """Let go of the requests that a fault `hold_after` holds."""
        self._tell("release", None)

    def outcomes(self, *rules: dict[str, Any]) -> None:
        """`{"job": "regex of names", "reason": "AlgorithmError: ...", "times": 1}`: how training jobs end."""
        self._tell("outcomes", list(rules))

    def advance(self, seconds: float) -> None:
        self._tell("advance", seconds)

    def calls(self) -> Counter[str]:
        """Operations since this was last asked, `Batch.CreateJobQueue` -> how often."""
        return Counter(self._tell("calls", None))

    def sizes(self) -> list[tuple[str, str, int]]:
        """What was written to S3 since the reset: `PutObject` or `UploadPart`, its path, its bytes."""
        return [(operation, path, size) for operation, path, size in self._tell("sizes", None)]

    def buckets(self) -> set[tuple[str, str]]:
        """(operation, bucket) of what was asked of S3 since this was last asked."""
        return {(operation, bucket) for operation, bucket in self._tell("buckets", None)}

    def changes(self) -> list[str]:
        """Those of them that change something."""
        reads = re.compile(r"\.(Describe|List|Get|Head)|^(sts|logs)\.")
        return sorted(name for name in self.calls().elements() if not reads.search(name))

    def objects(self, kind: str) -> dict[str, Any]:
        """What there is of `service_environment`, `job_queue`, `scheduling_policy`, `quota_share`, `service_job`,
        `training_job`, by name."""
        return dict(self._tell("objects", kind))

    def alter(self, kind: str, name: str, **members: Any) -> None:
        """Somebody changes an object by hand."""
        self._tell("alter", [kind, name, members])

    def remove(self, kind: str, name: str) -> None:
        self._tell("remove", [kind, name])

    def _tell(self, verb: str, what: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/__aws__/{verb}", json.dumps(what).encode(), method="POST")
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


@contextmanager
def serving() -> Iterator[FakeAws]:
    with served("tests.fake_aws.server", CREDENTIALS) as url:
        yield FakeAws(url)
