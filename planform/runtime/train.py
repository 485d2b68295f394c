"""Run a training job in this process's place: `python -u train.py`.

Reads what stands under SAGEMAKER_BASE_DIR (or /opt/ml), tells the user's script through arguments and SM_* variables,
passes its output through, and exits as it exits. Why a job failed is left in output/failure.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, Iterator, Mapping, Sequence

# The files lie side by side, here and where they are copied to; this folder is first on sys.path.
from agent import lending  # type: ignore[import-not-found]
from archive import unpacked  # type: ignore[import-not-found]
from arguments import OF_THE_SERVICE, arguments, decode  # type: ignore[import-not-found]
from child import Place, Reach, Stop, to_all, to_itself, watch  # type: ignore[import-not-found]
from codeartifact import index  # type: ignore[import-not-found]
from distributed import JOIN_PORT, JOIN_SECONDS, NoDriver, Start, plan  # type: ignore[import-not-found]
from environment import environment, read_json  # type: ignore[import-not-found]
from failure import leave_failure, read_failure  # type: ignore[import-not-found]
from join import Lost, come, first_address, gather, left, listen, order, tell  # type: ignore[import-not-found]
from secrets_by_reference import NoSecret, fetched  # type: ignore[import-not-found]


class JobError(Exception):
    """The job cannot be started as it is described."""


def main() -> int:
    base = os.environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml"
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)  # a signal to our group is for what this job runs, not for who started it
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
    secrets = fetched(read_json(os.path.join(drivers, "secrets.json"), {}))
    code = os.path.join(base, "input", "data", "code")
    if source.get("archive"):
        code = unpacked(code, source["archive"])
        told["SM_SOURCE_DIR"] = code
    variables, place = {**os.environ, **told, **secrets}, Place(base, stop, list(secrets.values()))
    enter(code, source.get("executable") or ())
    requirements = source.get("requirements")
    if requirements == "auto":
        requirements = "requirements.txt" if os.path.isfile("requirements.txt") else ""
    if requirements:
        status = install(requirements, variables, place)
        if status or stop.asked():
            return int(status or 128 + stop.asked())
    line = command_line(source, hyperparameters)
    if not driver:
        name = source.get("entry_script") or "command"
        return int(watch(line, variables, place, name, to_itself if line[0] == sys.executable else to_all))
    start = plan(driver, line, told, drivers, os.environ)
    variables.update(start.variables)
    if start.joins:
        return together(start, variables, told, place)
    return int(watch(start.command, variables, place, start.name))


def enter(code: str, executable: Sequence[str]) -> None:
    """Go to the folder of the code, if there is one."""
    if os.path.isdir(code):
        os.chdir(code)
        for name in executable:
            with contextlib.suppress(OSError):  # it is so already, where the folder is read-only
                os.chmod(name, os.stat(name).st_mode | 0o111)


def install(requirements: str, variables: Mapping[str, str], place: Place) -> int:
    """Install what the code needs: one job at a time, where jobs share an environment (PLANFORM_INSTALL_LOCK)."""
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-r", requirements]
    repository = variables.get("CA_REPOSITORY_ARN")
    if repository:
        address, token = index(repository)
        variables, place = {**variables, "PIP_INDEX_URL": address}, place._replace(secrets=[*place.secrets, token])
    with locked(os.environ.get("PLANFORM_INSTALL_LOCK"), place.stop):
        return 0 if place.stop.asked() else int(watch(command, variables, place, "pip install"))


@contextlib.contextmanager
def locked(path: str | None, stop: Stop) -> Iterator[None]:
    """Hold the lock of a file; without it only when the job is asked to end meanwhile."""
    with open(path or os.devnull, "a") as file:
        while path and not stop.asked():
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.1)
        yield


def together(start: Start, variables: Mapping[str, str], told: Mapping[str, str], place: Place) -> int:
    """All hosts start when all are there. Where the first starts everything (mpirun), the others stay and do as it says
    until it has ended."""
    hosts, rank = json.loads(told["SM_HOSTS"]), int(told["SM_CURRENT_HOST_RANK"])
    seconds, asked = float(os.environ.get("PLANFORM_JOIN_SECONDS") or JOIN_SECONDS), place.stop.asked
    address = first_address(hosts, os.environ, JOIN_PORT)
    if rank > 0:
        first = come(hosts[rank], address, seconds, asked)
        if first is None:
            return 128 + int(asked())
        with first:
            return follow(first, start, variables, place)
    others = {}
    if len(hosts) > 1:
        with listen(address, os.environ.get("PLANFORM_JOIN_DESCRIPTOR")) as server:
            others = gather(server, hosts[1:], seconds, asked)
    if not start.leads and not asked():
        tell(others.values(), "start")
        return int(watch(start.command, variables, place, start.name))
    status = 128 + int(asked()) if asked() else lead(start, variables, others, place)
    # Whoever is seen to fail first, it is for the same reason.
    tell(others.values(), f"end {json.dumps([status, read_failure(place.base) if status else ''])}")
    return status


def lead(start: Start, variables: Mapping[str, str], others: Mapping[str, socket.socket], place: Place) -> int:
    """Run mpirun, which has its daemons started on the other hosts by way of the connections to them."""
    with ranks(variables) as (mine, to_ranks), lending(others) as agent:
        return int(watch(start.command, {**mine, **agent}, place, start.name, to_ranks))


def follow(first: socket.socket, start: Start, variables: Mapping[str, str], place: Place) -> int:
    """Do what the first host says: start, run a command for it, or end."""
    with ranks(variables) as (mine, to_ranks):
        word, rest = order(first, place.stop.asked)
        while word == "run":
            tell([first], str(carry_out(json.loads(rest), first, mine, place.stop, to_ranks)))
            word, rest = order(first, lambda: 0)  # asked to end, we hear from the first host how that went
    if word == "start":
        return int(watch(start.command, variables, place, start.name))
    status, why = json.loads(rest) if word == "end" else (128 + int(place.stop.asked()), "")
    if why:
        leave_failure(place.base, why)
    return int(status)


def carry_out(command: str, first: socket.socket, variables: Mapping[str, str], stop: Stop, to_ranks: Reach) -> int:
    """Run a command for the first host, as long as that is there."""
    child = subprocess.Popen(["/bin/sh", "-c", command], env=dict(variables), stdin=subprocess.DEVNULL)
    stop.reach(child, to_ranks)
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = child.wait(0.2)
            return status if status >= 0 else 128 - status
        if left(first):
            child.kill()
            raise Lost("algo-1 went away without a word")


@contextlib.contextmanager
def ranks(variables: Mapping[str, str]) -> Iterator[tuple[dict[str, str], Reach]]:
    """Where the ranks of this host write down that they are there, and how a signal gets to them: mpirun and its
    daemon, asked to end, give them no time to save their work."""
    with tempfile.TemporaryDirectory(prefix="planform-") as folder:
        register, temporary = os.path.join(folder, "ranks"), os.path.join(folder, "tmp")
        os.mkdir(register)
        os.mkdir(temporary)

        def to_ranks(child: subprocess.Popen[bytes], number: int) -> None:
            there = [int(name) for name in os.listdir(register)]
            for rank in there:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(rank, number)
            if not there:
                to_itself(child, number)

        # Hosts that are one machine would make the folder of Open MPI's session at once, which it takes for an error.
        own = {"TMPDIR": temporary} if os.environ.get("PLANFORM_JOIN_PORT") else {}
        yield {**variables, "PLANFORM_RANKS": register, "PLANFORM_CODE": os.getcwd(), **own}, to_ranks


def command_line(source: Mapping[str, Any], hyperparameters: Mapping[str, Any]) -> list[str]:
    """What to start: a script with the hyperparameters as arguments, or a shell command without them."""
    script, command, more = source.get("entry_script"), source.get("command"), list(source.get("args") or [])
    if command:
        # As SageMaker has it: by bash, and over with the first command that fails.
        return [shutil.which("bash") or "/bin/sh", "-e", "-c", " ".join([command, *map(shlex.quote, more)])]
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


if __name__ == "__main__":
    sys.exit(main())
