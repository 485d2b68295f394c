"""A planned run becomes a job: what it reads is read again and must be what the plan saw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from planform.core.configuration import Configuration
from planform.core.errors import PlanStale
from planform.core.executor import JobSpec, RunName, RunRules, Tree, TreeRead
from planform.core.plan import Change, Plan
from planform.core.schemas import Misfit
from planform.core.secrets import Seal, sealed
from planform.core.state import Run, RunRecorded, Snapshot
from planform.core.values import Object, with_value
from planform.engine.edges import Edges
from planform.engine.names import generated_name
from planform.engine.observe import portable


def launch(
    plan: Plan,
    change: Change,
    planned: Object,
    edges: Edges,
    configuration: Configuration,
    snapshot: Snapshot,
    seal: Seal,
    scan: Callable[[TreeRead], Tree | list[Misfit]],
) -> tuple[Run, JobSpec, RunRecorded]:
    """The run, its job, and the ledger entry that announces it before it is launched (S5.2). `scan` reads a tree again.

    Raises:
        PlanStale: a source tree or data changed since the plan.
    """
    address, rules = change.address, edges.rules[change.address.type]
    folder = configuration.modules[address.module].folder
    produced = {
        run.model_artifacts: run.digest for runs in snapshot.ledger.runs.values() for run in runs if run.model_artifacts
    }
    reads = rules.reads(planned, folder, produced)
    trees = reread(plan, reads, configuration.folder, scan)
    components = rules.components(planned, trees, folder, produced, seal) or {}
    digest = rules.digest(components)
    number = change.run.number if change.run is not None else 1
    run_id = rules.run_id(plan.lineage, str(address), digest, number)
    job_name = rules.job_name(generated_name(plan.name, plan.workspace, address), run_id)
    spec = rules.job_spec(
        _with_own_artifacts(planned, produced, configuration.folder, rules),
        trees,
        folder,
        RunName(run_id, number, str(address), job_name, plan.lineage, plan.workspace),
    )
    executor = edges.executor(change.provider, planned)
    arn = executor.predict(job_name, run_id, str(address)).get("job_arn")
    run = Run(
        id=run_id,
        address=str(address),
        number=number,
        digest=digest,
        components=components,
        job_name=job_name,
        job_arn=arn if isinstance(arn, str) else "",
        provider=change.provider,
        executor=executor.name,
        image=spec.image,
        queue=spec.queue,
        coordinates=plan.coordinates.get(change.provider, {}),
        hyperparameters=sealed(rules.hyperparameters(planned), seal, ("hyperparameters",)),
    )
    return run, spec, RunRecorded(run)


def _with_own_artifacts(planned: Object, produced: Mapping[str, str], root: str, rules: RunRules) -> Object:
    """Artifacts of local runs are named from the root module's folder, whichever module uses them."""
    for place, trainer, *_ in rules.trainers(planned):
        inputs = {
            name: f"{root}/{source}"
            if isinstance(source, str) and source in produced and "://" not in source
            else source
            for name, source in (trainer.get("input_data") or {}).items()
        }
        planned = with_value(planned, (*place, "input_data"), inputs) if inputs else planned
    return planned


def reread(
    plan: Plan, reads: Iterable[TreeRead], root: str, scan: Callable[[TreeRead], Tree | list[Misfit]]
) -> dict[str, Tree]:
    """The trees of a definition, read again.

    Raises:
        PlanStale: one is not as the plan saw it, or can no longer be read.
    """
    trees: dict[str, Tree] = {}
    for read in reads:
        found = scan(read)
        if not isinstance(found, Tree):
            raise PlanStale(f"{read.path} can no longer be read: {found[0].summary}", suggestion="Make a new plan.")
        seen = plan.trees.get(portable(read.key, root), found.digest)
        if seen != found.digest:
            raise PlanStale(
                f"{read.path} changed after the plan was made.",
                f"The plan saw content {seen[:12]}, now it is {found.digest[:12]}.",
                "Make a new plan: planform plan",
            )
        trees[read.key] = found
    return trees
