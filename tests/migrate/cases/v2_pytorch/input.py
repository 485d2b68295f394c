import os
import argparse
import sagemaker
from sagemaker.pytorch import PyTorch
from sagemaker.inputs import TrainingInput

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--bucket", required=True)
parser.add_argument("--gpu", action="store_true")
args = parser.parse_args()

sess = sagemaker.Session()
role = sagemaker.get_execution_role()
bucket = sess.default_bucket()
prefix = "digits/v1"
hp = dict(epochs=args.epochs, lr=1e-3, amp=True)
hp["opt"] = "adam"

if args.gpu:
    kind = "ml.g5.xlarge"
else:
    kind = "ml.m5.xlarge"

estimator = PyTorch(
    entry_point="train.py",
    source_dir="src",
    role=role,
    framework_version="2.0.0",
    py_version="py310",
    instance_count=2,
    instance_type=kind,
    hyperparameters=hp,
    output_path=f"s3://{bucket}/{prefix}/output",
    use_spot_instances=True,
    max_wait=7200,
    max_run=3600,
    environment={"WANDB_API_KEY": os.environ["WANDB_API_KEY"], "A": "b"},
    metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    distribution={"torch_distributed": {"enabled": True}},
    tags=[{"Key": "team", "Value": "vision"}],
    debugger_hook_config=False,
    profiler_config=sagemaker.debugger.ProfilerConfig(),
)
train = TrainingInput(os.path.join("s3://", args.bucket, "train"), content_type="text/csv")
estimator.fit({"train": train, "test": f"s3://{args.bucket}/test"}, wait=False)
predictor = estimator.deploy(initial_instance_count=1, instance_type="ml.m5.large")
