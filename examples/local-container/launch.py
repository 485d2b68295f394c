"""The same with the local mode of the SageMaker Python SDK V3."""

from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.model_trainer import Mode, ModelTrainer

trainer = ModelTrainer(
    training_mode=Mode.LOCAL_CONTAINER,
    training_image="python:3.11-slim",
    source_code=SourceCode(source_dir="../quickstart/src", entry_script="train.py"),
    compute=Compute(instance_type="local_cpu", instance_count=1),
    input_data_config=[InputData(channel_name="train", data_source="../quickstart/data/train")],
    hyperparameters={"epochs": 3},
    base_job_name="digits",
)
trainer.train()
