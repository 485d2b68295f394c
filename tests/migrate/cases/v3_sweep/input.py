import os
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core import image_uris
from sagemaker.core.shapes import RetryStrategy, MetricDefinition
from sagemaker.train.configs import (CheckpointConfig, Compute, InputData, Networking, OutputDataConfig, SourceCode, StoppingCondition, Tag)
from sagemaker.train.distributed import Torchrun, MPI
from sagemaker.train.model_trainer import ModelTrainer, Mode
from sagemaker.train.aws_batch.training_queue import TrainingQueue

session = Session()
role = os.environ.get("SAGEMAKER_ROLE") or get_execution_role()
region = session.boto_region_name
NODES = int(os.getenv("NODES", 2))
LOCAL = "LOCAL" in os.environ


def trainer(name: str, hps: dict, nodes: int = NODES, **extra) -> ModelTrainer:
    image = image_uris.retrieve(framework="pytorch", region=region, version="2.5.1", py_version="py311",
                                instance_type="ml.g5.12xlarge", image_scope="training")
    mt = ModelTrainer(
        training_mode=Mode.LOCAL_CONTAINER if LOCAL else Mode.SAGEMAKER_TRAINING_JOB,
        training_image=image,
        source_code=SourceCode(source_dir="./src", entry_script="train.py", requirements="requirements.txt"),
        compute=Compute(instance_type="ml.g5.12xlarge", instance_count=nodes, volume_size_in_gb=500,
                        enable_managed_spot_training=True, keep_alive_period_in_seconds=0),
        distributed=Torchrun(process_count_per_node=4) if nodes > 1 else None,
        stopping_condition=StoppingCondition(max_runtime_in_seconds=6 * 60 * 60, max_wait_time_in_seconds=8 * 60 * 60),
        networking=Networking(subnets=["subnet-1"], security_group_ids=["sg-1"]),
        checkpoint_config=CheckpointConfig(s3_uri=f"s3://ckpt/{name}"),
        output_data_config=OutputDataConfig(s3_output_path="s3://out/", compression_type="NONE"),
        environment={"NCCL_DEBUG": "WARN", "HF_TOKEN": os.environ["HF_TOKEN"]},
        hyperparameters=hps,
        role=role,
        base_job_name=name,
        tags=[Tag(key="project", value="llm")],
        **extra,
    )
    return mt.with_retry_strategy(RetryStrategy(maximum_retry_attempts=2)).with_metric_definitions(
        [MetricDefinition(name="loss", regex=r"loss: ([\d.]+)")])


queue = TrainingQueue("gpu-queue")
grid = [{"lr": lr, "warmup": w} for lr in (1e-4, 3e-4) for w in (0, 100)]
data = [InputData(channel_name="train", data_source="s3://data/train"), InputData(channel_name="val", data_source="s3://data/val")]
for i, hp in enumerate(grid, start=1):
    queue.submit(trainer(f"llm-{i}", {"epochs": 1, "nested": {"a": [1, 2]}, **hp}), data, priority=i, share_identifier="research",
                 timeout={"attemptDurationSeconds": 7200})
one = trainer("single", "hp.yaml", nodes=1)
one.train(input_data_config=data, wait=False, logs=False)
