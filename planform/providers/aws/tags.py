"""Tags: what planform writes on everything it makes (S4.2), and what a team's settings ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planform.core.executor import JobSpec
from planform.core.resource import Planned
from planform.core.schemas import Misfit
from planform.core.values import Object, Value, is_wholly_known, reveal

OWN_TAGS = 3  # of planform on each object: lineage, address, workspace
MOST_TAGS = 50
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


def tag_misfits(settings: Object, desired: Object, own: int) -> list[Misfit]:
    """Tags that are missing, taken or too many; `own` are planform's on such an object."""
    return [*_missing(settings, desired), *_taken(settings, desired), *_too_many(settings, desired, own)]


def _taken(settings: Object, desired: Object) -> Iterator[Misfit]:
    """AWS keeps `aws:` for itself, and planform what objects are known again by."""
    given = reveal(desired.get("tags"))
    for key in {**(settings.get("default_tags") or {}), **(given if isinstance(given, dict) else {})}:
        if key.lower().startswith(("aws:", "planform:")):
            written = isinstance(given, dict) and key in given
            yield Misfit(
                ("tags", key) if written else (),
                f'A tag cannot begin with "{key.partition(":")[0]}:", as {key} does: it is taken.',
                "" if written else "provider.aws.default_tags has it.",
                "Name it otherwise.",
            )


def _too_many(settings: Object, desired: Object, own: int) -> Iterator[Misfit]:
    tags, room = (
        tags_of(settings, reveal(desired)) if is_wholly_known(desired.get("tags")) else {},
        MOST_TAGS - own,
    )
    if len(tags) > room:
        yield Misfit(
            ("tags",) if desired.get("tags") else (),
            f"{len(tags)} tags are too many: AWS takes {MOST_TAGS}, and {own} of them are planform's.",
            "The default_tags of the provider count.",
        )


def _missing(settings: Object, desired: Object) -> list[Misfit]:
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
