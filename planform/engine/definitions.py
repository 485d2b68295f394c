"""What of a resource with runs others wait for: its definition, its launch, or its end (S3.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planform.core.configuration import Dependency, ResourceBlock
from planform.core.schemas import Collection, Nested, Schema, Type, Whole


def takes_definition(block: ResourceBlock, needed: Dependency, schemas: Mapping[str, Schema]) -> bool:
    """Whether a block refers to a resource only for what it is defined as: `trainer: ${trainer.base}`."""
    schema, target = schemas.get(block.address.type), schemas.get(needed.resource.type)
    inside = needed.place.path[len(block.place.path) :]
    if schema is None or target is None or needed.attribute is not None or not inside or not target.has_runs:
        return False
    attribute = schema.attributes.get(str(inside[0]))
    return attribute is not None and any(_wholes(attribute.type))


def completed(schema: Schema) -> tuple[str, ...]:
    """What only the end of a run can tell (S3.7); `last_succeeded` is told by an older one."""
    return tuple(
        name for name, item in schema.attributes.items() if item.milestone == "completed" and name != "last_succeeded"
    )


def is_taken_whole(kind: str, schemas: Mapping[str, Schema]) -> bool:
    """Whether resources of this type may be given to another type as a definition."""
    marks = {
        whole.mark
        for schema in schemas.values()
        for attribute in schema.attributes.values()
        for whole in _wholes(attribute.type)
    }
    schema = schemas[kind]
    return schema.has_runs and any(mark in schema.attributes for mark in marks)


def _wholes(kind: Type) -> Iterator[Whole]:
    """Where whole resources may be given inside of a value of this type."""
    match kind:
        case Nested(_, whole) if whole is not None:
            yield whole
        case Nested(table):
            for attribute in table.values():
                yield from _wholes(attribute.type)
        case Collection(_, element):
            yield from _wholes(element)
