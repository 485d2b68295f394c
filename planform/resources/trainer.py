"""`trainer`: a definition of a training job, and the runs made of it.

A field's `change` says what an edit of it leads to (S3.1): a new run (`digest`), a change in place (`live`), or nothing
until the next run (`next_run`). Where a field holds an object, its innermost attribute on the way to the edit decides.
"""

from __future__ import annotations

from planform.core.schemas import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    Enum,
    Nested,
    OneOf,
    Schema,
    attributes,
    list_of,
    map_of,
)
from planform.core.values import Object
from planform.resources.training.blocks import (
    CHANNEL,
    DISTRIBUTED,
    GPUS,
    INPUT_MODES,
    SIZE,
    TOLD,
    TRAINING_IMAGE,
    TREATMENT,
    exported,
    field,
    on,
)
from planform.resources.training.rules import check, normalise

DAYS_28 = 28 * 24 * 3600
NO_PLACE = "{} not used: a tuning job has no place for it"

_DEFAULT_COMPUTE: Object = {"instance_type": "ml.m5.xlarge", "instance_count": 1, "volume_size_in_gb": 30}
_DEFAULT_STOPPING: Object = {"max_runtime_in_seconds": 3600}

SCHEMA = Schema(
    type="trainer",
    doc="What is trained, with what, on what. A change launches a new run; an unchanged definition is left alone.",
    has_runs=True,
    public=("queue", "tags"),
    check=check,
    normalise=normalise,
    example="""\
resource:
  trainer:
    digits:
      queue: "${job_queue.main.arn}"
      training_image: {framework: sklearn, version: "1.4-2"}
      source_code: {source_dir: src, entry_script: train.py}
      compute: {instance_type: ml.m5.xlarge, instance_count: 1}
      input_data: {train: data/train}
      hyperparameters: {epochs: 3, learning_rate: 0.2}
      stopping_condition: {max_runtime_in_seconds: 600}
      metric_definitions: [{name: accuracy, regex: "acc=([0-9.]+)"}]
  job_queue:
    main: {service_environment_order: ["${service_environment.cpu.arn}"]}
  service_environment:
    cpu: {capacity_limits: [{max_capacity: 2}]}
output:
  model: {value: "${trainer.digits.model_artifacts}"}
""",
    attributes=attributes(
        # What runs
        training_image=field(
            OneOf((STRING, TRAINING_IMAGE), "an image URI or {framework, version, ...}"),
            "The image: a URI, or {framework, version} of an AWS image.",
            "digest",
            note="image not used",
        ),
        algorithm_name=field(
            STRING,
            "Name or ARN of an algorithm resource.",
            "digest",
            refusal=on("process docker", "algorithm resources exist on AWS only; use training_image and source_code"),
        ),
        jumpstart=field(
            Nested(
                attributes(
                    model_id=field(STRING, "Id of the model.", "digest", required=True),
                    model_version=field(STRING, "Version of the model; by default the newest.", "digest"),
                    hub_name=field(STRING, "A private hub: its name or ARN.", "digest"),
                    accept_eula=field(BOOL, "Accept the licence of the model.", "digest"),
                    training_config_name=field(STRING, "One of the model's training configurations.", "digest"),
                )
            ),
            "A model of SageMaker JumpStart to fine-tune: image, script, data, hyperparameters and the rest are the "
            "model's where they are not set here.",
            "digest",
        ),
        source_code=field(
            Nested(
                attributes(
                    source_dir=field(STRING, "Folder of the code, relative to the module.", "digest", path=True),
                    entry_script=field(STRING, "The .py or .sh file in it that is run.", "digest"),
                    command=field(
                        STRING,
                        "Instead: bash (else sh), over with the first failure; no hyperparameters as arguments.",
                        "digest",
                    ),
                    args=field(list_of(STRING), "More arguments for the script or command.", "digest"),
                    requirements=field(STRING, "A requirements file in source_dir, installed first.", "digest"),
                    ignore_patterns=field(
                        list_of(STRING), "Files to leave out, as in .gitignore; beside .planformignore.", "digest"
                    ),
                    include=field(
                        list_of(STRING),
                        "Files to take along although they are ignored or look like secrets; paths or globs.",
                        "digest",
                    ),
                )
            ),
            "The code that trains. Without it the image runs what it was built to run.",
            "digest",
        ),
        distributed=field(DISTRIBUTED, "How the script is started on several processes.", "digest"),
        # On what
        input_data=field(
            map_of(OneOf((STRING, CHANNEL), "a path, an s3:// URI or {data_source: ...}")),
            "Channel -> data: a local path, an s3:// URI, or the full form.",
            "digest",
        ),
        training_input_mode=field(
            INPUT_MODES,
            "How channels are delivered.",
            "digest",
            note=on("process docker", "input mode not used: all data is files"),
        ),
        # With what
        hyperparameters=field(
            OneOf(
                (map_of(ANY), STRING, list_of(OneOf((map_of(ANY), STRING), "a mapping or the path of a file"))),
                "a mapping of names to values, the path of a .json or .yaml file, or a list of these",
            ),
            "Name -> value; or a .json or .yaml file, or a list of files and mappings, each over those before it. "
            "The script gets them as --name value, in SM_HPS and in SM_HP_NAME.",
            "digest",
            layers=True,
        ),
        environment=field(map_of(STRING), "Environment variables of the script.", "digest"),
        secrets=field(
            map_of(
                Nested(
                    attributes(
                        secretsmanager=field(
                            STRING,
                            "ARN of a secret in Secrets Manager.",
                            "digest",
                            refusal=on(
                                "process docker", "secrets are not fetched from AWS on this machine; use {env: NAME}"
                            ),
                        ),
                        ssm=field(
                            STRING,
                            "Name of a parameter in Parameter Store.",
                            "digest",
                            refusal=on(
                                "process docker", "parameters are not fetched from AWS on this machine; use {env: NAME}"
                            ),
                        ),
                        env=field(STRING, "An environment variable of who applies.", "digest"),
                    )
                )
            ),
            "Environment variable -> where its value is. The reference is part of the definition, the value is not.",
            "digest",
        ),
        # Where, how long
        compute=field(
            Nested(
                attributes(
                    instance_type=field(STRING, "Type of instance.", "digest", default="ml.m5.xlarge"),
                    instance_count=field(NUMBER, "Number of instances.", "digest", default=1, minimum=1),
                    volume_size_in_gb=field(
                        NUMBER,
                        "Storage of each instance.",
                        note=on("process docker", "volume size not used"),
                        default=30,
                        minimum=1,
                    ),
                    volume_kms_key_id=field(
                        STRING,
                        "Key that encrypts the storage.",
                        note=on("process docker", "volume_kms_key_id not used"),
                    ),
                    keep_alive_period_in_seconds=field(
                        NUMBER,
                        "Keep the instances warm for the next job.",
                        "live",
                        note=on("process docker", "keep-alive not used"),
                        minimum=0,
                        maximum=21600,
                    ),
                    enable_managed_spot_training=field(
                        BOOL, "Use spot capacity.", note=on("process docker", "spot not used")
                    ),
                    instance_groups=field(
                        list_of(
                            Nested(
                                attributes(
                                    instance_group_name=field(STRING, "Name of the group.", "digest", required=True),
                                    instance_type=field(STRING, "Type of instance.", "digest", required=True),
                                    instance_count=field(
                                        NUMBER, "Number of instances.", "digest", required=True, minimum=1
                                    ),
                                )
                            )
                        ),
                        "Groups of different instances, instead of instance_type and instance_count.",
                        "digest",
                        refusal=on(
                            "process docker",
                            "this machine is one kind of instance; use instance_type and instance_count",
                        ),
                    ),
                    training_plan_arn=field(
                        STRING,
                        "A training plan to take capacity from.",
                        refusal=on("process docker", "training plans are capacity on AWS"),
                    ),
                )
            ),
            "The instances. Locally instance_type is a label.",
            "digest",
            default=_DEFAULT_COMPUTE,
        ),
        stopping_condition=field(
            Nested(
                attributes(
                    max_runtime_in_seconds=field(
                        NUMBER, "The job is stopped after this long.", default=3600, minimum=1, maximum=DAYS_28
                    ),
                    max_wait_time_in_seconds=field(
                        NUMBER,
                        "Spot only: how long waiting and running may take together.",
                        note=on("process docker", "max_wait_time_in_seconds not used"),
                        minimum=1,
                    ),
                    max_pending_time_in_seconds=field(
                        NUMBER,
                        "How long the job may wait for capacity.",
                        note=on("process docker", "max_pending_time_in_seconds not used"),
                        minimum=1800,
                        maximum=DAYS_28,
                    ),
                )
            ),
            "When the job is stopped.",
            default=_DEFAULT_STOPPING,
        ),
        networking=field(
            Nested(
                attributes(
                    subnets=field(list_of(STRING), "Subnets of the VPC."),
                    security_group_ids=field(list_of(STRING), "Security groups of the VPC."),
                    enable_network_isolation=field(BOOL, "No network calls from or to the container."),
                    enable_inter_container_traffic_encryption=field(BOOL, "Encrypt traffic between instances."),
                )
            ),
            "The network of the job.",
            note=on("process docker", "networking not used"),
        ),
        role=field(STRING, "IAM role of the job, name or ARN.", note=on("process docker", "role not used")),
        # What comes out
        output_data=field(
            Nested(
                attributes(
                    s3_output_path=field(STRING, "Where artifacts go.", pattern="s3://.+", pattern_hint="an s3:// URI"),
                    kms_key_id=field(STRING, "Key that encrypts artifacts."),
                    compression_type=field(Enum(("GZIP", "NONE")), "Whether artifacts are packed."),
                )
            ),
            "Where and how artifacts are kept.",
            note=on("process docker", "output_data not used: artifacts stay in the run folder"),
        ),
        checkpoint=field(
            Nested(
                attributes(
                    s3_uri=field(
                        STRING,
                        "Where checkpoints are kept.",
                        note=on("process docker", "checkpoint.s3_uri not used: checkpoints stay on this machine"),
                        pattern="s3://.+",
                        pattern_hint="an s3:// URI",
                    ),
                    local_path=field(
                        STRING,
                        "Where the script writes them.",
                        note="checkpoint.local_path not used: it is checkpoints/ in the run folder",
                        default="/opt/ml/checkpoints",
                    ),
                )
            ),
            "Where a retried run finds what it had done.",
        ),
        tensorboard=field(
            Nested(
                attributes(
                    s3_output_path=field(
                        STRING, "Where event files go.", pattern="s3://.+", pattern_hint="an s3:// URI"
                    ),
                    local_path=field(STRING, "Where the script writes them.", default="/opt/ml/output/tensorboard"),
                )
            ),
            "Where TensorBoard event files are kept.",
            note={**on("process", "tensorboard not used"), **on("sagemaker-tuning", NO_PLACE.format("tensorboard"))},
        ),
        metric_definitions=field(
            list_of(
                Nested(
                    attributes(
                        name=field(STRING, "Name of the metric.", required=True),
                        regex=field(STRING, "Finds it in the log; its one group is the number.", required=True),
                    )
                )
            ),
            "Numbers to read out of the log.",
        ),
        # In the queue
        queue=field(
            STRING,
            "ARN or name of a job queue.",
            refusal=on(
                "sagemaker-tuning",
                "SageMaker starts the training jobs of a tuning job by itself; say how many at once in "
                'resource_limits, and give the trainer without it: "${merge(trainer.NAME, {queue = null})}"',
            ),
            reference_to="job_queue",
        ),
        priority=field(NUMBER, "Within the queue: higher goes first.", "live", minimum=0, maximum=9999),
        share_identifier=field(
            STRING,
            "The share of a fair-share queue.",
        ),
        quota_share=field(
            STRING,
            "The quota share of a quota-managed queue.",
        ),
        timeout=field(
            Nested(
                attributes(
                    attempt_duration_seconds=field(
                        NUMBER, "A queued job's attempt is ended after this long.", minimum=60
                    )
                )
            ),
            "Limit on an attempt of a queued job.",
            note=on("process docker", "timeout not used: stopping_condition limits the run"),
        ),
        preemption_configuration=field(
            Nested(
                attributes(
                    preemption_retries_before_termination=field(
                        NUMBER, "How often a job that was preempted is queued again; without it: always.", minimum=0
                    )
                )
            ),
            "What becomes of a job of a quota share that has to make room.",
            note=on("process docker", "preemption_configuration not used: nothing is preempted on this machine"),
        ),
        # Housekeeping
        allow_plaintext=field(
            BOOL, "On AWS: let sensitive values of environment and hyperparameters stand in the job's description."
        ),
        tags=field(map_of(STRING), "Tags of the job.", "live", note=on("process docker", "tags not used")),
        retry_strategy=field(
            Nested(
                attributes(maximum_retry_attempts=field(NUMBER, "How often.", required=True, minimum=1, maximum=30))
            ),
            "Retries by SageMaker itself after internal errors.",
            note=on("process docker", "retry_strategy not used"),
        ),
        remote_debug=field(
            Nested(attributes(enable_remote_debug=field(BOOL, "Allow it.", "live", default=True))),
            "Shell access to the running container.",
            "live",
            note={
                **on("process docker", "remote_debug not used"),
                **on("sagemaker-tuning", NO_PLACE.format("remote_debug")),
            },
        ),
        infra_check=field(
            Nested(attributes(enable_infra_check=field(BOOL, "Check it.", default=True))),
            "Check the instances before training.",
            note={
                **on("process docker", "infra_check not used"),
                **on("sagemaker-tuning", NO_PLACE.format("infra_check")),
            },
        ),
        request=field(
            map_of(ANY),
            "On AWS: more members of CreateTrainingJob, named as its API names them, for what has no field here.",
            "digest",
            note=on("process docker", "request not used: it is of SageMaker's API"),
        ),
        docker=field(
            Nested(
                attributes(
                    shm_size=field(STRING, "Size of /dev/shm, such as 2g.", **SIZE),
                    memory=field(STRING, "Most memory, such as 8g.", **SIZE),
                    cpus=field(NUMBER, "Most processors.", minimum=0.01),
                    gpus=field(STRING, "all, or how many.", **GPUS),
                    network=field(STRING, "Name of a Docker network."),
                    pull=field(Enum(("always", "missing", "never")), "When the image is pulled."),
                )
            ),
            "Settings of local containers.",
            note="docker settings not used",
        ),
        # How planform treats it
        executor=field(
            Enum(("process", "docker", "sagemaker", "batch")), "Who runs it; by default the provider decides."
        ),
        **TREATMENT,
        # What a run tells
        **TOLD,
        model_artifacts=exported(STRING, "Where the model of the succeeded run is.", "completed"),
        metrics=exported(map_of(NUMBER), "Metric -> its last value.", "completed"),
        billable_seconds=exported(NUMBER, "Seconds that are paid for.", "completed"),
    ),
)
