"""Fine-tune two models of JumpStart with the SageMaker Python SDK V3, and find others."""

from sagemaker.core.jumpstart.configs import JumpStartConfig
from sagemaker.core.jumpstart.search import search_public_hub_models
from sagemaker.train.configs import Compute, InputData
from sagemaker.train.model_trainer import ModelTrainer

# All of it as the model has it.
plain = ModelTrainer.from_jumpstart_config(
    jumpstart_config=JumpStartConfig(model_id="huggingface-tc-bert-base-cased"),
    base_job_name="sentiment",
)
plain.train()

# A model with a licence, on data and hyperparameters of one's own.
tuned = ModelTrainer.from_jumpstart_config(
    jumpstart_config=JumpStartConfig(model_id="meta-textgeneration-llama-tiny", accept_eula=True),
    base_job_name="assistant",
    compute=Compute(instance_type="ml.p4d.24xlarge"),
    hyperparameters={"epoch": 3, "instruction_tuned": "True"},
)
tuned.train(input_data_config=[InputData(channel_name="training", data_source="s3://team/instructions/")])

print(search_public_hub_models("@task:text-classification AND NOT distil*"))
