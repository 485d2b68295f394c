"""The same with the SageMaker Python SDK V3. `planform migrate launch.py --stdout` shows what becomes of it."""

from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode, StoppingCondition

session = Session()
trainer = ModelTrainer(
    training_image=image_uris.retrieve(framework="sklearn", region="us-west-2", version="1.4-2"),
    role=get_execution_role(),
    source_code=SourceCode(source_dir="../quickstart/src", entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=1),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    hyperparameters={"epochs": 3, "learning_rate": 0.2},
    base_job_name="digits",
)
trainer.train(input_data_config=[InputData(channel_name="train", data_source="../quickstart/data/train")])
