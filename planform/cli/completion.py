"""`planform completion`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planform.cli.group import Group
from planform.cli.screen import Screen
from planform.core.guards import LIMITS

if TYPE_CHECKING:
    from planform.language.outline import Outline
    from planform.render.completion import Command, Option

# What arguments and options are, by what the help calls them.
_KINDS = {
    "ADDRESS": "addresses", "address": "addresses", "addresses": "addresses", "pattern": "addresses",
    "source": "addresses", "target": "addresses",
    "FILE": "file", "FOLDER": "file", "DIR": "file", "PLAN": "file", "PATH": "file", "file": "file", "folder": "file",
    "NAME=VALUE": "variables",
}  # fmt: skip
# By command and name, where the name alone does not tell.
_ONE_BY_ONE = {
    " --workspace": "workspaces",
    "workspace select name": "workspaces",
    "workspace delete name": "workspaces",
    "output name": "outputs",
}


# Commands about what has runs, and only that.
_OF_RUNS = ("runs", "logs", "metrics", "stop", "why")
_TRAINER = re.compile(r"(?:^|\.)(?:trainer|tuning_job)\.[^.]+$")


@click.group(cls=Group)
def command() -> None:
    """Completion of commands, options, addresses, workspaces and variables, by the shell one types in."""


def _script(shell: str) -> None:
    from planform.render import completion

    screen: Screen = click.get_current_context().obj
    screen.out(getattr(completion, shell)(_commands()))


@command.command()
def bash() -> None:
    """For ~/.bashrc: source <(planform completion bash)"""
    _script("bash")


@command.command()
def zsh() -> None:
    """For ~/.zshrc, below compinit: source <(planform completion zsh)"""
    _script("zsh")


@command.command()
def fish() -> None:
    """For fish: planform completion fish > ~/.config/fish/completions/planform.fish"""
    _script("fish")


@command.command(hidden=True)
@click.argument("kind")
def words(kind: str) -> None:
    """What the project in this folder has of a kind, one a line. It asks nobody but the files here."""
    from planform.language.outline import outline

    screen: Screen = click.get_current_context().obj
    folder = Path.cwd()
    match kind:
        case "workspaces":
            found = _workspaces(folder)
        case "variables":
            found = [f"{name}=" for name in outline(folder).variables]
        case "outputs":
            found = list(outline(folder).outputs)
        case "addresses":
            found = _addresses(folder, screen.workspace)
        case "trainers":
            found = [address for address in _addresses(folder, screen.workspace) if _is_trainer(address)]
        case _:
            found = []
    screen.out("".join(f"{word}\n" for word in found if not re.search(r"[\x00-\x1f]", word)))


def _addresses(folder: Path, workspace: str) -> list[str]:
    from planform.language.outline import outline

    seen = outline(folder)
    return list(dict.fromkeys([*seen.addresses, *_recorded(folder, seen, workspace)]))


def _is_trainer(address: str) -> bool:
    """Whether it is of something that has runs; keys may hold anything."""
    return bool(_TRAINER.search(re.sub(r"\[[^\]]*\]", "", address)))


def _workspaces(folder: Path) -> list[str]:
    from planform.cli.workspaces import DEFAULT

    names = {DEFAULT, *(path.name.removesuffix(".pfvars.yaml") for path in folder.glob("workspaces/*.pfvars.yaml"))}
    remembered = folder / ".planform" / "workspaces"
    if remembered.exists():
        names.update(remembered.read_text().split())
    return sorted(names)


def _recorded(folder: Path, seen: Outline, workspace: str) -> Iterator[str]:
    """The addresses in a state that lies here; one that is encrypted tells nothing."""
    path = seen.state.replace("${planform.workspace}", workspace)
    try:
        document = json.loads((folder / path).read_text()) if path and "${" not in path else {}
        yield from (record["address"] for record in document.get("records", ()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return


def _commands() -> list[Command]:
    """All commands as scripts need them."""
    from planform.cli.main import COMMANDS, planform

    lines = {name: line for section in COMMANDS.values() for name, line in section.items()}
    found = _walk(planform, "", click.Context(planform, info_name="planform"))
    return [item._replace(help=lines.get(item.path, item.help)) for item in found]


def _walk(item: click.Command, path: str, context: click.Context) -> Iterator[Command]:
    from planform.render.completion import Command

    children: dict[str, click.Command] = {}
    if isinstance(item, click.Group):
        found = {name: item.get_command(context, name) for name in item.list_commands(context)}
        children = {name: child for name, child in found.items() if child is not None and not child.hidden}
    arguments = [parameter for parameter in item.params if isinstance(parameter, click.Argument)]
    options = tuple(_option(path, parameter) for parameter in item.params if _is_shown(parameter))
    takes = _takes(path, arguments[0]) if arguments else ""
    yield Command(path, item.get_short_help_str(90).rstrip("."), options, takes, tuple(children))
    for name, child in children.items():
        yield from _walk(child, f"{path} {name}".strip(), click.Context(child, parent=context, info_name=name))


def _is_shown(parameter: click.Parameter) -> bool:
    return isinstance(parameter, click.Option) and not parameter.hidden


def _option(path: str, parameter: Any) -> Option:
    from planform.render.completion import Option

    flag = parameter.is_flag or parameter.count
    names = (*parameter.opts, *parameter.secondary_opts)
    return Option(names, "" if flag else _takes(path, parameter), (parameter.help or "").rstrip("."))


def _takes(path: str, parameter: click.Parameter) -> str:
    if isinstance(parameter.type, click.Choice):
        return " ".join(map(str, parameter.type.choices))
    name = parameter.opts[-1]
    if f"{path} {name}" in _ONE_BY_ONE:
        return _ONE_BY_ONE[f"{path} {name}"]
    if isinstance(parameter.type, click.Path):
        return "file"
    if name == "--accept-limit":
        return " ".join(LIMITS)
    said = re.sub(r"[\[\]. |-]", "", parameter.metavar or str(parameter.name))
    if path == "docs" and name == "name":
        return " ".join(_pages())
    takes = _KINDS.get(said, "any")
    of_runs = path.partition(" ")[0] in _OF_RUNS or name in ("--retry", "--run")
    return "trainers" if takes == "addresses" and of_runs else takes


def _pages() -> Sequence[str]:
    from planform.render.type_docs import pages
    from planform.resources import schemas

    return [page.name for page in pages(schemas())]
