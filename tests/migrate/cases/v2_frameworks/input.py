from sagemaker.mxnet import MXNet
from sagemaker.pytorch import PyTorch
from sagemaker.sklearn.estimator import SKLearn
from sagemaker.tensorflow import TensorFlow
from sagemaker.xgboost import XGBoost

common = {"role": "training", "instance_type": "ml.c5.xlarge", "instance_count": 2}

tf = TensorFlow(
    entry_point="train_tf.py",
    source_dir="s3://code/tf/",
    framework_version="2.19.0",
    py_version="py312",
    distribution={"mpi": {"enabled": True, "processes_per_host": 4, "custom_mpi_options": "-x NCCL_DEBUG=INFO --verbose"}},
    **common,
)
tf.fit({"train": "s3://data/tf"})

tf_dir = TensorFlow("py310", "2.13", entry_point="b.py", source_dir="tf", model_dir=False,
                    distribution={"parameter_server": {"enabled": True}}, **common)
tf_dir.fit()

sk = SKLearn("fit_sk.py", framework_version="1.4-2", dependencies=["shared", "../other"], **common)
sk.fit({"train": "file://data/train"})

xgb = XGBoost("abalone.py", "1.7-1", source_dir="xgb", hyperparameters={"num_round": 6}, **common)
xgb.fit({"train": "s3://data/abalone"})

torch_ddp = PyTorch("scripts/ddp.py", image_uri="123456789012.dkr.ecr.us-west-2.amazonaws.com/torch:2",
                    distribution={"pytorchddp": {"enabled": True, "custom_mpi_options": "-v"}}, **common)
torch_ddp.fit()

smd = PyTorch("smd.py", "2.0.0", "py310", source_dir="smd",
              distribution={"smdistributed": {"dataparallel": {"enabled": True}}, "mpi": {"enabled": False}}, **common)
smd.fit()

mx = MXNet("mx.py", framework_version="1.9.0", py_version="py38", source_dir="mx", compiler_config=None,
           git_config={"repo": "https://example.com/r.git"}, **common)
mx.fit()

from sagemaker.algorithm import AlgorithmEstimator
from sagemaker.estimator import Framework

market = AlgorithmEstimator("arn:aws:sagemaker:us-west-2:123456789012:algorithm/market", **common)
market.fit({"train": "s3://data/market"})


class Mine(Framework):
    pass


mine = Mine("mine.py", source_dir="mine", image_uri="i:1", **common)
mine.fit()
