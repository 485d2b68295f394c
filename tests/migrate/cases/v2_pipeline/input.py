"""A pipeline of the SDK V2, a remote function, defaults of JumpStart."""
import sagemaker
from sagemaker import hyperparameters, image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.remote_function import remote
from sagemaker.s3 import S3Uploader
from sagemaker.workflow.parameters import ParameterInteger, ParameterString
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

from settings import BUCKET, REGION

session = PipelineSession()
kind = ParameterString(name="TrainingInstance", default_value="ml.m5.xlarge")
count = ParameterInteger("InstanceCount", 1)
defaults = hyperparameters.retrieve_default(model_id="xgboost", model_version="*")
defaults["num_round"] = 50
defaults.update(eta=0.2)
train_uri = S3Uploader.upload("data/train.csv", f"s3://{BUCKET}/train")

estimator = Estimator(
    image_uri=image_uris.retrieve("xgboost", REGION, version="1.7-1"),
    role=sagemaker.get_execution_role(session),
    instance_type=kind,
    instance_count=count,
    output_path="s3://" + BUCKET + "/models",
    hyperparameters=defaults,
    sagemaker_session=session,
)
step = TrainingStep(
    name="Train",
    estimator=estimator,
    inputs={"train": TrainingInput(train_uri, content_type="text/csv")},
    depends_on=["Prepare"],
)
prepare = ProcessingStep(name="Prepare", processor=None)
Pipeline(name="p", parameters=[kind, count], steps=[prepare, step]).upsert(role_arn="r")


@remote(instance_type="ml.m5.xlarge")
def divide(x, y):
    return x / y
