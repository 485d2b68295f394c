"""Types and jobs on AWS: AWS Batch and SageMaker. The only user of boto3 beside the state in S3."""
