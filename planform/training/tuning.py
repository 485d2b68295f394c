"""A tuning job as data: what its trainers are, and how the search goes (S3.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planform.core.executor import Completed, Document, DocumentRead, Jobs, JobSpec, RunName, Tree, TreeRead
from planform.core.schemas import Misfit
from planform.core.secrets import Seal
from planform.core.tuning import DEFINITIONS, Definition, definitions_of
from planform.core.values import AttributePath, Object, Value, is_wholly_known, reveal
from planform.training import digest, names
from planform.training.definition import mapping

if TYPE_CHECKING:
    from planform.core.executor import RunRules

NAME_LIMIT = 32  # characters of a tuning job's name (CreateHyperParameterTuningJob)

# Component -> where its value is in a tuning job; those of its definitions keep their own names.
_FIELDS: Mapping[str, AttributePath] = {
    "strategy": ("strategy",),
    "strategy_config": ("strategy_config",),
    "resource_limits.max_number_of_training_jobs": ("resource_limits", "max_number_of_training_jobs"),
    "early_stopping_type": ("early_stopping_type",),
    "tuning_job_completion_criteria": ("tuning_job_completion_criteria",),
    "random_seed": ("random_seed",),
    "warm_start": ("warm_start",),
    "autotune": ("autotune",),
}
# Fields of which every part counts.
_WHOLE = tuple(str(path[0]) for path in _FIELDS.values() if len(path) == 1)
_OF_DEFINITION = ("objective", "parameter_ranges")


@dataclass(frozen=True, slots=True)
class TuningRules:
    """What a definition of a tuning job is, as data. Implements `planform.core.executor.RunRules`."""

    trainer: RunRules

    def reads(self, desired: Object, folder: str, produced: Mapping[str, str]) -> tuple[TreeRead, ...]:
        return tuple(
            read._replace(
                attribute=(*place, *read.attribute),
                requires=tuple((name, (*place, *path)) for name, path in read.requires),
            )
            for place, trainer, *_ in self.trainers(desired)
            for read in self.trainer.reads(trainer, folder, produced)
        )

    def scan(self, read: TreeRead) -> Tree | list[Misfit]:
        return self.trainer.scan(read)

    def trainers(self, desired: Object) -> tuple[Jobs, ...]:
        tuned = desired.get("autotune") is not None
        return tuple(
            Jobs((*item.path, "trainer"), item.trainer, item.part("parameter_ranges"), tuned)
            for item in definitions_of(desired)
        )

    def times(self, desired: Object) -> tuple[float | None, ...]:
        return tuple(_times(mapping(desired, "resource_limits"), item) for item in definitions_of(desired))

    def document(self, trainer: Object) -> DocumentRead | None:
        return self.trainer.document(trainer)

    def complete(self, jobs: Jobs, written: Object, document: Document | None) -> Completed:
        return self.trainer.complete(jobs, written, document)

    def components(
        self, desired: Object, trees: Mapping[str, Tree], folder: str, produced: Mapping[str, str], seal: Seal
    ) -> dict[str, str] | None:
        definitions = definitions_of(desired)
        if not definitions or not all(is_wholly_known(desired.get(name)) for name in _WHOLE):
            return None
        if not is_wholly_known(mapping(desired, "resource_limits").get("max_number_of_training_jobs")):
            return None
        found = {name: digest.text_of(value, seal, path) for name, path, value in _values(desired)}
        for item in definitions:
            if not all(is_wholly_known(item.body.get(name)) for name in _OF_DEFINITION):
                return None
            parts = self.trainer.components(item.trainer, trees, folder, produced, seal)
            if parts is None:
                return None
            own = {name: digest.text_of(value, seal, (*item.path, *path)) for name, path, value in _searched(item)}
            prefix = f"{DEFINITIONS}.{item.name}." if item.name else ""
            found |= {f"{prefix}{name}": text for name, text in {**parts, **own}.items()}
        return found

    def digest(self, components: Mapping[str, str]) -> str:
        return digest.digest(components)

    def run_id(self, lineage: str, address: str, digest: str, sequence: int) -> str:
        return names.run_id(lineage, address, digest, sequence)

    def job_name(self, base: str, run_id: str) -> str:
        return names.job_name(base, run_id, NAME_LIMIT)

    def hyperparameters(self, desired: Object) -> Object:
        """Of several definitions those of each, by its name."""
        found = {item.name: self.trainer.hyperparameters(item.trainer) for item in definitions_of(desired)}
        return found.get("", found)

    def job_spec(
        self,
        planned: Object,
        trees: Mapping[str, Tree],
        folder: str,
        run: RunName,
    ) -> JobSpec:
        definitions = definitions_of(planned)
        jobs = {item.name: self.trainer.job_spec(item.trainer, trees, folder, run) for item in definitions}
        search = reveal({name: value for name, value in planned.items() if name not in ("trainer", DEFINITIONS)})
        if "" not in jobs:
            search[DEFINITIONS] = {
                item.name: reveal({name: item.body[name] for name in _OF_DEFINITION if name in item.body})
                for item in definitions
            }
        return next(iter(jobs.values()))._replace(tuning=search, trained=jobs)


def _values(desired: Object) -> Iterator[tuple[str, AttributePath, Value]]:
    """Every value of the search itself: component, place, value."""
    for name, path in _FIELDS.items():
        value: Value = desired.get(str(path[0])) if len(path) == 1 else mapping(desired, str(path[0])).get(str(path[1]))
        if value is not None:
            yield name, path, value


def _searched(definition: Definition) -> Iterator[tuple[str, AttributePath, Value]]:
    """Every value of what is searched in one definition."""
    if definition.body.get("objective") is not None:
        yield "objective", ("objective",), definition.body["objective"]
    ranges = definition.part("parameter_ranges")
    for kind in ranges:
        for name, item in mapping(ranges, kind).items():
            yield f"parameter_ranges.{kind}.{name}", ("parameter_ranges", kind, name), item


def _times(limits: Object, definition: Definition) -> float | None:
    parallel, seconds = limits.get("max_parallel_training_jobs"), limits.get("max_runtime_in_seconds")
    longest = mapping(definition.trainer, "stopping_condition").get("max_runtime_in_seconds", 86400)
    most = limits.get("max_number_of_training_jobs") or _grid_size(definition)
    bounds = [float(most)] if isinstance(most, (int, float)) else []
    if all(isinstance(item, (int, float)) for item in (parallel, seconds, longest)) and longest:
        bounds.append(parallel * (seconds / longest + 1))  # one that starts at the last moment runs to its own end
    return min(bounds, default=None)


def _grid_size(definition: Definition) -> int | None:
    found = mapping(definition.part("parameter_ranges"), "categorical")
    total = 1
    for values in found.values():
        if not isinstance(values, list):
            return None
        total *= len(values)
    return total if found else None
