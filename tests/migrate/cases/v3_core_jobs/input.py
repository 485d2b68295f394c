"""Jobs asked for through the resources of sagemaker-core, as the page on tuning has it."""

import time

from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.core.resources import HyperParameterTuningJob, TrainingJob
from sagemaker.core.shapes import (
    AlgorithmSpecification,
    Channel,
    ContinuousParameterRange,
    DataSource,
    HyperParameterAlgorithmSpecification,
    HyperParameterTrainingJobDefinition,
    HyperParameterTuningJobConfig,
    HyperParameterTuningJobObjective,
    IntegerParameterRange,
    OutputDataConfig,
    ParameterRanges,
    ResourceConfig,
    ResourceLimits,
    S3DataSource,
    StoppingCondition,
    Tag,
    VpcConfig,
)

REGION = "us-west-2"
role = get_execution_role()
image = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1"


def channel(name):
    source = S3DataSource(
        s3_data_type="S3Prefix", s3_uri=f"s3://bucket/{name}", s3_data_distribution_type="FullyReplicated"
    )
    return Channel(channel_name=name, content_type="csv", data_source=DataSource(s3_data_source=source))


job = TrainingJob.create(
    training_job_name="xgboost-iris-" + time.strftime("%Y%m%d"),
    hyper_parameters={"objective": "multi:softmax", "num_class": "3", "num_round": "10", "eta": "0.4"},
    algorithm_specification=AlgorithmSpecification(training_image=image, training_input_mode="File"),
    role_arn=role,
    input_data_config=[channel("train"), channel("validation")],
    output_data_config=OutputDataConfig(s3_output_path="s3://bucket/out"),
    resource_config=ResourceConfig(instance_type="ml.m4.xlarge", instance_count=1, volume_size_in_gb=30),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    vpc_config=VpcConfig(subnets=["subnet-1"], security_group_ids=["sg-1"]),
    tags=[Tag(key="team", value="iris")],
    region=REGION,
)
job.wait()

search = HyperParameterTuningJob.create(
    hyper_parameter_tuning_job_name="xgboost-tune",
    hyper_parameter_tuning_job_config=HyperParameterTuningJobConfig(
        strategy="Bayesian",
        hyper_parameter_tuning_job_objective=HyperParameterTuningJobObjective(
            type="Maximize", metric_name="validation:auc"
        ),
        resource_limits=ResourceLimits(max_number_of_training_jobs=10, max_parallel_training_jobs=2),
        training_job_early_stopping_type="Auto",
        parameter_ranges=ParameterRanges(
            integer_parameter_ranges=[IntegerParameterRange(name="max_depth", min_value="1", max_value="10")],
            continuous_parameter_ranges=[ContinuousParameterRange(name="eta", min_value="0.1", max_value="0.9")],
        ),
    ),
    training_job_definition=HyperParameterTrainingJobDefinition(
        role_arn=role,
        algorithm_specification=HyperParameterAlgorithmSpecification(
            training_image=image, training_input_mode="File"
        ),
        static_hyper_parameters={"objective": "binary:logistic", "num_round": "100"},
        input_data_config=[channel("train")],
        output_data_config=OutputDataConfig(s3_output_path="s3://bucket/out"),
        resource_config=ResourceConfig(instance_type="ml.m4.xlarge", instance_count=1, volume_size_in_gb=30),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    ),
    region=REGION,
)
