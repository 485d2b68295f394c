"""`planform_data`: a value that lives in the state, with triggers that replace it."""

from __future__ import annotations

from planform.core.schemas import ANY, STRING, Attribute, Schema, attributes

SCHEMA = Schema(
    type="planform_data",
    doc="A value kept in the state. It makes nothing outside; other resources can be replaced or ordered by it.",
    example="""\
variable:
  release: {type: string, default: v1}
resource:
  planform_data:
    release:
      input: {version: "${var.release}"}
      triggers_replace: ["${var.release}"]
output:
  version: {value: "${planform_data.release.output.version}"}
""",
    attributes=attributes(
        input=Attribute(ANY, "A value to keep; `output` has it after apply."),
        triggers_replace=Attribute(ANY, "A value whose change replaces this object.", change="replace"),
        id=Attribute(STRING, "A unique id, new at each replacement.", computed=True, unknown_when=("replace",)),
        output=Attribute(ANY, "The value of `input` as last applied.", computed=True, unknown_when=("input",)),
    ),
)
