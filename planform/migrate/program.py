"""What a program does, event by event, as drafts of resources."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping

from planform.migrate import queues, requests, tuning, tuning_requests, version2, version3
from planform.migrate.drafts import Conversion, Draft
from planform.migrate.library import BATCH_CALLS, CORE_JOBS, UNPLACED_METHODS, V2_ESTIMATORS, unplaced
from planform.migrate.objects import object_name
from planform.migrate.secrets import hide_secrets
from planform.migrate.sources import Script
from planform.migrate.values import Either, Event, Made, Unknown, Value
from planform.migrate.walk import UNKNOWN_TURN, events_of

TRAINERS = (*V2_ESTIMATORS, "ModelTrainer")
GENERIC = ("estimator", "est", "trainer", "model_trainer", "model", "clf", "job", "training_job", "tuner")


def converted(script: Script, out: str) -> Conversion:
    """The resources of one program, for a module in the folder `out`."""
    folder = os.path.dirname(os.path.abspath(script.file))
    reading = _Reading(Conversion(folder, os.path.abspath(out)), script)
    for event in events_of(script):
        reading.take(event)
    reading.finish()
    return reading.into


class _Reading:
    """The objects of a program that may still become resources."""

    def __init__(self, into: Conversion, script: Script) -> None:
        self.into, self.script = into, script
        self.trainers: dict[int, Event] = {}  # how each was made
        self.tuners: dict[int, Event] = {}
        self.used: set[int] = set()
        self.unplaced: list[Event] = []
        self.regions: dict[str, Event] = {}

    def take(self, event: Event) -> None:
        made, method = event.made, event.method
        self._region(event)
        if method == "":
            self._made(event)
        elif method == "unplaced":
            self._step(event)
        elif method == "exhausted":
            self.into.unsupported(event.place, event.code, "there is more of it than can be followed")
        elif made.kind in TRAINERS and method in ("fit", "train"):
            inputs = event.args.get("inputs", event.args.get("input_data_config"))
            self._run(event, made, inputs, event.args)
        elif made.kind == "HyperparameterTuner" and method in ("fit", "tune"):
            self._tuned(event)
        elif made.kind == "TrainingQueue" and method in ("submit", "map"):
            self._submitted(event)
        elif method == "own":
            why = "a class of the program's own: what it gives to the SDK is not followed"
            self.into.unsupported(event.place, event.code, why)
        elif method == "lost":
            _, comes, file = str(made.get("code", "")).partition(", which comes from ")
            elsewhere = f"what it is called on comes from {file}, which is not read here: migrate that file too"
            why = elsewhere if comes else "what it is called on is known only when the program runs"
            self.into.unsupported(event.place, event.code, why)
        elif method in UNPLACED_METHODS:
            self.into.unsupported(event.place, event.code, UNPLACED_METHODS[method])

    def finish(self) -> None:
        """What was made and never run."""
        for key, event in self.tuners.items():
            if key not in self.used:
                self._tuned(event)
        for key, event in self.trainers.items():
            if key not in self.used:
                self._run(event, event.made, None, {})
                self.into.note(event.place, event.made.kind, "nothing runs it here; planform apply will")
        self._told_unplaced()
        if len(self.regions) == 1:
            self.into.provider["region"] = next(iter(self.regions))
        elif self.regions:
            for region, event in self.regions.items():
                self.into.note(event.place, f"region {region}", "the program names several; say in provider.aws which")
        found = dict.fromkeys(self.into.findings)
        self.into.findings = sorted(found, key=lambda finding: (finding.place.cell, finding.place.line))

    # Events

    def _made(self, event: Event) -> None:
        made = event.made
        if made.kind in TRAINERS:
            self.trainers[id(made)] = event
        elif made.kind == "HyperparameterTuner":
            self.tuners[id(made)] = event
        elif made.kind in BATCH_CALLS:
            draft = self._draft(queues.CALLS[made.kind].type, event)
            queues.batch_object(self.into, made, draft)
            self._keep(draft, event)
        elif made.kind == "create_resources":
            for draft in queues.pair(self.into, made):
                self._keep(draft, event)
        elif made.kind == "create_training_job":
            draft = self._draft("trainer", event)
            requests.trainer(self.into, made.args, draft)
            self._hide_secrets(draft)
            name = made.get("TrainingJobName")
            draft.name = object_name(name) if isinstance(name, str) else draft.name
            self._keep(draft, event)
        elif made.kind == "create_hyper_parameter_tuning_job":
            self._search(event)

    def _search(self, event: Event) -> None:
        """A tuning job as the API is asked for it."""
        draft, name = self._draft(tuning.TYPE, event), event.made.get("HyperParameterTuningJobName")
        draft.name = object_name(name) if isinstance(name, str) else draft.name
        for base in tuning_requests.tuning_job(self.into, event.made.args, draft):
            requests.trainer(self.into, base.request, base.draft)
            self._hide_secrets(base.draft)
            base.draft.name = base.draft.name or draft.name
            self._keep(base.draft, event)
        self._keep(draft, event)

    def _step(self, event: Event) -> None:
        """A step of a pipeline trains too; the rest of a pipeline has no place."""
        job = event.made.get("estimator", event.made.get("tuner"))
        if event.made.kind not in ("TrainingStep", "TuningStep") or not isinstance(job, Made):
            self.unplaced.append(event)
        elif job.kind == "HyperparameterTuner":
            self._tuned(event._replace(made=job, method="fit"))
        else:
            self._run(event, job, event.made.get("inputs"), {})

    def _told_unplaced(self) -> None:
        """Objects without a place, but for those that an argument without a place has told of."""
        for event in self.unplaced:
            why = unplaced(event.made.kind)
            if why and id(event.made) not in self.into.told:
                self.into.unsupported(event.place, event.code, why)

    def _run(self, event: Event, made: Made, inputs: Value, call: Mapping[str, Value]) -> Draft | None:
        """A trainer, of one call that runs it."""
        if made.kind not in TRAINERS:
            self.into.unsupported(event.place, event.code, f"{made.kind} is no trainer that can be followed")
            return None
        self.used.add(id(made))
        draft = self._draft("trainer", event, self.trainers.get(id(made)), made)
        if "accept_eula" in call:
            made.args["accept_eula"] = call["accept_eula"]
        if made.kind == "ModelTrainer":
            version3.trainer(self.into, made, draft, inputs)
        else:
            version2.trainer(self.into, made, draft, inputs)
        if call.get("wait") is False:
            draft.put(("wait",), False)
        self._call_arguments(event, call)
        draft.settings += inputs is not None
        _local(draft, made)
        if draft.body.get("provider") != "local" and "role" not in draft.body:
            draft.put(("role",), Unknown("role", "no role is given: the SDK takes that of who runs it", made.place))
        self._hide_secrets(draft)
        self._keep(draft, event)
        return draft

    def _hide_secrets(self, draft: Draft) -> None:
        for name in hide_secrets(draft):
            why = "AWS would show it to everybody, so plan refuses it: a script can have it from secrets"
            self.into.note(draft.place, name, why)

    def _call_arguments(self, event: Event, call: Mapping[str, Value]) -> None:
        for name, why in (
            ("job_name", "jobs are named after their trainer"),
            ("experiment_config", "experiment tracking has no place; planform runs compare shows runs side by side"),
        ):
            if call.get(name) is not None and event.made.kind in TRAINERS:
                self.into.unsupported(event.place, f"{event.method}({name}=...)", why)

    def _tuned(self, event: Event) -> None:
        """A tuning job, and the trainer that it varies."""
        tuner = event.made
        self.used.add(id(tuner))
        parts = tuning.parts_of(tuner)
        if not parts or not all(isinstance(part.job, Made) for part in parts):
            self.into.unsupported(tuner.place, tuner.code, "what it tunes is known only when the program runs")
            return
        job = self._draft(tuning.TYPE, event, self.tuners.get(id(tuner)), tuner)
        tuning.tuner(self.into, tuner, job)
        for part in parts:
            self.used.add(id(part.job))
            base = tuning.base_of(part)
            draft = self._run(event, base, tuning.inputs_of(part, event.args.get("inputs")), event.args)
            if draft is None:
                return
            draft.name = object_name(part.name) or draft.name
            tuning.searched(self.into, job, part, base, draft)
        self._keep(job, event)

    def _submitted(self, event: Event) -> None:
        job, inputs = event.args.get("training_job"), event.args.get("inputs")
        options = job.options if isinstance(job, Either) else ((job, ()),)
        turns = inputs if event.method == "map" and isinstance(inputs, list) else [inputs]
        if event.method == "map" and not isinstance(inputs, list):
            self.into.note(event.place, event.code, "its inputs are known only when it runs: one trainer, use for_each")
        for made, when in options:
            if not isinstance(made, Made):
                self.into.unsupported(event.place, event.code, "which trainer it submits is known only when it runs")
                continue
            for number, item in enumerate(turns, 1):
                turn = str(number) if len(turns) > 1 else event.turn
                one = event._replace(conditions=(*event.conditions, *when), turn=turn)
                self._enqueue(one, made, item)

    def _enqueue(self, event: Event, made: Made, inputs: Value) -> None:
        draft = self._run(event, made, inputs, {})
        if draft is not None:
            queues.queued(self.into, draft, event.made, event.args, event.place)
            if self._twin(draft):
                self.into.drafts.remove(draft)
                self._again(event)

    # Drafts

    def _draft(self, kind: str, event: Event, origin: Event | None = None, made: Made | None = None) -> Draft:
        made = made or event.made
        conditions = {
            (unknown.name, unknown.code, holds): (unknown, holds)
            for unknown, holds in (*(origin.conditions if origin else ()), *event.conditions)
        }
        turn = event.turn or (origin.turn if origin else "")
        if turn == UNKNOWN_TURN:
            self.into.note(
                event.place, event.code, "in a loop whose turns are known only when it runs: one resource, use for_each"
            )
            turn = ""
        name = _name(made, self.script)
        if object_name(turn) and not {turn, object_name(turn)} & set(name.split("_")):
            name = object_name(f"{name}_{turn}")
        return Draft(kind, name, made.place, made.kind, made=made, conditions=tuple(conditions.values()))

    def _keep(self, draft: Draft, event: Event) -> None:
        """Add a draft; a second run of the same definition is the first one, and what can never be is left out."""
        asked = {(unknown.name, unknown.code) for unknown, _ in draft.conditions}
        if len(asked) < len(draft.conditions):  # both a condition and its opposite
            return
        if event.method not in ("submit", "map") and self._twin(draft):
            self._again(event)
        else:
            self.into.drafts.append(draft)

    def _twin(self, draft: Draft) -> bool:
        return draft.type == "trainer" and any(
            other is not draft and other.type == "trainer" and other.made is draft.made and other.body == draft.body
            for other in self.into.drafts
        )

    def _again(self, event: Event) -> None:
        self.into.note(
            event.place,
            event.code,
            "the same definition again: it is trained once; planform apply --run trains it anew",
        )

    def _region(self, event: Event) -> None:
        made = event.made
        if event.method:
            return
        if made.kind == "boto3.Session" and isinstance(made.get("profile_name"), str):
            self.into.provider["profile"] = made.get("profile_name")
        names = {"boto3.Session": "region_name", "retrieve": "region", "client": "region_name"}
        names |= dict.fromkeys(CORE_JOBS.values(), "Region")
        region = made.get(names.get(made.kind, ""), None)
        if isinstance(region, str) and region:
            self.regions.setdefault(region, event)


def _name(made: Made, script: Script) -> str:
    """What a resource is called: base_job_name, the name in the program, its script, the file."""
    return next(filter(None, map(object_name, _proposals(made, script))), "training")


def _proposals(made: Made, script: Script) -> Iterator[str]:
    for argument in ("base_job_name", "base_tuning_job_name"):
        if isinstance(made.get(argument), str):
            yield made.get(argument)
    for argument in ("serviceEnvironmentName", "jobQueueName", "quotaShareName", "name"):
        if made.kind in BATCH_CALLS and isinstance(made.get(argument), str):
            yield made.get(argument)
    if made.name and made.name.lower() not in GENERIC:
        yield made.name
    code = made.get("source_code")
    entry = made.get("entry_point") or (code.get("entry_script") if isinstance(code, Made) else None)
    if isinstance(entry, str):
        yield os.path.splitext(os.path.basename(entry))[0]
    if isinstance(made.get("model_id"), str):
        yield made.get("model_id")
    yield os.path.splitext(os.path.basename(script.file))[0]


def _local(draft: Draft, made: Made) -> None:
    """Local mode of V2 and V3: containers of this machine."""
    compute = draft.body.get("compute")
    kind = compute.get("instance_type") if isinstance(compute, dict) else None
    session = made.get("sagemaker_session")
    local = isinstance(kind, str) and kind in ("local", "local_gpu", "local_cpu") and made.kind != "ModelTrainer"
    local = local or (isinstance(session, Made) and session.kind == "LocalSession")
    if local or draft.body.get("executor") == "docker":
        draft.body["executor"] = "docker"
        draft.body["provider"] = "local"
        if kind == "local_gpu":
            draft.put(("docker", "gpus"), "all")
