"""The same with boto3 and the SageMaker Python SDK V3."""

import boto3
from sagemaker.train.aws_batch.training_queue import TrainingQueue
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.model_trainer import ModelTrainer

batch = boto3.client("batch", region_name="us-west-2")
environment = batch.create_service_environment(
    serviceEnvironmentName="digits",
    serviceEnvironmentType="SAGEMAKER_TRAINING",
    capacityLimits=[{"maxCapacity": 1, "capacityUnit": "NUM_INSTANCES"}],
)
batch.create_job_queue(
    jobQueueName="digits",
    jobQueueType="SAGEMAKER_TRAINING",
    priority=1,
    serviceEnvironmentOrder=[{"order": 1, "serviceEnvironment": environment["serviceEnvironmentArn"]}],
)
queue = TrainingQueue("digits")
for rate, priority in ((0.01, 1), (0.1, 5), (0.5, 9)):
    trainer = ModelTrainer(
        training_image="246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        source_code=SourceCode(source_dir="../quickstart/src", entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.xlarge", instance_count=1),
        hyperparameters={"epochs": 2, "learning_rate": rate},
        base_job_name="digits",
    )
    data = InputData(channel_name="train", data_source="../quickstart/data/train")
    queue.submit(trainer, [data], priority=priority)
