import argparse
import os
import sys

from sagemaker.estimator import Estimator
from sagemaker.pytorch import PyTorch

parser = argparse.ArgumentParser()
parser.add_argument("--gpu", action="store_true")
parser.add_argument("--stage", choices=["dev", "prod"], default="dev")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--note", default=None)
args = parser.parse_args()

role = os.environ.get("ROLE")
if role is None:
    sys.exit("ROLE is needed")

hp = {"lr": args.lr, "note": args.note}
if args.stage == "prod":
    hp["lr"] = 0.01
    bucket = "prod-data"
else:
    bucket = "dev-data"

if args.gpu:
    estimator = PyTorch("train.py", "2.0.0", "py310", source_dir="src", role=role,
                        instance_count=1, instance_type="ml.g5.xlarge", hyperparameters=hp)
else:
    estimator = Estimator("123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1", role, 1, "ml.m5.large", hyperparameters=hp)

try:
    estimator.fit({"train": f"s3://{bucket}/train"})
except Exception as error:
    print(error)
    raise

if args.stage == "prod":
    check = Estimator("123456789012.dkr.ecr.us-west-2.amazonaws.com/check:1", role, 1, "ml.m5.large")
    check.fit()


def choose(gpu):
    if gpu:
        return Estimator("123456789012.dkr.ecr.us-west-2.amazonaws.com/gpu:1", role, 1, "ml.g5.xlarge")
    return Estimator("123456789012.dkr.ecr.us-west-2.amazonaws.com/cpu:1", role, 1, "ml.m5.xlarge")


choose(args.gpu).fit("s3://bucket/chosen")


def run(estimator):
    estimator.fit("s3://bucket/lost")

if args.gpu:
    estimator.fit("s3://bucket/only-with-a-gpu")

if not args.gpu:
    slow = Estimator("123456789012.dkr.ecr.us-west-2.amazonaws.com/slow:1", role,
                     2 if args.lr >= 0.5 else 1, "ml.m5.large" if args.stage is not None else "ml.t3.large")
    slow.fit()
