"""Jobs of several nodes and processes, with real torch and real Open MPI, alike in every executor."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .conftest import Job, Told, on

TWO_BY_TWO = {"compute": {"instance_count": 2}, "large": True}
TORCHRUN = {"torchrun": {"process_count_per_node": 2}}
MPI = {"mpi": {"process_count_per_node": 2}}

ALL_REDUCE = """
import os, warnings
warnings.simplefilter("ignore")
import torch, torch.distributed as dist
dist.init_process_group("gloo")
value = torch.tensor([float(dist.get_rank())])
dist.all_reduce(value)
print("rank %d of %d on %s: sum %d" % (dist.get_rank(), dist.get_world_size(), os.environ["SM_CURRENT_HOST"], value.item()), flush=True)
if "SM_HP_FAIL" in os.environ and dist.get_rank() == 0:
    raise ValueError("rank 0 will not go on")
dist.barrier()  # where the others lose it
dist.destroy_process_group()
"""


def said(told: Told, pattern: str) -> set[tuple[str, ...]]:
    """What is found in the logs of both hosts."""
    return set(re.findall(pattern, told.log("algo-1") + told.log("algo-2")))


def test_torchrun_on_two_nodes_sums_over_all_ranks(job: Job, executor: str) -> None:
    each = 1 if executor == "cloud" else 2
    told = job({"train.py": ALL_REDUCE}, distributed={"torchrun": {"process_count_per_node": each}}, **TWO_BY_TWO)
    ranks = range(2 * each)
    wanted = {(str(rank), str(len(ranks)), f"algo-{1 + rank // each}", str(sum(ranks))) for rank in ranks}
    assert said(told, r"rank (\d) of (\d) on (algo-\d): sum (\d)") == wanted
    assert told.record["exit_codes"] == {"algo-1": 0, "algo-2": 0}


@on("process")
def test_the_rank_that_raised_first_is_why_torchrun_failed(job: Job) -> None:
    how: dict[str, Any] = {"distributed": TORCHRUN, "hyperparameters": {"fail": True}, "large": True}
    told = job({"train.py": ALL_REDUCE}, code=1, **how)
    assert told.failure.splitlines()[0] == "torchrun exited with code 1: ValueError: rank 0 will not go on"
    assert "[rank1]:" in told.log()
    assert "ChildFailedError" not in told.failure


@on("docker")
def test_without_torch_there_is_no_torchrun(job: Job) -> None:
    told = job({"train.py": ""}, code=1, distributed=TORCHRUN)
    assert "there is no torchrun, and no package torch" in told.failure


RANKS = """
import json, os, tempfile
from mpi4py import MPI
world = MPI.COMM_WORLD
seen = {"size": world.size, "sum": world.allreduce(world.rank), "host": os.environ["SM_CURRENT_HOST"],
        "host_rank": os.environ["SM_CURRENT_HOST_RANK"], "user": os.environ["USER_SAYS"],
        "token": len(os.environ.get("TOKEN", "")), "temporary": tempfile.gettempdir(),
        "at_home": os.path.samefile(".", os.environ["SM_SOURCE_DIR"])}
with open(os.path.join(os.environ["SM_MODEL_DIR"], "told-%d.json" % world.rank), "w") as file:
    json.dump(seen, file)
"""


def test_mpi_with_two_hosts_and_two_ranks_each(job: Job, executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rank has the variables and the folders of its own host, and what the user has set for all."""
    monkeypatch.setenv("MY_TOKEN", "hunter2-and-more")
    secrets = {} if executor == "cloud" else {"secrets": {"TOKEN": {"env": "MY_TOKEN"}}}
    words = 'it\'s "so" $HOME and on'
    told = job({"train.py": RANKS}, distributed=MPI, environment={"USER_SAYS": words}, **secrets, **TWO_BY_TWO)
    assert {rank: (seen["host"], seen["host_rank"]) for rank, seen in told.hosts.items()} == {
        "0": ("algo-1", "0"), "1": ("algo-1", "0"), "2": ("algo-2", "1"), "3": ("algo-2", "1"),
    }  # fmt: skip
    assert {(seen["size"], seen["sum"], seen["at_home"], seen["user"]) for seen in told.hosts.values()} == {
        (4, 6, True, words)
    }
    assert {seen["token"] for seen in told.hosts.values()} == {16 if secrets else 0}
    if executor == "process":  # Open MPI on two hosts of one machine makes no folder that the other one makes too
        assert len({seen["temporary"] for seen in told.hosts.values()}) == 2
    assert told.record["exit_codes"] == {"algo-1": 0, "algo-2": 0}  # the other stayed until the first was done


@on("process", "docker")
def test_a_rank_that_raises_ends_all_of_mpi(job: Job) -> None:
    script = (
        "from mpi4py import MPI\n"
        "if MPI.COMM_WORLD.rank == 3:\n    raise ValueError('no more')\n"
        "MPI.COMM_WORLD.barrier()\n"
    )
    told = job({"train.py": script}, code=1, distributed=MPI, **TWO_BY_TWO)
    assert "ValueError: no more" in told.failure.splitlines()[0]
    assert "raise ValueError('no more')" in told.failure


@on("process", "docker")
def test_ranks_of_mpi_have_time_to_save_their_work(job: Job) -> None:
    script = (
        "import os, signal, time\n"
        "def bye(*_):\n    time.sleep(1.2)\n    print('saved', os.environ['OMPI_COMM_WORLD_RANK'] + '.', flush=True)\n"
        "    raise SystemExit(0)\n"
        "signal.signal(signal.SIGTERM, bye)\nprint('up', flush=True)\nwhile True: time.sleep(0.05)\n"
    )
    told = job(
        {"train.py": script}, code=1, distributed=MPI, stopping_condition={"max_runtime_in_seconds": 12}, **TWO_BY_TWO
    )
    assert told.record["status"] == "stopped"
    assert sorted(re.findall(r"\d(?=\.)", told.log())) == ["0", "1", "2", "3"]


LATE = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
if os.environ.get("SAGEMAKER_BASE_DIR", os.uname().nodename).endswith("algo-2"):
    time.sleep(60)
"""


def test_a_node_that_never_joins_is_named_soon(job: Job) -> None:
    never_joins(job, TORCHRUN)


@on("process")
def test_a_node_that_never_joins_an_mpi_job(job: Job) -> None:
    never_joins(job, MPI)


def never_joins(job: Job, distributed: dict[str, Any]) -> None:
    # Python imports it before anything else.
    late = {"PYTHONPATH": "/opt/ml/input/data/code:input/data/code", "PLANFORM_JOIN_SECONDS": "1"}
    files = {"train.py": "", "sitecustomize.py": LATE}
    told = job(files, code=1, distributed=distributed, environment=late, **TWO_BY_TWO)
    assert told.failure == ("The hosts of the job did not stay together: algo-2 did not join within 1 seconds\n")
