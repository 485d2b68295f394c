"""Options and fixtures for all tests."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests import fake_aws
from tests.chromium import BROWSERS, Chromium
from tests.fake_aws import FakeAws
from tests.fakes.image import image, large_image
from tests.fakes.packages import NotToBeHad, distributed_packages, python_with
from tests.fakes.s3 import CREDENTIALS, S3, serving


@pytest.fixture(autouse=True)
def screen_of_100_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed must not depend on the terminal that tests run in."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("CI", raising=False)


def pytest_configure() -> None:
    # Each process that tests start would compile planform anew where the environment keeps Python from caching bytecode.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # How long an example takes says how busy the machine is.
    settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="Rewrite expected files with what is printed now.")


@pytest.fixture
def bless(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--bless"))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def aws_server() -> Iterator[FakeAws]:
    with fake_aws.serving() as server:
        yield server


@pytest.fixture
def aws(aws_server: FakeAws, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """An account of AWS, empty but for its default bucket; this process and those it starts reach no other."""
    for name, value in aws_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    aws_server.reset()
    aws_server.calls()
    return aws_server


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def not_here(why: str, required: str) -> NoReturn:
    """Skip a test, but not where a variable says that what it needs must be there."""
    if os.environ.get(required):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def docker_client() -> Any:
    """The Engine of this machine. Without one tests that need it are skipped, unless PLANFORM_DOCKER_REQUIRED."""
    import docker
    from docker.errors import DockerException

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the package forgets a socket that nobody answers at
        try:
            client = docker.from_env()
            client.ping()
            return client
        except DockerException as error:
            why = f"Docker does not answer: {str(error)[:80]}"
        gc.collect()
    not_here(why, "PLANFORM_DOCKER_REQUIRED")


@pytest.fixture(scope="session")
def docker_image(docker_client: Any) -> str:
    """An image to run jobs in."""
    return image(docker_client)


@pytest.fixture(scope="session")
def large_packages() -> Path:
    """A folder with torch and mpi4py. Where they or Open MPI are not to be had tests are skipped, unless
    PLANFORM_DISTRIBUTED_REQUIRED."""
    try:
        packages = distributed_packages()
    except NotToBeHad as error:
        not_here(f"torch and mpi4py cannot be installed: {error}", "PLANFORM_DISTRIBUTED_REQUIRED")
    if not (shutil.which("mpirun") and shutil.which("orted")):
        not_here("there is no Open MPI: apt-get install openmpi-bin", "PLANFORM_DISTRIBUTED_REQUIRED")
    return packages


@pytest.fixture(scope="session")
def large_docker_image(docker_client: Any, large_packages: Path) -> str:
    """An image with torch, mpi4py and Open MPI."""
    if not shutil.which("dpkg"):
        not_here("the image is made of Debian's packages", "PLANFORM_DISTRIBUTED_REQUIRED")
    return large_image(docker_client, large_packages)


@pytest.fixture(scope="session")
def large_python(large_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with torch and mpi4py."""
    return python_with(large_packages, tmp_path_factory.mktemp("python"))


@pytest.fixture(scope="session")
def chromium() -> Chromium:
    """A browser. Where there is none tests that need it are skipped, unless PLANFORM_TESTS_REQUIRE_CHROMIUM."""
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None and os.environ.get("PLANFORM_TESTS_REQUIRE_CHROMIUM"):
        pytest.fail("PLANFORM_TESTS_REQUIRE_CHROMIUM is set, and there is no Chromium")
    if program is None:
        pytest.skip("Chromium is not installed")
    return Chromium(program)


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """A bucket of S3, empty, with credentials in the environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    s3_server.empty()
    return s3_server
