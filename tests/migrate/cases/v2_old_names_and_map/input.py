import sagemaker
from sagemaker.local import LocalSession
from sagemaker.pytorch import PyTorch
from sagemaker.amazon.amazon_estimator import get_image_uri
from sagemaker import hyperparameters, metric_definitions as md
import boto3

def train(cfg):
    with open(cfg) as f:
        pass
    est = PyTorch("train.py", role="SageMakerRole", instance_count=cfg_get(cfg, "nodes", 1), instance_type="ml.g5.xlarge", framework_version="2.1.0", py_version="py310",
        hyperparameters=hyperparameters.retrieve_default(model_id="x", model_version="*"), dependencies=["lib/", "../shared"], code_location="s3://code", enable_sagemaker_metrics=True)
    return est

def cfg_get(path, key, default=None):
    return default

estimators = [train(f"conf/{n}.yaml") for n in ("a", "b")]
list(map(lambda e: e.fit("s3://bucket/x"), estimators))
async def go():
    for e in estimators:
        await e.fit("s3://bucket/y")
xgb = sagemaker.estimator.Estimator(get_image_uri(boto3.Session().region_name, "xgboost", "1.0-1"), "role", train_instance_count=1, train_instance_type="ml.m4.xlarge")
xgb.set_hyperparameters(max_depth=5, eta=.2, num_round=10, silent=0, objective="binary:logistic")
xgb.fit({"train": sagemaker.session.s3_input(s3_data="s3://b/t", content_type="csv")})
