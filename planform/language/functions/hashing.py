"""Digests, and identifiers made from them."""

from __future__ import annotations

import hashlib
from base64 import b64encode

from planform.core.values import Unknown, Value
from planform.language.errors import Unsuitable

STRUCTURAL = RAW = ()


def md5(string: str) -> Value:
    return hex_digest("md5", string.encode())


def sha1(string: str) -> Value:
    return hex_digest("sha1", string.encode())


def sha256(string: str) -> Value:
    return hex_digest("sha256", string.encode())


def sha512(string: str) -> Value:
    return hex_digest("sha512", string.encode())


def base64sha256(string: str) -> Value:
    return base64_digest("sha256", string.encode())


def base64sha512(string: str) -> Value:
    return base64_digest("sha512", string.encode())


def hex_digest(algorithm: str, data: bytes) -> str:
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def base64_digest(algorithm: str, data: bytes) -> str:
    return b64encode(hashlib.new(algorithm, data, usedforsecurity=False).digest()).decode()


def uuid() -> Value:
    return Unknown("uuid()")


def uuidv5(namespace: str, name: str) -> Value:
    from uuid import NAMESPACE_DNS, NAMESPACE_OID, NAMESPACE_URL, NAMESPACE_X500, UUID, uuid5

    known = {"dns": NAMESPACE_DNS, "url": NAMESPACE_URL, "oid": NAMESPACE_OID, "x500": NAMESPACE_X500}
    try:
        return str(uuid5(known.get(namespace) or UUID(namespace), name))
    except ValueError:
        raise Unsuitable(
            f'"{namespace}" is not a namespace: there are dns, url, oid, x500, or give a UUID.', argument=0
        ) from None
