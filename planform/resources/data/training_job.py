"""`data.training_job`: a SageMaker training job that somebody else launched."""

from __future__ import annotations

from planform.core.schemas import NUMBER, STRING, Attribute, Schema, attributes, map_of

SCHEMA = Schema(
    type="training_job",
    doc="A training job that exists already, by its name (SageMaker DescribeTrainingJob).",
    example="""\
data:
  training_job:
    teacher: {name: team-teacher-2026-11-01}
output:
  weights: {value: "${data.training_job.teacher.model_artifacts}"}
""",
    attributes=attributes(
        name=Attribute(STRING, "Name of the job.", required=True),
        arn=Attribute(STRING, "Its ARN.", computed=True),
        status=Attribute(STRING, "Completed, Failed, ...", computed=True),
        model_artifacts=Attribute(STRING, "Where its model is; null until it has one.", computed=True),
        image=Attribute(STRING, "The image it ran in.", computed=True),
        instance_type=Attribute(STRING, "Type of its instances.", computed=True),
        hyperparameters=Attribute(map_of(STRING), "Its hyperparameters, as text.", computed=True),
        metrics=Attribute(map_of(NUMBER), "Metric -> its last value.", computed=True),
        role=Attribute(STRING, "Its execution role.", computed=True),
        started_at=Attribute(STRING, "When it started, RFC 3339.", computed=True),
        ended_at=Attribute(STRING, "When it ended, RFC 3339.", computed=True),
        billable_seconds=Attribute(NUMBER, "Seconds that were paid for.", computed=True),
    ),
)
