from sagemaker.local import LocalSession
from sagemaker.pytorch import PyTorch
from sagemaker.sklearn import SKLearn

session = LocalSession()
session.config = {"local": {"local_code": True}}

PyTorch(
    entry_point="train.py",
    source_dir="src",
    role="dummy",
    framework_version="2.0.0",
    py_version="py310",
    instance_count=1,
    instance_type="local_gpu",
).fit({"train": "file://data/train"})

forest = SKLearn("forest.py", framework_version="1.4-2", role="dummy", instance_type="local", sagemaker_session=session)
forest.fit({"train": "file://./data/train"})

import os

SKLearn("secret.py", framework_version="1.4-2", role="dummy", instance_type="local",
        environment={"DB_PASSWORD": "x", "API_KEY": os.environ["MY_KEY"]}).fit()
