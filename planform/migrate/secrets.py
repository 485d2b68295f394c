"""Secrets that a program or a job carries in the clear: they are not copied into a module."""

from __future__ import annotations

from planform.migrate.drafts import Draft
from planform.migrate.objects import is_secret
from planform.migrate.values import Unknown


def hide_secrets(draft: Draft) -> None:
    """A secret in the environment is fetched when a run starts; one among hyperparameters is a sensitive variable."""
    environment, values = draft.body.get("environment"), draft.body.get("hyperparameters")
    if isinstance(environment, dict):
        for name in list(environment):
            value = environment[name]
            source = value.env if isinstance(value, Unknown) else name if isinstance(value, str) and value else ""
            if source and is_secret(name):
                draft.put(("secrets", name), {"env": source})
                del environment[name]
        if not environment:
            del draft.body["environment"]
    if isinstance(values, dict):
        for name, value in values.items():
            if isinstance(value, str) and value and is_secret(name):
                values[name] = Unknown(name, f"{name}: a secret is written there", draft.place)
