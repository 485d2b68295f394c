"""What a program has beside training."""
import sagemaker
from sagemaker import KMeans
from sagemaker.estimator import Estimator
from sagemaker.processing import ScriptProcessor
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.steps import TrainingStep
from sagemaker.predictor import Predictor

estimator = Estimator("image:1", "role", 1, "ml.m5.large")
estimator.fit("s3://bucket/data", experiment_config={"ExperimentName": "e"})
estimator.register(content_types=["text/csv"])
old = Estimator.attach("old-job")
kmeans = KMeans(role="role", instance_count=1, instance_type="ml.m5.large", k=10)
processor = ScriptProcessor(role="role", image_uri="i", command=["python3"], instance_count=1, instance_type="ml.m5.large")
processor.run(code="prepare.py")
pipeline = Pipeline(name="p", steps=[TrainingStep(name="t", estimator=estimator)])
Predictor("endpoint").predict([1])

from sklearn.ensemble import RandomForestClassifier

forest = RandomForestClassifier(10, max_depth=3)
forest.fit(features, labels)
