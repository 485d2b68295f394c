"""A folder of *.pf.yaml as a Module, its child modules inside it; every problem that needs no values is found here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from planform.core.configuration import Body, Place
from planform.core.errors import Diagnostic, PlanformError, did_you_mean
from planform.core.schemas import Attribute, Misfit, Schema, convert
from planform.core.values import Object
from planform.language.block_reader import BlockReader
from planform.language.blocks import Listed, Local, Module, ModuleCall, Variable, opaque, path_text
from planform.language.declarations import Declarations
from planform.language.documents import collection_paused, locate
from planform.language.findings import Findings
from planform.language.folders import SUFFIX, Folders
from planform.language.grammar import CHECK, MODULE
from planform.language.references import build_graph
from planform.language.sources import ModuleSources
from planform.language.text import diagnostic_at

_NEARLY = re.compile(r"[\w-]+(\.[\w-]+)?\.(ya?ml|pf)")  # names that come near to those of our files
_BLOCKS = re.compile(r"^(planform|resource|provider|variable|output|module):", re.MULTILINE)
PROVIDERS = ("aws", "local")  # where the caller does not say which there are
BUILT_IN = ("planform_data", "remote_state")  # the types that no provider makes


def load(
    folder: str,
    schemas: Mapping[str, Schema],
    sources: Mapping[str, str] | None = None,
    settings: Mapping[str, Mapping[str, Attribute]] | None = None,
    modules: ModuleSources | None = None,
) -> Module:
    """The root module in `folder`, with its child modules. With `sources` (path to text) nothing else is read.
    `settings` are the attribute tables of the providers, by which what stands under `provider` is checked; `modules`
    finds the child modules that are not local folders.

    Raises:
        Diagnosed: every problem found, at once.
    """
    folder = os.path.abspath(folder)
    with collection_paused():
        reader = _Modules(
            folder, schemas, sources, settings or {}, modules or ModuleSources(folder, fetch=sources is None)
        )
        findings, lost = reader.findings, reader.declarations.lost
        module = reader.module(folder, (), ())
        if findings.complete:
            module = module._replace(graph=build_graph(module, frozenset(lost), findings.problems))
    findings.problems.raise_if_any()
    return module._replace(warnings=tuple(findings.problems.items))


class _Modules:
    """Reads modules and gathers what is wrong."""

    def __init__(
        self,
        root: str,
        schemas: Mapping[str, Schema],
        sources: Mapping[str, str] | None,
        settings: Mapping[str, Mapping[str, Attribute]],
        modules: ModuleSources,
    ) -> None:
        self.root, self.schemas, self.sources, self.modules = root, schemas, sources, modules
        self.kinds = tuple(settings) or PROVIDERS
        self.regional = tuple(kind for kind, table in settings.items() if "region" in table)
        self.findings = Findings()
        self.folders = Folders(self.findings, modules, sources)
        self.declarations = Declarations(self.findings, schemas)
        self.read = BlockReader(self.findings, schemas, self.kinds, settings)

    def module(self, folder: str, path: tuple[str, ...], chain: tuple[str, ...]) -> Module:
        documents = self.folders.documents(folder)
        if not documents and self.findings.complete:
            self.empty_folder(folder, path)
        blocks = self.declarations.blocks(documents)
        planform = self.read.planform(blocks["planform"], path)
        providers = {
            name: settings
            for name, place, body in blocks["provider"]
            if (settings := self.read.provider(name, place, body, path))
        }
        variables = {
            name: variable
            for name, place, body in blocks["variable"]
            if (variable := self.read.variable(name, place, body))
        }
        defaults = {
            name: found
            for name, place, body in blocks["defaults"]
            if (found := self.read.defaults(name, place, body)) is not None
        }
        resources = {
            resource.address: resource
            for name, place, body in blocks["resource"]
            if (resource := self.read.resource(name, place, body, path, defaults))
        }
        data = {
            resource.address: resource
            for name, place, body in blocks["data"]
            if (resource := self.read.resource(name, place, body, path, {}, "data"))
        }
        calls = {
            name: call
            for name, place, body in blocks["module"]
            if (call := self.call(name, place, body, folder, path, (*chain, folder)))
        }
        outputs = {
            name: output for name, place, body in blocks["output"] if (output := self.read.output(name, place, body))
        }
        values = {name: Local(place, body) for name, place, body in blocks["locals"]}
        sources = tuple(document.source for document in documents)
        checks = {
            name: Listed(place, body, path)
            for name, place, body in blocks["check"]
            if self.findings.body(place, body, CHECK) is not None and isinstance(body, dict)
        }
        moved, removed, imports = (
            tuple(Listed(place, body, path) for _, place, body in blocks[kind] if isinstance(body, dict))
            for kind in ("moved", "removed", "import")
        )
        return Module(
            path,
            folder,
            planform,
            providers,
            variables,
            values,
            resources,
            calls,
            outputs,
            sources,
            self.schemas,
            moved,
            removed,
            checks,
            self.kinds,
            self.regional,
            imports,
            data,
        )

    def empty_folder(self, folder: str, path: tuple[str, ...]) -> None:
        if not path:
            detail = f"{folder} holds no *{SUFFIX} file."
            advice = "Run planform init, or change to the folder that has one."
            other = self.misnamed(folder)
            if other:
                advice = f"Is it {other}? Its name must end with {SUFFIX}: mv {other} {other.partition('.')[0]}{SUFFIX}"
            self.findings.incomplete(Diagnostic("No configuration", detail, suggestion=advice))

    def misnamed(self, folder: str) -> str:
        """A file that would be read if it had the right name; empty when there is none."""
        names = sorted(os.listdir(folder)) if self.sources is None else []
        for name in filter(_NEARLY.fullmatch, names):
            with suppress(OSError, UnicodeDecodeError):
                if _BLOCKS.search(Path(folder, name).read_text()):
                    return name
        return ""

    def call(
        self, name: str, place: Place, body: Body, folder: str, path: tuple[str, ...], chain: tuple[str, ...]
    ) -> ModuleCall | None:
        checked = self.findings.body(place, body, MODULE)
        if checked is None or not isinstance(checked.get("source"), str):
            self.findings.complete = False
            return None
        module = self.child(place, checked["source"], folder, (*path, name), chain)
        if module is None:
            self.findings.complete = False
            return None
        inputs = {} if body.get("inputs") is None else body["inputs"]
        if isinstance(inputs, dict):
            self.inputs(name, place, inputs, module)
        else:
            inputs = {}
        repetition, repeat = self.read.repetition(place, body)
        return ModuleCall(name, place, checked["source"], module, inputs, repetition, repeat, body.get("depends_on"))

    def child(
        self, place: Place, source: str, folder: str, path: tuple[str, ...], chain: tuple[str, ...]
    ) -> Module | None:
        try:
            inner = self.modules.folder(source, folder)
        except PlanformError as error:
            self.findings.problem(place, error.summary, error.detail, error.suggestion, inner=("source",))
            return None
        if inner in chain:
            begin = chain.index(inner)
            shown = [os.path.relpath(item, self.root) for item in (*chain[begin:], inner)]
            detail = f"Each of these folders calls the next: {' -> '.join(shown)}."
            self.findings.problem(place, "Module cycle", detail, "A module cannot hold itself.", inner=("source",))
            return None
        if self.sources is None and not os.path.isdir(inner):
            detail = f"There is no folder {os.path.relpath(inner, self.root)}."
            siblings = (
                [entry.name for entry in os.scandir(os.path.dirname(inner)) if entry.is_dir()]
                if os.path.isdir(os.path.dirname(inner))
                else []
            )
            self.findings.problem(
                place, "Module not found", detail, did_you_mean(os.path.basename(inner), siblings), inner=("source",)
            )
            return None
        module = self.module(inner, path, chain)
        if not module.sources and self.findings.complete:
            detail = f"The folder {os.path.relpath(inner, self.root)} holds no *{SUFFIX} file."
            self.findings.problem(place, "Empty module", detail, inner=("source",))
            return None
        return module

    def inputs(self, name: str, place: Place, inputs: Object, module: Module) -> None:
        for key, value in inputs.items():
            variable = module.variables.get(key)
            if variable is None:
                detail = f'Module {name} has no variable "{key}".'
                self.findings.problem(
                    place,
                    "Unsupported argument",
                    detail,
                    did_you_mean(key, module.variables),
                    inner=("inputs", key),
                    key=True,
                )
                continue
            if variable.deprecated:
                self.deprecated(place, key, variable)
            misfits: list[Misfit] = []
            convert(opaque(value, (), []), variable.type, (), misfits)
            for misfit in misfits:
                detail = f"{key}{path_text(misfit.path)}: {misfit.summary}"
                related = ((variable.place.span, f"variable {key} is declared here"),)
                inner = ("inputs", key, *misfit.path)
                self.findings.problem(
                    place, "Invalid value for module input", detail, misfit.suggestion, inner=inner, related=related
                )
        for variable in module.variables.values():
            if variable.required and variable.name not in inputs:
                detail = f'Module {name} needs the input "{variable.name}".' + (
                    f" {variable.description}" if variable.description else ""
                )
                related = ((variable.place.span, f"variable {variable.name} is declared here"),)
                suggestion = f"Add inputs: {{{variable.name}: ...}}."
                self.findings.problem(place, "Missing required argument", detail, suggestion, key=True, related=related)

    def deprecated(self, place: Place, name: str, variable: Variable) -> None:
        span = locate(place.source, (*place.path, "inputs", name), key=True)
        related = ((variable.place.span, f"variable {name} is declared here"),)
        title = f"Variable {name} is deprecated"
        self.findings.problems.add(
            diagnostic_at(place.source, span, title, variable.deprecated, related=related, warning=True)
        )
