import json
import os
import tempfile

import yaml
from sagemaker.train.configs import SourceCode
from sagemaker.train.model_trainer import ModelTrainer

IMAGE = "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch-training:2.0.0-cpu-py310"
code = SourceCode(source_dir="source", entry_script="train.py")
temp_dir = tempfile.mkdtemp()

ModelTrainer(training_image=IMAGE, source_code=code, hyperparameters="hyperparameters.json", base_job_name="from-json").train()
ModelTrainer(training_image=IMAGE, source_code=code, hyperparameters="conf/hyperparameters.yaml", base_job_name="from-yaml").train()
ModelTrainer(training_image=IMAGE, source_code=code, hyperparameters=os.path.join(temp_dir, "hp.json"), base_job_name="made").train()
with open("hyperparameters.json") as file:
    loaded = json.load(file)
ModelTrainer(training_image=IMAGE, source_code=code, hyperparameters=loaded, base_job_name="loaded").train()
ModelTrainer(training_image=IMAGE, source_code=code, base_job_name="from-mapping",
             hyperparameters={"integer": 1, "float": 3.14, "text": "a ${b} %{c}", "list": [1, 2], "nested": {"on": "on", "n": None}}).train()
