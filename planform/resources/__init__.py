"""Resource types and data sources: what each is, one schema a file. How a type is made real is a provider's matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from planform.core.schemas import STRING, Attribute, Collection, Misfit, Nested, OneOf, Schema, Type
from planform.core.state import TUNING
from planform.core.values import AttributePath, Object, Sensitive, Set, Value

# The name of an object that has one, on AWS and on this machine (names of AWS Batch).
NAME = Attribute(
    STRING,
    "Unique name; made from the address when it is not given.",
    optional_computed=True,
    change="replace",
    unknown_when=("replace",),
    pattern=r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}",
    pattern_hint="letters, digits, - and _, at most 128, beginning with a letter or digit",
)


@cache
def schemas() -> Mapping[str, Schema]:
    """Every resource type by its name, and every data source by `data.` and its name: each module of this package, and
    of its package `data`, holds one `SCHEMA`."""
    from planform.resources import data

    return {**_schemas(__name__, __path__, ""), **_schemas(data.__name__, data.__path__, "data.")}


def _schemas(package: str, paths: Iterable[str], prefix: str) -> dict[str, Schema]:
    names = [module.name for module in iter_modules(paths) if not module.ispkg]
    found = (import_module(f"{package}.{name}").SCHEMA for name in names)
    return {f"{prefix}{schema.type}": schema for schema in found}


def short_name(value: Value) -> Value:
    """The name inside an ARN, of AWS or of this machine, so that both compare equal; any other value as it is."""
    if isinstance(value, str) and value.startswith(("arn:", "planform:")):
        return value.rpartition("/")[2]
    return value


def fractions(value: Value, path: AttributePath = ()) -> Iterator[Misfit]:
    """Numbers that count things, and are not whole."""
    bare = value.value if isinstance(value, Sensitive) else value
    match bare:
        case float() if bare % 1:
            yield Misfit(path, f"{bare} is not a whole number.")
        case dict():
            for name, item in bare.items():
                if name != "weight_factor":
                    yield from fractions(item, (*path, name))
        case list():
            for index, item in enumerate(bare):
                yield from fractions(item, (*path, index))


def treatment(schema: Schema, executor: str, desired: Object) -> tuple[list[Misfit], list[str]]:
    """What an executor refuses of a desired object, and notes on what it ignores (S4.9). Unset fields and fields at
    their default are not worth a word."""
    misfits: list[Misfit] = []
    notes: dict[str, None] = {}

    def look(value: Value, kind: Type, path: AttributePath) -> None:
        if isinstance(value, Sensitive):
            value = value.value
        match kind:
            case Nested(table) if isinstance(value, dict):
                for name, item in value.items():
                    if name in table:
                        judge(item, table[name], (*path, name))
            case Collection("map", element) if isinstance(value, dict):
                for name, item in value.items():
                    look(item, element, (*path, name))
            case Collection(_, element) if isinstance(value, (list, Set)):
                for index, item in enumerate(value):
                    look(item, element, (*path, index))
            case OneOf(kinds) if isinstance(value, dict):
                for candidate in kinds:
                    look(value, candidate, path)

    def judge(value: Value, attribute: Attribute, path: AttributePath) -> None:
        if attribute.computed or value in (None, False, {}, []) or value == attribute.default:
            return
        if executor in attribute.refused_by:
            misfits.append(Misfit(path, f"{path_text(path)} cannot be used here: {attribute.refused_by[executor]}."))
        elif executor in attribute.ignored_by:
            notes[f"{attribute.ignored_by[executor]} ({executor.removesuffix(TUNING)})"] = None
        else:
            look(value, attribute.type, path)

    look(desired, Nested(schema.attributes), ())
    return misfits, list(notes)


def path_text(path: AttributePath) -> str:
    """`compute.instance_groups`, `tags[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
