"""`planform jumpstart`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planform.cli.group import Group
from planform.cli.options import project_options
from planform.cli.screen import Screen
from planform.core.errors import PlanformError
from planform.core.executor import DocumentRead

if TYPE_CHECKING:
    from planform.project import Options
    from planform.providers.aws.clients import Clients
    from planform.training.catalogue import Entry, Facts

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Group)
def command() -> None:
    """Models that a trainer may fine-tune: `jumpstart: {model_id: ...}`."""


def hub_options(command: F) -> F:
    region = click.option("--region", help="Of this region; by default that of provider.aws.")
    hub = click.option("--hub", default="", metavar="NAME", help="Of a private hub.")
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return region(hub(as_json(command)))


@command.command("list")
@click.option("--filter", "filters", multiple=True, metavar="FILTER", help='Such as "task == tc".')
@hub_options
def list_command(filters: tuple[str, ...], region: str | None, hub: str, as_json: bool) -> None:
    """The models of a hub, or those that a filter holds for.

    A filter is KEY OPERATOR VALUE; AND, OR, NOT and parentheses join them. Keys are model_id, version, framework, task,
    search_keywords, and members of a model's document, such as training_supported or gated_bucket, for which the
    documents are read.
    """
    from planform.training.catalogue import parse_filter

    tests = [parse_filter(text) for text in filters]
    clients = _clients(region)
    entries, date = _catalogue(clients, hub)
    facts = _facts(clients, hub)
    chosen = [entry for entry in entries if all(test(entry, facts) for test in tests)]
    _show(chosen, date, clients, hub, as_json)


@command.command("search")
@click.argument("query")
@hub_options
def search_command(query: str, region: str | None, hub: str, as_json: bool) -> None:
    """The models that words match: `bert`, `*-large`, `"text-classification" AND NOT distil`."""
    from planform.training.catalogue import parse_search

    test = parse_search(query)
    clients = _clients(region)
    entries, date = _catalogue(clients, hub)
    _show([entry for entry in entries if test(entry, lambda _: {})], date, clients, hub, as_json)


@command.command("sync")
@click.option("--region", help="Of this region; by default that of provider.aws.")
@click.option("--hub", default="", metavar="NAME", help="Of a private hub.")
def sync_command(region: str | None, hub: str) -> None:
    """Read the catalogue of a hub anew."""
    screen: Screen = click.get_current_context().obj
    clients = _clients(region)
    entries, date = _catalogue(clients, hub, anew=True)
    screen.out(f"{len(entries)} models, as of {date}.\n")


@command.command("show")
@click.argument("model_id")
@click.option("--version", default="", help="This version; by default the newest.")
@hub_options
def show_command(model_id: str, version: str, region: str | None, hub: str, as_json: bool) -> None:
    """What the document of a model says of training it."""
    from planform.core.schemas import Misfit
    from planform.providers.aws.hub import document
    from planform.render.jumpstart import model_text

    screen: Screen = click.get_current_context().obj
    found = document(_clients(region), DocumentRead(model_id, version, hub), Path.cwd(), None)
    if isinstance(found, Misfit):
        raise PlanformError(found.summary, found.detail, found.suggestion)
    if as_json:
        screen.json({"model_id": found.model_id, "version": found.version, "arn": found.arn, **dict(found.content)})
    else:
        screen.out(model_text(found))


@command.command("pin")
@click.option("--upgrade", is_flag=True, help="Take the newest version of what is pinned already.")
@project_options
def pin_command(options: Options, upgrade: bool) -> None:
    """Write the versions and digests of the models that trainers use into .planform.lock.yaml."""
    from planform.pins import pin_models
    from planform.project import open_project

    screen: Screen = click.get_current_context().obj
    lines = pin_models(open_project(options), upgrade=upgrade)
    screen.out("".join(f"{line}\n" for line in lines) or "No trainer uses a model of JumpStart.\n")


def _clients(region: str | None) -> Clients:
    from planform.project import aws_settings
    from planform.providers.aws.clients import Clients

    settings = aws_settings(Path.cwd(), click.get_current_context().obj.workspace)
    return Clients({**settings, **({"region": region} if region else {})})


def _catalogue(clients: Clients, hub: str, anew: bool = False) -> tuple[list[Entry], str]:
    from planform.providers.aws.hub import kept_catalogue

    return kept_catalogue(clients, Path.cwd(), hub, anew)


def _facts(clients: Clients, hub: str) -> Callable[[Entry], Facts]:
    """The documents of models, read as they are asked for."""
    from planform.core.executor import Document
    from planform.providers.aws.hub import document

    def facts(entry: Entry) -> Facts:
        found = document(clients, DocumentRead(entry.model_id, entry.version, hub), Path.cwd(), None)
        return found.content if isinstance(found, Document) else {}

    return facts


def _show(entries: list[Entry], date: str, clients: Clients, hub: str, as_json: bool) -> None:
    from planform.render.jumpstart import catalogue_text

    screen: Screen = click.get_current_context().obj
    if as_json:
        screen.json({"date": date, "models": [entry._asdict() for entry in entries]})
    else:
        screen.out(catalogue_text(entries, f"{hub or 'the public hub'} in {clients.region()}", date))
