"""A folder of *.pf.yaml as a Module, its child modules inside it; every problem that needs no values is found here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from planform.core.addresses import ResourceAddress, parse_address
from planform.core.configuration import Body, Place, SourceFile
from planform.core.errors import Diagnosed, Diagnostic, PlanformError, Problems, Span, did_you_mean
from planform.core.schemas import (
    ANY,
    BOOL,
    STRING,
    Attribute,
    Collection,
    Misfit,
    Nested,
    Schema,
    Type,
    attributes,
    convert,
    convert_body,
    describe,
    list_of,
    map_of,
)
from planform.core.values import AttributePath, Object, Value
from planform.language.blocks import (
    NAME,
    Leaf,
    Listed,
    Local,
    Module,
    ModuleCall,
    Output,
    Repetition,
    Resource,
    Settings,
    Validation,
    Variable,
    leaves_of,
    misfit_summary,
    opaque,
    path_text,
)
from planform.language.defaults import at_place, filled
from planform.language.documents import Document, Expr, collection_paused, locate, read_document
from planform.language.errors import ExpressionError
from planform.language.guards import SETTINGS
from planform.language.references import build_graph
from planform.language.sources import ModuleSources
from planform.language.text import diagnostic_at
from planform.language.type_constraints import parse_type
from planform.language.versions import allows

SUFFIX = ".pf.yaml"
PROVIDERS = ("aws", "local")  # where the caller does not say which there are
BUILT_IN = ("planform_data", "remote_state")  # the types that no provider makes

# The tables of the blocks, read like a resource's.
_BACKENDS = attributes(
    local=Attribute(Nested(attributes(path=Attribute(STRING)))),
    s3=Attribute(
        Nested(
            attributes(
                bucket=Attribute(STRING, required=True),
                key=Attribute(STRING, required=True),
                region=Attribute(STRING),
                profile=Attribute(STRING),
                endpoint_url=Attribute(STRING),
                kms_key_id=Attribute(STRING),
            )
        )
    ),
)
_PLANFORM = attributes(
    name=Attribute(
        STRING, pattern=r"[A-Za-z][A-Za-z0-9-]{0,30}", pattern_hint="a letter, then letters, digits and -, at most 31"
    ),
    required_version=Attribute(STRING),
    default_provider=Attribute(STRING),
    backend=Attribute(Nested(_BACKENDS)),
    encryption=Attribute(
        Nested(
            attributes(
                passphrase_env=Attribute(STRING),
                kms_key_id=Attribute(STRING),
                region=Attribute(STRING),
                profile=Attribute(STRING),
                endpoint_url=Attribute(STRING),
            )
        )
    ),
)
_PLANFORM |= SETTINGS
_VALIDATION = attributes(condition=Attribute(ANY, required=True), error_message=Attribute(STRING, required=True))
_VARIABLE = attributes(
    type=Attribute(STRING),
    default=Attribute(ANY),
    description=Attribute(STRING),
    validation=Attribute(list_of(Nested(_VALIDATION))),
    sensitive=Attribute(BOOL),
    nullable=Attribute(BOOL),
    ephemeral=Attribute(BOOL),
    deprecated=Attribute(STRING),
)
_OUTPUT = attributes(
    value=Attribute(ANY),
    description=Attribute(STRING),
    sensitive=Attribute(BOOL),
    depends_on=Attribute(list_of(STRING)),
    precondition=Attribute(list_of(Nested(_VALIDATION))),
    ephemeral=Attribute(BOOL),
)
_REPEAT = attributes(
    count=Attribute(ANY), for_each=Attribute(ANY), enabled=Attribute(ANY), depends_on=Attribute(list_of(STRING))
)
_MODULE = {**_REPEAT, **attributes(source=Attribute(STRING, required=True), inputs=Attribute(map_of(ANY)))}
_LIFECYCLE = attributes(
    prevent_destroy=Attribute(BOOL),
    create_before_destroy=Attribute(BOOL),
    ignore_changes=Attribute(list_of(STRING)),
    precondition=Attribute(list_of(Nested(_VALIDATION))),
    postcondition=Attribute(list_of(Nested(_VALIDATION))),
    replace_triggered_by=Attribute(list_of(STRING)),
    destroy=Attribute(BOOL),
)
_CHECK = attributes(**{"assert": Attribute(list_of(Nested(_VALIDATION)), required=True)})
_META = {
    **_REPEAT,
    **attributes(provider=Attribute(STRING), region=Attribute(STRING), lifecycle=Attribute(Nested(_LIFECYCLE))),
}
_REPEATS: tuple[Repetition, ...] = ("count", "for_each", "enabled")
_DATA_META = {name: item for name, item in _META.items() if name not in ("lifecycle", "depends_on")}

_MOVED = attributes(
    **{"from": Attribute(STRING, required=True), "to": Attribute(STRING, required=True), "for_each": Attribute(ANY)},
)
_IMPORT = attributes(to=Attribute(STRING, required=True), id=Attribute(STRING, required=True), for_each=Attribute(ANY))
_REMOVED = attributes(
    **{"from": Attribute(STRING, required=True), "destroy": Attribute(BOOL, default=True), "for_each": Attribute(ANY)}
)
_LISTED: Mapping[str, Mapping[str, Attribute]] = {"moved": _MOVED, "removed": _REMOVED, "import": _IMPORT}

_BLOCKS = (
    *("planform", "provider", "variable", "locals", "defaults", "data", "resource", "module"),
    *("moved", "removed", "import", "check", "output"),
)
# How deep an expression must at least stand in these.
_WRITTEN: Mapping[str | int, int] = {"validation": 3, "precondition": 3, "inputs": 2, "depends_on": 2}
_LITERAL = (
    "type",
    "description",
    "sensitive",
    "nullable",
    "source",
    "required_version",
    "destroy",
    "ephemeral",
    "deprecated",
)


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
        reader = _Reader(
            folder, schemas, sources, settings or {}, modules or ModuleSources(folder, fetch=sources is None)
        )
        module = reader.module(folder, (), ())
        if reader.readable:
            module = module._replace(graph=build_graph(module, frozenset(reader.lost), reader.problems))
    reader.problems.raise_if_any()
    return module._replace(warnings=tuple(reader.problems.items))


class _Reader:
    """Reads folders into modules and gathers what is wrong."""

    def __init__(
        self,
        root: str,
        schemas: Mapping[str, Schema],
        sources: Mapping[str, str] | None,
        settings: Mapping[str, Mapping[str, Attribute]],
        modules: ModuleSources,
    ) -> None:
        self.root, self.schemas, self.sources, self.settings = root, schemas, sources, settings
        self.modules = modules
        self.kinds = tuple(settings) or PROVIDERS
        self.regional = tuple(kind for kind, table in settings.items() if "region" in table)
        self.problems = Problems()
        self.folders: dict[str, list[Document]] = {}
        self.lost: set[str] = set()  # names of resources whose type does not exist
        self.readable = True  # every file could be parsed, so that what is absent is really absent

    # Files

    def documents(self, folder: str) -> list[Document]:
        if folder not in self.folders:
            self.folders[folder] = [
                document for source in self.files(folder) if (document := self.parsed(source)) is not None
            ]
        return self.folders[folder]

    def parsed(self, source: SourceFile) -> Document | None:
        try:
            document = read_document(source)
        except Diagnosed as error:
            self.readable = False
            self.problems.items += error.problems
            return None
        self.problems.items += document.problems
        return document

    def files(self, folder: str) -> Iterator[SourceFile]:
        base = self.modules.shown(folder)
        if self.sources is not None:
            for path in sorted(self.sources):
                if str(PurePosixPath(path).parent) == base:
                    yield SourceFile(path, self.sources[path])
            return
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
        except OSError as error:
            self.problems.add(Diagnostic("Folder cannot be read", f"{folder}: {error.strerror}."))
            self.readable = False
            return
        for name in names:
            path = name if base == "." else f"{base}/{name}"
            try:
                yield SourceFile(path, Path(folder, name).read_bytes().decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                line = error.object.count(b"\n", 0, error.start) + 1
                detail = f"Byte {error.start} is not UTF-8."
                self.unreadable(
                    Diagnostic("The file is not UTF-8 text", detail, Span(path, line), "", "Save it as UTF-8.")
                )
            except OSError as error:
                self.unreadable(Diagnostic("The file cannot be read", f"{path}: {error.strerror}."))

    def unreadable(self, diagnostic: Diagnostic) -> None:
        self.problems.add(diagnostic)
        self.readable = False

    # Modules

    def module(self, folder: str, path: tuple[str, ...], chain: tuple[str, ...]) -> Module:
        documents = self.documents(folder)
        if not documents and self.readable:
            self.empty_folder(folder, path)
        blocks = self.blocks(documents)
        planform = self.planform(blocks["planform"], path)
        providers = {
            name: settings
            for name, place, body in blocks["provider"]
            if (settings := self.provider(name, place, body, path))
        }
        variables = {
            name: variable for name, place, body in blocks["variable"] if (variable := self.variable(name, place, body))
        }
        defaults = {
            name: found
            for name, place, body in blocks["defaults"]
            if (found := self.defaults(name, place, body)) is not None
        }
        resources = {
            resource.address: resource
            for name, place, body in blocks["resource"]
            if (resource := self.resource(name, place, body, path, defaults))
        }
        data = {
            resource.address: resource
            for name, place, body in blocks["data"]
            if (resource := self.resource(name, place, body, path, {}, "data"))
        }
        calls = {
            name: call
            for name, place, body in blocks["module"]
            if (call := self.call(name, place, body, folder, path, (*chain, folder)))
        }
        outputs = {name: output for name, place, body in blocks["output"] if (output := self.output(name, place, body))}
        values = {name: Local(place, body) for name, place, body in blocks["locals"]}
        sources = tuple(document.source for document in documents)
        checks = {
            name: Listed(place, body, path)
            for name, place, body in blocks["check"]
            if self.body(place, body, _CHECK) is not None and isinstance(body, dict)
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
            self.unreadable(
                Diagnostic(
                    "No configuration", detail, suggestion="Run planform init, or change to the folder that has one."
                )
            )

    def blocks(self, documents: list[Document]) -> dict[str, list[tuple[str, Place, Body]]]:
        """Every named block of all files by kind: its name, place and body. Duplicates are reported."""
        found: dict[str, list[tuple[str, Place, Body]]] = {kind: [] for kind in _BLOCKS}
        seen: dict[tuple[str, str], Place] = {}
        for document in documents:
            if document.value is None:
                continue
            if not isinstance(document.value, dict):
                span = locate(document.source, ())
                detail = f"A module is a mapping of blocks, not {_kind(document.value)}."
                self.unreadable(
                    diagnostic_at(document.source, span, "Not a module", detail, f"There is: {', '.join(_BLOCKS)}.")
                )
                continue
            for kind, content in document.value.items():
                if kind.startswith("x-"):
                    continue
                place = document.place(kind)
                if kind not in found:
                    detail = f'Blocks of type "{kind}" are not expected here.'
                    self.problem(place, "Unsupported block type", detail, did_you_mean(kind, _BLOCKS), key=True)
                elif kind == "planform":
                    self.add(found, seen, kind, "", place, content)
                elif content is None:
                    continue
                elif kind in _LISTED:
                    self.listed(found, document, kind, content)
                elif not isinstance(content, dict):
                    self.wrong_shape(place, kind, content)
                else:
                    for name, body in content.items():
                        self.named(found, seen, document, kind, name, body)
        return found

    def listed(
        self, found: dict[str, list[tuple[str, Place, Body]]], document: Document, kind: str, content: Body
    ) -> None:
        if not isinstance(content, list):
            detail = f"Under {kind} stands a list; this is {_kind(content)}."
            self.problem(
                document.place(kind), "A list is required", detail, f"Write {kind}: [{{from: ...}}].", key=True
            )
            return
        for index, body in enumerate(content):
            span = locate(document.source, (kind, index))
            place = Place(document.source, (kind, index), span.line, span.column)
            before = len(self.problems.items)
            checked = self.body(place, body, _LISTED[kind])
            if checked is None or len(self.problems.items) > before:
                continue
            problem = address_problem(place, checked)
            if problem is None and kind == "import":
                problem = self.import_problem(place, checked["to"])
            if problem is not None:
                self.problems.add(problem)
            else:
                found[kind].append(("", place, body))

    def import_problem(self, place: Place, target: Value) -> Diagnostic | None:
        """Why nothing can be imported to an address: only what has a name can be found by it."""
        kind = moved_kind(target) if isinstance(target, str) else ""
        schema = self.schemas.get(kind)
        if not kind or (schema is not None and (schema.named or schema.has_runs)):
            return None
        can = ", ".join(sorted(item.type for item in self.schemas.values() if item.named or item.has_runs))
        span = locate(place.source, (*place.path, "to"))
        detail = f"{target} is a {kind}, of which there is nothing outside that could be found by a name."
        return diagnostic_at(place.source, span, "Not importable", detail, f"These can be imported: {can}.")

    def named(
        self,
        found: dict[str, list[tuple[str, Place, Body]]],
        seen: dict[tuple[str, str], Place],
        document: Document,
        kind: str,
        name: str,
        body: Body,
    ) -> None:
        if kind not in ("resource", "data", "defaults"):
            self.add(found, seen, kind, name, document.place(kind, name), body)
            return
        types = self.types("data" if kind == "data" else "managed")
        word = "data source" if kind == "data" else "resource type"
        if name not in types:
            self.problem(
                document.place(kind, name),
                f"Invalid {word}",
                f'There is no {word} "{name}".',
                did_you_mean(name, types),
                key=True,
            )
            self.lost.update(body if isinstance(body, dict) else ())
        elif kind == "defaults":
            self.add(found, seen, kind, name, document.place(kind, name), body)
        elif body is None:
            return
        elif not isinstance(body, dict):
            self.wrong_shape(document.place(kind, name), f'{word} "{name}"', body)
        else:
            for inner, content in body.items():
                self.add(found, seen, kind, f"{name}.{inner}", document.place(kind, name, inner), content)

    def types(self, mode: str) -> dict[str, Schema]:
        """The resource types, or the types of data sources."""
        return {item.type: item for name, item in self.schemas.items() if name.startswith("data.") == (mode == "data")}

    def add(
        self,
        found: dict[str, list[tuple[str, Place, Body]]],
        seen: dict[tuple[str, str], Place],
        kind: str,
        name: str,
        place: Place,
        body: Body,
    ) -> None:
        last = str(place.path[-1])
        if kind != "provider" and not NAME.fullmatch(last):
            detail = f'"{last}" cannot be a name: it begins with a letter or _, then letters, digits, _ and -.'
            self.problem(place, "Invalid name", detail, key=True)
            return
        first = seen.setdefault((kind, name), place)
        if first is not place:
            title = {
                "resource": f"resource {name}",
                "data": f"data.{name}",
                "locals": f"local.{name}",
                "planform": "planform block",
            }.get(kind, f"{kind} {name}")
            detail = f"It is already declared at {first.span}. " + (
                "Resource names must be unique per type in each module."
                if kind == "resource"
                else "There can be one in a module."
            )
            related = ((first.span, "first declared here"),)
            self.problem(
                place, f"Duplicate {title}", detail, "Rename or remove one of them.", key=True, related=related
            )
            return
        found[kind].append((name, place, body))

    def wrong_shape(self, place: Place, kind: str, content: Value) -> None:
        detail = f"Under {kind} stand names, each with its block; this is {_kind(content)}."
        self.problem(
            place, "Names are missing", detail, f"Write {kind}: {{name: ...}}." if " " not in kind else "", key=True
        )

    # Blocks

    def planform(self, blocks: list[tuple[str, Place, Body]], path: tuple[str, ...]) -> Settings | None:
        for _, place, body in blocks:
            checked = self.body(place, body, _PLANFORM)
            if checked is None:
                return None
            wanted = checked.get("required_version")
            if isinstance(wanted, str):
                self.version(place, wanted)
            backend = body.get("backend") if isinstance(body, dict) else None
            if isinstance(backend, dict):
                self.backend(place, backend)
            encryption = checked.get("encryption")
            if isinstance(encryption, dict) and len({"passphrase_env", "kms_key_id"} & set(encryption)) != 1:
                detail = "States and plans are encrypted with one key: from a passphrase or from KMS."
                suggestion = "Write encryption: {passphrase_env: NAME} or {kms_key_id: ARN}."
                self.problem(place, "One key", detail, suggestion, inner=("encryption",), key=True)
            provider = checked.get("default_provider")
            if isinstance(provider, str) and provider.partition(".")[0] not in self.kinds:
                self.unknown_provider(place, ("default_provider",), provider)
            return None if path else Settings(place, body)
        return None

    def version(self, place: Place, wanted: str) -> None:
        from planform import __version__

        try:
            fits = allows(wanted, __version__)
        except ValueError as error:
            self.problem(
                place,
                "Invalid version constraint",
                f"{error}",
                'Write ">= 0.1" or "~> 0.1.0".',
                inner=("required_version",),
            )
            return
        if not fits:
            detail = f"This module requires planform {wanted}; this is planform {__version__}."
            self.problem(place, "Unsupported planform version", detail, inner=("required_version",))

    def backend(self, place: Place, backend: Object) -> None:
        if len(backend) != 1:
            detail = f"A state lives in one place; here are {len(backend)}."
            self.problem(
                place, "One backend", detail, "Write backend: {local: {path: ...}}.", inner=("backend",), key=True
            )

    def provider(self, name: str, place: Place, body: Body, path: tuple[str, ...]) -> Settings | None:
        if path:
            detail = "Providers are configured in the root module only."
            self.problem(
                place, "Provider settings in a child module", detail, "Move this block to the root module.", key=True
            )
            return None
        kind, _, alias = name.partition(".")
        if kind not in self.kinds or ("." in name and not NAME.fullmatch(alias)):
            self.problem(
                place, "Unknown provider", f'There is no provider "{name}".', did_you_mean(name, self.kinds), key=True
            )
            return None
        settings = {} if body is None else body
        if kind in self.settings and isinstance(settings, dict):
            self.body(place, settings, self.settings[kind])
        if not isinstance(settings, dict):
            self.problem(
                place, "Invalid provider settings", f"The settings are a mapping, not {_kind(body)}.", key=True
            )
            return None
        return Settings(place, settings)

    def unknown_provider(self, place: Place, inner: AttributePath, name: str) -> None:
        detail = f'There is no provider "{name}".'
        self.problem(place, "Unknown provider", detail, did_you_mean(name, self.kinds), inner=inner)

    def variable(self, name: str, place: Place, body: Body) -> Variable | None:
        checked = self.body(place, body, _VARIABLE)
        if checked is None:
            return None
        wanted = self.type(place, checked.get("type"))
        raw = body or {}
        default = raw.get("default")
        required = "default" not in raw
        for leaf in leaves_of(default, ("default",)):
            detail = "A default is a literal value: it may not hold expressions."
            self.problem(place, "Variables not allowed", detail, "Compute it under `locals` instead.", inner=leaf.path)
            return None
        misfits: list[Misfit] = []
        default = convert(default, wanted, (), misfits)
        for misfit in misfits:
            at = f"var.{name}" + path_text(misfit.path)
            summary = f"Invalid default value for variable {name}"
            self.problem(place, summary, f"{at}: {misfit.summary}", misfit.suggestion, inner=("default", *misfit.path))
        nullable = checked.get("nullable", True) is not False
        if not required and default is None and not nullable:
            detail = f"var.{name} has nullable: false, so its default may not be null."
            self.problem(place, f"Invalid default value for variable {name}", detail, inner=("default",))
        validations = tuple(
            Validation(item.get("condition"), item.get("error_message"), (*place.path, "validation", index))
            for index, item in enumerate(_list(raw.get("validation")))
            if isinstance(item, dict)
        )
        ephemeral, description = checked.get("ephemeral") is True, str(checked.get("description", ""))
        sensitive, deprecated = checked.get("sensitive") is True or ephemeral, str(checked.get("deprecated", ""))
        return Variable(
            name,
            place,
            wanted,
            default,
            required,
            sensitive,
            nullable,
            validations,
            description,
            ephemeral,
            deprecated,
        )

    def type(self, place: Place, text: Value) -> Type:
        if not isinstance(text, str):
            return ANY
        try:
            return parse_type(text)
        except ExpressionError as error:
            self.problem(place, error.summary, error.detail, error.suggestion, inner=("type",))
            return ANY

    def defaults(self, name: str, place: Place, body: Body) -> Object | None:
        """What fills absent fields of all resources of one type (S1.8), when nothing is wrong with it."""
        allowed = {key: item for key, item in _META.items() if key in ("provider", "region", "lifecycle")}
        table = {key: item._replace(required=False) for key, item in self.schemas[name].attributes.items()}
        before = len(self.problems.items)
        if self.body(place, body, {**table, **allowed}) is None or len(self.problems.items) > before:
            return None
        placed = at_place(body, place)
        return placed if isinstance(placed, dict) else None

    def resource(
        self,
        name: str,
        place: Place,
        body: Body,
        path: tuple[str, ...],
        defaults: Mapping[str, Object],
        mode: str = "managed",
    ) -> Resource | None:
        kind, _, short = name.partition(".")
        address = ResourceAddress(kind, short, path, mode)
        schema, table = self.schemas[address.kind], _META if mode == "managed" else _DATA_META
        if body is None:
            body = {}
        if not isinstance(body, dict):
            self.problem(place, "Not a block", f"{address} is a mapping of attributes, not {_kind(body)}.", key=True)
            return None
        if kind in defaults:
            body = filled(body, defaults[kind])
        meta: Object = {}
        if any(key in body for key in table):
            meta = {key: item for key, item in body.items() if key in table}
            body = {key: item for key, item in body.items() if key not in table}
            self.meta(place, meta, schema, str(address))
        found: list[Leaf] = []
        shown = opaque(body, (), found)
        misfits: list[Misfit] = []
        converted: Object | None = convert_body(shown, schema.attributes, (), misfits)
        if found:
            converted = None
        elif not misfits and schema.check is not None and converted is not None:
            misfits = schema.check(converted)
        if misfits:
            self.misfits(place, misfits, schema, meta, str(address))
        repetition, repeat = self.repetition(place, meta)
        return Resource(
            address,
            place,
            body,
            converted,
            repetition,
            repeat,
            meta.get("provider"),
            meta.get("region"),
            meta.get("lifecycle"),
            meta.get("depends_on"),
        )

    def misfits(self, place: Place, misfits: list[Misfit], schema: Schema, meta: Object, address: str) -> None:
        known = [*(name for name, item in schema.attributes.items() if not item.computed), *_META]
        for misfit in misfits:
            if len(misfit.path) == 1 and misfit.path[0] not in schema.attributes:
                misfit = misfit._replace(suggestion=did_you_mean(str(misfit.path[0]), known))
            self.misfit(place, misfit, schema.attributes, address)

    def misfit(self, place: Place, misfit: Misfit, table: Mapping[str, Attribute], address: str = "") -> None:
        is_key = not is_settable(table, misfit.path)
        summary = "Unsupported argument" if is_key else misfit_summary(misfit)
        detail = (
            f"{path_text(misfit.path).lstrip('.')}: {misfit.summary}"
            if len(misfit.path) > 1 and not is_key
            else misfit.summary
        )
        if misfit.detail:
            detail += f" {misfit.detail}"
        self.problem(
            place, summary, detail, misfit.suggestion, inner=misfit.path, key=is_key or not misfit.path, address=address
        )

    def meta(self, place: Place, meta: Object, schema: Schema, address: str) -> None:
        checked = self.body(place, meta, _META, address)
        if checked is None:
            return
        provider = checked.get("provider")
        if isinstance(provider, str) and provider.partition(".")[0] not in self.kinds:
            self.unknown_provider(place, ("provider",), provider)
        lifecycle = checked.get("lifecycle")
        if isinstance(lifecycle, dict):
            for index, item in enumerate(lifecycle.get("ignore_changes") or ()):
                if (
                    isinstance(item, str)
                    and item != "all"
                    and item.partition(".")[0].partition("[")[0] not in schema.attributes
                ):
                    detail = f'{schema.type} has no attribute "{item}" to ignore.'
                    suggestion = did_you_mean(item, schema.attributes)
                    self.problem(
                        place, "Unsupported attribute", detail, suggestion, inner=("lifecycle", "ignore_changes", index)
                    )

    def repetition(self, place: Place, meta: Object) -> tuple[Repetition, Body]:
        given = [name for name in _REPEATS if name in meta]
        if len(given) > 1:
            detail = f"{' and '.join(given)} both say how many there are; only one of them can."
            self.problem(place, "Invalid combination", detail, "Keep one of them.", inner=(given[1],), key=True)
        return (given[0], meta[given[0]]) if given else ("single", None)

    def call(
        self, name: str, place: Place, body: Body, folder: str, path: tuple[str, ...], chain: tuple[str, ...]
    ) -> ModuleCall | None:
        checked = self.body(place, body, _MODULE)
        if checked is None or not isinstance(checked.get("source"), str):
            self.readable = False
            return None
        module = self.child(place, checked["source"], folder, (*path, name), chain)
        if module is None:
            self.readable = False
            return None
        inputs = {} if body.get("inputs") is None else body["inputs"]
        if isinstance(inputs, dict):
            self.inputs(name, place, inputs, module)
        else:
            inputs = {}
        repetition, repeat = self.repetition(place, body)
        return ModuleCall(name, place, checked["source"], module, inputs, repetition, repeat, body.get("depends_on"))

    def child(
        self, place: Place, source: str, folder: str, path: tuple[str, ...], chain: tuple[str, ...]
    ) -> Module | None:
        try:
            inner = self.modules.folder(source, folder)
        except PlanformError as error:
            self.problem(place, error.summary, error.detail, error.suggestion, inner=("source",))
            return None
        if inner in chain:
            begin = chain.index(inner)
            shown = [os.path.relpath(item, self.root) for item in (*chain[begin:], inner)]
            detail = f"Each of these folders calls the next: {' -> '.join(shown)}."
            self.problem(place, "Module cycle", detail, "A module cannot hold itself.", inner=("source",))
            return None
        if self.sources is None and not os.path.isdir(inner):
            detail = f"There is no folder {os.path.relpath(inner, self.root)}."
            siblings = (
                [entry.name for entry in os.scandir(os.path.dirname(inner)) if entry.is_dir()]
                if os.path.isdir(os.path.dirname(inner))
                else []
            )
            self.problem(
                place, "Module not found", detail, did_you_mean(os.path.basename(inner), siblings), inner=("source",)
            )
            return None
        module = self.module(inner, path, chain)
        if not module.sources and self.readable:
            detail = f"The folder {os.path.relpath(inner, self.root)} holds no *{SUFFIX} file."
            self.problem(place, "Empty module", detail, inner=("source",))
            return None
        return module

    def inputs(self, name: str, place: Place, inputs: Object, module: Module) -> None:
        for key, value in inputs.items():
            variable = module.variables.get(key)
            if variable is None:
                detail = f'Module {name} has no variable "{key}".'
                self.problem(
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
                self.problem(
                    place, "Invalid value for module input", detail, misfit.suggestion, inner=inner, related=related
                )
        for variable in module.variables.values():
            if variable.required and variable.name not in inputs:
                detail = f'Module {name} needs the input "{variable.name}".' + (
                    f" {variable.description}" if variable.description else ""
                )
                related = ((variable.place.span, f"variable {variable.name} is declared here"),)
                suggestion = f"Add inputs: {{{variable.name}: ...}}."
                self.problem(place, "Missing required argument", detail, suggestion, key=True, related=related)

    def deprecated(self, place: Place, name: str, variable: Variable) -> None:
        span = locate(place.source, (*place.path, "inputs", name), key=True)
        related = ((variable.place.span, f"variable {name} is declared here"),)
        title = f"Variable {name} is deprecated"
        self.problems.add(diagnostic_at(place.source, span, title, variable.deprecated, related=related, warning=True))

    def output(self, name: str, place: Place, body: Body) -> Output | None:
        checked = self.body(place, body, _OUTPUT)
        if checked is None:
            return None
        if "value" not in (body or {}):
            detail = f'"value" is required in output {name}.'
            self.problem(place, "Missing required argument", detail, f"Write {name}: {{value: ...}}.", key=True)
            return None
        if checked.get("ephemeral"):
            detail = "Outputs are stored in the state, which an ephemeral value must not be."
            self.problem(place, "An output cannot be ephemeral", detail, "Remove it.", inner=("ephemeral",))
        sensitive, description = checked.get("sensitive") is True, str(checked.get("description", ""))
        return Output(
            name, place, body["value"], sensitive, description, body.get("depends_on"), body.get("precondition")
        )

    # Bodies and problems

    def body(self, place: Place, body: Body, table: Mapping[str, Attribute], address: str = "") -> Object | None:
        """A block's body checked by its table, expressions taken as unknown; None when it is no mapping."""
        if body is None:
            body = {}
        if not isinstance(body, dict):
            name = str(place.path[-1])
            self.problem(
                place, "Not a block", f"{name} is a mapping here, not {_kind(body)}.", key=True, address=address
            )
            return None
        found: list[Leaf] = []
        misfits: list[Misfit] = []
        checked = convert_body(opaque(body, (), found), table, (), misfits)
        for misfit in misfits:
            self.misfit(place, misfit, table, address)
        for leaf in found:
            if leaf.path[0] in _LITERAL and leaf.path[0] in table:
                detail = f'"{leaf.path[0]}" is read before anything is evaluated.'
                self.problem(place, "A literal is required", detail, "Write the value itself.", inner=leaf.path)
            elif leaf.path[0] in _WRITTEN and len(leaf.path) < _WRITTEN[leaf.path[0]]:
                detail = f'What stands under "{leaf.path[0]}" is written out; expressions may be inside.'
                self.problem(place, "Not computable", detail, inner=leaf.path)
        return checked

    def problem(
        self,
        place: Place,
        summary: str,
        detail: str,
        suggestion: str = "",
        *,
        inner: AttributePath = (),
        key: bool = False,
        address: str = "",
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        """A problem at a path inside a block; without one, at the name of the block."""
        span = locate(place.source, (*place.path, *inner), key=key) if inner else place.span
        self.problems.add(
            diagnostic_at(place.source, span, summary, detail, suggestion, address=address, related=related)
        )


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


def address_problem(place: Place, body: Object) -> Diagnostic | None:
    """What is wrong with the addresses of a moved, removed or import block, as far as they are known."""
    kinds = []
    for name in ("from", "to"):
        text = body.get(name)
        if not isinstance(text, str):
            continue
        span = locate(place.source, (*place.path, name))
        try:
            kinds.append(moved_kind(text))
        except ValueError as error:
            return diagnostic_at(place.source, span, "Invalid address", f"{error}.")
        if len(set(kinds)) > 1:
            detail = f"{body['from']} is a {kinds[0]}, {body['to']} a {kinds[1]}: an object keeps its type."
            return diagnostic_at(place.source, span, "Not the same kind", detail)
    return None


def moved_kind(text: str) -> str:
    """What an address in a moved or removed block names: a resource type, or "module".

    Raises:
        ValueError: it names neither.
    """
    try:
        return parse_address(text).type
    except ValueError:
        # A module has the form of a resource once something is named inside.
        with suppress(ValueError):
            if parse_address(f"{text}.a.b").module:
                return "module"
        raise


def _kind(value: Value) -> str:
    return "an expression" if isinstance(value, Expr) else describe(value) if value is not None else "empty"


def is_settable(table: Mapping[str, Attribute], path: AttributePath) -> bool:
    """Whether a path leads only through attributes that a configuration may set."""
    inner: Mapping[str, Attribute] | None = table
    kind: Type | None = None
    for part in path:
        if inner is not None and isinstance(part, str):
            found = inner.get(part)
            if found is None or found.computed:
                return False
            kind = found.type
        elif isinstance(kind, Collection):
            kind = kind.element
        else:
            return True
        inner = kind.attributes if isinstance(kind, Nested) else None
    return True
