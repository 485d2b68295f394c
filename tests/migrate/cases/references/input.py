from sagemaker.estimator import Estimator

IMAGE = "123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1"
features = Estimator(IMAGE, "role", 1, "ml.m5.large")
features.fit({"raw": "s3://bucket/raw"})
classifier = Estimator(IMAGE, "role", 1, "ml.m5.large", model_uri=features.model_data)
classifier.fit({"features": features.model_data})
