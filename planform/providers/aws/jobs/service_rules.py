"""The rules of SageMaker that no shape of its API holds: fields against each other, and against settings."""

from __future__ import annotations

from collections.abc import Iterator

from planform.core.errors import did_you_mean
from planform.core.schemas import Misfit
from planform.core.values import AttributePath, Object, Sensitive, Value, has_sensitive, is_wholly_known, reveal
from planform.providers.aws.clients import Clients
from planform.providers.aws.jobs.request import OWN_DISKS
from planform.training.definition import inputs, mapping, plain


def rules(clients: Clients, desired: Object) -> Iterator[Misfit]:
    """What SageMaker refuses of a trainer for more than one field's sake."""
    if desired.get("role") is None and not clients.settings.get("role"):
        yield Misfit(
            (),
            "A job on AWS needs a role: what it may read and write.",
            suggestion="Set role here, or provider.aws.role for all trainers.",
        )
    compute, stopping = mapping(desired, "compute"), mapping(desired, "stopping_condition")
    groups = compute.get("instance_groups")
    first = groups[0] if isinstance(groups, list) and groups and isinstance(groups[0], dict) else compute
    kind = reveal(first.get("instance_type"))
    if isinstance(kind, str) and kind.startswith("local"):
        why = f'"{kind}" is this machine, not an instance of AWS.'
        yield Misfit(("compute", "instance_type"), why, suggestion="Name an instance type, such as ml.m5.xlarge.")
    spot = compute.get("enable_managed_spot_training")
    if spot is True and stopping.get("max_wait_time_in_seconds") is None:
        yield Misfit(
            ("compute", "enable_managed_spot_training"),
            "Spot training needs stopping_condition.max_wait_time_in_seconds: how long waiting and running may take.",
        )
    for name, reference in mapping(desired, "secrets").items():
        if isinstance(reference, dict) and reference.get("env") is not None:
            yield Misfit(
                ("secrets", name, "env"),
                "A job on AWS cannot see the environment of who applies.",
                suggestion="Keep it in Secrets Manager or Parameter Store: {secretsmanager: ARN} or {ssm: NAME}.",
            )
    yield from _warm(compute)
    yield from _keys(compute, groups if isinstance(groups, list) else [compute])
    yield from _isolated(clients.settings, desired)
    yield from _groups(desired, groups)
    yield from _preemption(desired)
    yield from _in_clear(desired)
    yield from _channels(clients.settings, desired)
    image = desired.get("training_image")
    if isinstance(image, dict):
        from planform.training.images import misfits

        for misfit in misfits(image, clients.region(), kind if isinstance(kind, str) else "ml.m5.xlarge"):
            yield misfit._replace(path=("training_image", *misfit.path))


def _in_clear(desired: Object) -> Iterator[Misfit]:
    """Secrets that whoever may describe the job could read (S6.3)."""
    if desired.get("allow_plaintext") is True:
        return
    for field in ("environment", "hyperparameters", "request"):
        whole = desired.get(field)
        items = whole.items() if isinstance(whole, dict) else [("", whole)] if isinstance(whole, Sensitive) else ()
        for name, value in items:
            if has_sensitive(value):
                path: AttributePath = (field, name) if name else (field,)
                yield Misfit(
                    path,
                    "A sensitive value would stand in clear in the description of the job.",
                    suggestion="Pass it by reference in secrets, or set allow_plaintext: true.",
                )


def _channels(settings: Object, desired: Object) -> Iterator[Misfit]:
    for item in inputs(desired):
        source = item.source
        mode = item.settings.get("input_mode") or desired.get("training_input_mode") or "File"
        for name in ("compression_type", "record_wrapper_type"):
            if item.settings.get(name) not in (None, "None") and mode in ("File", "FastFile"):
                why = f'Channel "{item.name}": {name} is for Pipe mode only, not for {mode} mode.'
                advice = "Remove it, or set input_mode: Pipe on the channel."
                yield Misfit(("input_data", item.name, name), why, suggestion=advice)
        if isinstance(source, str) and "://" in source and not source.startswith("s3://"):
            why = f'Channel "{item.name}": SageMaker reads s3:// URIs, not {source}.'
            yield Misfit(item.attribute, why)
        if not isinstance(source, dict):
            continue
        in_vpc = "subnets" in network(settings, desired)
        if (
            source.get("file_system_data_source") is not None
            and not in_vpc
            and is_wholly_known(desired.get("networking"))
        ):
            yield Misfit(
                (*item.attribute, "file_system_data_source"),
                f'Channel "{item.name}": a file system is mounted from inside its VPC.',
                suggestion="Set networking: {subnets: [...], security_group_ids: [...]} here or in provider.aws.",
            )
        kind = mapping(source, "s3_data_source").get("s3_data_type")
        if kind == "AugmentedManifestFile" and mode in ("File", "FastFile"):
            yield Misfit(
                (*item.attribute, "s3_data_source", "s3_data_type"),
                f'Channel "{item.name}": an augmented manifest is delivered in Pipe mode only, not in {mode} mode.',
                suggestion="Set input_mode: Pipe on the channel.",
            )


def _groups(desired: Object, groups: Value) -> Iterator[Misfit]:
    """Channels for groups of instances that there are not."""
    known = [plain(group.get("instance_group_name")) for group in groups or () if isinstance(group, dict)]
    for item in inputs(desired):
        source = item.source if isinstance(item.source, dict) else {}
        for index, name in enumerate(plain(mapping(source, "s3_data_source").get("instance_group_names")) or ()):
            if isinstance(name, str) and is_wholly_known(groups) and name not in known:
                yield Misfit(
                    (*item.attribute, "s3_data_source", "instance_group_names", index),
                    f'Channel "{item.name}": there is no instance group "{name}".',
                    suggestion=did_you_mean(name, [text for text in known if isinstance(text, str)])
                    or "compute.instance_groups names them.",
                )


def _preemption(desired: Object) -> Iterator[Misfit]:
    if desired.get("preemption_configuration") is not None and desired.get("quota_share") is None:
        why = "Only jobs of a quota share make room for others."
        yield Misfit(("preemption_configuration",), why, suggestion="Remove it, or name the quota_share.")


def network(settings: Object, desired: Object) -> Object:
    """The network of a job: what the provider says of all, over it the trainer's own."""
    return {**(settings.get("networking") or {}), **mapping(desired, "networking")}


def _warm(compute: Object) -> Iterator[Misfit]:
    """Instances are kept warm only of one kind and on demand (SageMaker managed warm pools)."""
    keep = plain(compute.get("keep_alive_period_in_seconds"))
    if not isinstance(keep, (int, float)) or keep == 0:
        return
    for name, what in (("enable_managed_spot_training", "spot instances"), ("instance_groups", "instance groups")):
        if plain(compute.get(name)):
            path = ("compute", "keep_alive_period_in_seconds")
            yield Misfit(path, f"{what[0].upper()}{what[1:]} are not kept warm.", suggestion=f"Remove it, or {name}.")


def _keys(compute: Object, groups: list[Value]) -> Iterator[Misfit]:
    kinds = [plain(group.get("instance_type")) for group in groups if isinstance(group, dict)]
    own = [kind for kind in kinds if isinstance(kind, str) and OWN_DISKS.match(kind)]
    if compute.get("volume_kms_key_id") is not None and own:
        yield Misfit(
            ("compute", "volume_kms_key_id"),
            f"{own[0]} has disks of its own, which its hardware encrypts: SageMaker takes no key for them.",
            suggestion="Remove it.",
        )


def _isolated(settings: Object, desired: Object) -> Iterator[Misfit]:
    if network(settings, desired).get("enable_network_isolation") is not True:
        return
    for name, reference in mapping(desired, "secrets").items():
        if isinstance(reference, dict) and reference.get("env") is None:
            yield Misfit(
                ("secrets", name),
                "A container without a network cannot fetch a secret.",
                "networking.enable_network_isolation is set.",
                "Put the secret's value where the container finds it, or let it have a network.",
            )
