from sagemaker.train.configs import Compute, InputData
from sagemaker.train.model_trainer import ModelTrainer

overrides = {"trainer": {"num_nodes": 2}}
llama = ModelTrainer.from_recipe(
    training_recipe="training/llama/hf_llama3_8b_seq8k_gpu_p5x16_pretrain",
    compute=Compute(instance_type="ml.p5.48xlarge", instance_count=2),
    recipe_overrides=overrides,
    requirements="requirements.txt",
    base_job_name="llama",
)
llama.train([InputData(channel_name="train", data_source="s3://bucket/tokens")])

ModelTrainer.from_recipe("training/custom.yaml", Compute(instance_type="ml.trn1.32xlarge", instance_count=1),
                         training_image="123456789012.dkr.ecr.us-west-2.amazonaws.com/neuron:1", base_job_name="neuron").train()
ModelTrainer.from_recipe(training_recipe="fine-tuning/nova/nova_lite", compute=Compute(instance_type="ml.p5.48xlarge"))
