"""`data.service_environment`: a service environment that somebody else owns."""

from __future__ import annotations

from planform.resources import service_environment
from planform.resources.data import lookup

SCHEMA = lookup(
    service_environment.SCHEMA, "A service environment that exists already, owned by another team or another state."
)
