"""Names of runs and jobs (S3.11)."""

from __future__ import annotations

import base64
import hashlib
import re

HEAD = 14  # with a hyphen and the id of 8 this is within the 23 characters that the name must be known by
LIMIT = 63


def run_id(lineage: str, address: str, digest: str, sequence: int) -> str:
    """Hash of where, what and which time: 8 characters of [a-z2-7]."""
    text = "\n".join((lineage, address, digest, str(sequence)))
    return base64.b32encode(hashlib.sha256(text.encode()).digest())[:8].decode().lower()


def job_name(base: str, run_id: str, limit: int = LIMIT) -> str:
    """`<beginning of base>-<run id>[-<rest of base>]`, at most `limit` characters of [a-zA-Z0-9-]."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", base) if word] or ["run"]
    head = [words.pop(0)[:HEAD]]
    while words and len("-".join((*head, words[0]))) <= HEAD:
        head.append(words.pop(0))
    return "-".join((*head, run_id, *words))[:limit].rstrip("-")
