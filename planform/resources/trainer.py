"""`trainer`: a definition of a training job, and the runs made of it.

A field's `change` says what an edit of it leads to (S3.1): a new run (`digest`), a change in place (`live`), or nothing
until the next run (`next_run`). Where a field holds an object, its innermost attribute on the way to the edit decides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from planform.core.hyperparameters import decode, wire_text
from planform.core.schemas import (
    ANY,
    BOOL,
    NUMBER,
    STRING,
    Attribute,
    Enum,
    Misfit,
    Nested,
    OneOf,
    Schema,
    Type,
    attributes,
    list_of,
    map_of,
)
from planform.core.values import AttributePath, Object, Sensitive, Value, is_wholly_known, reveal
from planform.resources import short_name

RESERVED_CHANNELS = ("code", "sm_drivers")  # the source tree and the runtime travel in these
INPUT_MODES = Enum(("File", "FastFile", "Pipe"))
DAYS_28 = 28 * 24 * 3600


def check(body: Object) -> list[Misfit]:
    """What one field cannot say of itself: fields against each other, names of map keys, numbers that count things."""
    rules = (
        _whole_numbers,
        _algorithm,
        _source_code,
        _distributed,
        _channels,
        _hyperparameters,
        _environment,
        _secrets,
        _metrics,
        _stopping,
        _compute,
        _networking,
        _tags,
        _queue,
    )
    return [misfit for rule in rules for misfit in rule(body)]


def normalise(body: Object) -> Object:
    """Names for ARNs, decoded hyperparameters, the short form of channels, no type and count beside instance groups."""
    result = dict(body)
    if "queue" in result:
        result["queue"] = short_name(result["queue"])
    if isinstance(result.get("hyperparameters"), dict):
        result["hyperparameters"] = {name: decode(value) for name, value in result["hyperparameters"].items()}
    if isinstance(result.get("input_data"), dict):
        result["input_data"] = {name: _short_channel(channel) for name, channel in result["input_data"].items()}
    compute = result.get("compute")
    if isinstance(compute, dict) and compute.get("instance_groups"):
        alone = ("instance_type", "instance_count")
        result["compute"] = {name: value for name, value in compute.items() if name not in alone}
    return result


def _short_channel(channel: Value) -> Value:
    return channel["data_source"] if isinstance(channel, dict) and list(channel) == ["data_source"] else channel


def _plain(value: Value) -> Value:
    return value.value if isinstance(value, Sensitive) else value


def _mapping(body: Object, name: str) -> Object:
    """A field that holds an object, or an empty one while it is unset or unknown."""
    value = _plain(body.get(name))
    return value if isinstance(value, dict) else {}


def _number(body: Object, name: str) -> float | None:
    value = _plain(body.get(name))
    return value if isinstance(value, (int, float)) else None


def _whole_numbers(body: Object) -> Iterator[Misfit]:
    for path in (
        ("compute", "instance_count"),
        ("compute", "volume_size_in_gb"),
        ("compute", "keep_alive_period_in_seconds"),
        ("stopping_condition", "max_runtime_in_seconds"),
        ("stopping_condition", "max_wait_time_in_seconds"),
        ("stopping_condition", "max_pending_time_in_seconds"),
        ("retry_strategy", "maximum_retry_attempts"),
        ("timeout", "attempt_duration_seconds"),
        ("priority",),
        ("max_attempts",),
    ):
        holder = _mapping(body, path[0]) if len(path) == 2 else body
        number = _number(holder, path[-1])
        if number is not None and number % 1:
            yield Misfit(path, f"{number} is not a whole number.")


def _algorithm(body: Object) -> Iterator[Misfit]:
    kinds = ("training_image", "algorithm_name", "jumpstart")
    given = [kind for kind in kinds if body.get(kind) is not None]
    if not given:
        yield Misfit((), "One of training_image, algorithm_name or jumpstart is required: what the job runs in.")
    for kind in given[1:]:
        yield Misfit((kind,), f"{kind} cannot stand beside {given[0]}.", suggestion="Keep one of them.")


def _source_code(body: Object) -> Iterator[Misfit]:
    if "source_code" not in body or not isinstance(_plain(body["source_code"]), dict):
        return
    code = _mapping(body, "source_code")
    script, command = _plain(code.get("entry_script")), code.get("command")
    if script is None and command is None:
        yield Misfit(("source_code",), "source_code needs an entry_script or a command.")
    if script is not None and command is not None:
        yield Misfit(
            ("source_code", "command"),
            "command cannot stand beside entry_script.",
            suggestion="Start the script in the command, or remove the command.",
        )
    if isinstance(script, str) and not script.endswith((".py", ".sh")):
        yield Misfit(
            ("source_code", "entry_script"),
            f'"{script}" is not a .py or .sh file.',
            suggestion=f'For anything else use a command: command: "./{script}".',
        )
    for name in ("entry_script", "requirements"):
        path = _plain(code.get(name))
        if path is None:
            continue
        if code.get("source_dir") is None:
            yield Misfit(("source_code", name), f"{name} needs a source_dir: it is a path inside it.")
        elif isinstance(path, str) and (path.startswith("/") or ".." in path.split("/")):
            yield Misfit(("source_code", name), f'"{path}" is not a path inside source_dir.')


def _distributed(body: Object) -> Iterator[Misfit]:
    if body.get("distributed") is None:
        return
    drivers = [name for name, value in _mapping(body, "distributed").items() if value is not None]
    if isinstance(_plain(body["distributed"]), dict) and len(drivers) != 1:
        yield Misfit(("distributed",), "distributed is exactly one of torchrun, mpi and custom.")
    code = _mapping(body, "source_code")
    if code.get("command") is not None:
        yield Misfit(
            ("distributed",),
            "distributed cannot be used with a command: it would not start the command on every process.",
            suggestion="Use entry_script instead, or call torchrun or mpirun in the command.",
        )
    elif code.get("entry_script") is None and is_wholly_known(body.get("source_code")):
        yield Misfit(("distributed",), "distributed needs source_code with an entry_script.")


def _channels(body: Object) -> Iterator[Misfit]:
    channels = _mapping(body, "input_data")
    if len(channels) > 18:
        yield Misfit(("input_data",), f"{len(channels)} channels are too many: at most 18.")
    for name, channel in channels.items():
        path: AttributePath = ("input_data", name)
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
            yield Misfit(path, f'"{name}" cannot name a channel: letters, digits, ".", "-" and "_", at most 64.')
        elif name in RESERVED_CHANNELS:
            yield Misfit(
                path, f'"{name}" is taken: {" and ".join(RESERVED_CHANNELS)} hold the source code and its driver.'
            )
        if channel is None or channel == "":
            yield Misfit(path, "A channel needs a path, an s3:// URI or {data_source: ...}.")
        source = _plain(channel.get("data_source")) if isinstance(channel, dict) else None
        if isinstance(source, dict) and len(source) != 1:
            yield Misfit(
                (*path, "data_source"),
                "data_source is a path, a URI, {s3_data_source: ...} or {file_system_data_source: ...}.",
            )
    variables: dict[str, str] = {}
    for name in channels:
        variable = re.sub(r"[^A-Z0-9]", "_", name.upper())
        if variable in variables:
            yield Misfit(
                ("input_data", name),
                f'"{name}" and "{variables[variable]}" would both be SM_CHANNEL_{variable}.',
                suggestion="Rename one of them.",
            )
        variables.setdefault(variable, name)


def _hyperparameters(body: Object) -> Iterator[Misfit]:
    values = _mapping(body, "hyperparameters")
    if len(values) > 100:
        yield Misfit(("hyperparameters",), f"{len(values)} hyperparameters are too many: at most 100.")
    for name, value in values.items():
        path = ("hyperparameters", name)
        if not name or len(name) > 256:
            yield Misfit(path, "The name of a hyperparameter has 1 to 256 characters.")
        if not is_wholly_known(value):
            continue
        plain = reveal(value)
        if isinstance(plain, float) and not math.isfinite(plain):
            yield Misfit(
                path, f"{plain} is not a number that JSON can carry.", suggestion="Quote it to pass it as text."
            )
        elif len(wire_text(plain)) > 2500:
            yield Misfit(path, f"{len(wire_text(plain))} characters are too many for one hyperparameter: at most 2500.")


def _environment(body: Object) -> Iterator[Misfit]:
    variables = _mapping(body, "environment")
    if len(variables) > 100:
        yield Misfit(("environment",), f"{len(variables)} environment variables are too many: at most 100.")
    for name, value in variables.items():
        yield from _variable_name(("environment", name), name)
        plain = _plain(value)
        if isinstance(plain, str) and len(plain) > 512:
            yield Misfit(("environment", name), f"{len(plain)} characters are too many for one variable: at most 512.")


def _variable_name(path: AttributePath, name: str) -> Iterator[Misfit]:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,511}", name):
        yield Misfit(
            path, f'"{name}" cannot name an environment variable: letters, digits and _, not beginning with a digit.'
        )


def _secrets(body: Object) -> Iterator[Misfit]:
    for name, secret in _mapping(body, "secrets").items():
        yield from _variable_name(("secrets", name), name)
        if isinstance(secret, dict) and len(secret) != 1:
            yield Misfit(
                ("secrets", name), "A secret is exactly one of {secretsmanager: ARN}, {ssm: NAME} and {env: NAME}."
            )
        if name in _mapping(body, "environment"):
            yield Misfit(("secrets", name), f"{name} is in environment as well.", suggestion="Keep one of them.")


def _metrics(body: Object) -> Iterator[Misfit]:
    definitions = _plain(body.get("metric_definitions"))
    if not isinstance(definitions, list):
        return
    if len(definitions) > 40:
        yield Misfit(("metric_definitions",), f"{len(definitions)} metric definitions are too many: at most 40.")
    seen: set[str] = set()
    for index, definition in enumerate(definitions):
        if not isinstance(definition, dict):
            continue
        path: AttributePath = ("metric_definitions", index)
        name, regex = _plain(definition.get("name")), _plain(definition.get("regex"))
        if isinstance(name, str):
            if name in seen:
                yield Misfit((*path, "name"), f'Metric "{name}" is defined twice.')
            if not name or len(name) > 255:
                yield Misfit((*path, "name"), "The name of a metric has 1 to 255 characters.")
            seen.add(name)
        if isinstance(regex, str):
            yield from _regex((*path, "regex"), regex)


def _regex(path: AttributePath, regex: str) -> Iterator[Misfit]:
    if not regex or len(regex) > 500:
        yield Misfit(path, "A metric's regex has 1 to 500 characters.")
    try:
        groups = re.compile(regex).groups
    except re.error as error:
        yield Misfit(path, f"This is not a regular expression: {error}.")
        return
    if groups != 1:
        yield Misfit(
            path,
            f"A metric's regex needs one group, around the number; this one has {groups}.",
            suggestion="For example: acc=([0-9.]+). A group that only groups is written (?:...).",
        )


def _stopping(body: Object) -> Iterator[Misfit]:
    condition = _mapping(body, "stopping_condition")
    wait, runtime = _number(condition, "max_wait_time_in_seconds"), _number(condition, "max_runtime_in_seconds")
    path = ("stopping_condition", "max_wait_time_in_seconds")
    if wait is None:
        return
    spot = _plain(_mapping(body, "compute").get("enable_managed_spot_training"))
    if spot is None or spot is False:
        yield Misfit(
            path,
            "max_wait_time_in_seconds is for spot training only.",
            suggestion="Set compute.enable_managed_spot_training: true, or remove it.",
        )
    if runtime is not None and wait < runtime:
        yield Misfit(path, f"{wait} is less than max_runtime_in_seconds, {runtime}: the wait includes the run.")


def _compute(body: Object) -> Iterator[Misfit]:
    groups = _plain(_mapping(body, "compute").get("instance_groups"))
    if isinstance(groups, list) and not 1 <= len(groups) <= 5:
        yield Misfit(("compute", "instance_groups"), "There are 1 to 5 instance groups.")


def _networking(body: Object) -> Iterator[Misfit]:
    networking = _mapping(body, "networking")
    for name, other, most in (("subnets", "security_group_ids", 16), ("security_group_ids", "subnets", 5)):
        if name not in networking:
            continue
        if other not in networking:
            yield Misfit(("networking",), f"{name} needs {other} beside it.")
        values = _plain(networking[name])
        if isinstance(values, list) and not 1 <= len(values) <= most:
            yield Misfit(("networking", name), f"1 to {most} are allowed, not {len(values)}.")


def _tags(body: Object) -> Iterator[Misfit]:
    tags = _mapping(body, "tags")
    if len(tags) > 50:
        yield Misfit(("tags",), f"{len(tags)} tags are too many: at most 50.")
    for name, value in tags.items():
        if not 1 <= len(name) <= 128:
            yield Misfit(("tags", name), "The key of a tag has 1 to 128 characters.")
        if isinstance(_plain(value), str) and len(_plain(value)) > 256:
            yield Misfit(("tags", name), "The value of a tag has at most 256 characters.")


def _queue(body: Object) -> Iterator[Misfit]:
    if body.get("queue") is None:
        for name in ("priority", "share_identifier", "quota_share", "timeout"):
            if body.get(name) is not None:
                yield Misfit((name,), f"{name} has a meaning only in a queue.", suggestion="Set queue, or remove it.")
    elif body.get("share_identifier") is not None and body.get("quota_share") is not None:
        yield Misfit(
            ("quota_share",), "quota_share cannot stand beside share_identifier.", suggestion="Keep one of them."
        )


def _process(why: str) -> dict[str, str]:
    """Why plain processes ignore or refuse a field."""
    return {"process": why}


def _part(kind: Type, doc: str, **rest: Value) -> Attribute:
    """An attribute of a field that counts as a whole: any change in it is a new run."""
    return Attribute(kind, doc, change="digest", **rest)


_TRAINING_IMAGE = Nested(
    attributes(
        framework=_part(STRING, "sklearn, pytorch, xgboost, ...", required=True),
        version=_part(STRING, "Version of the framework, quoted.", required=True),
        py_version=_part(STRING, "py310, py311, ..., where an image comes for several."),
        base_framework_version=_part(STRING, "For huggingface: the version of PyTorch or TensorFlow underneath."),
        container_version=_part(STRING, "A version of the image itself."),
    )
)

_S3_DATA_SOURCE = Nested(
    attributes(
        s3_uri=_part(STRING, "Where the data is.", required=True, pattern="s3://.+", pattern_hint="an s3:// URI"),
        s3_data_type=_part(
            Enum(("S3Prefix", "ManifestFile", "AugmentedManifestFile", "Converse")), "What the URI names."
        ),
        s3_data_distribution_type=_part(
            Enum(("FullyReplicated", "ShardedByS3Key")), "Whether every instance gets all the data or a share."
        ),
        attribute_names=_part(list_of(STRING), "Keys to read from an augmented manifest."),
        instance_group_names=_part(list_of(STRING), "The instance groups that get the data."),
        model_access_config=_part(
            Nested(attributes(accept_eula=_part(BOOL, "Accept it.", required=True))), "The licence."
        ),
        hub_access_config=_part(
            Nested(attributes(hub_content_arn=_part(STRING, "ARN of the hub content.", required=True))),
            "Of a private hub.",
        ),
    )
)

_FILE_SYSTEM_DATA_SOURCE = Nested(
    attributes(
        file_system_id=_part(STRING, "Id of the file system.", required=True),
        file_system_type=_part(Enum(("EFS", "FSxLustre")), "Kind of file system.", required=True),
        file_system_access_mode=_part(Enum(("rw", "ro")), "Read and write, or read only.", required=True),
        directory_path=_part(STRING, "The directory to mount.", required=True),
    )
)

_CHANNEL = Nested(
    attributes(
        data_source=_part(
            OneOf(
                (
                    STRING,
                    Nested(
                        attributes(
                            s3_data_source=_part(
                                _S3_DATA_SOURCE,
                                "Data in S3, with all its settings.",
                                refused_by=_process("data in S3 is not read on this machine; name a local path"),
                            ),
                            file_system_data_source=_part(
                                _FILE_SYSTEM_DATA_SOURCE,
                                "A file system in the VPC.",
                                refused_by=_process("EFS and FSx are not mounted on this machine; name a local path"),
                            ),
                        )
                    ),
                ),
                "a path, an s3:// URI, {s3_data_source: ...} or {file_system_data_source: ...}",
            ),
            "Where the data is: a local path, a URI, or one of the two objects.",
            required=True,
            path=True,
        ),
        content_type=_part(STRING, "MIME type that the script is told."),
        compression_type=_part(
            Enum(("None", "Gzip")),
            "Gzip: decompressed on the way in, in Pipe mode.",
            ignored_by=_process("compression_type not used"),
        ),
        record_wrapper_type=_part(
            Enum(("None", "RecordIO")),
            "Wrap each object as a RecordIO record.",
            ignored_by=_process("record_wrapper_type not used"),
        ),
        input_mode=_part(
            INPUT_MODES, "How this channel is delivered.", ignored_by=_process("input mode not used: all data is files")
        ),
        shuffle_config=_part(
            Nested(attributes(seed=_part(NUMBER, "Seed of the shuffling.", required=True))),
            "Shuffle the order of the objects.",
            ignored_by=_process("shuffle_config not used"),
        ),
        track=_part(
            Enum(("uri", "listing")),
            "S3 only: what counts as changed input. `uri`: another URI; `listing`: also other keys, sizes or ETags.",
        ),
    )
)


_DISTRIBUTED = Nested(
    attributes(
        torchrun=_part(
            Nested(
                attributes(
                    process_count_per_node=_part(
                        NUMBER, "Processes on each instance; by default one for each GPU.", minimum=1
                    )
                )
            ),
            "Start with torchrun.",
        ),
        mpi=_part(
            Nested(
                attributes(
                    process_count_per_node=_part(
                        NUMBER, "Processes on each instance; by default one for each GPU.", minimum=1
                    ),
                    mpi_additional_options=_part(list_of(STRING), "More options for mpirun."),
                )
            ),
            "Start with mpirun.",
        ),
        custom=_part(
            Nested(
                attributes(
                    driver_dir=_part(STRING, "Folder with the driver.", required=True, path=True),
                    driver_script=_part(STRING, "The script in it that starts the entry script.", required=True),
                    config=_part(map_of(ANY), "What the driver finds in SM_DISTRIBUTED_CONFIG."),
                )
            ),
            "Start with a driver of your own.",
        ),
    )
)


def _field(
    kind: Type, doc: str, change: str = "next_run", *, note: str = "", refusal: str = "", **rest: Value
) -> Attribute:
    """One field: `note` is what a process says when it ignores it, `refusal` why a process cannot have it."""
    return Attribute(
        kind,
        doc,
        change=change,  # type: ignore[arg-type]
        ignored_by=_process(note) if note else {},
        refused_by=_process(refusal) if refusal else {},
        **rest,
    )


def _exported(kind: Type, doc: str, milestone: str) -> Attribute:
    return Attribute(kind, doc, computed=True, unknown_when=("new_run",), milestone=milestone)  # type: ignore[arg-type]


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
        training_image=_field(
            OneOf((STRING, _TRAINING_IMAGE), "an image URI or {framework, version, ...}"),
            "The image: a URI, or {framework, version} of an AWS image.",
            "digest",
            note="image not used",
        ),
        algorithm_name=_field(
            STRING,
            "Name or ARN of an algorithm resource.",
            "digest",
            refusal="algorithm resources exist on AWS only; use training_image and source_code",
        ),
        jumpstart=_field(
            Nested(
                attributes(
                    model_id=_field(STRING, "Id of the model.", "digest", required=True),
                    model_version=_field(STRING, "Version of the model; by default the newest.", "digest"),
                    hub_name=_field(STRING, "A private hub.", "digest"),
                    accept_eula=_field(BOOL, "Accept the licence of the model.", "digest"),
                )
            ),
            "A model of SageMaker JumpStart to fine-tune.",
            "digest",
            refusal="JumpStart models are trained on AWS only; use training_image and source_code",
        ),
        source_code=_field(
            Nested(
                attributes(
                    source_dir=_field(STRING, "Folder of the code, relative to the module.", "digest", path=True),
                    entry_script=_field(STRING, "The .py or .sh file in it that is run.", "digest"),
                    command=_field(STRING, "A shell command instead; gets no hyperparameters as arguments.", "digest"),
                    args=_field(list_of(STRING), "More arguments for the script or command.", "digest"),
                    requirements=_field(STRING, "A requirements file in source_dir, installed first.", "digest"),
                    ignore_patterns=_field(
                        list_of(STRING), "Files to leave out, as in .gitignore; beside .planformignore.", "digest"
                    ),
                    include=_field(
                        list_of(STRING),
                        "Files to take along although they are ignored or look like secrets; paths or globs.",
                        "digest",
                    ),
                )
            ),
            "The code that trains. Without it the image runs what it was built to run.",
            "digest",
        ),
        distributed=_field(
            _DISTRIBUTED,
            "How the script is started on several processes.",
            "digest",
            refusal="distributed training does not run as plain processes yet; train one process, or run on AWS",
        ),
        # On what
        input_data=_field(
            map_of(OneOf((STRING, _CHANNEL), "a path, an s3:// URI or {data_source: ...}")),
            "Channel -> data: a local path, an s3:// URI, or the full form.",
            "digest",
        ),
        training_input_mode=_field(
            INPUT_MODES, "How channels are delivered.", "digest", note="input mode not used: all data is files"
        ),
        # With what
        hyperparameters=_field(
            OneOf(
                (map_of(ANY),),
                "a mapping of names to values (for a file: \"${yamldecode(file('hyperparameters.yaml'))}\")",
            ),
            "Name -> value. The script gets them as --name value, in SM_HPS and in SM_HP_NAME.",
            "digest",
        ),
        environment=_field(map_of(STRING), "Environment variables of the script.", "digest"),
        secrets=_field(
            map_of(
                Nested(
                    attributes(
                        secretsmanager=_field(
                            STRING,
                            "ARN of a secret in Secrets Manager.",
                            "digest",
                            refusal="secrets are not fetched from AWS on this machine; use {env: NAME}",
                        ),
                        ssm=_field(
                            STRING,
                            "Name of a parameter in Parameter Store.",
                            "digest",
                            refusal="parameters are not fetched from AWS on this machine; use {env: NAME}",
                        ),
                        env=_field(STRING, "An environment variable of who applies.", "digest"),
                    )
                )
            ),
            "Environment variable -> where its value is. The reference is part of the definition, the value is not.",
            "digest",
        ),
        # Where, how long
        compute=_field(
            Nested(
                attributes(
                    instance_type=_field(STRING, "Type of instance.", "digest", default="ml.m5.xlarge"),
                    instance_count=_field(NUMBER, "Number of instances.", "digest", default=1, minimum=1),
                    volume_size_in_gb=_field(
                        NUMBER, "Storage of each instance.", note="volume size not used", default=30, minimum=1
                    ),
                    volume_kms_key_id=_field(
                        STRING, "Key that encrypts the storage.", note="volume_kms_key_id not used"
                    ),
                    keep_alive_period_in_seconds=_field(
                        NUMBER,
                        "Keep the instances warm for the next job.",
                        "live",
                        note="keep-alive not used",
                        minimum=0,
                        maximum=21600,
                    ),
                    enable_managed_spot_training=_field(BOOL, "Use spot capacity.", note="spot not used"),
                    instance_groups=_field(
                        list_of(
                            Nested(
                                attributes(
                                    instance_group_name=_field(STRING, "Name of the group.", "digest", required=True),
                                    instance_type=_field(STRING, "Type of instance.", "digest", required=True),
                                    instance_count=_field(
                                        NUMBER, "Number of instances.", "digest", required=True, minimum=1
                                    ),
                                )
                            )
                        ),
                        "Groups of different instances, instead of instance_type and instance_count.",
                        "digest",
                        refusal="this machine is one kind of instance; use instance_type and instance_count",
                    ),
                    training_plan_arn=_field(
                        STRING, "A training plan to take capacity from.", refusal="training plans are capacity on AWS"
                    ),
                )
            ),
            "The instances. Locally instance_type is a label.",
            "digest",
            default=_DEFAULT_COMPUTE,
        ),
        stopping_condition=_field(
            Nested(
                attributes(
                    max_runtime_in_seconds=_field(
                        NUMBER, "The job is stopped after this long.", default=3600, minimum=1, maximum=DAYS_28
                    ),
                    max_wait_time_in_seconds=_field(
                        NUMBER,
                        "Spot only: how long waiting and running may take together.",
                        note="max_wait_time_in_seconds not used",
                        minimum=1,
                    ),
                    max_pending_time_in_seconds=_field(
                        NUMBER,
                        "How long the job may wait for capacity.",
                        note="max_pending_time_in_seconds not used",
                        minimum=1800,
                        maximum=DAYS_28,
                    ),
                )
            ),
            "When the job is stopped.",
            default=_DEFAULT_STOPPING,
        ),
        networking=_field(
            Nested(
                attributes(
                    subnets=_field(list_of(STRING), "Subnets of the VPC."),
                    security_group_ids=_field(list_of(STRING), "Security groups of the VPC."),
                    enable_network_isolation=_field(BOOL, "No network calls from or to the container."),
                    enable_inter_container_traffic_encryption=_field(BOOL, "Encrypt traffic between instances."),
                )
            ),
            "The network of the job.",
            note="networking not used",
        ),
        role=_field(STRING, "IAM role of the job, name or ARN.", note="role not used"),
        # What comes out
        output_data=_field(
            Nested(
                attributes(
                    s3_output_path=_field(
                        STRING, "Where artifacts go.", pattern="s3://.+", pattern_hint="an s3:// URI"
                    ),
                    kms_key_id=_field(STRING, "Key that encrypts artifacts."),
                    compression_type=_field(Enum(("GZIP", "NONE")), "Whether artifacts are packed."),
                )
            ),
            "Where and how artifacts are kept.",
            note="output_data not used: artifacts stay in the run folder",
        ),
        checkpoint=_field(
            Nested(
                attributes(
                    s3_uri=_field(
                        STRING,
                        "Where checkpoints are kept.",
                        note="checkpoint.s3_uri not used: checkpoints stay on this machine",
                        pattern="s3://.+",
                        pattern_hint="an s3:// URI",
                    ),
                    local_path=_field(
                        STRING,
                        "Where the script writes them.",
                        note="checkpoint.local_path not used: it is checkpoints/ in the run folder",
                        default="/opt/ml/checkpoints",
                    ),
                )
            ),
            "Where a retried run finds what it had done.",
        ),
        tensorboard=_field(
            Nested(
                attributes(
                    s3_output_path=_field(
                        STRING, "Where event files go.", pattern="s3://.+", pattern_hint="an s3:// URI"
                    ),
                    local_path=_field(STRING, "Where the script writes them.", default="/opt/ml/output/tensorboard"),
                )
            ),
            "Where TensorBoard event files are kept.",
            note="tensorboard not used",
        ),
        metric_definitions=_field(
            list_of(
                Nested(
                    attributes(
                        name=_field(STRING, "Name of the metric.", required=True),
                        regex=_field(STRING, "Finds it in the log; its one group is the number.", required=True),
                    )
                )
            ),
            "Numbers to read out of the log.",
        ),
        # In the queue
        queue=_field(STRING, "ARN or name of a job queue.", reference_to="job_queue"),
        priority=_field(NUMBER, "Within the queue: higher goes first.", "live", minimum=0, maximum=9999),
        share_identifier=_field(
            STRING,
            "The share of a fair-share queue.",
            note="share_identifier not used: local queues are first in, first out",
        ),
        quota_share=_field(
            STRING,
            "The quota share of a quota-managed queue.",
            note="quota_share not used: local queues are first in, first out",
        ),
        timeout=_field(
            Nested(
                attributes(
                    attempt_duration_seconds=_field(
                        NUMBER, "A queued job's attempt is ended after this long.", minimum=60
                    )
                )
            ),
            "Limit on an attempt of a queued job.",
            note="timeout not used: stopping_condition limits the run",
        ),
        # Housekeeping
        tags=_field(map_of(STRING), "Tags of the job.", "live", note="tags not used"),
        retry_strategy=_field(
            Nested(
                attributes(maximum_retry_attempts=_field(NUMBER, "How often.", required=True, minimum=1, maximum=30))
            ),
            "Retries by SageMaker itself after internal errors.",
            note="retry_strategy not used",
        ),
        remote_debug=_field(
            Nested(attributes(enable_remote_debug=_field(BOOL, "Allow it.", "live", default=True))),
            "Shell access to the running container.",
            "live",
            note="remote_debug not used",
        ),
        infra_check=_field(
            Nested(attributes(enable_infra_check=_field(BOOL, "Check it.", default=True))),
            "Check the instances before training.",
            note="infra_check not used",
        ),
        docker=_field(
            Nested(
                attributes(
                    shm_size=_field(STRING, "Size of /dev/shm, such as 2g."),
                    memory=_field(STRING, "Most memory, such as 8g."),
                    cpus=_field(NUMBER, "Most processors.", minimum=0),
                    gpus=_field(STRING, "all, or how many."),
                    network=_field(STRING, "Name of a Docker network."),
                    pull=_field(Enum(("always", "missing", "never")), "When the image is pulled."),
                )
            ),
            "Settings of local containers.",
            note="docker settings not used",
        ),
        # How planform treats it
        executor=_field(
            Enum(("process", "docker", "sagemaker", "batch")), "Who runs it; by default the provider decides."
        ),
        wait=_field(BOOL, "Whether apply watches the run to its end.", "live", default=True),
        run=_field(Enum(("on_change", "always", "manual")), "When a run is launched.", "live", default="on_change"),
        on_change=_field(Enum(("finish", "stop")), "What a change does to a run under way.", "live", default="finish"),
        max_attempts=_field(
            NUMBER, "How often a run is proposed again after failures of infrastructure.", "live", default=2, minimum=1
        ),
        # What a run tells
        run_number=_exported(NUMBER, "Number of the run of this definition: 1, 2, ...", "launched"),
        job_name=_exported(STRING, "Name of the job.", "launched"),
        job_arn=_exported(STRING, "ARN of the job.", "launched"),
        status=_exported(STRING, "How the run ended.", "completed"),
        model_artifacts=_exported(STRING, "Where the model of the succeeded run is.", "completed"),
        output_path=_exported(STRING, "Where all output of the run is.", "completed"),
        metrics=_exported(map_of(NUMBER), "Metric -> its last value.", "completed"),
        last_succeeded=_exported(
            ANY, "The newest succeeded run of any definition: {run, model_artifacts, metrics}.", "completed"
        ),
        image=_exported(STRING, "The image that was used.", "completed"),
        started_at=_exported(STRING, "When the run started, RFC 3339.", "completed"),
        ended_at=_exported(STRING, "When the run ended, RFC 3339.", "completed"),
        billable_seconds=_exported(NUMBER, "Seconds that are paid for.", "completed"),
    ),
)
