"""A module and its variables spelled out: every instance of every resource, by address (S1.4)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from planform.core.addresses import (
    Address,
    InstanceKey,
    ModulePath,
    ModuleStep,
    ResourceAddress,
    module_text,
    provider_kind,
)
from planform.core.configuration import (
    Body,
    Check,
    Configuration,
    Import,
    Instance,
    Lifecycle,
    ModuleInstance,
    Moved,
    OutputBlock,
    Place,
    Removed,
    ResourceBlock,
)
from planform.core.errors import Diagnosed, Problems, did_you_mean
from planform.core.values import AttributePath, Object, Unknown, Value, first_unknown, is_wholly_known, reveal
from planform.language.blocks import Listed, Module, Resource, Settings, leaves_of
from planform.language.declarations import address_problem
from planform.language.documents import collection_paused, locate
from planform.language.environment import Files, Scope
from planform.language.graph import node_of
from planform.language.guards import guards_of
from planform.language.modules import BUILT_IN
from planform.language.scope import Evaluation, ModuleScope, conditions_of
from planform.language.text import diagnostic_at

_SENSITIVE_LITERAL = re.compile(r"\bsensitive\(\s*[\\\"'\[{0-9]")
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


def expand(
    module: Module, variables: Mapping[str, Value], workspace: str, files: Files, plan_time: str
) -> tuple[Configuration, Evaluation]:
    """The whole configuration for one workspace, and what evaluates its bodies.

    Raises:
        Diagnosed: keys, providers or settings that are unknown or invalid, and variables that break their rules.
    """
    with collection_paused():
        return _Expansion(module, variables, workspace, files, plan_time).configuration()


@dataclass(slots=True)
class _Found:
    """What the walk through the tree has found."""

    blocks: dict[ResourceAddress, ResourceBlock] = field(default_factory=dict)
    instances: dict[Address, Instance] = field(default_factory=dict)
    modules: dict[ModulePath, ModuleInstance] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)
    removed: list[Removed] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    data: dict[Address, Instance] = field(default_factory=dict)


class _Expansion:
    """One walk through the tree of modules."""

    def __init__(
        self, module: Module, variables: Mapping[str, Value], workspace: str, files: Files, plan_time: str
    ) -> None:
        self.module, self.workspace = module, workspace
        self.problems = Problems()
        self.found = _Found()
        facts = {"workspace": workspace}
        self.evaluation = Evaluation(module, variables, facts, files, plan_time)
        self.scope = self.evaluation.scope(())
        facts["name"] = self.name()
        self.settings: dict[str, Object] = {}
        self.default_provider = self.default()

    def configuration(self) -> tuple[Configuration, Evaluation]:
        self.settings = {name: self.settings_of(item) for name, item in self.module.providers.items()}
        backend = self.backend()
        guards = guards_of(self.module.planform, self.setting, self.problems)
        self.walk(())
        outputs = {
            name: OutputBlock(
                name,
                output.place,
                output.value,
                self.module.graph.dependencies(((), "output", name)),
                output.sensitive,
                output.description,
            )
            for name, output in self.module.outputs.items()
        }
        self.problems.raise_if_any()
        sources = {source.path: source for inner in self.module.walk() for source in inner.sources}
        configuration = Configuration(
            name=self.evaluation.facts["name"],
            workspace=self.workspace,
            folder=self.module.folder,
            backend=backend,
            encryption=self.encryption(),
            provider_settings=self.settings,
            variables=self.evaluation.variables,
            resources=self.found.blocks,
            instances=self.found.instances,
            outputs=outputs,
            modules=self.found.modules,
            sources=tuple(sources.values()),
            moved=tuple(self.found.moved),
            removed=tuple(self.found.removed),
            checks=tuple(self.found.checks),
            private_sources=private_sources(self.module),
            imports=tuple(self.found.imports),
            data=self.found.data,
            ephemeral=frozenset(item.name for item in self.module.variables.values() if item.ephemeral),
            limits=guards.limits,
            prices=guards.prices,
            policies=guards.policies,
        )
        return configuration, self.evaluation

    # Settings of the root module

    def setting(self, name: str) -> Value:
        """One attribute of the planform block, or None."""
        planform = self.module.planform
        if planform is None or planform.body.get(name) is None:
            return None
        return self.known(planform.body[name], planform.place, (name,))

    def name(self) -> str:
        given = self.setting("name")
        if isinstance(given, str):
            return given
        return _UNSAFE.sub("-", os.path.basename(self.module.folder)).strip("-") or "planform"

    def default(self) -> str:
        given = self.setting("default_provider")
        planform = self.module.planform
        if given is not None and planform is not None:
            return self.provider(given, planform.place, ("default_provider",))
        configured = {name.partition(".")[0] for name in self.module.providers}
        return configured.pop() if len(configured) == 1 else "local"

    def backend(self) -> tuple[str, Object]:
        given = self.setting("backend")
        if not isinstance(given, dict) or len(given) != 1:
            return ("local", {})
        ((name, settings),) = given.items()
        return (name, settings if isinstance(settings, dict) else {})

    def encryption(self) -> Object:
        given = self.setting("encryption")
        return given if isinstance(given, dict) else {}

    def settings_of(self, settings: Settings) -> Object:
        value = self.known(settings.body, settings.place, ())
        return value if isinstance(value, dict) else {}

    def known(self, body: Body, place: Place, inner: AttributePath, scope: Scope | None = None) -> Value:
        """The value of a setting that decides how to plan, which nothing unknown may do."""
        count = len(self.problems.items)
        if isinstance(body, dict):
            return {key: self.known(item, place, (*inner, key), scope) for key, item in body.items()}
        try:
            value = self.evaluation.value(body, scope or self.scope, place)
        except Diagnosed as error:
            self.problems.items += error.problems
            return Unknown()
        unknown = first_unknown(value)
        if unknown is not None and len(self.problems.items) == count:
            span = locate(place.source, (*place.path, *inner))
            title = ".".join(map(str, inner)) or str(place.path[-1])
            source = unknown.origin or "what it uses"
            detail = f"{title} must be known before anything is planned, but {source} is known only after apply."
            suggestion = "Use variables, locals and functions only."
            self.problems.add(diagnostic_at(place.source, span, "Value known only after apply", detail, suggestion))
        return value

    def provider(self, value: Value, place: Place, inner: AttributePath) -> str:
        """A provider's name, which is built in or an alias that the root module configures."""
        name = reveal(value)
        if isinstance(name, Unknown):
            return ""
        known = sorted({*self.module.provider_kinds, *self.module.providers})
        if name not in known:
            span = locate(place.source, (*place.path, *inner))
            detail = f'There is no provider "{name}".'
            if isinstance(name, str) and name.partition(".")[0] in self.module.provider_kinds:
                detail = f'Provider "{name}" is not configured in the root module.'
            suggestion = did_you_mean(str(name), known)
            self.problems.add(diagnostic_at(place.source, span, "Unknown provider", detail, suggestion))
        return str(name)

    # The tree

    def walk(self, path: ModulePath) -> None:
        scope = self.evaluation.scope(path)
        self.found.modules[path] = ModuleInstance(path, scope.module.folder)
        for variable in scope.module.variables.values():
            if variable.validations:
                self.attempt(self.evaluation.variable, scope, variable)
        prefix = f"{module_text(path)}." if path else ""
        for item in scope.module.moved:
            for body in self.listed(scope, item):
                self.found.moved.append(Moved(prefix + body["from"], prefix + body["to"], item.place))
        for item in scope.module.imports:
            for body in self.listed(scope, item):
                self.found.imports.append(Import(prefix + body["to"], body["id"], item.place))
        for item in scope.module.removed:
            for body in self.listed(scope, item):
                destroy = body.get("destroy", True)
                self.found.removed.append(Removed(prefix + body["from"], destroy is True, item.place))
        for name, check in scope.module.checks.items():
            self.found.checks.append(
                Check(name, path, check.place, conditions_of(check.body.get("assert"), ("assert",)))
            )
        for resource in (*scope.module.data.values(), *scope.module.resources.values()):
            self.resource(scope, resource)
        for call in scope.module.calls.values():
            keys = self.attempt(self.evaluation.keys, scope, call)
            for key in keys or ():
                self.walk((*path, ModuleStep(call.name, key)))

    def listed(self, scope: ModuleScope, item: Listed) -> Iterator[Object]:
        """The values of one entry of a list, for each of its instances; addresses are in order."""
        plain = {name: body for name, body in item.body.items() if name != "for_each"}
        for key in self.attempt(self.evaluation.keys, scope, item) or ():
            inner: Scope = scope if key is None else self.evaluation.instance_scope(scope, item, key)
            count = len(self.problems.items)
            body = reveal(self.known(plain, item.place, (), inner))
            if len(self.problems.items) > count or not isinstance(body, dict):
                continue
            problem = address_problem(item.place, body)
            if problem is None:
                yield body
            else:
                self.problems.add(problem)

    def attempt(self, action: Callable[..., Value], *arguments: object) -> Value:
        """The result of an evaluation, or None when it fails, which is remembered."""
        try:
            return action(*arguments)
        except Diagnosed as error:
            self.problems.items += error.problems
            return None

    def resource(self, scope: ModuleScope, resource: Resource) -> None:
        if resource.repetition == "single":
            keys: dict[InstanceKey, Value] = _SINGLE
        else:
            keys = self.attempt(self.evaluation.keys, scope, resource) or {}
        kind, name, mode = resource.address.type, resource.address.name, resource.address.mode
        instances = self.found.data if mode == "data" else self.found.instances
        if mode == "data":
            block = self.block(scope, resource)
        elif resource.address in self.found.blocks:
            block = self.found.blocks[resource.address]
        else:
            block = self.found.blocks[resource.address] = self.block(scope, resource)
        provider = "" if kind in BUILT_IN else self.default_provider
        given = [] if kind in BUILT_IN else [body for body in (resource.provider, resource.region) if body is not None]
        by_instance = any(map(_uses_instance, given))
        if given and not by_instance:
            provider = self.provider_of(resource, scope)
        for key, value in keys.items():
            if by_instance:
                provider = self.provider_of(resource, self.evaluation.instance_scope(scope, resource, key))
            address = Address(kind, name, key, scope.path, mode)
            instances[address] = Instance(address, block, provider, value)

    def provider_of(self, resource: Resource, scope: Scope) -> str:
        provider = self.default_provider
        if resource.provider is not None:
            value = self.known(resource.provider, resource.place, ("provider",), scope)
            provider = self.provider(value, resource.place, ("provider",))
        if resource.region is None or provider_kind(provider) not in self.module.regional_kinds:
            return provider
        region = reveal(self.known(resource.region, resource.place, ("region",), scope))
        if not isinstance(region, str) or region == self.settings.get(provider, {}).get("region"):
            return provider
        return f"{provider}@{region}"

    def block(self, scope: ModuleScope, resource: Resource) -> ResourceBlock:
        lifecycle = Lifecycle()
        if isinstance(resource.lifecycle, dict):
            settings = {key: item for key, item in resource.lifecycle.items() if key not in _CONDITIONS}
            lifecycle = self.lifecycle(self.known(settings, resource.place, ("lifecycle",), scope))
            before, after = (conditions_of(resource.lifecycle.get(name), ("lifecycle", name)) for name in _CONDITIONS)
            lifecycle = lifecycle._replace(
                preconditions=before,
                postconditions=after,
                replace_triggered_by=_triggers(resource, scope),
            )
        return ResourceBlock(
            resource.address,
            resource.place,
            resource.body,
            resource.converted,
            self.module.graph.dependencies(node_of(resource.address)),
            resource.repetition,
            lifecycle,
        )

    def lifecycle(self, value: Value) -> Lifecycle:
        value = reveal(value)
        if not isinstance(value, dict) or not is_wholly_known(value):
            return Lifecycle()
        ignored = value.get("ignore_changes") or ()
        return Lifecycle(
            _is_true(value.get("prevent_destroy")),
            _is_true(value.get("create_before_destroy")),
            tuple(ignored),
            keep=value.get("destroy") in (False, "false"),
        )


_CONDITIONS = ("precondition", "postcondition")


def _triggers(resource: Resource, scope: ModuleScope) -> tuple[tuple[ResourceAddress, str | None], ...]:
    found = []
    for text in resource.lifecycle.get("replace_triggered_by") or ():
        kind, name, *rest = text.split(".")
        found.append((ResourceAddress(kind, name, scope.module.path), rest[0] if rest else None))
    return tuple(found)


_SINGLE: dict[InstanceKey, Value] = {None: None}


def _is_true(value: Value) -> bool:
    return value is True or value == "true"


def _uses_instance(body: Body) -> bool:
    return any(
        reference.parts[0] in ("each", "count")
        for leaf in leaves_of(body)
        for reference in leaf.expr.expression.references
    )


def private_sources(module: Module) -> frozenset[str]:
    """The files with a literal that must not be stored: the default of a sensitive variable, or sensitive("...")."""
    found = {
        variable.place.source.path
        for inner in module.walk()
        for variable in inner.variables.values()
        if variable.sensitive and variable.default not in (None, "")
    }
    found |= {
        source.path for inner in module.walk() for source in inner.sources if _SENSITIVE_LITERAL.search(source.text)
    }
    return frozenset(found)
