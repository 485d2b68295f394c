"""Every config of ModelTrainer."""
from sagemaker.train.model_trainer import ModelTrainer
from sagemaker.train import configs
from sagemaker.train.configs import (
    Channel, CheckpointConfig, Compute, FileSystemDataSource, InfraCheckConfig, InputData, InstanceGroup,
    InstancePlacementConfig, MetricDefinition, Networking, OutputDataConfig, PlacementSpecification, RemoteDebugConfig,
    RetryStrategy, S3DataSource, ShuffleConfig, SourceCode, StoppingCondition, Tag, TensorBoardOutputConfig,
    TrainingImageConfig,
)
from sagemaker.train.distributed import MPI

trainer = (
    ModelTrainer(
        algorithm_name="arn:aws:sagemaker:us-west-2:123456789012:algorithm/mine",
        role="training",
        source_code=SourceCode(source_dir="src", entry_script="train.sh", ignore_patterns=["*.csv"]),
        distributed=MPI(process_count_per_node=2, mpi_additional_options=["-x", "NCCL_DEBUG"]),
        compute=Compute(
            instance_groups=[InstanceGroup(instance_group_name="a", instance_type="ml.c5.xlarge", instance_count=1)],
            volume_kms_key_id="alias/v",
            keep_alive_period_in_seconds=900,
            enable_managed_spot_training=True,
            training_plan_arn="arn:aws:sagemaker:us-west-2:123456789012:training-plan/p",
            instance_placement_config=InstancePlacementConfig(
                enable_multiple_jobs=True,
                placement_specifications=[PlacementSpecification(ultra_server_id="u-1", instance_count=2)],
            ),
        ),
        networking=Networking(
            subnets=["subnet-1"],
            security_group_ids=["sg-1"],
            enable_network_isolation=True,
            enable_inter_container_traffic_encryption=True,
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600, max_wait_time_in_seconds=1200),
        output_data_config=OutputDataConfig(s3_output_path="s3://b/out", kms_key_id="alias/o", compression_type="NONE"),
        checkpoint_config=CheckpointConfig(s3_uri="s3://b/cp"),
        training_input_mode="FastFile",
        environment={"A": "1"},
        tags=[Tag(key="team", value="vision")],
        training_image_config=TrainingImageConfig(training_repository_access_mode="Vpc"),
        input_data_config=[
            InputData(
                channel_name="sharded",
                data_source=S3DataSource(
                    s3_data_type="ManifestFile",
                    s3_uri="s3://b/manifest",
                    s3_data_distribution_type="ShardedByS3Key",
                    instance_group_names=["a"],
                ),
            ),
            Channel(
                channel_name="files",
                data_source=configs.DataSource(
                    file_system_data_source=FileSystemDataSource(
                        file_system_id="fs-1", file_system_access_mode="ro", file_system_type="EFS", directory_path="/d"
                    )
                ),
                shuffle_config=ShuffleConfig(seed=3),
                record_wrapper_type="RecordIO",
            ),
        ],
    )
    .with_tensorboard_output_config(TensorBoardOutputConfig(s3_output_path="s3://b/tb", local_path="/opt/ml/tb"))
    .with_retry_strategy(RetryStrategy(maximum_retry_attempts=5))
    .with_infra_check_config()
    .with_remote_debug_config(RemoteDebugConfig(enable_remote_debug=True))
    .with_session_chaining_config()
    .with_metric_definitions([MetricDefinition(name="loss", regex="loss=([0-9.]+)")])
)
trainer.train([InputData(channel_name="sharded", data_source="s3://b/all")])
