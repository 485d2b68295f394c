"""The executor `sagemaker`: training jobs, launched at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planform.core.errors import ProviderError
from planform.core.executor import JobSpec, Launched, Tell, silent
from planform.core.schemas import Misfit
from planform.core.state import Run, RunStatus
from planform.core.values import Object
from planform.providers.aws.clients import AwsError, Clients
from planform.providers.aws.jobs.jobs import adjust_job, described, found_job, observed, request_of, settled, watched
from planform.providers.aws.jobs.logs import downloaded, lines_of, metric_points
from planform.providers.aws.jobs.plan_check import known_image, misfits_of
from planform.providers.aws.jobs.status import of_training_job
from planform.providers.aws.tags import LINEAGE, RUN


@dataclass(frozen=True, slots=True)
class SageMakerExecutor:
    """Training jobs, launched at once."""

    clients: Clients
    name: str = "sagemaker"

    def check(self, desired: Object) -> tuple[list[Misfit], list[str]]:
        return misfits_of(self.clients, self.name, desired)

    def image(self, desired: Object) -> str:
        return known_image(self.clients, desired)

    def predict(self, job_name: str, run_id: str, address: str) -> Object:
        return {"job_arn": self.clients.where().arn("sagemaker", f"training-job/{job_name}")}

    def launch(self, spec: JobSpec, tell: Tell = silent) -> Launched:
        request = request_of(self.clients, spec, tell)
        try:
            answer = self.clients.call("sagemaker", "create_training_job", **request)
        except ProviderError as error:
            return self._adopted(spec, error)
        output = request["OutputDataConfig"]["S3OutputPath"]
        return Launched(answer["TrainingJobArn"], RunStatus("queued", output_path=output), output_path=output)

    def _adopted(self, spec: JobSpec, error: ProviderError) -> Launched:
        """The job that an earlier try made, whose answer was lost (S4.2).

        Raises:
            ProviderError: there is none, or it is somebody else's.
        """
        answer = described(self.clients, spec.job_name)
        if answer is None:
            raise error
        tags = self.clients.pages("sagemaker", "list_tags", "Tags", ResourceArn=answer["TrainingJobArn"])
        told = {item["Key"]: item["Value"] for item in tags}
        if (told.get(RUN), told.get(LINEAGE)) != (spec.run_id, spec.lineage):
            raise ProviderError(
                f"A training job {spec.job_name} exists, and is not of this state.",
                suggestion="Names of jobs are for ever: change planform.name, or the definition.",
            ) from None
        status = of_training_job(answer)
        return Launched(answer["TrainingJobArn"], status, output_path=status.output_path)

    def find(self, job: str) -> Run | None:
        answer = described(self.clients, job.rpartition("/")[2])
        return found_job(answer, of_training_job(answer), self.name) if answer is not None else None

    def observe(self, runs: Sequence[Run]) -> Mapping[str, RunStatus]:
        return observed(self.clients, runs, self._look)

    def _look(self, run: Run) -> RunStatus:
        answer = described(self.clients, run.job_name)
        if answer is not None:
            return of_training_job(answer)
        if run.status == "launching":
            return RunStatus("queued", missing=True)
        answer = settled(self.clients, lambda: described(self.clients, run.job_name))
        if answer is not None:
            return of_training_job(answer)
        return RunStatus("stopped", reason="SageMaker no longer knows the job")

    def watch(self, runs: Sequence[Run], changed: Callable[[Run, RunStatus], None], stop: Callable[[], bool]) -> None:
        watched(self.clients, runs, self.observe, changed, stop)

    def adjust(self, run: Run, desired: Object) -> None:
        adjust_job(self.clients, run.job_name, desired)

    def stop(self, run: Run) -> None:
        try:
            self.clients.call("sagemaker", "stop_training_job", TrainingJobName=run.job_name)
        except AwsError as error:
            if error.code != "ValidationException":  # it has ended
                raise

    def logs(self, run: Run, node: str | None, follow: bool) -> Iterator[tuple[str, str]]:
        return lines_of(self.clients, lambda: run.job_name, node, follow, lambda: self._ended(run))

    def metric_history(self, run: Run) -> Mapping[str, Sequence[tuple[float, float]]]:
        return metric_points(self.clients, described(self.clients, run.job_name))

    def download(self, run: Run, folder: Path) -> tuple[str, ...]:
        return downloaded(self.clients, run.job_name, folder)

    def resume(self) -> None:
        """Nothing waits for this machine."""

    def _ended(self, run: Run) -> bool:
        return self._look(run).status in ("succeeded", "failed", "stopped")
