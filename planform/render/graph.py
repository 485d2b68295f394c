"""The resources of a configuration and what each refers to, drawn as SVG, or told to Graphviz and Mermaid."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from planform.core.addresses import ResourceAddress
from planform.core.configuration import Configuration
from planform.core.plan import Action, Plan
from planform.render.graph_svg import Resource, svg

_GRAVITY = ("create", "change", "run", "delete")  # of what happens to the instances of a resource
# What a plan does to a resource, by the colour that it has on the screen too.
COLOURS = {"create": "#2da44e", "change": "#bf8700", "delete": "#cf222e", "run": "#0969da"}


def dot(configuration: Configuration, plan: Plan | None = None) -> str:
    """Graphviz' language; modules are boxes. An arrow points to what is needed."""
    fates, counts = fates_of(plan), _counts(configuration)
    lines = ["digraph planform {", '  rankdir="RL";', '  node [shape="box", style="rounded", fontname="sans-serif"];']
    for module, members in _modules(configuration.resources).items():
        inside = [
            f"{_quoted(str(item))} [label={_quoted(_label(item, counts))}{_dot_colour(fates.get(str(item)))}];"
            for item in members
        ]
        if not module:
            lines += [f"  {line}" for line in inside]
        else:
            title = ".".join(f"module.{name}" for name in module)
            lines += [f"  subgraph {_quoted(f'cluster_{title}')} {{", f"    label={_quoted(title)};"]
            lines += [*(f"    {line}" for line in inside), "  }"]
    lines += [f"  {_quoted(str(user))} -> {_quoted(str(needed))};" for user, needed in _edges(configuration)]
    return "\n".join([*lines, "}"]) + "\n"


def mermaid(configuration: Configuration, plan: Plan | None = None) -> str:
    """Mermaid's flowchart, which GitHub and GitLab draw."""
    fates, counts = fates_of(plan), _counts(configuration)
    names = {address: f"n{index}" for index, address in enumerate(sorted(configuration.resources, key=str))}
    lines = ["flowchart RL"]
    for module, members in _modules(configuration.resources).items():
        inside = [
            f"{names[item]}[{_quoted(_label(item, counts)).replace('[', '(').replace(']', ')')}]" for item in members
        ]
        if not module:
            lines += [f"  {line}" for line in inside]
        else:
            title = ".".join(f"module.{name}" for name in module)
            lines += [
                f"  subgraph {'_'.join(('module', *module))}[{title}]",
                *(f"    {line}" for line in inside),
                "  end",
            ]
    lines += [f"  {names[user]} --> {names[needed]}" for user, needed in _edges(configuration)]
    for fate, colour in COLOURS.items():
        doomed = [names[item] for item in names if fates.get(str(item)) == fate]
        if doomed:
            lines += [f"  classDef {fate} stroke:{colour},stroke-width:2px", f"  class {','.join(doomed)} {fate}"]
    return "\n".join(lines) + "\n"


def drawing(configuration: Configuration, plan: Plan | None = None) -> str:
    """A finished SVG, for where neither Graphviz nor Mermaid is at hand. Arrows point the way things are made."""
    fates, counts = fates_of(plan), _counts(configuration)
    resources = [
        Resource(str(item), item.kind, item.name, counts.get(item, ""), item.module, fates.get(str(item), ""))
        for members in _modules(configuration.resources).values()
        for item in members
    ]
    edges = [(str(user), str(needed)) for user, needed in _edges(configuration)]
    return svg(resources, edges, COLOURS, f"{configuration.name}, workspace {configuration.workspace}")


def _counts(configuration: Configuration) -> Mapping[ResourceAddress, str]:
    """How many instances a repeated resource has: `(3)`; nothing for one that is not repeated."""
    counted = Counter(address.resource for address in configuration.instances)
    return {
        address: f"({counted[address]})"
        for address, block in configuration.resources.items()
        if block.repetition != "single" or counted[address] != 1
    }


def _modules(resources: Iterable[ResourceAddress]) -> dict[tuple[str, ...], list[ResourceAddress]]:
    grouped: dict[tuple[str, ...], list[ResourceAddress]] = {}
    for address in sorted(resources, key=lambda item: (item.module, str(item))):
        grouped.setdefault(address.module, []).append(address)
    return grouped


def _edges(configuration: Configuration) -> Iterator[tuple[ResourceAddress, ResourceAddress]]:
    for user, block in sorted(configuration.resources.items(), key=lambda item: str(item[0])):
        for needed in sorted({item.resource for item in block.dependencies}, key=str):
            if needed in configuration.resources:
                yield user, needed


def fates_of(plan: Plan | None) -> Mapping[str, str]:
    """Resource -> what happens to it; to instances that fare differently happens the gravest."""
    fates: dict[str, str] = {}
    for change in plan.changes if plan is not None else ():
        match change.action:
            case _ if change.run is not None and change.run.decision == "new_run":
                fate = "run"
            case Action.CREATE:
                fate = "create"
            case Action.UPDATE:
                fate = "change"
            case Action.DELETE | Action.DELETE_THEN_CREATE | Action.CREATE_THEN_DELETE:
                fate = "delete"
            case _:
                continue
        resource = str(change.address.resource)
        fates[resource] = max(fate, fates.get(resource, fate), key=_GRAVITY.index)
    return fates


def _label(address: ResourceAddress, counts: Mapping[ResourceAddress, str]) -> str:
    return " ".join(filter(None, (f"{address.kind}.{address.name}", counts.get(address))))


def _dot_colour(fate: str | None) -> str:
    return f', color="{COLOURS[fate]}", penwidth=2' if fate else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
