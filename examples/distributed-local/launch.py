"""The same with the local mode of the SageMaker Python SDK V3: two containers, two processes in each."""

from sagemaker.core import image_uris
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.distributed import Torchrun
from sagemaker.train.model_trainer import Mode, ModelTrainer

trainer = ModelTrainer(
    training_mode=Mode.LOCAL_CONTAINER,
    training_image=image_uris.retrieve(
        framework="pytorch", region="us-west-2", version="2.5.1", py_version="py311", instance_type="ml.m5.xlarge"
    ),
    source_code=SourceCode(source_dir="src", entry_script="train.py"),
    distributed=Torchrun(process_count_per_node=2),
    compute=Compute(instance_type="local_cpu", instance_count=2),
    input_data_config=[InputData(channel_name="train", data_source="../quickstart/data/train")],
    hyperparameters={"epochs": 5},
    base_job_name="digits",
)
trainer.train()
