"""`data.jumpstart_model`: what the document of a model of SageMaker JumpStart says."""

from __future__ import annotations

from planform.core.schemas import ANY, BOOL, NUMBER, STRING, Attribute, Schema, attributes, list_of, map_of

SCHEMA = Schema(
    type="jumpstart_model",
    doc="A model of SageMaker JumpStart, or of a private hub (SageMaker DescribeHubContent).",
    example="""\
data:
  jumpstart_model:
    bert: {model_id: huggingface-tc-bert-base-cased}
output:
  instance: {value: "${data.jumpstart_model.bert.default_training_instance_type}"}
""",
    attributes=attributes(
        model_id=Attribute(STRING, "Id of the model.", required=True),
        model_version=Attribute(STRING, "This version; by default the pinned one, else the newest."),
        hub_name=Attribute(STRING, "A private hub: its name or ARN."),
        version=Attribute(STRING, "The version that was found.", computed=True),
        arn=Attribute(STRING, "ARN of the model in its hub.", computed=True),
        training_supported=Attribute(BOOL, "Whether it can be fine-tuned.", computed=True),
        gated=Attribute(BOOL, "Whether its licence must be accepted.", computed=True),
        license=Attribute(STRING, "Name of its licence.", computed=True),
        task=Attribute(STRING, "What it is for.", computed=True),
        framework=Attribute(STRING, "What it is made with.", computed=True),
        training_image=Attribute(STRING, "The image it is trained in by default.", computed=True),
        default_training_instance_type=Attribute(STRING, "The type of instance.", computed=True),
        supported_training_instance_types=Attribute(list_of(STRING), "Every type it is trained on.", computed=True),
        volume_size_in_gb=Attribute(NUMBER, "Storage that training needs.", computed=True),
        max_runtime_in_seconds=Attribute(NUMBER, "How long training may take.", computed=True),
        default_training_dataset_uri=Attribute(STRING, "Data to try it with.", computed=True),
        hyperparameters=Attribute(map_of(ANY), "Name -> default.", computed=True),
    ),
)
