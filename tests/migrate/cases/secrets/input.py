import os

from sagemaker.estimator import Estimator

estimator = Estimator(
    "123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1",
    "role",
    1,
    "ml.m5.large",
    entry_point="train.py",
    source_dir="src",
    environment={
        "WANDB_API_KEY": os.environ["WANDB_API_KEY"],
        "DB_PASSWORD": "correct-horse",
        "HF_TOKEN": os.environ.get("HUGGING_FACE_TOKEN", "hf_planted"),
        "STAGE": "dev",
    },
    hyperparameters={"api_key": "sk-planted", "eos_token": "</s>", "epochs": 1},
)
estimator.fit("s3://bucket/data")

image = Estimator(
    "123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1",
    "role",
    1,
    "ml.m5.large",
    environment={"DB_PASSWORD": "correct-horse", "MY_TOKEN": os.environ["MY_TOKEN"], "STAGE": "dev"},
)
image.fit("s3://bucket/data")
