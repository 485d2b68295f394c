"""What SageMaker would refuse of a tuning job, refused when it is planned, where it stands."""

from __future__ import annotations

from planform.core.schemas import Misfit
from planform.core.values import Object, reveal
from planform.providers.aws.clients import Clients
from planform.providers.aws.jobs.plan_check import bucket_note, known_part, stand_in
from planform.providers.aws.jobs.request import place_of
from planform.providers.aws.jobs.service_rules import rules
from planform.providers.aws.jobs.tuning_request import attribute_of, tuning_job
from planform.providers.aws.jobs.validation import input_shape, refused, unknown_instance_types
from planform.providers.aws.tags import OWN_TAGS, tag_misfits, tags_of
from planform.resources import treatment
from planform.training.definition import mapping, plain

OPERATION = "CreateHyperParameterTuningJob"


def misfits_of(clients: Clients, executor: str, desired: Object) -> tuple[list[Misfit], list[str]]:
    """What is refused of a tuning job, and notes on what it ignores."""
    from planform.resources.tuning_job import SCHEMA

    trainer = mapping(desired, "trainer")
    found, notes = treatment(SCHEMA, executor, desired)
    found += tag_misfits(clients.settings, desired, OWN_TAGS + 1)
    found += [misfit._replace(path=("trainer", *misfit.path)) for misfit in rules(clients, trainer)]
    found += _executors(trainer)
    if any(misfit.path[:2] == ("trainer", "training_image") for misfit in found):
        return found, notes
    notes += bucket_note(clients, trainer)
    if trainer.get("source_code") is not None and isinstance(plain(trainer.get("training_image")), str):
        notes.append("the image must have sagemaker-training: a tuning job starts it by its own entry point")
    body, open_parts = known_part(reveal(trainer))
    tuning, more = known_part(reveal({name: value for name, value in desired.items() if name != "trainer"}))
    open_parts = open_parts or more
    try:
        tags = tags_of(clients.settings, tuning)
        request = tuning_job(tuning, body, "stand-in", stand_in(clients, body), clients.settings, tags)
    except KeyError:
        if not open_parts:
            raise
        return found, notes  # a block has an unknown part: apply knows it, and the API is asked then
    seen = {misfit.path for misfit in found}
    for member, problem, advice in refused(request, input_shape("sagemaker", OPERATION)):
        path = attribute_of(member, request)
        if member[:1] == ("TrainingJobDefinition",) and path[:1] in ((), ("trainer",)):
            path = ("trainer", *(place_of(member[1:], body) or path[1:]))
        if path in seen or (open_parts and problem == "it is required."):
            continue
        seen.add(path)
        what = ".".join(map(str, member))
        found.append(Misfit(path, f"SageMaker would refuse {what}: {problem}", suggestion=advice))
    definition = request["TrainingJobDefinition"]
    notes += [f"this version of botocore does not know {text}" for text in unknown_instance_types(definition)]
    return found, notes


def _executors(trainer: Object) -> list[Misfit]:
    chosen = plain(trainer.get("executor"))
    if chosen in (None, "sagemaker") or not isinstance(chosen, str):
        return []
    why = f'The training jobs of a tuning job on AWS are started by SageMaker, not by executor "{chosen}".'
    return [Misfit(("trainer", "executor"), why, suggestion="Leave it out, or say sagemaker.")]
