"""Secrets that a program or a job carries in the clear: they are not copied into a module."""

from __future__ import annotations

from planform.migrate.drafts import Draft
from planform.migrate.objects import is_secret
from planform.migrate.values import Unknown, Value


def hide_secrets(draft: Draft) -> list[str]:
    """A secret in the environment of a script is fetched when a run starts. Others become sensitive variables: among
    hyperparameters, and in an image without source_code, where nothing could fetch them. The names of those."""
    environment = draft.body.get("environment", {})
    left = _in_the_open(draft, draft.body.get("hyperparameters"))
    if "source_code" not in draft.body and "jumpstart" not in draft.body:
        left = [*_in_the_open(draft, environment), *left]
    elif isinstance(environment, dict):
        for name in list(environment):
            value = environment[name]
            source = value.env if isinstance(value, Unknown) else name if isinstance(value, str) and value else ""
            if source and is_secret(name):
                draft.put(("secrets", name), _reference(draft, name, source))
                del environment[name]
    if environment == {}:
        draft.body.pop("environment", None)
    return left


def _in_the_open(draft: Draft, values: Value) -> list[str]:
    """Secrets that are written in a mapping, as variables."""
    if not isinstance(values, dict):
        return []
    written = [name for name, value in values.items() if isinstance(value, str) and value and is_secret(name)]
    for name in written:
        values[name] = Unknown(name.lower(), f"{name}: a secret is written there", draft.place)
    return [name for name, value in values.items() if isinstance(value, Unknown) and is_secret(name)]


def _reference(draft: Draft, name: str, source: str) -> dict[str, Value]:
    """Where a run gets a secret from: on this machine from who applies, on AWS from a parameter that has to be made."""
    if draft.body.get("provider") == "local":
        return {"env": source}
    code = f"{name}: put the secret into Parameter Store and name the parameter"
    return {"ssm": Unknown(f"{name.lower()}_parameter", code, draft.place)}
