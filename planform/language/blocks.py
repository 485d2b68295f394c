"""What stands in a module: its blocks as written, and the expressions in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from planform.core.addresses import ResourceAddress
from planform.core.configuration import Body, Place, SourceFile
from planform.core.errors import Diagnostic
from planform.core.schemas import Misfit, Schema, Type
from planform.core.values import UNKNOWN, AttributePath, Object, Value
from planform.language.documents import Expr
from planform.language.graph import Graph

Repetition: TypeAlias = Literal["single", "count", "for_each", "enabled"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Validation(NamedTuple):
    condition: Body
    message: Body
    path: AttributePath


class Variable(NamedTuple):
    name: str
    place: Place
    type: Type
    default: Value
    required: bool
    sensitive: bool
    nullable: bool
    validations: tuple[Validation, ...]
    description: str = ""
    ephemeral: bool = False  # never stored; also sensitive
    deprecated: str = ""  # what to do instead


class Local(NamedTuple):
    place: Place
    value: Body


class Resource(NamedTuple):
    """A resource as written; meta-arguments may still hold expressions."""

    address: ResourceAddress
    place: Place
    body: Body
    converted: Object | None
    repetition: Repetition
    repeat: Body  # what stands under count, for_each or enabled
    provider: Body
    region: Body
    lifecycle: Body
    depends_on: Body


class Output(NamedTuple):
    name: str
    place: Place
    value: Body
    sensitive: bool
    description: str
    depends_on: Body
    preconditions: Body = None


class ModuleCall(NamedTuple):
    name: str
    place: Place
    source: str  # as written
    module: Module
    inputs: Mapping[str, Body]
    repetition: Repetition
    repeat: Body
    depends_on: Body


class Settings(NamedTuple):
    """The planform block, or the settings of one provider: evaluated before anything else."""

    place: Place
    body: Object


class Listed(NamedTuple):
    """One entry of a block that is a list: moved, removed, import; or a block of assertions."""

    place: Place
    body: Object
    module: tuple[str, ...] = ()

    @property
    def repetition(self) -> Repetition:
        return "for_each" if "for_each" in self.body else "single"

    @property
    def repeat(self) -> Body:
        return self.body.get("for_each")

    @property
    def title(self) -> str:
        """`moved[0]`."""
        return path_text(self.place.path).lstrip(".")


class Module(NamedTuple):
    """One module of the tree. `path` names the calls that lead to it, `folder` is absolute."""

    path: tuple[str, ...]
    folder: str
    planform: Settings | None
    providers: Mapping[str, Settings]
    variables: Mapping[str, Variable]
    locals: Mapping[str, Local]
    resources: Mapping[ResourceAddress, Resource]
    calls: Mapping[str, ModuleCall]
    outputs: Mapping[str, Output]
    sources: tuple[SourceFile, ...]
    schemas: Mapping[str, Schema]
    moved: tuple[Listed, ...] = ()
    removed: tuple[Listed, ...] = ()
    checks: Mapping[str, Listed] = MappingProxyType({})
    provider_kinds: tuple[str, ...] = ()  # the providers there are
    regional_kinds: tuple[str, ...] = ()  # those that can work in several regions
    imports: tuple[Listed, ...] = ()
    data: Mapping[ResourceAddress, Resource] = MappingProxyType({})  # what is read before planning
    graph: Graph = Graph()  # of the whole tree; only the root module has it
    warnings: tuple[Diagnostic, ...] = ()  # about the whole tree; only the root module has them

    def walk(self) -> Iterator[Module]:
        """This module and all below it."""
        yield self
        for call in self.calls.values():
            yield from call.module.walk()

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"module {'.'.join(self.path)}" if self.path else "the root module"


class Leaf(NamedTuple):
    """An expression of a body, and where it stands in it."""

    path: AttributePath
    expr: Expr


_DEEP = (dict, list, Expr)  # what may hold an expression


def opaque(body: Body, path: AttributePath, found: list[Leaf]) -> Value:
    """The body with UNKNOWN for each expression, which is added to `found`. Without any it is the body itself."""
    kind = type(body)
    if kind is Expr:
        found.append(Leaf(path, body))
        return UNKNOWN
    before = len(found)
    if kind is dict:
        changed = {
            key: opaque(item, (*path, key), found) if type(item) in _DEEP else item for key, item in body.items()
        }
        return changed if len(found) > before else body
    if kind is list:
        items = [
            opaque(item, (*path, index), found) if type(item) in _DEEP else item for index, item in enumerate(body)
        ]
        return items if len(found) > before else body
    return body


def leaves_of(body: Body, path: AttributePath = ()) -> list[Leaf]:
    """The expressions of a body."""
    found: list[Leaf] = []
    opaque(body, path, found)
    return found


def path_text(path: AttributePath) -> str:
    """`.compute.instance_count`, `.tags["a b"]`, `.items[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if NAME.fullmatch(part) else f'["{part}"]'
    return text


def misfit_summary(misfit: Misfit) -> str:
    """The headline over a misfit."""
    if misfit.summary.endswith("is required here."):
        return "Missing required argument"
    return "Unsupported argument" if misfit.summary.endswith("is not expected here.") else "Incorrect attribute value"
