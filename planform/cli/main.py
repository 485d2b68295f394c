"""The `planform` command: finds the subcommand, and turns whatever goes wrong into a sentence and an exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from planform.cli.arguments import normalised
from planform.cli.group import LazyGroup
from planform.cli.screen import INTERRUPTED, Screen
from planform.core.errors import Diagnostic, PlanformError, nearest

COMMANDS = {
    "Main commands": {
        "init": "Start a project: write a first main.pf.yaml, or copy an example",
        "validate": "Check the files",
        "fmt": "Bring the files into their one layout",
        "plan": "Show what apply would do",
        "apply": "Make what the files say true: create, change, train",
        "destroy": "Take away everything that is recorded",
    },
    "Training runs": {
        "runs": "List runs, or wait for them",
        "metrics": "What runs measured, and how they compare",
        "logs": "What a run printed",
        "why": "What a trainer's definition is made of, and what moved since its last run",
        "stop": "Stop a run",
    },
    "State": {
        "show": "Show a saved plan or the state",
        "output": "Print outputs",
        "import": "Record an object that exists already",
        "refresh": "Record what is live now",
        "state": "What is recorded: list, show, move, forget, take out and put in",
        "locks": "Who holds the state of each workspace",
        "force-unlock": "Take the lock of the state from a holder that is dead",
    },
    "Other": {
        "workspace": "List, choose, make and delete workspaces",
        "console": "Evaluate expressions",
        "graph": "Draw what depends on what",
        "migrate": "Write a module from code of the SageMaker SDK, or from live objects of AWS",
        "docs": "What each resource type takes, exports and does",
        "permissions": "The IAM policies that planning, applying and the jobs need",
        "ci": "Review plans in pull requests: write the workflows for it",
        "prices": "What instances cost: refresh the file of prices",
        "images": "Images of AWS by framework and version",
        "jumpstart": "Models of SageMaker JumpStart: list, search, show, pin",
        "completion": "Completion for bash, zsh and fish",
        "schema": "The JSON Schema of the files, for editors",
        "version": "Print the version",
    },
}


@click.group(
    cls=LazyGroup,
    package="planform.cli",
    sections=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--chdir", metavar="DIR", default=".", help="Work in another folder.")
@click.option(
    "-w",
    "--workspace",
    metavar="NAME",
    envvar="PLANFORM_WORKSPACE",
    help="Use another workspace: its own variable values, state and runs. The selected one, when absent.",
)
@click.option("--no-color", is_flag=True, help="Print without colour (as NO_COLOR does).")
@click.pass_context
def planform(context: click.Context, chdir: str, workspace: str | None, no_color: bool) -> None:
    """Plan, review and run machine-learning training the way Terraform plans infrastructure."""
    try:
        os.chdir(chdir)
    except OSError as error:
        raise PlanformError(f"There is no folder {chdir} to work in: {error.strerror}.") from None
    from planform.cli.workspaces import check_name, selected

    name = check_name(workspace) if workspace is not None else selected(Path.cwd())
    context.obj = Screen.of_terminal(name, colour=False if no_color else None)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit: 0 done, 1 failed, 2 there are changes (with --detailed-exitcode), 130 interrupted."""
    gc.set_threshold(50_000)  # a command ends soon; looking for garbage at every 700 values costs it a tenth
    words = normalised(sys.argv[1:] if arguments is None else arguments)
    screen = Screen.of_terminal("default", colour=False if "--no-color" in words else None)
    silent = signal.getsignal(signal.SIGINT) is signal.SIG_DFL  # Ctrl-C ends planform without a word, but in a command
    code = _run(words, screen, silent)
    if silent:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    if code == INTERRUPTED and threading.active_count() > 1:
        os._exit(code)  # calls that do not come back would keep Python from ending
    sys.exit(code)


def _run(words: Sequence[str], screen: Screen, silent: bool) -> int:
    try:
        if silent:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        result = planform.main(args=list(words), prog_name="planform", standalone_mode=False)
    except PlanformError as error:
        screen.problems(error.diagnostics())
    except click.exceptions.NoArgsIsHelpError as error:
        screen.err(error.format_message() + "\n")
    except click.UsageError as error:
        screen.problems([_usage(error)])
    except click.ClickException as error:
        screen.problems([Diagnostic(error.format_message())])
    except (KeyboardInterrupt, click.Abort):
        screen.err("\nInterrupted.\n")
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return 141
    except OSError as error:
        screen.problems([_system(error)])
    except Exception as error:
        screen.problems([_bug(error, words)])
    else:
        return result if isinstance(result, int) else 0
    return 1


def _usage(error: click.UsageError) -> Diagnostic:
    path = error.ctx.command_path if error.ctx else "planform"
    suggestion = f"See: {path} --help"
    if isinstance(error, click.NoSuchOption):
        summary = f'{path} has no option "{error.option_name}".'
        known = [name for parameter in error.ctx.command.params for name in parameter.opts] if error.ctx else []
        close = nearest(error.option_name, known)
        if close:
            suggestion = f'Did you mean "{close}"? {suggestion}'
        return Diagnostic(summary, suggestion=suggestion)
    return Diagnostic(error.format_message(), suggestion=suggestion)


def _system(error: OSError) -> Diagnostic:
    import errno

    where = f": {error.filename}" if error.filename else ""
    advice = {
        errno.ENOSPC: "The disk is full. Free some space and try again.",
        errno.EACCES: f"See who may: ls -ld {error.filename}" if error.filename else "",
        errno.EROFS: "The file system is read-only.",
    }
    return Diagnostic(f"{error.strerror or error}{where}.", suggestion=advice.get(error.errno or 0, ""))


def _bug(error: Exception, words: Sequence[str]) -> Diagnostic:
    """The traceback goes to a file; the screen gets a sentence."""
    import tempfile
    import traceback

    from planform import __version__

    told = f"{type(error).__name__}: {error}"
    try:
        with tempfile.NamedTemporaryFile("w", prefix="planform-crash-", suffix=".txt", delete=False) as file:
            file.write(f"planform {__version__}, Python {sys.version}\ncommand: {words[0] if words else ''}\n\n")
            file.write("".join(traceback.format_exception(error)))
        detail = f"The details are in {file.name}."
    except OSError:
        detail = "The details could not be written down."
    return Diagnostic(
        f"planform failed on its own: {told[:300]} (a bug).",
        detail,
        suggestion="Please report it with that file. What is recorded is safe: planform plan shows what is left.",
    )


def _forget_stdout() -> None:
    """Python flushes stdout once more as it exits; nobody reads it any longer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
