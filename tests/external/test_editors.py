"""The schema in yaml-language-server, over stdio as editors talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.external.language_server import Server
from tests.test_cases import run_planform

pytestmark = pytest.mark.external

HEAD = "# yaml-language-server: $schema=planform.schema.json\n"
QUEUE = """resource:
  job_queue:
    main:
      priority: 1
      service_environment_order: ["${service_environment.cpu.arn}"]
      state: ENABLED
      
"""
WRONG = """resource:
  job_queue:
    main:
      priorty: 1
      service_environment_order: "${local.order}"
      state: ON
  trainr: {}
"""


@pytest.fixture(scope="module")
def server(npm: Callable[[str], Path]) -> Iterator[Server]:
    running = Server(npm("yaml-language-server@1.25.0"))
    yield running
    running.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    assert run_planform(capsys, "schema", "--out", "planform.schema.json")[0] == 0
    return tmp_path


def opened(server: Server, folder: Path, text: str) -> str:
    path = folder / "main.pf.yaml"
    path.write_text(HEAD + text)
    return server.open(path)


def test_what_is_right_is_not_flagged(server: Server, folder: Path) -> None:
    assert server.problems(opened(server, folder, QUEUE)) == []


def test_mistakes_are_flagged_and_expressions_are_not(server: Server, folder: Path) -> None:
    told = server.problems(opened(server, folder, WRONG))
    assert any("priorty" in text for text in told)
    assert any("ENABLED" in text for text in told)
    assert any("trainr" in text for text in told)
    assert not any("local.order" in text for text in told)


def test_keys_and_values_are_completed(server: Server, folder: Path) -> None:
    uri = opened(server, folder, QUEUE)
    keys = server.completions(uri, 7, 6)
    assert {"tags", "name", "lifecycle", "for_each"} <= set(keys)
    assert "priority" not in keys
    assert {"ENABLED", "DISABLED"} <= set(server.completions(uri, 6, 13))


def test_hovering_explains(server: Server, folder: Path) -> None:
    told = server.hover(opened(server, folder, QUEUE), 4, 8)
    assert "Queues that share an environment: higher goes first." in told
    assert "Default: `1`" in told
