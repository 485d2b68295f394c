"""What the engine is handed: the schemas, the providers and the rules of runs. Made once, by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from planform.core.executor import Executor, RunRules, Tell, Tree, TreeRead, silent
from planform.core.resource import Handler, Provider
from planform.core.schemas import Misfit, Schema
from planform.core.state import Run
from planform.core.values import Object


@dataclass(frozen=True, slots=True)
class Edges:
    schemas: Mapping[str, Schema]
    provider: Callable[[str], Provider]  # by name; raises PlanformError for one that is not there
    rules: Mapping[str, RunRules]  # by type
    images: Mapping[str, str] = field(default_factory=dict)  # URI -> digest, of those that are pinned

    def handler(self, provider: str, type_name: str, tell: Tell = silent) -> Handler | None:
        return self.provider(provider).handler(type_name, tell)

    def scan(self, provider: str, rules: RunRules, read: TreeRead) -> Tree | list[Misfit]:
        """What a run of a provider reads: files of this machine, or what the provider lists."""
        return self.provider(provider).listing(read) if read.kind == "listing" else rules.scan(read)

    def executor(self, provider: str, desired: Object) -> Executor:
        return self.provider(provider).executor(desired)

    def executor_of(self, run: Run) -> Executor:
        """The executor that launched a run, whatever the configuration says now."""
        return self.provider(run.provider).executor({"executor": run.executor})
