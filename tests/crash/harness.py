"""Kill an apply, then look: is the state readable, is every object there once, does the next apply finish the work?

A trial applies the next version of one project, in which something is created, updated, replaced, deleted and launched.
The victim is a process of its own group, killed with `kill -9` of that group: after a random time, or at a boundary,
which is a call that writes something: to the disk for the local backend, to the server for the one in S3.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401
import os
import pkgutil
import random
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3  # noqa: F401
import yaml  # noqa: F401

import planform
from planform.backends import backend_for
from planform.cli.main import main
from planform.core.errors import StateDamaged
from tests.fakes.s3 import S3

# A fork need not import again what its parent has.
for module in pkgutil.walk_packages(planform.__path__, "planform."):
    if not module.name.startswith(("planform.runtime", "planform.__main__")):
        import_module(module.name)

WRITES = ("write", "fsync", "fdatasync", "replace", "link", "unlink", "ftruncate", "mkdir")
KILLED = -signal.SIGKILL
APPLY = ("apply", "-y")

PROJECT = """
planform: {{name: crash, default_provider: local, backend: {backend}}}
resource:
  planform_data:
    kept: {{input: same}}
    updated: {{input: {version}}}
    replaced: {{input: fixed, triggers_replace: {version}}}
    made{version}: {{input: 1}}
  service_environment:
    kept: {{capacity_limits: [{{max_capacity: {capacity}}}]}}
    made{version}: {{capacity_limits: [{{max_capacity: 1}}]}}
  job_queue:
    updated: {{priority: {version}, service_environment_order: ["${{service_environment.kept.arn}}"]}}
    replaced:
      name: queue-{version}
      service_environment_order: ["${{service_environment.made{version}.arn}}"]
      lifecycle: {{create_before_destroy: true}}
  trainer:
    launched:
      training_image: image
      queue: "${{job_queue.updated.arn}}"
      source_code: {{command: "echo $SM_HP_VERSION >> {effects}"}}
      hyperparameters: {{version: {version}}}
"""


@dataclass
class Tally:
    """What a number of trials came to. `finished`: the apply was done before it was killed."""

    trials: int = 0
    finished: int = 0
    unreadable: int = 0
    lost: int = 0  # objects that exist and are not recorded, or are recorded and do not exist
    duplicated: int = 0  # runs launched twice
    stuck: int = 0  # the next apply did not finish the work
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.unreadable or self.lost or self.duplicated or self.stuck)


@dataclass
class Crashes:
    """One project, killed again and again."""

    folder: Path
    s3: S3 | None = None
    version: int = 0
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.settings: tuple[str, Mapping[str, Any]] = ("local", {"path": "state/main.json"})
        if self.s3 is not None:
            self.settings = ("s3", self.s3.settings("crash/main.json"))
        self.next_version()
        code, said = self.planform(APPLY)
        assert code == 0, said

    @property
    def effects(self) -> Path:
        return self.folder / "effects"

    def next_version(self) -> None:
        self.version += 1
        kind, settings = self.settings
        backend = f"{{{kind}: {{{', '.join(f'{name}: {value!r}' for name, value in settings.items())}}}}}"
        self.folder.joinpath("main.pf.yaml").write_text(
            PROJECT.format(backend=backend, version=self.version, capacity=1 + self.version % 3, effects=self.effects)
        )

    def kill_after(self, seconds: float) -> None:
        """One trial: the apply of the next version is killed after so long."""
        self.next_version()
        victim = self.start([APPLY])
        ended = wait(victim, seconds)
        self.examine(ended)

    def kill_at(self, boundary: int) -> bool:
        """One trial: the apply is killed at its n-th write. False: it has fewer."""
        self.next_version()
        if self.s3 is not None:
            # Half of them before the server stores anything, half after: between the two nothing else is written, but
            # after an answer the victim goes on to touch the world.
            self.s3.faults({"method": "PUT|POST|DELETE", "key": ".*", "do": "kill", "skip": boundary})
            victim = self.start([APPLY], prepare=self.s3.tell_victim)
        else:
            victim = self.start([APPLY], prepare=lambda: die_at(boundary))
        ended = wait(victim, None)
        if self.s3 is not None:
            self.s3.faults()
        self.examine(ended)
        return ended == KILLED

    def examine(self, ended: int) -> None:
        """What the killed apply left, and whether the next ones put it right."""
        tally = self.tally
        tally.trials += 1
        tally.finished += ended == 0
        if ended not in (0, KILLED):
            tally.notes.append(f"version {self.version}: the victim ended with {ended}")
        backend = backend_for(*self.settings, self.folder, "default")
        try:
            backend.read()
        except StateDamaged as error:
            tally.unreadable += 1
            tally.notes.append(f"version {self.version}: {error}")
            return
        holder = backend.holder()
        if holder is not None and self.s3 is not None:
            backend.force_unlock(holder.id)
        code, said = self.planform(APPLY, ("runs", "wait"), ("plan", "--detailed-exitcode"))
        if code != 0:
            tally.stuck += 1
            tally.notes.append(f"version {self.version}: {said}\nended with {code}")
        recorded = {
            str(record.object["name"])
            for record in backend.read().state.records.values()
            if record.address.type in ("service_environment", "job_queue")
        }
        there = {
            path.stem for kind in ("queues", "environments") for path in self.folder.glob(f".planform/{kind}/*.json")
        }
        if recorded != there:
            tally.lost += len(recorded ^ there)
            tally.notes.append(f"version {self.version}: recorded {recorded - there}, there {there - recorded}")
        launches = self.effects.read_text().split()
        if launches.count(str(self.version)) != 1:
            tally.duplicated += launches.count(str(self.version)) > 1
            tally.lost += str(self.version) not in launches
            tally.notes.append(f"version {self.version}: launched {launches.count(str(self.version))} times")

    def start(self, commands: Sequence[Sequence[str]], prepare: Callable[[], object] = lambda: None) -> int:
        """A forked planform in a process group of its own; its process number. It carries out one command after the
        other, up to the first that fails. What it prints goes to `said`."""
        child = os.fork()
        if child:
            return child
        status = 1
        try:
            os.setsid()
            os.chdir(self.folder)
            said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for number, file in ((0, nothing), (1, said), (2, said)):
                os.dup2(file, number)
            import sys

            sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
            prepare()
            for words in commands:
                print("$ planform", *words)
                try:
                    main(["--no-color", *words])
                except SystemExit as stopped:
                    status = int(stopped.code or 0)
                sys.stdout.flush()
                if status:
                    break
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(status)

    def planform(self, *commands: Sequence[str]) -> tuple[int, str]:
        """Exit code and all that was printed, of a planform that nobody kills."""
        code = wait(self.start(commands), None)
        return code, (self.folder / "said").read_text()


def wait(child: int, seconds: float | None) -> int:
    """How a child ended; after `seconds` its group is killed."""
    if seconds is not None:
        from threading import Event
        from time import monotonic

        end = monotonic() + seconds
        while monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            Event().wait(0.002)
        # On a busy machine it may not have made its group yet, or be gone by now.
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(boundary: int) -> None:
    """Make this process kill its group just before its n-th call that writes: just after the one before, that is."""
    calls = 0

    def dying(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            if original is write and arguments[0] in (1, 2):
                return original(*arguments)  # what is printed is no boundary
            calls += 1
            if calls == boundary + 1:
                os.killpg(0, signal.SIGKILL)
            return original(*arguments, **options)

        return call

    write = os.write
    for name in WRITES:
        setattr(os, name, dying(getattr(os, name)))


def random_kills(crashes: Crashes, trials: int, longest: float, seed: int = 1) -> Tally:
    """Kill at moments spread over the length of an apply."""
    moments = random.Random(seed)
    for _ in range(trials):
        crashes.kill_after(moments.uniform(0.0, longest))
    return crashes.tally
