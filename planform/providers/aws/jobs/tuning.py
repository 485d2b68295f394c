"""The executor `sagemaker-tuning`: hyperparameter tuning jobs, whose training jobs SageMaker starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planform.core.errors import ProviderError
from planform.core.executor import JobSpec, Launched, Tell, silent
from planform.core.schemas import Misfit
from planform.core.state import TUNING, Run, RunStatus, Trial, progress
from planform.core.values import Object
from planform.providers.aws.clients import AwsError, Clients
from planform.providers.aws.data import utc
from planform.providers.aws.jobs.jobs import described, observed, placed_for, retag, settled, watched
from planform.providers.aws.jobs.logs import downloaded, lines_of
from planform.providers.aws.jobs.plan_check import known_image
from planform.providers.aws.jobs.status import of_tuning_job, trial_of
from planform.providers.aws.jobs.tuning_check import misfits_of
from planform.providers.aws.jobs.tuning_request import Trained, definitions_in, output_path, tuning_job
from planform.providers.aws.tags import LINEAGE, RUN, job_tags, tags_of
from planform.training.objectives import Objective, joint

Described = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TuningExecutor:
    """Tuning jobs of SageMaker."""

    clients: Clients
    # Run -> how many of its jobs stood how, and its trials then: they are listed again when that changes.
    listed: dict[str, tuple[Described, tuple[Trial, ...]]] = field(default_factory=dict)
    name: str = f"sagemaker{TUNING}"

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        return misfits_of(self.clients, self.name, desired)

    def image(self, trainer: Object) -> str:
        return known_image(self.clients, trainer)

    def predict(self, job_name: str, run_id: str, address: str) -> Object:
        return {"job_arn": self.clients.where().arn("sagemaker", f"hyper-parameter-tuning-job/{job_name}")}

    def find(self, job: str) -> Run | None:
        answer = described_tuning_job(self.clients, job.rpartition("/")[2])
        if answer is None:
            return None
        name = answer["HyperParameterTuningJobName"]
        run = Run(
            id="",
            address="",
            number=0,
            digest="",
            components={},
            job_name=name,
            job_arn=answer["HyperParameterTuningJobArn"],
            provider="",
            executor=self.name,
            launched_at=utc(answer.get("CreationTime")) or "",
            hyperparameters=_given(answer),
        )
        return progress(run, self._look(run))

    def launch(self, spec: JobSpec, tell: Tell = silent) -> Launched:
        tuning = spec.tuning or {}
        tags = {**tags_of(self.clients.settings, tuning), **job_tags(spec)}
        trained = {
            name: Trained(dict(job.extra), placed_for(self.clients, job, tell)) for name, job in spec.trained.items()
        }
        request = tuning_job(tuning, trained, spec.job_name, self.clients.settings, tags)
        try:
            answer = self.clients.call("sagemaker", "create_hyper_parameter_tuning_job", **request)
        except ProviderError as error:
            return self._adopted(spec, error)
        output = output_path(request)
        arn = answer["HyperParameterTuningJobArn"]
        return Launched(arn, RunStatus("queued", output_path=output), output_path=output)

    def _adopted(self, spec: JobSpec, error: ProviderError) -> Launched:
        """The job that an earlier try made, whose answer was lost (S4.2).

        Raises:
            ProviderError: there is none, or it is somebody else's.
        """
        answer = described_tuning_job(self.clients, spec.job_name)
        if answer is None:
            raise error
        arn = answer["HyperParameterTuningJobArn"]
        told = {
            item["Key"]: item["Value"] for item in self.clients.pages("sagemaker", "list_tags", "Tags", ResourceArn=arn)
        }
        if (told.get(RUN), told.get(LINEAGE)) != (spec.run_id, spec.lineage):
            raise ProviderError(
                f"A tuning job {spec.job_name} exists, and is not of this state.",
                suggestion="Names of jobs are for ever: change planform.name, or the definition.",
            ) from None
        status = of_tuning_job(answer, (), None)
        return Launched(arn, status, output_path=status.output_path)

    def observe(self, runs: Sequence[Run]) -> Mapping[str, RunStatus]:
        return observed(self.clients, runs, self._look)

    def _look(self, run: Run) -> RunStatus:
        answer = described_tuning_job(self.clients, run.job_name)
        if answer is None and run.status == "launching":
            return RunStatus("queued", missing=True)
        if answer is None:
            answer = settled(self.clients, lambda: described_tuning_job(self.clients, run.job_name))
        if answer is None:
            return RunStatus("stopped", reason="SageMaker no longer knows the tuning job")
        trials = self._trials(run, answer)
        best = (answer.get("BestTrainingJob") or {}).get("TrainingJobName", "")
        ended = answer["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped")
        # Only its own description has all metrics of a job, and where its model is.
        job = described(self.clients, best) if best and ended else None
        return of_tuning_job(answer, trials, job)

    def _trials(self, run: Run, answer: Described) -> tuple[Trial, ...]:
        counters = {**answer["TrainingJobStatusCounters"], **answer["ObjectiveStatusCounters"]}
        known = self.listed.get(run.id)
        # That a job has begun to train no counter tells.
        if known is not None and known[0] == counters and all(trial.status != "queued" for trial in known[1]):
            return known[1]
        metrics = {name: item["metric_name"] for name, item in _objectives(answer).items()}
        found = tuple(self._listed(run.job_name, metrics))
        self.listed[run.id] = (counters, found)
        return found

    def _listed(self, job_name: str, metrics: Mapping[str, str]) -> list[Trial]:
        """The training jobs of a tuning job by number; `metrics` names the objective of each definition."""
        operation, key = "list_training_jobs_for_hyper_parameter_tuning_job", "TrainingJobSummaries"
        order = {"SortBy": "CreationTime", "SortOrder": "Ascending"}
        found = self.clients.pages("sagemaker", operation, key, HyperParameterTuningJobName=job_name, **order)
        trials = (trial_of(item, place, metrics) for place, item in enumerate(found, start=1))
        return sorted(trials, key=lambda trial: trial.number)

    def watch(self, runs: Sequence[Run], changed: Callable[[Run, RunStatus], None], stop: Callable[[], bool]) -> None:
        watched(self.clients, runs, self.observe, changed, stop)

    def adjust(self, run: Run, desired: Object) -> None:
        answer = described_tuning_job(self.clients, run.job_name)
        if answer is not None:
            retag(self.clients, answer["HyperParameterTuningJobArn"], desired)

    def stop(self, run: Run) -> None:
        try:
            self.clients.call("sagemaker", "stop_hyper_parameter_tuning_job", HyperParameterTuningJobName=run.job_name)
        except AwsError as error:
            if error.code != "ValidationException":  # it has ended
                raise

    def logs(self, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        chosen, _, host = (node or "").partition("/")
        if not chosen.startswith("trial-"):
            chosen, host = "", node or ""
        read: set[str] = set()
        while True:
            over = not follow or self._look(run).status in ("succeeded", "failed", "stopped")
            for trial in self._listed(run.job_name, {}):
                title = f"trial-{trial.number}"
                if chosen in ("", title) and trial.job_name not in read:
                    read.add(trial.job_name)
                    for told, line in self._lines(trial.job_name, host or None, follow):
                        yield f"{title}/{told}", line
            if over:
                return
            time.sleep(float(self.clients.settings.get("poll_interval_in_seconds", 5)))

    def _lines(self, job_name: str, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        return lines_of(self.clients, lambda: job_name, node, follow, lambda: self._ended(job_name))

    def _ended(self, job_name: str) -> bool:
        job = described(self.clients, job_name)
        return job is None or job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped")

    def metric_history(self, run: Run) -> Mapping[str, Sequence[tuple[float, float]]]:
        from planform.training.metrics import objective_history

        answer = described_tuning_job(self.clients, run.job_name)
        if answer is None:
            return {}
        objective = joint(_objectives(answer))
        return objective_history(run, objective["metric_name"], objective["type"])

    def download(self, run: Run, folder: Path) -> tuple[str, ...]:
        best = next((trial.job_name for trial in run.trials if trial.number == run.best), "")
        return downloaded(self.clients, best, folder)

    def resume(self) -> None:
        """Nothing waits for this machine."""


def _objectives(answer: Described) -> dict[str, Objective]:
    """The objective of each definition by its name; that of the only one may stand beside it."""
    common = answer["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective")
    found = {
        "" if "TrainingJobDefinition" in answer else item["DefinitionName"]: common or item["TuningObjective"]
        for item in definitions_in(answer)
    }
    return {name: {"metric_name": item["MetricName"], "type": item["Type"]} for name, item in found.items()}


def _given(answer: Described) -> Object:
    """The hyperparameters that are not searched: of several definitions those of each, by its name."""
    static = [dict(item.get("StaticHyperParameters") or {}) for item in definitions_in(answer)]
    if answer.get("TrainingJobDefinition"):
        return static[0]
    return {item["DefinitionName"]: given for item, given in zip(definitions_in(answer), static, strict=True)}


def described_tuning_job(clients: Clients, job_name: str) -> Described | None:
    """The answer of DescribeHyperParameterTuningJob; None when there is no such job."""
    try:
        answer: Described = clients.call(
            "sagemaker", "describe_hyper_parameter_tuning_job", HyperParameterTuningJobName=job_name
        )
    except AwsError as error:
        if error.code in ("ResourceNotFound", "ValidationException") and "not" in error.message.lower():
            return None
        raise
    return answer
