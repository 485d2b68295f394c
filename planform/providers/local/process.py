"""The executor `process`: each node of a run is a plain process of this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planform.core.errors import ProviderError
from planform.core.executor import JobSpec, Launched
from planform.core.hyperparameters import wire_text
from planform.core.schemas import Misfit
from planform.core.state import Run, RunStatus
from planform.core.values import AttributePath, Object, Sensitive, Unknown, Value
from planform.providers.local import runs as local_runs
from planform.providers.local.files import HOME
from planform.resources import treatment


@dataclass(frozen=True, slots=True)
class ProcessExecutor:
    """Runs of this machine as processes of one Python."""

    root: Path
    host: str
    max_instances: int
    python: str = ""  # as configured; empty: the one running planform
    stop_grace_in_seconds: float = 10
    name: str = "process"

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        from planform.resources.trainer import SCHEMA

        misfits, notes = treatment(SCHEMA, self.name, desired)
        code = _plain(desired.get("source_code"))
        if code is None:
            misfits.append(
                Misfit(
                    (),
                    "A process needs source_code: there is no image to run.",
                    suggestion="Add source_code, or use executor: docker.",
                )
            )
        elif isinstance(code, dict) and _plain(code.get("requirements")) and not self.python:
            misfits.append(
                Misfit(
                    ("source_code", "requirements"),
                    "requirements would be installed into planform's own Python.",
                    suggestion="Name another one: provider.local.process.python: PATH.",
                )
            )
        return misfits + list(_remote_inputs(desired)), notes

    def predict(self, job_name: str, run_id: str, address: str) -> Object:
        return {"job_arn": local_runs.job_arn(job_name), "output_path": local_runs.output_path(address)}

    def launch(self, spec: JobSpec) -> Launched:
        environment, secrets = _environment(spec)

        def prepare(folder: Path) -> list[local_runs.NodeCommand]:
            return self._lay_out(folder, spec, environment)

        return local_runs.launch(
            self.root,
            self.host,
            self.name,
            spec,
            prepare,
            redact=secrets,
            max_instances=self.max_instances,
            stop_grace_in_seconds=self.stop_grace_in_seconds,
        )

    def observe(self, runs: Sequence[Run]) -> Mapping[str, RunStatus]:
        return local_runs.observe(self.root, self.host, runs)

    def watch(self, runs: Sequence[Run], changed: Callable[[Run, RunStatus], None], stop: Callable[[], bool]) -> None:
        local_runs.watch(self.root, self.host, runs, changed, stop)

    def adjust(self, run: Run, desired: Object) -> None:
        local_runs.adjust(self.root, run, int(desired.get("priority") or 0))

    def stop(self, run: Run) -> None:
        local_runs.stop(self.root, self.host, run)

    def logs(self, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        return local_runs.logs(self.root, self.host, run, node, follow)

    def metric_history(self, run: Run) -> Mapping[str, Sequence[tuple[float, float]]]:
        return local_runs.metric_history(self.root, run)

    def download(self, run: Run, folder: Path) -> tuple[str, ...]:
        return local_runs.copied(local_runs.folder_of(self.root, run), folder)

    def resume(self) -> None:
        from planform.providers.local.scheduler import schedule

        schedule(self.root)

    def _lay_out(self, folder: Path, spec: JobSpec, environment: Mapping[str, str]) -> list[local_runs.NodeCommand]:
        from planform.training.layout import lay_out

        python = self._interpreter()
        # `python` and `pip` of a command are those of the interpreter that runs the rest.
        path = os.pathsep.join(filter(None, [os.path.dirname(python), environment.get("PATH", os.defpath)]))
        hosts = [f"algo-{index}" for index in range(1, spec.instance_count + 1)]
        nodes = []
        for host in hosts:
            base = folder / "nodes" / host
            base.mkdir(parents=True)
            lay_out(base, spec, host, hosts, "lo", link=True)
            if spec.checkpoint_key:
                (base / "checkpoints").symlink_to(self._checkpoints(folder, spec.checkpoint_key))
            nodes.append(
                local_runs.NodeCommand(
                    host,
                    (python, "-u", os.fspath(base / "input" / "data" / "sm_drivers" / "train.py")),
                    {
                        **environment,
                        "PATH": path,
                        "PYTHONUNBUFFERED": "1",
                        "SAGEMAKER_BASE_DIR": os.fspath(base),
                        "TRAINING_JOB_NAME": spec.job_name,
                    },
                )
            )
        return nodes

    def _checkpoints(self, folder: Path, key: str) -> Path:
        """The checkpoints of one definition, also to be found from the run's folder."""
        shared = self.root / HOME / "checkpoints" / key
        shared.mkdir(parents=True, exist_ok=True)
        link = folder / "checkpoints"
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(shared, folder))
        return shared

    def _interpreter(self) -> str:
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


def _environment(spec: JobSpec) -> tuple[dict[str, str], list[str]]:
    """The environment of the nodes, and the secrets that must not be quoted in records.

    It is that of who launches, also when another command starts the run later: a queued run must not see another
    shell's CUDA_VISIBLE_DEVICES. planform's own variables hold secrets of their own, and stay out.
    """
    from planform.training.job_spec import caller_secrets

    named = caller_secrets(spec.extra.get("secrets") or {}, os.environ)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PLANFORM_")}
    hidden = (
        wire_text(value) for name, value in spec.hyperparameters.items() if name in spec.sensitive_hyperparameters
    )
    return {**inherited, **spec.environment, **named}, [*hidden, *named.values()]


def _plain(value: Value) -> Value:
    value = value.value if isinstance(value, Sensitive) else value
    return "" if isinstance(value, Unknown) else value


def _remote_inputs(desired: Object) -> Iterator[Misfit]:
    """Channels that are not files of this machine."""
    channels = _plain(desired.get("input_data"))
    for name, channel in channels.items() if isinstance(channels, dict) else ():
        path: AttributePath = ("input_data", name)
        source = _plain(channel)
        if isinstance(source, dict):
            path, source = (*path, "data_source"), _plain(source.get("data_source"))
        if isinstance(source, str) and "://" in source:
            yield Misfit(
                path,
                f'Channel "{name}" is not on this machine; a process reads local files only.',
                suggestion="Download it and give the path, or run on AWS.",
            )
