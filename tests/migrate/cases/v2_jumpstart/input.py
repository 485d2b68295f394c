from sagemaker.jumpstart.estimator import JumpStartEstimator

estimator = JumpStartEstimator(
    model_id="meta-textgeneration-llama-3-8b",
    model_version="2.*",
    config_name="lmi-optimized",
    instance_type="ml.g5.12xlarge",
    environment={"accept_eula": "true"},
    hyperparameters={"epoch": "3", "instruction_tuned": "True"},
)
estimator.fit({"training": "s3://bucket/dolly"})
predictor = estimator.deploy()

bert = JumpStartEstimator("huggingface-spc-bert-base-cased", "*", tolerate_vulnerable_model=True)
bert.fit({"training": "s3://bucket/qnli"}, accept_eula=True)
