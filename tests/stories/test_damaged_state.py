"""A state that cannot be trusted is refused with the way back, and left as it is (S5.5)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .conftest import User

STATE = "<folder>/state/default.json"
BACK = f"The newest good backup is of <time>; to go back to it: cp {STATE}.backup {STATE}"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(
            lambda text: "",
            f"Error: The state {STATE} is empty. Something emptied the file; planform never writes it so. {BACK}",
            id="empty",
        ),
        pytest.param(
            lambda text: text[: len(text) // 2],
            f"Error: The state {STATE} is damaged: it ends in the middle. {BACK}",
            id="truncated",
        ),
        pytest.param(
            lambda text: text.replace('"input":1', '"input":7').replace('"input": 1', '"input": 7'),
            f"Error: The state {STATE} was altered: its checksum does not fit its content. A plan against an altered state could destroy what it should keep. {BACK}",
            id="altered",
        ),
        pytest.param(
            lambda text: text.replace('"format": 1', '"format": 99').replace('"format":1', '"format":99'),
            f"Error: The state {STATE} has format 99; this planform knows formats up to 1. It was written by planform 0.1.0, <who> Use that version of planform, or a newer one.",
            id="newer",
        ),
        pytest.param(
            lambda text: '{"version": 4, "terraform_version": "1.11.4"}',
            f"Error: {STATE} is a Terraform state, not a planform state. planform keeps a state of its own. Give the backend another path.",
            id="foreign",
        ),
    ],
)
def test_a_damaged_state_names_the_way_back(user: User, damage: Callable[[str], str], says: str) -> None:
    user.write("planform: {name: x}\nresource:\n  planform_data: {a: {input: 1}}\n")
    user.run("apply", "-y")
    user.edit("input: 1", "input: 2")
    user.run("apply", "-y")
    user.edit("input: 2", "input: 1")
    user.run("apply", "-y")
    state = user.folder / "state" / "default.json"
    damaged = damage(state.read_text())
    assert damaged != state.read_text()
    state.write_text(damaged)
    for words in (["plan"], ["apply", "-y"], ["state", "list"]):
        refused = " ".join(user.run(*words, code=1).split()).replace(str(user.folder), "<folder>")
        refused = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>", refused)
        assert re.sub(r"[\w.]+@\S+?\.? ", "<who> ", refused) == says
    assert state.read_text() == damaged
