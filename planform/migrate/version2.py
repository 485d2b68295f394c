"""Estimators of the SageMaker SDK V2 as trainers. Sources: EstimatorBase, Framework and their subclasses in 2.x."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping

from planform.migrate.channels import MODEL_TYPE, input_data
from planform.migrate.drafts import Conversion, Draft, Path, Taken, each, key_values, named
from planform.migrate.metrics import metrics
from planform.migrate.values import Made, Unknown, Value, joined

MAX_RUN = 24 * 3600  # V2's default of max_run; a trainer, like V3, stops after one hour

_IMAGE_CONFIG = ("request", "AlgorithmSpecification", "TrainingImageConfig")

FIELDS: Mapping[str, Path] = {
    "role": ("role",),
    "instance_type": ("compute", "instance_type"),
    "instance_count": ("compute", "instance_count"),
    "train_instance_type": ("compute", "instance_type"),  # the names before 2.0
    "train_instance_count": ("compute", "instance_count"),
    "volume_size": ("compute", "volume_size_in_gb"),
    "volume_kms_key": ("compute", "volume_kms_key_id"),
    "keep_alive_period_in_seconds": ("compute", "keep_alive_period_in_seconds"),
    "use_spot_instances": ("compute", "enable_managed_spot_training"),
    "training_plan": ("compute", "training_plan_arn"),
    "max_wait": ("stopping_condition", "max_wait_time_in_seconds"),
    "input_mode": ("training_input_mode",),
    "output_path": ("output_data", "s3_output_path"),
    "output_kms_key": ("output_data", "kms_key_id"),
    "checkpoint_s3_uri": ("checkpoint", "s3_uri"),
    "checkpoint_local_path": ("checkpoint", "local_path"),
    "subnets": ("networking", "subnets"),
    "security_group_ids": ("networking", "security_group_ids"),
    "enable_network_isolation": ("networking", "enable_network_isolation"),
    "encrypt_inter_container_traffic": ("networking", "enable_inter_container_traffic_encryption"),
    "environment": ("environment",),
    "max_retry_attempts": ("retry_strategy", "maximum_retry_attempts"),
    "enable_remote_debug": ("remote_debug", "enable_remote_debug"),
    "enable_infra_check": ("infra_check", "enable_infra_check"),
    "training_repository_access_mode": (*_IMAGE_CONFIG, "TrainingRepositoryAccessMode"),
    "training_repository_credentials_provider_arn": (
        *_IMAGE_CONFIG,
        "TrainingRepositoryAuthConfig",
        "TrainingRepositoryCredentialsProviderArn",
    ),
    "enable_session_tag_chaining": ("request", "SessionChainingConfig", "EnableSessionTagChaining"),
    "instance_placement_config": ("request", "ResourceConfig", "InstancePlacementConfig"),
}

# What planform does anyway, or has no need of.
NO_NEED = ("sagemaker_session", "base_job_name", "disable_profiler", "image_uri_region", "tolerate_vulnerable_model")

_DEBUGGER = "Debugger and Profiler have no place in a trainer; metrics are read from the log by metric_definitions"
UNPLACED: Mapping[str, str] = {
    "rules": _DEBUGGER,
    "debugger_hook_config": _DEBUGGER,
    "profiler_config": _DEBUGGER,
    "enable_sagemaker_metrics": "metrics are read from the log by metric_definitions",
    "code_location": "code is staged under default_bucket and default_prefix of provider.aws",
    "git_config": "code is taken from a folder: check the repository out and name its folder as source_dir",
    "compiler_config": "the training compiler has no place in a trainer",
    "training_recipe": "a recipe is fetched from GitHub and becomes image, code and settings only when it runs",
    "recipe_overrides": "a recipe is fetched from GitHub and becomes image, code and settings only when it runs",
    "tolerate_deprecated_model": "planform takes the model as it is, or tells why it cannot",
    "region": "the region is a setting of provider.aws",
}

FRAMEWORKS: Mapping[str, str] = {
    "PyTorch": "pytorch",
    "TensorFlow": "tensorflow",
    "SKLearn": "sklearn",
    "XGBoost": "xgboost",
    "MXNet": "mxnet",
}


def trainer(into: Conversion, made: Made, draft: Draft, inputs: Value) -> None:
    """Fill the draft of a trainer from an estimator. `inputs`: what `fit` was given."""
    taken = Taken(into, draft, made.kind, made.args, made.place)
    taken.drop(*NO_NEED)
    _image(taken, made)
    _code(taken)
    _distribution(taken)
    taken.move(FIELDS)
    draft.put(("stopping_condition", "max_runtime_in_seconds"), _max_run(taken, made))
    if taken.get("disable_output_compression") is True:
        draft.put(("output_data", "compression_type"), "NONE")
    draft.put(("hyperparameters",), named(_hyperparameters(taken, made), "hyperparameters"))
    draft.put(
        ("metric_definitions",), named(metrics(into, made.place, taken.get("metric_definitions")), "metric_definitions")
    )
    draft.put(("tags",), named(key_values(taken.get("tags")), "tags"))
    draft.put(("compute", "instance_groups"), each(taken.get("instance_groups"), _group))
    _log_level(taken)
    board = taken.get("tensorboard_output_config")
    if isinstance(board, Made):
        draft.put(("tensorboard", "s3_output_path"), named(board.get("s3_output_path"), "tensorboard_output_path"))
        draft.put(("tensorboard", "local_path"), board.get("container_local_output_path", board.get("local_path")))
    draft.put(("input_data",), input_data(into, inputs, made.place))
    _model(taken)
    taken.refuse(UNPLACED)
    taken.rest()


def _image(taken: Taken, made: Made) -> None:
    """A URI, a framework with its version, a model of JumpStart, or an algorithm."""
    draft = taken.draft
    version, python = taken.get("framework_version"), taken.get("py_version")
    if made.kind == "JumpStartEstimator":
        draft.put(("jumpstart", "model_id"), named(taken.get("model_id"), "model_id"))
        draft.put(("jumpstart", "model_version"), _fixed_version(taken.get("model_version")))
        draft.put(("jumpstart", "hub_name"), named(taken.get("hub_name"), "hub_name"))
        draft.put(("jumpstart", "accept_eula"), _eula(taken))
        draft.put(("jumpstart", "training_config_name"), named(taken.get("config_name"), "training_config_name"))
        return
    if made.kind == "AlgorithmEstimator":
        draft.put(("algorithm_name",), named(taken.get("algorithm_arn"), "algorithm_name"))
        return
    image = taken.get("image_uri", taken.get("image_name"))
    if image is not None:
        draft.put(("training_image",), named(image_of(image), "training_image"))
        taken.drop("transformers_version", "pytorch_version", "tensorflow_version")
        return
    if made.kind == "HuggingFace":
        draft.put(("training_image", "framework"), "huggingface")
        draft.put(("training_image", "version"), named(taken.get("transformers_version"), "transformers_version"))
        for base in ("pytorch", "tensorflow"):
            number = taken.get(f"{base}_version")
            if number is not None:
                draft.put(("training_image", "base_framework_version"), joined(base, number))
    elif made.kind in FRAMEWORKS:
        draft.put(("training_image", "framework"), FRAMEWORKS[made.kind])
        draft.put(("training_image", "version"), named(version, "framework_version"))
    else:
        draft.put(("training_image",), Unknown("training_image", "no image_uri is given", made.place))
        return
    if python not in (None, "py3") or made.kind not in ("SKLearn", "XGBoost"):
        draft.put(("training_image", "py_version"), named(python, "py_version"))


def image_of(value: Value) -> Value:
    """`image_uris.retrieve(...)` as {framework, version, ...}; region and processor follow from where it runs."""
    if not isinstance(value, Made) or value.kind != "retrieve":
        return value
    names = ("framework", "version", "py_version", "base_framework_version", "container_version")
    image = {name: named(value.get(name), name) for name in names if value.get(name) is not None}
    if "version" not in image:
        image["version"] = _only_version(image.get("framework")) or Unknown("image_version", value.code, value.place)
    return image


def _only_version(framework: Value) -> str:
    from planform.training.images import table

    versions = [version for line in table() if line.framework == framework for version in line.versions]
    return versions[0] if len(versions) == 1 else ""


def _fixed_version(value: Value) -> Value:
    """`*` is the newest, which is what no version means."""
    return None if value == "*" else named(value, "model_version")


def _eula(taken: Taken) -> Value:
    """accept_eula of `fit`, or of the environment, where JumpStart had it first."""
    given = taken.get("accept_eula")
    environment = taken.args.get("environment")
    if isinstance(environment, dict) and "accept_eula" in environment:
        taken.args["environment"] = {key: item for key, item in environment.items() if key != "accept_eula"}
        given = environment["accept_eula"] in ("true", "True", True)
    return given


def _code(taken: Taken) -> None:
    """entry_point, source_dir and dependencies; without a source_dir V2 takes the script alone."""
    into, draft = taken.into, taken.draft
    script, folder = taken.get("entry_point"), taken.get("source_dir")
    dependencies = taken.get("dependencies", [])
    entry, arguments = taken.get("container_entry_point"), taken.get("container_arguments")
    if script is None:
        _container_command(taken, entry, arguments)
        if folder is not None:
            into.unsupported(
                taken.place, f"{taken.owner}(source_dir=...)", "without an entry_point nothing of it is run"
            )
        return
    if folder is None and isinstance(script, str):
        draft.put(("source_code", "source_dir"), into.local(posixpath.dirname(script) or "."))
        script = posixpath.basename(script)
        draft.put(
            ("source_code", "ignore_patterns"), ["/*", f"!/{script}", *_dependencies(taken, dependencies, script)]
        )
    else:
        draft.put(("source_code", "source_dir"), named(into.local("." if folder is None else folder), "source_dir"))
        _dependencies(taken, dependencies, "")
        _requirements(taken, folder)
        if isinstance(folder, str) and folder.endswith(".tar.gz"):
            into.note(taken.place, f"source_dir {folder}", "unpack it: the source_dir of a trainer is a folder")
    draft.put(("source_code", "entry_script"), named(script, "entry_script"))


def _dependencies(taken: Taken, given: Value, script: str) -> list[str]:
    """Patterns that let dependencies in which lie beside a script; others would have to move."""
    patterns = []
    for item in given if isinstance(given, list) else [given] if given else []:
        if script and isinstance(item, str) and posixpath.dirname(posixpath.normpath(item)) == "":
            patterns.append(f"!/{posixpath.normpath(item)}")
        else:
            name = item if isinstance(item, str) else "..."
            taken.into.unsupported(
                taken.place, f"{taken.owner}(dependencies={name})", "code is one folder: move it into the source_dir"
            )
    return patterns


def _requirements(taken: Taken, folder: Value) -> None:
    """Containers of V2 install requirements.txt when there is one; a trainer says so."""
    if isinstance(folder, str) and "://" not in folder:
        from pathlib import Path as File

        if (File(taken.into.on_disk(folder)) / "requirements.txt").is_file():
            taken.draft.put(("source_code", "requirements"), "requirements.txt")


def _container_command(taken: Taken, entry: Value, arguments: Value) -> None:
    words = [*(entry or []), *(arguments or [])] if isinstance(entry, list) else None
    if words and all(isinstance(word, str) for word in words):
        taken.draft.put(("source_code", "command"), shlex.join(words))
    elif entry is not None or arguments is not None:
        taken.into.unsupported(
            taken.place,
            f"{taken.owner}(container_arguments=...)",
            "arguments of the image's own entry point have no place; write source_code.command",
        )


def _distribution(taken: Taken) -> None:
    """How the script is started on several processes."""
    given = taken.get("distribution", taken.get("distributions"))
    if given is None:
        return
    if not isinstance(given, dict):
        taken.draft.put(("distributed",), named(given, "distributed"))
        return
    for name, settings in given.items():
        if isinstance(settings, dict) and settings.get("enabled") is False:
            continue
        options = settings if isinstance(settings, dict) else {}
        what = f"distribution {name}"
        if options.get("enabled", True) is not True:
            taken.into.note(taken.place, what, "whether it is enabled is known only when it runs: here it is")
        if name in ("torch_distributed", "pytorchddp", "torch_xla"):
            taken.draft.put(("distributed", "torchrun"), {})
            if options.get("custom_mpi_options"):
                taken.into.unsupported(
                    taken.place, f"{what} custom_mpi_options", "torchrun starts the processes, not mpirun"
                )
        elif name == "mpi":
            taken.draft.put(("distributed", "mpi"), _mpi(options))
        else:
            taken.into.unsupported(
                taken.place,
                what,
                "a trainer starts scripts with torchrun, mpirun or a driver of your own (distributed.custom)",
            )


def _mpi(options: Mapping[str, Value]) -> dict[str, Value]:
    extra = options.get("custom_mpi_options")
    form = {"process_count_per_node": named(options.get("processes_per_host"), "processes_per_host")}
    if isinstance(extra, str):
        form["mpi_additional_options"] = shlex.split(extra) or None
    elif extra is not None:
        form["mpi_additional_options"] = named(extra, "mpi_additional_options")
    return {key: value for key, value in form.items() if value is not None}


def _max_run(taken: Taken, made: Made) -> Value:
    given = named(taken.get("max_run", taken.get("train_max_run")), "max_run")
    if given is not None:
        return given
    return None if made.kind == "JumpStartEstimator" else MAX_RUN  # JumpStart knows a limit of its own for each model


def _hyperparameters(taken: Taken, made: Made) -> Value:
    values = taken.get("hyperparameters")
    model_dir = taken.get("model_dir")
    if made.kind == "TensorFlow" and model_dir is None:
        taken.into.note(
            taken.place,
            "TensorFlow(model_dir)",
            "V2 passed --model_dir with a place in S3; a trainer does not: save to SM_MODEL_DIR",
        )
    elif model_dir not in (None, False) and isinstance(values, dict | None):
        values = {**(values or {}), "model_dir": model_dir}
    if isinstance(values, dict):
        flags = [name for name, value in values.items() if isinstance(value, bool)]
        if flags:
            taken.into.note(
                taken.place, f"hyperparameters {', '.join(flags)}", "scripts get true and false; V2 gave True and False"
            )
        return {name: named(value, str(name)) for name, value in values.items()}
    return values


def _group(item: Value) -> Value:
    return dict(item.args) if isinstance(item, Made) else item


def _log_level(taken: Taken) -> None:
    level = taken.get("container_log_level")
    path = ("environment", "SM_LOG_LEVEL")
    if isinstance(level, int) and level != 20 and not taken.draft.put(path, str(level)):
        why = f"environment is one variable: put SM_LOG_LEVEL: {level} in there"
        taken.into.unsupported(taken.place, f"{taken.owner}(container_log_level={level})", why)


def _model(taken: Taken) -> None:
    """model_uri is a channel beside the others."""
    uri, name = taken.get("model_uri"), taken.get("model_channel_name", "model")
    channels = taken.draft.body.get("input_data", {})
    if uri is None:
        return
    if isinstance(channels, dict) and isinstance(name, str):
        source = named(uri, "model_uri")
        taken.draft.put(("input_data", name), {"data_source": source, "content_type": MODEL_TYPE})
    else:
        taken.into.unsupported(taken.place, "model_uri", "beside channels that are not known it has no place")
