"""What the executor `docker` makes of what an Engine says; with a real one: `tests/stories/test_docker.py`."""

from types import SimpleNamespace

import pytest
from docker.errors import APIError, DockerException

from planform.providers.local import docker
from planform.providers.local.container import cause

PULL = [
    {"status": "Pulling from library/img", "id": "1.2"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "a"},
    {"status": "Downloading", "progressDetail": {"current": 1_000_000, "total": 4_000_000}, "id": "a"},
    {"status": "Downloading", "progressDetail": {"current": 500_000, "total": 6_000_000}, "id": "b"},
    {"status": "Download complete", "progressDetail": {}, "id": "a"},
    {"status": "Extracting", "progressDetail": {"current": 1, "total": 2}, "id": "a"},
]


def engine(events):
    asked = []

    def pull(repository, tag, **settings):
        asked.append((repository, tag))
        return iter(events)

    return asked, SimpleNamespace(api=SimpleNamespace(pull=pull))


def test_a_pull_tells_how_far_it_is(monkeypatch):
    monkeypatch.setattr(docker, "TELL_SECONDS", 0.0)
    told = []
    asked, client = engine(PULL)
    docker.pulled(client, "img:1.2", None, told.append)
    assert asked == [("img", "1.2")]
    assert list(dict.fromkeys(told)) == [
        "pulling img:1.2",
        "pulling img:1.2: 1 of 4 MB",
        "pulling img:1.2: 2 of 10 MB",
        "pulling img:1.2: 4 of 10 MB",
    ]


@pytest.mark.parametrize(
    ("image", "asks"),
    [
        ("img", ("img", "latest")),
        ("localhost:5000/team/img", ("localhost:5000/team/img", "latest")),
        ("img@sha256:ab", ("img", "sha256:ab")),
    ],
)
def test_what_is_asked_for(image, asks):
    asked, client = engine([])
    docker.pulled(client, image, None, lambda text: None)
    assert asked == [asks]


def test_a_pull_that_fails_on_its_way():
    _, client = engine([*PULL, {"error": "unexpected EOF"}])
    with pytest.raises(DockerException, match="unexpected EOF"):
        docker.pulled(client, "img", None, lambda text: None)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionError("('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))"), "No such file or directory"),
        (APIError("500", explanation='could not select device driver "" with capabilities: [[gpu]]'), "the Engine has no GPUs to give"),
        (APIError("400", explanation="Minimum memory limit allowed is 6MB."), "Minimum memory limit allowed is 6MB"),
    ],
)  # fmt: skip
def test_the_cause_of_an_error_is_said_without_its_layers(error, says):
    assert cause(error).startswith(says)
    assert "'" not in cause(error)
