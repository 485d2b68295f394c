"""The arrows between the rooms of planform: every import, even inside a function, is one that these tables allow."""

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "planform"

# What each room may import of planform, besides itself and the package's own `__version__`.
ARROWS: Mapping[str, tuple[str, ...]] = {
    "core": (),
    "language": ("core",),
    "engine": ("core", "language"),
    "resources": ("core",),
    "training": ("core",),
    "backends": ("core",),
    "render": ("core",),
    "policies": ("core", "language"),
    "providers": ("core", "resources", "training"),
    "forges": ("core",),
    "runtime": (),
    "examples": (),
    "migrate": ("core", "language", "resources", "training"),
    "wiring": ("core", "language", "engine", "resources", "training", "backends", "providers"),
    "project": (
        *("core", "language", "engine", "resources", "training"),
        *("backends", "render", "policies", "providers", "runtime", "examples", "wiring"),
    ),
    "saved": ("core", "language", "project", "resources", "wiring", "backends"),
    "pins": ("core", "language", "engine", "training", "providers", "project", "wiring"),
    "roots": ("core", "language", "project"),
    "changes": ("core", "language", "project", "roots"),
    "abandoned": ("core", "language", "project", "roots", "changes", "backends"),
    "cli": (
        *("core", "language", "engine", "resources", "training"),
        *("backends", "render", "policies", "providers", "forges", "runtime", "examples"),
        *("migrate", "project", "wiring", "saved", "pins", "roots", "changes", "abandoned"),
    ),
    "__main__": ("cli",),
    "__init__": (),
}

# Parts of one room that know nothing of each other.
SEPARATE = (("providers.aws", "providers.local"), ("backends.local", "backends.s3"))

# Where each third-party package may be imported.
HOMES: Mapping[str, tuple[str, ...]] = {
    "yaml": (
        *("language.documents", "language.broken_yaml", "language.formatting", "language.functions"),
        *("language.outline", "language.settings"),
    ),
    "jinja2": ("language.functions", "render"),
    "deepdiff": ("engine.diff", "render"),
    "pathspec": ("training",),
    "filelock": ("backends", "providers.local"),
    "boto3": ("providers.aws", "backends.s3", "backends.encryption", "runtime.secrets_by_reference"),
    "botocore": ("providers.aws", "backends.s3", "backends.encryption"),
    "cryptography": ("backends.encryption",),
    "docker": ("providers.local",),
    "regopy": ("policies.rego",),
    "rich": ("cli", "render"),
    "click": ("cli",),
}

# Too slow to load on the way to a plan: imported inside the functions that use them.
LAZY = ("boto3", "botocore", "cryptography", "deepdiff", "docker", "jinja2", "regopy", "rich")

# The oldest Python that a user's training image may have; planform/runtime runs there.
OLDEST_PYTHON = (3, 7)


def read(package: Path) -> dict[str, str]:
    """The source of each module, by its dotted name below planform; a package is called by its own name."""
    sources = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        sources[name] = path.read_text(encoding="utf-8")
    return sources


def imports(tree: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    """Each imported name, in full: `from a.b import c` is a.b.c. A relative import begins with dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from ((node, f"{origin}.{alias.name}") for alias in node.names)


def within(module: str, *places: str) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def room(module: str) -> str:
    return module.partition(".")[0]


def deferred(tree: ast.Module) -> set[ast.AST]:
    """What does not run when the module is imported: the insides of functions and of `if TYPE_CHECKING`."""
    return {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for inner in ast.walk(node)
    }


def objection(module: str, imported: str, at_top: bool, modules: Collection[str]) -> str | None:
    """Why module, one of modules, may not import that name, or None when it may."""
    package, _, inside = imported.partition(".")
    if not package:
        return "imports are absolute"
    if package == "planform":
        if room(module) == "runtime":
            return "runtime imports nothing of planform"
        if inside in ("", "__version__"):
            return None
        if room(inside) not in (room(module), *ARROWS[room(module)]):
            return f"{room(module)} may not import {room(inside)}"
        for parts in SEPARATE:
            if any(within(module, one) and within(inside, *parts) and not within(inside, one) for one in parts):
                return "they know nothing of each other"
        return None
    # The files of runtime are copied beside user code, where they find each other by their plain names.
    if package in sys.stdlib_module_names or (room(module) == "runtime" and f"runtime.{package}" in modules):
        return None
    if not within(module, *HOMES.get(package, ())):
        return f"{package} is at home in {', '.join(HOMES[package])}" if package in HOMES else "unknown package"
    return "imported inside the functions that use it" if at_top and package in LAZY else None


def objections(sources: Mapping[str, str]) -> list[str]:
    """Everything in these modules that the tables do not allow."""
    found = []
    for module, source in sources.items():
        if room(module) not in ARROWS:
            found.append(f"{module}: no such room in ARROWS")
            continue
        tree = ast.parse(source)
        later = deferred(tree)
        for node, imported in imports(tree):
            why = objection(module, imported, node not in later, sources.keys())
            if why:
                found.append(f"{module}:{node.lineno} imports {imported}: {why}")
    return found


def cycle(sources: Mapping[str, str]) -> list[str]:
    """The modules of one import cycle, or nothing."""
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        graph[module] = set()
        for _, imported in imports(ast.parse(source)):
            inside = imported.removeprefix("planform.")
            target = inside if inside in sources else inside.rpartition(".")[0]
            if imported != inside and target in sources:
                graph[module].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_import_follows_an_arrow():
    assert objections(read(PACKAGE)) == []


def test_no_import_cycle():
    assert cycle(read(PACKAGE)) == []


def test_runtime_is_written_for_the_oldest_python():
    for module, source in read(PACKAGE).items():
        if room(module) == "runtime":
            ast.parse(source, filename=module, feature_version=OLDEST_PYTHON)


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        pytest.param("core.plan", "import planform.engine.walk", ["core may not import engine"], id="up the line"),
        pytest.param("engine.planner", "from planform.language.scope import Scope", [], id="down the line"),
        pytest.param("engine.planner", "from planform import render", ["engine may not import render"], id="an edge"),
        pytest.param(
            "render.text",
            "def text():\n    from planform.backends.s3 import S3",
            ["render may not import backends"],
            id="inside a function",
        ),
        pytest.param(
            "providers.aws.trainer",
            "from planform.providers.local.queue import Queue",
            ["they know nothing of each other"],
            id="a provider and another",
        ),
        pytest.param("providers.aws.trainer", "from planform.providers.aws.clients import client", [], id="one room"),
        pytest.param("project", "import planform.cli.main", ["project may not import cli"], id="the command line"),
        pytest.param("engine.walk", "import planform.project", ["engine may not import project"], id="the root"),
        pytest.param("render.text", "from planform import __version__", [], id="the version"),
        pytest.param(
            "runtime.launch", "from planform import __version__", ["runtime imports nothing of planform"], id="runtime"
        ),
        pytest.param("engine.walk", "from . import diff", ["imports are absolute"], id="relative"),
        pytest.param(
            "engine.walk",
            "import yaml",
            [
                "yaml is at home in language.documents, language.broken_yaml, language.formatting, language.functions,"
                " language.outline, language.settings"
            ],
            id="not at home",
        ),
        pytest.param("engine.walk", "import numpy.linalg", ["unknown package"], id="no home"),
        pytest.param("backends.s3", "import boto3", ["imported inside the functions that use it"], id="too early"),
        pytest.param("backends.s3", "def get():\n    import boto3", [], id="lazy"),
        pytest.param(
            "backends.s3",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import botocore",
            [],
            id="for the type checker",
        ),
        pytest.param("runtime.launch", "import numpy", ["unknown package"], id="runtime and a package"),
        pytest.param("tools.sort", "import json", ["no such room in ARROWS"], id="a new room"),
    ],
)
def test_the_tables_are_enforced(module, source, found):
    assert [text.rpartition(": ")[2] for text in objections({module: source})] == found


def test_a_cycle_is_found():
    sources = {
        "engine.plan": "from planform.engine.walk import walk",
        "engine.walk": "def walk():\n    from planform.engine import plan",
        "engine.diff": "import json",
    }
    assert set(cycle(sources)) == {"engine.plan", "engine.walk"}
