"""Options and fixtures for all tests."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import fake_aws
from tests.fake_aws import FakeAws
from tests.fakes.image import image
from tests.fakes.picture import Picture, picture
from tests.fakes.s3 import CREDENTIALS, S3, serving


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


@pytest.fixture(scope="session")
def docker_image() -> str:
    """An image to run jobs in. Without an Engine tests that need one are skipped, unless PLANFORM_DOCKER_REQUIRED."""
    import docker
    from docker.errors import DockerException

    why = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the package forgets a socket that nobody answers at
        try:
            client = docker.from_env()
            client.ping()
        except DockerException as error:
            why = f"Docker does not answer: {str(error)[:80]}"
        gc.collect()
    if why and os.environ.get("PLANFORM_DOCKER_REQUIRED"):
        pytest.fail(why)
    if why:
        pytest.skip(why)
    return image(client)


@pytest.fixture(scope="session")
def chromium() -> Callable[..., Picture]:
    """Opens a page and tells what it looks like. Without a browser tests that need one are skipped, unless
    PLANFORM_CHROMIUM_REQUIRED."""
    found = next(filter(None, map(shutil.which, ("/usr/bin/chromium", "chromium", "chromium-browser"))), None)
    if found is None:
        why = "there is no chromium (Debian: apt-get install chromium)"
        (pytest.fail if os.environ.get("PLANFORM_CHROMIUM_REQUIRED") else pytest.skip)(why)

    def look(page: Path, width: int = 800, height: int = 520, *, dark: bool = False) -> Picture:
        with tempfile.TemporaryDirectory() as folder:
            shot = Path(folder) / "page.png"
            quiet = ("gpu", "quic", "background-networking", "component-update", "sync")
            command = [found, "--headless", "--no-sandbox", "--no-first-run", "--hide-scrollbars"]
            command += [f"--disable-{name}" for name in quiet]
            command += [f"--user-data-dir={folder}/profile", f"--window-size={width},{height}", f"--screenshot={shot}"]
            command += ["--blink-settings=preferredColorScheme=0"] if dark else []
            subprocess.run([*command, page.absolute().as_uri()], check=True, capture_output=True, timeout=60)
            return picture(shot.read_bytes())

    return look


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """A bucket of S3, empty, with credentials in the environment."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    s3_server.empty()
    return s3_server
