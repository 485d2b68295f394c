"""Where state lives. This package reads and writes states; what they mean to a plan is not its matter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from planform.backends.encryption import PLAIN, Codec
from planform.core.backend import Backend
from planform.core.errors import PlanformError, did_you_mean
from planform.core.values import Object


def _local(settings: Object, folder: Path, workspace: str, codec: Codec) -> Backend:
    from planform.backends.local import LocalBackend

    _check(settings, "local", ("path",))
    path = settings.get("path", f"state/{workspace}.json")
    if not isinstance(path, str) or not path.strip():
        raise PlanformError(
            "The path of the local backend must be a string.", suggestion='For example: path: "state/main.json"'
        )
    return LocalBackend(folder / Path(path).expanduser(), codec)


def _s3(settings: Object, folder: Path, workspace: str, codec: Codec) -> Backend:
    from planform.backends.s3.backend import S3Backend

    _check(settings, "s3", ("bucket", "key", "region", "profile", "endpoint_url", "kms_key_id"))
    for name in ("bucket", "key"):
        if not isinstance(settings.get(name), str) or not str(settings[name]).strip("/ "):
            raise PlanformError(
                f"The s3 backend needs a {name}.",
                suggestion='For example: s3: {bucket: team-state, key: "digits/${planform.workspace}.json"}',
            )
    return S3Backend(settings, codec)


KINDS: Mapping[str, Callable[[Object, Path, str, Codec], Backend]] = MappingProxyType({"local": _local, "s3": _s3})


def backend_for(kind: str, settings: Object, folder: Path, workspace: str, codec: Codec = PLAIN) -> Backend:
    """The backend that a configuration names; `folder` is the root module's.

    Raises:
        PlanformError: there is no such backend, or it has no such setting.
    """
    if kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise PlanformError(f'There is no backend "{kind}".', f"Backends: {known}.", did_you_mean(kind, KINDS))
    return KINDS[kind](settings, folder, workspace, codec)


def _check(settings: Object, kind: str, known: tuple[str, ...]) -> None:
    for name in settings:
        if name not in known:
            raise PlanformError(f'The {kind} backend has no setting "{name}".', suggestion=did_you_mean(name, known))
