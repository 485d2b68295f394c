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
@click.option("--module", is_flag=True, help="Of the module in this folder: its variables, outputs and resources.")
@click.option("--into", metavar="FILE", help="With --module: put it into FILE, between the marks of an earlier time.")
def command(name: str | None, markdown: bool, out: str | None, module: bool, into: str | None) -> None:
    """What a resource type, a data source or a block takes, exports and does; without NAME, what there is."""
    if module or into:
        if name or out or not module:
            raise PlanformError(
                "--module is about the files in this folder.", suggestion="planform docs --module --into FILE"
            )
        _of_module(click.get_current_context().obj, into)
        return
    from planform.render.type_docs import index_markdown, index_text, page_markdown, page_text, pages
    from planform.resources import schemas

    screen: Screen = click.get_current_context().obj
    found = pages(schemas())
    if out is not None:
        if name:
            raise PlanformError("--out writes every page.", suggestion="Leave the name out.")
        from planform.cli.command_docs import commands_markdown

        root = click.get_current_context().find_root().command
        assert isinstance(root, click.Group)
        texts = {f"{page.name}.md": page_markdown(page) for page in found}
        texts |= {"index.md": index_markdown(found), "commands.md": commands_markdown(root)}
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


def _of_module(screen: Screen, into: str | None) -> None:
    """Print the docs of the module in this folder, or put them into a file."""
    from planform.language.modules import load
    from planform.render.module_docs import ModuleFacts, VariableRow, module_markdown, with_docs
    from planform.resources import schemas
    from planform.wiring import provider_settings

    found = load(str(Path.cwd()), schemas(), None, provider_settings())
    docs = module_markdown(
        ModuleFacts(
            [
                VariableRow(name, str(item.type), item.default, item.required, item.description, item.sensitive)
                for name, item in found.variables.items()
            ],
            [(name, item.description) for name, item in found.outputs.items()],
            [
                (str(address), Path(item.place.span.file).name)
                for address, item in {**found.resources, **found.data}.items()
            ],
            [(name, call.source) for name, call in found.calls.items()],
        )
    )
    if into is None:
        screen.out(docs)
        return
    path = Path(into)
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = with_docs(before, docs)
        if after != before:
            path.write_text(after, encoding="utf-8")
            screen.success(f"Wrote {into}.")
    except OSError as error:
        raise PlanformError(f"{into} cannot be written: {error.strerror}.") from None


def _write_all(folder: Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise PlanformError(f"{error.filename} cannot be written: {error.strerror}.") from None
