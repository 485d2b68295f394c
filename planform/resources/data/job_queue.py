"""`data.job_queue`: a job queue that somebody else owns."""

from __future__ import annotations

from planform.resources import job_queue
from planform.resources.data import lookup

SCHEMA = lookup(job_queue.SCHEMA, "A job queue that exists already, owned by another team or another state.")
