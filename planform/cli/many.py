"""`--all`: a command for every root module below this folder.

Each root module is planned and applied by a planform process of its own, some at once, in an order in which what reads
a state comes after whose state it is. What fails keeps what reads its state from being tried.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import click

from planform.cli.applying import confirmed
from planform.cli.children import ENDED_BY_SIGNAL, Children
from planform.cli.documents import plan_form, root_in_repository
from planform.cli.options import Every, Layout
from planform.cli.screen import INTERRUPTED, Screen, one_line
from planform.core.errors import Diagnostic, PlanformError
from planform.render.many import RootPlan
from planform.render.style import count

if TYPE_CHECKING:
    from planform.core.abandoned import Abandoned
    from planform.project import Options
    from planform.roots import Root

PLAN = "plan.pfplan"  # of each root module, in a folder of its name
INDEX = "plans.json"  # which root modules were planned, and why some could not be


def plan_all(
    screen: Screen,
    options: Options,
    every: Every,
    planning: Mapping[str, Any],
    accept: Sequence[str],
    layout: Layout,
    out: str | None,
    destroy: bool,
) -> tuple[list[RootPlan], str]:
    """The plans, written below `out` too, and what is printed of them."""
    words = ["plan", *_words(options, planning, accept), *["--destroy"] * destroy]
    roots, left = _roots(screen, options, every)
    children = Children(screen)
    with _folder(out) as folder:
        planned = [*_gone(screen, left), *_each(children, roots, lambda root: _planned(children, root, words, folder))]
        if children.asked:
            raise KeyboardInterrupt
        if out is not None:
            _write_index(folder, planned)
    return planned, document(screen, planned, layout)


def document(screen: Screen, roots: Sequence[RootPlan], layout: Layout) -> str:
    """The plans in the format that was asked for."""
    from planform.render import many

    base = root_in_repository(Path.cwd())
    if layout.terraform_names and layout.format != "json":
        raise PlanformError("--terraform-names is about plans in JSON.", suggestion="Add --format json.")
    match layout.format:
        case "markdown":
            return many.many_markdown(roots, base, screen.workspace, layout.max_chars)
        case "html":
            from datetime import UTC, datetime

            from planform import __version__

            made = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            where = base if base != "." else Path.cwd().resolve().name
            return many.many_html(roots, __version__, made, where, screen.workspace)
        case "json":
            from planform.render.terraform_names import terraform_names

            return one_line(many.many_json(roots, terraform_names if layout.terraform_names else dict))
    return many.many_text(roots, lambda plan: plan_form(plan, layout.form, screen), screen.style)


def saved_plans(folder: Path) -> list[RootPlan]:
    """The plans that `plan --all --out FOLDER` wrote.

    Raises:
        PlanformError: there are none, or one cannot be read.
    """
    try:
        return [_saved(folder, item) for item in json.loads((folder / INDEX).read_text())["roots"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise PlanformError(
            f"There are no plans in {folder}: it has no {INDEX}.",
            suggestion="planform plan --all --out FOLDER writes them.",
        ) from None


def _saved(folder: Path, item: Mapping[str, Any]) -> RootPlan:
    from planform.render.abandoned import parse_abandoned
    from planform.saved import read_plan

    name, problem, needs = item["path"], item["error"], tuple(item["needs"])
    if "removed" in item:
        return RootPlan(name, None, problem, needs, parse_abandoned(name, item["removed"]))
    return RootPlan(name, None if problem else read_plan(folder / name / PLAN), problem, needs)


def _write_index(folder: Path, planned: Sequence[RootPlan]) -> None:
    from planform.render.abandoned import abandoned_json

    roots = [
        {
            "path": root.name,
            "needs": list(root.needs),
            "error": root.problem,
            **({"removed": abandoned_json(root.abandoned)} if root.abandoned is not None else {}),
        }
        for root in planned
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).write_text(json.dumps({"format_version": "1.0", "roots": roots}, indent=1) + "\n")


def apply_all(
    screen: Screen,
    options: Options,
    every: Every,
    planning: Mapping[str, Any],
    accept: Sequence[str],
    form: str,
    *,
    if_same_as: str | None,
    approved: bool,
    may_ask: bool,
    detach: bool,
) -> int:
    """Level by level: plan what is to be applied next, show it, ask, apply it; the exit code."""
    from planform.roots import levels

    words, kept = _words(options, planning, accept), [*_common(options), *["--detach"] * detach]
    (roots, left), children = _roots(screen, options, every), Children(screen)
    if if_same_as is not None:
        roots, failed = _reviewed(roots, Path(if_same_as), named=every.changed_since is None)
    else:
        told = _gone(screen, left)
        screen.out(document(screen, told, Layout(form)) + "\n" if told else "")
        failed = {root.name: _unreviewed(root) for root in told if root.problem}
    by_name, number, refused = {root.name: root for root in roots}, len(roots) + len(failed), False
    for names in levels({root.name: root.needs for root in roots}):
        level = _untouched(screen, [by_name[name] for name in names], failed)
        if children.asked or refused:
            failed |= _untried(level)
        elif if_same_as is not None:
            plans = {root.name: ["--if-same-as", str(Path(if_same_as).absolute() / root.name / PLAN)] for root in level}
            calls = {name: ["apply", *plan, *words, *["--detach"] * detach] for name, plan in plans.items()}
            failed |= _applied(screen, children, level, calls)
        else:
            with _folder(None) as folder:
                planned = _each(children, level, lambda root: _planned(children, root, ["plan", *words], folder))
                if children.asked:
                    failed |= _untried(level)
                    continue
                screen.out(document(screen, planned, Layout(form)) + "\n")
                failed |= {root.name: "it cannot be planned" for root in planned if root.plan is None}
                busy = [root.name for root in planned if root.plan is not None and not root.plan.is_empty]
                question = f"Make these changes in {', '.join(busy)}?"
                if busy and not approved and not confirmed(screen, question, may_ask, refused=""):
                    refused = True
                    failed |= dict.fromkeys(busy, "it was not approved")
                    continue
                calls = {name: ["apply", str(folder / name / PLAN), *kept] for name in busy}
                failed |= _applied(screen, children, [root for root in level if root.name in calls], calls)
    code = _end(screen, number, failed)
    return INTERRUPTED if children.asked else code


def _reviewed(roots: Sequence[Root], folder: Path, *, named: bool) -> tuple[list[Root], dict[str, str]]:
    """Those of the roots that have a plan there, and why others have not been planned or, when all are `named`, are not
    there any more. What is taken away goes before what it reads."""
    saved = {root.name: root for root in saved_plans(folder)}
    chosen = [root for root in roots if root.name in saved and saved[root.name].plan is not None]
    failed = {name: _unreviewed(root) for name, root in saved.items() if root.problem}
    if named:
        here = {root.name for root in roots}
        failed |= {name: "it is not there any more" for name, root in saved.items() if root.plan and name not in here}
    if any(root.plan is not None and root.plan.destroy for root in saved.values()):
        readers = {root.name: tuple(other.name for other in chosen if root.name in other.needs) for root in chosen}
        chosen = [root._replace(needs=readers[root.name]) for root in chosen]
    return chosen, failed


def _untried(roots: Sequence[Root]) -> dict[str, str]:
    return {root.name: "it was not tried" for root in roots}


def _unreviewed(root: RootPlan) -> str:
    """Why nothing was done for a root module that has no plan."""
    return "its files are gone, not what they made" if root.abandoned is not None else "it had no plan to review"


def _untouched(screen: Screen, roots: Sequence[Root], failed: dict[str, str]) -> list[Root]:
    """Those of the roots that need none that failed; the others have failed with it."""
    found = []
    for root in roots:
        cause = next((needed for needed in root.needs if needed in failed), "")
        if cause:
            failed[root.name] = f"it waits for {cause}"
            screen.out(f"{_before(screen, root)}not tried: it waits for {cause}, which failed\n")
        else:
            found.append(root)
    return found


def _end(screen: Screen, number: int, failed: Mapping[str, str]) -> int:
    if failed:
        told = "; ".join(f"{name} ({why})" for name, why in failed.items())
        screen.err(f"\n{len(failed)} of {count(number, 'root module')} not applied: {told}.\n")
        return 1
    screen.success(
        f"\n{count(number, 'root module')}: all is as the files say." if number else "There is nothing to apply."
    )
    return 0


def _applied(
    screen: Screen, children: Children, roots: Sequence[Root], calls: Mapping[str, list[str]]
) -> dict[str, str]:
    """Apply some root modules at once, each line that one prints behind its name; name -> why, of those that failed."""
    lock = Lock()

    def run(root: Root) -> int:
        with children.planform(root.folder, calls[root.name], errors=subprocess.STDOUT) as process:
            for line in process.stdout or ():
                with lock:
                    screen.out(f"{_before(screen, root)}{line}" if line.strip() else "")
        return process.returncode

    codes = children.at_once({root.name: root for root in roots}, run)
    why = _untried([root for root in roots if root.name not in codes])
    ended = {
        name: "it was interrupted" if code in ENDED_BY_SIGNAL else "its apply failed"
        for name, code in codes.items()
        if code
    }
    return {**ended, **why}


def _before(screen: Screen, root: Root) -> str:
    return screen.style.paint(f"{root.name} | ", "dim")


def _roots(screen: Screen, options: Options, every: Every) -> tuple[list[Root], list[Abandoned]]:
    """The root modules that are asked for, and those that went since the ref that was named."""
    from planform.roots import find_roots, root_folders

    options = replace(options, var_files=tuple(str(Path(file).absolute()) for file in options.var_files))
    if every.changed_since is None:
        roots = find_roots(options.folder, options)
        _say_workspace(screen, roots)
        return roots, []
    from planform.abandoned import abandoned_since
    from planform.changes import touched_since

    roots = find_roots(options.folder, options, required=False)
    touched = touched_since(roots, options.folder, every.changed_since)
    left = abandoned_since(roots, options.folder, every.changed_since, options)
    if not roots and not left:
        root_folders(options.folder)  # which says that there is none
    roots = [root for root in roots if root.name in touched]
    _say_workspace(screen, roots)
    return roots, left


def _say_workspace(screen: Screen, roots: Sequence[Root]) -> None:
    """All are planned in one workspace; who has selected another in one of them may not expect that."""
    from planform.cli.workspaces import selected

    if click.get_current_context().find_root().params["workspace"] is not None:
        return
    other = {root.name: name for root in roots if (name := selected(root.folder)) != screen.workspace}
    if other:
        names = ", ".join(f'"{workspace}" in {name}' for name, workspace in other.items())
        screen.problems(
            [
                Diagnostic(
                    f'The workspace of all is "{screen.workspace}", though others are selected: {names}.',
                    suggestion=f"Say which one to use for all: planform -w {screen.workspace} ... --all",
                    severity="warning",
                )
            ]
        )


def _gone(screen: Screen, left: Sequence[Abandoned]) -> list[RootPlan]:
    from planform.render.many import gone

    return [gone(item, screen.workspace) for item in left]


def _words(options: Options, planning: Mapping[str, Any], accept: Sequence[str]) -> list[str]:
    """The options of one root module's command.

    Raises:
        PlanformError: one that names what only one root module has.
    """
    named = ("targets", "excludes", "replace", "retry", "run")
    refused = [f"--{name.removesuffix('s')}" for name in named if planning[name]]
    if refused:
        raise PlanformError(
            f"{', '.join(refused)} cannot be used with --all: an address belongs to one root module.",
            suggestion="Go to its folder, or name it: planform --chdir FOLDER",
        )
    words = [f"--{name.replace('_', '-')}" for name in ("refresh_only", "retry_failed") if planning[name]]
    words += [f"--policy={Path(path).absolute()}" for path in planning["policy"]]
    words += [f"--accept-limit={name}" for name in accept]
    return [*words, *["--no-refresh"] * (not planning["refresh"]), *_common(options)]


def _common(options: Options) -> list[str]:
    """The options that a saved plan takes as well."""
    words = [f"--var={text}" for text in options.variables]
    words += [f"--var-file={Path(file).absolute()}" for file in options.var_files]
    return [*words, f"--lock-timeout={options.lock_timeout}", f"--parallelism={options.parallelism}"]


def _each(children: Children, roots: Sequence[Root], plan: Callable[[Root], RootPlan]) -> list[RootPlan]:
    """The plans in the order of the roots; what reads the state of one that failed is not tried. After Ctrl-C: those of
    them that are there."""
    from planform.roots import levels

    by_name, done = {root.name: root for root in roots}, dict[str, RootPlan]()
    for names in levels({root.name: root.needs for root in roots}):
        level = {}
        for root in (by_name[name] for name in names):
            cause = next((needed for needed in root.needs if needed in done and done[needed].plan is None), "")
            if cause:
                said = f"Not planned: it reads the state of {cause}, which could not be planned."
                done[root.name] = RootPlan(root.name, None, said, root.needs)
            else:
                level[root.name] = root
        done |= children.at_once(level, plan)
    return [done[root.name] for root in roots if root.name in done]


def _planned(children: Children, root: Root, words: Sequence[str], folder: Path) -> RootPlan:
    from planform.saved import read_plan

    path = folder / root.name / PLAN
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    words = [*words, "--summary", "--out", str(path)]
    with children.planform(root.folder, words, errors=subprocess.PIPE) as process:
        _, said = process.communicate()
    if process.returncode:
        return RootPlan(root.name, None, said.strip(), root.needs)
    return RootPlan(root.name, read_plan(path), "", root.needs)


@contextmanager
def _folder(out: str | None) -> Iterator[Path]:
    """Where plans are written: the folder that was named, or one for as long as they are needed."""
    if out is not None:
        yield Path(out).absolute()
        return
    with tempfile.TemporaryDirectory(prefix="planform-") as folder:
        yield Path(folder)


__all__ = ["apply_all", "document", "plan_all", "saved_plans"]
