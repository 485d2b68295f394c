"""Types and schemas: what a value must look like, and what each attribute of a resource type means to a plan.

One table per resource type serves validation, planning, editors and docs. `convert` makes a value fit a type as
Terraform does: "5" becomes 5 where a number is wanted, a list becomes a set where a set is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from planform.core.errors import did_you_mean
from planform.core.values import AttributePath, Object, Sensitive, Set, Unknown, Value, type_name

Primitive: TypeAlias = Literal["string", "number", "bool", "any"]


class Scalar(NamedTuple):
    kind: Primitive

    def __str__(self) -> str:
        return self.kind


class Collection(NamedTuple):
    kind: Literal["list", "set", "map"]
    element: Type

    def __str__(self) -> str:
        return f"{self.kind}({self.element})"


class TupleType(NamedTuple):
    elements: tuple[Type, ...]

    def __str__(self) -> str:
        return f"tuple([{', '.join(map(str, self.elements))}])"


class Field(NamedTuple):
    """A field of an object type in a type constraint: `optional(number, 3)`."""

    type: Type
    optional: bool = False
    default: Value = None


class ObjectType(NamedTuple):
    """An object with named fields. Unlisted attributes are dropped in variables, as in Terraform; errors in schemas."""

    fields: Mapping[str, Field]

    def __str__(self) -> str:
        return "object({" + ", ".join(f"{name} = {item.type}" for name, item in self.fields.items()) + "})"


class Enum(NamedTuple):
    """A string out of a list."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(self.values)


class Whole(NamedTuple):
    """Where a whole resource may be given, `${trainer.base}`: an object with `mark` is one, and what only the resource
    has, `beside` the attributes that are asked for, is left out."""

    type: str
    mark: str
    beside: frozenset[str]


class Nested(NamedTuple):
    """An object with its own attribute table."""

    attributes: Mapping[str, Attribute]
    whole: Whole | None = None

    def __str__(self) -> str:
        return "object"


class OneOf(NamedTuple):
    """Any of several types, tried in order. `hint` is what an error says is wanted."""

    types: tuple[Type, ...]
    hint: str

    def __str__(self) -> str:
        return self.hint


Type: TypeAlias = "Scalar | Collection | TupleType | ObjectType | Enum | Nested | OneOf"

STRING, NUMBER, BOOL, ANY = Scalar("string"), Scalar("number"), Scalar("bool"), Scalar("any")


def list_of(element: Type) -> Collection:
    return Collection("list", element)


def set_of(element: Type) -> Collection:
    return Collection("set", element)


def map_of(element: Type) -> Collection:
    return Collection("map", element)


# What a change of an attribute leads to. The last three are for types with runs (S3.1).
Change: TypeAlias = Literal["update", "replace", "digest", "live", "next_run"]
# What makes a computed attribute unknown (S2.2): a new run, replacement of the object, or a change of a named input.
Milestone: TypeAlias = Literal["launched", "completed"]


class Attribute(NamedTuple):
    """One attribute: its type, who sets it, and what a change of it means."""

    type: Type = ANY
    doc: str = ""
    required: bool = False
    default: Value = None
    computed: bool = False  # set by the provider; a configured value is an error unless `optional_computed`
    optional_computed: bool = False  # the configuration may set it, else the provider does
    sensitive: bool = False
    change: Change = "update"
    unknown_when: tuple[str, ...] = ()  # "new_run", "replace" or names of inputs; for computed attributes
    milestone: Milestone | None = None  # when a run has produced it (S3.7)
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""  # a regular expression the whole string must match
    pattern_hint: str = ""  # what the pattern means, in words
    reference_to: str = ""  # the resource type an ARN or name here stands for
    blocks_delete: bool = False  # the object named here cannot be deleted while this one exists (S4.8)
    # How executors treat it (S4.9): absent = honoured; a note = ignored, and the plan says the note.
    ignored_by: Mapping[str, str] = MappingProxyType({})
    refused_by: Mapping[str, str] = MappingProxyType({})
    path: bool = False  # a local path here is relative to the module folder
    layers: bool = False  # a mapping may also be a file, or a list of files and mappings, each over those before it


class Misfit(NamedTuple):
    """Why a value does not fit its type, and where inside it."""

    path: AttributePath
    summary: str
    detail: str = ""
    suggestion: str = ""


def convert(value: Value, wanted: Type, path: AttributePath, misfits: list[Misfit]) -> Value:
    """`value` made to fit `wanted`; what does not fit is reported in `misfits` and passed through unchanged."""
    match value:
        case Unknown():
            return value
        case Sensitive():
            inside: list[Misfit] = []
            inner = convert(value.value, wanted, path, inside)
            if inside:  # what they quote is the secret
                return _refuse(value, wanted, path, misfits)
            return value if inner is value.value else Sensitive(inner)
        case None:
            return None
    match wanted:
        case Scalar(kind):
            return _scalar(value, kind, path, misfits)
        case Enum(values):
            return _enum(value, values, path, misfits)
        case Collection("map", element):
            if not isinstance(value, dict):
                return _refuse(value, wanted, path, misfits)
            return {key: convert(item, element, (*path, key), misfits) for key, item in value.items()}
        case Collection(kind, element):
            if not isinstance(value, (list, Set)):
                return _refuse(value, wanted, path, misfits)
            items = [convert(item, element, (*path, index), misfits) for index, item in enumerate(value)]
            return (
                Set(items)
                if kind == "set" and not any(isinstance(item, (Unknown, Sensitive)) for item in items)
                else items
            )
        case TupleType(elements):
            if not isinstance(value, list) or len(value) != len(elements):
                return _refuse(value, wanted, path, misfits)
            return [
                convert(item, element, (*path, index), misfits)
                for index, (item, element) in enumerate(zip(value, elements, strict=True))
            ]
        case ObjectType(fields):
            return _object(value, fields, wanted, path, misfits)
        case Nested(attributes, whole):
            if not isinstance(value, dict):
                return _refuse(value, wanted, path, misfits)
            if whole is not None and whole.mark in value:
                return _whole(value, whole, attributes, path, misfits)
            return convert_body(value, attributes, path, misfits)
        case OneOf(types, hint):
            for candidate in types:
                attempt: list[Misfit] = []
                converted = convert(value, candidate, path, attempt)
                if not attempt:
                    return converted
                # A mapping can only have meant the object form: its own errors say more than "wanted one of".
                if isinstance(candidate, (Nested, ObjectType)) and isinstance(value, dict):
                    misfits.extend(attempt)
                    return value
            misfits.append(Misfit(path, f"{hint} is required, not {describe(value)}."))
            return value


def _whole(
    value: Object, whole: Whole, attributes: Mapping[str, Attribute], path: AttributePath, misfits: list[Misfit]
) -> Value:
    """What a whole resource has of these attributes; unknown while nothing of it is known, not even what is unset."""
    open_parts = [item for item in value.values() if isinstance(item, Unknown)]
    if len(open_parts) == len(value):
        return open_parts[0]
    value = {name: item for name, item in value.items() if name not in whole.beside}
    strange = [name for name in value if name not in attributes]
    if len(strange) > 1:  # it is one of another type
        misfits.append(Misfit(path, f"A {whole.type} is required here, and this has {', '.join(strange[:3])}."))
        return value
    return convert_body(value, attributes, path, misfits)


def convert_body(
    body: Object, attributes: Mapping[str, Attribute], path: AttributePath, misfits: list[Misfit]
) -> Object:
    """A body checked against its attribute table, with defaults filled in; unset optional attributes are left out."""
    result: Object = {}
    for name, value in body.items():
        attribute = attributes.get(name)
        if attribute is None:
            settable = [key for key, item in attributes.items() if not item.computed]
            misfits.append(
                Misfit((*path, name), f'"{name}" is not expected here.', suggestion=did_you_mean(name, settable))
            )
        elif attribute.computed:
            misfits.append(
                Misfit((*path, name), f'"{name}" is set by planform, not by configuration.', suggestion="Remove it.")
            )
        elif value is not None:
            converted = convert(value, attribute.type, (*path, name), misfits)
            _bounds(converted, attribute, (*path, name), misfits)
            result[name] = converted
    for name, attribute in attributes.items():
        if name in result or attribute.computed:
            continue
        if attribute.required:
            if body.get(name) is None:
                misfits.append(Misfit(path, f'"{name}" is required here.', detail=attribute.doc))
        elif attribute.default is not None:
            result[name] = attribute.default
    return result


def describe(value: Value) -> str:
    """A value in a message: short, and never a secret."""
    match value:
        case Sensitive():
            return "(sensitive value)"
        case str():
            return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
        case bool():
            return "true" if value else "false"
        case None | int() | float():
            return "null" if value is None else repr(value)
        case dict():
            return f"object with {len(value)} attribute{'s' * (len(value) != 1)}"
        case list() | Set():
            return f"{type_name(value)} with {len(value)} element{'s' * (len(value) != 1)}"
        case _:
            return type_name(value)


def _refuse(value: Value, wanted: Type, path: AttributePath, misfits: list[Misfit]) -> Value:
    article = "an" if str(wanted)[0] in "aeiou" else "a"
    misfits.append(Misfit(path, f"{article} {wanted} is required, not {describe(value)}."))
    return value


def _scalar(value: Value, kind: Primitive, path: AttributePath, misfits: list[Misfit]) -> Value:
    match kind, value:
        case ("any", _) | ("string", str()) | ("bool", bool()):
            return value
        case "number", int() | float() if not isinstance(value, bool):
            return value
        case "string", bool():
            return "true" if value else "false"
        case "string", int() | float():
            return number_text(value)
        case "number", str():
            parsed = parse_number(value)
            if parsed is not None:
                return parsed
        case "bool", "true" | "false":
            return value == "true"
    return _refuse(value, Scalar(kind), path, misfits)


def number_text(value: float) -> str:
    """A number as Terraform prints it: no trailing `.0`, no exponent."""
    text = repr(value)
    if "e" in text:
        from decimal import Decimal

        return format(Decimal(text), "f")
    return text.removesuffix(".0")


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def parse_number(text: str) -> int | float | None:
    """The number a string spells, or None."""
    if not _NUMBER.fullmatch(text) or len(text) > 1000:
        return None
    if text.isdigit():
        return int(text)
    from decimal import Decimal

    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


def _enum(value: Value, values: tuple[str, ...], path: AttributePath, misfits: list[Misfit]) -> Value:
    if value not in values:
        misfits.append(
            Misfit(
                path,
                f"{describe(value)} is not one of {', '.join(values)}.",
                suggestion=did_you_mean(str(value), values),
            )
        )
    return value


def _object(
    value: Value, fields: Mapping[str, Field], wanted: Type, path: AttributePath, misfits: list[Misfit]
) -> Value:
    if not isinstance(value, dict):
        return _refuse(value, wanted, path, misfits)
    result: Object = {}
    for name, item in fields.items():
        if value.get(name) is not None:
            result[name] = convert(value[name], item.type, (*path, name), misfits)
        elif item.optional:
            result[name] = item.default
        elif name in value:
            result[name] = None
        else:
            misfits.append(Misfit(path, f'attribute "{name}" is required.'))
    return result


def _bounds(value: Value, attribute: Attribute, path: AttributePath, misfits: list[Misfit]) -> None:
    known = value.value if isinstance(value, Sensitive) else value
    if isinstance(known, (int, float)) and not isinstance(known, bool):
        if attribute.minimum is not None and known < attribute.minimum:
            least = number_text(attribute.minimum)
            misfits.append(Misfit(path, f"{describe(value)} is too small: at least {least}."))
        if attribute.maximum is not None and known > attribute.maximum:
            most = number_text(attribute.maximum)
            misfits.append(Misfit(path, f"{describe(value)} is too large: at most {most}."))
    elif isinstance(known, str) and attribute.pattern and not re.fullmatch(attribute.pattern, known):
        wanted = attribute.pattern_hint or attribute.pattern
        misfits.append(Misfit(path, f"{describe(value)} is not allowed: {wanted}."))


def walk_attributes(attributes: Mapping[str, Attribute], prefix: str = "") -> Iterator[tuple[str, Attribute]]:
    """Every attribute with its dotted path, nested ones included."""
    for name, attribute in attributes.items():
        yield prefix + name, attribute
        match attribute.type:
            case Nested(inner) | Collection(_, Nested(inner)):
                yield from walk_attributes(inner, f"{prefix}{name}.")


def attribute_at(attributes: Mapping[str, Attribute], path: AttributePath) -> Attribute:
    """The innermost attribute on the way to a place inside a body."""
    found = attributes[str(path[0])]
    kinds: tuple[Type, ...] = (found.type,)
    for part in path[1:]:
        inner: tuple[Type, ...] = ()
        for kind in kinds:
            match kind:
                case Nested(table) if str(part) in table:
                    found = table[str(part)]
                    inner += (found.type,)
                case Collection(_, element):
                    inner += (element,)
        kinds = tuple(deeper for kind in inner for deeper in (kind.types if isinstance(kind, OneOf) else (kind,)))
    return found


class Schema(NamedTuple):
    """A resource type: its attributes and its pure rules. Where it is made real is a provider's matter."""

    type: str
    doc: str
    attributes: Mapping[str, Attribute]
    named: bool = False  # has a `name` that planform fills when the configuration does not (S4.1)
    has_runs: bool = False  # a change means a new run, not a replacement (S3)
    version: int = 1
    # Cross-field rules over a converted body; each misfit is reported at its path.
    check: Callable[[Object], list[Misfit]] | None = None
    # The one form both sides are brought to before they are compared (S2.3).
    normalise: Callable[[Object], Object] | None = None
    # Attributes whose change between two such forms no provider can make in place, though others' changes it can.
    replaces: Callable[[Object, Object], tuple[str, ...]] | None = None
    example: str = ""  # a module that uses it, as YAML
    public: tuple[str, ...] = ()  # attributes that whoever lists the objects can read: no secret may stand there (S6.2)

    def computed(self) -> Mapping[str, Attribute]:
        return {name: item for name, item in self.attributes.items() if item.computed or item.optional_computed}


def attributes(**table: Attribute) -> dict[str, Attribute]:
    """An attribute table, written as keyword arguments."""
    return table
