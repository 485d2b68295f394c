"""Secrets that a program or a job carries in the clear: they are not copied into a module."""

from __future__ import annotations

from planform.migrate.drafts import Draft
from planform.migrate.objects import is_secret
from planform.migrate.values import Unknown, Value


def hide_secrets(draft: Draft) -> None:
    """A secret in the environment is fetched when a run starts. One among hyperparameters, or of an image with no runtime
    beside it that could fetch it, is a sensitive variable; it stands in the description of the job, as it did before."""
    environment, values = draft.body.get("environment"), draft.body.get("hyperparameters")
    fetches = draft.body.get("source_code") is not None or draft.body.get("jumpstart") is not None
    clear = False
    if isinstance(environment, dict):
        for name in list(environment):
            value = environment[name]
            source = value.env if isinstance(value, Unknown) else name if isinstance(value, str) and value else ""
            if source and is_secret(name) and not fetches:
                environment[name] = Unknown(name.lower(), f"{name}: a secret is in the environment", draft.place)
                clear = True
            elif source and is_secret(name):
                draft.put(("secrets", name), _reference(draft, name, source))
                del environment[name]
        if not environment:
            del draft.body["environment"]
    if isinstance(values, dict):
        for name, value in values.items():
            if isinstance(value, str) and value and is_secret(name):
                values[name] = Unknown(name, f"{name}: a secret is written there", draft.place)
                clear = True
    if clear and draft.body.get("provider") != "local":
        draft.put(("allow_plaintext",), True)


def _reference(draft: Draft, name: str, source: str) -> dict[str, Value]:
    """Where a run gets a secret from: on this machine from who applies, on AWS from a parameter that has to be made."""
    if draft.body.get("provider") == "local":
        return {"env": source}
    code = f"{name}: put the secret into Parameter Store and name the parameter"
    return {"ssm": Unknown(f"{name.lower()}_parameter", code, draft.place)}
