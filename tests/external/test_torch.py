"""Real torch: torchrun on two nodes that are processes of this machine, and a sum over all ranks by gloo."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_cases import run_planform

pytestmark = pytest.mark.external

SCRIPT = """
import os, torch, torch.distributed as dist
dist.init_process_group("gloo")
value = torch.tensor([float(dist.get_rank())])
dist.all_reduce(value)
print("rank %d of %d: sum %d" % (dist.get_rank(), dist.get_world_size(), value.item()), flush=True)
dist.destroy_process_group()
"""
MODULE = """
planform: {{name: torch, default_provider: local}}
provider: {{local: {{max_instances: 2, process: {{python: "{python}"}}}}}}
resource:
  trainer:
    t:
      training_image: {{framework: pytorch, version: "2.5.1"}}
      compute: {{instance_count: 2}}
      source_code: {{source_dir: src, entry_script: train.py}}
      distributed: {{torchrun: {{process_count_per_node: 2}}}}
"""


def test_all_reduce(
    tool: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tool("torch==2.13.0") / "python"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(SCRIPT)
    (tmp_path / "main.pf.yaml").write_text(MODULE.format(python=python))
    code, out, err = run_planform(capsys, "apply", "-y")
    assert code == 0, out + err
    said = "".join(path.read_text() for path in tmp_path.glob(".planform/runs/*/*/logs/*.log"))
    assert sorted(re.findall(r"rank (\d) of 4: sum 6", said)) == ["0", "1", "2", "3"]


def test_the_example_of_distributed_training(
    tool: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tool("torch==2.13.0") / "python"
    shutil.copytree(Path(__file__).parents[2] / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path / "examples" / "distributed-local")
    code, out, err = run_planform(capsys, "apply", "-y", "--var", "executor=process", "--var", f"python={python}")
    assert code == 0, out + err
    assert re.search(r"accuracy 0\.9\d", out)
    said = "".join(path.read_text() for path in Path.cwd().glob(".planform/runs/*/*/logs/*.log"))
    assert "processes=4" in said
