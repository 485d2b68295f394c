"""Tags: what planform writes on everything it makes (S4.2), and what a team's settings ask for."""

from __future__ import annotations

from collections.abc import Mapping

from planform.core.executor import JobSpec
from planform.core.resource import Planned
from planform.core.schemas import Misfit
from planform.core.values import Object, Value, reveal

LINEAGE, ADDRESS, WORKSPACE, RUN = "planform:lineage", "planform:address", "planform:workspace", "planform:run"


def own_tags(planned: Planned) -> dict[str, str]:
    """By which an object is known again. Values of tags take no brackets or quotes: an address is written plainly."""
    return {LINEAGE: planned.lineage, ADDRESS: tag_text(str(planned.address)), WORKSPACE: planned.workspace}


def job_tags(spec: JobSpec) -> dict[str, str]:
    """By which a job is known again."""
    return {LINEAGE: spec.lineage, ADDRESS: tag_text(spec.address), WORKSPACE: spec.workspace, RUN: spec.run_id}


def tag_text(text: str) -> str:
    """Text as the value of a tag may be: letters, digits, spaces and _.:/=+-@, at most 256."""
    plain = text.replace('["', "@").replace('"]', "").replace("[", "@").replace("]", "")
    return "".join(letter if letter.isalnum() or letter in " _.:/=+-@" else "_" for letter in plain)[:256]


def tags_of(settings: Object, body: Object) -> dict[str, str]:
    """The tags of an object: the provider's defaults, over them its own."""
    defaults, own = settings.get("default_tags") or {}, body.get("tags") or {}
    return {key: str(value) for key, value in {**defaults, **own}.items()}


def ours(tags: Mapping[str, str], planned: Planned) -> bool:
    """Whether an object with these tags was made for this address of this state."""
    wanted = own_tags(planned)
    return all(tags.get(key) == wanted[key] for key in (LINEAGE, ADDRESS))


def missing_tags(settings: Object, desired: Object) -> list[Misfit]:
    """The required tags that neither the object nor the provider's defaults have."""
    required = settings.get("required_tags") or ()
    own: Value = reveal(desired.get("tags"))
    if own is not None and not isinstance(own, dict):
        return []
    present = {**(settings.get("default_tags") or {}), **(own or {})}
    missing = [key for key in required if key not in present]
    if not missing:
        return []
    return [
        Misfit(
            ("tags",) if own else (),
            f"The tag{'s' * (len(missing) > 1)} {', '.join(missing)} {'are' if len(missing) > 1 else 'is'} required.",
            "provider.aws.required_tags asks for it.",
            f"Add it: tags: {{{missing[0]}: ...}}, or set it in provider.aws.default_tags.",
        )
    ]
