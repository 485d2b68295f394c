import boto3

NAME = "shared"
session = boto3.Session(profile_name="ml")
client = session.client("batch")
client.create_scheduling_policy(name="quotas", quotaSharePolicy={"idleResourceAssignmentStrategy": "FIFO"})
client.create_service_environment(
    serviceEnvironmentName=f"{NAME}-se",
    serviceEnvironmentType="SAGEMAKER_TRAINING",
    capacityLimits=[{"maxCapacity": 8, "capacityUnit": "ml.g5.xlarge"}],
)
request = {
    "jobQueueName": NAME,
    "jobQueueType": "SAGEMAKER_TRAINING",
    "priority": 1,
    "serviceEnvironmentOrder": [{"order": 1, "serviceEnvironment": f"{NAME}-se"}],
    "schedulingPolicyArn": "arn:aws:batch:us-west-2:123456789012:scheduling-policy/quotas",
}
client.create_job_queue(**request)
for team, most in (("vision", 4), ("speech", 2)):
    client.create_quota_share(
        quotaShareName=team,
        jobQueue=NAME,
        capacityLimits=[{"maxCapacity": most, "capacityUnit": "ml.g5.xlarge"}],
        resourceSharingConfiguration={"strategy": "LEND_AND_BORROW", "borrowLimit": 50},
        preemptionConfiguration={"inSharePreemption": "ENABLED"},
    )
