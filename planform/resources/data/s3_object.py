"""`data.s3_object`: one object in S3."""

from __future__ import annotations

from planform.core.schemas import NUMBER, STRING, Attribute, Schema, attributes, map_of

SCHEMA = Schema(
    type="s3_object",
    doc="An object in S3: what is known of it, and its text where it is small and text.",
    example="""\
data:
  s3_object:
    vocabulary: {bucket: team-data, key: vocabulary/size.txt}
output:
  size: {value: "${tonumber(data.s3_object.vocabulary.body)}"}
""",
    attributes=attributes(
        bucket=Attribute(STRING, "The bucket.", required=True),
        key=Attribute(STRING, "The key.", required=True),
        version_id=Attribute(STRING, "A version; by default the newest."),
        uri=Attribute(STRING, "s3://bucket/key.", computed=True),
        etag=Attribute(STRING, "Stands for the content.", computed=True),
        content_length=Attribute(NUMBER, "Size in bytes.", computed=True),
        content_type=Attribute(STRING, "MIME type.", computed=True),
        last_modified=Attribute(STRING, "When it was written, RFC 3339.", computed=True),
        metadata=Attribute(map_of(STRING), "What its writer noted.", computed=True),
        body=Attribute(STRING, "The text, where it is UTF-8 and at most 64 KiB; else null.", computed=True),
    ),
)
