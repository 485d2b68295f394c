"""Each kind of block as its value, checked by its table and by the rules that no table says."""

from __future__ import annotations

from collections.abc import Mapping

from planform.core.addresses import ResourceAddress
from planform.core.configuration import Body, Place
from planform.core.errors import did_you_mean
from planform.core.schemas import ANY, Attribute, Misfit, Schema, Type, convert, convert_body
from planform.core.values import AttributePath, Object, Value
from planform.language.blocks import (
    NAME,
    Leaf,
    Output,
    Repetition,
    Resource,
    Settings,
    Validation,
    Variable,
    leaves_of,
    opaque,
    path_text,
)
from planform.language.defaults import at_place, filled
from planform.language.errors import ExpressionError
from planform.language.findings import Findings, kind_of
from planform.language.grammar import DATA_META, META, OUTPUT, PLANFORM, REPEATS, VARIABLE
from planform.language.type_constraints import parse_type
from planform.language.versions import allows


class BlockReader:
    """Reads the blocks of any module; `settings` are the attribute tables of the providers that there are."""

    def __init__(
        self,
        findings: Findings,
        schemas: Mapping[str, Schema],
        kinds: tuple[str, ...],
        settings: Mapping[str, Mapping[str, Attribute]],
    ) -> None:
        self.findings, self.schemas, self.kinds, self.settings = findings, schemas, kinds, settings

    def planform(self, blocks: list[tuple[str, Place, Body]], path: tuple[str, ...]) -> Settings | None:
        for _, place, body in blocks:
            checked = self.findings.body(place, body, PLANFORM)
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
                self.findings.problem(place, "One key", detail, suggestion, inner=("encryption",), key=True)
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
            self.findings.problem(
                place,
                "Invalid version constraint",
                f"{error}",
                'Write ">= 0.1" or "~> 0.1.0".',
                inner=("required_version",),
            )
            return
        if not fits:
            detail = f"This module requires planform {wanted}; this is planform {__version__}."
            self.findings.problem(place, "Unsupported planform version", detail, inner=("required_version",))

    def backend(self, place: Place, backend: Object) -> None:
        if len(backend) != 1:
            detail = f"A state lives in one place; here are {len(backend)}."
            self.findings.problem(
                place, "One backend", detail, "Write backend: {local: {path: ...}}.", inner=("backend",), key=True
            )

    def provider(self, name: str, place: Place, body: Body, path: tuple[str, ...]) -> Settings | None:
        if path:
            detail = "Providers are configured in the root module only."
            self.findings.problem(
                place, "Provider settings in a child module", detail, "Move this block to the root module.", key=True
            )
            return None
        kind, _, alias = name.partition(".")
        if kind not in self.kinds or ("." in name and not NAME.fullmatch(alias)):
            self.findings.problem(
                place, "Unknown provider", f'There is no provider "{name}".', did_you_mean(name, self.kinds), key=True
            )
            return None
        settings = {} if body is None else body
        if kind in self.settings and isinstance(settings, dict):
            self.findings.body(place, settings, self.settings[kind])
        if not isinstance(settings, dict):
            self.findings.problem(
                place, "Invalid provider settings", f"The settings are a mapping, not {kind_of(body)}.", key=True
            )
            return None
        return Settings(place, settings)

    def unknown_provider(self, place: Place, inner: AttributePath, name: str) -> None:
        detail = f'There is no provider "{name}".'
        self.findings.problem(place, "Unknown provider", detail, did_you_mean(name, self.kinds), inner=inner)

    def variable(self, name: str, place: Place, body: Body) -> Variable | None:
        checked = self.findings.body(place, body, VARIABLE)
        if checked is None:
            return None
        wanted = self.type(place, checked.get("type"))
        raw = body or {}
        default = raw.get("default")
        required = "default" not in raw
        for leaf in leaves_of(default, ("default",)):
            detail = "A default is a literal value: it may not hold expressions."
            self.findings.problem(
                place, "Variables not allowed", detail, "Compute it under `locals` instead.", inner=leaf.path
            )
            return None
        misfits: list[Misfit] = []
        default = convert(default, wanted, (), misfits)
        for misfit in misfits:
            at = f"var.{name}" + path_text(misfit.path)
            summary = f"Invalid default value for variable {name}"
            self.findings.problem(
                place, summary, f"{at}: {misfit.summary}", misfit.suggestion, inner=("default", *misfit.path)
            )
        nullable = checked.get("nullable", True) is not False
        if not required and default is None and not nullable:
            detail = f"var.{name} has nullable: false, so its default may not be null."
            self.findings.problem(place, f"Invalid default value for variable {name}", detail, inner=("default",))
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
            self.findings.problem(place, error.summary, error.detail, error.suggestion, inner=("type",))
            return ANY

    def defaults(self, name: str, place: Place, body: Body) -> Object | None:
        """What fills absent fields of all resources of one type (S1.8), when nothing is wrong with it."""
        allowed = {key: item for key, item in META.items() if key in ("provider", "region", "lifecycle")}
        table = {key: item._replace(required=False) for key, item in self.schemas[name].attributes.items()}
        before = len(self.findings.problems.items)
        if self.findings.body(place, body, {**table, **allowed}) is None or len(self.findings.problems.items) > before:
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
        schema, table = self.schemas[address.kind], META if mode == "managed" else DATA_META
        if body is None:
            body = {}
        if not isinstance(body, dict):
            self.findings.problem(
                place, "Not a block", f"{address} is a mapping of attributes, not {kind_of(body)}.", key=True
            )
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
        known = [*(name for name, item in schema.attributes.items() if not item.computed), *META]
        for misfit in misfits:
            if len(misfit.path) == 1 and misfit.path[0] not in schema.attributes:
                misfit = misfit._replace(suggestion=did_you_mean(str(misfit.path[0]), known))
            self.findings.misfit(place, misfit, schema.attributes, address)

    def meta(self, place: Place, meta: Object, schema: Schema, address: str) -> None:
        checked = self.findings.body(place, meta, META, address)
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
                    self.findings.problem(
                        place, "Unsupported attribute", detail, suggestion, inner=("lifecycle", "ignore_changes", index)
                    )

    def repetition(self, place: Place, meta: Object) -> tuple[Repetition, Body]:
        given = [name for name in REPEATS if name in meta]
        if len(given) > 1:
            detail = f"{' and '.join(given)} both say how many there are; only one of them can."
            self.findings.problem(
                place, "Invalid combination", detail, "Keep one of them.", inner=(given[1],), key=True
            )
        return (given[0], meta[given[0]]) if given else ("single", None)

    def output(self, name: str, place: Place, body: Body) -> Output | None:
        checked = self.findings.body(place, body, OUTPUT)
        if checked is None:
            return None
        if "value" not in (body or {}):
            detail = f'"value" is required in output {name}.'
            self.findings.problem(
                place, "Missing required argument", detail, f"Write {name}: {{value: ...}}.", key=True
            )
            return None
        if checked.get("ephemeral"):
            detail = "Outputs are stored in the state, which an ephemeral value must not be."
            self.findings.problem(place, "An output cannot be ephemeral", detail, "Remove it.", inner=("ephemeral",))
        sensitive, description = checked.get("sensitive") is True, str(checked.get("description", ""))
        return Output(
            name, place, body["value"], sensitive, description, body.get("depends_on"), body.get("precondition")
        )


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []
