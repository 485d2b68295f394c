"""Models of a hub as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from planform.core.executor import Document
from planform.core.values import Value


class Listed(Protocol):
    """A model in a catalogue."""

    @property
    def model_id(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def display_name(self) -> str: ...


def catalogue_text(entries: Sequence[Listed], where: str, date: str) -> str:
    if not entries:
        return f"No model matches in {where} as of {date}. planform jumpstart sync reads the catalogue anew.\n"
    rows = [("model", "version", "name"), *((item.model_id, item.version, item.display_name) for item in entries)]
    return (
        _table(rows)
        + f"\n{len(entries)} model{'s' * (len(entries) != 1)} of {where}, as of {date}; "
        + "planform jumpstart sync reads the catalogue anew.\n"
    )


def model_text(model: Document) -> str:
    """What a document says of training: the facts, then the hyperparameters."""
    content = model.content
    lines = [f"{model.model_id} {model.version}", f"  {model.arn}", ""]
    facts = (
        ("fine-tuning", "yes" if content.get("TrainingSupported") else "no"),
        ("licence", _licence(content.get("License"), content.get("GatedBucket"))),
        ("image", content.get("TrainingEcrUri")),
        ("instance type", content.get("DefaultTrainingInstanceType")),
        ("other types", ", ".join(content.get("SupportedTrainingInstanceTypes") or ())),
        ("volume", f"{content['TrainingVolumeSize']} GB" if content.get("TrainingVolumeSize") else None),
        ("longest run", f"{content['MaxRuntimeInSeconds']} s" if content.get("MaxRuntimeInSeconds") else None),
        ("data", content.get("DefaultTrainingDatasetUri")),
        ("configurations", ", ".join(content.get("TrainingConfigs") or {})),
        ("metrics", ", ".join(item["Name"] for item in content.get("TrainingMetrics") or ())),
    )
    lines += [f"  {name:<15} {value}" for name, value in facts if value]
    rows = list(_hyperparameters(content.get("Hyperparameters") or ()))
    if rows:
        lines += [
            "",
            *(f"  {line}" for line in _table([("hyperparameter", "type", "default", "allowed"), *rows]).splitlines()),
        ]
    return "\n".join(lines) + "\n"


def _licence(name: Value, gated: Value) -> str:
    return " ".join(filter(None, [str(name or ""), "(to be accepted: accept_eula: true)" if gated else ""]))


def _hyperparameters(items: Sequence[Value]) -> Iterator[tuple[str, ...]]:
    for item in items:
        if str(item.get("Name", "")).startswith("sagemaker_"):
            continue
        least, most = item.get("Min"), item.get("Max")
        allowed = ", ".join(map(str, item.get("Options") or ()))
        if not allowed and (least is not None or most is not None):
            allowed = f"{'' if least is None else least} .. {'' if most is None else most}".strip()
        yield str(item["Name"]), str(item.get("Type", "")), str(item.get("Default", "")), allowed


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows)
