"""Images of AWS by framework and version: `{framework: pytorch, version: "2.5.1"}` is a URI in ECR.

The table beside this file holds facts only: who owns the repositories in which region, and which versions there are. It
names where they come from and of which day they are; `planform images refresh` makes it anew.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from planform.core.errors import PlanformError, did_you_mean
from planform.core.schemas import Misfit
from planform.core.values import Object, Value, is_wholly_known, reveal

TABLE = Path(__file__).with_name("images.json")
OVERRIDE = "PLANFORM_IMAGES"  # a table of one's own, laid over this one

# Domains of ECR outside of the commercial regions (the endpoints of botocore).
# Of partitions with a domain of their own (botocore's partitions.json).
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}
_SPELLINGS = {"scikit-learn": "sklearn", "torch": "pytorch", "tf": "tensorflow", "hf": "huggingface"}


class Image(NamedTuple):
    """One line of the table: the versions that are alike."""

    framework: str
    versions: tuple[str, ...]
    repository: str
    accounts: Mapping[str, str]  # region -> account
    processors: tuple[str, ...] = ()  # cpu, gpu, inf, ...; none: it is not in the tag
    pythons: tuple[str, ...] = ()  # py310, ...; none: it is not in the tag
    base: str = ""  # huggingface: pytorch2.0.0
    prefix: str = ""  # in place of the version in the tag
    containers: Mapping[str, str] = {}  # processor -> the end of the tag
    aliases: Mapping[str, str] = {}  # 2.0 -> 2.0.1


def image_uri(image: Object, region: str, instance_type: str) -> str:
    """The URI of an image by framework, version and the rest.

    Raises:
        PlanformError: there is no such image; it names the nearest.
    """
    problems = misfits(image, region, instance_type)
    if problems:
        raise PlanformError(problems[0].summary, problems[0].detail, problems[0].suggestion)
    found, version = _found(image)
    processor = _processor(instance_type, found)
    python = image.get("py_version") or max(found.pythons, default="", key=_sortable)
    container = image.get("container_version") or found.containers.get(processor, "")
    tag = "-".join(filter(None, (found.prefix or version, processor, python, container)))
    if found.base and "transformers" not in tag:
        tag = "-".join(filter(None, (_number(found.base), f"transformers{version}", processor, python, container)))
    return f"{found.accounts[region]}.dkr.ecr.{region}.{_domain(region)}/{found.repository}{f':{tag}' if tag else ''}"


ECR = re.compile(r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)")


def known_uri(image: Value, region: str, compute: Object) -> str:
    """The URI of a `training_image`, whichever way it is written, for the instances of a job; empty while it is not
    known, and where the table knows no such image."""
    if isinstance(image, str):
        return image
    if not isinstance(image, dict) or not is_wholly_known(image):
        return ""
    groups = compute.get("instance_groups") or [compute]
    first = groups[0] if isinstance(groups, list) and isinstance(groups[0], dict) else {}
    kind = first.get("instance_type")
    try:
        return image_uri(image, region, kind if isinstance(kind, str) else "")
    except PlanformError:
        return ""


def framework_of(image: Value) -> str:
    """The framework or algorithm of a `training_image`, whichever way it is written; empty where it is none of AWS."""
    if isinstance(image, dict):
        name = image.get("framework")
        return _SPELLINGS.get(name, name) if isinstance(name, str) else ""
    uri = ECR.fullmatch(image) if isinstance(image, str) else None
    if uri is None:
        return ""
    account, region, rest = uri.groups()
    repository = re.split("[:@]", rest)[0]
    lines = (line for line in table() if line.repository == repository and line.accounts.get(region) == account)
    return next((line.framework for line in lines), "")


def misfits(image: Object, region: str, instance_type: str) -> list[Misfit]:
    """What is wrong with an image block, at its attributes."""
    if not is_wholly_known(image):
        return []
    image = reveal(image)
    lines = [line for line in table() if line.framework == _framework(image)]
    if not lines:
        known = sorted({line.framework for line in table()})
        return [
            Misfit(
                ("framework",),
                f'The table of images knows no framework "{image["framework"]}".',
                f"It is of {table_date()}.",
                f"{did_you_mean(str(image['framework']), known)} Or give the URI of the image.",
            )
        ]
    fitting = _of_version(lines, image)
    versions = sorted({version for line in lines for version in line.versions}, key=_sortable)
    if image.get("version") is None and len(versions) > 1:
        newest = f'The newest in the table is version: "{versions[-1]}".'
        return [Misfit(("version",), f"{image['framework']} has several versions: name one.", suggestion=newest)]
    if not fitting:
        asked = str(image.get("version"))
        nearest = min(versions, key=lambda version: _distance(version, asked))
        return [
            Misfit(
                ("version",),
                f'The table of images knows no {image["framework"]} "{asked}".',
                f"It is of {table_date()} and has {', '.join(versions[-8:])}.",
                f'The nearest is "{nearest}". A newer one: give the URI of the image.',
            )
        ]
    named = " ".join(filter(None, [str(image["framework"]), str(image.get("version") or "")]))
    based = [line for line in fitting if not line.base or line.base == image.get("base_framework_version")]
    if not based:
        bases = sorted({line.base for line in fitting}, key=_sortable)
        if image.get("base_framework_version") is None and len(bases) == 1:
            based = fitting
        else:
            return [
                Misfit(
                    ("base_framework_version",) if image.get("base_framework_version") else (),
                    f"{named} is built on {', '.join(bases)}.",
                    suggestion=f'Name one: base_framework_version: "{bases[-1]}"',
                )
            ]
    line = based[0]
    python = image.get("py_version")
    if python and line.pythons and python not in line.pythons:
        return [
            Misfit(
                ("py_version",),
                f'{named} has no image for "{python}".',
                suggestion=f"There is: {', '.join(line.pythons)}.",
            )
        ]
    if region not in line.accounts:
        return [
            Misfit(
                (),
                f"There is no {named} image in {region}.",
                suggestion=f"Regions: {', '.join(sorted(line.accounts))}.",
            )
        ]
    if line.processors and _processor(instance_type, line) not in line.processors:
        return [
            Misfit(
                (),
                f"There is no {named} image for {instance_type}: it comes for {', '.join(line.processors)}.",
            )
        ]
    return []


@cache
def table() -> tuple[Image, ...]:
    """Every image that is known; lines of a table of one's own come first.

    Raises:
        PlanformError: that table cannot be read.
    """
    own = os.environ.get(OVERRIDE)
    lines = list(_lines(json.loads(TABLE.read_text())))
    if not own:
        return tuple(lines)
    try:
        return (*_lines(json.loads(Path(own).read_text())), *lines)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanformError(
            f"The table of images {own} cannot be read: {error}.", suggestion=f"{OVERRIDE} names it."
        ) from None


def table_date() -> str:
    return str(json.loads(TABLE.read_text())["date"])


def _lines(document: Mapping[str, Any]) -> Iterator[Image]:
    for framework, entry in document["frameworks"].items():
        for form in entry["images"]:
            yield Image(
                framework,
                tuple(form["versions"]),
                form["repository"],
                document["accounts"][form["accounts"]],
                tuple(form.get("processors", ())),
                tuple(form.get("pythons", ())),
                form.get("base", ""),
                form.get("prefix", ""),
                form.get("containers", {}),
                entry.get("aliases", {}),
            )


def _framework(image: Object) -> str:
    name = str(image["framework"])
    return _SPELLINGS.get(name, name)


def _of_version(lines: list[Image], image: Object) -> list[Image]:
    asked = image.get("version")
    if asked is None:
        return lines[-1:]
    fitting = [line for line in lines if str(asked) in line.versions or line.aliases.get(str(asked)) in line.versions]
    return fitting or ([lines[0]] if len(lines) == 1 and len(lines[0].versions) == 1 and not lines[0].pythons else [])


def _found(image: Object) -> tuple[Image, str]:
    """The line of an image without misfits, and the version as the tag has it."""
    fitting = _of_version([line for line in table() if line.framework == _framework(image)], image)
    based = [line for line in fitting if not line.base or line.base == image.get("base_framework_version")] or fitting
    asked = str(image.get("version") or based[0].versions[-1])
    known = asked in based[0].versions or asked in based[0].aliases
    return based[0], asked if known else based[0].versions[-1]


def _processor(instance_type: str, image: Image) -> str:
    """What the tag says of the processor: `cpu`, `gpu`, `neuron`, or nothing where an image is for all."""
    if not image.processors:
        return ""
    kind = instance_type.removeprefix("ml.").partition(".")[0]
    if kind.startswith(("inf", "trn")):
        return next((item for item in image.processors if item in ("neuron", "neuronx", kind)), kind)
    return "gpu" if kind == "local_gpu" or re.match(r"[gp]\d", kind) else "cpu"


def _domain(region: str) -> str:
    return next((domain for begin, domain in _DOMAINS.items() if region.startswith(begin)), "amazonaws.com")


def _number(base: str) -> str:
    return re.sub(r"^[a-z]+", "", base)


def _sortable(version: str) -> tuple[tuple[int, str], ...]:
    parts = re.split(r"[.\-]|(?<=\D)(?=\d)", version)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)


def _distance(version: str, asked: str) -> tuple[float, ...]:
    """How far two versions are apart, the first number counting most."""
    left, right = ([int(part) for part in re.findall(r"\d+", text)][:4] + [0] * 4 for text in (version, asked))
    return tuple(abs(a - b) for a, b in zip(left[:4], right[:4], strict=True))
