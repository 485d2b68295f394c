from sagemaker.core.jumpstart.configs import JumpStartConfig
from sagemaker.train.configs import Compute
from sagemaker.train.model_trainer import ModelTrainer

jumpstart_config = JumpStartConfig(model_id="huggingface-spc-bert-base-cased", accept_eula=True, training_config_name="neuron")
bert_trainer = ModelTrainer.from_jumpstart_config(
    jumpstart_config=jumpstart_config,
    compute=Compute(instance_type="ml.p3.2xlarge"),
    hyperparameters={"epochs": 1},
    base_job_name="js-bert",
)
bert_trainer.train()
ModelTrainer.from_recipe(training_recipe="training/llama/hf_llama3_8b_seq8k_gpu", compute=Compute(instance_type="ml.p5.48xlarge"))
