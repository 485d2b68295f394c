"""What the SageMaker SDK, V2 and V3, and boto3 call things: classes and functions with the order of their parameters.

Sources: `sagemaker` 2.x (EstimatorBase and the framework estimators), `sagemaker-train` 1.x and `sagemaker-core` 2.x.
"""

from __future__ import annotations

from collections.abc import Mapping

_SHARED = (
    *("role", "instance_count", "instance_type", "keep_alive_period_in_seconds", "volume_size", "volume_kms_key"),
    *("max_run", "input_mode", "output_path", "output_kms_key", "base_job_name", "sagemaker_session", "tags"),
)

V2_ESTIMATORS: Mapping[str, tuple[str, ...]] = {
    "Estimator": ("image_uri", *_SHARED),
    "Framework": ("entry_point", "source_dir", "hyperparameters"),
    "PyTorch": ("entry_point", "framework_version", "py_version", "source_dir", "hyperparameters", "image_uri"),
    "TensorFlow": ("py_version", "framework_version", "model_dir", "image_uri", "distribution"),
    "HuggingFace": ("py_version", "entry_point", "transformers_version", "tensorflow_version", "pytorch_version"),
    "SKLearn": ("entry_point", "framework_version", "py_version", "source_dir", "hyperparameters", "image_uri"),
    "XGBoost": ("entry_point", "framework_version", "source_dir", "hyperparameters", "py_version", "image_uri"),
    "MXNet": ("entry_point", "framework_version", "py_version", "source_dir", "hyperparameters", "image_uri"),
    "JumpStartEstimator": ("model_id", "model_version"),
    "AlgorithmEstimator": ("algorithm_arn", "role", "instance_count", "instance_type"),
}

MODEL_TRAINER = (
    *("training_mode", "sagemaker_session", "role", "base_job_name", "source_code", "distributed", "compute"),
    *("networking", "stopping_condition", "training_image", "training_image_config", "algorithm_name"),
    *("output_data_config", "input_data_config", "checkpoint_config", "training_input_mode", "environment"),
    *("hyperparameters", "tags", "local_container_root"),
)

# Classes and functions that a value is made of, with their positional parameters.
PARTS: Mapping[str, tuple[str, ...]] = {
    # V2
    "TrainingInput": ("s3_data", "distribution", "compression", "content_type", "record_wrapping", "s3_data_type"),
    "s3_input": ("s3_data", "distribution", "compression", "content_type", "record_wrapping", "s3_data_type"),
    "FileSystemInput": ("file_system_id", "file_system_type", "directory_path", "file_system_access_mode"),
    "ShuffleConfig": ("seed",),
    "InstanceGroup": ("instance_group_name", "instance_type", "instance_count"),
    # V3
    **dict.fromkeys(
        (
            *("SourceCode", "Compute", "InputData", "Channel", "DataSource", "S3DataSource", "FileSystemDataSource"),
            *("StoppingCondition", "OutputDataConfig", "CheckpointConfig", "TensorBoardOutputConfig", "Networking"),
            *("RetryStrategy", "InfraCheckConfig", "RemoteDebugConfig", "SessionChainingConfig", "MetricDefinition"),
            *("Tag", "Torchrun", "MPI", "SMP", "ModelAccessConfig", "HubAccessConfig", "TrainingImageConfig"),
            *("JumpStartConfig", "DistributedConfig", "InstancePreference"),
        ),
        (),
    ),
    # Both
    "IntegerParameter": ("min_value", "max_value", "scaling_type"),
    "ContinuousParameter": ("min_value", "max_value", "scaling_type"),
    "CategoricalParameter": ("values",),
    "WarmStartConfig": ("warm_start_type", "parents"),
    "StrategyConfig": ("hyperband_strategy_config",),
    "HyperbandStrategyConfig": ("max_resource", "min_resource"),
    "TuningJobCompletionCriteriaConfig": (
        "max_number_of_training_jobs_not_improving",
        "complete_on_convergence",
        "target_objective_metric_value",
    ),
    "Session": ("boto_session",),
    "LocalSession": ("boto_session",),
    "PipelineSession": ("boto_session",),
    "retrieve": ("framework", "region", "version", "py_version", "instance_type", "accelerator_type", "image_scope"),
}

TUNER_OF_SEVERAL = (
    *("estimator_dict", "objective_metric_name_dict", "hyperparameter_ranges_dict", "metric_definitions_dict"),
    *("base_tuning_job_name", "strategy"),
)

# Methods that make a tuner of a tuner: it begins with what that found.
WARM_STARTED: Mapping[str, str] = {
    "transfer_learning_tuner": "TransferLearning",
    "identical_dataset_and_algorithm_tuner": "IdenticalDataAndAlgorithm",
}

TUNER = ("estimator", "objective_metric_name", "hyperparameter_ranges", "metric_definitions", "strategy")

# Everything of the SDK that is followed. What is not here has no place in a module.
CLASSES: Mapping[str, tuple[str, ...]] = {
    **V2_ESTIMATORS,
    **PARTS,
    "ModelTrainer": MODEL_TRAINER,
    "HyperparameterTuner": TUNER,
    "TrainingQueue": ("queue_name",),
}

_SUBMITTED = ("retry_config", "priority", "share_identifier", "timeout", "tags", "quota_share_name")

# Methods whose calls mean something, with their positional parameters.
METHODS: Mapping[str, tuple[str, ...]] = {
    "fit": ("inputs", "wait", "logs", "job_name", "experiment_config"),
    "train": ("input_data_config", "wait", "logs"),
    "tune": ("inputs", "wait"),
    "set_hyperparameters": (),
    "submit": ("training_job", "inputs", "job_name", *_SUBMITTED, "preemption_config"),
    "map": ("training_job", "inputs", "job_names", *_SUBMITTED),
    "with_tensorboard_output_config": ("tensorboard_output_config",),
    "with_retry_strategy": ("retry_strategy",),
    "with_infra_check_config": ("infra_check_config",),
    "with_session_chaining_config": ("session_chaining_config",),
    "with_remote_debug_config": ("remote_debug_config",),
    "with_checkpoint_config": ("checkpoint_config",),
    "with_metric_definitions": ("metric_definitions",),
}

# Methods that change their list or dict.
CHANGING = (
    *("append", "extend", "insert", "remove", "sort", "reverse"),
    *("update", "setdefault", "pop", "popitem", "clear"),
)
PARAMETERS = ("ParameterString", "ParameterInteger", "ParameterFloat", "ParameterBoolean")
RUNS = ("fit", "train", "tune", "submit")
WITH = tuple(name for name in METHODS if name.startswith("with_"))

# Calls of boto3 that make what a module can declare.
BATCH_CALLS = ("create_service_environment", "create_job_queue", "create_scheduling_policy", "create_quota_share")
SAGEMAKER_CALLS = ("create_training_job", "create_hyper_parameter_tuning_job")
# Resources of sagemaker-core whose `create` asks the API for the same, in snake case.
CORE_JOBS: Mapping[str, str] = {
    "TrainingJob": "create_training_job",
    "HyperParameterTuningJob": "create_hyper_parameter_tuning_job",
}
# The helper beside the SDK's Batch notebooks: both objects at once.
CREATE_RESOURCES = ("resource_manager", "job_queue_name", "service_environment_name", "max_capacity")

ENDPOINTS = "planform trains models; it serves none. Its output model_artifacts is what a deployment starts from"
_PIPELINES = "a module is the pipeline: what refers to another trainer waits for it"
_PROCESSING = "planform trains models; processing jobs stay where they are"
_DEBUGGER = "Debugger and Profiler have no place in a trainer; metrics are read from the log by metric_definitions"
_REGISTRY = "a model registry has no place in a module yet; model_artifacts is an output to register"

# Methods that have no place, and why.
UNPLACED_METHODS: Mapping[str, str] = {
    **dict.fromkeys(
        ("deploy", "predict", "transformer", "delete_endpoint", "delete_model", "update_endpoint"), ENDPOINTS
    ),
    **dict.fromkeys(("create_model", "compile_model", "register"), _REGISTRY),
    "attach": "an existing job is read with planform migrate --job NAME, not attached to",
    "override_resource_config": "a choice of instances has no place; what runs is compute of its trainer",
    "from_recipe": "which recipe it is, or what a Nova recipe becomes, is known only when it runs",
}

# Classes of the SDK that have no place, by a part of their name, and why.
UNPLACED_CLASSES: tuple[tuple[str, str], ...] = (
    *((part, "") for part in ("HyperParameter", "ParameterRange", "AutoParameter")),  # of requests, with those
    *((part, ENDPOINTS) for part in ("Predictor", "ModelBuilder", "Transformer", "AsyncInference", "Serverless")),
    *((part, _PROCESSING) for part in ("Processor", "Processing", "Clarify", "FeatureGroup", "Monitor", "AutoML")),
    *((part, _PIPELINES) for part in ("Pipeline", "Step", "Condition")),
    *((part, _DEBUGGER) for part in ("Rule", "Debugger", "Profiler", "FrameworkProfile", "CollectionConfig")),
    *((part, _REGISTRY) for part in ("ModelPackage", "ModelMetrics")),
    ("Model", ENDPOINTS),
    ("Parameter", _PIPELINES),
    ("Trainer", "this fine-tuning class has no place; name image, source_code and input_data in a trainer"),
    ("Experiment", "experiment tracking has no place; planform runs compare shows runs side by side"),
    ("Run", "experiment tracking has no place; planform runs compare shows runs side by side"),
)

# First-party algorithms: classes of V2 that stand for an image.
ALGORITHMS: Mapping[str, str] = {
    "LinearLearner": "linear-learner",
    "KMeans": "kmeans",
    "PCA": "pca",
    "FactorizationMachines": "factorization-machines",
    "RandomCutForest": "randomcutforest",
    "NTM": "ntm",
    "LDA": "lda",
    "KNN": "knn",
    "IPInsights": "ipinsights",
    "Object2Vec": "object2vec",
}


def unplaced(name: str) -> str:
    """Why a class or decorator of the SDK has no place, or nothing when it does nothing by itself."""
    if name in ("remote", "RemoteExecutor"):
        return "a function that runs remotely has no place; put it into a script, with source_code"
    if name in ALGORITHMS:
        return (
            "a class of a first-party algorithm packs its data itself; write a trainer with training_image: "
            f'{{framework: {ALGORITHMS[name]}, version: "1"}}'
        )
    return next((why for part, why in UNPLACED_CLASSES if part in name), "")
