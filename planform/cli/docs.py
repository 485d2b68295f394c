"""`planform docs`."""

from __future__ import annotations

from pathlib import Path

import click

from planform.cli.screen import Screen
from planform.core.errors import PlanformError, did_you_mean


@click.command()
@click.argument("name", required=False)
@click.option("--markdown", is_flag=True, help="Print the page as Markdown.")
@click.option("--out", metavar="FOLDER", help="Write every page into a folder, as Markdown.")
def command(name: str | None, markdown: bool, out: str | None) -> None:
    """What a resource type, a data source or a block takes, exports and does; without NAME, what there is."""
    from planform.render.type_docs import index_markdown, index_text, page_markdown, page_text, pages
    from planform.resources import schemas

    screen: Screen = click.get_current_context().obj
    found = pages(schemas())
    if out is not None:
        if name:
            raise PlanformError("--out writes every page.", suggestion="Leave the name out.")
        texts = {"index.md": index_markdown(found), **{f"{page.name}.md": page_markdown(page) for page in found}}
        _write_all(Path(out), texts)
        screen.success(f"Wrote {len(texts)} pages into {out}.")
        return
    if name is None:
        screen.out(index_markdown(found) if markdown else index_text(found, screen.style))
        return
    page = next((page for page in found if page.name == name), None)
    if page is None:
        raise PlanformError(f"There is no page about {name}.", suggestion=did_you_mean(name, [p.name for p in found]))
    screen.out(page_markdown(page) if markdown else page_text(page, screen.style))


def _write_all(folder: Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise PlanformError(f"{error.filename} cannot be written: {error.strerror}.") from None
