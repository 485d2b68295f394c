import os
from time import gmtime, strftime

import boto3
import sagemaker
from sagemaker import get_execution_role

region = os.environ["AWS_DEFAULT_REGION"]
smclient = boto3.Session().client("sagemaker")
bucket = sagemaker.Session().default_bucket()
prefix = "direct-marketing"
container = sagemaker.image_uris.retrieve("xgboost", region, "1.7-1")
tuning_job_name = "xgboost-tuningjob-" + strftime("%d-%H-%M-%S", gmtime())

tuning_job_config = {
    "ParameterRanges": {
        "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
        "ContinuousParameterRanges": [
            {"MaxValue": "1", "MinValue": "0", "Name": "eta"},
            {"MaxValue": "10", "MinValue": "1", "Name": "min_child_weight", "ScalingType": "Logarithmic"},
        ],
        "IntegerParameterRanges": [{"MaxValue": os.environ["DEEPEST"], "MinValue": "1", "Name": "max_depth"}],
    },
    "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 3},
    "Strategy": "Bayesian",
    "HyperParameterTuningJobObjective": {"MetricName": "validation:auc", "Type": "Maximize"},
    "TrainingJobEarlyStoppingType": "Auto",
}


def channel(name):
    return {
        "ChannelName": name,
        "ContentType": "csv",
        "CompressionType": "None",
        "DataSource": {
            "S3DataSource": {
                "S3DataDistributionType": "FullyReplicated",
                "S3DataType": "S3Prefix",
                "S3Uri": "s3://{}/{}/{}".format(bucket, prefix, name),
            }
        },
    }


training_job_definition = {
    "AlgorithmSpecification": {"TrainingImage": container, "TrainingInputMode": "File"},
    "InputDataConfig": [channel("train"), channel("validation")],
    "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/{prefix}/output"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10},
    "RoleArn": get_execution_role(),
    "StaticHyperParameters": {
        "eval_metric": "auc",
        "num_round": "100",
        "objective": "binary:logistic",
        "rate_drop": "0.3",
        "tweedie_variance_power": "1.4",
    },
    "StoppingCondition": {"MaxRuntimeInSeconds": 43200},
}

smclient.create_hyper_parameter_tuning_job(
    HyperParameterTuningJobName=tuning_job_name,
    HyperParameterTuningJobConfig=tuning_job_config,
    TrainingJobDefinition=training_job_definition,
)
