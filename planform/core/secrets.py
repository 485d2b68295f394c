"""Keyed digests of sensitive leaves (S6.1): what is stored says "did it change" and nothing else."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from planform.core.values import AttributePath, Sealed, Sensitive, Set, Unknown, Value, encode, has_sensitive, reveal

# (value, path) -> hexadecimal digest
Seal: TypeAlias = Callable[[Value, AttributePath], str]


@lru_cache(maxsize=1024)
def _stretched(text: str, salt: str, key: str) -> bytes:
    # RFC 7914 parameters for interactive use, some 50 ms: dear for who guesses, paid once per distinct secret here.
    return hashlib.scrypt(text.encode(), salt=bytes.fromhex(salt) + key.encode(), n=2**14, r=8, p=1)


def sealer(salt: str) -> Seal:
    """The digest function of one lineage; PLANFORM_STATE_KEY mixes in a key that is in no file."""
    key = os.environ.get("PLANFORM_STATE_KEY", "")

    def seal(value: Value, path: AttributePath) -> str:
        text = json.dumps(encode(value), sort_keys=True, ensure_ascii=False)
        place = json.dumps(path)
        return hmac.new(_stretched(text, salt, key), place.encode(), hashlib.sha256).hexdigest()

    return seal


def sealed(value: Value, seal: Seal, path: AttributePath = ()) -> Value:
    """The value with every sensitive leaf replaced by its digest; unknown ones stay unknown."""
    return _sealed(value, seal, path) if has_sensitive(value) else value


def _sealed(value: Value, seal: Seal, path: AttributePath) -> Value:
    if isinstance(value, Sensitive):
        return value.value if isinstance(value.value, Unknown) else Sealed(seal(reveal(value.value), path))
    if isinstance(value, dict):
        return {key: _sealed(item, seal, (*path, key)) for key, item in value.items()}
    if isinstance(value, Set):
        return Set(_sealed(item, seal, (*path, index)) for index, item in enumerate(value))
    if isinstance(value, list):
        return [_sealed(item, seal, (*path, index)) for index, item in enumerate(value)]
    return value
