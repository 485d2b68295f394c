"""What each host starts, how hosts stay together, and secrets by reference: the files that run beside user code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

RUNTIME = Path(__file__).parents[2] / "planform" / "runtime"


@pytest.fixture(autouse=True)
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files find each other by their plain names, as beside user code."""
    monkeypatch.syspath_prepend(str(RUNTIME))
    for name in ("PLANFORM_JOIN_PORT", "PLANFORM_JOIN_SECONDS"):
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

    return plan(driver, SCRIPT, environment, folder, outer)


def test_torchrun(programs: Path) -> None:
    program(programs, "torchrun")
    start = started({"torchrun": {"process_count_per_node": 4}}, told())
    assert start.command[1:] == [
        "--nnodes=2", "--nproc_per_node=4", "--master_addr=algo-1", "--master_port=7777", "--node_rank=1",
        "train.py", "--a", "1",
    ]  # fmt: skip
    assert start.variables["SM_DISTRIBUTED_DRIVER_DIR"] == "distributed_drivers"  # of the folder that is given
    assert start.variables["NCCL_SOCKET_IFNAME"] == start.variables["GLOO_SOCKET_IFNAME"] == "eth0"
    assert (start.joins, start.leads) == (True, False)
    alone = told(SM_HOST_COUNT="1", SM_HOSTS='["algo-1"]', SM_NUM_GPUS="8")
    assert started({"torchrun": {}}, alone).command[1:3] == ["--nnodes=1", "--nproc_per_node=8"]
    assert "NCCL_SOCKET_IFNAME" not in started({"torchrun": {}}, alone).variables
    compiling = started({"torchrun": {}}, alone, RUN_NEURON_PARALLEL_COMPILE="1").command
    assert compiling == ["neuron_parallel_compile", *started({"torchrun": {}}, alone).command]


def test_what_the_user_has_set_stays_and_adapters_are_used(
    programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import distributed

    program(programs, "torchrun")
    large = told(SM_CURRENT_INSTANCE_TYPE="ml.p5.48xlarge")
    monkeypatch.setattr(distributed, "ADAPTERS", str(tmp_path / "none"))
    assert "FI_PROVIDER" not in started({"torchrun": {}}, large).variables  # a type is only a name here
    monkeypatch.setattr(distributed, "ADAPTERS", str(tmp_path))
    start = started({"torchrun": {}}, large, NCCL_PROTO="LL")
    assert "NCCL_PROTO" not in start.variables
    assert start.variables["FI_PROVIDER"] == "efa"
    assert start.variables["FI_EFA_USE_DEVICE_RDMA"] == "1"
    assert "FI_PROVIDER" not in started({"torchrun": {}}, large, PLANFORM_JOIN_PORT="1").variables


def test_mpi(programs: Path) -> None:
    from distributed import NoDriver

    with pytest.raises(NoDriver, match="there is no mpirun"):
        started({"mpi": {}}, told(SM_CURRENT_HOST_RANK="0"))
    program(programs, "mpirun")
    options = {"mpi": {"process_count_per_node": 2, "mpi_additional_options": ["-v"]}}
    start = started(options, told(), OMPI_MCA_btl_tcp_if_include="eth1")
    text = " ".join(start.command)
    assert "mpirun --allow-run-as-root -np 4 --host algo-1:2,algo-2:2 " in text
    assert " -v /bin/sh -c " in text  # what the user says comes last
    assert " ".join(SCRIPT[-3:]) in text
    assert " -x " not in text  # each rank has the variables of its own host
    assert (start.joins, start.leads) == (True, True)
    assert start.variables["OMPI_MCA_oob_tcp_if_include"] == "eth0"
    assert "OMPI_MCA_btl_tcp_if_include" not in start.variables
    alone = told(SM_HOST_COUNT="1", SM_HOSTS='["algo-1"]', SM_CURRENT_HOST_RANK="0")
    assert "--host localhost:2" in " ".join(started(options, alone).command)


@pytest.mark.parametrize(
    ("script", "starts"),
    [(SCRIPT, [*SCRIPT[:2], "-m", "mpi4py", *SCRIPT[2:]]), (["/bin/sh", "train.sh"], ["/bin/sh", "train.sh"])],
)
def test_python_runs_under_mpi4py_where_that_is(
    programs: Path, monkeypatch: pytest.MonkeyPatch, script: list[str], starts: list[str]
) -> None:
    from distributed import plan

    program(programs, "mpirun")
    (programs / "mpi4py").mkdir()
    (programs / "mpi4py" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(programs))
    command = plan({"mpi": {}}, script, told(), "", {}).command
    assert command[-len(starts) :] == starts


def test_a_driver_that_is_not_there(tmp_path: Path) -> None:
    from distributed import NoDriver

    with pytest.raises(NoDriver, match=r"driver\.py is not in driver_dir"):
        started({"custom": {"driver_script": "driver.py"}}, told(), str(tmp_path))


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def never() -> int:
    return 0


@pytest.fixture
def kept() -> Iterator[ExitStack]:
    """Takes connections, and closes them in the end."""
    with ExitStack() as stack:
        yield stack


def joining(kept: ExitStack, server: socket.socket, *hosts: str) -> list[socket.socket]:
    """Hosts that come to the first one."""
    from join import come  # type: ignore[import-not-found]

    return [kept.enter_context(come(host, server.getsockname(), 20, never)) for host in hosts]


def gathered(kept: ExitStack, server: socket.socket, *hosts: str) -> dict[str, socket.socket]:
    from join import gather

    found = gather(server, hosts, 20, never)
    return {host: kept.enter_context(connection) for host, connection in found.items()}


def test_hosts_meet_and_are_told_what_to_do(server: socket.socket, kept: ExitStack) -> None:
    from join import order, tell

    others = joining(kept, server, "algo-3", "stranger", "algo-2")
    joined = gathered(kept, server, "algo-2", "algo-3")
    assert set(joined) == {"algo-2", "algo-3"}
    tell(joined.values(), "run a command")
    tell(joined.values(), "end 7")
    for other in (others[0], others[2]):
        assert [order(other, never), order(other, never)] == [("run", "a command"), ("end", "7")]


def test_a_host_that_never_joins_is_named_to_all(server: socket.socket, kept: ExitStack) -> None:
    from join import Lost, come, gather, order

    (other,) = joining(kept, server, "algo-2")
    with pytest.raises(Lost, match="algo-3, algo-4 did not join within 1 seconds"):
        gather(server, ["algo-2", "algo-3", "algo-4"], 1.0, never)
    with pytest.raises(Lost, match="algo-3, algo-4 did not join within 1 seconds"):
        order(other, never)
    server.close()
    with pytest.raises(Lost, match="algo-1 did not come within 0 seconds"):
        come("algo-2", server_address(), 0.0, never)


def server_address() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return ("127.0.0.1", probe.getsockname()[1])


def test_who_is_asked_to_end_waits_no_longer(server: socket.socket, kept: ExitStack) -> None:
    from join import come, gather, order

    assert come("algo-2", server_address(), 20, lambda: 15) is None
    assert gather(server, ["algo-2"], 20, lambda: 15) == {}
    assert order(joining(kept, server, "algo-2")[0], lambda: 15) == ("", "")


def test_a_first_host_that_goes_without_a_word(server: socket.socket, kept: ExitStack) -> None:
    from join import Lost, left, order

    (other,) = joining(kept, server, "algo-2")
    joined = gathered(kept, server, "algo-2")
    assert not left(other)
    joined["algo-2"].close()
    assert left(other)
    with pytest.raises(Lost, match="algo-1 went away without a word"):
        order(other, never)


def test_an_agent_runs_a_command_where_it_is_told(
    server: socket.socket, kept: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mpirun's agent borrows the connection of a host; the first host has none, and is here."""
    from agent import lending  # type: ignore[import-not-found]
    from join import order, tell

    (other,) = joining(kept, server, "algo-2")
    for name in ("OMPI_MCA_plm_rsh_agent", "PRTE_MCA_plm_ssh_agent"):
        monkeypatch.delenv(name, raising=False)
    with lending(gathered(kept, server, "algo-2")) as variables:
        agent = [*variables["OMPI_MCA_plm_rsh_agent"].split(), "algo-2", "echo", '"a  b"', ";", "exit 3"]
        started = subprocess.Popen(agent, env={**os.environ, **variables})
        assert order(other, never) == ("run", json.dumps('echo "a  b" ; exit 3'))
        tell([other], "3")
        assert started.wait(20) == 3
        here = [*agent[:2], "algo-1", *agent[3:]]
        done = subprocess.run(here, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (3, "a  b\n")
    assert not Path(variables["PLANFORM_LENDER"]).parent.exists()


AWS = """#!/bin/sh
case "$*" in
  *no-such*) echo "An error occurred (ResourceNotFoundException)" >&2; exit 254;;
  *loud*) echo '{"SecretString": "from the keeper"'; exit 0;;
  *quotes*) echo "denied; the last one was: from the keeper" >&2; exit 254;;
  *binary*) echo '{"SecretBinary": "ZnJvbSB0aGUga2VlcGVy"}';;
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


@pytest.mark.parametrize(
    ("kind", "where", "says"),
    [
        ("secretsmanager", "loud", "the aws command gave no JSON"),
        ("secretsmanager", "binary", "it holds no text"),
        ("ssm", "quotes", "denied; the last one was: (sensitive value)"),
    ],
)
def test_no_error_quotes_a_secret(tmp_path: Path, kind: str, where: str, says: str) -> None:
    program(tmp_path, "aws", AWS)
    keeper = {"secretsmanager": "arn:aws:secretsmanager:eu-west-1:1:secret:t"}
    said = fetch({"A": keeper, "B": {kind: where}}, tmp_path)
    assert said.stderr.strip() == f"secrets.B: {where}: {says}"
    assert said.stdout == ""
