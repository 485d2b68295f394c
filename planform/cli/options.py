"""Options that many commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.project import Options

Command = Callable[..., int | None]
F = TypeVar("F", bound=Callable[..., Any])


class Seconds(click.ParamType[float]):
    """`20`, `20s`, `5m`, `1h`."""

    name = "duration"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        factor = {"s": 1, "m": 60, "h": 3600}.get(str(value)[-1:], 0)
        try:
            return float(value[:-1]) * factor if factor else float(value)
        except ValueError:
            self.fail(f'"{value}" is not a duration; write 20s, 5m or 1h.', parameter, context)


class OutFile(click.ParamType[Path]):
    """A file that will be written: its folder must be there."""

    name = "file"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Path:
        path = Path(value)
        if path.is_dir():
            self.fail(f"{value} cannot be written: it is a folder.")
        if not path.parent.is_dir():
            self.fail(f"{value} cannot be written: there is no folder {path.parent}.")
        return path


def project_options(command: Command) -> Command:
    """Variables of the project; the command receives `options`."""

    @click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable of the root module.")
    @click.option("--var-file", "var_files", multiple=True, metavar="FILE", help="Read variable values from a file.")
    @click.option("--lock-timeout", type=Seconds(), default=0.0, metavar="TIME", help="How long to wait for the state.")
    @functools.wraps(command)
    def wrapped(
        variables: tuple[str, ...],
        var_files: tuple[str, ...],
        lock_timeout: float,
        parallelism: int = 10,
        **rest: Any,
    ) -> int | None:
        from planform.project import Options

        workspace = click.get_current_context().obj.workspace
        options = Options(Path.cwd(), workspace, var_files, variables, parallelism, lock_timeout)
        return command(options=options, **rest)

    return wrapped


def parallelism_option(command: F) -> F:
    return click.option(
        "--parallelism", type=click.IntRange(min=1), default=10, metavar="N", help="How many calls at once (10)."
    )(command)


def planning_options(command: F) -> F:
    """What a plan is to look at; the command receives them as `planning`."""

    @click.option(
        "--target", "targets", multiple=True, metavar="ADDRESS", help="Only this and what it needs. Globs work."
    )
    @click.option("--exclude", "excludes", multiple=True, metavar="ADDRESS", help="All but this and what needs it.")
    @click.option("--target-file", metavar="FILE", help="Targets from a file, one a line; # begins a comment.")
    @click.option("--exclude-file", metavar="FILE", help="Exclusions from a file, one a line.")
    @click.option("--refresh-only", is_flag=True, help="Plan to record what is live; nothing else is touched.")
    @click.option("--replace", multiple=True, metavar="ADDRESS", help="Replace this even if nothing changed.")
    @click.option("--retry", multiple=True, metavar="ADDRESS", help="Run this trainer again, though it is held.")
    @click.option("--run", multiple=True, metavar="ADDRESS", help="Run this trainer now, whatever its definition says.")
    @click.option("--retry-failed", is_flag=True, help="Run every held trainer again.")
    @click.option(
        "--policy", multiple=True, metavar="PATH", help="Judge the plan by this Rego file, or those of a folder."
    )
    @click.option("--refresh/--no-refresh", default=True, help="Look at what is live before planning (yes).")
    @functools.wraps(command)
    def wrapped(
        targets: tuple[str, ...],
        excludes: tuple[str, ...],
        target_file: str | None,
        exclude_file: str | None,
        refresh_only: bool,
        replace: tuple[str, ...],
        retry: tuple[str, ...],
        run: tuple[str, ...],
        retry_failed: bool,
        refresh: bool,
        policy: tuple[str, ...],
        **rest: Any,
    ) -> Any:
        planning = {
            "targets": (*targets, *_patterns(target_file)),
            "excludes": (*excludes, *_patterns(exclude_file)),
            "refresh_only": refresh_only,
            "replace": replace,
            "retry": retry,
            "run": run,
            "retry_failed": retry_failed,
            "refresh": refresh,
            "policy": policy,
        }
        return command(planning=planning, **rest)

    return wrapped  # type: ignore[return-value]


def acceptance_option(command: F) -> F:
    return click.option(
        "--accept-limit", "accept", multiple=True, metavar="NAME", help="Accept that the plan is over this limit."
    )(command)


def _patterns(file: str | None) -> tuple[str, ...]:
    """The addresses in a file, one a line."""
    if file is None:
        return ()
    try:
        lines = Path(file).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PlanformError(f"The list of addresses {file} cannot be read: {error}.") from None
    return tuple(text for line in lines if (text := line.partition("#")[0].strip()))


def form_options(command: F) -> F:
    """How much of a plan to print; the command receives it as `form`."""

    @click.option("--full", "form", flag_value="full", help="Print each change as a tree of its attributes.")
    @click.option("--summary", "form", flag_value="summary", help="Print addresses and the summary only.")
    @functools.wraps(command)
    def wrapped(form: str | None, **rest: Any) -> Any:
        return command(form=form or "concise", **rest)

    return wrapped  # type: ignore[return-value]


class Every(NamedTuple):
    """Whether the command is for all root modules below this folder, and for which of them."""

    chosen: bool
    changed_since: str | None


def every_option(command: F) -> F:
    """--all and --changed-since; the command receives them as `every`."""

    @click.option(
        "--all", "chosen", is_flag=True, help="Every root module in this folder and below it, in one workspace."
    )
    @click.option(
        "--changed-since",
        metavar="REF",
        help="With --all: those that changed since the branch left REF, and what deleted ones left behind.",
    )
    @functools.wraps(command)
    def wrapped(chosen: bool, changed_since: str | None, **rest: Any) -> Any:
        if changed_since and not chosen:
            raise PlanformError("--changed-since chooses among all root modules.", suggestion="Add --all.")
        return command(every=Every(chosen, changed_since), **rest)

    return wrapped  # type: ignore[return-value]


class Layout(NamedTuple):
    """How a plan is printed. `max_chars` 0: all of it."""

    form: str = "concise"  # concise, full, summary
    format: str = "text"  # text, markdown, html, json
    max_chars: int = 0
    terraform_names: bool = False


def layout_options(command: F) -> F:
    """For whom a plan is printed, and how much of it; the command receives it as `layout`."""

    @form_options
    @click.option(
        "--format",
        type=click.Choice(["text", "markdown", "html", "json"]),
        default="text",
        help="For people, for a pull request, a page for browsers, or Terraform's plan JSON.",
    )
    @click.option(
        "--max-chars", type=click.IntRange(min=1000), metavar="N", help="Markdown in at most N characters (65,536)."
    )
    @click.option("--terraform-names", is_flag=True, help="In JSON: the types that Terraform's providers have for it.")
    @functools.wraps(command)
    def wrapped(form: str, format: str, max_chars: int | None, terraform_names: bool, **rest: Any) -> Any:
        if max_chars is not None and format != "markdown":
            raise PlanformError(
                "--max-chars cuts only markdown.", suggestion="Add --format markdown, or leave --max-chars out."
            )
        if form != "concise" and format != "text":
            raise PlanformError(f"--{form} is a form of text; --format {format} has one form only.")
        return command(layout=Layout(form, format, max_chars or 0, terraform_names), **rest)

    return wrapped  # type: ignore[return-value]


__all__ = [
    "Every",
    "Layout",
    "Options",
    "OutFile",
    "Seconds",
    "acceptance_option",
    "every_option",
    "form_options",
    "layout_options",
    "parallelism_option",
    "planning_options",
    "project_options",
]
