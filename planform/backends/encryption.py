"""Encryption of states and plans at rest: AES-256-GCM, with a key from a passphrase or from AWS KMS. Off by default.

What is encrypted says itself how it is to be read, so reading needs no setting, only the passphrase or the right to use
the key: `planform-encrypted:1:<header>:<nonce and ciphertext>`, both in base 64. The header is authenticated too.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import scrypt
from typing import Any, NamedTuple

from planform.core.errors import PlanformError, StateDamaged, StateError
from planform.core.state import Entry
from planform.core.statefile import entry_line, parse_entry
from planform.core.values import Object, Value

MARK = b"planform-encrypted:1:"
_NONCE = 12


class Cipher(NamedTuple):
    """How this process encrypts: one key, and the header that says where it comes from."""

    key: bytes
    header: bytes


class Codec:
    """Texts as they are stored: in clear, or encrypted. Both are read."""

    def __init__(self, settings: Mapping[str, Value] | None = None) -> None:
        self._settings = settings
        self._cipher: Cipher | None = None

    def data(self, text: str) -> bytes:
        return self.wrapped(text.encode()) if self._settings else text.encode()

    def text(self, data: bytes, where: str) -> str:
        """The text in `data`.

        Raises:
            StateError: it is encrypted, and the key is not at hand or another.
        """
        return unwrapped(data, where).decode(errors="replace").replace("\r\n", "\n")

    def line(self, entry: Entry) -> str:
        """A journal entry as one line."""
        line = entry_line(entry)
        return self.wrapped(line.encode()).decode() if self._settings else line

    def wrapped(self, data: bytes) -> bytes:
        if not self._settings:
            return data
        self._cipher = self._cipher or new_cipher(self._settings)
        nonce = os.urandom(_NONCE)
        header = b64encode(self._cipher.header)
        return MARK + header + b":" + b64encode(nonce + _aes(self._cipher.key).encrypt(nonce, data, header))


PLAIN = Codec()


def entry_of(line: str) -> Entry:
    """The journal entry that `Codec.line` wrote."""
    if not line.startswith(MARK.decode()):
        return parse_entry(line)
    return parse_entry(unwrapped(line.encode(), "the journal").decode())


def unwrapped(data: bytes, where: str) -> bytes:
    """What `wrapped` was given; data that is not encrypted is itself.

    Raises:
        StateError: the key is not at hand.
        StateDamaged: it is another key, or the data was altered.
    """
    if not data.startswith(MARK):
        return data
    header, _, body = data[len(MARK) :].strip().partition(b":")
    try:
        form = json.loads(b64decode(header))
        sealed = b64decode(body, validate=True)
        if not any(names <= set(form) for names in ({"passphrase_env", "salt"}, {"kms", "key"})):
            raise ValueError("of another version")
    except (TypeError, ValueError):
        raise StateDamaged(f"{where} is encrypted and damaged.", "Its header cannot be read.") from None
    key = _key_of(json.dumps(form, sort_keys=True))
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(_aes(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], header))
    except InvalidTag:
        source = form.get("passphrase_env")
        raise StateDamaged(
            f"{where} cannot be decrypted.",
            f"It was altered, or encrypted with another passphrase than the one in {source}."
            if source
            else "It was altered.",
            f"Set {source} to the passphrase it was written with, or restore a backup." if source else "",
        ) from None


def new_cipher(settings: Mapping[str, Value]) -> Cipher:
    """A key for this process to encrypt with.

    Raises:
        StateError: there is no passphrase, or KMS refuses.
    """
    name, key_id = settings.get("passphrase_env"), settings.get("kms_key_id")
    if name:
        salt = os.urandom(16).hex()
        return Cipher(_stretched(str(name), salt), _header({"passphrase_env": name, "salt": salt}))
    if not key_id:
        raise StateError("planform.encryption names no key.", suggestion="Set passphrase_env or kms_key_id.")
    place = {name: settings[name] for name in ("region", "endpoint_url") if settings.get(name)}
    answer = _kms(
        place, settings.get("profile"), lambda client: client.generate_data_key(KeyId=key_id, KeySpec="AES_256")
    )
    blob = b64encode(answer["CiphertextBlob"]).decode()
    return Cipher(answer["Plaintext"], _header({"kms": place, "key": blob}))


@cache
def _key_of(header: str) -> bytes:
    form = json.loads(header)
    if "passphrase_env" in form:
        return _stretched(form["passphrase_env"], form["salt"])
    blob = b64decode(form["key"])
    answer = _kms(form["kms"], None, lambda client: client.decrypt(CiphertextBlob=blob))
    return bytes(answer["Plaintext"])


def _stretched(name: str, salt: str) -> bytes:
    passphrase = os.environ.get(name)
    if not passphrase:
        raise StateError(
            f"The state is encrypted with a passphrase, and {name} is not set.",
            suggestion=f"Set it: export {name}=...",
        )
    # RFC 7914's parameters for interactive use, some 50 ms: once for each file and process.
    return scrypt(passphrase.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32)


def _kms(place: Mapping[str, Value], profile: object, call: Callable[[Any], Any]) -> Any:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        session = boto3.Session(profile_name=profile, region_name=place.get("region"))
        return call(session.client("kms", endpoint_url=place.get("endpoint_url")))
    except (BotoCoreError, ClientError) as error:
        raise StateError(
            f"KMS gives no key: {error}.", suggestion="The key must allow kms:GenerateDataKey and kms:Decrypt to you."
        ) from None


def _header(form: Object) -> bytes:
    return json.dumps(form, sort_keys=True).encode()


def _aes(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise PlanformError(
            "Encryption needs the package cryptography.", suggestion="pip install 'planform[encryption]'"
        ) from None
    return AESGCM(key)
