"""`planform migrate`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.screen import Screen
from planform.core.errors import Diagnosed, Diagnostic, PlanformError

if TYPE_CHECKING:
    from planform.migrate.document import Written
    from planform.migrate.drafts import Conversion

MODULE = "main.pf.yaml"


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE.py | FILE.ipynb]...")
@click.option(
    "--job",
    "jobs",
    multiple=True,
    metavar="NAME",
    help="A training job or hyperparameter tuning job of SageMaker, by its name or ARN.",
)
@click.option("--queue", "queues", multiple=True, metavar="NAME", help="A job queue of AWS Batch.")
@click.option("--service-environment", "environments", multiple=True, metavar="NAME", help="Of AWS Batch.")
@click.option("--out", metavar="DIR", help="Where main.pf.yaml is written; by default beside the files.")
@click.option("--force", is_flag=True, help="Overwrite the main.pf.yaml that is there.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the module instead; the report goes to stderr.")
@click.option("--region", help="Of live objects; by default that of the AWS configuration.")
@click.option("--profile", help="Of the AWS configuration, for live objects.")
def command(
    files: tuple[str, ...],
    jobs: tuple[str, ...],
    queues: tuple[str, ...],
    environments: tuple[str, ...],
    out: str | None,
    force: bool,
    to_stdout: bool,
    region: str | None,
    profile: str | None,
) -> int:
    """Write a module from code of the SageMaker Python SDK (V2 and V3, boto3, notebooks), or from live objects of AWS.

    Code is read and never run. What only a run would find out becomes a variable, with a comment that cites its line.
    """
    screen: Screen = click.get_current_context().obj
    live = bool(jobs or queues or environments)
    if not files and not live:
        raise PlanformError(
            "There is nothing to migrate.", suggestion="Name files: planform migrate train.py; or a job: --job NAME"
        )
    if to_stdout and out:
        raise PlanformError("--stdout writes no file, --out says where to.", suggestion="Choose one.")
    if not live and (region or profile):
        raise PlanformError(
            "--region and --profile are for live objects: --job, --queue, --service-environment.",
            suggestion="For files, say it in the module: provider: {aws: {region: ...}}",
        )
    groups = _of_files(files, "." if to_stdout else out)
    if live:
        folder = out or "."
        groups.setdefault(os.path.abspath(folder), []).append(
            _live(jobs, queues, environments, folder, {"region": region, "profile": profile})
        )
    _check(groups, force or to_stdout)
    return max([_group(screen, folder, items, to_stdout) for folder, items in groups.items()])


def _of_files(files: tuple[str, ...], out: str | None) -> dict[str, list[tuple[str, Conversion]]]:
    """What each file became, by the folder of the module that it goes into."""
    from planform.migrate.program import converted
    from planform.migrate.sources import read_scripts

    groups: dict[str, list[tuple[str, Conversion]]] = {}
    for script in read_scripts(files):
        folder = os.path.abspath(out if out is not None else os.path.dirname(script.file) or ".")
        groups.setdefault(folder, []).append((script.file, converted(script, folder)))
    return groups


def _live(
    jobs: Sequence[str],
    queues: Sequence[str],
    environments: Sequence[str],
    folder: str,
    settings: dict[str, str | None],
) -> tuple[str, Conversion]:
    """Live objects, each asked for by its name."""
    from planform.migrate import live
    from planform.migrate.drafts import Conversion
    from planform.providers.aws.clients import Clients
    from planform.providers.aws.described import described_job, described_objects

    known = {key: value for key, value in settings.items() if value}
    clients = Clients(known)
    into = Conversion(os.path.abspath(folder), os.path.abspath(folder), provider=dict(known))
    for type_name, names in (("service_environment", environments), ("job_queue", queues)):
        for name, found in described_objects(clients, type_name, names).items() if names else ():
            live.batch_object(into, type_name, name, found)
    for name in jobs:
        described, short = described_job(clients, name), name.rpartition("/")[2]
        migrate_job = live.tuning_job if described.tuning else live.job
        migrate_job(into, short, described.description, described.tags, described.drivers)
    into.provider.setdefault("region", clients.region())
    names = [*environments, *queues, *jobs]
    return (", ".join(names), into)


def _check(groups: dict[str, list[tuple[str, Conversion]]], overwrite: bool) -> None:
    """Raises PlanformError when there is nothing to write, or something would be overwritten."""
    for folder, items in groups.items():
        path = Path(folder) / MODULE
        if not any(conversion.drafts or conversion.findings for _, conversion in items):
            names = ", ".join(name for name, _ in items)
            raise PlanformError(
                f"{names}: no training was found.",
                "Looked for: estimators and HyperparameterTuner of the SDK V2, ModelTrainer and TrainingQueue of V3, "
                "and create calls of boto3 for training jobs and AWS Batch.",
                "Name the file that makes the trainer: what a file imports is not read.",
            )
        if path.exists() and not overwrite:
            raise PlanformError(
                f"{_shown(path)} exists already; nothing was written.",
                suggestion="Another folder: --out DIR. Overwrite it: --force. Only look: --stdout",
            )


def _group(screen: Screen, folder: str, items: list[tuple[str, Conversion]], to_stdout: bool) -> int:
    """Write one module and report on it; 1 when it is not valid."""
    from planform.migrate.document import written
    from planform.migrate.report import report_text

    path = Path(folder) / MODULE
    conversions = [conversion for _, conversion in items]
    others = _others(path)
    name = Path(items[0][0]).stem if len(items) == 1 else Path(folder).name
    module = written(conversions, name, [name for name, _ in items], others)
    if not module.drafts:
        screen.out(report_text(module))
        raise PlanformError("Nothing of it has a place in a module; nothing was written.")
    if to_stdout:
        screen.out(module.text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(module.text, encoding="utf-8")
    tell = screen.err if to_stdout else screen.out
    tell(report_text(module))
    problems = _problems(folder, module, others)
    if not to_stdout:
        screen.success(f"Wrote {_shown(path)}." if not problems else f"Wrote {_shown(path)}, which is not valid yet.")
    screen.problems(problems)
    return int(any(problem.severity == "error" for problem in problems))


def _others(path: Path) -> dict[str, str]:
    """The other files of the module that this one goes into."""
    found = sorted(path.parent.glob("*.pf.yaml")) if path.parent.is_dir() else []
    return {
        other.name: other.read_text(encoding="utf-8", errors="replace") for other in found if other.name != path.name
    }


def _problems(folder: str, module: Written, others: dict[str, str]) -> list[Diagnostic]:
    """What `planform validate` would say of the module, and what `plan` would say of each resource by itself."""
    from planform.project import Options, open_recorded

    try:
        project = open_recorded(Options(Path(folder)), {**others, MODULE: module.text})
    except Diagnosed as error:
        return list(error.problems)
    problems = list(project.warnings)
    for instance in project.configuration.instances.values():
        try:
            project.evaluation.body(instance)
        except Diagnosed as error:
            problems += error.problems
    return problems


def _shown(path: Path) -> str:
    shown = os.path.relpath(path)
    return shown if not shown.startswith("..") else str(path)
