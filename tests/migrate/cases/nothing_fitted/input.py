estimator = Estimator(image_uri="123456789012.dkr.ecr.us-west-2.amazonaws.com/mine:1", role=role, instance_count=1,
                      instance_type="ml.m5.large")
