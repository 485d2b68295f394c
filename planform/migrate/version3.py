"""ModelTrainer of the SageMaker SDK V3, with its configs, as a trainer. Source: sagemaker-train 1.x."""

from __future__ import annotations

from collections.abc import Mapping

from planform.migrate.channels import input_data, merged
from planform.migrate.drafts import Conversion, Draft, Path, Taken, brief, each, key_values, named
from planform.migrate.metrics import metrics
from planform.migrate.recipes import recipe
from planform.migrate.requests import api_form
from planform.migrate.values import Expression, Made, Unknown, Value, is_text
from planform.migrate.version2 import image_of

FIELDS: Mapping[str, Path] = {
    "role": ("role",),
    "algorithm_name": ("algorithm_name",),
    "environment": ("environment",),
}

# Configs whose fields are those of planform: argument -> field.
CONFIGS: Mapping[str, str] = {
    "compute": "compute",
    "networking": "networking",
    "stopping_condition": "stopping_condition",
    "output_data_config": "output_data",
    "checkpoint_config": "checkpoint",
    "tensorboard_output_config": "tensorboard",
    "retry_strategy": "retry_strategy",
}

# Configs that turn one thing on, also when they are called without an argument.
SWITCHES: Mapping[str, tuple[str, str]] = {
    "infra_check_config": ("infra_check", "enable_infra_check"),
    "remote_debug_config": ("remote_debug", "enable_remote_debug"),
}

NO_NEED = ("sagemaker_session", "base_job_name", "local_container_root", "input_s3_key_prefix")

# Configs that no field has: they stand in `request`, as the API has them.
REQUESTED: Mapping[str, Path] = {
    "training_image_config": ("request", "AlgorithmSpecification", "TrainingImageConfig"),
    "session_chaining_config": ("request", "SessionChainingConfig"),
    "model_package_config": ("request", "ModelPackageConfig"),
}

_NO_FIELD = "the trainer has no field for it"


def trainer(into: Conversion, made: Made, draft: Draft, inputs: Value) -> None:
    """Fill the draft of a trainer from a ModelTrainer. `inputs`: what `train` was given."""
    taken = Taken(into, draft, "ModelTrainer", made.args, made.place)
    taken.drop(*NO_NEED)
    _jumpstart(taken)
    if "training_recipe" in taken.args:
        recipe(taken)
    else:
        draft.put(("training_image",), named(image_of(taken.get("training_image")), "training_image"))
        _code(taken)
        _distributed(taken)
    taken.move(FIELDS)
    for name, field in CONFIGS.items():
        _config(taken, name, field)
    for name, (field, flag) in SWITCHES.items():
        config = taken.get(name)
        if config is not None:
            draft.put((field, flag), config.get(flag, True) if isinstance(config, Made) else config)
    mode = taken.get("training_input_mode")
    draft.put(("training_input_mode",), None if mode == "File" else named(mode, "training_input_mode"))
    draft.put(("hyperparameters",), _hyperparameters(taken))
    draft.put(
        ("metric_definitions",), named(metrics(into, made.place, taken.get("metric_definitions")), "metric_definitions")
    )
    draft.put(("tags",), named(key_values(taken.get("tags")), "tags"))
    channels = merged(taken.get("input_data_config"), inputs)
    draft.put(("input_data",), input_data(into, channels, made.place))
    mode = taken.get("training_mode", "SAGEMAKER_TRAINING_JOB")
    if mode == "LOCAL_CONTAINER":
        draft.body["executor"] = "docker"
    elif mode != "SAGEMAKER_TRAINING_JOB":
        why = "where it runs is known only when it does: planform.default_provider says it, for each workspace"
        into.note(made.place, f"training_mode {brief(mode)}", why)
    for name, path in REQUESTED.items():
        config = taken.get(name)
        draft.put(path, named({"EnableSessionTagChaining": True} if config is True else api_form(config), name))
    taken.rest()


def _jumpstart(taken: Taken) -> None:
    config = taken.get("jumpstart_config")
    if not isinstance(config, Made):
        taken.draft.put(("jumpstart",), named(config, "jumpstart"))
        return
    inner = Taken(taken.into, taken.draft, "JumpStartConfig", config.args, config.place)
    for name in ("model_id", "model_version", "hub_name", "accept_eula", "training_config_name"):
        value = inner.get(name)
        taken.draft.put(("jumpstart", name), None if value == "*" else named(value, name))
    inner.drop("inference_config_name")
    inner.refuse({"hub_content_name": "a model of a private hub is named by model_id"})
    inner.rest()


def _code(taken: Taken) -> None:
    code = taken.get("source_code")
    if not isinstance(code, Made):
        taken.draft.put(("source_code",), named(code, "source_code"))
        return
    inner = Taken(taken.into, taken.draft, "SourceCode", code.args, code.place)
    taken.draft.put(("source_code", "source_dir"), named(taken.into.local(inner.get("source_dir")), "source_dir"))
    command = named(inner.get("command"), "command")
    script = named(inner.get("entry_script"), "entry_script")
    if command is not None and script is not None:
        taken.into.unsupported(code.place, "SourceCode(entry_script=...)", "V3 runs the command that stands beside it")
        script = None
    taken.draft.put(("source_code", "command"), command)
    taken.draft.put(("source_code", "entry_script"), script)
    for name in ("args", "requirements", "ignore_patterns"):
        taken.draft.put(("source_code", name), named(inner.get(name), name))
    if command is None and script is None:
        taken.draft.put(("source_code", "entry_script"), Unknown("entry_script", code.code, code.place))
    inner.rest()


def _distributed(taken: Taken) -> None:
    given = taken.get("distributed")
    if not isinstance(given, Made):
        taken.draft.put(("distributed",), named(given, "distributed"))
        return
    inner = Taken(taken.into, taken.draft, given.kind, given.args, given.place)
    match given.kind:
        case "Torchrun" | "MPI":
            name = given.kind.lower()
            taken.draft.put(("distributed", name), {})
            taken.draft.put(
                ("distributed", name, "process_count_per_node"),
                named(inner.get("process_count_per_node"), "process_count_per_node"),
            )
            if name == "mpi":
                taken.draft.put(
                    ("distributed", name, "mpi_additional_options"),
                    named(inner.get("mpi_additional_options"), "mpi_additional_options"),
                )
            inner.refuse({"smp": "model parallelism of SageMaker (smp) has no place in a trainer"})
        case "driver":
            folder, script = inner.get("driver_dir"), inner.get("driver_script")
            taken.draft.put(("distributed", "custom", "driver_dir"), named(taken.into.local(folder), "driver_dir"))
            taken.draft.put(("distributed", "custom", "driver_script"), named(script, "driver_script"))
            taken.draft.put(("distributed", "custom", "config"), inner.get("config") or None)
        case _:
            taken.draft.put(("distributed",), Unknown("distributed", given.code, given.place))
    inner.rest()


def _config(taken: Taken, name: str, field: str) -> None:
    """One config; each of its fields that the trainer has too."""
    from planform.core.schemas import Nested
    from planform.resources.trainer import SCHEMA

    config = taken.get(name)
    if not isinstance(config, Made):
        taken.draft.put((field,), named(config, name))
        return
    inner = Taken(taken.into, taken.draft, config.kind, config.args, config.place)
    kind = SCHEMA.attributes[field].type
    assert isinstance(kind, Nested)
    if not config.args and field in ("checkpoint", "tensorboard"):
        taken.draft.put((field,), {})
    for key in list(inner.args):
        if key in kind.attributes:
            value = each(inner.get(key), lambda item: dict(item.args) if isinstance(item, Made) else item)
            taken.draft.put((field, key), named(value, key))
    placement = named(api_form(inner.get("instance_placement_config")), "instance_placement_config")
    taken.draft.put(("request", "ResourceConfig", "InstancePlacementConfig"), placement)
    inner.refuse({"instance_preferences": _NO_FIELD})
    inner.rest()


def _hyperparameters(taken: Taken) -> Value:
    """A mapping, or the path of a JSON or YAML file, which planform reads."""
    values = taken.get("hyperparameters")
    if isinstance(values, dict):
        return {name: named(value, str(name)) for name, value in values.items()}
    if is_text(values):
        last = values if isinstance(values, str) else str(values.parts[-1])
        path = taken.into.local(values)
        return path if last.endswith((".json", ".yaml", ".yml")) else Expression("yamldecode(file", path)
    return named(values, "hyperparameters")
