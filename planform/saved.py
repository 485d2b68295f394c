"""Plans as files, and the projects that they carry (S2.6)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from planform.backends.encryption import PLAIN, Codec, unwrapped
from planform.core.errors import PlanformError, PlanStale
from planform.core.plan import Plan
from planform.core.planfile import parse_plan, plan_bytes
from planform.core.secrets import sealer
from planform.core.values import Sealed, reveal
from planform.language.files import LISTING, DiskFiles
from planform.language.modules import load
from planform.language.variables import variable_values
from planform.project import Options, Project, open_project
from planform.resources import schemas
from planform.wiring import provider_settings


def write_plan(plan: Plan, path: Path, codec: Codec = PLAIN) -> None:
    """Save a plan for a later apply; only its owner may read it.

    Raises:
        PlanformError: it cannot be written there.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(codec.wrapped(plan_bytes(plan)))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise PlanformError(
            f"The plan cannot be saved as {path}: {error.strerror}.",
            suggestion="Name a file in a folder where you may write: planform plan --out FILE",
        ) from None


def read_plan(path: Path) -> Plan:
    """Raises:
    PlanformError: there is no such file, or it is not a plan.
    """
    try:
        return parse_plan(unwrapped(path.read_bytes(), str(path)), str(path))
    except OSError as error:
        raise PlanformError(
            f"The plan file {path} cannot be read: {error.strerror}.", suggestion="Make one: planform plan --out FILE"
        ) from None


def open_saved(plan: Plan, options: Options) -> Project:
    """The project as a saved plan carries it (S2.6). What is sensitive is read again and must be what the plan saw.

    Raises:
        PlanStale: a file that the plan read changed, or a sensitive value is not the one that was reviewed.
    """
    folder = options.folder.resolve()
    seal = sealer(plan.salt)
    sources = {source.path: source.text for source in plan.sources}
    for path, digest in plan.private_sources.items():
        sources[path] = _private_source(folder / path, path, digest, seal)
    _check_files(folder, plan)
    options = replace(options, workspace=plan.workspace)
    variables = dict(plan.variables)
    secret = [name for name, value in variables.items() if isinstance(value, Sealed)]
    if secret or plan.ephemeral or options.variables or options.var_files:
        given, _ = variable_values(
            load(str(folder), schemas(), sources, provider_settings()),
            str(folder),
            plan.workspace,
            options.var_files,
            options.variables,
            os.environ,
        )
        for name in secret:
            if Sealed(seal(reveal(given[name]), ("variable", name))) != variables[name]:
                raise PlanStale(
                    f"The sensitive variable {name} is not what it was when the plan was made.",
                    "Plans hold no secrets, so apply is given them again; their digests must match.",
                    f"Give the same value: PLANFORM_VAR_{name}=... planform apply PLAN",
                )
            variables[name] = given[name]
        variables |= {name: given[name] for name in plan.ephemeral}
    return open_project(options, sources, variables, plan.created_at)


def open_as_reviewed(plan: Plan, options: Options) -> Project:
    """The project as its files are now, in the workspace and at the time of a plan that was reviewed (S2.7)."""
    return open_project(replace(options, workspace=plan.workspace), created_at=plan.created_at)


def _private_source(path: Path, name: str, digest: str, seal: Callable[..., str]) -> str:
    try:
        text = path.read_text()
    except OSError as error:
        raise PlanStale(
            f"{name} holds a secret, so the plan does not carry it, and it cannot be read now: {error.strerror}."
        ) from None
    if seal(text, ("source", name)) != digest:
        raise PlanStale(
            f"{name} changed after the plan was made.", suggestion="Make a new plan: planform plan --out FILE"
        )
    return text


def _check_files(folder: Path, plan: Plan) -> None:
    # Policies may stand outside the repository; what the plan read there is looked at, and nothing else.
    read = (name.rpartition(" in ")[2] if name.startswith(LISTING) else os.path.dirname(name) for name in plan.files)
    changed = DiskFiles(str(folder), (str(folder / name) for name in read)).changed(plan.files)
    if changed:
        raise PlanStale(
            f"{', '.join(changed[:5])} changed after the plan was made, and the plan read it.",
            suggestion="Make a new plan: planform plan --out FILE",
        )
