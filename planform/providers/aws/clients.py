"""Sessions and clients of AWS, made when they are first needed, and their errors as sentences."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from planform.core.errors import ProviderError
from planform.core.values import Object

# SubmitServiceJob takes 5 calls a second for an account: a burst of thirty needs more patience than three attempts.
ATTEMPTS = 10
# What a plan may need to wait for is asked side by side; so many connections at once.
CONNECTIONS = 20

T = TypeVar("T")


class Where(NamedTuple):
    """Where a provider works."""

    account: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


class AwsError(ProviderError):
    """AWS refused. `code` and `message` are what it said."""

    def __init__(self, operation: str, code: str, message: str, suggestion: str = "") -> None:
        super().__init__(f"{operation}: {code}: {message}", suggestion=suggestion)
        self.operation, self.code, self.message = operation, code, message


@dataclass(slots=True)
class Clients:
    """The clients of one configured provider. `settings` are those of `provider: aws`."""

    settings: Object
    _session: Any = None
    _clients: dict[str, Any] = field(default_factory=dict)
    _where: Where | None = None
    _lock: Lock = field(default_factory=Lock)
    _turns: dict[str, Lock] = field(default_factory=dict)
    _done: dict[str, Any] = field(default_factory=dict)

    def once(self, key: str, work: Callable[[], T]) -> T:
        """What `work` gives, done once in this process, however many ask for it at once. What failed may be tried
        again."""
        with self._lock:
            turn = self._turns.setdefault(key, Lock())
        with turn:
            if key not in self._done:
                self._done[key] = work()
            found: T = self._done[key]
            return found

    def where(self) -> Where:
        """Account, region and partition, asked once.

        Raises:
            ProviderError: there are no credentials, or no region, or the account is not an allowed one.
        """
        if self._where is None:
            region = self.region()
            answer = self.call("sts", "get_caller_identity")
            self._where = Where(answer["Account"], region, answer["Arn"].split(":")[1])
            allowed = self.settings.get("allowed_account_ids")
            if allowed and answer["Account"] not in allowed:
                raise ProviderError(
                    f"These credentials are of account {answer['Account']}, which is not allowed here.",
                    f"provider.aws.allowed_account_ids: {', '.join(allowed)}. You are {answer['Arn']}.",
                    "Use other credentials or another profile.",
                )
        return self._where

    def region(self) -> str:
        region = self.settings.get("region") or self.session().region_name
        if not region:
            raise ProviderError(
                "No AWS region is configured.",
                suggestion="Set provider.aws.region, AWS_REGION, or the region of the profile.",
            )
        return str(region)

    def partition(self) -> str:
        """What ARNs of the region begin with (aws, aws-cn, ...), known without asking; aws where there is no region."""
        region = self.settings.get("region") or self.session().region_name
        return str(self.session().get_partition_for_region(region)) if region else "aws"

    def session(self) -> Any:
        """Raises ProviderError when the profile is unknown or the role cannot be assumed."""
        with self._lock:
            if self._session is None:
                self._session = _session(self.settings)
            return self._session

    def client(self, service: str) -> Any:
        """The client of a service; made once, and safe to use from several threads."""
        session, region = self.session(), self.region()
        with self._lock:
            if service not in self._clients:
                from botocore.config import Config

                attempts = int(os.environ.get("AWS_MAX_ATTEMPTS") or ATTEMPTS)
                config = Config(
                    retries={"mode": os.environ.get("AWS_RETRY_MODE") or "adaptive", "total_max_attempts": attempts},
                    max_pool_connections=CONNECTIONS,
                    connect_timeout=10,
                    read_timeout=60,
                    user_agent_extra="planform",
                )
                self._clients[service] = session.client(service, region_name=region, config=config)
            return self._clients[service]

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        """One call; `operation` is boto3's name of it.

        Raises:
            AwsError: AWS refused.
            ProviderError: AWS could not be asked at all.
        """
        client = self.client(service)
        return said(operation, lambda: getattr(client, operation)(**arguments))

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        """The items under `key` of all pages of a call that has nextToken or NextToken."""
        while True:
            answer = self.call(service, operation, **arguments)
            yield from answer.get(key, ())
            token = {name: answer[name] for name in ("nextToken", "NextToken") if answer.get(name)}
            if not token:
                return
            arguments = {**arguments, **token}


def said(operation: str, call: Callable[[], Any]) -> Any:
    """The answer of a call of boto3, its errors as sentences."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    name = "".join(map(str.capitalize, operation.split("_")))
    try:
        return call()
    except ClientError as error:
        told = error.response.get("Error", {})
        code, message = str(told.get("Code", "")), str(told.get("Message", error))
        raise AwsError(name, code, message, _advice(code, name)) from None
    except (NoCredentialsError, PartialCredentialsError):
        raise ProviderError(
            "There are no AWS credentials.",
            suggestion="Log in (aws sso login, aws configure), set AWS_PROFILE, or plan for this machine: "
            "default_provider: local",
        ) from None
    except (BotoCoreError, Boto3Error) as error:
        raise ProviderError(f"{name}: AWS could not be asked: {error}.") from None


def _advice(code: str, operation: str) -> str:
    if code.startswith("AccessDenied") or code in ("UnauthorizedOperation", "AccessDeniedException"):
        return f"You may not call {operation}; `planform permissions` prints the policy that is needed."
    if code in ("ExpiredToken", "ExpiredTokenException", "RequestExpired"):
        return "The credentials have expired: log in again."
    if code in ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"):
        return "AWS does not know these credentials: check AWS_PROFILE and the keys."
    return ""


def _session(settings: Mapping[str, Any]) -> Any:
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        # AWS_REGION is that of all SDKs but this one, and of SageMaker's and GitHub's environments.
        region = settings.get("region") or os.environ.get("AWS_REGION") or None
        session = boto3.Session(profile_name=settings.get("profile"), region_name=region)
    except BotoCoreError as error:
        raise ProviderError(f"{error}.", suggestion="See: aws configure list-profiles") from None
    role = settings.get("assume_role")
    if not role:
        return session
    return _assumed(session, role if isinstance(role, dict) else {"role_arn": role})


def _assumed(session: Any, role: Mapping[str, Any]) -> Any:
    """A session in a role; its credentials are renewed before they end."""
    import boto3
    from botocore.credentials import RefreshableCredentials
    from botocore.session import get_session

    sts = session.client("sts")
    request = {"RoleArn": role["role_arn"], "RoleSessionName": role.get("session_name") or "planform"}
    if role.get("external_id"):
        request["ExternalId"] = role["external_id"]

    def fresh() -> dict[str, str]:
        given = said("assume_role", lambda: sts.assume_role(**request))["Credentials"]
        return {
            "access_key": given["AccessKeyId"],
            "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"],
            "expiry_time": given["Expiration"].isoformat(),
        }

    inner = get_session()
    inner._credentials = RefreshableCredentials.create_from_metadata(fresh(), fresh, "sts-assume-role")
    return boto3.Session(botocore_session=inner, region_name=session.region_name)
