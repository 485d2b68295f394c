"""`data.remote_state`: the outputs of another state, of planform or of Terraform."""

from __future__ import annotations

from planform.core.schemas import ANY, STRING, Attribute, Enum, Nested, Schema, attributes, map_of

SCHEMA = Schema(
    type="remote_state",
    doc="The outputs of another state: one of planform's, or of Terraform (format 4).",
    example="""\
data:
  remote_state:
    network: {backend: local, config: {path: ../network/terraform.tfstate}}
output:
  subnets: {value: "${data.remote_state.network.outputs.subnets}"}
""",
    attributes=attributes(
        backend=Attribute(Enum(("local", "s3")), "Where that state is kept.", required=True),
        config=Attribute(
            Nested(
                attributes(
                    path=Attribute(STRING, "local: the state file, from this module's folder."),
                    bucket=Attribute(STRING, "s3: the bucket."),
                    key=Attribute(STRING, "s3: the object."),
                    region=Attribute(STRING, "s3: its region."),
                    profile=Attribute(STRING, "s3: a profile of the AWS configuration."),
                    endpoint_url=Attribute(STRING, "s3: another server that speaks S3."),
                )
            ),
            "Settings of that backend.",
            required=True,
        ),
        defaults=Attribute(map_of(ANY), "Values of outputs that the state does not have."),
        outputs=Attribute(map_of(ANY), "The outputs of the root module, by name.", computed=True),
    ),
)
