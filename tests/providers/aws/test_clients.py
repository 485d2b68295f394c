"""Where a provider's calls go, by its settings and the environment."""

from __future__ import annotations

import pytest

from planform.core.errors import ProviderError
from planform.providers.aws.clients import Clients


@pytest.mark.parametrize(
    ("settings", "environment", "region"),
    [
        ({"region": "eu-west-1"}, {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-1"),
        ({}, {"AWS_REGION": "eu-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-2"),
        ({}, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
        ({}, {}, ""),
    ],
)
def test_the_region(
    settings: dict[str, str], environment: dict[str, str], region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if region:
        assert Clients(settings).region() == region
    else:
        with pytest.raises(ProviderError, match="No AWS region is configured"):
            Clients(settings).region()
