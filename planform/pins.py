"""What a project uses that others may change, written into the lock file: images and models."""

from __future__ import annotations

from planform.core.addresses import provider_kind
from planform.core.executor import DocumentRead
from planform.core.values import Object
from planform.engine.observe import definitions
from planform.engine.places import provider_of
from planform.language.lock import read_lock, write_lock
from planform.project import Project
from planform.wiring import images_of, settings_of


def pin_models(project: Project, *, upgrade: bool) -> list[str]:
    """Write the models that trainers use into the lock file; a line on each.

    Raises:
        PlanformError: there is no such model.
    """
    from planform.providers.aws.hub import pinned

    folder = project.options.folder.resolve()
    pins = read_lock(str(folder)).get("jumpstart", {})
    wanted: dict[str, set[DocumentRead]] = {}
    for address, instance, desired in definitions(project.configuration, project.evaluation, project.edges):
        rules, name = project.edges.rules[address.type], provider_of(instance)
        for _, trainer, *_ in rules.trainers(desired):
            if (read := rules.document(trainer)) is not None:
                wanted.setdefault(name if provider_kind(name) == "aws" else "aws", set()).add(read)
    found: dict[str, Object] = {}
    for name, reads in sorted(wanted.items()):
        settings = settings_of(project.configuration, name)
        found |= pinned(settings, sorted(reads), folder, {} if upgrade else pins)
    write_lock(str(folder), "jumpstart", {**pins, **found})
    return [
        f"{key}: {pins[key]['version']} -> {pin['version']}"
        if key in pins and pins[key] != pin
        else f"{key}: {pin['version']}"
        for key, pin in sorted(found.items())
    ]


def pin_images(project: Project, *, upgrade: bool) -> list[str]:
    """Write the digests of the images that runs use into the lock file; a line on each.

    Raises:
        PlanformError: the registry of one does not tell.
    """
    folder = str(project.options.folder.resolve())
    pins, found = images_of(read_lock(folder)), dict[str, str]()
    for address, instance, desired in definitions(project.configuration, project.evaluation, project.edges):
        executor = project.edges.executor(provider_of(instance), desired)
        for _, trainer, *_ in project.edges.rules[address.type].trainers(desired):
            uri = executor.image(trainer)
            if uri and "@" not in uri and uri not in found:
                kept = uri in pins and not upgrade
                found[uri] = pins[uri] if kept else _image_digest(settings_of(project.configuration, "aws"), uri)
    # An image that only another workspace uses stays pinned.
    write_lock(folder, "images", {**pins, **found})
    return [
        f"{uri}: {pins[uri]} -> {digest}" if pins.get(uri, digest) != digest else f"{uri}: {digest}"
        for uri, digest in sorted(found.items())
    ]


def _image_digest(settings: Object, uri: str) -> str:
    from planform.training.images import ECR

    if ECR.fullmatch(uri):
        from planform.providers.aws.fetch import ecr_digest

        return ecr_digest(settings, uri)
    from planform.providers.local.docker import registry_digest

    return registry_digest(uri)
