"""Values and addresses in the shapes of Terraform's JSON formats. No secret passes through here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from planform.core.addresses import Address, ModulePath, module_text, provider_kind
from planform.core.values import Sealed, Sensitive, Set, Unknown, Value

FORMAT_VERSION = "1.2"
# Consumers of the format test this field against the versions they know.
TERRAFORM_VERSION = "1.11.4"


@dataclass(frozen=True, slots=True)
class Shape:
    """One value, told apart: what can be shown, where it is unknown, where it is sensitive."""

    shown: Any
    unknown: Any
    sensitive: Any
    absent: bool = False


def shape(value: Value) -> Shape:
    """Unknown and sensitive parts are left out of objects and null in lists, and stand as `true` in their trees."""
    match value:
        case Sensitive():
            return Shape(None, isinstance(value.value, Unknown), True, absent=True)
        case Sealed():
            return Shape(None, False, True, absent=True)
        case Unknown():
            return Shape(None, True, False, absent=True)
        case dict():
            parts = {key: shape(item) for key, item in value.items()}
            return Shape(
                {key: part.shown for key, part in parts.items() if not part.absent},
                {key: part.unknown for key, part in parts.items() if part.unknown},
                {key: part.sensitive for key, part in parts.items() if part.sensitive},
            )
        case list() | Set():
            items = [shape(item) for item in value]
            return Shape(
                [item.shown for item in items],
                [item.unknown for item in items] if any(item.unknown for item in items) else False,
                [item.sensitive for item in items] if any(item.sensitive for item in items) else False,
            )
        case _:
            return Shape(value, False, False)


def type_json(value: Value) -> Any:
    """The type of a value as Terraform's output format spells it."""
    match value:
        case Sensitive():
            return type_json(value.value)
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case dict():
            return ["object", {key: type_json(item) for key, item in sorted(value.items())}]
        case list() | Set():
            return ["tuple", [type_json(item) for item in value]]
        case _:
            return "dynamic"


def provider_name(provider: str) -> str:
    """Whose resource it is, as a registry address."""
    base = provider_kind(provider)
    return {"aws": "registry.terraform.io/hashicorp/aws", "": "planform.io/builtin/planform"}.get(
        base, f"planform.io/builtin/{base}"
    )


def address_json(address: Address) -> dict[str, Any]:
    """The keys with which every format names a resource instance."""
    form: dict[str, Any] = {"address": str(address._replace(deposed=""))}
    if address.module:
        form["module_address"] = module_text(address.module)
    form |= {"mode": address.mode, "type": address.type, "name": address.name}
    if address.key is not None:
        form["index"] = address.key
    if address.deposed:
        form["deposed"] = address.deposed
    return form


def values_json(objects: Iterable[tuple[Address, str, Mapping[str, Value]]]) -> dict[str, Any]:
    """`root_module`: resources by module, modules inside modules. An item is address, provider, object."""
    modules: dict[ModulePath, dict[str, Any]] = {(): {}}
    for address, provider, item in sorted(objects, key=lambda found: found[0].sort_key()):
        for depth in range(1, len(address.module) + 1):
            path = address.module[:depth]
            if path not in modules:
                modules[path] = {}
                modules[path[:-1]].setdefault("child_modules", []).append(modules[path])
        parts = shape(dict(item))
        form = address_json(address)
        form.pop("module_address", None)
        form |= {
            "provider_name": provider_name(provider),
            "schema_version": 0,
            "values": parts.shown,
            "sensitive_values": parts.sensitive or {},
        }
        modules[address.module].setdefault("resources", []).append(form)
    for path, module in modules.items():
        if path:
            module["address"] = module_text(path)
    return modules[()]


def output_json(value: Value, sensitive: bool = False) -> dict[str, Any]:
    """A known output of a state or of `output --json`."""
    parts = shape(value)
    form: dict[str, Any] = {"sensitive": sensitive or bool(parts.sensitive)}
    if not form["sensitive"] and not parts.absent:
        form |= {"type": type_json(value), "value": parts.shown}
    return form
