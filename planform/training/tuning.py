"""A tuning job as data: what its trainer is, and how the search goes (S3.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planform.core.executor import Completed, Document, DocumentRead, JobSpec, RunName, Tree, TreeRead
from planform.core.schemas import Misfit
from planform.core.secrets import Seal
from planform.core.values import AttributePath, Object, Value, is_wholly_known, reveal
from planform.training import digest, names
from planform.training.definition import mapping

if TYPE_CHECKING:
    from planform.core.executor import RunRules

NAME_LIMIT = 32  # characters of a tuning job's name (CreateHyperParameterTuningJob)

# Component -> where its value is in a tuning job; those of its trainer keep their own names.
_FIELDS: Mapping[str, AttributePath] = {
    "strategy": ("strategy",),
    "strategy_config": ("strategy_config",),
    "objective": ("objective",),
    "resource_limits.max_number_of_training_jobs": ("resource_limits", "max_number_of_training_jobs"),
    "early_stopping_type": ("early_stopping_type",),
    "tuning_job_completion_criteria": ("tuning_job_completion_criteria",),
    "random_seed": ("random_seed",),
    "warm_start": ("warm_start",),
}
# Fields of which every part counts.
_WHOLE = ("parameter_ranges", *(str(path[0]) for path in _FIELDS.values() if len(path) == 1))


@dataclass(frozen=True, slots=True)
class TuningRules:
    """What a definition of a tuning job is, as data. Implements `planform.core.executor.RunRules`."""

    trainer: RunRules

    def reads(self, desired: Object, folder: str, produced: Mapping[str, str]) -> tuple[TreeRead, ...]:
        found = self.trainer.reads(mapping(desired, "trainer"), folder, produced)
        return tuple(
            read._replace(
                attribute=("trainer", *read.attribute),
                requires=tuple((name, ("trainer", *path)) for name, path in read.requires),
            )
            for read in found
        )

    def scan(self, read: TreeRead) -> Tree | list[Misfit]:
        return self.trainer.scan(read)

    def job(self, desired: Object) -> tuple[Object, float]:
        each = self.trainer.instance_hours(mapping(desired, "trainer"))
        return mapping(desired, "trainer"), self.instance_hours(desired) / each if each else 0.0

    @property
    def image_path(self) -> AttributePath:
        return ("trainer", "training_image")

    def document(self, desired: Object) -> DocumentRead | None:
        return self.trainer.document(mapping(desired, "trainer"))

    def complete(self, desired: Object, written: Object, document: Document) -> Completed:
        found = self.trainer.complete(mapping(desired, "trainer"), mapping(written, "trainer"), document)
        return found._replace(
            object={**desired, "trainer": found.object},
            origins={("trainer", *path): origin for path, origin in found.origins.items()},
            misfits=tuple(misfit._replace(path=("trainer", *misfit.path)) for misfit in found.misfits),
        )

    def components(
        self, desired: Object, trees: Mapping[str, Tree], folder: str, produced: Mapping[str, str], seal: Seal
    ) -> dict[str, str] | None:
        if not all(is_wholly_known(desired.get(name)) for name in _WHOLE):
            return None
        if not is_wholly_known(mapping(desired, "resource_limits").get("max_number_of_training_jobs")):
            return None
        found = self.trainer.components(mapping(desired, "trainer"), trees, folder, produced, seal)
        if found is None:
            return None
        own = {name: digest.text_of(value, seal, path) for name, path, value in _values(desired)}
        return {**found, **own}

    def digest(self, components: Mapping[str, str]) -> str:
        return digest.digest(components)

    def run_id(self, lineage: str, address: str, digest: str, sequence: int) -> str:
        return names.run_id(lineage, address, digest, sequence)

    def job_name(self, base: str, run_id: str) -> str:
        return names.job_name(base, run_id, NAME_LIMIT)

    def hyperparameters(self, desired: Object) -> Object:
        return self.trainer.hyperparameters(mapping(desired, "trainer"))

    def instance_hours(self, desired: Object) -> float:
        each = self.trainer.instance_hours(mapping(desired, "trainer"))
        limits = mapping(desired, "resource_limits")
        parallel, seconds = limits.get("max_parallel_training_jobs"), limits.get("max_runtime_in_seconds")
        most = limits.get("max_number_of_training_jobs") or _grid_size(desired)
        if not isinstance(most, (int, float)):
            return 0.0
        total = each * most
        if not isinstance(parallel, (int, float)) or not isinstance(seconds, (int, float)):
            return total
        # One that starts at the last moment runs to its own end.
        return min(total, parallel * (seconds / 3600 * self._instances(desired) + each))

    def _instances(self, desired: Object) -> float:
        limit = mapping(mapping(desired, "trainer"), "stopping_condition").get("max_runtime_in_seconds", 86400)
        hours = limit / 3600 if isinstance(limit, (int, float)) else 0.0
        return self.trainer.instance_hours(mapping(desired, "trainer")) / hours if hours else 0.0

    def job_spec(
        self,
        planned: Object,
        trees: Mapping[str, Tree],
        folder: str,
        run: RunName,
    ) -> JobSpec:
        base = self.trainer.job_spec(
            mapping(planned, "trainer"),
            trees,
            folder,
            run,
        )
        known = reveal({name: value for name, value in planned.items() if name != "trainer"})
        return base._replace(tuning=known)


def _values(desired: Object) -> Iterator[tuple[str, AttributePath, Value]]:
    """Every value of the search itself: component, place, value."""
    for name, path in _FIELDS.items():
        value: Value = desired.get(str(path[0])) if len(path) == 1 else mapping(desired, str(path[0])).get(str(path[1]))
        if value is not None:
            yield name, path, value
    ranges = mapping(desired, "parameter_ranges")
    for kind in ranges:
        for name, item in mapping(ranges, kind).items():
            yield f"parameter_ranges.{kind}.{name}", ("parameter_ranges", kind, name), item


def _grid_size(desired: Object) -> int | None:
    found = mapping(mapping(desired, "parameter_ranges"), "categorical")
    total = 1
    for values in found.values():
        if not isinstance(values, list):
            return None
        total *= len(values)
    return total if found else None
