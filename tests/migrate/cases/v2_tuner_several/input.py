"""Two estimators in one search, one whose ranges SageMaker finds, and one that goes on from another."""

from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.pytorch import PyTorch
from sagemaker.tuner import (
    ContinuousParameter,
    HyperparameterTuner,
    IntegerParameter,
    TuningJobCompletionCriteriaConfig,
)

role = "arn:aws:iam::123456789012:role/training"
bucket = "s3://bucket/digits"

forest = Estimator(
    image_uris.retrieve("xgboost", "us-west-2", "1.7-1"),
    role,
    1,
    "ml.m5.xlarge",
    base_job_name="trees",
    hyperparameters={"objective": "binary:logistic", "num_round": 100, "eta": 0.2},
)
net = PyTorch(
    entry_point="train.py",
    source_dir="src",
    role=role,
    framework_version="2.0.0",
    py_version="py310",
    instance_count=1,
    instance_type="ml.g5.xlarge",
    hyperparameters={"epochs": 3, "batch": 64, "lr": 0.1},
)
common = dict(strategy="Bayesian", objective_type="Maximize", max_parallel_jobs=2)

tuner = HyperparameterTuner.create(
    {"xgb": forest, "torch-net": net},
    objective_metric_name_dict={"xgb": "validation:auc", "torch-net": "auc"},
    hyperparameter_ranges_dict={
        "xgb": {"eta": ContinuousParameter(0.1, 0.5), "max_depth": IntegerParameter(2, 8)},
        "torch-net": {"lr": ContinuousParameter(1e-4, 1e-1, scaling_type="Logarithmic")},
    },
    metric_definitions_dict={"torch-net": [{"Name": "auc", "Regex": "auc=([0-9.]+)"}]},
    base_tuning_job_name="both",
    max_jobs=20,
    completion_criteria_config=TuningJobCompletionCriteriaConfig(
        max_number_of_training_jobs_not_improving=5, complete_on_convergence=True
    ),
    **common,
)
tuner.fit({"xgb": TrainingInput(bucket, content_type="csv"), "torch-net": {"train": bucket}})

found = HyperparameterTuner(
    net,
    "auc",
    {"lr": ContinuousParameter(1e-4, 1e-1)},
    metric_definitions=[{"Name": "auc", "Regex": "auc=([0-9.]+)"}],
    autotune=True,
    hyperparameters_to_keep_static=["epochs"],
    base_tuning_job_name="auto",
    **common,
)
found.fit({"train": bucket})

again = found.transfer_learning_tuner(additional_parents={"older-search"})
again.fit({"train": bucket + "-more"})
