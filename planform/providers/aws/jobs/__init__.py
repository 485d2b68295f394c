"""Trainers on AWS: as SageMaker training jobs, directly or through a queue of AWS Batch."""
