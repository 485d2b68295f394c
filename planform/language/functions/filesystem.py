"""Files, read through the snapshot that the plan keeps (S1.7), and paths."""

from __future__ import annotations

import os.path
import posixpath

from planform.core.errors import PlanformError
from planform.core.values import Set, Value
from planform.language.environment import Scope
from planform.language.errors import Unsuitable
from planform.language.functions.hashing import base64_digest, hex_digest

STRUCTURAL = RAW = ()


def read(scope: Scope, path: str) -> bytes:
    try:
        return scope.files.read(path, scope.module_folder)
    except FileNotFoundError:
        raise Unsuitable(
            f'there is no file "{path}".',
            "Relative paths start at the module's folder; the file must exist before the plan.",
            argument=0,
        ) from None
    except OSError as error:
        raise Unsuitable(f'"{path}" cannot be read: {error.strerror or error}.', argument=0) from None
    except PlanformError as error:
        raise Unsuitable(f"{error.summary} {error.detail}".strip(), error.suggestion, argument=0) from None


def text_of(scope: Scope, path: str) -> str:
    try:
        return read(scope, path).decode()
    except UnicodeDecodeError:
        raise Unsuitable(
            f'"{path}" is not valid UTF-8 text.', "Use filebase64(...) for binary files.", argument=0
        ) from None


def file(scope: Scope, path: str) -> Value:
    return text_of(scope, path)


def filebase64(scope: Scope, path: str) -> Value:
    from base64 import b64encode

    return b64encode(read(scope, path)).decode()


def filemd5(scope: Scope, path: str) -> Value:
    return hex_digest("md5", read(scope, path))


def filesha1(scope: Scope, path: str) -> Value:
    return hex_digest("sha1", read(scope, path))


def filesha256(scope: Scope, path: str) -> Value:
    return hex_digest("sha256", read(scope, path))


def filesha512(scope: Scope, path: str) -> Value:
    return hex_digest("sha512", read(scope, path))


def filebase64sha256(scope: Scope, path: str) -> Value:
    return base64_digest("sha256", read(scope, path))


def filebase64sha512(scope: Scope, path: str) -> Value:
    return base64_digest("sha512", read(scope, path))


def fileexists(scope: Scope, path: str) -> Value:
    try:
        return scope.files.exists(path, scope.module_folder)
    except PlanformError as error:
        raise Unsuitable(f"{error.summary} {error.detail}".strip(), error.suggestion, argument=0) from None


def fileset(scope: Scope, path: str, pattern: str) -> Value:
    try:
        return Set(scope.files.glob(pattern, path, scope.module_folder))
    except (OSError, ValueError) as error:
        raise Unsuitable(
            f'the files of "{path}" that match "{pattern}" cannot be listed: {error}.', argument=1
        ) from None
    except PlanformError as error:
        raise Unsuitable(f"{error.summary} {error.detail}".strip(), error.suggestion, argument=0) from None


def abspath(scope: Scope, path: str) -> Value:
    return os.path.abspath(os.path.join(scope.module_folder, path))


def pathexpand(path: str) -> Value:
    return os.path.expanduser(path) if path == "~" or path.startswith("~/") else path


def basename(path: str) -> Value:
    return posixpath.basename(path.rstrip("/")) or ("/" if path else ".")


def dirname(path: str) -> Value:
    return posixpath.normpath(posixpath.dirname(path) or ".")
