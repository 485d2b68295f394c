"""A trainer that fine-tunes a model of SageMaker JumpStart: what the model's document says, under what the user says.

The document is the HubContentDocument of DescribeHubContent (SageMaker API), schema 2.x. Values of the user always win;
where the model cannot do what the user says, that is a misfit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from planform.core.errors import did_you_mean
from planform.core.executor import Completed, Document, DocumentRead, Jobs
from planform.core.schemas import Misfit
from planform.core.values import (
    AttributePath,
    Object,
    Unknown,
    Value,
    is_wholly_known,
    reveal,
    same,
    with_value,
)
from planform.training.definition import mapping, plain
from planform.training.parameters import of_document, with_judgement

ENTRY_SCRIPT = "transfer_learning.py"  # in the scripts of every model
MARK = "sagemaker-sdk:jumpstart-model"  # how the tags begin by which the SDK marks such jobs
TRAINING_CHANNELS = ("training", "train")
_LEGACY = "sagemaker_"  # hyperparameters of the SDK's second version, of no use to the drivers of the third
_LOG_LEVEL = "sagemaker_container_log_level"


def wanted(desired: Object) -> DocumentRead | None:
    """The document that a trainer needs, when it fine-tunes a model and says which."""
    given = mapping(desired, "jumpstart")
    if not isinstance(plain(given.get("model_id")), str) or not is_wholly_known(given):
        return None
    told = reveal(given)
    return DocumentRead(told["model_id"], told.get("model_version") or "", told.get("hub_name") or "")


def completed(jobs: Jobs, written: Object, document: Document) -> Completed:
    """The trainer with what its model says filled in; `written` is it as the files have it, without defaults."""
    desired = jobs.trainer
    filling = _Filling(desired, written, f"JumpStart {document.version}")
    content = dict(document.content)
    given = mapping(desired, "jumpstart")
    if content.get("TrainingSupported") is False:
        filling.refuse(("jumpstart", "model_id"), f'"{document.model_id}" cannot be fine-tuned.')
    if content.get("GatedBucket") and plain(given.get("accept_eula")) is not True:
        licence = content.get("HostingEulaExternalLink") or content.get("HostingEulaUri") or ""
        filling.refuse(
            ("jumpstart",),
            f'"{document.model_id}" is given only to who accepts its licence.',
            f"The licence: {licence}" if licence else "",
            "Read it, then set accept_eula: true.",
        )
    again = filling.said(("tags", f"{MARK}-version"))  # a whole trainer that another resource takes
    if not document.pinned and not again:
        filling.notes.append(
            f"{document.model_id} {document.version} is the newest today; planform jumpstart pin keeps it"
            if not plain(given.get("model_version"))
            else f"{document.model_id} {document.version} is not pinned; planform jumpstart pin keeps its document"
        )
    parts = _components(content, plain(given.get("training_config_name")), filling)
    filling.set(("jumpstart", "model_version"), document.version)
    kind = _compute(filling, parts)
    variant = _variant(parts, kind)
    image = variant.get("ImageUri") or parts.get("TrainingEcrUri")
    if image:
        filling.set(("training_image",), image)
    elif written.get("training_image") is None:
        filling.refuse(("jumpstart", "model_id"), f'The document of "{document.model_id}" names no image to train in.')
    _surroundings(filling, parts, variant)
    known = _known(filling, parts, variant)
    _hyperparameters(filling, known, {name for kind in jobs.ranges for name in mapping(jobs.ranges, kind)})
    _source_code(filling, parts)
    if not again:
        _channels(filling, parts, variant, document)
    for name, text in (("id", document.model_id), ("version", document.version)):
        filling.set(("tags", f"{MARK}-{name}"), text)
    return with_judgement(filling.result(), of_document(known), jobs)


@dataclass(slots=True)
class _Filling:
    """A trainer while it is filled in: what has no value gets the model's."""

    body: Object
    written: Object
    origin: str
    origins: dict[AttributePath, str] = field(default_factory=dict)
    misfits: list[Misfit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def set(self, path: AttributePath, value: Value) -> None:
        """Fill in one value, unless the user has said it. None is no value."""
        if value is None or self.said(path):
            return
        self.body = with_value(self.body, path, value)
        self.origins[path] = self.origin

    def said(self, path: AttributePath) -> bool:
        """Whether the files give a value at a place, or leave it open."""
        value: Value = self.written
        for part in path:
            value = plain(value)
            if isinstance(value, Unknown):
                return True
            if not isinstance(value, dict):
                return False
            value = value.get(str(part))
        return value is not None

    def refuse(self, path: AttributePath, summary: str, detail: str = "", suggestion: str = "") -> None:
        self.misfits.append(Misfit(path, summary, detail, suggestion))

    def result(self) -> Completed:
        return Completed(self.body, self.origins, tuple(self.misfits), notes=tuple(self.notes))


def _components(content: Object, name: Value, filling: _Filling) -> Object:
    """The document, with the components of a training configuration laid over it."""
    if name is None:
        return content
    configurations = content.get("TrainingConfigs") or {}
    if name not in configurations:
        advice = did_you_mean(str(name), configurations)
        filling.refuse(("jumpstart", "training_config_name"), f'The model has no configuration "{name}".', "", advice)
        return content
    parts = dict(content)
    for component in configurations[name].get("ComponentNames") or ():
        parts |= (content.get("TrainingConfigComponents") or {}).get(component) or {}
    return parts


def _compute(filling: _Filling, parts: Object) -> str:
    """Instances as the model wants them; the type that variants go by."""
    supported = parts.get("SupportedTrainingInstanceTypes") or ()
    groups = plain(mapping(filling.written, "compute").get("instance_groups"))
    if isinstance(groups, list) and groups and isinstance(groups[0], dict):
        kind, path = plain(groups[0].get("instance_type")), ("compute", "instance_groups")
    else:
        filling.set(("compute", "instance_type"), parts.get("DefaultTrainingInstanceType"))
        kind, path = plain(mapping(filling.body, "compute").get("instance_type")), ("compute", "instance_type")
    if not isinstance(kind, str):
        return ""
    if supported and kind not in supported and not kind.startswith("local"):
        filling.refuse(path, f"The model is not trained on {kind}.", suggestion=did_you_mean(kind, supported))
    filling.set(("compute", "volume_size_in_gb"), parts.get("TrainingVolumeSize"))
    return kind


def _variant(parts: Object, kind: str) -> Object:
    """What the document has for a type of instance: that of its family, over it that of the very type."""
    variants = parts.get("TrainingInstanceTypeVariants") or {}
    aliases, found = variants.get("Aliases") or {}, variants.get("Variants") or {}
    family = kind.removeprefix("ml.").partition(".")[0]
    merged: Object = {}
    for name in (family, f"ml.{family}", kind):
        merged |= (found.get(name) or {}).get("Properties") or {}
    image = merged.get("ImageUri")
    if isinstance(image, str) and image.startswith("$"):
        merged["ImageUri"] = aliases.get(image[1:]) or aliases.get(image)
    return merged


def _surroundings(filling: _Filling, parts: Object, variant: Object) -> None:
    """Network, limits, output, metrics, environment."""
    isolated = ("networking", "enable_network_isolation")
    if parts.get("TrainingEnableNetworkIsolation"):
        if plain(mapping(filling.written, "networking").get("enable_network_isolation")) is False:
            filling.refuse(isolated, "The model is trained without a network.", suggestion="Remove it, or set it true.")
        filling.set(isolated, True)
    if parts.get("EncryptInterContainerTraffic"):
        filling.set(("networking", "enable_inter_container_traffic_encryption"), True)
    filling.set(("stopping_condition", "max_runtime_in_seconds"), parts.get("MaxRuntimeInSeconds"))
    if parts.get("DisableOutputCompression"):
        filling.set(("output_data", "compression_type"), "NONE")
    metrics = [
        {"name": item["Name"], "regex": item["Regex"]}
        for item in (parts.get("TrainingMetrics") or ())[:40]
        if _has_one_group(item.get("Regex"))
    ]
    filling.set(("metric_definitions",), metrics or None)
    for name, text in sorted((variant.get("EnvironmentVariables") or {}).items()):
        filling.set(("environment", name), str(text))


def _has_one_group(regex: Value) -> bool:
    try:
        return isinstance(regex, str) and re.compile(regex).groups == 1
    except re.error:
        return False


def _known(filling: _Filling, parts: Object, variant: Object) -> dict[str, Object]:
    """The hyperparameters of the model by name, as its document has them."""
    known = {item["Name"]: item for item in parts.get("Hyperparameters") or () if item.get("Name")}
    for item in variant.get("Hyperparameters") or ():
        form = {name[:1].upper() + name[1:]: value for name, value in item.items()}
        if form.get("Name"):
            known[form["Name"]] = {**known.get(form["Name"], {}), **form}
    level = (known.get(_LOG_LEVEL) or {}).get("Default")
    filling.set(("environment", "SM_LOG_LEVEL"), str(level) if level is not None else None)
    return {name: item for name, item in known.items() if not name.startswith(_LEGACY)}


def _hyperparameters(filling: _Filling, known: Mapping[str, Object], searched: Set[str]) -> None:
    """Fill in those that are neither given nor searched."""
    if isinstance(plain(filling.body.get("hyperparameters")), Unknown):
        filling.refuse(
            ("hyperparameters",),
            "The hyperparameters of a JumpStart model must be a known mapping; its values may be unknown.",
        )
        return
    given = mapping(filling.body, "hyperparameters")
    # A whole trainer that is searched brings the model's defaults along: nobody gave them.
    defaults = {name for name in searched & set(given) if same(given[name], known.get(name, {}).get("Default"))}
    if defaults:
        given = {name: value for name, value in given.items() if name not in defaults}
        filling.body = {**filling.body, "hyperparameters": given}
    for name in sorted(searched & set(given)):
        why = f"{name} has a value, and a range in which it is searched."
        filling.refuse(("hyperparameters", name), why, suggestion="Keep one of them.")
    for name, item in known.items():
        if name not in given and name not in searched and item.get("Default") is not None:
            filling.body = with_value(filling.body, ("hyperparameters", name), item["Default"])
            filling.origins["hyperparameters", name] = filling.origin


def _source_code(filling: _Filling, parts: Object) -> None:
    """The model's own script, unless the user brings one."""
    if filling.said(("source_code", "source_dir")) or not parts.get("TrainingScriptUri"):
        return
    filling.set(("source_code", "source_dir"), parts["TrainingScriptUri"])
    if not filling.said(("source_code", "command")):
        filling.set(("source_code", "entry_script"), ENTRY_SCRIPT)
    filling.set(("source_code", "requirements"), "auto")


def _channels(filling: _Filling, parts: Object, variant: Object, document: Document) -> None:
    given = mapping(filling.written, "input_data")
    both = [name for name in TRAINING_CHANNELS if name in given]
    if len(both) == 2:
        filling.refuse(("input_data", "train"), "The data to train on is in one of training and train, not in both.")
    if not both:
        if parts.get("DefaultTrainingDatasetUri"):
            source = _source(filling, parts["DefaultTrainingDatasetUri"], document)
            filling.set(("input_data", "training"), {"data_source": {"s3_data_source": source}})
        else:
            filling.notes.append("the model brings no data to train on: give it in input_data.training")
    by_variable = filling.said(("environment", "SageMakerGatedModelS3Uri"))
    if "model" in given:
        if not document.content.get("IncrementalTrainingSupported"):
            filling.refuse(("input_data", "model"), "The model does not go on from another's artifacts.")
        if by_variable:
            path = ("environment", "SageMakerGatedModelS3Uri")
            filling.refuse(path, "The model comes by its channel or by this variable, not by both.")
        return
    uri = variant.get("GatedModelEnvVarUri") or variant.get("TrainingArtifactUri") or parts.get("TrainingArtifactUri")
    if uri and not by_variable:
        channel: Object = {
            "data_source": {"s3_data_source": _source(filling, uri, document)},
            "content_type": "application/x-sagemaker-model",
            "input_mode": "File",
        }
        compression = parts.get("TrainingArtifactCompressionType")
        if compression and compression != "None":
            channel["compression_type"] = compression
        filling.set(("input_data", "model"), channel)


def _source(filling: _Filling, uri: Value, document: Document) -> Object:
    source: Object = {"s3_uri": uri}
    if plain(mapping(filling.body, "jumpstart").get("accept_eula")) is True:
        source["model_access_config"] = {"accept_eula": True}
    if document.reference:
        source["hub_access_config"] = {"hub_content_arn": document.arn}
    return source
