"""Options and fixtures for all tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def screen_of_100_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed must not depend on the terminal that tests run in."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("CI", raising=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="Rewrite expected files with what is printed now.")


@pytest.fixture
def bless(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--bless"))
