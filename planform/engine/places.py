"""Of one instance: who makes it, and where in the text a problem with it stands."""

from __future__ import annotations

from planform.core.configuration import Instance
from planform.core.errors import Diagnostic
from planform.core.schemas import Misfit
from planform.language.documents import locate
from planform.language.text import diagnostic_at


def provider_of(instance: Instance) -> str:
    return instance.provider or "planform"


def misfit_diagnostic(instance: Instance, misfit: Misfit) -> Diagnostic:
    """A misfit of an instance's body as a diagnostic at its place in the text."""
    place = instance.block.place
    span = locate(place.source, (*place.path, *misfit.path), key=not misfit.path)
    return diagnostic_at(
        place.source, span, misfit.summary, misfit.detail, misfit.suggestion, address=str(instance.address)
    )
