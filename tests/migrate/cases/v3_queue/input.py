import boto3
from sagemaker.train.aws_batch.training_queue import TrainingQueue
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.model_trainer import ModelTrainer

batch = boto3.client("batch", region_name="us-west-2")
environment = batch.create_service_environment(
    serviceEnvironmentName="gpu-pool",
    serviceEnvironmentType="SAGEMAKER_TRAINING",
    state="ENABLED",
    capacityLimits=[{"maxCapacity": 4, "capacityUnit": "NUM_INSTANCES"}],
)
policy = batch.create_scheduling_policy(
    name="fair",
    fairsharePolicy={"shareDecaySeconds": 3600, "shareDistribution": [{"shareIdentifier": "research", "weightFactor": 1}]},
)
batch.create_job_queue(
    jobQueueName="training",
    jobQueueType="SAGEMAKER_TRAINING",
    state="ENABLED",
    priority=5,
    serviceEnvironmentOrder=[{"order": 1, "serviceEnvironment": environment["serviceEnvironmentArn"]}],
    schedulingPolicyArn=policy["arn"],
    jobStateTimeLimitActions=[
        {"reason": "MISCONFIGURATION:SERVICE_ENVIRONMENT_MAX_RESOURCE", "state": "RUNNABLE", "maxTimeSeconds": 600, "action": "CANCEL"}
    ],
    tags={"team": "vision"},
)
batch.create_job_queue(jobQueueName="cpu", priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "ce"}],
                       serviceEnvironmentOrder=[{"order": 1, "serviceEnvironment": "other-pool"}])

trainer = ModelTrainer(
    training_image="763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.0.0-cpu-py310",
    source_code=SourceCode(command="echo hello"),
    compute=Compute(instance_type="ml.g5.xlarge", instance_count=1),
    base_job_name="hello",
)
queue = TrainingQueue(queue_name="training")
first = queue.submit(
    training_job=trainer,
    inputs=[InputData(channel_name="train", data_source="s3://bucket/a")],
    job_name="hello-1",
    retry_config={"attempts": 3},
    priority=0,
    share_identifier="research",
    timeout={"attemptDurationSeconds": 3600},
    tags={"cost": "research"},
)
queue.map(trainer, inputs=[[InputData(channel_name="train", data_source=f"s3://bucket/{part}")] for part in "xy"],
          share_identifier="research")
first.wait()
