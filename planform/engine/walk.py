"""The order of things: which resource needs which, and what a target takes with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

from planform.core.addresses import Address, ResourceAddress, names
from planform.core.configuration import Configuration
from planform.core.errors import Diagnostic, Problems, did_you_mean


def in_order(configuration: Configuration) -> list[ResourceAddress]:
    """Every resource after all it refers to. The language has refused cycles before."""
    sorter: TopologicalSorter[ResourceAddress] = TopologicalSorter()
    for address, block in configuration.resources.items():
        sorter.add(address, *(item.resource for item in block.dependencies if item.resource in configuration.resources))
    return list(sorter.static_order())


def instances_by_resource(configuration: Configuration) -> dict[ResourceAddress, list[Address]]:
    grouped: dict[ResourceAddress, list[Address]] = {}
    for address, instance in configuration.instances.items():
        grouped.setdefault(instance.block.address, []).append(address)
    return grouped


def dependency_table(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    """Resource -> the resources it refers to, as states record it."""
    return {
        str(address): tuple(sorted({str(item.resource) for item in block.dependencies}))
        for address, block in configuration.resources.items()
    }


def select(patterns: Sequence[str], known: Iterable[Address], option: str, problems: Problems) -> frozenset[Address]:
    """The addresses that the patterns of an option name: an instance, a resource, a module, or a glob (S2.9). A
    pattern that matches nothing is a problem."""
    if not patterns:
        return frozenset()
    chosen = set[Address]()
    texts = {str(address): address for address in known}
    for pattern in patterns:
        wanted = pattern.replace("'", '"')
        found = [address for text, address in texts.items() if names(pattern, text)]
        if not found:
            near = {text.partition("[")[0] for text in texts} | set(texts)
            problems.add(
                Diagnostic(
                    f"{option} {pattern} matches nothing.",
                    "An option that selects nothing would do less than was asked, so planform stops here.",
                    suggestion=did_you_mean(wanted, near),
                )
            )
        chosen.update(found)
    return frozenset(chosen)


def with_dependencies(
    chosen: frozenset[Address], dependencies: Mapping[str, Sequence[str]], known: Iterable[Address]
) -> frozenset[Address]:
    """The chosen instances and everything they need, directly or not."""
    by_resource: dict[str, list[Address]] = {}
    for address in known:
        for name in {str(address.resource), address.node}:
            by_resource.setdefault(name, []).append(address)
    reached = set(chosen)
    waiting = [address.node for address in chosen]
    seen: set[str] = set()
    while waiting:
        resource = waiting.pop()
        for needed in dependencies.get(resource, ()):
            if needed not in seen:
                seen.add(needed)
                waiting.append(needed)
                reached.update(by_resource.get(needed, ()))
    return frozenset(reached)


def with_dependents(
    chosen: frozenset[Address], dependencies: Mapping[str, Sequence[str]], known: Iterable[Address]
) -> frozenset[Address]:
    """The chosen instances and everything that needs them: what a targeted destroy takes along."""
    needed_by: dict[str, list[str]] = {}
    for resource, needs in dependencies.items():
        for needed in needs:
            needed_by.setdefault(needed, []).append(resource)
    return with_dependencies(chosen, needed_by, known)
