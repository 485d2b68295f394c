"""`planform init`."""

from __future__ import annotations

from pathlib import Path

import click

from planform.cli.screen import Screen
from planform.core.errors import PlanformError, did_you_mean
from planform.render.style import count

SCHEMA = ".planform/planform.schema.json"
FIRST_FILE = """\
# yaml-language-server: $schema=.planform/planform.schema.json
# What `planform apply` makes true. Every *.pf.yaml in this folder is read together.

planform:
  name: {name} # begins the names of what is created
  default_provider: local # this machine

provider:
  local: {{executor: process}} # runs are plain processes

variable:
  learning_rate: {{type: number, default: 0.1}} # override: planform plan --var learning_rate=0.2

resource:
  trainer:
    first:
      training_image: {{framework: sklearn, version: "1.4-2"}} # used by containers, not by a process
      source_code: {{source_dir: src, entry_script: train.py}}
      compute: {{instance_type: ml.m5.xlarge, instance_count: 1}}
      hyperparameters: {{epochs: 3, learning_rate: "${{var.learning_rate}}"}}
      # input_data: {{train: data/train}} # a file or folder for each channel
      stopping_condition: {{max_runtime_in_seconds: 3600}}
      metric_definitions: [{{name: loss, regex: "loss=([0-9.]+)"}}] # found in what train.py prints

output:
  model: {{value: "${{trainer.first.model_artifacts}}"}}
"""

FIRST_SCRIPT = '''\
"""Replace this with your training: SageMaker's contract holds on every executor."""

import argparse
import os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--learning_rate", type=float, default=0.1)
options = parser.parse_args()

loss = 1.0
for epoch in range(1, options.epochs + 1):
    loss *= 1 - options.learning_rate
    print(f"epoch {epoch} loss={loss:.4f}", flush=True)

Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(f"{loss}\\n")
'''

IGNORED = """\
.planform/
state/
*.pfplan
"""


@click.command()
@click.argument("directory", default=".", metavar="[DIR]")
@click.option("--example", metavar="NAME", help="Copy an example instead.")
@click.option("--upgrade", is_flag=True, help="Take the newest commit of each module from git.")
@click.option("--all", "every", is_flag=True, help="Make every root module in DIR and below it ready.")
@click.option("--migrate-state", is_flag=True, help="Take the states along to the backend that the files name now.")
@click.option("--reconfigure", is_flag=True, help="Go on with what is at the new backend; leave the old states behind.")
def command(
    directory: str, example: str | None, upgrade: bool, every: bool, migrate_state: bool, reconfigure: bool
) -> int:
    """Start a project in DIR (this folder), or make one that is there ready: fetch its modules, take its states along.

    Nothing that exists is overwritten.
    """
    screen: Screen = click.get_current_context().obj
    folder = Path(directory)
    if every:
        if example or migrate_state or reconfigure:
            raise PlanformError("--all fetches the modules of every root module and does nothing else.")
        return _prepare_all(screen, folder, upgrade)
    if not example and any(folder.glob("*.pf.yaml")):
        if migrate_state and reconfigure:
            raise PlanformError(
                "--migrate-state takes states along, --reconfigure leaves them behind.", "", "Choose one."
            )
        _prepare(screen, folder, upgrade)
        _write_schema(folder)
        if migrate_state or reconfigure:
            _move_states(screen, folder, copy=migrate_state)
        screen.success("The project is ready.")
        return 0
    flags = {"--upgrade": upgrade, "--migrate-state": migrate_state, "--reconfigure": reconfigure}
    for flag, given in flags.items():
        if given:
            raise PlanformError(f"There is no project in {folder} for {flag}.", suggestion=f"Leave {flag} out.")
    files = example_files(example) if example else first_files(folder)
    taken = [name for name in files if (folder / name).exists() and name != ".gitignore"]
    if not taken and list(folder.glob("*.pf.yaml")):
        taken = [path.name for path in folder.glob("*.pf.yaml")]
    if taken:
        raise PlanformError(
            f"{folder / taken[0]} exists already; nothing was written.",
            suggestion="Choose another folder: planform init DIR",
        )
    written = [name for name, content in files.items() if _write(folder / name, content)]
    _write_schema(folder)
    screen.success(f"Wrote {', '.join(written[:6])}{f' and {len(written) - 6} more' if len(written) > 6 else ''}.")
    enter = "" if folder.resolve() == Path.cwd() else f"    cd {folder}\n"
    screen.out(f"\nNext:\n{enter}    planform plan     # shows what would happen\n    planform apply    # does it\n")
    return 0


def _prepare_all(screen: Screen, folder: Path, upgrade: bool) -> int:
    """Each as far as it goes: one that is wrong does not keep the others waiting."""
    from planform.roots import root_folders

    folders, wrong = root_folders(folder), list[str]()
    for root in folders:
        try:
            _prepare(screen, root, upgrade)
        except PlanformError as error:
            wrong.append(root.relative_to(folder.resolve()).as_posix())
            screen.err(screen.error_style.paint(wrong[-1], "bold", "underline") + "\n")
            screen.problems(error.diagnostics())
            continue
        _write_schema(root)
    if wrong:
        screen.err(f"\n{len(wrong)} of {count(len(folders), 'root module')} not ready: {', '.join(wrong)}.\n")
        return 1
    screen.success(f"{len(folders)} root module{'s are' if len(folders) != 1 else ' is'} ready.")
    return 0


def _prepare(screen: Screen, folder: Path, upgrade: bool) -> None:
    """Fetch what the project in a folder is made of."""
    from planform.project import fetch_modules

    fetched, pinned = fetch_modules(folder, upgrade=upgrade)
    for repository, commit in fetched.items():
        screen.out(f"Fetched {repository} at {commit[:12]}.\n")
    if fetched:
        screen.out("Their commits are in .planform.lock.yaml; keep it in version control.\n")
    elif pinned:
        screen.out(f"The {'newest' if upgrade else 'pinned'} commits of its modules are here.\n")


def _move_states(screen: Screen, folder: Path, *, copy: bool) -> None:
    """Follow a backend that was edited in the files."""
    from planform.project import migrate_states

    done = migrate_states(folder, copy=copy)
    for workspace, (before, now, number) in done.items():
        what = (
            f"{number} resource{'s' * (number != 1)} went from {before} to {now}"
            if copy
            else f"{before} is left for {now}"
        )
        screen.out(f"Workspace {workspace}: {what}.\n")
    if not done:
        screen.out("The backend is the one this folder worked with before.\n")


def first_files(folder: Path) -> dict[str, bytes]:
    """A first project, named after its folder."""
    import re

    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    name = name if name[:1].isalpha() else f"project-{name}".strip("-")
    texts = {"main.pf.yaml": FIRST_FILE.format(name=name), "src/train.py": FIRST_SCRIPT, ".gitignore": IGNORED}
    return {path: text.encode() for path, text in texts.items()}


def example_files(name: str) -> dict[str, bytes]:
    """The files of an example, without what running it left behind.

    Raises:
        PlanformError: there is no such example.
    """
    from planform.examples import example_names, example_path

    source = example_path(name)
    if source is None:
        raise PlanformError(f'There is no example "{name}".', suggestion=did_you_mean(name, example_names()))
    left_behind = {".planform", "state", "__pycache__"}
    found = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file() and not left_behind & set(path.relative_to(source).parts)
    }
    return {**found, ".gitignore": found.get(".gitignore", IGNORED.encode())}


def _write_schema(folder: Path) -> None:
    """What editors check and complete *.pf.yaml by: that of this planform. Without it a project works as well."""
    from contextlib import suppress

    from planform.cli.schema import module_schema

    path = folder / SCHEMA
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(module_schema(), encoding="utf-8")


def _write(path: Path, content: bytes) -> bool:
    """Whether the file was written; one that exists stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    if content.startswith(b"#!"):
        path.chmod(0o755)
    return True
