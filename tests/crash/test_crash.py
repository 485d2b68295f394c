"""Kill -9 at boundaries and at random moments: nothing is lost, nothing is done twice, everything can be read.

`make crash` kills at every boundary; here it is every second one of a local state, every fifth of one in S3.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.harness import Crashes, random_kills
from tests.fakes.s3 import S3

# The victims end by os._exit and never touch what another thread of the test runner may hold.
pytestmark = [pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"), pytest.mark.slow]


@pytest.fixture(params=["local", "s3"])
def crashes(request: pytest.FixtureRequest, tmp_path: Path) -> Crashes:
    server: S3 | None = request.getfixturevalue("s3") if request.param == "s3" else None
    return Crashes(tmp_path / "project", server)


@pytest.mark.parametrize("part", range(3))
def test_random_kills(crashes: Crashes, part: int) -> None:
    trials, longest = (3, 0.8) if crashes.s3 else (10, 0.2)
    tally = random_kills(crashes, trials, longest, seed=part)
    assert tally.clean, "\n".join(tally.notes)
    assert tally.finished < tally.trials


@pytest.mark.parametrize("part", range(3))
def test_boundaries(crashes: Crashes, part: int) -> None:
    """The parts take turns, so that they can run side by side."""
    stride = 5 if crashes.s3 else 2
    boundary = part * stride
    while crashes.kill_at(boundary):
        boundary += 3 * stride
    assert crashes.tally.clean, "\n".join(crashes.tally.notes)
    assert crashes.tally.trials > 2  # the writes of S3 are fewer where time passes faster
