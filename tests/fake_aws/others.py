"""What moto serves: which operation a request is, and what S3 says of buckets of others, which moto does not know."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from tests.fake_aws.world import ACCOUNT, World

# (method, whether there is a key) -> (member of the query, operation); the last one is without a member.
_S3 = {
    ("HEAD", False): (("", "HeadBucket"),),
    ("HEAD", True): (("", "HeadObject"),),
    ("GET", False): (("location", "GetBucketLocation"), ("list-type", "ListObjectsV2"), ("", "ListObjects")),
    ("GET", True): (("", "GetObject"),),
    ("PUT", False): (
        ("publicAccessBlock", "PutPublicAccessBlock"),
        ("encryption", "PutBucketEncryption"),
        ("tagging", "PutBucketTagging"),
        ("", "CreateBucket"),
    ),
    ("PUT", True): (("partNumber", "UploadPart"), ("", "PutObject")),
    ("POST", True): (("uploads", "CreateMultipartUpload"), ("uploadId", "CompleteMultipartUpload")),
    ("POST", False): (("delete", "DeleteObjects"),),
    ("DELETE", True): (("uploadId", "AbortMultipartUpload"), ("", "DeleteObject")),
    ("DELETE", False): (("", "DeleteBucket"),),
}


def operation_of(service: str, environ: dict[str, Any], body: bytes) -> str:
    """`HeadBucket`, `GetCallerIdentity`, `GetLogEvents`."""
    if service == "s3":
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        _, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
        members = _S3[environ["REQUEST_METHOD"], bool(key)]
        return next(operation for member, operation in members if not member or member in query)
    if target := environ.get("HTTP_X_AMZ_TARGET", ""):
        return str(target.rpartition(".")[2])
    return parse_qs(body.decode()).get("Action", ["Unknown"])[0]


def refusal(world: World, operation: str, environ: dict[str, Any]) -> int:
    """The status by which S3 refuses a request for whose bucket it is; 0: it does not."""
    bucket = environ["PATH_INFO"].lstrip("/").partition("/")[0]
    if operation == "HeadBucket" and bucket in world.hidden:
        return 403
    expected = environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", "")
    if expected and (expected != ACCOUNT or bucket in world.foreign):
        return 403
    return 409 if operation == "CreateBucket" and bucket in world.foreign else 0


def page(world: World, operation: str, environ: dict[str, Any]) -> None:
    """Pages as short as the account's."""
    if operation == "ListObjectsV2" and world.page < 100:
        environ["QUERY_STRING"] = f"max-keys={world.page}&{environ['QUERY_STRING']}"
