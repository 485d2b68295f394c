from sagemaker.train.model_trainer import ModelTrainer, Mode
from sagemaker.train.configs import Compute, InputData, SourceCode
from sagemaker.train.distributed import Torchrun

model_trainer = ModelTrainer(
    training_image="763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.0.0-cpu-py310",
    source_code=SourceCode(source_dir="source", entry_script="local_training_script.py"),
    distributed=Torchrun(process_count_per_node=1),
    compute=Compute(instance_type="local_cpu", instance_count=2),
    input_data_config=[InputData(channel_name="train", data_source="data/train")],
    base_job_name="local_mode_multi_container",
    training_mode=Mode.LOCAL_CONTAINER,
)
model_trainer.train()
