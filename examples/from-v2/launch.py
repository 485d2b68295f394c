"""A launcher of the SageMaker Python SDK V2, as it stands in many repositories. main.pf.yaml was written from it."""

import argparse

import sagemaker
from sagemaker.sklearn import SKLearn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
args = parser.parse_args()

session = sagemaker.Session()
estimator = SKLearn(
    entry_point="train.py",
    source_dir="../quickstart/src",
    role=sagemaker.get_execution_role(),
    framework_version="1.4-2",
    instance_type="ml.m5.xlarge",
    instance_count=1,
    hyperparameters={"epochs": args.epochs, "learning_rate": 0.2},
    metric_definitions=[{"Name": "accuracy", "Regex": "acc=([0-9.]+)"}],
    output_path=f"s3://{session.default_bucket()}/digits",
    base_job_name="digits",
)
estimator.fit({"train": session.upload_data("../quickstart/data/train", key_prefix="digits")})
estimator.deploy(1, "ml.m5.large")
