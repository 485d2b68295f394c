"""A plan in the form that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from planform.cli.options import Layout
from planform.cli.screen import Screen, one_line
from planform.core.errors import PlanformError

if TYPE_CHECKING:
    from planform.core.plan import Plan


def plan_document(plan: Plan, layout: Layout, screen: Screen) -> str:
    """The plan in the format that was asked for."""
    if layout.terraform_names and layout.format != "json":
        raise PlanformError("--terraform-names is about plans in JSON.", suggestion="Add --format json.")
    if layout.format == "markdown":
        from planform.render.plan_markdown import markdown

        return markdown(plan, layout.max_chars, root_in_repository(Path.cwd()))
    if layout.format == "html":
        from planform.render.plan_html import html

        return html(plan, root_in_repository(Path.cwd()))
    if layout.format == "json":
        from planform.render.plan_json import plan_json

        form = plan_json(plan)
        if layout.terraform_names:
            from planform.render.terraform_names import terraform_names

            form = terraform_names(form)
        return one_line(form)
    return plan_form(plan, layout.form, screen)


@contextmanager
def told_in_markdown(layout: Layout, screen: Screen) -> Iterator[None]:
    """In a pull request, what is wrong must not leave the plan before it standing: it is printed in its place."""
    try:
        yield
    except PlanformError as error:
        if layout.format == "markdown":
            from planform.render.plan_markdown import unplanned_markdown

            root = root_in_repository(Path.cwd())
            screen.out(unplanned_markdown(error.diagnostics(), layout.max_chars, root, screen.workspace))
        raise


def root_in_repository(folder: Path) -> str:
    """The folder as seen from the top of its repository: `models/digits`; `.` at the top."""
    from planform.language.files import repository_of

    folder = folder.resolve()
    return folder.relative_to(repository_of(str(folder))).as_posix()


def plan_form(plan: Plan, form: str, screen: Screen) -> str:
    """The plan as text: concise, full, or only its summary."""
    if form == "full":
        from planform.render.plan_full import full

        return full(plan, screen.style)
    from planform.render.plan_text import brief, concise

    return (brief if form == "summary" else concise)(plan, screen.style)
