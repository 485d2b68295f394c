from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core import image_uris
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode, StoppingCondition
from sagemaker.train.distributed import Torchrun

session = Session()
role = get_execution_role()
image = image_uris.retrieve(framework="pytorch", region="us-west-2", version="2.5", instance_type="ml.g5.xlarge",
                            image_scope="training")

trainer = ModelTrainer(
    training_image=image,
    sagemaker_session=session,
    role=role,
    source_code=SourceCode(source_dir="./src", entry_script="train.py", requirements="requirements.txt"),
    distributed=Torchrun(process_count_per_node=4),
    compute=Compute(instance_type="ml.g5.xlarge", instance_count=2, volume_size_in_gb=100),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=1800),
    hyperparameters={"epochs": 3, "layers": [64, 32], "use_amp": True},
    base_job_name="digits_v3",
)
trainer.train(
    input_data_config=[
        InputData(channel_name="train", data_source="s3://bucket/train", content_type="text/csv"),
        InputData(channel_name="validation", data_source="data/validation"),
    ],
    wait=False,
    logs=False,
)
print(trainer._latest_training_job.training_job_name)
