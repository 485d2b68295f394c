"""`data.image_uri`: the image of AWS for a framework and a version."""

from __future__ import annotations

from planform.core.schemas import STRING, Attribute, Schema, attributes

SCHEMA = Schema(
    type="image_uri",
    doc="The URI of an image of AWS by framework and version, in the provider's region.",
    example="""\
data:
  image_uri:
    torch: {framework: pytorch, version: "2.5.1", instance_type: ml.g5.xlarge}
output:
  image: {value: "${data.image_uri.torch.uri}"}
""",
    attributes=attributes(
        framework=Attribute(STRING, "sklearn, pytorch, xgboost, ...", required=True),
        version=Attribute(STRING, "Version of the framework, quoted; algorithms of AWS with only one need none."),
        py_version=Attribute(STRING, "py310, py311, ..., where an image comes for several."),
        base_framework_version=Attribute(STRING, "For huggingface: the version of PyTorch or TensorFlow underneath."),
        container_version=Attribute(STRING, "A version of the image itself."),
        instance_type=Attribute(STRING, "For which instances.", default="ml.m5.xlarge"),
        uri=Attribute(STRING, "The URI.", computed=True),
    ),
)
