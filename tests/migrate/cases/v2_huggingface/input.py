import sagemaker
from sagemaker.huggingface import HuggingFace, HuggingFaceModel

role = sagemaker.get_execution_role()
hyperparameters = {"epochs": 1, "model_name": "distilbert-base-uncased", "pad_token": "<pad>", "hf_token": "hf_abcdef"}

huggingface_estimator = HuggingFace(
    entry_point="train.py",
    source_dir="./scripts",
    instance_type="ml.g5.xlarge",
    instance_count=1,
    role=role,
    transformers_version="4.28.1",
    pytorch_version="2.0.0",
    py_version="py310",
    hyperparameters=hyperparameters,
    max_run=36000,
    use_spot_instances=True,
    max_wait=36000 + 3600,
    metric_definitions=[
        {"Name": "loss", "Regex": "'loss': ([0-9]+(.|e\\-)[0-9]+),?"},
        {"Name": "eval_f1", "Regex": "'eval_f1': ([0-9]+(.|e\\-)[0-9]+),?"},
    ],
)
huggingface_estimator.fit({"train": "s3://bucket/train", "test": "s3://bucket/test"})
model = HuggingFaceModel(model_data=huggingface_estimator.model_data, role=role)
model.deploy(1, "ml.m5.xlarge")
