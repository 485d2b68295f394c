#!/usr/bin/env python
"""Launch training for one or all models."""
import argparse
import logging
import os
from dataclasses import dataclass
from typing import Optional

import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.huggingface import HuggingFace
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.workflow.pipeline_context import LocalPipelineSession

logger = logging.getLogger(__name__)
DEFAULTS = {"instance_type": "ml.m5.2xlarge", "instance_count": 1, "volume_size": 100}
IMAGE_TAG = os.environ["IMAGE_TAG"]
ACCOUNT = os.environ.get("AWS_ACCOUNT_ID", "123456789012")
REGION = os.getenv("AWS_REGION", "us-east-1")


@dataclass
class Config:
    model: str
    epochs: int = 3
    lr: float = 5e-5


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", type=str, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--instance-type", default=DEFAULTS["instance_type"], choices=["ml.m5.2xlarge", "ml.p3.2xlarge"])
    parser.add_argument("--spot", action="store_true")
    parser.add_argument("--bucket", default=None)
    parser.add_argument("--stage", default="dev")
    return parser.parse_args()


def image(name: str) -> str:
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}:{IMAGE_TAG}"


def make_custom(args, name, **kwargs):
    """Our own container."""
    options = {**DEFAULTS, **kwargs}
    return Estimator(
        image_uri=image(name),
        role=args.role,
        base_job_name=f"{args.stage}-{name}",
        hyperparameters={"epochs": args.epochs, "lr": args.learning_rate, "seed": 42},
        environment={"WANDB_API_KEY": os.environ["WANDB_API_KEY"], "STAGE": args.stage},
        use_spot_instances=args.spot,
        max_wait=7200 if args.spot else None,
        max_run=3600,
        tags=[{"Key": "stage", "Value": args.stage}, {"Key": "owner", "Value": "ml"}],
        **options,
    )


def make_hf(args):
    return HuggingFace(
        entry_point="run_glue.py",
        source_dir="./examples/glue",
        git_config={"repo": "https://github.com/huggingface/transformers.git", "branch": "v4.28.1"},
        role=args.role,
        transformers_version="4.28.1",
        pytorch_version="2.0.0",
        py_version="py310",
        instance_type=args.instance_type,
        instance_count=2,
        distribution={"smdistributed": {"dataparallel": {"enabled": True}}} if args.stage == "prod" else None,
        hyperparameters={"model_name_or_path": "bert-base-cased", "fp16": True, "output_dir": "/opt/ml/model"},
        metric_definitions=[{"Name": "eval_loss", "Regex": "'eval_loss': ([0-9.]+)"}],
    )


BUILDERS = {"tabular": lambda args: make_custom(args, "tabular", instance_count=2), "text": make_hf}


def main():
    args = parse_args()
    bucket = args.bucket or sagemaker.Session().default_bucket()
    for name, build in BUILDERS.items():
        est = build(args)
        logger.info("fitting %s", name)
        est.fit({"train": f"s3://{bucket}/{name}/train", "test": f"s3://{bucket}/{name}/test"}, wait=False)
    sk = SKLearn("fit.py", framework_version="1.2-1", instance_type=args.instance_type, role=args.role,
                 instance_count=1, hyperparameters=vars(args))
    sk.fit()


if __name__ == "__main__":
    main()
