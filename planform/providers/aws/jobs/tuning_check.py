"""What SageMaker would refuse of a tuning job, refused when it is planned, where it stands."""

from __future__ import annotations

from collections.abc import Sequence

from planform.core.schemas import Misfit
from planform.core.tuning import DEFINITIONS, Definition, definitions_of
from planform.core.values import Object, reveal
from planform.providers.aws.clients import Clients
from planform.providers.aws.jobs.plan_check import bucket_note, known_part, stand_in
from planform.providers.aws.jobs.service_rules import rules
from planform.providers.aws.jobs.tuning_request import Trained, attribute_of, definitions_in, tuning_job
from planform.providers.aws.jobs.validation import input_shape, refused, unknown_instance_types
from planform.providers.aws.tags import OWN_TAGS, tag_misfits, tags_of
from planform.resources import treatment
from planform.training.definition import mapping, plain

OPERATION = "CreateHyperParameterTuningJob"
MOST_VARIABLES = 48  # HyperParameterTrainingJobDefinition.Environment


def misfits_of(clients: Clients, executor: str, desired: Object) -> tuple[list[Misfit], list[str]]:
    """What is refused of a tuning job, and notes on what it ignores."""
    from planform.resources.tuning_job import SCHEMA

    definitions = definitions_of(desired)
    found, notes = treatment(SCHEMA, executor, desired)
    found += tag_misfits(clients.settings, desired, OWN_TAGS + 1)
    for item in definitions:
        of_trainer = [*rules(clients, item.trainer), *_executors(item.trainer)]
        found += [misfit._replace(path=(*item.path, "trainer", *misfit.path)) for misfit in of_trainer]
        if item.trainer.get("source_code") is not None and isinstance(plain(item.trainer.get("training_image")), str):
            notes.append("the image must have sagemaker-training: a tuning job starts it by its own entry point")
    found += _too_many_variables(definitions)
    if not definitions or any("training_image" in misfit.path for misfit in found):
        return found, list(dict.fromkeys(notes))
    notes += [note for item in definitions for note in bucket_note(clients, item.trainer)]
    trained, open_parts = dict[str, Trained](), False
    for item in definitions:
        body, more = known_part(reveal(item.trainer))
        trained[item.name], open_parts = Trained(body, stand_in(clients, body)), open_parts or more
    tuning, more = known_part(reveal(_without_trainers(desired, definitions)))
    open_parts = open_parts or more
    try:
        request = tuning_job(tuning, trained, "stand-in", clients.settings, tags_of(clients.settings, tuning))
    except KeyError:
        if not open_parts:
            raise
        return found, list(dict.fromkeys(notes))  # apply knows the unknown part of a block, and the API is asked then
    seen = {misfit.path for misfit in found}
    for member, problem, advice in refused(request, input_shape("sagemaker", OPERATION)):
        path = attribute_of(member, request, {name: item.body for name, item in trained.items()})
        if path in seen or (open_parts and problem == "it is required."):
            continue
        seen.add(path)
        what = ".".join(map(str, member))
        found.append(Misfit(path, f"SageMaker would refuse {what}: {problem}", suggestion=advice))
    unknown = dict.fromkeys(text for form in definitions_in(request) for text in unknown_instance_types(form))
    notes += [f"this version of botocore does not know {text}" for text in unknown]
    return found, list(dict.fromkeys(notes))


def _without_trainers(desired: Object, definitions: Sequence[Definition]) -> Object:
    search = {name: value for name, value in desired.items() if name != "trainer"}
    if search.get(DEFINITIONS) is not None:
        search[DEFINITIONS] = {
            item.name: {name: value for name, value in item.body.items() if name != "trainer"} for item in definitions
        }
    return search


def _too_many_variables(definitions: Sequence[Definition]) -> list[Misfit]:
    """All definitions together have as many environment variables as one may have."""
    total = sum(len(mapping(item.trainer, "environment")) for item in definitions)
    if len(definitions) < 2 or total <= MOST_VARIABLES:
        return []
    why = f"{total} environment variables in all definitions together are too many: at most {MOST_VARIABLES}."
    return [Misfit((DEFINITIONS,), why)]


def _executors(trainer: Object) -> list[Misfit]:
    chosen = plain(trainer.get("executor"))
    if chosen in (None, "sagemaker") or not isinstance(chosen, str):
        return []
    why = f'The training jobs of a tuning job on AWS are started by SageMaker, not by executor "{chosen}".'
    return [Misfit(("trainer", "executor"), why, suggestion="Leave it out, or say sagemaker.")]
