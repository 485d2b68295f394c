from sagemaker.estimator import Estimator

IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1"
jobs = []
for lr in [0.1, 0.01]:
    for optimizer in ("sgd", "adam"):
        if optimizer == "adam" and lr > 0.05:
            continue
        est = Estimator(IMAGE, "role", 1, "ml.m5.large", hyperparameters={"lr": lr, "optimizer": optimizer})
        est.fit({"train": "s3://bucket/data"}, wait=False)
        jobs.append(est)

for path in list_datasets():
    each = Estimator(IMAGE, "role", 1, "ml.m5.large", base_job_name="each")
    each.fit({"train": path})

buckets = {name: f"s3://{name}-data/train" for name in ["north", "south"]}
for name, uri in buckets.items():
    Estimator(IMAGE, "role", 1, "ml.m5.large", base_job_name="region").fit({"train": uri})

sums = [0]
while sums[-1] < 10:
    sums.append(sums[-1] + 1)
last = Estimator(IMAGE, "role", sums[-1], "ml.m5.large", base_job_name="last")
last.fit("s3://bucket/data")
last.fit("s3://bucket/data")
size = 1
while size < limit():
    size = size * 2
Estimator(IMAGE, "role", size, "ml.m5.large", base_job_name="grown").fit("s3://bucket/data")
