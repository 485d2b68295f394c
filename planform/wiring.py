"""The edges of a project, put together: its providers with their settings, and the rules of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from planform.core.addresses import provider_kind
from planform.core.configuration import Configuration
from planform.core.errors import PlanformError, did_you_mean
from planform.core.executor import Document, DocumentRead, Tell, Tree, TreeRead
from planform.core.resource import Provider
from planform.core.schemas import Attribute, Misfit, convert_body
from planform.core.values import Object
from planform.engine.edges import Edges
from planform.language.lock import LOCK_FILE, read_lock
from planform.resources import schemas
from planform.training.rules import RULES


def provider_settings() -> Mapping[str, Mapping[str, Attribute]]:
    """What may stand under `provider`, by provider."""
    from planform.providers.aws.provider import SETTINGS as AWS
    from planform.providers.local.provider import SETTINGS as LOCAL

    return {"aws": AWS, "local": LOCAL}


def images_of(lock: Mapping[str, Object]) -> dict[str, str]:
    """URI -> digest, from the lock file.

    Raises:
        PlanformError: it holds something else.
    """
    pins = lock.get("images", {})
    if not all(isinstance(digest, str) and digest.startswith("sha256:") for digest in pins.values()):
        raise PlanformError(f"{LOCK_FILE} cannot be read", "It maps `images` to their digests, sha256:...")
    return {uri: str(digest) for uri, digest in pins.items()}


def settings_of(configuration: Configuration, name: str) -> Object:
    """The settings of a provider; `aws.eu@eu-west-3` has those of aws.eu, in another region."""
    configured, _, region = name.partition("@")
    given = {**configuration.provider_settings.get(configured, {}), **({"region": region} if region else {})}
    return convert_body(given, provider_settings().get(provider_kind(name), {}), (), [])


def edges_for(configuration: Configuration, folder: Path, workspace: str) -> Edges:
    """The providers of a configuration, made when first asked for."""

    @cache
    def provider(name: str) -> Provider:
        settings = settings_of(configuration, name)
        match provider_kind(name):
            case "planform":
                from planform.providers.builtin import BuiltinProvider

                return BuiltinProvider(_remote_outputs)
            case "local":
                from planform.providers.local.provider import local_provider

                aws = settings_of(configuration, "aws")
                fetch, login, models = partial(_fetched, aws), partial(_ecr_login, aws), partial(_models, aws, folder)
                return local_provider(settings, folder, workspace, fetch, login, models, partial(_listed, aws))
            case "aws":
                from planform.providers.aws.provider import aws_provider

                return aws_provider(name, settings, folder, read_lock(str(folder)).get("jumpstart", {}))
        raise PlanformError(f'There is no provider "{name}".', suggestion=did_you_mean(name, ["aws", "local"]))

    return Edges(schemas(), provider, RULES, images_of(read_lock(str(folder))))


def _fetched(settings: Object, uri: str, cache: Path, tell: Tell) -> Path:
    from planform.providers.aws.fetch import fetch

    return fetch(settings, uri, cache, tell)


def _listed(settings: Object, read: TreeRead) -> Tree | list[Misfit]:
    from planform.providers.aws.clients import Clients
    from planform.providers.aws.fetch import listing

    return listing(Clients(settings), read)


def _ecr_login(settings: Object, image: str) -> tuple[str, str]:
    from planform.providers.aws.fetch import ecr_login

    return ecr_login(settings, image)


def _models(settings: Object, folder: Path, reads: Sequence[DocumentRead]) -> Mapping[DocumentRead, Document | Misfit]:
    """The documents of models for runs of this machine, from the hub of the AWS settings."""
    from planform.providers.aws.provider import aws_provider

    return aws_provider("aws", settings, folder, read_lock(str(folder)).get("jumpstart", {})).documents(reads)


def _remote_outputs(kind: str, config: Object, folder: Path) -> Object:
    from planform.backends.remote import remote_outputs

    return remote_outputs(kind, config, folder)
