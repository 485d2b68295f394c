"""`planform ci`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planform.cli.documents import root_in_repository
from planform.cli.group import Group
from planform.cli.screen import Screen
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.forges.workflow import ForgeName

MARK = "<!-- planform:"
_PLAIN = re.compile(r"[\w./-]+")  # what needs no quotes in YAML and in a shell


@click.group(cls=Group)
def command() -> None:
    """Review plans in pull requests: write the workflows for it, and what these workflows call."""


@command.command("init")
@click.argument("forge", type=click.Choice(["github", "gitlab"]))
@click.option("--all", "every", is_flag=True, help="For every root module below this folder, not only for this one.")
@click.option("--branch", metavar="NAME", help="What is merged into this branch is applied (the default one).")
@click.option("--force", is_flag=True, help="Overwrite workflows that are there.")
def init_command(forge: ForgeName, every: bool, branch: str | None, force: bool) -> None:
    """Write workflows: plan pull requests, apply on merge what was reviewed, look for drift by night.

    They work in the workspace that is selected here, or named by -w.
    """
    from planform import __version__
    from planform.forges.workflow import Target, workflows
    from planform.language.files import repository_of

    screen: Screen = click.get_current_context().obj
    here = Path.cwd()
    if not every and not any(here.glob("*.pf.yaml")):
        raise PlanformError(
            "There is no root module in this folder.",
            suggestion="Go to one, or take all below this folder: planform ci init FORGE --all",
        )
    top = Path(repository_of(str(here.resolve())))
    target = Target(root_in_repository(here), branch or _default_branch(here), __version__, every, screen.workspace)
    for word in (target.folder, target.branch):
        if not _PLAIN.fullmatch(word):
            raise PlanformError(f'"{word}" holds characters that workflow files cannot carry safely.')
    texts = dict(workflows(forge, target))
    taken = [path for path in texts if (top / path).exists()]
    if taken and not force:
        raise PlanformError(
            f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already; nothing was written.",
            suggestion="Overwrite with --force.",
        )
    include = f"include: [{{local: {next(iter(texts))}}}]\n"
    has_main = (top / ".gitlab-ci.yml").exists()
    if forge == "gitlab" and not has_main:
        texts[".gitlab-ci.yml"] = include
    for path, text in texts.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text, encoding="utf-8")
    screen.success(f"Wrote {', '.join(texts)}.")
    if forge == "gitlab" and has_main and include not in (top / ".gitlab-ci.yml").read_text():
        screen.out(f"Add to .gitlab-ci.yml: {include}")
    _say_next(screen, forge, every)


def _default_branch(folder: Path) -> str:
    """Of the remote `origin`, if git knows it."""
    import subprocess

    words = ["git", "-C", str(folder), "symbolic-ref", "--short", "refs/remotes/origin/HEAD"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        said = ""
    return said.removeprefix("origin/") or "main"


def _say_next(screen: Screen, forge: ForgeName, every: bool) -> None:
    where = (
        "Settings > Secrets and variables > Actions > Variables"
        if forge == "github"
        else "Settings > CI/CD > Variables"
    )
    lines = [
        f"For AWS set in {where}:",
        "    PLANFORM_PLAN_ROLE   a role that may read: planform permissions plan",
        "    PLANFORM_APPLY_ROLE  a role that may write, and trusts the approved job alone: planform permissions apply",
        "    AWS_REGION",
    ]
    if forge == "gitlab":
        lines.append(
            "    PLANFORM_GITLAB_TOKEN  a project access token (Developer, api), masked: writes comment and issue"
        )
    lines.append('Who approves is said by the rules of the environment "planform".')
    screen.out("\n" + "\n".join(lines) + "\n")
    if not every and _state_is_here(screen.workspace):
        screen.out(
            "\nThe state is on this machine, where no job finds it. Name a place for it first, and take it along:\n"
            "    planform: {backend: {s3: {bucket: NAME, key: state/${planform.workspace}.json, region: REGION}}}\n"
            "    planform init --migrate-state\n"
        )


def _state_is_here(workspace: str) -> bool:
    from planform.project import Options, open_recorded

    try:
        return open_recorded(Options(Path.cwd(), workspace)).configuration.backend[0] == "local"
    except PlanformError:
        return False  # `planform validate` tells what is wrong


@command.command("comment")
@click.argument("file", metavar="FILE")
def comment_command(file: str) -> None:
    """Put a plan of `--format markdown` into the comment of its pull request: the one that is there, or a new one."""
    from planform.forges import forge_of

    screen: Screen = click.get_current_context().obj
    body, mark = _page(file)
    screen.out(f"Wrote {forge_of(os.environ).comment(body, mark)}.\n")


@command.command("issue")
@click.argument("file", metavar="FILE")
@click.option("--title", metavar="TEXT", help="Of a new issue (the heading of the plan).")
@click.option("--close", is_flag=True, help="All is well again: close the issue, if there is one.")
def issue_command(file: str, title: str | None, close: bool) -> None:
    """Put a plan of `--format markdown` into the issue about it: the one that is open, or a new one."""
    from planform.forges import forge_of

    screen: Screen = click.get_current_context().obj
    if close and title:
        raise PlanformError("--title is of a new issue, and --close opens none.", suggestion="Leave one of them out.")
    body, mark = _page(file)
    forge = forge_of(os.environ)
    if close:
        closed = forge.close_issues(mark)
        screen.out(f"Closed {', '.join(closed)}.\n" if closed else "There is no issue to close.\n")
        return
    heading = next((line.lstrip("# ") for line in body.splitlines() if line.startswith("#")), "planform")
    screen.out(f"Wrote {forge.issue(title or heading, body, mark)}.\n")


def _page(file: str) -> tuple[str, str]:
    """The Markdown of a plan and its first line, by which it is found again.

    Raises:
        PlanformError: it is none.
    """
    try:
        body = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise PlanformError(f"{file} cannot be read: {error.strerror}.") from None
    mark = body.partition("\n")[0]
    if not mark.startswith(MARK):
        raise PlanformError(
            f"{file} does not begin with the mark of a plan.",
            suggestion=f"Make it so: planform plan --format markdown > {file}",
        )
    return body, mark


@command.command("reviewed")
@click.option("--name", default="planform-plan", metavar="NAME", help="Of the artifact (GitHub) or the job (GitLab).")
@click.option("--out", required=True, metavar="FOLDER", help="Where to put what was kept.")
def reviewed_command(name: str, out: str) -> None:
    """Fetch the plan that was kept for the pull request whose merge this commit is."""
    from planform.forges import forge_of

    screen: Screen = click.get_current_context().obj
    written = _unpack(forge_of(os.environ).kept(name), Path(out))
    screen.out(f"Wrote {', '.join(written)}.\n")


def _unpack(archive: bytes, folder: Path) -> list[str]:
    """Put the plans of an archive into a folder.

    Raises:
        PlanformError: it is no archive, or it wants to write elsewhere.
    """
    import io
    import zipfile

    written = []
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as found:
            for item in found.infolist():
                target = (folder / item.filename).resolve()
                if not target.is_relative_to(folder.resolve()):
                    raise PlanformError(f"The archive names {item.filename}, which is outside of {folder}.")
                if item.is_dir() or target.suffix not in (".pfplan", ".json"):
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(found.read(item))
                target.chmod(0o600)
                written.append(str(folder / item.filename))
    except zipfile.BadZipFile as error:
        raise PlanformError(f"What was kept is no archive: {error}.") from None
    if not written:
        raise PlanformError("There is no plan in what was kept.")
    return written
