"""The bucket that code, data and artifacts of jobs go to: whether it is there, and how the default one is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from planform.core.addresses import Address
from planform.core.errors import ProviderError
from planform.core.resource import Prerequisite
from planform.core.schemas import Misfit
from planform.core.values import Object, reveal
from planform.providers.aws.clients import AwsError, Clients
from planform.providers.aws.jobs.storage import Storage
from planform.training.definition import inputs, is_local, mapping, plain

Standing: TypeAlias = Literal["there", "missing", "foreign", "hidden"]
PURPOSE = "default bucket for code, data and artifacts of jobs"


def prerequisites(clients: Clients, jobs: Mapping[Address, Object]) -> dict[Address, Prerequisite | Misfit]:
    """The jobs that need the bucket, if it is not there: the default one is made, one that was named is not."""
    bucket = Storage(clients).bucket()
    users = [address for address, job in jobs.items() if uses(bucket, mapping(job, "trainer") or job)]
    standing = _standing(clients, bucket) if users else "there"
    if standing == "there" or (standing == "hidden" and _is_named(clients)):
        return {}
    if _is_named(clients):
        return {users[0]: _missing(clients, bucket)}
    if standing == "foreign":
        return {users[0]: _foreign(clients, bucket)}
    where = clients.where()
    hidden = (
        "whether it is there cannot be seen with these credentials (s3:ListBucket); apply makes it if it is not",
    ) * (standing == "hidden")
    item = {"bucket": bucket, "region": where.region, **_settings(clients)}
    needed = Prerequisite(Address("s3_bucket", bucket), item, PURPOSE, hidden)
    return dict.fromkeys(users, needed)


def provide(clients: Clients, bucket: str) -> None:
    """Make the default bucket, private and encrypted; one that is there stays as it is.

    Raises:
        ProviderError: it belongs to another account, or may not be made.
    """
    standing = _standing(clients, bucket)
    if standing == "there":
        return
    region = clients.region()
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        clients.call("s3", "create_bucket", Bucket=bucket, **place)
    except AwsError as error:
        if error.code == "BucketAlreadyExists" or standing == "foreign":
            told = _foreign(clients, bucket)
            raise ProviderError(told.summary, told.detail, told.suggestion) from None
        if error.code == "AccessDenied" and standing == "hidden":
            return  # who may see and make nothing may still write to it: the first upload tells
        if error.code != "BucketAlreadyOwnedByYou":
            raise
    owner = {"ExpectedBucketOwner": clients.where().account}
    blocked = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    clients.call("s3", "put_public_access_block", Bucket=bucket, PublicAccessBlockConfiguration=blocked, **owner)
    settings = _settings(clients)
    if key := settings.get("kms_key_id"):
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        rules = [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
        form: dict[str, Any] = {"ServerSideEncryptionConfiguration": {"Rules": rules}}
        clients.call("s3", "put_bucket_encryption", Bucket=bucket, **form, **owner)
    if tags := settings.get("tags"):
        pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
        clients.call("s3", "put_bucket_tagging", Bucket=bucket, Tagging={"TagSet": pairs}, **owner)


def remains(clients: Clients, objects: Sequence[Object]) -> str:
    """What the bucket keeps of trainers that are destroyed."""
    bucket = Storage(clients).bucket()
    kept = any(str(item.get("output_path") or "").startswith(f"s3://{bucket}/") for item in objects)
    return f"s3://{bucket} stays, with the code, data and artifacts in it" if kept else ""


def uses(bucket: str, job: Object) -> bool:
    """Whether something of a job goes to the bucket: code, data from this machine, or what names no other place."""
    places = [mapping(job, "output_data").get("s3_output_path")]
    places += [mapping(job, "checkpoint").get("s3_uri")] if job.get("checkpoint") is not None else []
    places += [mapping(job, "tensorboard").get("s3_output_path")] if job.get("tensorboard") is not None else []
    return (
        job.get("source_code") is not None
        or any(is_local(item.source) for item in inputs(job))
        or any(place is None or str(plain(place)).startswith(f"s3://{bucket}/") for place in places)
    )


def _standing(clients: Clients, bucket: str) -> Standing:
    """HeadBucket says nothing but a code: another account's bucket and one that may not be looked at are both 403."""
    account = "" if _is_named(clients) else clients.where().account
    seen = _head(clients, bucket, account)
    if seen == "hidden" and account and _head(clients, bucket, "") == "there":
        return "foreign"
    return seen


def _head(clients: Clients, bucket: str, owner: str) -> Standing:
    try:
        clients.call("s3", "head_bucket", Bucket=bucket, **({"ExpectedBucketOwner": owner} if owner else {}))
    except AwsError as error:
        if error.code in ("404", "NoSuchBucket"):
            return "missing"
        if error.code in ("403", "AccessDenied"):
            return "hidden"
        raise
    return "there"


def _is_named(clients: Clients) -> bool:
    return bool(clients.settings.get("default_bucket"))


def _settings(clients: Clients) -> Object:
    """What the provider's settings give to the bucket."""
    settings = reveal(clients.settings)
    tags, key = settings.get("default_tags"), settings.get("kms_key_id")
    return {**({"kms_key_id": key} if key else {}), **({"tags": tags} if tags else {})}


def _missing(clients: Clients, bucket: str) -> Misfit:
    return Misfit(
        (),
        f"There is no bucket {bucket}, where code, data and artifacts of jobs go.",
        "provider.aws.default_bucket names it.",
        f"Create it (aws s3 mb s3://{bucket} --region {clients.region()}), or leave default_bucket out: "
        "planform then makes one.",
    )


def _foreign(clients: Clients, bucket: str) -> Misfit:
    return Misfit(
        (),
        f"The bucket {bucket} belongs to another account than {clients.where().account}.",
        "Whoever made it would be sent the code and data of jobs.",
        "Name a bucket of your own in provider.aws.default_bucket.",
    )
