"""The page of all commands, made of what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterator

import click


def commands_markdown(root: click.Group) -> str:
    """Every command with its arguments and options, as Markdown."""
    parts = [
        "# Commands\n",
        "Made by `planform docs --out`. Long options may also be written with one dash, as in Terraform.\n",
        _options(root, click.Context(root, info_name="planform", **root.context_settings)),
    ]
    parts += [_section(command, context) for command, context in _commands(root)]
    return "\n".join(parts)


def _commands(root: click.Group) -> Iterator[tuple[click.Command, click.Context]]:
    """The commands that do something, in the order of the help; each under its group."""
    outer = click.Context(root, info_name="planform", **root.context_settings)

    def below(group: click.Group, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is None or command.hidden:
                continue
            inner = click.Context(command, parent=context, info_name=name)
            yield command, inner
            if isinstance(command, click.Group):
                yield from below(command, inner)

    yield from below(root, outer)


def _section(command: click.Command, context: click.Context) -> str:
    path = context.command_path
    usage = " ".join(command.collect_usage_pieces(context))
    paragraphs = [" ".join(text.split()) for text in (command.help or "").split("\n\n")]
    lines = [f"## {path}\n", f"```\n{path} {usage}\n```\n", *(f"{text}\n" for text in paragraphs if text)]
    return "\n".join([*lines, _options(command, context)]).rstrip("\n") + "\n"


def _options(command: click.Command, context: click.Context) -> str:
    records = [
        record
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context)) is not None and "--help" not in record[0] and record[1]
    ]
    if not records:
        return ""
    rows = [f"| `{names}` | {_cell(said)} |" for names, said in records]
    return "\n".join(["| option | |", "|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
