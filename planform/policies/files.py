"""The files of policies: those that the planform block names, and those that the command line gives."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from planform.core.configuration import Configuration
from planform.core.errors import Diagnosed, PlanformError
from planform.language.files import DiskFiles
from planform.language.text import diagnostic_at

PATTERN = "**/*.rego"


def read_policies(configuration: Configuration, given: Sequence[str]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """File -> text of each policy, and the digests of all that was read. Those given may stand outside the repository;
    tests of policies (`*_test.rego`) are left out.

    Raises:
        PlanformError: one is not there, or a folder holds none.
    """
    folder = configuration.folder
    outside = [os.path.join(folder, path if os.path.isdir(path) else os.path.dirname(path)) for path in given]
    files = DiskFiles(folder, outside)
    found: dict[str, str] = {}
    for setting in configuration.policies:
        try:
            found |= _texts(setting.path, folder, files)
        except PlanformError as error:
            raise Diagnosed(
                [diagnostic_at(setting.source, setting.span, error.summary, error.detail, error.suggestion)]
            ) from None
    for path in given:
        found |= _texts(os.path.abspath(path), folder, files)
    return found, files.digests


def _texts(path: str, folder: str, files: DiskFiles) -> dict[str, str]:
    """Raises:
    PlanformError: nothing is there that could be read as a policy.
    """
    full = os.path.realpath(os.path.join(folder, path))
    shown = os.path.relpath(full, files.folder).replace(os.sep, "/")
    if not os.path.isdir(full):
        names = {shown: full}
    else:
        listed = [name for name in files.glob(PATTERN, path, folder) if not name.endswith("_test.rego")]
        names = {f"{shown}/{name}".removeprefix("./"): os.path.join(full, name) for name in listed}
    if not names:
        raise PlanformError(f"{shown} holds no policy.", "It is a folder without files that end with .rego.")
    found = {}
    for name, place in names.items():
        try:
            found[name] = files.read(place, folder).decode()
        except OSError as error:
            raise PlanformError(f"The policy {name} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise PlanformError(f"The policy {name} is not text in UTF-8.") from None
    return found
