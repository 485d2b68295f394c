"""An index of packages in AWS CodeArtifact, as images of SageMaker take it from CA_REPOSITORY_ARN."""

from __future__ import annotations

import re

from secrets_by_reference import NoSecret, by_command, client_of  # type: ignore[import-not-found]

REPOSITORY = re.compile(r"arn:[^:]+:codeartifact:([^:]+):(\d+):repository/([^/]+)/(.+)")


def index(arn: str) -> tuple[str, str]:
    """The address of a repository for pip, and the token in it, which the job's role is given.

    Raises:
        NoSecret: that is no ARN of a repository, or its token cannot be had.
    """
    match = REPOSITORY.fullmatch(arn)
    if match is None:
        raise NoSecret(f"CA_REPOSITORY_ARN: {arn} is not the ARN of a repository of CodeArtifact")
    region, owner, domain, repository = match.groups()
    try:
        token, endpoint = _asked(region, owner, domain, repository)
    except NoSecret as error:
        raise NoSecret(f"CA_REPOSITORY_ARN: {arn}: {error}") from None
    scheme, _, rest = endpoint.partition("://")
    return f"{scheme}://aws:{token}@{rest.rstrip('/')}/simple/", token


def _asked(region: str, owner: str, domain: str, repository: str) -> tuple[str, str]:
    try:
        client = client_of("codeartifact", region)
        if client is None:
            where = ["--domain", domain, "--domain-owner", owner]
            token = by_command(["codeartifact", "get-authorization-token", *where], region)
            place = ["--repository", repository, "--format", "pypi"]
            found = by_command(["codeartifact", "get-repository-endpoint", *where, *place], region)
        else:
            whose = {"domain": domain, "domainOwner": owner}
            token = client.get_authorization_token(**whose)
            found = client.get_repository_endpoint(**whose, repository=repository, format="pypi")
    except NoSecret:
        raise
    except Exception as error:
        raise NoSecret(f"{type(error).__name__}: {error}") from None
    return token["authorizationToken"], found["repositoryEndpoint"]
