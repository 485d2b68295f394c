"""Secrets by reference: fetched where the job runs, with the job's role, and never printed (S6.3)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any, Mapping


class NoSecret(Exception):
    """A secret cannot be had; the message names it, not its value."""


def fetched(references: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Variable -> value, of `{secretsmanager: ARN}` and `{ssm: NAME}`.

    Raises:
        NoSecret: one of them cannot be fetched.
    """
    return {name: _one(name, reference) for name, reference in references.items()}


def _one(name: str, reference: Mapping[str, str]) -> str:
    kind, where = next(iter(reference.items()))
    region = where.split(":")[3] if where.startswith("arn:") else os.environ.get("AWS_REGION") or None
    try:
        import boto3  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return _by_command(name, kind, where, region)
    try:
        if kind == "secretsmanager":
            return str(
                boto3.client("secretsmanager", region_name=region).get_secret_value(SecretId=where)["SecretString"]
            )
        answer = boto3.client("ssm", region_name=region).get_parameter(Name=where, WithDecryption=True)
        return str(answer["Parameter"]["Value"])
    except Exception as error:
        raise NoSecret(f"secrets.{name}: {where}: {type(error).__name__}: {error}") from None


def _by_command(name: str, kind: str, where: str, region: str | None) -> str:
    """The same by the AWS command line, for images without boto3."""
    program = shutil.which("aws")
    if program is None:
        raise NoSecret(f"secrets.{name}: the image has neither boto3 nor the aws command to fetch {where}")
    words = {
        "secretsmanager": ["secretsmanager", "get-secret-value", "--secret-id", where],
        "ssm": ["ssm", "get-parameter", "--with-decryption", "--name", where],
    }[kind]
    command = [program, *words, "--output", "json", *(["--region", region] if region else [])]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise NoSecret(f"secrets.{name}: {where}: {said[-300:]}")
    answer: Any = json.loads(done.stdout.decode())
    value = answer.get("SecretString") if kind == "secretsmanager" else answer.get("Parameter", {}).get("Value")
    if value is None:
        raise NoSecret(f"secrets.{name}: {where} holds no text")
    return str(value)
