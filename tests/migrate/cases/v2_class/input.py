import itertools
import json
from datetime import datetime
from functools import partial
from pathlib import Path

import yaml
from sagemaker import Session, get_execution_role, image_uris
from sagemaker.inputs import FileSystemInput, TrainingInput
from sagemaker.xgboost import XGBoost
from sagemaker.estimator import Estimator
from sagemaker.debugger import Rule, rule_configs, ProfilerConfig

HERE = Path(__file__).parent
CONF = yaml.safe_load(open(HERE / "config.yaml"))
with open("params.json") as fh:
    PARAMS = json.load(fh)
NOW = datetime.now().strftime("%Y-%m-%d-%H-%M-%S")


class Launcher:
    """Everything that all jobs share."""

    instance = "ml.c5.4xlarge"

    def __init__(self, project: str, subnets=None):
        self.session = Session()
        self.role = get_execution_role(self.session)
        self.bucket = CONF["bucket"]
        self.project = project
        self.subnets = subnets or ["subnet-0a", "subnet-0b"]

    def channel(self, name, **kw):
        return TrainingInput(f"s3://{self.bucket}/{self.project}/{name}", content_type="text/csv", **kw)

    def estimator(self, eta, depth, *, rounds=200):
        est = Estimator(
            image_uri=image_uris.retrieve("xgboost", self.session.boto_region_name, version="1.7-1"),
            role=self.role,
            instance_count=1,
            instance_type=self.instance,
            output_path=f"s3://{self.bucket}/{self.project}/models/{NOW}",
            subnets=self.subnets,
            security_group_ids=["sg-1"],
            encrypt_inter_container_traffic=True,
            rules=[Rule.sagemaker(rule_configs.loss_not_decreasing())],
            profiler_config=ProfilerConfig(system_monitor_interval_millis=500),
        )
        est.set_hyperparameters(objective="reg:squarederror", num_round=rounds, eta=eta, max_depth=depth)
        return est

    def run(self):
        for i, (eta, depth) in enumerate(itertools.product([0.1, 0.3], (4, 6))):
            est = self.estimator(eta, depth, rounds=100 * (i + 1))
            est.fit({"train": self.channel("train"), "validation": self.channel("val", shuffle_config=None)}, job_name=f"{self.project}-{i}")


quick = partial(XGBoost, entry_point="train.py", framework_version="1.7-1", role="arn:aws:iam::123456789012:role/SM", instance_count=1)

if __name__ == "__main__":
    Launcher("houses").run()
    jobs = {name: quick(instance_type=t, hyperparameters={**PARAMS, "name": name}) for name, t in [("small", "ml.m5.large"), ("big", "ml.m5.4xlarge")]}
    for name, job in jobs.items():
        job.fit({"train": FileSystemInput("fs-0123456789abcdef0", "EFS", f"/data/{name}")})
