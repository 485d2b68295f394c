"""The composition root: one project on disk with its language, state, providers and engine put together.

The engine is handed its edges here; commands talk to nothing below this module but core and render.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from planform import __version__
from planform.backends import backend_for
from planform.backends.encryption import Codec
from planform.backends.remembered import Displaced, remember, remembered
from planform.core.addresses import Address, provider_kind
from planform.core.backend import Backend, Session
from planform.core.configuration import Configuration, SourceFile
from planform.core.deeds import plan_id
from planform.core.errors import Diagnosed, Diagnostic, PlanformError, PlanStale, Problems, did_you_mean
from planform.core.executor import Executor
from planform.core.guards import Prices
from planform.core.plan import Plan
from planform.core.reporter import Reporter
from planform.core.secrets import sealed, sealer
from planform.core.state import Entry, Forgotten, Record, Recorded, Run, RunDropped, RunRecorded, Snapshot
from planform.core.values import Object, Sealed, Value, leaves, same
from planform.engine.costs import instances_of
from planform.engine.edges import Edges
from planform.engine.importing import import_entry, importable
from planform.engine.instances import recorded_attributes
from planform.engine.lookup import read_data
from planform.engine.moves import moved_snapshot, moves_of
from planform.engine.observe import Observation, definitions, observe, read_live, read_progress, without_artifacts
from planform.engine.places import provider_of
from planform.engine.planner import PlanOptions
from planform.engine.planner import plan as make_plan
from planform.engine.prerequisites import with_prerequisites, with_remains
from planform.language.description import described
from planform.language.expand import expand
from planform.language.files import DiskFiles
from planform.language.modules import load
from planform.language.prices import FILE as PRICES_FILE
from planform.language.prices import parse_prices, read_prices
from planform.language.scope import Evaluation
from planform.language.sources import ModuleSources, read_pins
from planform.language.variables import NO_VALUE, variable_values
from planform.policies.files import read_policies
from planform.resources import schemas
from planform.wiring import edges_for, provider_settings, settings_of

if TYPE_CHECKING:
    from planform.engine.applier import Outcome


@dataclass(frozen=True, slots=True)
class Options:
    """Where the project is and what the command line says about it."""

    folder: Path
    workspace: str = "default"
    var_files: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    parallelism: int = 10
    lock_timeout: float = 0.0


@dataclass(frozen=True, slots=True)
class Project:
    """A configuration with everything it needs to be planned and applied."""

    options: Options
    configuration: Configuration
    evaluation: Evaluation
    files: DiskFiles
    backend: Backend
    edges: Edges
    created_at: str
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def codec(self) -> Codec:
        """How plans are written."""
        return Codec(self.configuration.encryption)

    def snapshot(self) -> Snapshot:
        return self.backend.read()

    @contextmanager
    def locked(self, operation: str) -> Iterator[Session]:
        """The state in our hands; the folder remembers where it is."""
        with self.backend.lock(operation, self.options.lock_timeout) as session:
            self.remember_backend()
            yield session

    def remember_backend(self) -> None:
        remember(self.options.folder.resolve(), self.options.workspace, self.configuration.backend)

    def objects(self, snapshot: Snapshot) -> dict[Address, Object]:
        """What is recorded, trainers with what their runs export."""
        return {
            address: recorded_attributes(record, snapshot.ledger) for address, record in snapshot.state.records.items()
        }

    def recorded_evaluation(self) -> Evaluation:
        """An evaluation in which resources are worth what is recorded of them."""
        evaluation = self.evaluation.fresh()
        read_data(self.configuration, evaluation, self.edges)
        for address, item in self.objects(self.backend.read()).items():
            if address in self.configuration.instances:
                evaluation.set(address, item)
        return evaluation

    def plan(
        self,
        *,
        targets: tuple[str, ...] = (),
        excludes: tuple[str, ...] = (),
        refresh_only: bool = False,
        replace: tuple[str, ...] = (),
        retry: tuple[str, ...] = (),
        run: tuple[str, ...] = (),
        retry_failed: bool = False,
        destroy: bool = False,
        refresh: bool = True,
        policy: tuple[str, ...] | None = (),
        reviewed: Plan | None = None,
        reporter: Reporter | None = None,
    ) -> Plan:
        """Desired, recorded and live compared, judged by the policies of the files and those of `policy` (None: by none
        at all). Reads; changes nothing.

        To be compared with a `reviewed` first plan it takes the lineage and the salt that were minted for that one.

        Raises:
            Diagnosed: what is wrong with the files.
            StateDamaged: the state cannot be trusted.
        """
        reporter = reporter or Reporter()
        prices = None if destroy or refresh_only else read_prices(self.configuration, self.files)
        options = PlanOptions(targets, excludes, replace, retry, run, retry_failed, destroy, refresh_only, prices)
        if refresh_only:
            _refuse_beside_refresh_only(options, refresh)
        snapshot, problems = self.backend.read(), Problems()
        if reviewed is not None and reviewed.fresh and not snapshot.exists:
            state = snapshot.state._replace(lineage=reviewed.lineage, salt=reviewed.salt)
            snapshot = snapshot._replace(state=state)
        moves = moves_of(self.configuration, snapshot.state.records, problems)
        problems.raise_if_any()
        snapshot = moved_snapshot(snapshot, moves)
        observation = observe(
            self.configuration, self.evaluation.fresh(), snapshot, self.edges, refresh=refresh, reporter=reporter
        )
        planned = self._plan(snapshot, observation, options, reporter)
        corrected = without_artifacts(planned, observation, self.edges)
        if corrected is not None:
            planned = self._plan(snapshot, corrected, options, reporter)
        planned = with_remains(with_prerequisites(planned, self.configuration, self.edges), self.edges)
        planned = self._with_sources(_with_moves(planned, moves))
        planned = planned._replace(id=plan_id(planned))
        return planned if policy is None else self._judged(planned, policy)

    def _judged(self, plan: Plan, given: Sequence[str]) -> Plan:
        """The plan with what policies say of it, and their digests."""
        policies, digests = read_policies(self.configuration, given)
        if not policies:
            return plan
        from planform.policies.rego import judge
        from planform.render.plan_json import plan_json

        plan = plan._replace(policies=tuple(policies), files={**plan.files, **digests})
        return plan._replace(findings=judge(policies, plan_json(self.described(plan))))

    def _plan(self, snapshot: Snapshot, observation: Observation, options: PlanOptions, reporter: Reporter) -> Plan:
        return make_plan(
            self.configuration,
            self.evaluation.fresh(),
            snapshot,
            observation,
            self.edges,
            options,
            version=__version__,
            created_at=self.created_at,
            reporter=reporter,
        )

    def _with_sources(self, plan: Plan) -> Plan:
        seal = sealer(plan.salt)
        private = {
            source.path: seal(source.text, ("source", source.path))
            for source in self.configuration.sources
            if source.path in self.configuration.private_sources
        }
        return plan._replace(
            files=dict(self.files.digests), private_sources=private, warnings=(*self.warnings, *plan.warnings)
        )

    def described(self, plan: Plan) -> Plan:
        """The plan with its configuration, as tools that read the JSON form of plans want it."""
        return plan._replace(described=described(self.evaluation.module, self.configuration, provider_settings()))

    def apply(
        self,
        plan: Plan,
        *,
        reporter: Reporter | None = None,
        detach: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Make the plan true.

        Raises:
            Diagnosed, PlanStale, StateError: before anything is touched.
        """
        check_permitted(plan)
        from planform.engine.applier import Outcome
        from planform.engine.applier import apply as apply_plan

        reporter = reporter or Reporter()
        plan = self._with_secret_data(plan)
        reporter.planned(plan)
        self.resume_queues()
        if plan.is_empty:
            return Outcome(snapshot=self.record_progress())
        self.remember_backend()
        return apply_plan(
            plan,
            self.configuration,
            self.evaluation.fresh(),
            self.backend,
            self.edges,
            reporter,
            parallelism=self.options.parallelism,
            detach=detach,
            lock_timeout=self.options.lock_timeout,
            stop=stop,
        )

    def _with_secret_data(self, plan: Plan) -> Plan:
        """A saved plan has only digests of what is sensitive in data: it is read again, and must be what it was."""
        if not any(isinstance(leaf, Sealed) for item in plan.data.values() for leaf in leaves(item)):
            return plan
        data, seal = read_data(self.configuration, self.evaluation.fresh(), self.edges), sealer(plan.salt)
        for address, item in data.items():
            if not same(sealed(item, seal, ("data", str(address))), plan.data.get(address)):
                raise PlanStale(
                    f"What {address} says changed after the plan was made.",
                    suggestion="Make a new plan: planform plan --out FILE",
                )
        return plan._replace(data=data)

    def import_object(self, text: str, object_id: str) -> Record:
        """Record an object that exists, for a resource that the files declare.

        Raises:
            PlanformError: there is no such resource or object, or it is recorded already.
        """
        address = importable(self.configuration, self.edges, text)
        with self.locked("import") as session:
            snapshot = session.snapshot()
            entry = import_entry(self.configuration, self.edges, snapshot, address, object_id)
            if not snapshot.exists:
                session.write(snapshot.state, snapshot.ledger)
            session.append([entry])
            session.fold()
        return entry.record

    def confirm_run(self, run: Run) -> None:
        """From now on an imported run may be reused (S8.3)."""
        with self.locked("confirm run") as session:
            session.append([RunRecorded(run._replace(adopted=False))])
            session.fold()

    def resume_queues(self, *, tidy: bool = False) -> None:
        """Start what a reboot left queued (S7.1); with `tidy` also take away what ended runs left behind."""
        executors = {
            (run.provider, run.executor): run
            for runs in self.backend.read().ledger.runs.values()
            for run in runs
            if run.active or tidy
        }
        for run in executors.values():
            self.edges.executor_of(run).resume()

    def record_progress(self) -> Snapshot:
        """Write down how active runs have gone on, if any have."""
        snapshot = self.backend.read()
        if not progress_entries(snapshot, self.edges):
            return snapshot
        with self.locked("record progress") as session:
            session.append(progress_entries(session.snapshot(), self.edges))
            session.fold()
            return session.snapshot()

    def refresh(self, reporter: Reporter | None = None) -> Snapshot:
        """Write down what is live: changed and vanished objects, and the progress of runs."""
        with self.locked("refresh") as session:
            snapshot = session.snapshot()
            records = snapshot.state.records
            entries: list[Entry] = list(progress_entries(snapshot, self.edges))
            for address, live in read_live(list(records.values()), self.edges, reporter or Reporter()).items():
                record = records[address]
                if live is None:
                    entries.append(Forgotten(address))
                elif {**record.object, **live} != record.object:
                    needs = snapshot.state.dependencies.get(str(address.resource), ())
                    entries.append(Recorded(record._replace(object={**record.object, **live}), needs))
            if entries:
                session.append(entries)
                session.fold()
            return session.snapshot()

    def permissions(self, role: str) -> str | None:
        """The IAM policy of `plan`, `apply` or `job` for what the files declare; None when nothing of it is on AWS."""
        from planform.providers.aws.clients import Clients
        from planform.providers.aws.needs import needs_of
        from planform.providers.aws.permissions import policy

        items = {**self.configuration.instances, **self.configuration.data}
        chosen = {address: item for address, item in items.items() if provider_kind(item.provider) == "aws"}
        if not chosen:
            return None
        for _ in definitions(self.configuration, self.evaluation, self.edges):
            pass  # what others take of them is known then
        bodies = [(address.kind, self.evaluation.body(item)) for address, item in chosen.items()]
        names = {item.provider.partition("@")[0] for item in chosen.values()}
        settings = [self.configuration.provider_settings.get(name, {}) for name in sorted(names)]
        kind, state = self.configuration.backend
        bucket = str(state.get("bucket", "")) if kind == "s3" else ""
        region = settings_of(self.configuration, min(item.provider for item in chosen.values())).get("region")
        partition = Clients({"region": region}).partition()  # nobody's credentials are needed for that
        return policy(role, needs_of(bodies, settings, bucket)._replace(partition=partition))  # type: ignore[arg-type]

    def prices_file(self) -> tuple[Path, Prices | None]:
        """Where the prices of this project are, and what they are; None before there are any."""
        setting = self.configuration.prices
        path = self.options.folder / (setting.path if setting is not None else PRICES_FILE)
        return path, parse_prices(SourceFile(str(path), path.read_text())) if path.exists() else None

    def priced_instances(self) -> set[tuple[str, str]]:
        """Region and type of the instances that trainers on AWS use, as far as it is known before planning.

        Raises:
            ProviderError: such a trainer works in no region.
        """
        from planform.providers.aws.pricing import region_of

        return {
            (region_of(settings_of(self.configuration, provider_of(instance))), kind)
            for _, instance, desired in definitions(self.configuration, self.evaluation, self.edges)
            if provider_kind(provider_of(instance)) == "aws"
            for kind, _ in instances_of(desired)
            if kind is not None
        }

    def run_folder(self, run: Run) -> Path:
        """Where a run has its place on this machine, wherever it ran."""
        from planform.providers.local.files import run_folder

        return run_folder(self.options.folder.resolve(), run.address, run.number, run.id)

    def executor_for(self, run: Run) -> Executor:
        return self.edges.executor_of(run)

    def current_components(self, address: Address) -> dict[str, str] | None:
        """The digest inputs of a trainer as the files have them now; None when one is known only after apply."""
        instance = self.configuration.instances.get(address)
        if instance is None or not self.edges.schemas[address.type].has_runs:
            trainers = [str(item) for item in self.configuration.instances if self.edges.schemas[item.type].has_runs]
            raise PlanformError(
                f"There is no trainer {address} in the files.", suggestion=did_you_mean(str(address), trainers)
            )
        changes = self.plan(targets=(str(address),), refresh=False, policy=None).changes
        run = next(change.run for change in changes if change.address == address)
        return dict(run.components) if run is not None and run.digest else None


def _refuse_beside_refresh_only(options: PlanOptions, refresh: bool) -> None:
    """Raises PlanformError when something is asked for that a plan which touches nothing cannot do."""
    asked = {
        "--refresh=false": not refresh,
        "--destroy": options.destroy,
        "--replace": options.replace,
        "--retry": options.retry or options.retry_failed,
        "--run": options.run,
    }
    refused = [option for option, value in asked.items() if value]
    if refused:
        raise PlanformError(
            f"--refresh-only cannot be combined with {', '.join(refused)}.",
            "It looks at what is live and records it; nothing is made, run or taken away.",
            "Make two plans: first with --refresh-only, then without.",
        )


def _with_moves(plan: Plan, moves: Mapping[Address, Address]) -> Plan:
    """The plan with the old address at each change that has one."""
    if not moves:
        return plan
    before = {new: old for old, new in moves.items()}
    changes = tuple(
        change._replace(moved_from=before[change.address]) if change.address in before else change
        for change in plan.changes
    )
    return plan._replace(changes=changes, moves=moves)


def check_permitted(plan: Plan) -> None:
    """Raises:
    Diagnosed: the plan is over a limit that nobody accepted, or a policy denies it.
    """
    from planform.render.guards import refusals

    if plan.is_refused:
        raise Diagnosed(refusals(plan))


def progress_entries(snapshot: Snapshot, edges: Edges) -> list[Entry]:
    """Ledger entries for active runs whose status or metrics are not as recorded."""
    now, _ = read_progress(snapshot.ledger, edges)
    entries: list[Entry] = []
    for address, runs in snapshot.ledger.runs.items():
        current = {run.id: run for run in now.of(address)}
        for run in runs:
            if run.id not in current:
                entries.append(RunDropped(run))
            elif current[run.id] != run:
                entries.append(RunRecorded(current[run.id]))
    return entries


def open_project(
    options: Options,
    sources: Mapping[str, str] | None = None,
    variables: Mapping[str, Value] | None = None,
    created_at: str = "",
) -> Project:
    """Read and check the files of a project; from a saved plan, its stored sources and variable values.

    Raises:
        Diagnosed: everything that is wrong, at once.
    """
    folder = options.folder.resolve()
    types = schemas()
    module = load(str(folder), types, sources, provider_settings())
    warnings = module.warnings
    if variables is None:
        variables, said = variable_values(
            module, str(folder), options.workspace, options.var_files, options.variables, os.environ
        )
        warnings += said
    created_at = created_at or datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    files = DiskFiles(str(folder), (item.folder for item in module.walk()))
    configuration, evaluation = expand(module, variables, options.workspace, files, created_at)
    kind, settings = configuration.backend
    return Project(
        options=options,
        configuration=configuration,
        evaluation=evaluation,
        files=files,
        backend=_backend(kind, settings, folder, options.workspace, Codec(configuration.encryption)),
        edges=edges_for(configuration, folder, options.workspace),
        created_at=created_at,
        warnings=warnings,
    )


def _backend(kind: str, settings: Object, folder: Path, workspace: str, codec: Codec) -> Backend:
    backend = backend_for(kind, settings, folder, workspace, codec)
    known = remembered(folder).get(workspace)
    if known is None or known == (kind, settings):
        return backend
    before = backend_for(*known, folder, workspace)
    gone = known[0] == "local" and not Path(before.location).exists()
    return backend if gone or before.location == backend.location else Displaced(backend, before)


def migrate_states(folder: Path, *, copy: bool) -> Mapping[str, tuple[str, str, int]]:
    """Take the states of all workspaces along to the backend that the files name now; without `copy` only remember the
    new one. Workspace -> old place, new place, and how many resources were taken along.

    Raises:
        PlanformError: at the new place is another state already.
    """
    folder = folder.resolve()
    done: dict[str, tuple[str, str, int]] = {}
    for workspace, known in sorted(remembered(folder).items()):
        configuration = open_recorded(Options(folder, workspace)).configuration
        now, codec = configuration.backend, Codec(configuration.encryption)
        before, backend = (backend_for(*item, folder, workspace, codec) for item in (known, now))
        if known == now or before.location == backend.location:
            continue
        count = _migrated(before, backend) if copy else 0
        remember(folder, workspace, now)
        done[workspace] = (before.location, backend.location, count)
    return done


def _migrated(before: Backend, backend: Backend) -> int:
    with before.lock("migrate") as session:
        snapshot = session.snapshot()
        if not snapshot.exists:
            return 0
        with backend.lock("migrate") as other:
            there = other.snapshot()
            arrived = there.state.lineage == snapshot.state.lineage and there.state.serial >= snapshot.state.serial
            if there.exists and not arrived:
                raise PlanformError(
                    f"At {backend.location} is another state already, with {len(there.state.records)} resources.",
                    f"The state of this folder is at {before.location}, with {len(snapshot.state.records)} resources.",
                    "Name another place in the backend block, or go on with what is there: planform init --reconfigure",
                )
            if not arrived:
                replace_state(other, snapshot)
    before.remove("migrate")
    return len(snapshot.state.records)


def replace_state(session: Session, snapshot: Snapshot) -> None:
    """Put a whole snapshot in place of what is there, with what is uncertain in it."""
    session.write(snapshot.state, snapshot.ledger)
    if snapshot.uncertain:
        session.append(list(snapshot.uncertain))
    session.fold()


def open_recorded(options: Options, sources: Mapping[str, str] | None = None) -> Project:
    """A project to look at, not to plan: required variables may be missing, and are unknown then. `sources`: texts that
    are not on disk, or not yet.

    Raises:
        Diagnosed: everything else that is wrong.
    """
    try:
        return open_project(options, sources)
    except Diagnosed as error:
        if any(item.severity == "error" and not item.summary.startswith(NO_VALUE) for item in error.problems):
            raise
        return open_project(options, sources, variables={})


def fetch_modules(folder: Path, *, upgrade: bool = False) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Make sure that the modules of a project are there: those fetched now and those pinned, repository -> commit.

    Raises:
        Diagnosed: one cannot be fetched, or the files are wrong.
    """
    root = str(folder.resolve())
    sources = ModuleSources(root, upgrade=upgrade)
    load(root, schemas(), None, provider_settings(), sources)
    return sources.fetched, read_pins(root)


def aws_settings(folder: Path, workspace: str) -> Object:
    """The settings of provider `aws` of the project in a folder; none where there is no project, or none that can be
    read without values for its variables."""
    if not any(folder.glob("*.pf.yaml")):
        return {}
    try:
        return settings_of(open_recorded(Options(folder, workspace)).configuration, "aws")
    except Diagnosed:
        return {}
