import os, sys
from sagemaker.workflow.parameters import ParameterString, ParameterInteger
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.steps import TrainingStep, TuningStep, ProcessingStep
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.processing import ScriptProcessor
from sagemaker.tensorflow import TensorFlow
from sagemaker.tuner import HyperparameterTuner, ContinuousParameter, CategoricalParameter
from sagemaker.jumpstart.estimator import JumpStartEstimator
import sagemaker as sm

try:
    ROLE = sm.get_execution_role()
except ValueError:
    ROLE = "arn:aws:iam::123456789012:role/Local"

ENV = sys.argv[1] if len(sys.argv) > 1 else "dev"
match ENV:
    case "prod":
        TYPE, COUNT = "ml.p3.8xlarge", 4
    case _:
        TYPE, COUNT = "ml.p3.2xlarge", 1

ps = PipelineSession()
epochs = ParameterInteger(name="Epochs", default_value=5)
data_uri = ParameterString(name="DataUri", default_value="s3://bucket/data")

processor = ScriptProcessor(image_uri="x", command=["python3"], role=ROLE, instance_count=1, instance_type="ml.m5.large")
step_p = ProcessingStep(name="prep", processor=processor, code="prep.py")

tf = TensorFlow(entry_point="train.py", source_dir="tf", role=ROLE, instance_count=COUNT, instance_type=TYPE,
                framework_version="2.11", py_version="py39", model_dir=False, sagemaker_session=ps,
                distribution={"mpi": {"enabled": COUNT > 1, "processes_per_host": 4, "custom_mpi_options": "-verbose --NCCL_DEBUG=INFO"}},
                hyperparameters={"epochs": epochs, "data": "{}/{}".format("a", ENV)})
step_t = TrainingStep(name="train", step_args=tf.fit(inputs={"training": data_uri}))
if (n := int(os.environ.get("TUNE", "0"))) > 0:
    tuner = HyperparameterTuner(tf, "val_acc", {"lr": ContinuousParameter(1e-5, 1e-2), "opt": CategoricalParameter(["adam", "sgd"])},
                                [{"Name": "val_acc", "Regex": "val_acc: ([0-9.]+)"}], max_jobs=n, max_parallel_jobs=min(n, 4))
    step_tune = TuningStep(name="tune", step_args=tuner.fit({"training": data_uri}))

js = JumpStartEstimator(model_id="meta-textgeneration-llama-2-7b", environment={"accept_eula": "true"}, instance_type="ml.g5.12xlarge")
js.set_hyperparameters(instruction_tuned="True", epoch="5")
js.fit({"training": "s3://bucket/chat"})

pipeline = Pipeline(name="p", parameters=[epochs, data_uri], steps=[step_p, step_t], sagemaker_session=ps)
pipeline.upsert(role_arn=ROLE)
