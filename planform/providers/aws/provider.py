"""The provider `aws`: its settings, what it makes, and who runs its trainers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planform.core.addresses import Address
from planform.core.executor import Document, DocumentRead, Executor, Tell, Tree, TreeRead, silent
from planform.core.plan import Change
from planform.core.resource import DataSource, Handler, Prerequisite, Provider
from planform.core.schemas import BOOL, NUMBER, STRING, Attribute, Misfit, Nested, OneOf, attributes, list_of, map_of
from planform.core.values import Object
from planform.providers.aws.clients import Clients

_ROLE = Nested(
    attributes(
        role_arn=Attribute(STRING, "The role.", required=True),
        session_name=Attribute(STRING, "How CloudTrail names the session."),
        external_id=Attribute(STRING, "What the role's trust policy asks for."),
    )
)

SETTINGS: Mapping[str, Attribute] = attributes(
    region=Attribute(STRING, "The region; by default that of the AWS configuration."),
    profile=Attribute(STRING, "A profile of the AWS configuration."),
    assume_role=Attribute(OneOf((STRING, _ROLE), "an ARN or {role_arn, ...}"), "A role to work in."),
    allowed_account_ids=Attribute(list_of(STRING), "Refuse to work in any other account."),
    role=Attribute(STRING, "Execution role of trainers that name none: a name or an ARN."),
    default_bucket=Attribute(STRING, "Where code, data and artifacts go; by default sagemaker-<region>-<account>."),
    default_prefix=Attribute(STRING, "What their keys begin with.", default="planform"),
    default_tags=Attribute(map_of(STRING), "Tags of everything that is made."),
    required_tags=Attribute(list_of(STRING), "Keys that tags must have; a plan without one is refused."),
    networking=Attribute(
        Nested(
            attributes(
                subnets=Attribute(list_of(STRING), "Subnets of the VPC."),
                security_group_ids=Attribute(list_of(STRING), "Security groups of the VPC."),
                enable_network_isolation=Attribute(BOOL, "No network calls by the container."),
            )
        ),
        "The network of trainers that name none.",
    ),
    kms_key_id=Attribute(STRING, "Encrypts volumes, artifacts and uploads that name no key."),
    poll_interval_in_seconds=Attribute(
        NUMBER, "How often runs and objects that change are asked how they stand.", default=5, minimum=0
    ),
    timeout_in_seconds=Attribute(
        NUMBER, "How long an object of AWS Batch may take to become valid or to go.", default=600, minimum=1
    ),
)


@dataclass(frozen=True, slots=True)
class AwsProvider:
    """One account and region, as one entry under `provider` configures it."""

    name: str
    root: Path
    settings: Object
    clients: Clients
    pins: Mapping[str, Object]  # of models, from the lock file

    def coordinates(self) -> Mapping[str, str]:
        where = self.clients.where()
        return {"account": where.account, "region": where.region, "partition": where.partition}

    def handler(self, type_name: str, tell: Tell = silent) -> Handler | None:
        from planform.providers.aws.batch import BatchObjects
        from planform.providers.aws.batch_types import KINDS

        return BatchObjects(KINDS[type_name], self.clients, tell) if type_name in KINDS else None

    def data_source(self, type_name: str) -> DataSource | None:
        from planform.providers.aws.data import Models, data_source

        if type_name == "jumpstart_model":
            return Models(self.documents)
        return data_source(type_name, self.clients, self.handler(type_name))

    def documents(self, reads: Sequence[DocumentRead]) -> Mapping[DocumentRead, Document | Misfit]:
        from planform.providers.aws.hub import documents

        return documents(self.clients, reads, self.root, self.pins)

    def review(self, changes: Mapping[Address, Change]) -> list[tuple[Address, Misfit, Address]]:
        from planform.providers.aws.review import misfits

        return misfits(changes)

    def listing(self, read: TreeRead) -> Tree | list[Misfit]:
        from planform.providers.aws.fetch import listing

        return listing(self.clients, read)

    def prerequisites(self, jobs: Mapping[Address, Object]) -> Mapping[Address, Prerequisite | Misfit]:
        from planform.providers.aws.jobs.bucket import prerequisites

        return prerequisites(self.clients, jobs)

    def provide(self, address: Address) -> None:
        from planform.providers.aws.jobs.bucket import provide

        provide(self.clients, address.name)

    def remains(self, objects: Sequence[Object]) -> str:
        from planform.providers.aws.jobs.bucket import remains

        return remains(self.clients, objects)

    def executor(self, desired: Object) -> Executor:
        from planform.providers.aws.jobs.executors import executor_for

        return executor_for(self.clients, desired)


def aws_provider(name: str, settings: Object, root: Path, pins: Mapping[str, Object]) -> Provider:
    """The provider that `name` (`aws`, `aws.eu`, `aws@eu-west-3`) configures. `pins` are the section `jumpstart` of the
    lock file."""
    return AwsProvider(name, root.absolute(), settings, Clients(settings), pins)
