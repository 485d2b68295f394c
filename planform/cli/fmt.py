"""`planform fmt`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from planform.cli.screen import Screen
from planform.core.configuration import SourceFile
from planform.core.errors import Diagnosed, Diagnostic, PlanformError, Span

MODULE, VARIABLES = ".pf.yaml", ".pfvars.yaml"
UNFORMATTED = 3  # Terraform's exit code of --check


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]... | -")
@click.option("--check", is_flag=True, help="Change nothing; exit code 3 if a file would change.")
@click.option("--diff", is_flag=True, help="Show what changes.")
@click.option("--recursive", is_flag=True, help="Also the folders inside.")
def command(paths: tuple[str, ...], check: bool, diff: bool, recursive: bool) -> int:
    """Bring *.pf.yaml and *.pfvars.yaml into their one layout: order, indentation, quotes. Names what changed.

    PATH is a file or a folder, this one when there is none. With - the text comes from stdin and goes to stdout.
    """
    screen: Screen = click.get_current_context().obj
    if "-" in paths:
        return _from_stdin(screen, paths, check)
    problems: list[Diagnostic] = []
    changed = 0
    for path in dict.fromkeys(_files(paths or (".",), recursive)):
        try:
            old = _read(path)
            new = _formatted(str(path), old)
            if new.encode() == path.read_bytes():
                continue
            if not check:
                _write(path, new)
        except PlanformError as error:
            problems += error.diagnostics()
            continue
        except OSError as error:
            problems.append(Diagnostic("The file cannot be written", f"{path}: {error.strerror}."))
            continue
        changed += 1
        screen.out(f"{path}\n")
        if diff:
            screen.out(_difference(str(path), old, new))
    if problems:
        screen.problems(problems)
        return 1
    return UNFORMATTED if check and changed else 0


def _from_stdin(screen: Screen, paths: Sequence[str], check: bool) -> int:
    if len(paths) > 1:
        raise PlanformError("- stands alone: stdin is the only file then.")
    try:
        old = sys.stdin.read()
    except UnicodeDecodeError:
        raise PlanformError("What comes from stdin is not UTF-8 text.") from None
    new = _formatted("<stdin>", old)
    if check:
        return UNFORMATTED if old != new else 0
    screen.out(new)
    return 0


def _files(paths: Sequence[str], recursive: bool) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from _in_folder(path, recursive)
        elif not path.exists():
            raise PlanformError(f"There is no file or folder {path}.")
        elif not path.name.endswith((MODULE, VARIABLES)):
            raise PlanformError(f"{path} is no file of a project: only *{MODULE} and *{VARIABLES} have a layout.")
        else:
            yield path


def _in_folder(folder: Path, recursive: bool) -> Iterator[Path]:
    """The project's files in a folder; `workspaces` belongs to it, hidden folders do not."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.endswith((MODULE, VARIABLES)):
            yield path
        elif path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            if recursive:
                yield from _in_folder(path, recursive)
            elif path.name == "workspaces":
                yield from sorted(path.glob(f"*{VARIABLES}"))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        detail = f"Byte {error.start} is not UTF-8."
        span = Span(str(path), line)
        raise Diagnosed([Diagnostic("The file is not UTF-8 text", detail, span, "", "Save it as UTF-8.")]) from None
    except OSError as error:
        raise PlanformError(f"{path} cannot be read: {error.strerror}.") from None


def _formatted(name: str, text: str) -> str:
    from planform.language.formatting import format_text

    return format_text(SourceFile(name, text), is_module=not name.endswith(VARIABLES))


def _write(path: Path, text: str) -> None:
    """All of it or nothing; a link keeps pointing where it does."""
    import shutil

    path = path.resolve()
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(text.encode())
        shutil.copymode(path, partial)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _difference(name: str, old: str, new: str) -> str:
    from difflib import unified_diff

    lines = unified_diff(old.splitlines(True), new.splitlines(True), f"old/{name}", f"new/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
