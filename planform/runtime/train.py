"""Run a training job in this process's place: `python -u train.py`.

Reads what stands under SAGEMAKER_BASE_DIR (or /opt/ml), tells the user's script through arguments and SM_* variables,
passes its output through, and exits as it exits. Why a job failed is left in output/failure.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
from types import FrameType
from typing import Any, Mapping, Sequence

# The files lie side by side, here and where they are copied to; this folder is first on sys.path.
from archive import unpacked  # type: ignore[import-not-found]
from arguments import OF_THE_SERVICE, arguments, decode  # type: ignore[import-not-found]
from distributed import JOIN_SECONDS, NoDriver, Start, join_address, plan  # type: ignore[import-not-found]
from environment import environment, read_json  # type: ignore[import-not-found]
from join import Lost, dismiss, gather, serve_ssh, wait_for_first  # type: ignore[import-not-found]
from secrets_by_reference import NoSecret, fetched  # type: ignore[import-not-found]

KEPT = 64 * 1024  # bytes of the end of the output, to find the traceback in
KEPT_LINES = 100
LED_TO = ("During handling of the above exception", "The above exception was the direct cause")


class JobError(Exception):
    """The job cannot be started as it is described."""


def main() -> int:
    base = os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml"
    try:
        return run(base, Stop())
    except Lost as error:
        print(f"planform: {error}", file=sys.stderr, flush=True)
        leave_failure(base, f"The hosts of the job did not stay together: {error}")
        return 1
    except (JobError, NoDriver, NoSecret, OSError, ValueError) as error:
        print(f"planform: {error}", file=sys.stderr, flush=True)
        leave_failure(base, f"The job could not be started: {error}")
        return 1


def run(base: str, stop: Stop) -> int:
    config, drivers = os.path.join(base, "input", "config"), os.path.join(base, "input", "data", "sm_drivers")
    # Where the request of a job is too small for them, the hyperparameters travel beside the runtime.
    given = read_json(os.path.join(drivers, "hyperparameters.json"), None)
    if given is None:
        given = read_json(os.path.join(config, "hyperparameters.json"), {})
    hyperparameters = {name: decode(text) for name, text in given.items() if name not in OF_THE_SERVICE}
    resources = read_json(os.path.join(config, "resourceconfig.json"), {})
    channels = read_json(os.path.join(config, "inputdataconfig.json"), {})
    source = read_json(os.path.join(drivers, "sourcecode.json"), {})
    driver = read_json(os.path.join(drivers, "distributed.json"), {})
    told = environment(base, resources, channels, hyperparameters, source, os.environ)
    variables = {**os.environ, **told, **fetched(read_json(os.path.join(drivers, "secrets.json"), {}))}
    code = os.path.join(base, "input", "data", "code")
    if source.get("archive"):
        code = unpacked(code, source["archive"])
        variables["SM_SOURCE_DIR"] = told["SM_SOURCE_DIR"] = code
    if os.path.isdir(code):
        os.chdir(code)
        for name in source.get("executable") or ():
            with contextlib.suppress(OSError):  # it is so already, where the folder is read-only
                os.chmod(name, os.stat(name).st_mode | 0o111)
    requirements = source.get("requirements")
    if requirements == "auto":
        requirements = "requirements.txt" if os.path.isfile("requirements.txt") else ""
    if requirements:
        command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-r", requirements]
        status = watch(command, variables, base, "pip install", stop)
        if status or stop.asked:
            return status or 128 + stop.asked
    line = command_line(source, hyperparameters)
    if not driver:
        return watch(line, variables, base, source.get("entry_script") or "command", stop)
    start = plan(driver, line, told, drivers, resources, os.environ)
    variables.update(start.variables)
    if not start.joins:
        return watch(start.command, variables, base, start.name, stop)
    return together(start, variables, told, base, stop)


def together(start: Start, variables: Mapping[str, str], told: Mapping[str, str], base: str, stop: Stop) -> int:
    """The first host starts when all others are there, and they stay until it has ended."""
    hosts, rank = json.loads(told["SM_HOSTS"]), int(told["SM_CURRENT_HOST_RANK"])
    addresses = [join_address(hosts, index, os.environ) for index in range(len(hosts))]
    seconds = float(os.environ.get("PLANFORM_JOIN_SECONDS") or JOIN_SECONDS)
    if not os.environ.get("PLANFORM_JOIN_PORTS"):
        serve_ssh({**told, **start.variables})
    if rank > 0:
        return int(wait_for_first(addresses[rank], seconds, lambda: stop.asked))
    connections = gather(hosts[1:], addresses[1:], seconds, lambda: stop.asked)
    if stop.asked:
        dismiss(connections, 128 + stop.asked)
        return 128 + stop.asked
    status = watch(start.command, variables, base, start.name, stop)
    dismiss(connections, status)
    return status


def command_line(source: Mapping[str, Any], hyperparameters: Mapping[str, Any]) -> list[str]:
    """What to start: a script with the hyperparameters as arguments, or a shell command without them."""
    script, command, more = source.get("entry_script"), source.get("command"), list(source.get("args") or [])
    if command:
        return ["/bin/sh", "-c", " ".join([command, *map(shlex.quote, more)])]
    if not script:
        raise JobError("neither entry_script nor command says what to run")
    if not os.path.isfile(script):
        raise JobError(f"{script} is not in {os.getcwd()}")
    interpreter = [sys.executable, "-u"] if script.endswith(".py") else shell_of(script)
    return [*interpreter, script, *arguments(dict(hyperparameters)), *more]


def shell_of(script: str) -> list[str]:
    """What the first line of a shell script asks for, else /bin/sh. The file need not be executable."""
    with open(script, "rb") as file:
        first = file.readline().decode(errors="replace").strip()
    return first[2:].split(None, 1) if first.startswith("#!") and first[2:].strip() else ["/bin/sh"]


def watch(command: Sequence[str], variables: Mapping[str, str], base: str, name: str, stop: Stop) -> int:
    """Run a command, pass its output through as it comes; its exit code."""
    child = subprocess.Popen(command, env=dict(variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    stop.reach(child)
    assert child.stdout is not None
    with child.stdout:
        tail = pass_through(child, child.stdout.fileno())
    status = child.wait()
    if status and not stop.asked:
        leave_failure(base, explanation(name, status, tail.decode(errors="replace")))
    return status if status >= 0 else 128 - status


class Stop:
    """Passes SIGTERM and SIGINT on to whatever runs now, and remembers that they came."""

    def __init__(self) -> None:
        self.asked = 0
        self.child: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask)

    def ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = number
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(number)

    def reach(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        if self.asked:
            child.send_signal(self.asked)


def pass_through(child: subprocess.Popen[bytes], source: int) -> bytes:
    """Copy output to our own, unbuffered, until it ends; the last of it is returned.

    A process that the script left behind may hold the pipe open: when the script is gone and nothing comes, it is over.
    """
    tail = b""
    while True:
        ready, _, _ = select.select([source], [], [], 0.5)
        if ready:
            chunk = os.read(source, 65536)
            if not chunk:
                return tail
            write_all(1, chunk)
            tail = (tail + chunk)[-KEPT:]
        elif child.poll() is not None:
            return tail


def write_all(target: int, chunk: bytes) -> None:
    while chunk:
        chunk = chunk[os.write(target, chunk) :]


def explanation(name: str, status: int, output: str) -> str:
    """Why a run failed: one line that says it, then the script's own traceback or the end of its output."""
    lines = output.rstrip().splitlines()[-KEPT_LINES:]
    start = traceback_start(lines)
    lines = lines[start:]
    said = lines[-1] if lines else ""
    if start is not None:
        # The message of an error may go on for lines; the first of them, which names the error, is not indented.
        said = next((line for line in reversed(lines) if re.match(r"[A-Za-z_][\w.]*(:|$)", line)), said)
    return "\n".join([f"{name} {ending(status)}{': ' if said else ''}{said}", "", *lines])


def traceback_start(lines: Sequence[str]) -> int | None:
    """Where the last traceback begins, with those that led to it."""
    start = None
    for index in reversed([index for index, line in enumerate(lines) if line.startswith("Traceback (most recent")]):
        led = start is not None and any(line.startswith(LED_TO) for line in lines[index:start])
        if start is None or led:
            start = index
        else:
            break
    return start


def ending(status: int) -> str:
    if status >= 0:
        return f"exited with code {status}"
    hint = ", as happens when memory runs out" if -status == signal.SIGKILL else ""
    return f"was killed by {signal.Signals(-status).name}{hint}"


def leave_failure(base: str, text: str) -> None:
    """Say why in output/failure, unless the script has said it itself."""
    path = os.path.join(base, "output", "failure")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not (os.path.exists(path) and os.path.getsize(path)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text + "\n")
    except OSError as error:
        print(f"planform: {path}: {error.strerror}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
