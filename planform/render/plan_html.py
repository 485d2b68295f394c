"""A plan, or those of several root modules, as one page that needs nothing else: no network, no other file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from planform.core.addresses import Address
from planform.core.plan import Change, Plan
from planform.render.diagnostics import diagnostics_text
from planform.render.graph import COLOURS, fates_of
from planform.render.graph_svg import STYLE, Resource, svg
from planform.render.guards import verdicts
from planform.render.headlines import headline, shared_notes
from planform.render.plan_full import lines_to_review, remarks
from planform.render.plan_text import drift_section, outputs_section
from planform.render.style import PLAIN, Style, count, elide
from planform.render.tally import Kind, hours_text, kind_of, summary, tally

if TYPE_CHECKING:
    from jinja2 import Template

# What is destroyed or costs comes first. What a reader calls each kind, and a button that shows only it.
KINDS: Mapping[Kind, str] = {
    "delete": "destroy",
    "replace": "replace",
    "run": "new run",
    "forget": "forget",
    "held": "held",
    "update": "change",
    "reuse": "reuse",
    "create": "create",
    "import": "import",
    "moved": "move",
    "in_progress": "in progress",
    "read": "record",
}
_LOOKS = {"+": "add", "-": "remove", "~": "edit", " ": "same"}
_WIDTH = Style(width=120)
# Beyond these a page is slow to open, and nobody reads them: rows of a change, columns of a row, boxes of the graph.
MOST_ROWS, MOST_COLUMNS, MOST_BOXES = 400, 2000, 120
_OPEN_BOXES = 24


class Row(NamedTuple):
    """One line of a change."""

    look: str
    sign: str
    text: str


class ChangeView(NamedTuple):
    """What the page shows of one change."""

    anchor: str
    kind: Kind
    title: str
    address: str
    headline: str
    place: str
    remarks: tuple[str, ...]
    rows: tuple[Row, ...]


class RootView(NamedTuple):
    """What the page shows of one root module: its plan, or why there is none."""

    folder: str
    id: str
    summary: str
    problem: str = ""
    warnings: tuple[str, ...] = ()
    targeted: bool = False
    graph: str = ""  # SVG
    graph_open: bool = False
    changes: tuple[ChangeView, ...] = ()
    sections: tuple[tuple[str, str], ...] = ()  # title, text
    unchanged: tuple[str, ...] = ()


class Page(NamedTuple):
    """The head of the page and its roots."""

    title: str
    name: str
    where: str
    summary: str
    id: str
    created_at: str
    version: str
    hours: str
    roots: tuple[RootView, ...]
    kinds: tuple[tuple[Kind, str, int], ...] = ()  # kind, title, how many

    @property
    def changes(self) -> int:
        return sum(number for _, _, number in self.kinds)


def html(plan: Plan, root: str = ".") -> str:
    """The page of one plan. `root` is the folder of the root module in its repository."""
    where = f"workspace {plan.workspace}" + (f", {root}" if root != "." else "")
    view = root_view(plan, root, 1)
    hours = tally(plan.changes).instance_hours
    return render(
        Page(
            f"planform plan: {plan.name}, workspace {plan.workspace}",
            plan.name,
            where,
            summary(plan),
            view.id,
            plan.created_at,
            plan.planform_version,
            hours_text(hours) if hours else "",
            (view,),
        )
    )


def render(page: Page) -> str:
    """The page as HTML; every value in it is text and stays text."""
    numbers: dict[Kind, int] = {}
    for root in page.roots:
        for change in root.changes:
            numbers[change.kind] = numbers.get(change.kind, 0) + 1
    page = page._replace(kinds=tuple((kind, title, numbers[kind]) for kind, title in KINDS.items() if kind in numbers))
    css, script = (_template(name).render() for name in ("plan.css", "plan.js"))
    return _template("plan.html").render(page=page, css=css, js=script, graph_css=STYLE + _fate_styles()) + "\n"


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("planform.render", "templates")
    return Environment(autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True).get_template(name)


def root_view(plan: Plan, folder: str, number: int) -> RootView:
    """What the page shows of a plan; `number` tells the anchors of several roots apart."""
    kinds = {change.address: kind_of(change) for change in plan.changes}
    shown = [change for change in plan.changes if kinds[change.address] in KINDS and not plan.refresh_only]
    shown.sort(key=lambda change: list(KINDS).index(kinds[change.address]))
    anchors = {change.address: f"change-{number}-{index}" for index, change in enumerate(shown, start=1)}
    drawn = _graph(plan, shown, anchors, f"graph-{number}")
    return RootView(
        folder,
        "" if plan.is_empty else plan.id,
        summary(plan),
        warnings=(
            *filter(None, verdicts(plan, PLAIN)),
            *(diagnostics_text([item], PLAIN).rstrip("\n") for item in plan.warnings),
        ),
        targeted=plan.targeted,
        graph=drawn,
        graph_open=drawn.count('class="node') <= _OPEN_BOXES,
        changes=tuple(_change_view(change, anchors[change.address]) for change in shown),
        sections=tuple(_sections(plan)),
        unchanged=tuple(str(address) for address, kind in kinds.items() if kind == "unchanged"),
    )


def _sections(plan: Plan) -> Iterator[tuple[str, str]]:
    drift = drift_section(plan, _WIDTH).removeprefix("Changed outside planform:\n")
    outputs = outputs_section(plan.outputs, _WIDTH).removeprefix("Outputs:\n")
    problems = [f"{item.address}: {text}" for item in plan.checks if item.status == "fail" for text in item.problems]
    notes = [note.removeprefix("Note: ") for note in shared_notes(plan)]
    found = {"Changed outside planform": drift, "Outputs": outputs, "Checks that fail": "\n".join(problems)}
    yield from ((title, text) for title, text in {**found, "Notes": "\n".join(notes)}.items() if text)


def _change_view(change: Change, anchor: str) -> ChangeView:
    kind = kind_of(change)
    said = headline(change, 110)
    title = KINDS[kind]
    # The badge says the verb already.
    detail = "" if said == title else said.removeprefix(f"{title} ") if kind != "run" else said.removeprefix("new ")
    return ChangeView(
        anchor,
        kind,
        title,
        str(change.address),
        detail.strip(),
        str(change.span or "").rpartition(":")[0],
        tuple(remarks(change)),
        tuple(_rows(change)),
    )


def _rows(change: Change) -> Iterator[Row]:
    lines = list(lines_to_review(change))
    for sign, depth, text in lines[:MOST_ROWS]:
        yield Row(_LOOKS[sign], sign, "  " * depth + elide(text, MOST_COLUMNS))
    if len(lines) > MOST_ROWS:
        yield Row("same", "", f"... {count(len(lines) - MOST_ROWS, 'more line')}: planform show --full PLAN")


def _graph(plan: Plan, shown: Sequence[Change], anchors: Mapping[Address, str], name: str) -> str:
    """What changes and what it needs, as far as the plan knows it; nothing when there is little or much to draw."""
    fates, instances = fates_of(plan), dict[str, list[Change]]()
    for change in plan.changes:
        instances.setdefault(change.address.node, []).append(change)
    wanted = [change.address.node for change in shown]
    boxes: dict[str, None] = {}
    while wanted:
        node = wanted.pop()
        if node not in boxes and node in instances:
            boxes[node] = None
            wanted += plan.dependencies.get(node, ())
    if not 1 < len(boxes) <= MOST_BOXES:
        return ""
    edges = [(user, needed) for user in boxes for needed in plan.dependencies.get(user, ()) if needed in boxes]
    resources = []
    for node in sorted(boxes):
        first = instances[node][0].address
        repeated = f"({len(instances[node])})" if first.key is not None else ""
        module = tuple(step.name for step in first.module)
        link = next((f"#{anchors[item.address]}" for item in instances[node] if item.address in anchors), "")
        resources.append(Resource(node, first.kind, first.name, repeated, module, fates.get(node, ""), link))
    return svg(resources, edges, COLOURS, f"{plan.name}, workspace {plan.workspace}", inline=name)


def _fate_styles() -> str:
    from planform.render.graph_svg import fate_style

    return "".join(fate_style(fate, colour) for fate, colour in COLOURS.items())
