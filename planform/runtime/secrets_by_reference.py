"""Secrets by reference: fetched where the job runs, with the job's role, and never printed (S6.3)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any, Mapping, Sequence

from failure import redacted  # type: ignore[import-not-found]


class NoSecret(Exception):
    """A secret cannot be had; the message names it, and quotes none."""


def fetched(references: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Variable -> value, of `{secretsmanager: ARN}` and `{ssm: NAME}`.

    Raises:
        NoSecret: one of them cannot be fetched.
    """
    secrets: dict[str, str] = {}
    for name, reference in references.items():
        try:
            secrets[name] = _one(reference)
        except NoSecret as error:
            where = next(iter(reference.values()))
            why = redacted(str(error), list(secrets.values()))
            raise NoSecret(f"secrets.{name}: {where}: {why}") from None
    return secrets


def _one(reference: Mapping[str, str]) -> str:
    kind, where = next(iter(reference.items()))
    region = where.split(":")[3] if where.startswith("arn:") else os.environ.get("AWS_REGION") or None
    try:
        client = client_of(kind, region)
        if client is None:
            words = {
                "secretsmanager": ["secretsmanager", "get-secret-value", "--secret-id", where],
                "ssm": ["ssm", "get-parameter", "--with-decryption", "--name", where],
            }[kind]
            answer = by_command(words, region)
        elif kind == "secretsmanager":
            answer = client.get_secret_value(SecretId=where)
        else:
            answer = client.get_parameter(Name=where, WithDecryption=True)
    except NoSecret:
        raise
    except Exception as error:
        raise NoSecret(f"{type(error).__name__}: {error}") from None
    return _text_of(kind, answer)


def _text_of(kind: str, answer: Any) -> str:
    """The secret in an answer, of which nothing is quoted."""
    holder = answer if kind == "secretsmanager" or not isinstance(answer, dict) else answer.get("Parameter")
    name = "SecretString" if kind == "secretsmanager" else "Value"
    if not isinstance(holder, dict) or not isinstance(holder.get(name), str):
        raise NoSecret("it holds no text")
    return str(holder[name])


def client_of(service: str, region: str | None) -> Any:
    """A client of boto3; None where the image has no boto3."""
    try:
        import boto3  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return None
    return boto3.client(service, region_name=region)


def by_command(words: Sequence[str], region: str | None) -> Any:
    """What the AWS command line answers, for images without boto3.

    Raises:
        NoSecret: it is not there, or is refused.
    """
    program = shutil.which("aws")
    if program is None:
        raise NoSecret("the image has neither boto3 nor the aws command to fetch it")
    command = [program, *words, "--output", "json", *(["--region", region] if region else [])]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise NoSecret(done.stderr.decode(errors="replace").strip()[-300:])
    try:
        return json.loads(done.stdout.decode())
    except ValueError:
        raise NoSecret("the aws command gave no JSON") from None
