"""A tree of modules as Terraform's plan JSON describes a configuration: constants, and what expressions refer to.

Only what is written as a plain constant is told; the default of a sensitive variable, and what stands in a sensitive
attribute or is given to a sensitive variable, is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from planform.core.addresses import ResourceAddress, key_text
from planform.core.configuration import Body, Configuration
from planform.core.schemas import Attribute, Collection, Nested
from planform.core.values import Sensitive
from planform.language.blocks import Module, ModuleCall, Resource, Variable, leaves_of
from planform.language.expressions import Reference

Form: TypeAlias = dict[str, Any]


def described(module: Module, configuration: Configuration, settings: Mapping[str, Mapping[str, Attribute]]) -> Form:
    """`configuration` and `relevant_attributes`. `settings` are the attribute tables of the providers."""
    keys = {
        instance.block.address: instance.provider.partition("@")[0] or "planform"
        for instance in configuration.instances.values()
    }
    return {
        "configuration": {
            "provider_config": {
                name: _provider(name, item.body, settings.get(name.partition(".")[0], {}))
                for name, item in sorted(module.providers.items())
            },
            "root_module": _module(module, lambda address: keys.get(address, "planform")),
        },
        "relevant_attributes": _relevant(configuration),
    }


def _provider(name: str, body: Body, table: Mapping[str, Attribute]) -> Form:
    kind, _, alias = name.partition(".")
    form: Form = {"name": kind, "expressions": _expressions(body, table)}
    return {**form, "alias": alias} if alias else form


def _module(module: Module, provider_of: Callable[[ResourceAddress], str]) -> Form:
    resources = sorted(module.resources.values(), key=lambda resource: str(resource.address))
    form: Form = {
        "outputs": {name: _output(output.value, output.sensitive, output.description, output.depends_on)
                    for name, output in sorted(module.outputs.items())},
        "resources": [_resource(item, module, provider_of(item.address)) for item in resources],
        "module_calls": {name: _call(call, provider_of) for name, call in sorted(module.calls.items())},
        "variables": {name: _variable(variable) for name, variable in sorted(module.variables.items())},
    }  # fmt: skip
    return {key: value for key, value in form.items() if value}


def _output(value: Body, sensitive: bool, description: str, depends_on: Body) -> Form:
    form: Form = {"expression": {} if sensitive and not leaves_of(value) else _expression(value)}
    if sensitive:
        form["sensitive"] = True
    if description:
        form["description"] = description
    return form | _depends_on(depends_on)


def _variable(variable: Variable) -> Form:
    form: Form = {}
    if variable.default is not None and not variable.sensitive:
        form["default"] = _constant(variable.default)
    if variable.description:
        form["description"] = variable.description
    if variable.sensitive:
        form["sensitive"] = True
    return form


def _resource(resource: Resource, module: Module, provider: str) -> Form:
    address = resource.address
    schema = module.schemas[address.type]
    form: Form = {
        "address": str(address._replace(module=())),
        "mode": address.mode,
        "type": address.type,
        "name": address.name,
        "provider_config_key": provider,
        "expressions": _expressions(resource.body, schema.attributes),
        "schema_version": 0,
    }
    return form | _repetition(resource.repetition, resource.repeat) | _depends_on(resource.depends_on)


def _call(call: ModuleCall, provider_of: Callable[[ResourceAddress], str]) -> Form:
    form: Form = {
        "source": call.source,
        "expressions": {
            name: {} if _is_secret(call.module.variables.get(name), value) else _expression(value)
            for name, value in call.inputs.items()
        },
        "module": _module(call.module, provider_of),
    }
    return form | _repetition(call.repetition, call.repeat) | _depends_on(call.depends_on)


def _is_secret(variable: Variable | None, value: Body) -> bool:
    return variable is not None and variable.sensitive and not leaves_of(value)


def _repetition(repetition: str, repeat: Body) -> Form:
    return {f"{repetition}_expression": _expression(repeat)} if repetition != "single" else {}


def _depends_on(names: Body) -> Form:
    return {"depends_on": [name for name in names if isinstance(name, str)]} if isinstance(names, list) else {}


def _expressions(body: Body, table: Mapping[str, Attribute] | None = None) -> Form:
    """Attribute by attribute; an object with a table of its own is a block, whose attributes stand for themselves."""
    form: Form = {}
    for name, value in body.items() if isinstance(body, dict) else ():
        attribute = (table or {}).get(name, _ANY)
        kind = attribute.type
        if attribute.sensitive and not leaves_of(value):
            form[name] = {}
        elif isinstance(kind, Nested) and isinstance(value, dict):
            form[name] = _expressions(value, kind.attributes)
        elif isinstance(kind, Collection) and isinstance(kind.element, Nested) and isinstance(value, list):
            form[name] = [_expressions(item, kind.element.attributes) for item in value]
        else:
            form[name] = _expression(value)
    return form


_ANY = Attribute()


def _expression(value: Body) -> Form:
    leaves = leaves_of(value)
    if not leaves:
        return {"constant_value": _constant(value)}
    found = [reference for leaf in leaves for reference in leaf.expr.expression.references]
    names = dict.fromkeys(name for reference in found for name in _names(reference))
    return {"references": list(names)} if names else {}


def _names(reference: Reference) -> list[str]:
    """`a.b.c`, then what it begins with: `a.b`. A reference ends where only evaluation knows how it goes on."""
    names: list[str] = []
    text = ""
    for part in reference.parts:
        if part is None:
            break
        if isinstance(part, str) and part.isidentifier():
            text += f".{part}" if text else part
        else:
            text += key_text(part)
        names.append(text)
    shortest = 3 if reference.parts[0] == "data" else 2
    return names[shortest - 1 :][::-1] or names[-1:]


def _constant(value: Body) -> Any:
    if isinstance(value, Sensitive):
        return None
    if isinstance(value, dict):
        return {key: _constant(item) for key, item in value.items()}
    return [_constant(item) for item in value] if isinstance(value, (list, tuple)) else value


def _relevant(configuration: Configuration) -> list[Form]:
    """The attributes that something is computed from."""
    needs = [block.dependencies for block in configuration.resources.values()]
    needs += [block.dependencies for block in configuration.outputs.values()]
    found = {(str(item.resource), item.attribute or "") for items in needs for item in items}
    return [{"resource": name, "attribute": [attribute] if attribute else []} for name, attribute in sorted(found)]
