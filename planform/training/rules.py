"""The rules of runs, as the engine is handed them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planform.core.executor import Completed, Document, DocumentRead, Jobs, JobSpec, RunName, RunRules, Tree, TreeRead
from planform.core.schemas import Misfit
from planform.core.secrets import Seal
from planform.core.values import Object
from planform.training import digest, job_spec, jumpstart, names, parameters, source_tree
from planform.training.definition import data_read, driver_read, inputs, mapping, plain, source_read
from planform.training.tuning import TuningRules


@dataclass(frozen=True, slots=True)
class TrainingRules:
    """What a definition of a trainer is, as data. Implements `planform.core.executor.RunRules`."""

    def reads(self, desired: Object, folder: str, produced: Mapping[str, str]) -> tuple[TreeRead, ...]:
        data = (data_read(item, folder, produced) for item in inputs(desired))
        found = (source_read(desired, folder), driver_read(desired, folder), *data)
        return tuple(read for read in found if read is not None)

    def scan(self, read: TreeRead) -> Tree | list[Misfit]:
        return source_tree.scan(read)

    def trainers(self, desired: Object) -> tuple[Jobs, ...]:
        # One that is never run by itself is completed by who takes it.
        return (Jobs((), desired, open=plain(desired.get("run")) == "manual"),)

    def times(self, desired: Object) -> tuple[float | None, ...]:
        return (1.0,)

    def document(self, trainer: Object) -> DocumentRead | None:
        return jumpstart.wanted(trainer)

    def complete(self, jobs: Jobs, written: Object, document: Document | None) -> Completed:
        if document is not None:
            return jumpstart.completed(jobs, written, document)
        algorithm = parameters.algorithm_of(jobs.trainer)
        return (
            parameters.with_judgement(Completed(jobs.trainer), algorithm, jobs)
            if algorithm
            else Completed(jobs.trainer)
        )

    def components(
        self, desired: Object, trees: Mapping[str, Tree], folder: str, produced: Mapping[str, str], seal: Seal
    ) -> dict[str, str] | None:
        return digest.components(desired, trees, folder, produced, seal)

    def digest(self, components: Mapping[str, str]) -> str:
        return digest.digest(components)

    def run_id(self, lineage: str, address: str, digest: str, sequence: int) -> str:
        return names.run_id(lineage, address, digest, sequence)

    def job_name(self, base: str, run_id: str) -> str:
        return names.job_name(base, run_id)

    def hyperparameters(self, desired: Object) -> Object:
        return mapping(desired, "hyperparameters")

    def job_spec(
        self,
        planned: Object,
        trees: Mapping[str, Tree],
        folder: str,
        run: RunName,
    ) -> JobSpec:
        return job_spec.job_spec(
            planned,
            trees,
            folder,
            run,
        )


RULES: Mapping[str, RunRules] = {"trainer": TrainingRules(), "tuning_job": TuningRules(TrainingRules())}
