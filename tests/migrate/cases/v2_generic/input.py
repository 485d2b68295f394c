"""A built-in algorithm and a container of one's own, with everything an Estimator takes."""
import logging

import boto3
import sagemaker
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import FileSystemInput, ShuffleConfig, TrainingInput
from sagemaker.instance_group import InstanceGroup

session = sagemaker.Session(boto3.Session(region_name="eu-west-1", profile_name="ml"))
ROLE = "arn:aws:iam::123456789012:role/training"

xgb = Estimator(
    image_uri=image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"),
    role=ROLE,
    instance_count=1,
    instance_type="ml.m5.2xlarge",
    volume_size=50,
    volume_kms_key="alias/volumes",
    output_path="s3://models/xgb",
    output_kms_key="alias/models",
    base_job_name="churn-xgb",
    sagemaker_session=session,
    subnets=["subnet-1", "subnet-2"],
    security_group_ids=["sg-1"],
    encrypt_inter_container_traffic=True,
    enable_network_isolation=True,
    keep_alive_period_in_seconds=600,
    checkpoint_s3_uri="s3://models/checkpoints",
    checkpoint_local_path="/opt/ml/cp",
    max_retry_attempts=3,
    enable_infra_check=True,
    enable_remote_debug=True,
    disable_output_compression=True,
    code_location="s3://models/code",
    tags={"team": "churn"},
    input_mode="FastFile",
    rules=[sagemaker.debugger.Rule.sagemaker(None)],
)
xgb.set_hyperparameters(objective="binary:logistic", num_round=100, eta=0.2)
xgb.fit(
    {
        "train": TrainingInput(
            "s3://data/train",
            distribution="ShardedByS3Key",
            content_type="text/csv",
            compression="Gzip",
            shuffle_config=ShuffleConfig(seed=7),
        ),
        "validation": TrainingInput("s3://data/validation", content_type="text/csv"),
        "lookup": FileSystemInput("fs-1", "EFS", "/lookup", "ro"),
    },
    job_name="churn-2024",
)

custom = Estimator(
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1",
    ROLE,
    container_entry_point=["python", "/opt/program/train.py"],
    container_arguments=["--mode", "a b"],
    container_log_level=logging.DEBUG,
    instance_groups=[InstanceGroup("cpu", "ml.c5.xlarge", 2), InstanceGroup("gpu", "ml.g5.xlarge", 1)],
    model_uri="s3://models/base/model.tar.gz",
    max_run=7200,
    what_is_this=3,
)
custom.fit("s3://data/all")
