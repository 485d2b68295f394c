from sagemaker.estimator import Estimator
from sagemaker.tuner import (
    CategoricalParameter,
    ContinuousParameter,
    HyperparameterTuner,
    IntegerParameter,
    WarmStartConfig,
    WarmStartTypes,
)

estimator = Estimator(
    image_uri="123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1",
    role="training",
    instance_count=1,
    instance_type="ml.m5.xlarge",
    base_job_name="digits",
    hyperparameters={"epochs": 3},
)

tuner = HyperparameterTuner(
    estimator,
    objective_metric_name="validation:accuracy",
    hyperparameter_ranges={
        "learning_rate": ContinuousParameter(0.001, 0.3, scaling_type="Logarithmic"),
        "layers": IntegerParameter(1, 4),
        "optimizer": CategoricalParameter(["sgd", "adam"]),
    },
    metric_definitions=[{"Name": "validation:accuracy", "Regex": "acc=([0-9.]+)"}],
    strategy="Bayesian",
    objective_type="Maximize",
    max_jobs=20,
    max_parallel_jobs=4,
    early_stopping_type="Auto",
    random_seed=7,
    base_tuning_job_name="digits-tuning",
    warm_start_config=WarmStartConfig(WarmStartTypes.TRANSFER_LEARNING, parents={"digits-tuning-1"}),
)
tuner.fit({"train": "s3://bucket/digits"})
best = tuner.best_estimator()
best.deploy(1, "ml.m5.large")
print(best.model_data)

banded = HyperparameterTuner(
    Estimator(image_uri="123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1", role="training", instance_count=1,
              instance_type="ml.m5.xlarge", hyperparameters={"epochs": 3, "layers": 2}),
    "loss",
    {"epochs": IntegerParameter(1, 9), "lr": ContinuousParameter(0.1, top)},
    [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    strategy="Hyperband",
    strategy_config=StrategyConfig(HyperbandStrategyConfig(max_resource=9, min_resource=1)),
    objective_type="Minimize",
    max_jobs=8,
    completion_criteria_config=TuningJobCompletionCriteriaConfig(target_objective_metric_value=0.1),
)
banded.fit("s3://bucket/digits")
follow = Estimator(image_uri="123456789012.dkr.ecr.us-west-2.amazonaws.com/next:1", role="training", instance_count=1,
                   instance_type="ml.m5.xlarge", model_uri=banded.best_estimator().model_data)
follow.fit()
