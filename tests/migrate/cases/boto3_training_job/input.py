import time

import boto3

sm = boto3.client("sagemaker")
job_name = "xgb-" + time.strftime("%Y%m%d")
sm.create_training_job(
    TrainingJobName=job_name,
    RoleArn="arn:aws:iam::123456789012:role/training",
    AlgorithmSpecification={
        "TrainingImage": "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.7-1",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/bash", "-c", "python train.py | tee log"],
        "MetricDefinitions": [{"Name": "auc", "Regex": "auc=([0-9.]+)"}],
    },
    HyperParameters={"eta": "0.2", "objective": "binary:logistic", "silent": "true"},
    InputDataConfig=[
        {
            "ChannelName": "train",
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": "s3://bucket/train",
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
            "ContentType": "text/csv",
            "CompressionType": "None",
        }
    ],
    OutputDataConfig={"S3OutputPath": "s3://bucket/out"},
    ResourceConfig={"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
    StoppingCondition={"MaxRuntimeInSeconds": 3600},
    VpcConfig={"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    EnableNetworkIsolation=False,
    ProfilerConfig={"DisableProfiler": True},
    Tags=[{"Key": "team", "Value": "churn"}],
)
