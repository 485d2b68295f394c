"""The JSON Schema of the language, for editors: made from the tables by which planform itself checks the files.

Draft 7, which yaml-language-server knows best. Wherever a value may stand, an expression may stand too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from planform.core.schemas import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    Attribute,
    Collection,
    Enum,
    Nested,
    ObjectType,
    OneOf,
    Scalar,
    Schema,
    TupleType,
    Type,
    attributes,
    list_of,
    map_of,
)
from planform.render.values import value_text

Json: TypeAlias = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
NAME = "^[A-Za-z_][A-Za-z0-9_-]*$"
_EXPRESSION: Json = {"type": "string", "pattern": r"[$%]\{"}
# Said by what they are not, since editors offer what a type names: `true` for every text, `null` for everything.
_SIMPLE: Json = {"not": {"type": ["object", "array", "null"]}}
_UNSET: Json = {"not": {"type": ["string", "number", "boolean", "object", "array"]}}
_NUMERAL: Json = {"type": "string", "pattern": r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"}
_MEANS = {
    "digest": "a new run",
    "live": "in place",
    "next_run": "the next run",
    "update": "in place",
    "replace": "replaced",
}

# The blocks and arguments of the language, said for people.
_CONDITIONS = list_of(
    Nested(
        attributes(
            condition=Attribute(ANY, "An expression that must be true.", required=True),
            error_message=Attribute(STRING, "What is said when it is not.", required=True),
        )
    )
)
_DEPENDS_ON = Attribute(list_of(STRING), "Addresses of what must be there first, beside what expressions refer to.")
REPEAT: Mapping[str, Attribute] = attributes(
    count=Attribute(NUMBER, "How many there are; `count.index` tells them apart.", minimum=0),
    for_each=Attribute(
        OneOf((map_of(ANY), list_of(STRING)), "a mapping or a set of strings"),
        "One for each key; `each.key` and `each.value` tell them apart.",
    ),
    enabled=Attribute(BOOL, "Whether there is one at all.", default=True),
)
META: Mapping[str, Attribute] = {
    **REPEAT,
    **attributes(
        provider=Attribute(STRING, "Who makes it real, instead of the default provider: `aws`, `local`, `aws.eu`."),
        region=Attribute(
            STRING, "Where it is, instead of the provider's region; a provider without regions pays no heed."
        ),
        depends_on=_DEPENDS_ON,
        lifecycle=Attribute(
            Nested(
                attributes(
                    prevent_destroy=Attribute(BOOL, "Refuse every plan that would destroy it."),
                    create_before_destroy=Attribute(BOOL, "When it is replaced, make the new one first."),
                    ignore_changes=Attribute(
                        OneOf((list_of(STRING), Enum(("all",))), "a list of attributes, or all"),
                        "Attributes whose changes are left alone.",
                    ),
                    replace_triggered_by=Attribute(list_of(STRING), "Addresses whose change replaces it."),
                    precondition=Attribute(_CONDITIONS, "What must hold before it is planned or made."),
                    postcondition=Attribute(_CONDITIONS, "What must hold once it is made; `self` is the result."),
                    destroy=Attribute(
                        BOOL, "Whether a plan that takes it away destroys it, or only forgets it.", default=True
                    ),
                )
            ),
            "How it is changed and destroyed.",
        ),
    ),
}
BLOCKS: Mapping[str, Mapping[str, Attribute]] = {
    "planform": attributes(
        name=Attribute(
            STRING,
            "Begins the names of what is created.",
            pattern="[A-Za-z][A-Za-z0-9-]{0,30}",
            pattern_hint="a letter, then letters, digits and -, at most 31",
        ),
        required_version=Attribute(STRING, 'Versions of planform that may be used: `">= 0.1"`.'),
        default_provider=Attribute(STRING, "Who makes resources real that do not say it: `aws` or `local`."),
        backend=Attribute(
            Nested(
                attributes(
                    local=Attribute(
                        Nested(
                            attributes(
                                path=Attribute(STRING, "The file, from this folder.", default="state/WORKSPACE.json")
                            )
                        ),
                        "A file of this machine.",
                    ),
                    s3=Attribute(
                        Nested(
                            attributes(
                                bucket=Attribute(STRING, "A bucket, best with versioning.", required=True),
                                key=Attribute(
                                    STRING, 'The object: `"team/${planform.workspace}.json"`.', required=True
                                ),
                                region=Attribute(STRING, "Its region; by default that of the profile."),
                                profile=Attribute(STRING, "A profile of the AWS configuration."),
                                endpoint_url=Attribute(STRING, "Another server that speaks S3."),
                                kms_key_id=Attribute(STRING, "A key with which S3 encrypts what is written."),
                            )
                        ),
                        "A bucket of S3.",
                    ),
                )
            ),
            "Where the state is kept: one of these.",
        ),
        encryption=Attribute(
            Nested(
                attributes(
                    passphrase_env=Attribute(STRING, "The environment variable that holds a passphrase."),
                    kms_key_id=Attribute(STRING, "A key of AWS KMS, instead of a passphrase."),
                    region=Attribute(STRING, "The region of that key."),
                    profile=Attribute(STRING, "A profile of the AWS configuration."),
                    endpoint_url=Attribute(STRING, "Another server that speaks KMS."),
                )
            ),
            "Encrypt states and plans at rest (AES-256-GCM); needs `planform[encryption]`.",
        ),
        limits=Attribute(
            Nested(
                attributes(
                    max_new_runs=Attribute(NUMBER, "New runs.", minimum=0),
                    max_instance_hours=Attribute(NUMBER, "Hours of all instances of the new runs.", minimum=0),
                    max_cost_usd=Attribute(NUMBER, "What the new runs may cost, in US dollars.", minimum=0),
                    max_destroy=Attribute(NUMBER, "Objects destroyed or replaced.", minimum=0),
                )
            ),
            "The most that one plan may do; apply refuses what is over, without `--accept-limit NAME`.",
        ),
        prices=Attribute(STRING, "The file of prices.", default="planform.prices.yaml"),
        policies=Attribute(list_of(STRING), "Rego files, and folders of them, that judge each plan."),
    ),
    "variable": attributes(
        type=Attribute(STRING, "A type constraint: `string`, `number`, `bool`, `list(string)`, `object({...})`, ..."),
        default=Attribute(ANY, "The value when none is given. Without it the variable is required."),
        description=Attribute(STRING, "What it is for."),
        validation=Attribute(_CONDITIONS, "What must hold of a value."),
        sensitive=Attribute(BOOL, "Never print or store it in clear."),
        nullable=Attribute(BOOL, "Whether it may be null.", default=True),
        ephemeral=Attribute(BOOL, "Never store it, not even in plans."),
        deprecated=Attribute(STRING, "A warning for whoever still sets it."),
    ),
    "module": {
        **attributes(
            source=Attribute(STRING, "The folder of the module: `./name`.", required=True),
            inputs=Attribute(map_of(ANY), "Values for its variables."),
        ),
        **REPEAT,
        "depends_on": _DEPENDS_ON,
    },
    "moved": attributes(
        **{
            "from": Attribute(STRING, "The address it had.", required=True),
            "to": Attribute(STRING, "The address it has now.", required=True),
            "for_each": REPEAT["for_each"],
        }
    ),
    "import": attributes(
        to=Attribute(STRING, "The address it shall have.", required=True),
        id=Attribute(STRING, "What the provider knows it by: a name or ARN.", required=True),
        for_each=REPEAT["for_each"],
    ),
    "removed": attributes(
        **{
            "from": Attribute(STRING, "The address it had.", required=True),
            "destroy": Attribute(BOOL, "Destroy it too, or only forget it.", default=True),
            "for_each": REPEAT["for_each"],
        }
    ),
    "check": attributes(**{"assert": Attribute(_CONDITIONS, "Conditions that warn and stop nothing.", required=True)}),
    "output": attributes(
        value=Attribute(ANY, "The value.", required=True),
        description=Attribute(STRING, "What it is."),
        sensitive=Attribute(BOOL, "Never print or store it in clear."),
        depends_on=_DEPENDS_ON,
        precondition=Attribute(_CONDITIONS, "What must hold before the value is handed out."),
        ephemeral=Attribute(BOOL, "Never store it, not even in plans."),
    ),
}
LISTS = ("moved", "import", "removed")  # blocks without names
TITLES: Mapping[str, str] = {
    "planform": "The project: its name, where its state is kept, who makes resources real.",
    "provider": "Settings of providers; `aws.eu` is a second configuration of `aws`.",
    "variable": "Inputs of the module, by name.",
    "locals": "Named values: `local.name`.",
    "defaults": "By resource type: values of arguments that a resource does not set.",
    "data": "What is only read, by type and name: `data.type.name`.",
    "resource": "What is made, by type and name: `type.name`.",
    "module": "Other modules, by name.",
    "moved": "Addresses that changed, so that nothing is replaced.",
    "import": "What exists already and shall be recorded.",
    "removed": "What the files no longer name.",
    "check": "Conditions that warn, by name.",
    "output": "Values to show and to hand out, by name.",
}


class Tables(NamedTuple):
    """What there is: types by name (those of data sources begin with `data.`) and settings of providers."""

    types: Mapping[str, Schema]
    providers: Mapping[str, Mapping[str, Attribute]]


def language_schema(tables: Tables) -> Json:
    """The schema of `*.pf.yaml`."""
    resources = {name: schema for name, schema in tables.types.items() if not name.startswith("data.")}
    data = {name: schema for name, schema in tables.types.items() if name.startswith("data.")}
    definitions = {"expression": _EXPRESSION, **{f"argument.{name}": _attribute(item) for name, item in META.items()}}
    for kind, schema in tables.types.items():
        definitions |= {f"{kind}.{name}": _attribute(item) for name, item in _settable(schema.attributes).items()}
    planform = _object(BLOCKS["planform"])
    blocks: Json = {
        "planform": planform,
        "provider": _providers(tables.providers),
        "locals": _named({}),
        "defaults": _closed({name: _body(name, schema, (), required=False) for name, schema in resources.items()}),
        "data": _types(data, [name for name in META if name not in ("lifecycle", "depends_on")]),
        "resource": _types(resources, list(META)),
    }
    for name, table in BLOCKS.items():
        if name in LISTS:
            blocks[name] = {"type": ["array", "null"], "items": _object(table)}
        elif name not in blocks:
            blocks[name] = _named(_object(table))
    properties = {name: {**blocks[name], "description": title} for name, title in TITLES.items()}
    for block in properties.values():
        block.setdefault("type", ["object", "null"])
    return {
        "$schema": DRAFT,
        "title": "planform",
        "description": "A module of planform: every *.pf.yaml of a folder is read together.",
        **_closed(properties, patterns={"^x-": {}}),
        "definitions": definitions,
    }


def variables_schema(variables: Mapping[str, tuple[Type, str]]) -> Json:
    """The schema of `*.pfvars.yaml`: literal values for variables, each with its type and description."""
    properties = {
        name: {**_described(doc), **_any_of(_alternatives(kind, None, expressions=False))}
        for name, (kind, doc) in variables.items()
    }
    return {"$schema": DRAFT, "title": "Variable values", **_closed(properties)}


def _types(schemas: Mapping[str, Schema], arguments: Iterable[str]) -> Json:
    types = {}
    for name, schema in schemas.items():
        types[schema.type] = {**_named(_body(name, schema, arguments)), **_described(schema.doc)}
    return _closed(types)


def _body(kind: str, schema: Schema, arguments: Iterable[str], *, required: bool = True) -> Json:
    """What stands under the name of a resource; its attributes are defined once."""
    settable = _settable(schema.attributes)
    properties = {name: _reference(f"{kind}.{name}") for name in settable}
    properties |= {name: _reference(f"argument.{name}") for name in arguments}
    needed = [name for name, item in settable.items() if item.required and required]
    if needed:
        return {"type": "object", "properties": properties, "additionalProperties": False, "required": needed}
    return _closed(properties)


def _reference(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def _settable(table: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return {name: item for name, item in table.items() if not item.computed}


def _providers(settings: Mapping[str, Mapping[str, Attribute]]) -> Json:
    bodies = {name: {**_object(table), "type": ["object", "null"]} for name, table in settings.items()}
    return _closed(bodies, patterns={rf"^{name}\.[A-Za-z_][A-Za-z0-9_-]*$": body for name, body in bodies.items()})


def _named(body: Json) -> Json:
    return {"type": ["object", "null"], "propertyNames": {"pattern": NAME}, "additionalProperties": body}


def _closed(properties: Json, patterns: Json | None = None) -> Json:
    closed = {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
    return {**closed, "patternProperties": patterns} if patterns else closed


def _object(table: Mapping[str, Attribute]) -> Json:
    """A mapping with the settable attributes of a table and no others."""
    settable = _settable(table)
    needed = [name for name, item in settable.items() if item.required]
    properties = {name: _attribute(item) for name, item in settable.items()}
    result: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**result, "required": needed} if needed else result


def _attribute(attribute: Attribute) -> Json:
    about = [attribute.doc]
    if attribute.default is not None:
        about.append(f"Default: `{value_text(attribute.default)}`.")
    if attribute.change != "update":
        about.append(f"A change means: {_MEANS[attribute.change]}.")
    about += [f"`{executor}`: {note}." for executor, note in {**attribute.ignored_by, **attribute.refused_by}.items()]
    alternatives = _alternatives(attribute.type, attribute, expressions=True)
    if alternatives and not attribute.required:
        alternatives.append(_UNSET)
    result = _any_of(alternatives)
    if attribute.default is not None:
        result["default"] = attribute.default
    return {**_described("\n\n".join(about)), **result}


def _described(doc: str) -> Json:
    """Both, since yaml-language-server shows one or the other, depending on the rest of the schema."""
    return {"description": doc, "markdownDescription": doc} if doc else {}


def _any_of(alternatives: list[Json]) -> Json:
    return dict(alternatives[0]) if len(alternatives) == 1 else {"anyOf": alternatives} if alternatives else {}


def _alternatives(kind: Type, attribute: Attribute | None, *, expressions: bool) -> list[Json]:
    """What may stand where a type is wanted, conversions included; nothing stands for anything."""

    def inner(element: Type) -> Json:
        return _any_of(_alternatives(element, None, expressions=expressions))

    expression = [_reference("expression")] if expressions else []
    match kind:
        case Scalar("any"):
            return []
        case Scalar("string") if attribute is not None and attribute.pattern:
            text: Json = {"type": "string", "pattern": f"^(?:{attribute.pattern})$"}
            return [{**text, "patternErrorMessage": attribute.pattern_hint or attribute.pattern}, *expression]
        case Scalar("string"):
            return [_SIMPLE]
        case Scalar("number"):
            limits = {"minimum": attribute.minimum, "maximum": attribute.maximum} if attribute else {}
            number = {"type": "number", **{name: limit for name, limit in limits.items() if limit is not None}}
            return [number, _NUMERAL, *expression]
        case Scalar():
            return [{"type": "boolean"}, {"enum": ["true", "false"]}, *expression]
        case Enum(values):
            return [{"enum": list(values)}, *expression]
        case Collection("map", element):
            return [{"type": "object", "additionalProperties": inner(element)}, *expression]
        case Collection(_, element):
            return [{"type": "array", "items": inner(element)}, *expression]
        case TupleType(elements):
            size = len(elements)
            items = [inner(element) for element in elements]
            return [{"type": "array", "items": items, "minItems": size, "maxItems": size}, *expression]
        case ObjectType(fields):
            needed = [name for name, item in fields.items() if not item.optional]
            properties = {name: inner(item.type) for name, item in fields.items()}
            return [{"type": "object", "properties": properties, "required": needed}, *expression]
        case Nested(table):
            return [_object(table), *expression]
        case OneOf(kinds):
            found = [_alternatives(item, attribute, expressions=False) for item in kinds]
            return [] if not all(found) else [*(item for several in found for item in several), *expression]
