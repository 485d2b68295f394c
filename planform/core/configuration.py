"""A configuration: what the files want, with every module, `count` and `for_each` spelled out. Values come later.

`Module` is one folder of text, understood; `Configuration` is the whole tree with its instances known by address.
An `Expr` leaf in a body is an expression of `planform.language`; here it is opaque.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from planform.core.addresses import Address, InstanceKey, ModulePath, ResourceAddress
from planform.core.errors import Span
from planform.core.guards import Bound
from planform.core.values import AttributePath, Object, Value

# A value tree whose string leaves with ${...} are planform.language Expressions.
Body: TypeAlias = Value


class SourceFile(NamedTuple):
    """One `*.pf.yaml`: its path relative to the root module's folder (POSIX) and its text."""

    path: str
    text: str


class Place(NamedTuple):
    """Where a block stands: its file, its path of keys in the document, and the position of its last key."""

    source: SourceFile
    path: AttributePath
    line: int
    column: int

    @property
    def span(self) -> Span:
        last = str(self.path[-1]) if self.path else ""
        return Span(self.source.path, self.line, self.column, self.column + len(last))


class Dependency(NamedTuple):
    """What a block refers to, through locals, variables and module outputs. `attribute` None: the whole object."""

    resource: ResourceAddress
    attribute: str | None
    place: Place


class Condition(NamedTuple):
    """What must hold, and what is said when it does not. `path` is where it stands in its block."""

    condition: Body
    error_message: Body
    path: AttributePath


class Lifecycle(NamedTuple):
    prevent_destroy: bool = False
    create_before_destroy: bool = False
    ignore_changes: tuple[str, ...] = ()
    preconditions: tuple[Condition, ...] = ()
    postconditions: tuple[Condition, ...] = ()
    # Resources (and attributes of them) of the same module whose change replaces this one.
    replace_triggered_by: tuple[tuple[ResourceAddress, str | None], ...] = ()
    keep: bool = False  # `destroy: false`: forgotten instead of destroyed


class Check(NamedTuple):
    """A `check` block of one module instance: its failures warn, and stop nothing."""

    name: str
    module: ModulePath
    place: Place
    asserts: tuple[Condition, ...]


class ResourceBlock(NamedTuple):
    """One resource as written: its body without meta-arguments."""

    address: ResourceAddress
    place: Place
    body: Body
    converted: Object | None  # the checked body when it holds no expression at all: nothing is left to evaluate
    dependencies: tuple[Dependency, ...]
    repetition: Literal["single", "count", "for_each", "enabled"] = "single"
    lifecycle: Lifecycle = Lifecycle()


class Instance(NamedTuple):
    """One resource instance of the configuration."""

    address: Address
    block: ResourceBlock
    provider: str  # "aws", "local", "aws.eu"; "" for types that are built in
    each_value: Value = None

    @property
    def key(self) -> InstanceKey:
        return self.address.key


class OutputBlock(NamedTuple):
    name: str
    place: Place
    value: Body
    dependencies: tuple[Dependency, ...]
    sensitive: bool = False
    description: str = ""


class Moved(NamedTuple):
    """An object that has another address now; both as written, from the root module's point of view."""

    source: str
    target: str
    place: Place


class Removed(NamedTuple):
    """An address whose objects are forgotten rather than destroyed, when `destroy` is false."""

    source: str
    destroy: bool
    place: Place


class Import(NamedTuple):
    """An object that exists already and is to be recorded; the address from the root module's point of view."""

    target: str
    id: str
    place: Place


class ModuleInstance(NamedTuple):
    """One module of the tree: the folder its relative paths start from (absolute)."""

    path: ModulePath
    folder: str


class FileSetting(NamedTuple):
    """A file that the planform block names: its path from the root module's folder, and where that stands."""

    path: str
    source: SourceFile
    span: Span


class Configuration(NamedTuple):
    """What the files want, for one workspace and one set of variable values."""

    name: str  # planform.name
    workspace: str
    folder: str  # of the root module, absolute
    backend: tuple[str, Object]  # ("local", {"path": ...})
    provider_settings: Mapping[str, Object]  # "local", "aws", "aws.eu" -> settings
    variables: Mapping[str, Value]  # of the root module; sensitive ones are Sensitive
    resources: Mapping[ResourceAddress, ResourceBlock]
    instances: Mapping[Address, Instance]
    outputs: Mapping[str, OutputBlock]
    modules: Mapping[ModulePath, ModuleInstance]
    sources: tuple[SourceFile, ...]
    moved: tuple[Moved, ...] = ()
    removed: tuple[Removed, ...] = ()
    checks: tuple[Check, ...] = ()
    private_sources: frozenset[str] = frozenset()  # files that hold a sensitive literal
    imports: tuple[Import, ...] = ()
    data: Mapping[Address, Instance] = MappingProxyType({})  # what is read before planning
    encryption: Mapping[str, Value] = MappingProxyType({})  # of states and plans at rest; empty: none
    ephemeral: frozenset[str] = frozenset()  # variables whose values are never stored
    limits: tuple[Bound, ...] = ()
    prices: FileSetting | None = None  # None: planform.prices.yaml, if there is one
    policies: tuple[FileSetting, ...] = ()  # files and folders
