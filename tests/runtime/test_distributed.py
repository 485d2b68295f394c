"""What each host starts, how hosts stay together, and secrets by reference: the files that run beside user code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

RUNTIME = Path(__file__).parents[2] / "planform" / "runtime"


@pytest.fixture(autouse=True)
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files find each other by their plain names, as beside user code."""
    monkeypatch.syspath_prepend(str(RUNTIME))
    for name in ("PLANFORM_JOIN_PORTS", "PLANFORM_JOIN_SECONDS"):
        monkeypatch.delenv(name, raising=False)


def told(**more: str) -> dict[str, str]:
    return {
        "SM_HOSTS": '["algo-1", "algo-2"]',
        "SM_HOST_COUNT": "2",
        "SM_CURRENT_HOST_RANK": "1",
        "SM_MASTER_ADDR": "algo-1",
        "SM_MASTER_PORT": "7777",
        "SM_NUM_GPUS": "0",
        "SM_NUM_NEURONS": "0",
        "SM_NETWORK_INTERFACE_NAME": "eth0",
        "SM_CURRENT_INSTANCE_TYPE": "ml.m5.xlarge",
        **more,
    }


def program(folder: Path, name: str, text: str = "#!/bin/sh\n") -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


SCRIPT = [sys.executable, "-u", "train.py", "--a", "1"]


def started(driver: dict[str, Any], environment: dict[str, str], folder: str = "", **outer: str) -> Any:
    from distributed import plan  # type: ignore[import-not-found]

    return plan(driver, SCRIPT, environment, folder, {}, outer)


def test_torchrun(programs: Path) -> None:
    program(programs, "torchrun")
    start = started({"torchrun": {"process_count_per_node": 4}}, told())
    assert start.command[1:] == [
        "--nnodes=2", "--nproc_per_node=4", "--master_addr=algo-1", "--master_port=7777", "--node_rank=1",
        "train.py", "--a", "1",
    ]  # fmt: skip
    assert start.variables["NCCL_SOCKET_IFNAME"] == "eth0"
    alone = told(SM_HOST_COUNT="1", SM_HOSTS='["algo-1"]', SM_NUM_GPUS="8")
    assert started({"torchrun": {}}, alone).command[1:3] == ["--nnodes=1", "--nproc_per_node=8"]
    assert "NCCL_SOCKET_IFNAME" not in started({"torchrun": {}}, alone).variables


def test_what_the_user_has_set_stays_and_adapters_are_used(programs: Path) -> None:
    program(programs, "torchrun")
    start = started({"torchrun": {}}, told(SM_CURRENT_INSTANCE_TYPE="ml.p5.48xlarge"), NCCL_PROTO="LL")
    assert "NCCL_PROTO" not in start.variables
    assert start.variables["FI_PROVIDER"] == "efa"
    assert start.variables["FI_EFA_USE_DEVICE_RDMA"] == "1"


def test_mpi(programs: Path) -> None:
    from distributed import NoDriver

    with pytest.raises(NoDriver, match="there is no mpirun"):
        started({"mpi": {}}, told(SM_CURRENT_HOST_RANK="0"))
    program(programs, "mpirun")
    first = started(
        {"mpi": {"process_count_per_node": 2, "mpi_additional_options": ["-v"]}}, told(SM_CURRENT_HOST_RANK="0")
    )
    text = " ".join(first.command)
    assert " -np 4 --host algo-1:2,algo-2:2 -mca btl_tcp_if_include eth0" in text
    assert text.endswith(f"-v {' '.join(SCRIPT)}")
    assert first.joins
    other = started({"mpi": {}}, told())
    assert (other.command, other.joins) == ([], True)


def test_a_driver_that_is_not_there(tmp_path: Path) -> None:
    from distributed import NoDriver

    with pytest.raises(NoDriver, match=r"driver\.py is not in driver_dir"):
        started({"custom": {"driver_script": "driver.py"}}, told(), str(tmp_path))


def free() -> tuple[str, int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return ("127.0.0.1", probe.getsockname()[1])


def test_hosts_meet_and_are_told_the_end() -> None:
    from join import dismiss, gather, wait_for_first  # type: ignore[import-not-found]

    addresses, codes = [free(), free()], {}
    others = [
        Thread(target=lambda place=place: codes.update({place: wait_for_first(place, 20, lambda: 0)}))
        for place in addresses
    ]
    for thread in others:
        thread.start()
    dismiss(gather(["algo-2", "algo-3"], addresses, 20, lambda: 0), 7)
    for thread in others:
        thread.join(20)
    assert set(codes.values()) == {7}
    assert len(codes) == 2


def test_a_host_that_never_joins_is_named() -> None:
    from join import Lost, gather, wait_for_first

    with pytest.raises(Lost, match="algo-2, algo-3 did not join within 0 seconds"):
        gather(["algo-2", "algo-3"], [free(), free()], 0.0, lambda: 0)
    with pytest.raises(Lost, match="algo-1 did not come within 0 seconds"):
        wait_for_first(free(), 0.0, lambda: 0)
    assert wait_for_first(free(), 20, lambda: 15) == 143  # asked to end while it waits


def test_a_first_host_that_goes_without_a_word() -> None:
    from join import Lost, gather, wait_for_first

    place, seen = free(), []

    def wait() -> None:
        try:
            wait_for_first(place, 20, lambda: 0)
        except Lost as error:
            seen.append(str(error))

    thread = Thread(target=wait)
    thread.start()
    (connection,) = gather(["algo-2"], [place], 20, lambda: 0)
    connection.close()
    thread.join(20)
    assert seen == ["algo-1 went away without a word"]


AWS = """#!/bin/sh
case "$*" in
  *no-such*) echo "An error occurred (ResourceNotFoundException)" >&2; exit 254;;
  "secretsmanager get-secret-value --secret-id arn:aws:secretsmanager:eu-west-1:1:secret:t --output json --region eu-west-1")
    echo '{"SecretString": "from the keeper"}';;
  "ssm get-parameter --with-decryption --name /team/token --output json") echo '{"Parameter": {"Value": "from the store"}}';;
  *) echo "what? $*" >&2; exit 2;;
esac
"""


def fetch(references: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """In a Python without boto3, as an image may have it."""
    code = (
        "import json, sys\n"
        f"sys.path[:0] = [{str(RUNTIME)!r}]\n"
        "sys.modules['boto3'] = None\n"
        "from secrets_by_reference import NoSecret, fetched\n"
        "try:\n    print(json.dumps(fetched(json.loads(sys.argv[1]))))\n"
        "except NoSecret as error:\n    sys.exit(str(error))\n"
    )
    words = [sys.executable, "-c", code, json.dumps(references)]
    environment = {"PATH": f"{folder}:{os.defpath}"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_secrets_by_reference(tmp_path: Path) -> None:
    keeper = {"secretsmanager": "arn:aws:secretsmanager:eu-west-1:1:secret:t"}
    if not (Path("/usr/bin/aws").exists() or Path("/bin/aws").exists()):
        assert "the image has neither boto3 nor the aws command" in fetch({"A": keeper}, tmp_path).stderr
    program(tmp_path, "aws", AWS)
    done = fetch({"A": keeper, "B": {"ssm": "/team/token"}}, tmp_path)
    assert json.loads(done.stdout) == {"A": "from the keeper", "B": "from the store"}
    said = fetch({"C": {"ssm": "no-such"}}, tmp_path).stderr
    assert "secrets.C: no-such: An error occurred (ResourceNotFoundException)" in said
