"""Least-privilege IAM policies, from what the configuration declares. Pure.

Actions that take no resource in IAM stand under "*"; the service authorization reference says which.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

DEFAULT_BUCKETS = "sagemaker-*"  # the default bucket of any region and account
Role = Literal["plan", "apply", "job"]


class Needs(NamedTuple):
    """What a configuration does on AWS."""

    types: frozenset[str]  # of resources, and of data: data.job_queue
    queued: bool  # trainers go through queues
    direct: bool  # trainers are launched at once
    tuned: bool  # there are tuning jobs
    buckets: frozenset[str]  # that are read and written
    sources: frozenset[str]  # s3:// URIs that jobs read
    roles: frozenset[str]  # execution roles: names or ARNs
    state_bucket: str = ""
    objects: frozenset[str] = frozenset()  # bucket/key of objects that are looked up
    listed: frozenset[str] = frozenset()  # buckets of inputs whose listing counts
    makes_bucket: bool = False  # the default one, where it is not there
    keys: frozenset[str] = frozenset()  # of KMS
    secrets: frozenset[str] = frozenset()  # ARNs in Secrets Manager
    parameters: frozenset[str] = frozenset()  # names in Parameter Store
    partition: str = "aws"


_DESCRIBED = {
    "service_environment": "DescribeServiceEnvironments",
    "job_queue": "DescribeJobQueues",
    "scheduling_policy": "DescribeSchedulingPolicies",
    "quota_share": "DescribeQuotaShare",
}
_MADE = {
    "service_environment": ("ServiceEnvironment", "service-environment"),
    "job_queue": ("JobQueue", "job-queue"),
    "scheduling_policy": ("SchedulingPolicy", "scheduling-policy"),
    "quota_share": ("QuotaShare", "quota-share"),
}


def policy(role: Role, needs: Needs) -> str:
    """The policy document of one role, as JSON."""
    statements = {"plan": _plan, "apply": _apply, "job": _job}[role](needs)
    document = {"Version": "2012-10-17", "Statement": [item for item in statements if item["Action"]]}
    return json.dumps(document, indent=2).replace('"arn:aws:', f'"arn:{needs.partition}:') + "\n"


def _allow(sid: str, actions: Iterable[str], resources: Sequence[str] = ("*",), **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": sorted(actions), "Resource": sorted(resources), **more}


def _reading(needs: Needs) -> set[str]:
    looked_up = {kind.removeprefix("data.") for kind in needs.types}
    actions = {f"batch:{_DESCRIBED[kind]}" for kind in looked_up if kind in _DESCRIBED}
    if "quota_share" in needs.types:
        actions.add("batch:ListQuotaShares")
    if needs.queued:
        actions |= {"batch:DescribeServiceJob", "batch:ListServiceJobs", "batch:GetJobQueueSnapshot"}
    if "hub" in needs.types:
        actions |= {"sagemaker:DescribeHubContent", "sagemaker:ListHubContents"}
    if needs.tuned:
        actions |= {"sagemaker:DescribeHyperParameterTuningJob", "sagemaker:ListTrainingJobsForHyperParameterTuningJob"}
    if needs.queued or needs.direct or needs.tuned:
        actions |= {"sagemaker:DescribeTrainingJob", "sagemaker:ListTags"}
    if "data.training_job" in needs.types:
        actions.add("sagemaker:DescribeTrainingJob")
    return actions


def _objects(needs: Needs) -> list[dict[str, Any]]:
    """What data sources read, and what lies where inputs come from."""
    objects, buckets = ([f"arn:aws:s3:::{place}" for place in places] for places in (needs.objects, needs.listed))
    return [
        _allow("LookedUp", {"s3:GetObject"} if objects else (), objects),
        _allow("Listed", {"s3:ListBucket"} if buckets else (), buckets),
    ]


def _state(needs: Needs, write: bool) -> list[dict[str, Any]]:
    if not needs.state_bucket:
        return []
    arn = f"arn:aws:s3:::{needs.state_bucket}"
    actions = {"s3:GetObject", *({"s3:PutObject", "s3:DeleteObject"} if write else ())}
    return [_allow("State", actions, [f"{arn}/*"]), _allow("StateList", {"s3:ListBucket"}, [arn])]


def _plan(needs: Needs) -> list[dict[str, Any]]:
    objects = [f"arn:aws:s3:::{bucket}/*" for bucket in needs.buckets]
    return [
        _allow("Read", _reading(needs)),
        *_objects(needs),
        # Whether the artifacts of a run to be reused are still there.
        _allow("Artifacts", {"s3:GetObject"} if objects else (), objects),
        _allow("ArtifactsList", {"s3:ListBucket"} if objects else (), [text.removesuffix("/*") for text in objects]),
        *_state(needs, write=False),
    ]


def _apply(needs: Needs) -> list[dict[str, Any]]:
    made = [_MADE[kind] for kind in sorted(needs.types) if kind in _MADE]
    verbs = ("Create", "Update", "Delete")
    statements = [
        _allow("Read", _reading(needs)),
        *_objects(needs),
        _allow(
            "Batch",
            {f"batch:{verb}{name}" for name, _ in made for verb in verbs}
            | ({"batch:TagResource", "batch:UntagResource"} if made else set()),
            [f"arn:aws:batch:*:*:{kind}/*" for _, kind in made],
        ),
    ]
    if "service_environment" in needs.types:
        linked = "arn:aws:iam::*:role/aws-service-role/sagemaker-queuing.batch.amazonaws.com/*"
        condition = {"StringEquals": {"iam:AWSServiceName": "sagemaker-queuing.batch.amazonaws.com"}}
        statements.append(_allow("ServiceLinkedRole", {"iam:CreateServiceLinkedRole"}, [linked], Condition=condition))
    if needs.queued:
        actions = {"SubmitServiceJob", "TerminateServiceJob", "UpdateServiceJob", "TagResource", "UntagResource"}
        places = ["arn:aws:batch:*:*:job-queue/*", "arn:aws:batch:*:*:service-job/*", "arn:aws:batch:*:*:quota-share/*"]
        statements.append(_allow("QueuedJobs", {f"batch:{action}" for action in actions}, places))
    if needs.queued or needs.direct:
        actions = {"StopTrainingJob", "UpdateTrainingJob", "AddTags", "DeleteTags"}
        actions |= {"CreateTrainingJob"}  # AWS Batch makes the job in the name of who submits it
        places = ["arn:aws:sagemaker:*:*:training-job/*"]
        statements.append(_allow("TrainingJobs", {f"sagemaker:{action}" for action in actions}, places))
    if needs.tuned:
        actions = {"CreateHyperParameterTuningJob", "StopHyperParameterTuningJob", "AddTags", "DeleteTags"}
        places = ["arn:aws:sagemaker:*:*:hyper-parameter-tuning-job/*"]
        statements.append(_allow("TuningJobs", {f"sagemaker:{action}" for action in actions}, places))
    if needs.queued or needs.direct or needs.tuned:
        roles = [role if role.startswith("arn:") else f"arn:aws:iam::*:role/{role}" for role in needs.roles]
        condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        statements += [
            _allow("PassRole", {"iam:PassRole"} if roles else (), roles, Condition=condition),
            _allow("FindRole", {"iam:GetRole"} if roles else (), roles),
            _allow("Logs", {"logs:DescribeLogStreams", "logs:GetLogEvents"}, [_LOGS, f"{_LOGS}:log-stream:*"]),
            *_bucket(needs, {"s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"}),
            # What is uploaded is encrypted by the key, and the job's volumes on behalf of who launches it.
            _allow("Keys", _KMS if needs.keys else (), list(needs.keys)),
            _allow("DefaultBucket", _MAKING if needs.makes_bucket else (), [f"arn:aws:s3:::{DEFAULT_BUCKETS}"]),
        ]
    return [*statements, *_state(needs, write=True)]


_MAKING = (
    "s3:CreateBucket",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutEncryptionConfiguration",
)
_KMS = ("kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant")
# What SageMaker does in the name of a job inside of a VPC (Amazon SageMaker developer guide, execution roles).
_NETWORK = (
    "CreateNetworkInterface",
    "CreateNetworkInterfacePermission",
    "DeleteNetworkInterface",
    "DeleteNetworkInterfacePermission",
    "DescribeDhcpOptions",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
)
_LOGS = "arn:aws:logs:*:*:log-group:/aws/sagemaker/TrainingJobs"


def _job(needs: Needs) -> list[dict[str, Any]]:
    read = sorted({f"arn:aws:s3:::{uri.removeprefix('s3://').rstrip('/')}*" for uri in needs.sources})
    listed = sorted({f"arn:aws:s3:::{uri.removeprefix('s3://').partition('/')[0]}" for uri in needs.sources})
    return [
        *_bucket(needs, {"s3:GetObject", "s3:PutObject"}),
        _allow("Data", {"s3:GetObject"} if read else (), read),
        _allow("DataList", {"s3:ListBucket"} if listed else (), listed),
        _allow("ImageLogin", {"ecr:GetAuthorizationToken"}),
        _allow(
            "Image",
            {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
            ["arn:aws:ecr:*:*:repository/*"],
        ),
        _allow(
            "Logs",
            {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
            [_LOGS, f"{_LOGS}:log-stream:*"],
        ),
        _allow(
            "Metrics",
            {"cloudwatch:PutMetricData"},
            Condition={"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*"]}},
        ),
        _allow("Network", {f"ec2:{action}" for action in _NETWORK} if "vpc" in needs.types else ()),
        _allow("Keys", _KMS if needs.keys else (), list(needs.keys)),
        _allow("Secrets", {"secretsmanager:GetSecretValue"} if needs.secrets else (), list(needs.secrets)),
        _allow(
            "Parameters",
            {"ssm:GetParameter"} if needs.parameters else (),
            [f"arn:aws:ssm:*:*:parameter/{name.lstrip('/')}" for name in needs.parameters],
        ),
    ]


def _bucket(needs: Needs, actions: set[str]) -> list[dict[str, Any]]:
    whole = [f"arn:aws:s3:::{bucket}" for bucket in needs.buckets]
    return [
        _allow("Bucket", {"s3:ListBucket"} if whole else (), whole),
        _allow("BucketObjects", actions if whole else (), [f"{arn}/*" for arn in whole]),
    ]
