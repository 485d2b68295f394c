"""The executor `process`: each node of a run is a plain process of this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from planform.core.errors import ProviderError
from planform.core.executor import JobSpec, SourceCode, Tell, silent
from planform.core.schemas import Misfit
from planform.core.values import Object
from planform.providers.local import runs as local_runs
from planform.providers.local.executor import LayOut, LocalExecutor, data_elsewhere, node_environment, plain
from planform.providers.local.files import HOME
from planform.resources import treatment

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"  # by which the hosts of a job find each other


@dataclass(frozen=True, slots=True)
class ProcessExecutor(LocalExecutor):
    """Runs of this machine as processes of one Python."""

    python: str = ""  # as configured; empty: the one running planform
    venv: bool = False  # requirements go into a virtual environment of their own

    @property
    def name(self) -> str:
        return "process"

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        from planform.resources.trainer import SCHEMA

        misfits, notes = treatment(SCHEMA, self.name, desired)
        code = plain(desired.get("source_code"))
        if code is None:
            misfits.append(
                Misfit(
                    (),
                    "A process needs source_code: there is no image to run.",
                    suggestion="Add source_code, or use executor: docker.",
                )
            )
        elif isinstance(code, dict) and plain(code.get("requirements")) and not (self.python or self.venv):
            misfits.append(
                Misfit(
                    ("source_code", "requirements"),
                    "requirements would be installed into planform's own Python.",
                    suggestion="Set provider.local.process: {venv: auto}, or name another Python: {python: PATH}.",
                )
            )
        elsewhere, unused = data_elsewhere(desired, self.name)
        return misfits + elsewhere, notes + unused

    def ready(self, spec: JobSpec, tell: Tell = silent) -> tuple[LayOut, Sequence[str]]:
        environment, secrets = node_environment(spec)
        here = self.fetched(spec, tell)
        python, lock = self._interpreter(here(spec), tell)
        if lock:
            environment["PLANFORM_INSTALL_LOCK"] = lock
        return lambda folder, job: self._lay_out(folder, here(job), environment, python), secrets

    def _lay_out(
        self, folder: Path, spec: JobSpec, environment: Mapping[str, str], python: str
    ) -> list[local_runs.NodeCommand]:
        from planform.training.layout import lay_out

        # `python` and `pip` of a command are those of the interpreter that runs the rest.
        path = os.pathsep.join(filter(None, [os.path.dirname(python), environment.get("PATH", os.defpath)]))
        hosts = [f"algo-{index}" for index in range(1, spec.instance_count + 1)]
        nodes = []
        for host in hosts:
            base = folder / "nodes" / host
            base.mkdir(parents=True)
            lay_out(base, spec, host, hosts, LOOPBACK, "link")
            if spec.checkpoint_key:
                (base / "checkpoints").symlink_to(self.checkpoints(folder, spec.checkpoint_key))
            nodes.append(
                local_runs.NodeCommand(
                    host,
                    (*own_opt_ml(base), python, "-u", os.fspath(base / "input" / "data" / "sm_drivers" / "train.py")),
                    {
                        **environment,
                        "PATH": path,
                        "PYTHONUNBUFFERED": "1",
                        "SAGEMAKER_BASE_DIR": os.fspath(base),
                        "TRAINING_JOB_NAME": spec.job_name,
                    },
                    meets=bool(spec.distributed) or len(hosts) > 1,
                )
            )
        return nodes

    def _interpreter(self, spec: JobSpec, tell: Tell) -> tuple[str, str]:
        """The Python of a run, and the lock to be held while requirements are installed into it, if there are any."""
        python, code = self._configured(), spec.source_code
        if code is None or not code.requirements:
            return python, ""
        wanted = required_packages(code)
        if wanted is None:
            return python, ""
        folder = self.root / HOME / "venvs"
        if not self.venv:
            folder.mkdir(parents=True, exist_ok=True)
            return python, f"{folder / _key(python)}.lock"
        python = virtual_environment(folder, python, wanted, tell)
        return python, os.path.join(os.path.dirname(python), "lock")

    def _configured(self) -> str:
        if not self.python:
            return sys.executable
        # Not resolved: the python of a virtual environment is a link, and must be run by that name.
        found = shutil.which(self.python if os.sep not in self.python else self.root / os.path.expanduser(self.python))
        if found is None:
            raise ProviderError(
                f'provider.local.process.python: "{self.python}" is not a program',
                suggestion="Give the path of a Python interpreter.",
            )
        return os.path.abspath(found)


def required_packages(code: SourceCode) -> bytes | None:
    """The requirements of a job; None when it asks for those that there are and there are none."""
    name = "requirements.txt" if code.requirements == "auto" else code.requirements
    if code.archive:
        import tarfile

        with tarfile.open(Path(code.source_dir, code.archive)) as packed:
            names = {os.path.normpath(member): member for member in packed.getnames()}
            member = packed.extractfile(names[name]) if name in names else None
            found = member.read() if member is not None else None
    else:
        path = Path(code.source_dir, name)
        found = path.read_bytes() if path.exists() else None
    if found is None and code.requirements != "auto":
        raise ProviderError(f"source_code.requirements: there is no {name} in {code.archive or code.source_dir}.")
    return found


def virtual_environment(folder: Path, python: str, requirements: bytes, tell: Tell) -> str:
    """The Python of an environment for these requirements, made when it is not there; the runtime installs into it.

    Raises:
        ProviderError: it cannot be made.
    """
    from filelock import FileLock

    kind = _told([python, "-c", "import sys, sysconfig; print(sys.version, sysconfig.get_platform())"], python)
    place = folder / _key(python, kind, requirements.decode(errors="replace"))
    made = place / "made"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"):
        if not made.exists():
            tell("making a virtual environment")
            _told([python, "-m", "venv", "--clear", str(place)], python)
            made.touch()
    return os.fspath(place / "bin" / "python")


def _key(*words: str) -> str:
    import hashlib

    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def _told(command: Sequence[str], python: str) -> str:
    """What a command of Python's says that is to make a virtual environment."""
    import subprocess

    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise ProviderError(
            f"No virtual environment could be made with {python}: {said[-1]}",
            suggestion="On Debian or Ubuntu: apt-get install python3-venv",
        )
    return done.stdout


def own_opt_ml(base: Path) -> tuple[str, ...]:
    """What a command begins with so that /opt/ml is the job's own folder, for scripts that name it: a mount namespace,
    where we may make one (S7.4). Elsewhere nothing: the SM_* variables say where everything is."""
    if os.geteuid() != 0 or not _may_mount():
        return ()
    script = 'mount --bind "$0" /opt/ml 2>/dev/null; exec "$@"'
    return ("unshare", "--mount", "--", "/bin/sh", "-c", script, os.fspath(base))


@cache
def _may_mount() -> bool:
    import subprocess

    if shutil.which("unshare") is None:
        return False
    try:
        os.makedirs("/opt/ml", exist_ok=True)
        probe = ["unshare", "--mount", "--", "mount", "--bind", "/tmp", "/opt/ml"]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
