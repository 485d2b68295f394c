"""The same with the SageMaker Python SDK V3: a driver is a class there."""

from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.distributed import DistributedConfig
from sagemaker.train.model_trainer import ModelTrainer


class Processes(DistributedConfig):
    process_count_per_node: int = 1

    @property
    def driver_dir(self) -> str:
        return "drivers"

    @property
    def driver_script(self) -> str:
        return "processes.py"


trainer = ModelTrainer(
    training_image="246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
    source_code=SourceCode(source_dir="src", entry_script="train.py"),
    distributed=Processes(process_count_per_node=2),
    compute=Compute(instance_type="ml.c5.xlarge", instance_count=2),
    hyperparameters={"epochs": 3, "learning_rate": 0.2},
    base_job_name="digits",
)
trainer.train([InputData(channel_name="train", data_source="../quickstart/data/train")])
