import os

from sagemaker.estimator import Estimator

estimator = Estimator(
    "123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1",
    "role",
    1,
    "ml.m5.large",
    environment={
        "WANDB_API_KEY": os.environ["WANDB_API_KEY"],
        "DB_PASSWORD": "correct-horse",
        "HF_TOKEN": os.environ.get("HUGGING_FACE_TOKEN", "hf_planted"),
        "STAGE": "dev",
    },
    hyperparameters={"api_key": "sk-planted", "eos_token": "</s>", "epochs": 1},
)
estimator.fit("s3://bucket/data")
