"""`--terraform-names`: a plan's JSON form with the types that Terraform's providers have for the same things (S8.1).

Rules written for `aws_batch_job_queue` or `terraform_data` then fire on planform's plans. Types without a twin stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TYPES: Mapping[str, str] = {
    "job_queue": "aws_batch_job_queue",
    "scheduling_policy": "aws_batch_scheduling_policy",
    "planform_data": "terraform_data",
    "s3_bucket": "aws_s3_bucket",
}
_ADDRESS = re.compile(rf"(?<![\w-])({'|'.join(TYPES)})(?=\.)")
_ADDRESSES = ("address", "previous_address", "to_display", "resource", "references")
_OBJECTS = (
    *("before", "after", "after_unknown", "before_sensitive", "after_sensitive"),
    *("values", "sensitive_values", "expressions"),
)


def terraform_names(form: Any) -> Any:
    """The document, or a part of it, renamed."""
    if isinstance(form, list):
        return [terraform_names(item) for item in form]
    return {key: _part(key, value, form) for key, value in form.items()} if isinstance(form, dict) else form


def _part(key: str, value: Any, holder: Mapping[str, Any]) -> Any:
    if key == "type" and "name" in holder and isinstance(value, str):
        return TYPES.get(value, value)
    if (key in _ADDRESSES and isinstance(value, (str, list))) or (key == "after" and "verb" in holder):
        return _renamed(value)
    if key in _OBJECTS and isinstance(value, dict):
        return terraform_names(value) if key == "expressions" else value
    return terraform_names(value)


def _renamed(value: Any) -> Any:
    if isinstance(value, str):
        return _ADDRESS.sub(lambda found: TYPES[found.group(1)], value)
    return [_renamed(item) for item in value] if isinstance(value, list) else value
