"""Groups whose commands are imported when they are called, so that `--help` and `version` stay quick."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from planform.core.errors import did_you_mean


class Group(click.Group):
    """Says which command was most likely meant."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(context)
        if args and args[0] not in known and not args[0].startswith("-"):
            raise click.UsageError(
                f'{context.command_path} has no command "{args[0]}". {did_you_mean(args[0], known)}', context
            )
        return super().resolve_command(context, args)


class LazyGroup(Group):
    """Each command NAME is `command` in the module NAME of a package. `sections` holds the help lines."""

    def __init__(self, *args: Any, package: str, sections: Mapping[str, Mapping[str, str]], **extra: Any) -> None:
        super().__init__(*args, **extra)
        self._package, self._sections = package, sections

    def list_commands(self, context: click.Context) -> list[str]:
        return [name for section in self._sections.values() for name in section]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(context):
            return None
        command: click.Command = import_module(f"{self._package}.{name.replace('-', '_')}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in self.list_commands(context))
        for title, section in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), line) for name, line in section.items()])


class DefaultGroup(Group):
    """A group that is also a command: words that name no subcommand belong to `default`."""

    default = "list"

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h")):
            args = [self.default, *args]
        return super().parse_args(context, args)


__all__ = ["DefaultGroup", "Group", "LazyGroup"]
