"""A launcher as teams write them: functions, defaults, paths, an entry point."""
import os
from pathlib import Path

import click
import sagemaker
from sagemaker.pytorch import PyTorch

HERE = Path(__file__).resolve().parent
DEFAULTS = dict(batch_size=64, lr=3e-4)


def image(name, tag="latest"):
    return f"123456789012.dkr.ecr.us-west-2.amazonaws.com/{name}:{tag}"


def build(name: str, instance_type: str = "ml.g5.xlarge", **overrides) -> PyTorch:
    hyperparameters = {**DEFAULTS, **overrides}
    return PyTorch(
        entry_point="train.py",
        source_dir=str(HERE / "job"),
        image_uri=image("trainer", tag="v3"),
        role=os.environ.get("SM_ROLE", "arn:aws:iam::123456789012:role/training"),
        instance_count=int(os.getenv("NODES", "2")),
        instance_type=instance_type,
        base_job_name=name,
        hyperparameters=hyperparameters,
    )


def main():
    small = build("small", epochs=2)
    small.fit({"train": "s3://%s/train" % os.environ["BUCKET"]})
    large = build("large", "ml.p4d.24xlarge", epochs=20, lr=1e-4)
    large.fit({"train": "s3://{}/train/{}".format(os.environ["BUCKET"], "large")})


@click.command()
@click.option("--epochs", default=5)
def nightly(epochs, bucket="nightly-data"):
    build("nightly", epochs=epochs).fit({"train": f"s3://{bucket}/train"})


if __name__ == "__main__":
    main()
