"""Data sources: what is only looked up, one schema a file."""

from __future__ import annotations

from planform.core.schemas import STRING, Attribute, Schema


def lookup(schema: Schema, doc: str) -> Schema:
    """The data source that finds an object of a resource type by its name or ARN, and exports all it is."""
    exported = {
        name: item._replace(required=False, default=None, computed=True, optional_computed=False)
        for name, item in schema.attributes.items()
        if name != "name"
    }
    name = Attribute(STRING, f"The name or ARN of the {schema.type}.", required=True)
    example = f"""\
data:
  {schema.type}:
    shared: {{name: team-shared}}
output:
  shared: {{value: "${{data.{schema.type}.shared.arn}}"}}
"""
    return Schema(type=schema.type, doc=doc, attributes={"name": name, **exported}, example=example)
