"""The same with the SageMaker Python SDK V3: a mapping, a JSON file, a YAML file."""

from sagemaker.train.configs import InputData, SourceCode
from sagemaker.train.model_trainer import ModelTrainer

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
code = SourceCode(source_dir="../quickstart/src", entry_script="train.py")
data = [InputData(channel_name="train", data_source="../quickstart/data/train")]
mapping = {"epochs": 2, "learning_rate": 0.2, "batch_size": 1, "seed": 0}

for name, values in (
    ("mapping", mapping),
    ("json", "hyperparameters.json"),
    ("yaml", "hyperparameters.yaml"),
):
    trainer = ModelTrainer(training_image=IMAGE, source_code=code, hyperparameters=values, base_job_name=name)
    trainer.train(data)
