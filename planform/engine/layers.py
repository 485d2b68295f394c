"""Values in layers: a file or a mapping, or a list of them, each laid over those before it; mappings merge deeply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from planform.core.configuration import Configuration, Instance, SourceFile
from planform.core.errors import Diagnosed, PlanformError
from planform.core.schemas import Attribute, Collection, Misfit, Nested, Type
from planform.core.values import AttributePath, Object, Sensitive, Unknown, Value, with_value
from planform.language.documents import load_document
from planform.language.errors import Unsuitable
from planform.language.functions.encoding import jsondecode
from planform.language.scope import Evaluation

Read = Callable[[str], bytes]  # of a path as it is written; raises OSError and PlanformError


def reader(evaluation: Evaluation, configuration: Configuration, instance: Instance) -> Read:
    """Reads files by their paths from the module that declares an instance, through the plan's snapshot (S1.7)."""
    folder = configuration.modules[instance.address.module].folder
    return lambda path: evaluation.files.read(path, folder)


def layered(
    body: Object, attributes: Mapping[str, Attribute], read: Read
) -> tuple[Object, dict[AttributePath, str], list[Misfit]]:
    """A body whose layered attributes are one mapping each; which file a leaf of theirs comes from; what is wrong."""
    result, origins, misfits = body, dict[AttributePath, str](), list[Misfit]()
    for name, attribute in attributes.items():
        value = body.get(name)
        for place, item, inside in _inside(value, attribute.type, (name,)):
            inner, more, wrong = layered(item, inside, read)
            result = result if inner is item else with_value(result, place, inner)
            origins |= {(*place, *path): origin for path, origin in more.items()}
            misfits += [misfit._replace(path=(*place, *misfit.path)) for misfit in wrong]
        if not attribute.layers or not isinstance(value, (str, list)):
            continue
        open_layers = [layer for layer in value if _is_unknown(layer)] if isinstance(value, list) else []
        if open_layers:  # which names there are is not known before all layers are
            result = {**result, name: open_layers[0]}
            continue
        merged: Object = {}
        for path, layer in (
            [((name,), value)]
            if isinstance(value, str)
            else [((name, index), layer) for index, layer in enumerate(value)]
        ):
            try:
                mapping, origin = _mapping(layer, read)
            except Diagnosed as error:
                misfits += [Misfit(path, f"{item.span}: {item.summary}", item.detail) for item in error.problems]
                continue
            except PlanformError as error:
                misfits.append(Misfit(path, error.summary, error.detail, error.suggestion))
                continue
            merged = over(merged, mapping)
            _claim(origins, mapping, (name,), origin)
        result = {**result, name: merged}
    return result, origins, misfits


def _is_unknown(layer: Value) -> bool:
    return isinstance(layer.value if isinstance(layer, Sensitive) else layer, Unknown)


def _inside(
    value: Value, kind: Type, path: AttributePath
) -> Iterator[tuple[AttributePath, Object, Mapping[str, Attribute]]]:
    """The objects with attributes of their own in a value, each with where it stands."""
    match kind:
        case Nested(table) if isinstance(value, dict):
            yield path, value, table
        case Collection("map", element) if isinstance(value, dict):
            for key, item in value.items():
                yield from _inside(item, element, (*path, key))


def _mapping(layer: Value, read: Read) -> tuple[Object, str]:
    """A layer as a mapping, and the file that it is.

    Raises:
        PlanformError: the file cannot be read, or holds no mapping.
    """
    if isinstance(layer, Sensitive):
        mapping, origin = _mapping(layer.value, read)
        return {key: Sensitive(item) for key, item in mapping.items()}, origin
    if isinstance(layer, dict):
        return layer, ""
    path = str(layer)
    if not path.endswith((".json", ".yaml", ".yml")):
        raise PlanformError(f'"{path}" is neither a mapping nor a .json or .yaml file.')
    try:
        found = _parsed(path, read(path).decode())
    except OSError as error:
        raise PlanformError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise PlanformError(f"{path} is not text in UTF-8.") from None
    if not isinstance(found, dict):
        raise PlanformError(f"{path} does not hold a mapping of names to values.")
    return found, path


def _parsed(path: str, text: str) -> Value:
    if not path.endswith(".json"):
        return load_document(SourceFile(path, text)).value
    try:
        return jsondecode(text)
    except Unsuitable as error:
        raise PlanformError(f"{path}: {error}") from None


def over(lower: Object, upper: Object) -> Object:
    """`upper` laid over `lower`: mappings merge by key, anything else is replaced."""
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        result[key] = over(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return result


def _claim(origins: dict[AttributePath, str], mapping: Object, path: AttributePath, origin: str) -> None:
    """The leaves of a layer are its own from now on."""
    for leaf in _leaves(mapping, path):
        for place in [item for item in origins if item[: len(leaf)] == leaf or leaf[: len(item)] == item]:
            del origins[place]
        if origin:
            origins[leaf] = origin


def _leaves(value: Value, path: AttributePath) -> Iterator[AttributePath]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    else:
        yield path
