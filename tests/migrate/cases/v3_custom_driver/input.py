import os

from sagemaker.train.configs import SourceCode
from sagemaker.train.distributed import DistributedConfig
from sagemaker.train.model_trainer import ModelTrainer

drivers = os.path.join(os.getcwd(), "custom_drivers")


class CustomDriver(DistributedConfig):
    process_count_per_node: int = None
    backend: str = "gloo"

    @property
    def driver_dir(self) -> str:
        return drivers

    @property
    def driver_script(self) -> str:
        return "driver.py"


trainer = ModelTrainer(
    training_image="763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.0.0-cpu-py310",
    hyperparameters={"epochs": 10},
    source_code=SourceCode(source_dir="scripts", entry_script="entry_script.py"),
    distributed=CustomDriver(process_count_per_node=2),
    base_job_name="custom-distributed-driver",
)
trainer.train()
