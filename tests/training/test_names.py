"""Names of runs and jobs."""

import re

import pytest

from planform.training.names import job_name, run_id


def test_a_run_id_is_short_and_says_where_what_and_which_time():
    ids = {run_id(*parts) for parts in [("l", "a", "d", 1), ("m", "a", "d", 1), ("l", "b", "d", 1), ("l", "a", "d", 2)]}
    assert len(ids) == 4
    assert all(re.fullmatch("[a-z0-9]{8}", item) for item in ids)
    assert run_id("l", "a", "d", 1) == run_id("l", "a", "d", 1)


@pytest.mark.parametrize(
    ("base", "name"),
    [
        pytest.param("digits", "digits-abcd2345", id="short"),
        pytest.param("digits-default-digits-fast", "digits-default-abcd2345-digits-fast", id="the rest follows"),
        pytest.param("digits_default", "digits-default-abcd2345", id="characters"),
        pytest.param("--a..b--", "a-b-abcd2345", id="ends"),
        pytest.param("", "run-abcd2345", id="nothing"),
        pytest.param("äöü", "run-abcd2345", id="nothing left"),
        pytest.param("averyveryverylongword-x", "averyveryveryl-abcd2345-x", id="a long word"),
        pytest.param("a-" + "x" * 80, "a-abcd2345-" + "x" * 52, id="at most 63"),
        pytest.param("a-" + "x" * 51 + "-b", "a-abcd2345-" + "x" * 51, id="no hyphen at the end"),
    ],
)
def test_job_name(base, name):
    made = job_name(base, "abcd2345")
    assert made == name
    assert made.index("abcd2345") + 8 <= 23
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", made)
